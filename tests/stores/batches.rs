//! Batches: one lookup and one load for many keys, beside others that load some of them.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use larder::{Cache, Clock, cache_read, cache_read_many};
use larder_redis::RedisStore;
use larder_testkit::{FaultProxy, RedisServer};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::meddled::Meddled;
use crate::stage::{Stage, cache_on, in_time, on_every_store};

on_every_store! {
    a_batch_loads_what_is_missing_and_nothing_twice
    a_thousand_keys_are_loaded_at_once_and_hit_elsewhere
    batches_and_single_callers_wait_for_each_other
    a_key_that_did_not_come_is_an_answer_for_batches_only
    what_is_dead_under_other_tags_is_loaded_once
    overtaken_in_this_process
    overtaken_from_another_process
    a_batch_may_be_dropped_at_every_await
    a_failing_batch_stores_nothing_and_fails_nobody_else
    the_failure_of_one_key_is_shared
    one_failing_key_does_not_fail_a_batch
    a_batch_that_is_given_up_over_and_over_keeps_nobody_waiting
    a_panic_goes_to_its_caller
    what_is_locked_elsewhere_is_waited_for_without_holding_anything
    what_is_stale_is_served_if_all_of_it_is_there
    hits_renew_the_ttl
    a_refresh_replaces_all_and_removes_what_is_gone
    a_crowd_of_overlapping_batches_reads_nothing_stale
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed;

/// Where users come from.
#[derive(Default)]
struct Origin {
    asked: Mutex<Vec<Vec<u64>>>,
    version: AtomicU64,
    fails: AtomicBool,
    panics: AtomicBool,
    gate: Option<Gate>,
}

/// Holds loads back.
struct Gate {
    begun: Semaphore,
    open: Semaphore,
}

impl Origin {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn of_version(version: u64) -> Arc<Self> {
        Arc::new(Self {
            version: version.into(),
            ..Self::default()
        })
    }

    fn gated() -> Arc<Self> {
        Arc::new(Self {
            gate: Some(Gate {
                begun: Semaphore::new(0),
                open: Semaphore::new(0),
            }),
            ..Self::default()
        })
    }

    /// No user has the number 404.
    async fn load(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
        self.asked.lock().expect("no panic").push(ids.to_vec());
        let version = self.version.load(Ordering::SeqCst);
        match &self.gate {
            Some(gate) => {
                gate.begun.add_permits(1);
                gate.open.acquire().await.expect("it stays open").forget();
            }
            None => tokio::task::yield_now().await,
        }
        assert!(!self.panics.load(Ordering::SeqCst), "the origin panics");
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failed);
        }
        let there = ids.iter().filter(|id| **id != 404);
        Ok(there.map(|id| (*id, version)).collect())
    }

    fn asked(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }

    async fn begun(&self) {
        let gate = self.gate.as_ref().expect("it is gated");
        gate.begun.acquire().await.expect("it begins").forget();
    }

    fn open(&self) {
        let gate = self.gate.as_ref().expect("it is gated");
        gate.open.add_permits(1_000);
    }
}

#[cache_read_many(key = "user:{id}", tags = ["user-{id}", "users"], ttl = 60, skip(origin))]
async fn many(origin: &Origin, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
    origin.load(ids).await
}

#[cache_read(key = "user:{id}", tags = ["user-{id}", "users"], ttl = 60, skip(origin))]
async fn one(origin: &Origin, id: u64) -> Result<u64, Failed> {
    let loaded = origin.load(&[id]).await?;
    loaded.get(&id).copied().ok_or(Failed)
}

#[cache_read_many(key = "user:{id}", tags = ["user-{id}", "users"], ttl = 60, lock, skip(origin))]
async fn many_locked(origin: &Origin, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
    origin.load(ids).await
}

#[cache_read_many(key = "user:{id}", ttl = 60, stale_for = 600, refresh, skip(origin))]
async fn many_aging(origin: &Origin, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
    origin.load(ids).await
}

#[cache_read_many(key = "user:{id}", namespace = "shop", tags = ["users"], skip(origin))]
async fn many_in_shop(origin: &Origin, ids: &[u64]) -> Result<HashMap<u64, u64>, Failed> {
    origin.load(ids).await
}

