//! Values that are too large, memory that is too small, times that are too long.

use std::time::Duration;

use larder_core::{Error, Store as _, StoreError};
use larder_memcached::MemcachedStore;
use larder_testkit::MemcachedServer;

use crate::stage::{Stage, ask, flood, in_time, noise, store_on};

const MEGABYTE: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_loaded_and_returned_and_a_smaller_one_is_stored() {
    in_time(async {
        let Stage { cache, other, .. } = &Stage::start().await;
        let large = noise(2 * MEGABYTE);
        for round in 1..=3 {
            let loaded = cache.load("key", || async { large.clone() }).await;
            assert!(loaded == large, "it is returned");
            assert_eq!(cache.stats().loads, round, "and not stored");
        }
        // The lease of one load may be given back while the next one goes on under it: then that one is
        // overtaken, and does not try.
        assert!(cache.stats().errors >= 1, "which is counted");
        let set = cache.set("key", &large).await;
        assert!(
            matches!(
                set,
                Err(Error::Store(StoreError::TooLarge { size, limit, .. }))
                    if size > limit && limit >= MEGABYTE as u64
            ),
            "{set:?}"
        );

        let small = noise(MEGABYTE / 2);
        let loaded = cache.load("key", || async { small.clone() }).await;
        assert!(loaded == small);
        let found: Option<Vec<u8>> = other.get("key").await.expect("it answers");
        assert!(found == Some(small));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_more_is_given_more() {
    in_time(async {
        let server = MemcachedServer::start_with(["-I", "4m"]).await;
        let store = store_on(&server.url()).await;
        let taken = store.copy(":key", &noise(3 * MEGABYTE), None).await;
        taken.expect("it is within its limit");
        let refused = store.copy(":key", &noise(5 * MEGABYTE), None).await;
        assert!(
            matches!(refused, Err(StoreError::TooLarge { .. })),
            "{refused:?}"
        );
        // The connection that was refused on goes on.
        store.copy(":key", b"small", None).await.expect("it is put");
    })
    .await;
}

/// How large a value the server is said to take, by the error for one of so many bytes.
async fn limit_told(store: &MemcachedStore, size: usize) -> u64 {
    match store.copy(":key", &noise(size), None).await {
        Err(StoreError::TooLarge { limit, .. }) => limit,
        other => panic!("it is too large: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_too_large_is_not_sent_again_until_there_is_a_new_connection() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let store = store_on(&server.url()).await;
        let learned = 2 * MEGABYTE as u64 - 1;
        assert_eq!(limit_told(&store, 2 * MEGABYTE).await, learned);
        server.pause();
        assert_eq!(limit_told(&store, 3 * MEGABYTE).await, learned);
        server.resume();
        // The server may be another one now.
        store.pool().retain(|_, _| false);
        store.ping().await.expect("it answers");
        let learned = 3 * MEGABYTE as u64 - 1;
        assert_eq!(limit_told(&store, 3 * MEGABYTE).await, learned);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_that_evicts_generations_gives_misses_and_never_stale_values() {
    in_time(async {
        let server = MemcachedServer::start_with(["-m", "2"]).await;
        let Stage {
            cache,
            other,
            server,
        } = &Stage::on(server).await;
        for round in 0_u32..4 {
            for number in 0..50_u32 {
                let value = (round, number);
                let set = cache.set(format!("key:{number}"), &value);
                // A full server may refuse; then nothing is stored.
                let _ = set.tags([format!("tag:{number}")]).await;
            }
            for number in (0..50_u32).step_by(2) {
                let done = other.invalidate_tags([format!("tag:{number}")]).await;
                done.expect("it is taken");
            }
            flood(server).await;
            for number in 0..50_u32 {
                let found = cache.get::<(u32, u32)>(format!("key:{number}")).await;
                let found = found.expect("it answers");
                if number % 2 == 0 {
                    assert_eq!(found, None, "what was invalidated does not come back");
                } else {
                    let is_current = found.is_none_or(|value| value == (round, number));
                    assert!(is_current, "{found:?}");
                }
            }
        }
        for gone in ["larder:v1:#tag:1", "filler:0"] {
            let found = ask(server, format!("mg {gone}\r\n").as_bytes()).await;
            assert_eq!(found, "EN", "{gone} had to be evicted");
        }
    })
    .await;
}

/// Memcached takes more than thirty days for a date.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lives_long_is_there() {
    in_time(async {
        let Stage { cache, other, .. } = &Stage::start().await;
        for days in [29, 30, 31, 365, 36_500, 1_000_000] {
            let ttl = Duration::from_secs(days * 24 * 3_600);
            cache
                .set("key", &days)
                .ttl(ttl)
                .await
                .expect("it is stored");
            assert_eq!(other.get("key").await.expect("it answers"), Some(days));
        }
    })
    .await;
}
