//! One load per key, and what happens when it goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::{Barrier, Semaphore};

use crate::meddled::Meddled;
use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_thousand_callers_load_once
    a_thousand_callers_in_two_processes_load_once_with_a_lock
    a_load_that_panics_fails_only_its_own_caller
    a_load_that_fails_lets_those_who_wait_load_at_once
    two_types_under_one_key_each_get_their_own
}

async fn a_thousand_callers_load_once(stage: Stage) {
    let loads = AtomicUsize::new(0);
    let all_are_there = Barrier::new(1_000);
    let callers = (0..1_000).map(|_| async {
        all_are_there.wait().await;
        stage
            .cache
            .load("key", || async {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                "value".to_owned()
            })
            .await
    });
    let values = join_all(callers).await;
    assert!(values.iter().all(|value| value == "value"));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert_eq!(stage.cache.stats().loads, 1);
}

async fn a_thousand_callers_in_two_processes_load_once_with_a_lock(stage: Stage) {
    let loads = Arc::new(AtomicUsize::new(0));
    let callers = (0..1_000).map(|number| {
        let cache = if number % 2 == 0 {
            stage.cache.clone()
        } else {
            stage.other.clone()
        };
        let loads = Arc::clone(&loads);
        tokio::spawn(async move {
            cache
                .load("key", || async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    "value".to_owned()
                })
                .lock()
                .await
        })
    });
    for caller in join_all(callers).await {
        assert_eq!(caller.expect("it is not cancelled"), "value");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

async fn a_load_that_panics_fails_only_its_own_caller(stage: Stage) {
    let begun = Arc::new(Semaphore::new(0));
    let open = Arc::new(Semaphore::new(0));
    let leader = tokio::spawn({
        let (cache, begun, open) = (stage.cache.clone(), Arc::clone(&begun), Arc::clone(&open));
        async move {
            cache
                .load("key", || async move {
                    begun.add_permits(1);
                    open.acquire().await.expect("it stays open").forget();
                    panic!("the origin panics");
                    #[allow(unreachable_code, reason = "tells the type of the load")]
                    String::new()
                })
                .lock()
                .await
        }
    });
    begun.acquire().await.expect("the load begins").forget();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let cache = stage.cache.clone();
            tokio::spawn(async move {
                cache
                    .load("key", || async { "value".to_owned() })
                    .lock()
                    .await
            })
        })
        .collect();
    while stage.cache.stats().waits < 20 {
        tokio::task::yield_now().await;
    }
    open.add_permits(1);
    assert!(leader.await.expect_err("it panics").is_panic());
    for caller in waiting {
        assert_eq!(caller.await.expect("it does not panic"), "value");
    }
    assert_eq!(stage.cache.stats().load_failures, 1);
    // Nothing is left behind: the other process gets the lock and loads.
    stage
        .cache
        .invalidate_key("key")
        .await
        .expect("it is carried out");
    let value = stage
        .other
        .load("key", || async { "new".to_owned() })
        .lock()
        .await;
    assert_eq!(value, "new");
}

async fn a_load_that_fails_lets_those_who_wait_load_at_once(stage: Stage) {
    const CALLERS: usize = 200;
    /// Not `Clone`, so it cannot be shared.
    #[derive(Debug, PartialEq)]
    struct Failure(usize);

    let loads = Arc::new(AtomicUsize::new(0));
    // Opens only when all who waited are loading at the same time.
    let together = Arc::new(Barrier::new(CALLERS - 1));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (cache, loads) = (stage.cache.clone(), Arc::clone(&loads));
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                cache
                    .clone()
                    .try_load("key", || async {
                        let number = loads.fetch_add(1, Ordering::SeqCst);
                        if number == 0 {
                            while cache.stats().waits < (CALLERS - 1) as u64 {
                                tokio::task::yield_now().await;
                            }
                        } else {
                            together.wait().await;
                        }
                        Err::<String, _>(Failure(number))
                    })
                    .await
            })
        })
        .collect();
    let mut failures = Vec::new();
    for caller in callers {
        failures.push(
            caller
                .await
                .expect("it does not panic")
                .expect_err("it fails")
                .0,
        );
    }
    failures.sort_unstable();
    assert_eq!(failures, (0..CALLERS).collect::<Vec<_>>());
    // A failure is not stored.
    let value = stage
        .cache
        .try_load("key", || async { Ok::<_, Failure>("value".to_owned()) })
        .await;
    assert_eq!(value, Ok("value".to_owned()));
}