async fn on<F: Future>(cache: &Cache, test: F) -> F::Output {
    larder::scope(cache.clone(), test).await
}

type Answer = Result<HashMap<u64, u64>, Failed>;

fn spawn_many(cache: &Cache, origin: &Arc<Origin>, ids: &[u64]) -> JoinHandle<Answer> {
    let (cache, origin, ids) = (cache.clone(), Arc::clone(origin), ids.to_vec());
    tokio::spawn(async move { on(&cache, many(&origin, &ids)).await })
}

fn spawn_one(cache: &Cache, origin: &Arc<Origin>, id: u64) -> JoinHandle<Result<u64, Failed>> {
    let (cache, origin) = (cache.clone(), Arc::clone(origin));
    tokio::spawn(async move { on(&cache, one(&origin, id)).await })
}

/// Until so many callers have begun to wait for another one's load.
async fn waits(cache: &Cache, waits: u64) {
    while cache.stats().waits < waits {
        tokio::task::yield_now().await;
    }
}

fn all(ids: &[u64], version: u64) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, version)).collect()
}

async fn a_batch_loads_what_is_missing_and_nothing_twice(stage: Stage) {
    let (cache, origin) = (&stage.cache, Origin::new());
    on(cache, async {
        one(&origin, 2).await.expect("it loads");
        let got = many(&origin, &[3, 2, 1, 3, 2]).await;
        assert_eq!(got, Ok(all(&[1, 2, 3], 0)));
        assert_eq!(origin.asked(), [vec![2], vec![3, 1]]);
        assert_eq!(many(&origin, &[]).await, Ok(HashMap::new()));
        one(&origin, 3).await.expect("it is there");
        assert!(origin.asked().is_empty());
    })
    .await;
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads), (2, 3, 2));
    // With the tags of the single function, everywhere.
    on(&stage.other, async {
        let by_tag = stage.other.invalidate_tags(["user-3"]);
        by_tag.await.expect("it is carried out");
        assert_eq!(many(&origin, &[1, 2, 3]).await, Ok(all(&[1, 2, 3], 0)));
        assert_eq!(origin.asked(), [[3]]);
    })
    .await;
    assert_eq!(
        on(&Cache::off(), many(&origin, &[5, 5, 6])).await,
        Ok(all(&[5, 6], 0))
    );
    assert_eq!(origin.asked(), [[5, 6]]);
}

async fn a_thousand_keys_are_loaded_at_once_and_hit_elsewhere(stage: Stage) {
    let origin = Origin::new();
    let ids: Vec<u64> = (1_000..2_000).rev().collect();
    let expected = Ok(all(&ids, 0));
    assert!(on(&stage.cache, many(&origin, &ids)).await == expected);
    assert!(origin.asked() == [&*ids]);
    assert!(on(&stage.other, many(&origin, &ids)).await == expected);
    assert!(origin.asked().is_empty());
}

async fn batches_and_single_callers_wait_for_each_other(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    let first = spawn_many(cache, &slow, &[1, 2, 3]);
    slow.begun().await;
    let alone = spawn_one(cache, &slow, 9);
    slow.begun().await;
    // It loads what nobody does at once, and then waits for both.
    let second = spawn_many(cache, &quick, &[9, 3, 4]);
    let single = spawn_one(cache, &quick, 2);
    waits(cache, 2).await;
    while cache
        .get::<u64>("user:4")
        .await
        .expect("it answers")
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished() && !single.is_finished());
    slow.open();
    assert_eq!(first.await.expect("it ends"), Ok(all(&[1, 2, 3], 0)));
    assert_eq!(second.await.expect("it ends"), Ok(all(&[3, 4, 9], 0)));
    assert_eq!(single.await.expect("it ends"), Ok(0));
    assert_eq!(alone.await.expect("it ends"), Ok(0));
    assert_eq!(quick.asked(), [[4]]);
    assert_eq!(cache.stats().waits, 3);
}

