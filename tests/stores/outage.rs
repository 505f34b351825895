//! A store that is down, slow, full or forgetful costs loads, and never a wrong value.

use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, Clock, Invalidation};
use larder_redis::RedisStore;
use larder_testkit::{Fault, FaultProxy, RedisServer};
use tokio::sync::Semaphore;

use crate::meddled::Meddled;
use crate::stage::{Stage, cache_on, in_time};

async fn persistent() -> Stage {
    Stage::on(RedisServer::builder().append_only().start().await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalidation_during_an_outage_holds_afterwards() {
    in_time(async {
        let stage = persistent().await;
        stage.cache.set("kept", &1_u8).await.expect("it is stored");
        stage
            .cache
            .set("tagged", &1_u8)
            .tags(["tag"])
            .await
            .expect("it is stored");
        stage.cache.set("named", &1_u8).await.expect("it is stored");
        stage
            .cache
            .set("spaced", &1_u8)
            .namespace("space")
            .await
            .expect("it is stored");
        stage.server().kill();

        let cache = &stage.cache;
        assert_eq!(
            cache.invalidate_tags(["tag"]).await.ok(),
            Some(Invalidation::Queued)
        );
        assert_eq!(
            cache.invalidate_key("named").await.ok(),
            Some(Invalidation::Queued)
        );
        assert_eq!(
            cache.invalidate_namespace("space").await.ok(),
            Some(Invalidation::Queued)
        );
        assert!(cache.stats().queued_invalidations >= 3);
        assert!(cache.stats().errors >= 3);

        // The entries are on the server's disk, and come back with it.
        stage.server().restart().await;
        cache.settle().await;
        assert_eq!(cache.stats().queued_invalidations, 0);
        let other = cache_on(&stage.server().url(), &stage.clock).await;
        for process in [cache, &other] {
            let get = async |key: larder::Key| process.get::<u8>(key).await.expect("it answers");
            assert_eq!(get("kept".into()).await, Some(1));
            assert_eq!(get("tagged".into()).await, None);
            assert_eq!(get("named".into()).await, None);
            assert_eq!(
                get(larder::Key::new("spaced").in_namespace("space")).await,
                None
            );
        }
    })
    .await;
}

/// The retries do not get through, but reads could.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_it_is_taken_this_process_trusts_nothing_it_covers() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let store = Meddled::with(store);
        store.loses_invalidations.store(true, Ordering::SeqCst);
        let cache = Cache::builder()
            .store(store)
            .time_budget(Duration::from_secs(10))
            .build();
        cache
            .set("tagged", &1_u8)
            .tags(["tag"])
            .await
            .expect("it is stored");
        cache.set("other", &1_u8).await.expect("it is stored");
        assert_eq!(
            cache.invalidate_tags(["tag"]).await.ok(),
            Some(Invalidation::Queued)
        );
        assert_eq!(cache.get::<u8>("tagged").await.expect("it answers"), None);
        assert_eq!(cache.get::<u8>("other").await.expect("it answers"), Some(1));
        // What is loaded meanwhile is returned, and not stored.
        let load = cache.load("tagged", || async { 2_u8 }).tags(["tag"]);
        assert_eq!(load.await, 2);
        assert_eq!(cache.get::<u8>("tagged").await.expect("it answers"), None);
    })
    .await;
}

