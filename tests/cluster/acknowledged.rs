//! Invalidations that replicas must have before they count.

use std::time::Duration;

use larder::{Cache, Invalidation};
use larder_redis::RedisStore;
use larder_testkit::{RedisCluster, RedisServer};

use crate::stage::{PATIENCE, in_time, name, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_replica_has_is_kept_and_tried_again() {
    in_time(async {
        let primary = RedisServer::start().await;
        let follows = format!("127.0.0.1 {}", primary.port());
        let replica = RedisServer::builder()
            .arg("replicaof", follows)
            .start()
            .await;
        let within = Duration::from_millis(50);
        let builder = RedisStore::builder(primary.url()).wait_for_replicas(1, within);
        let store = open(builder).await;
        let cache = Cache::builder().store(store).time_budget(PATIENCE).build();
        // Until the replica follows.
        while cache
            .invalidate_tags(["tag"])
            .await
            .expect("it is taken or kept")
            == Invalidation::Queued
        {
            cache.settle().await;
        }
        cache
            .set("key", &1_u8)
            .tags(["tag"])
            .await
            .expect("it is stored");

        replica.pause();
        let invalidated = cache.invalidate_tags(["tag"]).await.expect("it is kept");
        assert_eq!(invalidated, Invalidation::Queued);
        assert_eq!(cache.load("key", || async { 2_u8 }).tags(["tag"]).await, 2);
        replica.resume();
        cache.settle().await;
        assert_eq!(replica.ask(&["EXISTS", "larder:v1:#tag:tag"]).await, "0");
        let invalidated = cache.invalidate_tags(["tag"]).await.expect("it is taken");
        assert_eq!(invalidated, Invalidation::Done);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_of_a_cluster_has_replicas_of_its_own() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let within = Duration::from_millis(100);
        let builder = RedisStore::builder(cluster.url()).wait_for_replicas(1, within);
        let store = open(builder).await;
        let cache = Cache::builder().store(store).time_budget(PATIENCE).build();
        let primary = cluster
            .primary_of(cluster.slot_of(&name("key")).await)
            .await;
        let replica = &cluster.nodes()[primary + RedisCluster::PRIMARIES];
        let set = async || cache.set("key", &1_u8).await.expect("it is stored");
        set().await;
        let invalidated = cache.invalidate_key("key").await.expect("it is taken");
        assert_eq!(invalidated, Invalidation::Done);
        set().await;
        replica.pause();
        let invalidated = cache.invalidate_key("key").await.expect("it is kept");
        assert_eq!(invalidated, Invalidation::Queued);
        replica.resume();
        cache.settle().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_replicas_holds_up_no_other_call() {
    in_time(async {
        let server = RedisServer::start().await;
        let within = Duration::from_secs(3_600);
        let store = open(RedisStore::builder(server.url()).wait_for_replicas(1, within)).await;
        let cache = Cache::builder().store(store).time_budget(PATIENCE).build();
        cache.set("key", &1_u8).await.expect("it is stored");
        tokio::select! {
            _ = cache.invalidate_tags(["tag"]) => panic!("there is no replica"),
            () = async {
                for _ in 0..100 {
                    cache.ping().await.expect("it answers");
                }
            } => {}
        }
    })
    .await;
}