async fn a_key_that_did_not_come_is_an_answer_for_batches_only(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    let first = spawn_many(cache, &slow, &[1, 404]);
    slow.begun().await;
    let second = spawn_many(cache, &quick, &[404, 1]);
    let single = spawn_one(cache, &quick, 404);
    waits(cache, 2).await;
    slow.open();
    assert_eq!(first.await.expect("it ends"), Ok(all(&[1], 0)));
    assert_eq!(second.await.expect("it ends"), Ok(all(&[1], 0)));
    assert_eq!(single.await.expect("it ends"), Err(Failed));
    assert_eq!(quick.asked(), [[404]]);
    assert!(!cache.exists("user:404").await.expect("it answers"));
}

async fn what_is_dead_under_other_tags_is_loaded_once(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    let set = cache.set(many::key(1), &7_u64);
    set.tags(["user-1", "users", "more"])
        .await
        .expect("it is stored");
    cache
        .invalidate_tags(["more"])
        .await
        .expect("it is carried out");
    let first = spawn_many(cache, &slow, &[1]);
    slow.begun().await;
    let second = spawn_many(cache, &quick, &[1]);
    waits(cache, 1).await;
    slow.open();
    assert_eq!(first.await.expect("it ends"), Ok(all(&[1], 0)));
    assert_eq!(second.await.expect("it ends"), Ok(all(&[1], 0)));
    assert!(quick.asked().is_empty());
}

async fn overtaken_in_this_process(stage: Stage) {
    overtaken(&stage.cache, &stage.cache).await;
}

async fn overtaken_from_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other).await;
}

/// What overtakes a load: each reaches user 1 in the namespace, and some more.
async fn overtake(by: &Cache, kind: &str) {
    let key = || larder::Key::new("user:1").in_namespace("shop");
    match kind {
        "key" => drop(by.invalidate_key(key()).await.expect("it is carried out")),
        "deletion" => drop(by.delete(key()).await.expect("it is carried out")),
        "tag" => drop(
            by.invalidate_tags(["users"])
                .await
                .expect("it is carried out"),
        ),
        "namespace" => drop(
            by.invalidate_namespace("shop")
                .await
                .expect("it is carried out"),
        ),
        "pattern" => {
            let pattern = larder::Pattern::new("user:*").in_namespace("shop");
            by.delete_by_pattern(pattern)
                .await
                .expect("it is carried out");
        }
        "clear" => drop(by.clear().await.expect("it is carried out")),
        "set" => by
            .set(key(), &77_u64)
            .tags(["users"])
            .await
            .expect("it is stored"),
        other => unreachable!("{other}"),
    }
}

async fn overtaken(cache: &Cache, by: &Cache) {
    for kind in [
        "key",
        "deletion",
        "tag",
        "namespace",
        "pattern",
        "clear",
        "set",
    ] {
        by.clear().await.expect("it is carried out");
        let before = Origin::gated();
        let start = || {
            let (cache, origin) = (cache.clone(), Arc::clone(&before));
            tokio::spawn(async move { on(&cache, many_in_shop(&origin, &[1, 2])).await })
        };
        let early = start();
        before.begun().await;
        overtake(by, kind).await;
        // Who comes now does not join the load from before.
        let after = Origin::of_version(1);
        let expected = if kind == "set" { 77 } else { 1 };
        let late = on(cache, many_in_shop(&after, &[1])).await;
        assert_eq!(late, Ok(all(&[1], expected)), "{kind}");
        before.open();
        assert_eq!(early.await.expect("it ends"), Ok(all(&[1, 2], 0)), "{kind}");
        // Nor is what it brought stored over it.
        for cache in [cache, by] {
            let stored = on(cache, many_in_shop(&after, &[1])).await;
            assert_eq!(stored, Ok(all(&[1], expected)), "{kind}");
        }

        // And if nobody loads in between, it is not stored at all.
        by.clear().await.expect("it is carried out");
        let before = Origin::gated();
        let early = {
            let (cache, origin) = (cache.clone(), Arc::clone(&before));
            tokio::spawn(async move { on(&cache, many_in_shop(&origin, &[1, 2])).await })
        };
        before.begun().await;
        overtake(by, kind).await;
        before.open();
        assert_eq!(early.await.expect("it ends"), Ok(all(&[1, 2], 0)), "{kind}");
        let stored = on(by, many_in_shop(&after, &[1])).await;
        assert_eq!(stored, Ok(all(&[1], expected)), "{kind}");
    }
}