/// An invalidation arrives while a reader, that came after it, holds an answer from before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_before_a_queued_invalidation_is_not_served_when_it_arrives() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let answers = Arc::new(Semaphore::new(0));
        let mut store = Meddled::with(store);
        store.answers = Some(Arc::clone(&answers));
        let loses = Arc::clone(&store.loses_invalidations);
        let read = Arc::clone(&store.read);
        let budget = Duration::from_secs(30);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        cache
            .set("key", &1_u8)
            .tags(["tag"])
            .await
            .expect("it is stored");
        loses.store(true, Ordering::SeqCst);
        assert_eq!(
            cache.invalidate_tags(["tag"]).await.ok(),
            Some(Invalidation::Queued)
        );

        let reader = tokio::spawn({
            let cache = cache.clone();
            async move { cache.get::<u8>("key").await.expect("it answers") }
        });
        read.acquire().await.expect("it reads").forget();
        loses.store(false, Ordering::SeqCst);
        cache.settle().await;
        answers.add_permits(10);
        assert_eq!(reader.await.expect("it ends"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_and_restarted_in_traffic_fails_no_call() {
    in_time(async {
        const KEYS: usize = 8;
        let stage = Arc::new(persistent().await);
        // The origin, and for each key the version that the last finished invalidation announced.
        let origin: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
        let announced: Arc<Vec<AtomicU64>> =
            Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
        let readers: Vec<_> = (0..8)
            .map(|reader| {
                let stage = Arc::clone(&stage);
                let (origin, announced) = (Arc::clone(&origin), Arc::clone(&announced));
                tokio::spawn(async move {
                    for turn in 0..600 {
                        let key = (reader * 7 + turn) % KEYS;
                        let at_least = announced[key].load(Ordering::SeqCst);
                        let value = stage
                            .cache
                            .load(format!("key:{key}"), || async {
                                let version = origin[key].load(Ordering::SeqCst);
                                tokio::task::yield_now().await;
                                version
                            })
                            .tags([format!("tag:{key}")])
                            .await;
                        assert!(value >= at_least, "{value} was read after {at_least}");
                    }
                })
            })
            .collect();
        let writer = tokio::spawn({
            let stage = Arc::clone(&stage);
            let (origin, announced) = (Arc::clone(&origin), Arc::clone(&announced));
            async move {
                for turn in 0..300_usize {
                    let key = turn % KEYS;
                    let version = origin[key].fetch_add(1, Ordering::SeqCst) + 1;
                    let tag = format!("tag:{key}");
                    stage
                        .cache
                        .invalidate_tags([tag])
                        .await
                        .expect("taken or queued");
                    announced[key].store(version, Ordering::SeqCst);
                    match turn {
                        100 => stage.server().kill(),
                        200 => stage.server().restart().await,
                        _ => {}
                    }
                }
            }
        });
        writer.await.expect("every invalidation returns");
        for reader in readers {
            reader.await.expect("every call returns what is valid");
        }
        assert!(stage.cache.stats().errors > 0, "the outage is counted");
        stage.cache.settle().await;
        let other = cache_on(&stage.server().url(), &stage.clock).await;
        for key in 0..KEYS {
            let stored = other
                .get::<u64>(format!("key:{key}"))
                .await
                .expect("it answers");
            let at_least = announced[key].load(Ordering::SeqCst);
            assert!(stored.is_none_or(|value| value >= at_least));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_costs_its_time_budget() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let budget = Duration::from_millis(50);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
        server.pause();
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        let error = cache
            .get::<u8>("key")
            .await
            .expect_err("it does not answer");
        assert!(
            error.to_string().contains("did not answer within 50ms"),
            "{error}"
        );
        assert_eq!(
            cache.invalidate_tags(["key"]).await.ok(),
            Some(Invalidation::Queued)
        );
        assert!(cache.stats().errors >= 3);
        server.resume();
        cache.settle().await;
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_that_evicts_generations_gives_misses_and_never_stale_values() {
    in_time(async {
        let server = RedisServer::builder()
            .max_memory("3mb", "allkeys-lru")
            .start()
            .await;
        let stage = Stage::on(server).await;
        let (cache, other) = (&stage.cache, &stage.other);
        let filler = "x".repeat(2_000);
        for round in 0_u32..4 {
            for number in 0..50_u32 {
                let key = format!("key:{number}");
                // A full server may refuse; then nothing is stored.
                let _ = cache
                    .set(&*key, &(round, number))
                    .tags([format!("tag:{number}")])
                    .await;
            }
            for number in (0..50_u32).step_by(2) {
                other
                    .invalidate_tags([format!("tag:{number}")])
                    .await
                    .expect("it is taken");
            }
            for number in 0..2_000_u32 {
                let _ = other.set(format!("filler:{round}:{number}"), &filler).await;
            }
            for number in 0..50_u32 {
                let found = cache.get::<(u32, u32)>(format!("key:{number}")).await;
                let found = found.expect("it answers");
                if number % 2 == 0 {
                    assert_eq!(found, None, "what was invalidated does not come back");
                } else {
                    assert!(
                        found.is_none_or(|value| value == (round, number)),
                        "{found:?}"
                    );
                }
            }
        }
        let store = RedisStore::builder(stage.server().url())
            .connect()
            .await
            .expect("it is there");
        let info: String = redis::cmd("INFO")
            .arg("stats")
            .query_async(&mut store.connection().expect("it is one server"))
            .await
            .expect("it answers");
        assert!(
            !info.contains("evicted_keys:0\r"),
            "the server had to evict"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_comes_back_by_itself() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let cache = cache_on(&proxy.url(), &Clock::default()).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        proxy.set(Fault::Cut);
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        proxy.set(Fault::None);
        // The first calls may still meet the dead connection.
        while cache.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_degraded_start_is_allowed_when_asked_for() {
    in_time(async {
        let server = RedisServer::start().await;
        server.kill();
        let url = server.url().replace("redis://", "redis://ada:hunter2@");
        let error = RedisStore::builder(&url)
            .connect()
            .await
            .expect_err("nobody is there");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(&format!("127.0.0.1:{}", server.port())),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");

        let store = RedisStore::builder(server.url())
            .start_degraded(true)
            .connect()
            .await
            .expect("it starts all the same");
        let cache = Cache::builder().store(store).build();
        assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
        assert_eq!(
            cache.invalidate_key("key").await.ok(),
            Some(Invalidation::Queued)
        );
        server.restart().await;
        cache.settle().await;
        assert_eq!(cache.load("key", || async { 2_u8 }).await, 2);
        assert_eq!(cache.load("key", || async { 3_u8 }).await, 2);
    })
    .await;
}

/// This process cannot ask the server, another can, and invalidates: what began before is not joined.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_cannot_look_does_not_join_a_load_from_before() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let store = RedisStore::builder(proxy.url())
            .connect()
            .await
            .expect("it is there");
        let budget = Duration::from_millis(50);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        let other = cache_on(&server.url(), &Clock::default()).await;
        let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let early = tokio::spawn({
            let (cache, begun, open) = (cache.clone(), Arc::clone(&begun), Arc::clone(&open));
            async move {
                let load = cache.load("key", || async move {
                    begun.add_permits(1);
                    open.acquire().await.expect("it stays open").forget();
                    1_u8
                });
                load.tags(["tag"]).await
            }
        });
        begun.acquire().await.expect("it begins").forget();
        proxy.set(Fault::Blackhole);
        let done = other.invalidate_tags(["tag"]).await.ok();
        assert_eq!(done, Some(Invalidation::Done));

        // A hundred come now. They do not join, and neither do they all load at once.
        let errors = cache.stats().errors;
        let late: Vec<_> = (0..100)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(
                    async move { cache.load("key", || async { 2_u8 }).tags(["tag"]).await },
                )
            })
            .collect();
        while cache.stats().errors < errors + 100 {
            tokio::task::yield_now().await;
        }
        open.add_permits(1);
        assert_eq!(early.await.expect("it ends"), 1);
        for caller in late {
            assert_eq!(caller.await.expect("it ends"), 2);
        }
    })
    .await;
}

/// A deletion by pattern cannot be a single step. What it did not reach is made up for, and until
/// then nothing that matches is served here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_by_pattern_that_breaks_off_is_made_up_for() {
    in_time(async {
        let stage = persistent().await;
        let cache = &stage.cache;
        let entries = (0..2_000_u32).map(|number| (format!("key:{number}"), number));
        cache.set_many(entries).await.expect("they are stored");
        cache.set("other", &1_u32).await.expect("it is stored");
        stage.server().kill();
        let failed = cache.delete_by_pattern("key:*").await;
        assert!(matches!(failed, Err(larder::Error::Store(_))));
        assert_eq!(cache.stats().queued_invalidations, 1);

        // The entries are on the server's disk, and come back with it.
        stage.server().restart().await;
        cache.settle().await;
        assert_eq!(cache.stats().queued_invalidations, 0);
        let other = cache_on(&stage.server().url(), &stage.clock).await;
        assert_eq!(other.count("key:*").await.expect("it answers"), 0);
        assert_eq!(
            other.get::<u32>("other").await.expect("it answers"),
            Some(1)
        );
    })
    .await;
}

/// Dropped at any await, it has been carried out in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_by_pattern_may_be_dropped_on_its_way() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        for polls in 0.. {
            let entries = (0..1_200_u32).map(|number| (format!("key:{number}"), number));
            cache.set_many(entries).await.expect("they are stored");
            let mut deletion = Box::pin(cache.delete_by_pattern("key:*"));
            let mut left = polls;
            let ended = std::future::poll_fn(|context| {
                let polled = deletion.as_mut().poll(context);
                if left == 0 || polled.is_ready() {
                    return std::task::Poll::Ready(polled.is_ready());
                }
                left -= 1;
                std::task::Poll::Pending
            })
            .await;
            drop(deletion);
            // From the first step on nothing that matches is served in this process.
            if polls > 0 {
                let got = cache
                    .get_many::<u32>(["key:0", "key:600", "key:1199"])
                    .await;
                assert_eq!(got.expect("it answers"), [None; 3]);
                cache.settle().await;
                assert_eq!(stage.other.count("key:*").await.expect("it answers"), 0);
            }
            if ended {
                return;
            }
        }
    })
    .await;
}

/// What the journal holds of a pattern covers its keys, though reads could get through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_a_pattern_is_taken_nothing_that_matches_is_served() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let store = Meddled::with(store.expect("it is there"));
        let loses = Arc::clone(&store.loses_invalidations);
        let cache = Cache::builder().store(store).build();
        cache
            .set_many([("user:7", 1_u8), ("user:8", 2), ("order:1", 3)])
            .await
            .expect("they are stored");
        loses.store(true, Ordering::SeqCst);
        let deleted = cache.delete_by_pattern("user:*").await;
        assert!(deleted.is_err());
        let get = async |key: &str| cache.get::<u8>(key).await.expect("it answers");
        assert_eq!(get("user:7").await, None);
        assert_eq!(get("order:1").await, Some(3));
        assert_eq!(cache.count("*").await.expect("it answers"), 1);
        let many = cache.get_many::<u8>(["user:8", "order:1"]).await;
        assert_eq!(many.expect("it answers"), [None, Some(3)]);
        loses.store(false, Ordering::SeqCst);
        cache.settle().await;
        assert_eq!(cache.count("*").await.expect("it answers"), 1);
    })
    .await;
}
