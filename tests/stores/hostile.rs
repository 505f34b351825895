//! Attacks on early loads, stale values, kept errors and plain functions.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use larder::{Cache, Clock, cache_read, cache_write};
use larder_redis::RedisStore;
use larder_testkit::{FaultProxy, RedisServer};
use tokio::sync::Semaphore;

use crate::stage::{Stage, in_time, on_every_store};

on_every_store! {
    a_kept_error_is_no_value_for_direct_calls
    an_early_load_whose_value_is_not_kept_is_not_repeated_at_every_hit
    only_who_asked_for_stale_values_gets_them
    an_early_load_that_was_overtaken_keeps_nobody_from_storing
    what_was_persisted_is_not_made_mortal_by_a_shorter_renewal
    a_refresh_whose_value_is_not_kept_leaves_nothing_older
    a_stale_value_is_not_older_than_what_was_loaded_since
    a_write_whose_put_panics_invalidates
}

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Origin(Arc<Inside>);

struct Inside {
    loads: AtomicUsize,
    fails: AtomicBool,
    stands: AtomicBool,
    open: Semaphore,
}

impl Origin {
    fn new() -> Self {
        Self(Arc::new(Inside {
            loads: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            stands: AtomicBool::new(false),
            open: Semaphore::new(0),
        }))
    }

    async fn load(&self) -> Result<usize, String> {
        let number = self.0.loads.fetch_add(1, Ordering::SeqCst) + 1;
        if self.0.stands.load(Ordering::SeqCst) {
            self.0.open.acquire().await.expect("it is open").forget();
        }
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(format!("load {number} fails"));
        }
        Ok(number)
    }

    fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }

    fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    fn stand_still(&self) {
        self.0.stands.store(true, Ordering::SeqCst);
    }

    fn go_on(&self) {
        self.0.stands.store(false, Ordering::SeqCst);
        self.0.open.add_permits(100_000);
    }

    async fn has_begun(&self, loads: usize) {
        while self.loads() < loads {
            tokio::task::yield_now().await;
        }
    }
}

async fn on<T>(cache: &Cache, test: impl Future<Output = T>) -> T {
    larder::scope(cache.clone(), test).await
}

