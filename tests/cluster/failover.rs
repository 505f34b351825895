//! Primaries that die.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use larder::Cache;
use larder_redis::RedisStore;
use larder_testkit::RedisCluster;

use crate::stage::{Origin, in_time, name, open};

/// How long one call may wait for the servers.
const BUDGET: Duration = Duration::from_millis(500);

/// A cache whose invalidations are not lost with a primary.
async fn careful(cluster: &RedisCluster) -> Cache {
    let builder = RedisStore::builder(cluster.url());
    let store = open(builder.wait_for_replicas(1, Duration::from_millis(200))).await;
    Cache::builder().store(store).time_budget(BUDGET).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered_while_a_replica_takes_over() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let (here, elsewhere) = (careful(&cluster).await, careful(&cluster).await);
        let keys: Vec<String> = (0..40).map(|number| format!("key:{number}")).collect();
        let slot = cluster.slot_of(&name(&keys[0])).await;
        let dies = cluster.primary_of(slot).await;
        let origin = Origin::default();
        let failing = async {
            origin.meets(500).await;
            cluster.nodes()[dies].kill();
            cluster.until_primary(dies + RedisCluster::PRIMARIES).await;
            // It comes back as a replica, so that what waits for one is not kept for ever.
            cluster.nodes()[dies].restart().await;
            cluster.until_whole().await;
            origin.meets(500).await;
            origin.end();
        };
        let answered = async {
            while origin.goes_on() {
                let asked = Instant::now();
                here.load(keys[0].as_str(), || async { u64::MAX }).await;
                // Three times what the servers have: a loaded machine is late.
                assert!(asked.elapsed() < 3 * BUDGET, "{:?}", asked.elapsed());
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(
            failing,
            answered,
            origin.change(&here),
            origin.read_here(&here, &keys),
            origin.read_elsewhere(&elsewhere, &keys),
        );
        here.settle().await;
        // The new primary serves, and knows the scripts.
        let key = keys[0].as_str();
        here.invalidate_key(key).await.expect("it is taken");
        while here.get::<u64>(key).await.ok().flatten().is_none() {
            here.load(key, || async { 7_u64 }).await;
        }
        assert!(here.stats().errors > 0, "the death was noticed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_says_nothing_is_given_up_when_another_takes_over() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let store = open(RedisStore::builder(cluster.url())).await;
        let budget = Duration::from_millis(100);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        cache.set("key", &1_u8).await.expect("it is stored");
        let slot = cluster.slot_of(&name("key")).await;
        let silent = cluster.primary_of(slot).await;
        cluster.nodes()[silent].pause();
        // Nothing ever fails on this connection: calls are given up by those who make them.
        while cache.get::<u8>("key").await.is_err() {}
        cluster.nodes()[silent].resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_steps_down_costs_no_call() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let store = open(RedisStore::builder(cluster.url())).await;
        let cache = Cache::builder()
            .store(store)
            .time_budget(Duration::from_secs(10))
            .build();
        cache.set("key", &1_u8).await.expect("it is stored");
        let slot = cluster.slot_of(&name("key")).await;
        let primary = cluster.primary_of(slot).await;
        let replica = primary + RedisCluster::PRIMARIES;
        let is_over = AtomicBool::new(false);
        let failing = async {
            cluster.fail_over_to(replica).await;
            cluster
                .until("the others know the new primary", async || {
                    cluster.primary_of(slot).await == replica
                })
                .await;
            is_over.store(true, Ordering::SeqCst);
        };
        let reading = async {
            while !is_over.load(Ordering::SeqCst) {
                let found = cache.get::<u8>("key").await.expect("it answers");
                assert_eq!(found, Some(1));
                cache.set("key", &1_u8).await.expect("it is stored");
            }
        };
        tokio::join!(failing, reading);
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}
