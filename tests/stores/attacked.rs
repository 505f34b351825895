//! What direct operations do when something comes between their steps.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder::slot::SlotHead;
use larder::store::{Part, Store as _};
use larder::{Cache, Clock, Cursor, Error, Invalidation, Key, Pattern};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::meddled::Meddled;
use crate::stage::{Stage, cache_on, in_time};

async fn meddled(server: &RedisServer) -> Meddled {
    let store = RedisStore::builder(server.url()).connect().await;
    Meddled::with(store.expect("it is there"))
}

fn cache_of(store: Meddled) -> Cache {
    Cache::builder()
        .store(store)
        .time_budget(Duration::from_secs(10))
        .build()
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Two sets of one key, of which the second takes the lease from the first and is then dropped: the
/// first must not say that it is done while the value from before both is what everyone reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_is_dropped_does_not_undo_the_one_it_overtook() {
    in_time(async {
        let server = RedisServer::start().await;
        let reader = cache_on(&server.url(), &Clock::hand_wound()).await;
        reader.set("key", &text("old")).await.expect("it is stored");
        let (mut first, mut second) = (meddled(&server).await, meddled(&server).await);
        let (first_open, second_open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        first.open = Some(Arc::clone(&first_open));
        second.open = Some(second_open);
        let (first_there, second_there) = (Arc::clone(&first.there), Arc::clone(&second.there));
        let (first, second) = (cache_of(first), cache_of(second));

        let setting = tokio::spawn(async move { first.set("key", &text("new")).await });
        first_there.acquire().await.expect("it comes").forget();
        let dropped = tokio::spawn(async move { second.set("key", &text("newer")).await });
        second_there.acquire().await.expect("it comes").forget();
        first_open.add_permits(2);
        dropped.abort();
        setting
            .await
            .expect("it does not panic")
            .expect("it is stored");
        let got = reader.get::<String>("key").await.expect("it answers");
        assert_eq!(got.as_deref(), Some("new"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_is_not_from_before_an_invalidation_that_arrived_meanwhile() {
    in_time(async {
        let server = RedisServer::start().await;
        let mut store = meddled(&server).await;
        let open = Arc::new(Semaphore::new(1));
        store.open = Some(Arc::clone(&open));
        let there = Arc::clone(&store.there);
        let loses = Arc::clone(&store.loses_invalidations);
        let cache = cache_of(store);
        let old = text("old");
        cache
            .set("key", &old)
            .tags(["tag"])
            .await
            .expect("it is stored");
        there.acquire().await.expect("it was filled").forget();
        loses.store(true, Ordering::SeqCst);
        let queued = cache.invalidate_tags(["tag"]).await;
        assert_eq!(queued.ok(), Some(Invalidation::Queued));
        let taking = tokio::spawn({
            let cache = cache.clone();
            async move { cache.get_and_delete::<String>("key").await }
        });
        // The server has answered with the entry; then the invalidation arrives.
        there.acquire().await.expect("it is taken").forget();
        loses.store(false, Ordering::SeqCst);
        cache.settle().await;
        open.add_permits(1);
        let taken = taking.await.expect("it does not panic");
        assert_eq!(taken.expect("it answers"), None);
    })
    .await;
}

/// While an invalidation is on its way, what would be stored would be deleted by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stored_under_an_invalidation_that_is_on_its_way() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = meddled(&server).await;
        let loses = Arc::clone(&store.loses_invalidations);
        let cache = Cache::builder()
            .store(store)
            .time_budget(Duration::from_millis(200))
            .build();
        let other = cache_on(&server.url(), &Clock::hand_wound()).await;
        loses.store(true, Ordering::SeqCst);
        cache
            .invalidate(larder::Targets::default().key("leader").tag("counters"))
            .await;
        let elsewhere = other.set_if_absent("leader", &0).await;
        assert!(elsewhere.expect("it is stored"));
        let refused = [
            cache.set_if_absent("leader", &1).await.map(drop),
            cache.set("leader", &1).await,
            cache
                .increment("counters", 1)
                .tags(["counters"])
                .await
                .map(drop),
        ];
        for result in refused {
            assert!(matches!(result, Err(Error::Store(_))), "{result:?}");
        }
        loses.store(false, Ordering::SeqCst);
        // Once it is taken, what is stored stays.
        cache.settle().await;
        assert!(cache.set("leader", &3).await.is_ok());
        let sum = cache.increment("counters", 1).tags(["counters"]).await;
        assert_eq!(sum.expect("it counts"), 1);
        let leader = other.get::<i32>("leader").await.expect("it answers");
        assert_eq!(leader, Some(3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleaning_up_leaves_a_lock_that_lies_on_what_is_dead() {
    in_time(async {
        let stage = Stage::redis().await;
        let (cache, minute) = (&stage.cache, Duration::from_secs(60));
        let set = cache.set("key", &0).ttl(minute);
        set.await.expect("it is stored");
        stage.clock.advance(minute);
        let loaded = cache.load("key", || async {
            let cleaned = stage.other.cleanup_expired().await;
            assert_eq!(cleaned.expect("it answers"), 1);
            1
        });
        assert_eq!(loaded.lock().await, 1);
        // The lease was still there: what was loaded under it is stored.
        let got = stage.other.get::<i32>("key").await.expect("it answers");
        assert_eq!(got, Some(1));
        assert_eq!(cache.stats().overtaken, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_that_is_refused_holds_up_no_tags() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = meddled(&server).await;
        let refuses = Arc::clone(&store.refuses_scans);
        let loses = Arc::clone(&store.loses_invalidations);
        let cache = cache_of(store);
        cache
            .set_many([("a:1", 1), ("b:1", 2), ("c:1", 3)])
            .await
            .expect("they are stored");
        refuses.store(true, Ordering::SeqCst);
        loses.store(true, Ordering::SeqCst);
        for pattern in ["a:*", "b:*"] {
            assert!(cache.delete_by_pattern(pattern).await.is_err());
        }
        let queued = cache.delete_by_tags(["tag"]).await;
        assert!(queued.is_err(), "it is only queued");
        loses.store(false, Ordering::SeqCst);
        while cache.stats().queued_invalidations > 2 {
            tokio::task::yield_now().await;
        }
        // The tag is taken, the patterns are not.
        let set = cache.set("c:2", &4).tags(["tag"]);
        set.await.expect("it is stored");
        assert_eq!(cache.get::<i32>("c:2").await.expect("it answers"), Some(4));
        assert_eq!(cache.get::<i32>("a:1").await.expect("it answers"), None);
        refuses.store(false, Ordering::SeqCst);
        cache.settle().await;
        let other = cache_on(&server.url(), &Clock::hand_wound()).await;
        assert_eq!(other.count("*").await.expect("it answers"), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_would_not_match_or_go_on_with_is_taken_care_of() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        let long = "x".repeat(1_200);
        cache.set(&long, &1).await.expect("it is stored");
        let deleted = cache.delete_by_pattern("?".repeat(1_200)).await;
        assert_eq!(deleted.expect("it answers"), 1);
        // Place `abc`, and nothing that waits.
        let forged: Cursor = "AQEDYWJjAA".parse().expect("it looks like one");
        let page = cache.entries::<i32>("*", Some(&forged), 10).await;
        assert!(matches!(page, Err(Error::Cursor)), "{page:?}");
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tags_are_refused_before_anything_is_done() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        let tags = || (0..2_000).map(|tag| format!("tag:{tag}"));
        let set = cache.set("key", &1).tags(tags()).await;
        assert!(matches!(set, Err(Error::TooManyTags { .. })));
        let process = Cache::memory();
        let set = process.set("key", &1).tags(tags()).await;
        assert!(matches!(set, Err(Error::TooManyTags { .. })));
        let mut raw: redis::aio::ConnectionManager = cache.connection().expect("it has one");
        let keys: u64 = redis::cmd("DBSIZE")
            .query_async(&mut raw)
            .await
            .expect("it answers");
        assert_eq!(keys, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_whose_bytes_changed_is_no_entry() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let store = store.expect("it is there");
        let cache = Cache::builder().store(store.clone()).build();
        let name = [Key::new("n").qualified().to_owned()];
        for from_the_end in 1..=17 {
            cache
                .set("n", &7_i64)
                .ttl(None)
                .await
                .expect("it is stored");
            let slots = store.slots(&name, Part::Whole).await.expect("it answers");
            let mut slot = slots[0].clone().expect("it is stored");
            assert!(SlotHead::parse(&slot).is_some());
            let at = slot.len() - from_the_end;
            slot[at] ^= 1;
            let mut raw = store.connection().expect("it is one server");
            let _: () = redis::cmd("SET")
                .arg("larder:v1::n")
                .arg(slot)
                .query_async(&mut raw)
                .await
                .expect("it is carried out");
            assert_eq!(cache.get::<i64>("n").await.expect("it answers"), None);
            assert_eq!(cache.get::<isize>("n").await.expect("it answers"), None);
            assert_eq!(cache.increment("n", 1).await.expect("it begins"), 1);
        }
    })
    .await;
}

/// A value whose destructor calls the cache, as a handle in a cache may.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Calls {
    #[serde(skip)]
    _cache: Option<Arc<CallsWhenDropped>>,
}

#[derive(Debug)]
struct CallsWhenDropped(Cache);

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        use futures_util::FutureExt as _;
        drop(self.0.delete("n").now_or_never());
    }
}

/// Under the lock of a key's flights nothing is dropped that may be the last of its kind.
#[test]
fn counting_and_setting_drop_nothing_under_a_lock() {
    let cache = Cache::memory();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("it starts");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2_000 {
                let value = Calls {
                    _cache: Some(Arc::new(CallsWhenDropped(cache.clone()))),
                };
                let set = cache.set("n", &value);
                futures_util::FutureExt::now_or_never(async { set.await.is_ok() });
                drop(value);
                futures_util::FutureExt::now_or_never(cache.invalidate_key("n"));
            }
        });
        runtime.block_on(async {
            for _ in 0..2_000 {
                drop(cache.increment("n", 1).await);
                drop(cache.set_if_absent("n", &1).await);
                drop(cache.delete("n").await);
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_what_is_rare_takes_few_steps_and_comes_to_an_end() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        let many = (0..5_000_u32).map(|number| (format!("many:{number}"), number));
        cache.set_many(many).await.expect("they are stored");
        cache.set("rare", &7_u32).await.expect("it is stored");
        let mut raw: redis::aio::ConnectionManager = cache.connection().expect("it has one");
        let _: () = redis::cmd("CONFIG")
            .arg("RESETSTAT")
            .query_async(&mut raw)
            .await
            .expect("it is carried out");
        let rare = Pattern::new("rare");
        let page = cache.entries::<u32>(rare, None, 1).await;
        assert_eq!(page.expect("it answers").entries.len(), 1);
        let stats: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut raw)
            .await
            .expect("it answers");
        let scans = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_scan:calls="))
            .and_then(|line| line.split(',').next())
            .map_or(0, |calls| calls.parse::<u32>().expect("a number"));
        assert!(scans <= 20, "{scans}");
    })
    .await;
}