#[cache_read(key = "h-found:{id}", ttl = 60, cache_err = "5s", skip(origin))]
async fn found(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn a_kept_error_is_no_value_for_direct_calls(stage: Stage) {
    let origin = Origin::new();
    origin.fail(true);
    let cache = &stage.cache;
    for id in 1..=4 {
        assert!(on(cache, found(&origin, id)).await.is_err());
    }
    assert!(!cache.exists("h-found:1").await.expect("it answers"));
    assert_eq!(cache.ttl("h-found:2").await.expect("it answers"), None);
    assert_eq!(cache.increment("h-found:3", 1).await.expect("it counts"), 1);
    assert!(
        cache
            .set_if_absent("h-found:4", &7_usize)
            .await
            .expect("it answers"),
        "there is no value"
    );
}

#[cache_read(key = "h-even", ttl = 60, early_ttl = 40, cache_if = |number| *number == 1, skip(origin))]
async fn first_only(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

async fn an_early_load_whose_value_is_not_kept_is_not_repeated_at_every_hit(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, async {
        assert_eq!(first_only(&origin).await, Ok(1));
        stage.clock.advance(50 * SECOND);
        for _ in 0..10 {
            assert_eq!(first_only(&origin).await, Ok(1));
            stage.cache.settle().await;
        }
    })
    .await;
    assert_eq!(origin.loads(), 2);
}

#[cache_read(key = "h-price", ttl = 60, stale_for = 600, skip(origin))]
async fn price(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

async fn only_who_asked_for_stale_values_gets_them(stage: Stage) {
    let origin = Origin::new();
    assert_eq!(on(&stage.cache, price(&origin)).await, Ok(1));
    stage.clock.advance(61 * SECOND);
    let direct = stage
        .cache
        .try_load("h-price", || async { Err::<usize, _>("it fails") })
        .await;
    assert_eq!(direct, Err("it fails"));
}

#[cache_read(key = "h-early:{id}", ttl = 60, early_ttl = 40, tags = ["h-early"], skip(origin))]
async fn early(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

/// The early load goes on for long; what was invalidated meanwhile is loaded once, not at every read.
async fn an_early_load_that_was_overtaken_keeps_nobody_from_storing(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, early(&origin, 7)).await.expect("it loads");
    stage.clock.advance(50 * SECOND);
    origin.stand_still();
    assert_eq!(on(&stage.cache, early(&origin, 7)).await, Ok(1));
    origin.has_begun(2).await;
    stage
        .cache
        .invalidate_tags(["h-early"])
        .await
        .expect("it is taken");
    let others = Origin::new();
    for _ in 0..5 {
        assert_eq!(on(&stage.other, early(&others, 7)).await, Ok(1));
    }
    assert_eq!(others.loads(), 1);
    origin.go_on();
    stage.cache.settle().await;
}

#[cache_read(key = "h-session", ttl = 60, refresh)]
async fn session() -> u8 {
    1
}

async fn what_was_persisted_is_not_made_mortal_by_a_shorter_renewal(stage: Stage) {
    on(&stage.cache, session()).await;
    assert!(stage.cache.persist("h-session").await.expect("it answers"));
    on(&stage.cache, session()).await;
    stage.clock.advance(61 * SECOND);
    assert!(stage.cache.exists("h-session").await.expect("it answers"));
}

#[cache_read(key = "h-first", ttl = 60, cache_if = |number| *number == 1, skip(origin))]
async fn refreshed(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

/// The origin has said 2; nobody is told 1 after that.
async fn a_refresh_whose_value_is_not_kept_leaves_nothing_older(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, async {
        assert_eq!(refreshed(&origin).await, Ok(1));
        assert_eq!(refreshed::refresh(&origin).await, Ok(2));
        assert_ne!(refreshed(&origin).await, Ok(1));
    })
    .await;
}

#[cache_read(key = "h-gone", ttl = 60, stale_for = 600, cache_if = |number| *number == 1, skip(origin))]
async fn gone(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

/// As above, where the older value has expired and the next load fails.
async fn a_stale_value_is_not_older_than_what_was_loaded_since(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, async {
        assert_eq!(gone(&origin).await, Ok(1));
        stage.clock.advance(61 * SECOND);
        assert_eq!(gone(&origin).await, Ok(2));
        origin.fail(true);
        assert_ne!(gone(&origin).await, Ok(1));
    })
    .await;
}

fn fits(number: &u32) -> bool {
    assert!(*number < 2, "a number that was not thought of");
    true
}

#[cache_read(key = "h-row:{id}", cache_if = fits, skip(origin))]
async fn row(origin: &Arc<AtomicUsize>, id: u8) -> u32 {
    u32::try_from(origin.load(Ordering::SeqCst)).expect("it is small") + u32::from(id) - 7
}

#[cache_write(put = row(id), invalidate = "on_ok")]
async fn write_row(origin: &Arc<AtomicUsize>, id: u8) -> Result<u32, String> {
    let _ = id;
    origin.store(2, Ordering::SeqCst);
    Ok(2)
}

/// It succeeded; what was cached of the row from before is not served.
async fn a_write_whose_put_panics_invalidates(stage: Stage) {
    let origin = Arc::new(AtomicUsize::new(1));
    assert_eq!(on(&stage.cache, row(&origin, 7)).await, 1);
    let writing = tokio::spawn({
        let (cache, origin) = (stage.cache.clone(), Arc::clone(&origin));
        async move { on(&cache, write_row(&origin, 7)).await }
    });
    assert!(writing.await.is_err_and(|error| error.is_panic()));
    stage.cache.settle().await;
    assert_eq!(
        on(&stage.cache, row::peek(7)).await.expect("it answers"),
        None
    );
}

fn hand_wound() -> (Cache, Clock) {
    let clock = Clock::hand_wound();
    (Cache::builder().clock(clock.clone()).build(), clock)
}

/// A value whose clone waits, once, when it is told to.
struct Gated {
    number: usize,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_armed: AtomicBool,
    is_there: AtomicBool,
    is_open: AtomicBool,
}

impl Clone for Gated {
    fn clone(&self) -> Self {
        if self.gate.is_armed.swap(false, Ordering::SeqCst) {
            self.gate.is_there.store(true, Ordering::SeqCst);
            while !self.gate.is_open.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        }
        Self {
            number: self.number,
            gate: Arc::clone(&self.gate),
        }
    }
}

#[cache_read(
    key = "h-gated",
    ttl = 60,
    early_ttl = 40,
    layer = "l1",
    skip(origin, gate)
)]
async fn gated(origin: &Origin, gate: &Arc<Gate>) -> Gated {
    Gated {
        number: origin.load().await.expect("it loads"),
        gate: Arc::clone(gate),
    }
}