/// Gives up after so many polls that had to wait.
struct AtMost<F> {
    waits: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for AtMost<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits -= 1;
                Poll::Pending
            }
        }
    }
}

async fn a_batch_may_be_dropped_at_every_await(stage: Stage) {
    for waits in 0.. {
        stage.cache.clear().await.expect("it is carried out");
        let origin = Origin::new();
        on(&stage.cache, many_locked(&origin, &[2]))
            .await
            .expect("it loads");
        origin.asked();
        let mut leader = AtMost {
            waits,
            future: Box::pin(on(&stage.cache, many_locked(&origin, &[1, 2, 3]))),
        };
        let first =
            std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut leader).poll(context))).await;
        let waiting = [
            tokio::spawn({
                let (cache, origin) = (stage.cache.clone(), Arc::clone(&origin));
                async move { on(&cache, many_locked(&origin, &[3, 1, 4])).await }
            }),
            spawn_many(&stage.cache, &origin, &[1, 2, 3]),
        ];
        let single = spawn_one(&stage.cache, &origin, 3);
        let outcome = match first {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => (&mut leader).await,
        };
        drop(leader);
        for (caller, ids) in waiting.into_iter().zip([[1, 3, 4], [1, 2, 3]]) {
            assert_eq!(caller.await.expect("it ends"), Ok(all(&ids, 0)));
        }
        assert_eq!(single.await.expect("it ends"), Ok(0));
        // Nor is anyone in another process kept waiting by a lease that was left.
        stage.cache.settle().await;
        for id in 1..=4_u64 {
            let key = many::key(id);
            stage
                .cache
                .invalidate_key(key)
                .await
                .expect("it is carried out");
        }
        let elsewhere = on(&stage.other, many_locked(&origin, &[1, 2, 3, 4])).await;
        assert_eq!(elsewhere, Ok(all(&[1, 2, 3, 4], 0)));
        if outcome.is_some() {
            assert!(waits > 0, "it waits at least once");
            return;
        }
    }
}

async fn a_failing_batch_stores_nothing_and_fails_nobody_else(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    slow.fails.store(true, Ordering::SeqCst);
    let first = spawn_many(cache, &slow, &[1, 2, 3]);
    slow.begun().await;
    let second = spawn_many(cache, &quick, &[2, 3]);
    let singles = [spawn_one(cache, &quick, 1), spawn_one(cache, &quick, 1)];
    waits(cache, 3).await;
    slow.open();
    assert_eq!(first.await.expect("it ends"), Err(Failed));
    assert_eq!(second.await.expect("it ends"), Ok(all(&[2, 3], 0)));
    for single in singles {
        assert_eq!(single.await.expect("it ends"), Ok(0));
    }
    let mut asked = quick.asked();
    asked.sort();
    assert_eq!(asked, [vec![1], vec![2, 3]]);
    assert_eq!(cache.stats().load_failures, 1);
}

async fn the_failure_of_one_key_is_shared(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    slow.fails.store(true, Ordering::SeqCst);
    let first = spawn_many(cache, &slow, &[1]);
    slow.begun().await;
    let single = spawn_one(cache, &quick, 1);
    waits(cache, 1).await;
    slow.open();
    assert_eq!(first.await.expect("it ends"), Err(Failed));
    assert_eq!(single.await.expect("it ends"), Err(Failed));
    assert!(quick.asked().is_empty());
}

async fn one_failing_key_does_not_fail_a_batch(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    let single = spawn_one(cache, &slow, 404);
    slow.begun().await;
    let batch = spawn_many(cache, &quick, &[1, 404, 2]);
    waits(cache, 1).await;
    slow.open();
    assert_eq!(single.await.expect("it ends"), Err(Failed));
    assert_eq!(batch.await.expect("it ends"), Ok(all(&[1, 2], 0)));
    assert_eq!(quick.asked(), [vec![1, 2], vec![404]]);
}

