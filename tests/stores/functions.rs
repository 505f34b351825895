//! Annotated functions, on every store.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use futures_util::future::join_all;
use larder::{Cache, cache_read, cache_write, resource};
use tokio::sync::{Barrier, Semaphore};

use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_function_loads_once_and_hits
    a_write_reaches_what_was_read_by_key_and_by_tag
    a_write_invalidates_however_it_ends
    a_write_that_is_dropped_at_any_await_has_invalidated
    a_write_on_ok_does_nothing_when_it_fails
    a_recache_sees_what_was_written
    companions_do_what_they_say
    a_refresh_replaces_what_a_slower_load_brings
    a_failure_that_can_be_cloned_is_shared
    none_is_a_value_unless_it_is_not
    resources_carry_their_options
}

/// What an origin has, told apart by tests that run at the same time by their own number.
static ORIGIN: AtomicU64 = AtomicU64::new(0);

tokio::task_local! {
    static LOADS: Cell<u32>;
}

fn count_load() {
    LOADS.with(|loads| loads.set(loads.get() + 1));
}

/// Runs with a cache of its own; also says how many loads there were.
async fn on<T>(cache: &Cache, test: impl Future<Output = T>) -> (T, u32) {
    let counted = LOADS.scope(Cell::new(0), async {
        let value = test.await;
        (value, LOADS.with(Cell::get))
    });
    larder::scope(cache.clone(), counted).await
}

#[cache_read(key = "user:{id}", ttl = 60, tags = ["users", "user:{id}"])]
async fn get_user(id: u64) -> Result<String, std::io::Error> {
    count_load();
    Ok(format!("user {id}"))
}

#[cache_read(key = "name:{id}")]
async fn name_of(id: u64) -> Option<String> {
    count_load();
    Some(format!("name {id}"))
}

async fn a_function_loads_once_and_hits(stage: Stage) {
    let ((), loads) = on(&stage.cache, async {
        for _ in 0..3 {
            assert_eq!(get_user(7).await.expect("it is loaded"), "user 7");
            assert_eq!(name_of(7).await.as_deref(), Some("name 7"));
        }
    })
    .await;
    assert_eq!(loads, 2);
    let ((), loads) = on(&stage.other, async {
        assert_eq!(get_user(7).await.expect("it is loaded"), "user 7");
        assert_eq!(get_user(8).await.expect("it is loaded"), "user 8");
    })
    .await;
    assert_eq!(loads, 1);
}

#[cache_write(tags = ["user:{id}"], keys = ["name:{id}"])]
async fn change(id: u64) {}

#[cache_write(tags = ["name:{id}"])]
async fn change_name(id: u64) {}

async fn a_write_reaches_what_was_read_by_key_and_by_tag(stage: Stage) {
    let read = || async {
        get_user(7).await.expect("it is loaded");
        name_of(7).await;
    };
    assert_eq!(on(&stage.cache, read()).await.1, 2);
    on(&stage.other, change(7)).await;
    assert_eq!(on(&stage.cache, read()).await.1, 2);
    // Without tags, a key is its own tag.
    on(&stage.other, change_name(7)).await;
    assert_eq!(on(&stage.cache, read()).await.1, 1);
    on(&stage.other, change(8)).await;
    assert_eq!(on(&stage.cache, read()).await.1, 0);
}

#[cache_write(tags = ["users"])]
async fn fail() -> Result<(), String> {
    Err("no".to_owned())
}

#[cache_write(tags = ["users"])]
async fn break_down() {
    panic!("the origin panics");
}

#[cache_write(tags = ["users"])]
async fn never() {
    std::future::pending().await
}