async fn two_types_under_one_key_each_get_their_own(stage: Stage) {
    let text = stage.cache.load("key", || async { "7".to_owned() }).await;
    let number = stage.cache.load("key", || async { 7_u32 }).await;
    assert_eq!((text.as_str(), number), ("7", 7));
    assert_eq!(
        stage.cache.get::<String>("key").await.expect("it answers"),
        None
    );
    assert_eq!(
        stage.cache.get::<u32>("key").await.expect("it answers"),
        Some(7)
    );
}

/// A lock is given back when its load is dropped, and not only when its time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_load_gives_its_lock_back() {
    crate::stage::in_time(async {
        let server = larder_testkit::RedisServer::start().await;
        let process = async || {
            let store = larder_redis::RedisStore::builder(server.url())
                .connect()
                .await;
            let an_hour = std::time::Duration::from_secs(3_600);
            larder::Cache::builder()
                .store(store.expect("it is there"))
                .lease(an_hour)
                .build()
        };
        let (cache, other) = (process().await, process().await);
        let begun = Arc::new(Semaphore::new(0));
        let leader = tokio::spawn({
            let begun = Arc::clone(&begun);
            async move {
                let load = cache.load("key", || async move {
                    begun.add_permits(1);
                    std::future::pending::<u8>().await
                });
                load.lock().await
            }
        });
        begun.acquire().await.expect("it begins").forget();
        leader.abort();
        assert!(leader.await.expect_err("it is dropped").is_cancelled());
        assert_eq!(other.load("key", || async { 7_u8 }).lock().await, 7);
    })
    .await;
}

/// A hundred look before the first of them has a lease, and get their answers while it loads: what
/// they saw is older than the load, and still it began after they came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_came_before_the_load_joins_it() {
    crate::stage::in_time(async {
        const CALLERS: usize = 100;
        let server = larder_testkit::RedisServer::start().await;
        let store = larder_redis::RedisStore::builder(server.url())
            .connect()
            .await;
        let answers = Arc::new(Semaphore::new(0));
        let mut store = Meddled::with(store.expect("it is there"));
        store.answers = Some(Arc::clone(&answers));
        let cache = larder::Cache::builder()
            .store(store)
            .time_budget(std::time::Duration::from_secs(30))
            .build();
        let came = AtomicUsize::new(0);
        let loads = AtomicUsize::new(0);
        let begun = Semaphore::new(0);
        let open = Semaphore::new(0);
        let callers = join_all((0..CALLERS).map(|_| async {
            came.fetch_add(1, Ordering::SeqCst);
            let load = cache.load("key", || async {
                loads.fetch_add(1, Ordering::SeqCst);
                begun.add_permits(1);
                open.acquire().await.expect("it stays open").forget();
                7_u8
            });
            load.await
        }));
        let conduct = async {
            while came.load(Ordering::SeqCst) < CALLERS {
                tokio::task::yield_now().await;
            }
            // One answer: its caller leads, and loads.
            answers.add_permits(1);
            begun.acquire().await.expect("it begins").forget();
            answers.add_permits(CALLERS - 1);
            while cache.stats().waits < (CALLERS - 1) as u64 && loads.load(Ordering::SeqCst) == 1 {
                tokio::task::yield_now().await;
            }
            open.add_permits(CALLERS);
        };
        let (values, ()) = tokio::join!(callers, conduct);
        assert_eq!(values, vec![7; CALLERS]);
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    })
    .await;
}