/// A hit that was slow to notice the entry's age finds the new one there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_hit_does_not_load_early_again() {
    in_time(async {
        let (cache, clock) = hand_wound();
        let (origin, gate) = (Origin::new(), Arc::new(Gate::default()));
        on(&cache, gated(&origin, &gate)).await;
        clock.advance(50 * SECOND);
        gate.is_armed.store(true, Ordering::SeqCst);
        let late = tokio::spawn({
            let (cache, origin, gate) = (cache.clone(), origin.clone(), Arc::clone(&gate));
            async move { on(&cache, gated(&origin, &gate)).await }
        });
        while !gate.is_there.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        assert_eq!(on(&cache, gated(&origin, &gate)).await.number, 1);
        cache.settle().await;
        assert_eq!(origin.loads(), 2);
        gate.is_open.store(true, Ordering::SeqCst);
        assert_eq!(late.await.expect("it returns").number, 1);
        cache.settle().await;
        assert_eq!(origin.loads(), 2, "the entry is new");
    })
    .await;
}

#[cache_read(
    key = "h-slow",
    ttl = 60,
    stale_for = 600,
    load_timeout = "1ms",
    skip(origin)
)]
async fn slow(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

/// One load that stands still, and callers that come and go: they take no memory.
#[tokio::test(start_paused = true)]
async fn callers_that_no_longer_wait_leave_no_tasks_behind() {
    let (cache, clock) = hand_wound();
    let origin = Origin::new();
    on(&cache, async {
        assert_eq!(slow(&origin).await, Ok(1));
        clock.advance(61 * SECOND);
        origin.stand_still();
        for _ in 0..500 {
            assert_eq!(slow(&origin).await, Ok(1));
        }
    })
    .await;
    assert_eq!(origin.loads(), 2);
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert!(tasks < 10, "{tasks} tasks wait for nobody");
}

#[cache_read(
    key = "h-slower",
    ttl = 60,
    stale_for = 600,
    load_timeout = "1h",
    skip(origin)
)]
async fn slower(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

/// A thread that runs its call on a runtime which another one takes down.
#[test]
fn a_runtime_that_goes_down_keeps_no_caller_waiting() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("it starts");
    let (cache, clock) = hand_wound();
    let origin = Origin::new();
    assert_eq!(runtime.block_on(on(&cache, slower(&origin))), Ok(1));
    clock.advance(61 * SECOND);
    origin.stand_still();
    let (ended, ends) = mpsc::channel::<()>();
    let handle = runtime.handle().clone();
    std::thread::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        move || {
            let _ended = ended;
            let _ = handle.block_on(on(&cache, slower(&origin)));
        }
    });
    while origin.loads() < 2 {
        std::thread::yield_now();
    }
    runtime.shutdown_background();
    // Its value or its panic: either drops the sender.
    let ended = ends.recv_timeout(Duration::from_secs(10));
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected), "it hangs");
}

#[cache_read(key = "h-forever", ttl = Duration::from_secs(u64::MAX), jitter = "100%")]
async fn forever() -> u8 {
    1
}

#[tokio::test]
async fn a_ttl_as_good_as_endless_can_be_jittered() {
    let (cache, _) = hand_wound();
    assert_eq!(on(&cache, forever()).await, 1);
}

/// While another process loads early, a hit here costs what a hit costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_beside_another_processes_early_load_stay_cheap() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let clock = Clock::hand_wound();
        let here = crate::stage::cache_on(&proxy.url(), &clock).await;
        let there = crate::stage::cache_on(&server.url(), &clock).await;
        let origin = Origin::new();
        on(&there, early(&origin, 7)).await.expect("it loads");
        clock.advance(50 * SECOND);
        origin.stand_still();
        assert_eq!(on(&there, early(&origin, 7)).await, Ok(1));
        origin.has_begun(2).await;
        // The first one asks whether it may.
        assert_eq!(on(&here, early(&origin, 7)).await, Ok(1));
        here.settle().await;
        let before = proxy.round_trips();
        for _ in 0..10 {
            assert_eq!(on(&here, early(&origin, 7)).await, Ok(1));
            here.settle().await;
        }
        assert_eq!(proxy.round_trips() - before, 10);
        origin.go_on();
        there.settle().await;
    })
    .await;
}

/// What a destructor does, which calls the cache.
#[derive(Clone)]
struct Calling {
    cache: Cache,
    dropped: Arc<Mutex<usize>>,
}