async fn a_write_invalidates_however_it_ends(stage: Stage) {
    let read = || async { get_user(7).await.expect("it is loaded") };
    assert_eq!(on(&stage.cache, read()).await.1, 1);
    assert_eq!(on(&stage.other, read()).await.1, 0);

    assert_eq!(on(&stage.cache, fail()).await.0, Err("no".to_owned()));
    assert_eq!(on(&stage.other, read()).await.1, 1, "after an error");

    let cache = stage.cache.clone();
    let panicking = tokio::spawn(larder::scope(cache, break_down()));
    assert!(panicking.await.expect_err("it panics").is_panic());
    assert_eq!(on(&stage.cache, read()).await.1, 1, "after a panic, here");
    stage.cache.settle().await;
    stage
        .cache
        .invalidate_tags(["users"])
        .await
        .expect("it is carried out");
    assert_eq!(on(&stage.cache, read()).await.1, 1);

    let cache = stage.cache.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let cancelled = tokio::spawn(larder::scope(cache, async {
        let write = never();
        tokio::pin!(write);
        std::future::poll_fn(|context| {
            assert!(write.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        begun.send(()).expect("it is waited for");
        write.await;
    }));
    has_begun.await.expect("it begins");
    cancelled.abort();
    assert!(cancelled.await.expect_err("it is cancelled").is_cancelled());
    assert_eq!(
        on(&stage.cache, read()).await.1,
        1,
        "after a cancellation, here"
    );
}

async fn a_write_that_is_dropped_at_any_await_has_invalidated(stage: Stage) {
    #[cache_write(tags = ["users"])]
    async fn write() {
        tokio::task::yield_now().await;
    }
    for polls in 1.. {
        on(&stage.cache, get_user(7)).await.0.expect("it is loaded");
        let finished = larder::scope(stage.cache.clone(), async {
            let write = write();
            tokio::pin!(write);
            for _ in 0..polls {
                let poll = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(write.as_mut().poll(context).is_ready())
                });
                if poll.await {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            false
        })
        .await;
        let found = stage
            .cache
            .get::<String>("user:7")
            .await
            .expect("it answers");
        assert_eq!(found, None, "after {polls} polls");
        stage.cache.settle().await;
        let found = stage
            .other
            .get::<String>("user:7")
            .await
            .expect("it answers");
        assert_eq!(found, None, "after {polls} polls, in another process");
        if finished {
            return;
        }
    }
}

async fn a_write_on_ok_does_nothing_when_it_fails(stage: Stage) {
    #[cache_write(tags = ["users"], invalidate = "on_ok")]
    async fn write(ok: bool) -> Result<(), ()> {
        if ok { Ok(()) } else { Err(()) }
    }
    let read = || async { get_user(7).await.expect("it is loaded") };
    assert_eq!(on(&stage.cache, read()).await.1, 1);
    assert_eq!(on(&stage.cache, write(false)).await.0, Err(()));
    assert_eq!(on(&stage.cache, read()).await.1, 0);
    assert_eq!(on(&stage.cache, write(true)).await.0, Ok(()));
    assert_eq!(on(&stage.cache, read()).await.1, 1);
}

async fn a_recache_sees_what_was_written(stage: Stage) {
    // Each test has a cell of its own in the origin.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cell = NEXT.fetch_add(1, Ordering::SeqCst) * 16;

    #[cache_read(key = "value:{cell}")]
    async fn value(cell: u32) -> u64 {
        count_load();
        (ORIGIN.load(Ordering::SeqCst) >> cell) & 0xff
    }
    #[cache_write(tags = ["value:{cell}"], recache = [value(cell)])]
    async fn write(cell: u32, new: u64) {
        ORIGIN.fetch_and(!(0xff << cell), Ordering::SeqCst);
        ORIGIN.fetch_or(new << cell, Ordering::SeqCst);
    }
    on(&stage.cache, async {
        assert_eq!(value(cell).await, 0);
        write(cell, 7).await;
        assert_eq!(LOADS.with(Cell::get), 2);
        assert_eq!(value(cell).await, 7);
        assert_eq!(LOADS.with(Cell::get), 2, "the write loaded it");
    })
    .await;
    assert_eq!(on(&stage.other, value(cell)).await, (7, 0));
}

async fn companions_do_what_they_say(stage: Stage) {
    let ((), loads) = on(&stage.cache, async {
        assert_eq!(get_user::peek(7).await.expect("it answers"), None);
        get_user::prime(7, &"primed".to_owned())
            .await
            .expect("it is stored");
        assert_eq!(
            get_user::peek(7).await.expect("it answers").as_deref(),
            Some("primed")
        );
        assert_eq!(get_user(7).await.expect("it is there"), "primed");
        assert_eq!(get_user::refresh(7).await.expect("it is loaded"), "user 7");
        assert_eq!(get_user(7).await.expect("it is there"), "user 7");
        get_user::invalidate(7).await.expect("it is carried out");
        assert_eq!(get_user::peek(7).await.expect("it answers"), None);
        assert_eq!(get_user::key(7).as_str(), "user:7");
    })
    .await;
    assert_eq!(loads, 1);
    // What was primed carries the function's tags.
    on(&stage.cache, async {
        get_user::prime(7, &"primed".to_owned())
            .await
            .expect("it is stored");
        larder::cache()
            .invalidate_tags(["users"])
            .await
            .expect("it is carried out");
        assert_eq!(get_user::peek(7).await.expect("it answers"), None);
    })
    .await;
}

async fn a_refresh_replaces_what_a_slower_load_brings(stage: Stage) {
    let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));

    tokio::task_local! {
        static SLOW: Option<(Arc<Semaphore>, Arc<Semaphore>)>;
    }
    #[cache_read(key = "slow")]
    async fn value() -> String {
        match SLOW.get() {
            Some((begun, open)) => {
                begun.add_permits(1);
                open.acquire().await.expect("it stays open").forget();
                "old".to_owned()
            }
            None => "new".to_owned(),
        }
    }
    let slow = SLOW.scope(Some((Arc::clone(&begun), Arc::clone(&open))), value());
    let slow = tokio::spawn(larder::scope(stage.cache.clone(), slow));
    begun.acquire().await.expect("it begins").forget();
    let refresh = SLOW.scope(None, value::refresh());
    assert_eq!(larder::scope(stage.other.clone(), refresh).await, "new");
    open.add_permits(1);
    assert_eq!(slow.await.expect("it ends"), "old");
    let stored = stage.cache.get::<String>("slow").await.expect("it answers");
    assert_eq!(stored.as_deref(), Some("new"));
}

async fn a_failure_that_can_be_cloned_is_shared(stage: Stage) {
    #[derive(Debug, Clone, PartialEq)]
    struct Failure;

    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[cache_read(key = "failing")]
    async fn failing() -> Result<u8, Failure> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        while larder::cache().stats().waits < 199 {
            tokio::task::yield_now().await;
        }
        Err(Failure)
    }
    let before = CALLS.load(Ordering::SeqCst);
    let together = Barrier::new(200);
    let callers = (0..200).map(|_| async {
        together.wait().await;
        larder::scope(stage.cache.clone(), failing()).await
    });
    let results = join_all(callers).await;
    assert!(results.iter().all(|result| *result == Err(Failure)));
    // The same test runs on each store, perhaps at the same time.
    let loads = stage.cache.stats().loads;
    assert_eq!(loads, 1);
    assert!(CALLS.load(Ordering::SeqCst) - before <= 2);
}

