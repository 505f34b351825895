//! A server that is down, slow, cut off or none at all costs loads, and never a wrong value.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use larder_core::store::Part;
use larder_core::{Cache, Invalidation, Store as _};
use larder_memcached::{ConnectError, MemcachedStore};
use larder_testkit::{Fault, FaultProxy, MemcachedServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::stage::{Stage, cache_on, cache_within, in_time, store_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_back_is_used_again() {
    in_time(async {
        let Stage { server, cache, .. } = &Stage::start().await;
        cache.set("key", &1_u8).await.expect("it is stored");
        server.kill();
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        let queued = cache.invalidate_key("key").await.ok();
        assert_eq!(queued, Some(Invalidation::Queued));

        server.restart().await;
        cache.settle().await;
        assert_eq!(cache.stats().queued_invalidations, 0);
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 3);
        assert_eq!(cache.load("key", || async { 4_u8 }).await, 3);
    })
    .await;
}

/// Many connections, all of them dead: one call finds out for all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_connections_that_a_restart_cut_one_call_fails() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let store = store_on(&server.url()).await;
        let pool = store.pool();
        let mut connections = Vec::new();
        for _ in 0..8 {
            connections.push(pool.get().await.expect("the server is there"));
        }
        drop(connections);
        server.restart().await;
        assert!(store.ping().await.is_err());
        store.ping().await.expect("the others are gone, too");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_costs_the_time_budget() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let cache = cache_within(&server.url(), Duration::from_millis(50)).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        server.pause();
        // More of them than there are connections.
        for number in 0..40_u8 {
            let load = cache.load(format!("key:{number}"), || async { number });
            assert_eq!(load.await, number);
        }
        let queued = cache.invalidate_key("key").await.ok();
        assert_eq!(queued, Some(Invalidation::Queued));
        server.resume();
        cache.settle().await;
        let patient = cache_on(&server.url()).await;
        assert_eq!(patient.get::<u8>("key").await.ok(), Some(None));
        // Under a key of its own: what was sent to the silent server is done in any order.
        patient.set("new", &2_u8).await.expect("it is stored");
        assert_eq!(patient.load("new", || async { 3_u8 }).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_comes_back_by_itself() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let url = format!("memcached://127.0.0.1:{}", proxy.port());
        let cache = cache_within(&url, Duration::from_secs(10)).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        proxy.set(Fault::Cut);
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        proxy.set(Fault::None);
        while cache.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 1);
    })
    .await;
}

/// Dropped after it was sent and before it was answered: the answer is nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_leaves_its_answer_to_nobody() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let store = MemcachedStore::builder(server.url()).connections(1);
        let store = store.connect().await.expect("the server is there");
        let keys = [":a".to_owned(), ":b".to_owned()];
        for key in &keys {
            let put = store.copy(key, key.as_bytes(), None).await;
            put.expect("it is stored");
        }
        for _ in 0..20 {
            server.pause();
            {
                let mut dropped = pin!(store.slots(&keys[..1], Part::Whole));
                let mut context = Context::from_waker(Waker::noop());
                assert!(dropped.as_mut().poll(&mut context).is_pending());
            }
            server.resume();
            let found = store.slots(&keys[1..], Part::Whole).await;
            assert_eq!(found.ok(), Some(vec![Some(b":b".to_vec())]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_degraded_start_is_allowed_when_asked_for() {
    in_time(async {
        let server = MemcachedServer::start().await;
        server.kill();
        let error = MemcachedStore::builder(server.url()).connect().await;
        let error = error.expect_err("nobody is there");
        assert!(matches!(error, ConnectError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains(&server.url()), "{error}");

        let store = MemcachedStore::builder(server.url()).start_degraded(true);
        let store = store.connect().await.expect("it starts all the same");
        let cache = Cache::builder().store(store).build();
        assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
        let queued = cache.invalidate_key("key").await.ok();
        assert_eq!(queued, Some(Invalidation::Queued));
        server.restart().await;
        cache.settle().await;
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 2);
    })
    .await;
}

/// Answers whatever it is asked with the same, and gives where it listens.
async fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 4_096];
                while stream.read(&mut asked).await.is_ok_and(|length| length > 0) {
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("memcached://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_used_is_refused_at_the_start() {
    in_time(async {
        let old = answering(b"ERROR\r\nERROR\r\n").await;
        let error = MemcachedStore::builder(old).connect().await;
        let error = error.expect_err("it is too old");
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        assert!(error.to_string().contains("1.6"), "{error}");

        let strange = answering(b"-ERR unknown command\r\n").await;
        let error = MemcachedStore::builder(strange).connect().await;
        let error = error.expect_err("it is none of memcached's");
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
    })
    .await;
}

/// Every kind of wrong answer: none is a panic, none is a value, and every load is returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_answers_are_errors() {
    in_time(async {
        for answer in [
            &b"VA 4294967295 c1 t1 klarder:v1::key\r\n"[..],
            b"VA 3 klarder:v1::key\r\nabc\r\nMN\r\n",
            b"VA 3 cx t1 klarder:v1::key\r\nabc\r\nMN\r\n",
            b"VA 0 c1 t1 klarder:v1::key\r\n\r\nMN\r\n",
            b"HD\r\nHD\r\nMN\r\n",
            b"EN\r\nEN\r\nMN\r\n",
            b"SERVER_ERROR \xff\xfe\r\n",
            b"SERVER_ERROR out of memory\r\n",
            b"ERROR\r\n",
            b"\0\0\0\0",
            b"\r\n\r\n\r\n",
        ] {
            let url = answering(answer).await;
            let store = MemcachedStore::builder(url).start_degraded(true);
            let store = store.connect().await.expect("it starts all the same");
            let budget = Duration::from_millis(50);
            let cache = Cache::builder().store(store).time_budget(budget).build();
            assert_eq!(cache.load("key", || async { 7_u8 }).await, 7);
            let _ = cache.set("key", &7_u8).await;
            let invalidated = cache.invalidate_key("key").await.ok();
            let ends_as_asked = answer.ends_with(b"MN\r\n");
            assert!(invalidated == Some(Invalidation::Queued) || ends_as_asked);
            let found = cache.get::<u8>("key").await;
            assert!(!matches!(found, Ok(Some(_))), "{found:?}");
        }
    })
    .await;
}