impl Drop for Calling {
    fn drop(&mut self) {
        *self.dropped.lock().expect("it is sound") += 1;
        let cache = self.cache.clone();
        let mut reading = Box::pin(async move { cache.exists("h-calling").await });
        let waker = std::task::Waker::noop();
        let _ = reading
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
    }
}

#[cache_read(
    key = "h-calling",
    layer = "l1",
    ttl = 60,
    early_ttl = 40,
    stale_for = 60,
    refresh,
    skip(cache, dropped)
)]
async fn calling(cache: &Cache, dropped: &Arc<Mutex<usize>>) -> Calling {
    Calling {
        cache: cache.clone(),
        dropped: Arc::clone(dropped),
    }
}

#[tokio::test]
async fn destructors_may_call_the_cache() {
    in_time(async {
        let (cache, clock) = hand_wound();
        let dropped = Arc::default();
        for _ in 0..5 {
            on(&cache, calling(&cache, &dropped)).await;
            clock.advance(30 * SECOND);
            cache.settle().await;
        }
        cache
            .invalidate_key("h-calling")
            .await
            .expect("it is taken");
        on(&cache, calling(&cache, &dropped)).await;
        cache.clear().await.expect("it is taken");
        assert!(*dropped.lock().expect("it is sound") > 2);
    })
    .await;
}

#[cache_write(tags = ["h-written"])]
async fn write_that_is_dropped() {
    std::future::pending::<()>().await;
}

/// A load in the background that does not end takes no time away from what must not be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_load_without_end_keeps_no_invalidation_from_being_settled() {
    in_time(async {
        let stage = Stage::redis().await;
        let origin = Origin::new();
        assert_eq!(on(&stage.cache, early(&origin, 7)).await, Ok(1));
        stage.clock.advance(50 * SECOND);
        origin.stand_still();
        assert_eq!(on(&stage.cache, early(&origin, 7)).await, Ok(1));
        origin.has_begun(2).await;

        let cache = stage.cache.clone();
        let mut write = Box::pin(async move { on(&cache, write_that_is_dropped()).await });
        assert!(futures_util::poll!(write.as_mut()).is_pending());
        // Where there is no runtime that could retry.
        let dropping = std::thread::spawn(move || drop(write));
        dropping.join().expect("it is dropped");
        assert_eq!(stage.cache.stats().queued_invalidations, 2);

        let caches = larder::Caches::single(stage.cache.clone());
        let settled = caches.settle(2 * SECOND).await;
        let left = settled.err().map(|unsettled| unsettled.queued);
        assert_eq!(left.unwrap_or_default(), []);
        origin.go_on();
    })
    .await;
}

/// Whoever is told that the caches did not settle is told what is left.
#[tokio::test(start_paused = true)]
async fn what_did_not_settle_is_named() {
    let (cache, clock) = hand_wound();
    let origin = Origin::new();
    assert_eq!(on(&cache, early(&origin, 7)).await, Ok(1));
    clock.advance(50 * SECOND);
    origin.stand_still();
    assert_eq!(on(&cache, early(&origin, 7)).await, Ok(1));
    let settled = larder::Caches::single(cache).settle(SECOND).await;
    let said = settled.map_err(|unsettled| unsettled.to_string());
    assert_ne!(said, Err("the caches did not settle within 1s".to_owned()));
}

#[cache_read(key = "h-weighed", layer = "l1")]
async fn weighed() -> u8 {
    1
}

#[cache_write(tags = ["h-tag"], put = weighed())]
async fn write_weighed() -> u8 {
    2
}

/// The caller's weigher panics over what is put; the store is told all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_panics_in_process_memory_loses_no_invalidation() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let cache = Cache::builder()
            .store(store)
            .time_budget(10 * SECOND)
            .memory_limit(larder::MemoryLimit::Weight(
                1_000,
                Arc::new(|_, _| panic!("it cannot be weighed")),
            ))
            .build();
        let other = crate::stage::cache_on(&server.url(), &Clock::default()).await;
        let set = other.set("h-tagged", &1_u8).tags(["h-tag"]);
        set.await.expect("it is stored");
        let writing = tokio::spawn({
            let cache = cache.clone();
            async move { on(&cache, write_weighed()).await }
        });
        assert!(writing.await.is_err_and(|error| error.is_panic()));
        cache.settle().await;
        let left = other.get::<u8>("h-tagged").await.expect("it answers");
        assert_eq!(left, None);
    })
    .await;
}