/// Batches that fail one after the other: who waits for them does so twice at most.
async fn a_batch_that_is_given_up_over_and_over_keeps_nobody_waiting(stage: Stage) {
    let cache = &stage.cache;
    let failing: Vec<_> = (0..4).map(|_| Origin::gated()).collect();
    for origin in &failing {
        origin.fails.store(true, Ordering::SeqCst);
    }
    let mut callers = Vec::new();
    let mut waiting = 0;
    for origin in &failing {
        callers.push(spawn_many(cache, origin, &[1, 2]));
        if callers.len() == 1 {
            origin.begun().await;
        } else {
            waiting += 1;
            waits(cache, waiting).await;
        }
    }
    // The first is given up, and so is the second, whichever that is; those that are left load at once.
    failing[0].open();
    let taken_over = failing[1..].iter().map(|origin| Box::pin(origin.begun()));
    let (_, second, _) = futures_util::future::select_all(taken_over).await;
    waits(cache, 2 * waiting + 2).await;
    failing[second + 1].open();
    for (at, origin) in failing.iter().enumerate() {
        if at != 0 && at != second + 1 {
            origin.begun().await;
        }
    }
    for origin in &failing {
        origin.open();
    }
    for caller in callers {
        assert_eq!(caller.await.expect("it ends"), Err(Failed));
    }
}

async fn a_panic_goes_to_its_caller(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    slow.panics.store(true, Ordering::SeqCst);
    let first = spawn_many(cache, &slow, &[1, 2]);
    slow.begun().await;
    let second = spawn_many(cache, &quick, &[2, 3]);
    let single = spawn_one(cache, &quick, 1);
    waits(cache, 2).await;
    slow.open();
    assert!(first.await.expect_err("it panics").is_panic());
    assert_eq!(second.await.expect("it ends"), Ok(all(&[2, 3], 0)));
    assert_eq!(single.await.expect("it ends"), Ok(0));
}

async fn what_is_locked_elsewhere_is_waited_for_without_holding_anything(stage: Stage) {
    let (cache, slow, quick) = (&stage.cache, Origin::gated(), Origin::new());
    let elsewhere = tokio::spawn({
        let (cache, origin) = (stage.other.clone(), Arc::clone(&slow));
        async move { on(&cache, many_locked(&origin, &[1])).await }
    });
    slow.begun().await;
    let batch = tokio::spawn({
        let (cache, origin) = (cache.clone(), Arc::clone(&quick));
        async move { on(&cache, many_locked(&origin, &[1, 2])).await }
    });
    // What is free is loaded and stored meanwhile.
    while cache
        .get::<u64>("user:2")
        .await
        .expect("it answers")
        .is_none()
    {
        tokio::task::yield_now().await;
    }
    assert!(!batch.is_finished());
    slow.open();
    assert_eq!(elsewhere.await.expect("it ends"), Ok(all(&[1], 0)));
    assert_eq!(batch.await.expect("it ends"), Ok(all(&[1, 2], 0)));
    assert_eq!(quick.asked(), [[2]]);
}

async fn what_is_stale_is_served_if_all_of_it_is_there(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, async {
        many_aging(&origin, &[1, 2]).await.expect("it loads");
        stage.clock.advance(Duration::from_secs(61));
        origin.fails.store(true, Ordering::SeqCst);
        assert_eq!(many_aging(&origin, &[1, 2]).await, Ok(all(&[1, 2], 0)));
        assert_eq!(stage.cache.stats().stale_served, 2);
        assert_eq!(many_aging(&origin, &[1, 2, 3]).await, Err(Failed));
        assert_eq!(many_aging::refresh(&origin, &[1, 2]).await, Err(Failed));
        many_aging::invalidate(&[1])
            .await
            .expect("it is carried out");
        assert_eq!(many_aging(&origin, &[1, 2]).await, Err(Failed));
    })
    .await;
}

async fn hits_renew_the_ttl(stage: Stage) {
    let origin = Origin::new();
    on(&stage.cache, async {
        many_aging(&origin, &[1, 2, 3]).await.expect("it loads");
        for _ in 0..3 {
            stage.clock.advance(Duration::from_secs(40));
            many_aging(&origin, &[1, 2]).await.expect("it is there");
        }
        assert_eq!(origin.asked(), [[1, 2, 3]]);
        many_aging(&origin, &[1, 2, 3]).await.expect("it loads");
        assert_eq!(origin.asked(), [[3]]);
    })
    .await;
}

