//! When changes may go unheard the watcher knows, before anyone gets an answer that it should doubt.

use std::time::Duration;

use larder::store::{Scopes, Store as _};
use larder_redis::RedisStore;
use larder_testkit::{Fault, FaultProxy, RedisServer};
use redis::aio::MultiplexedConnection;

use crate::stage::{Stage, Told, in_time, send};

/// How many connections there are.
async fn clients(asker: &mut MultiplexedConnection) -> usize {
    let list: String = send(asker, "CLIENT LIST TYPE normal").await;
    list.lines().count()
}

/// Reads until there is an answer.
async fn read(store: &RedisStore) {
    while store.read(":user:7", Scopes::Named(&[])).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_cut_is_told_before_any_later_answer_and_what_follows_is_heard_again() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let mut stage = Stage::behind(&proxy, server.url()).await;
        let mut other = stage.other().await;
        for _ in 0..4 {
            proxy.set(Fault::Cut);
            proxy.set(Fault::None);
            // The usual connection may not have been made yet: then it answers where the link cannot.
            read(&stage.store).await;
            let heard = stage.heard();
            assert_eq!(heard.first(), Some(&Told::Lost));
            if !heard.contains(&Told::Regained) {
                stage.until(&Told::Regained).await;
            }
            assert_eq!(stage.so_far(&mut other).await, []);
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_told_as_a_loss() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        server.pause();
        assert_eq!(stage.next().await, Told::Lost);
        server.resume();
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_told_as_a_loss() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let mut stage = Stage::behind(&proxy, server.url()).await;
        proxy.set(Fault::Blackhole);
        assert_eq!(stage.next().await, Told::Lost);
        proxy.set(Fault::None);
        stage.until(&Told::Regained).await;
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_is_heard_again() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        server.kill();
        assert_eq!(stage.next().await, Told::Lost);
        server.restart().await;
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_the_server_ends_is_a_loss() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let _: u64 = send(&mut other, "CLIENT KILL TYPE normal SKIPME yes").await;
        assert_eq!(stage.next().await, Told::Lost);
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;
    })
    .await;
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_not_believed() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let () = send(&mut other, "REPLICAOF 127.0.0.1 1").await;
        // Its refusal to write is noticed by the call that meets it.
        let refused = stage.store.copy(":user:7", b"entry", None).await;
        refused.expect_err("it is a replica");
        assert_eq!(stage.heard(), [Told::Lost]);
        let () = send(&mut other, "REPLICAOF NO ONE").await;
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;

        // Without a call, too.
        let () = send(&mut other, "REPLICAOF 127.0.0.1 1").await;
        assert_eq!(stage.next().await, Told::Lost);
        let () = send(&mut other, "REPLICAOF NO ONE").await;
        assert_eq!(stage.next().await, Told::Regained);
    })
    .await;
}

#[tokio::test]
async fn links_end_with_their_handle_and_lost_ones_leave_nothing_behind() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut stage = Stage::at(server.url()).await;
        let mut other = stage.other().await;
        let watched = clients(&mut other).await;
        for _ in 0..3 {
            let _: u64 = send(&mut other, "CLIENT KILL TYPE normal SKIPME yes").await;
            stage.until(&Told::Regained).await;
            read(&stage.store).await;
        }
        while clients(&mut other).await > watched {}
        drop(stage);
        while clients(&mut other).await > 1 {}
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_at_first_is_heard_when_it_comes() {
    in_time(async {
        let server = RedisServer::start().await;
        server.kill();
        let builder = RedisStore::builder(server.url()).start_degraded(true);
        let mut stage = Stage::unheard(builder, Some(server.url())).await;
        let missing = stage.store.read(":user:7", Scopes::Named(&[])).await;
        missing.expect_err("it is not there");
        server.restart().await;
        assert_eq!(stage.next().await, Told::Regained);
        hears(&mut stage).await;
    })
    .await;
}

/// What others change is heard, and calls are answered.
async fn hears(stage: &mut Stage) {
    let mut other = stage.other().await;
    let () = send(&mut other, "SET shop:v1::user:7 value").await;
    stage.until(&Told::slot(":user:7")).await;
    let budget = Duration::from_secs(10);
    let read = tokio::time::timeout(budget, read(&stage.store)).await;
    read.expect("it answers");
}