async fn none_is_a_value_unless_it_is_not(stage: Stage) {
    #[cache_read(key = "kept")]
    async fn kept() -> Option<u8> {
        count_load();
        None
    }
    #[cache_read(key = "not kept", cache_none = false)]
    async fn not_kept() -> Result<Option<u8>, String> {
        count_load();
        Ok(None)
    }
    let (_, loads) = on(&stage.cache, async { (kept().await, kept().await) }).await;
    assert_eq!(loads, 1);
    let (_, loads) = on(&stage.cache, async { (not_kept().await, not_kept().await) }).await;
    assert_eq!(loads, 2);
}

resource! {
    /// A thing.
    thing(id: u64) {
        /// Its size.
        size: ttl = 60, lock;
        colour(light: &str): tags = ["light:{light}"];
    }
}

#[cache_read(thing::size(id))]
async fn size(id: u64) -> u64 {
    count_load();
    id
}

#[cache_read(thing::colour(id, light))]
async fn colour(id: u64, light: &str) -> String {
    count_load();
    format!("{id} in {light}")
}

#[cache_write(thing::tag(id))]
async fn paint(id: u64) {}

async fn resources_carry_their_options(stage: Stage) {
    let read = || async {
        (
            size(7).await,
            colour(7, "day").await,
            colour(8, "day").await,
        )
    };
    assert_eq!(on(&stage.cache, read()).await.1, 3);
    assert_eq!(on(&stage.other, read()).await.1, 0);
    on(&stage.other, paint(7)).await;
    assert_eq!(on(&stage.cache, read()).await.1, 2);
    stage
        .cache
        .invalidate_tags(["light:day"])
        .await
        .expect("it is carried out");
    assert_eq!(on(&stage.cache, read()).await.1, 2);
    stage.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(
        on(&stage.cache, read()).await.1,
        1,
        "only the size has expired"
    );
}