async fn a_refresh_replaces_all_and_removes_what_is_gone(stage: Stage) {
    let (before, after) = (Origin::new(), Origin::of_version(1));
    on(&stage.cache, async {
        many(&before, &[1, 2]).await.expect("it loads");
        many::prime(404, &0).await.expect("it is stored");
        let refreshed = many::refresh(&after, &[1, 2, 404]).await;
        assert_eq!(refreshed, Ok(all(&[1, 2], 1)));
        assert_eq!(many(&after, &[1, 2]).await, Ok(all(&[1, 2], 1)));
    })
    .await;
    assert_eq!(after.asked(), [[1, 2, 404]]);
    assert!(!stage.other.exists("user:404").await.expect("it answers"));
}

/// Overlapping batches and single callers, some of which are dropped, while their keys are invalidated.
async fn a_crowd_of_overlapping_batches_reads_nothing_stale(stage: Stage) {
    const KEYS: u64 = 12;
    let (origin, announced) = (Origin::new(), Arc::new(AtomicU64::new(0)));
    let stage = Arc::new(stage);
    let readers: Vec<_> = (0..8_u64)
        .map(|reader| {
            let (stage, origin, announced) = (
                Arc::clone(&stage),
                Arc::clone(&origin),
                Arc::clone(&announced),
            );
            tokio::spawn(async move {
                for turn in 0..60_u64 {
                    let cache = if reader % 4 == 3 {
                        &stage.other
                    } else {
                        &stage.cache
                    };
                    let from = (reader * 5 + turn * 7) % KEYS;
                    let ids: Vec<u64> = (0..5)
                        .map(|at| (from + at * (1 + reader % 3)) % KEYS)
                        .collect();
                    let at_least = announced.load(Ordering::SeqCst);
                    if turn % 9 == 0 {
                        let dropped = on(cache, many(&origin, &ids));
                        let waits = (turn % 5) as usize;
                        AtMost {
                            waits,
                            future: Box::pin(dropped),
                        }
                        .await;
                    } else if turn % 7 == 0 {
                        let value = on(cache, one(&origin, from)).await.expect("it works");
                        assert!(value >= at_least, "{value} was read after {at_least}");
                    } else {
                        let values = on(cache, many(&origin, &ids)).await.expect("it works");
                        let oldest = ids.iter().map(|id| values[id]).min();
                        assert!(
                            oldest >= Some(at_least),
                            "{oldest:?} was read after {at_least}"
                        );
                    }
                }
            })
        })
        .collect();
    for turn in 1..100_u64 {
        origin.version.store(turn, Ordering::SeqCst);
        let by = if turn % 3 == 0 {
            &stage.other
        } else {
            &stage.cache
        };
        by.invalidate_tags(["users"])
            .await
            .expect("it is carried out");
        announced.store(turn, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    join_all(readers)
        .await
        .into_iter()
        .for_each(|reader| reader.expect("it ends"));
}

// On one thread, what is sent together travels together.
#[tokio::test]
async fn a_batch_costs_as_many_round_trips_as_one_key() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let cache = cache_on(&proxy.url(), &Clock::default()).await;
        let origin = Origin::new();
        // So that the server knows the scripts.
        on(&cache, many(&origin, &[1_000])).await.expect("it loads");
        let ids: Vec<u64> = (0..60).collect();

        let before = proxy.round_trips();
        on(&cache, many(&origin, &ids[..4]))
            .await
            .expect("it loads");
        let misses = proxy.round_trips() - before;
        assert_eq!(misses, 3, "look, lease, fill");
        on(&cache, many(&origin, &ids))
            .await
            .expect("it loads the others");

        let before = proxy.round_trips();
        on(&cache, many(&origin, &ids)).await.expect("it is there");
        assert_eq!(proxy.round_trips() - before, 1, "with all their tags");

        // Scopes that only the entries know cost one more for all of them.
        let entries = ids.iter().map(|id| (many::key(*id), *id));
        let set = cache.set_many(entries);
        set.tags(["users", "other"]).await.expect("they are stored");
        for id in 0..60_u64 {
            let tags = [
                format!("user-{id}"),
                "users".to_owned(),
                format!("more-{id}"),
            ];
            cache
                .set(many::key(id), &id)
                .tags(tags)
                .await
                .expect("it is stored");
        }
        let before = proxy.round_trips();
        let got = on(&cache, many(&origin, &ids)).await.expect("it is there");
        assert_eq!(got[&7], 7);
        assert_eq!(proxy.round_trips() - before, 2);
        cache
            .invalidate_tags(["more-7"])
            .await
            .expect("it is carried out");
        let got = on(&cache, many(&origin, &ids)).await.expect("it loads one");
        assert_eq!((got[&7], got[&8]), (0, 8));

        let before = proxy.round_trips();
        assert_eq!(on(&cache, many(&origin, &[])).await, Ok(HashMap::new()));
        assert_eq!(proxy.round_trips() - before, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_or_silent_costs_its_time_budget_once() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let budget = Duration::from_millis(50);
        let cache = Cache::builder()
            .store(store.expect("it is there"))
            .time_budget(budget)
            .build();
        let origin = Origin::new();
        let ids: Vec<u64> = (1_000..2_000).collect();
        on(&cache, many(&origin, &[1])).await.expect("it loads");
        server.pause();
        let began = std::time::Instant::now();
        assert!(on(&cache, many(&origin, &ids)).await == Ok(all(&ids, 0)));
        assert!(began.elapsed() < budget * 40, "not a budget for each key");
        assert_eq!(cache.stats().loads, 2);
        assert!(cache.stats().errors > 0);
        server.resume();
        server.kill();
        assert!(on(&cache, many(&origin, &ids)).await == Ok(all(&ids, 0)));
        assert_eq!(cache.stats().loads, 3);
    })
    .await;
}

/// What a queued invalidation covers is neither served nor stored, though reads get through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_reads_around_an_invalidation_that_is_on_its_way() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let store = Meddled::with(store.expect("it is there"));
        let loses = Arc::clone(&store.loses_invalidations);
        let cache = Cache::builder().store(store).build();
        let (before, after) = (Origin::new(), Origin::of_version(1));
        on(&cache, async {
            many(&before, &[1, 2]).await.expect("it loads");
            cache
                .set(many::key(3), &0_u64)
                .tags(["user-3", "users", "more"])
                .await
                .expect("stored");
            loses.store(true, Ordering::SeqCst);
            cache
                .invalidate_tags(["user-1", "more"])
                .await
                .expect("it is queued");
            let got = many(&after, &[1, 2, 3]).await.expect("it loads");
            assert_eq!((got[&1], got[&2], got[&3]), (1, 0, 1));
            loses.store(false, Ordering::SeqCst);
            cache.settle().await;
            let got = many(&after, &[1, 2, 3]).await.expect("it loads");
            assert_eq!((got[&1], got[&2], got[&3]), (1, 0, 1));
        })
        .await;
    })
    .await;
}

/// An invalidation that is queued when the look begins, of a tag that only the entry knows, arrives
/// before the answer to the look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_looks_again_when_an_invalidation_has_arrived_meanwhile() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let answers = Arc::new(Semaphore::new(2));
        let mut store = Meddled::with(store.expect("it is there"));
        store.answers = Some(Arc::clone(&answers));
        let loses = Arc::clone(&store.loses_invalidations);
        let read = Arc::clone(&store.read);
        let budget = Duration::from_secs(30);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        let set = cache.set(many::key(1), &0_u64);
        set.tags(["user-1", "users", "more"]).await.expect("stored");
        loses.store(true, Ordering::SeqCst);
        cache.invalidate_tags(["more"]).await.expect("it is queued");
        let late = spawn_many(&cache, &Origin::of_version(1), &[1]);
        // The slot, the generations that are known, and the one that is not.
        read.acquire_many(3).await.expect("it reads").forget();
        loses.store(false, Ordering::SeqCst);
        cache.settle().await;
        answers.add_permits(100);
        assert_eq!(late.await.expect("it ends"), Ok(all(&[1], 1)));
    })
    .await;
}
