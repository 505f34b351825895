//! What a tier gets behind its callers' backs: copies of entries, and keys to empty.
//!
//! What waits is bounded. Nothing here is needed for a correct answer: a copy that is missing costs a
//! look into the next tier, and one that should have gone is refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use parking_lot::Mutex;

use super::breaker::{Breaker, FIRST_PAUSE, LAST_PAUSE, is_away};
use super::change;
use super::guarded::Guarded;
use crate::error::StoreError;
use crate::store::Store as _;

/// How many keys may wait for one tier, and how many bytes their entries may have together.
pub(super) const MOST_WAITING: usize = 4_096;
pub(super) const MOST_BYTES: usize = 16 << 20;

/// How many keys are worked off in one turn, and how many copies are on their way at once.
const TURN: usize = 256;
const AT_ONCE: usize = 16;

/// The queue of one tier.
#[derive(Debug)]
pub(super) struct Behind {
    store: Guarded,
    is_authority: bool,
    waiting: Mutex<Waiting>,
    is_working: AtomicBool,
    /// Held while some of it is being done.
    turn: tokio::sync::Mutex<()>,
    /// The largest entry that the tier takes, as far as it has said so.
    largest: AtomicU64,
    promotions: AtomicU64,
    dropped: AtomicU64,
}

/// What is to be done for a key. It stays in the queue until it is done, so that nobody who is dropped
/// on the way loses it.
#[derive(Debug, Clone)]
enum Work {
    Copy(Copy),
    Empty,
}

/// A copy of an entry.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) entry: Arc<[u8]>,
    /// For how long the tier is to keep it.
    pub(super) ttl: Option<Duration>,
    pub(super) cause: Cause,
}

/// Why an entry is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Fill,
    Promotion,
}

/// In the order in which it came; for each key the last that came.
#[derive(Debug, Default)]
struct Waiting {
    numbers: HashMap<String, u64>,
    work: BTreeMap<u64, (String, Work)>,
    bytes: usize,
    last: u64,
}

impl Waiting {
    fn push(&mut self, key: String, work: Work) {
        self.last += 1;
        let number = self.last;
        if let Some(before) = self.numbers.insert(key.clone(), number) {
            self.remove(before);
        }
        self.bytes += size(&key, &work);
        self.work.insert(number, (key, work));
    }

    /// Takes something out, if nothing newer has come for its key.
    fn remove(&mut self, number: u64) -> Option<Work> {
        let (key, work) = self.work.remove(&number)?;
        self.bytes -= size(&key, &work);
        if self.numbers.get(&key) == Some(&number) {
            self.numbers.remove(&key);
        }
        Some(work)
    }

    fn remove_oldest(&mut self) -> Option<Work> {
        let (&oldest, _) = self.work.first_key_value()?;
        self.remove(oldest)
    }

    fn is_too_much(&self) -> bool {
        self.work.len() > MOST_WAITING || self.bytes > MOST_BYTES
    }
}

fn size(key: &str, work: &Work) -> usize {
    match work {
        Work::Copy(copy) => key.len() + copy.entry.len(),
        Work::Empty => key.len(),
    }
}

impl Behind {
    pub(super) fn new(store: Guarded, is_authority: bool) -> Arc<Self> {
        Arc::new(Self {
            store,
            is_authority,
            waiting: Mutex::default(),
            is_working: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            largest: AtomicU64::new(u64::MAX),
            promotions: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    /// How many keys wait.
    pub(super) fn len(&self) -> u64 {
        self.waiting.lock().work.len() as u64
    }

    pub(super) fn promotions(&self) -> u64 {
        self.promotions.load(Ordering::Relaxed)
    }

    /// How many copies the tier did not get.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Copies an entry into the tier, soon. Not while the tier is left alone, and not what is larger than
    /// it takes.
    pub(super) fn copy(self: &Arc<Self>, key: &str, copy: Copy) {
        let size = copy.entry.len();
        let is_too_large = size as u64 > self.largest.load(Ordering::Relaxed) || size > MOST_BYTES;
        if is_too_large || self.store.breaker() != Breaker::Closed {
            self.drop_copy();
            return;
        }
        self.push([(key.to_owned(), Work::Copy(copy))]);
    }

    /// Empties the slots of these keys, as soon as the tier takes it.
    pub(super) fn empty(self: &Arc<Self>, keys: &[String]) {
        self.push(keys.iter().map(|key| (key.clone(), Work::Empty)));
    }

    fn push(self: &Arc<Self>, work: impl IntoIterator<Item = (String, Work)>) {
        let mut waiting = self.waiting.lock();
        for (key, work) in work {
            waiting.push(key, work);
        }
        while waiting.is_too_much() {
            if let Some(Work::Copy(_)) = waiting.remove_oldest() {
                self.drop_copy();
            }
        }
        drop(waiting);
        self.work();
    }

    fn drop_copy(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Works the queue off here and now, until it is empty or the tier does not take what waits. Not left
    /// to the task in the background, whose runtime may be standing still.
    pub(super) async fn flush(&self) {
        while self.len() > 0 {
            if self.turn().await.is_err() {
                return;
            }
        }
    }

    /// Works the queue off in the background, unless that is being done already or there is no runtime
    /// here.
    fn work(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_working.swap(true, Ordering::AcqRel) {
            return;
        }
        let working = Working(Arc::downgrade(self));
        runtime.spawn(async move {
            working.run().await;
            let behind = working.0.upgrade();
            drop(working);
            // What came between the last look and the line above found work under way.
            if let Some(behind) = behind.filter(|behind| behind.len() > 0) {
                behind.work();
            }
        });
    }

    /// Does some of what waits. Fails where the tier did not take all of it.
    async fn turn(&self) -> Result<(), StoreError> {
        // One after the other, so that nothing is done twice; but who takes longer than a turn can take is
        // on a runtime that stands still.
        let rounds = u32::try_from(TURN / AT_ONCE + 1).unwrap_or(u32::MAX);
        let longest = self.store.time_budget().saturating_mul(rounds);
        let _turn = tokio::time::timeout(longest, self.turn.lock()).await;
        let (mut numbers, mut keys, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (key, work)) in self.waiting.lock().work.iter().take(TURN) {
            match work {
                Work::Empty => {
                    numbers.push(*number);
                    keys.push(key.clone());
                }
                Work::Copy(copy) => copies.push((*number, key.clone(), copy.clone())),
            }
        }
        let mut result = Ok(());
        if !keys.is_empty() {
            result = match self.store.invalidate(&[], &keys).await {
                // Nobody else will ever take it.
                Ok(()) | Err(StoreError::Unsupported { .. }) => {
                    let mut waiting = self.waiting.lock();
                    for number in numbers {
                        waiting.remove(number);
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            };
        }
        let copying = copies.into_iter().map(|(number, key, copy)| async move {
            let result = self.write(&key, &copy).await;
            self.copied(number, &copy, result)
        });
        let mut copying = stream::iter(copying).buffer_unordered(AT_ONCE);
        while let Some(copied) = copying.next().await {
            result = result.and(copied);
        }
        result
    }

    /// Whether the tier has the copy now.
    async fn write(&self, key: &str, copy: &Copy) -> Result<bool, StoreError> {
        if self.is_authority {
            return change::restore(&self.store, key, &copy.entry, copy.ttl).await;
        }
        let copying = self.store.copy(key, &copy.entry, copy.ttl);
        copying.await.map(|()| true)
    }

    /// What became of a copy. One that failed is not tried again; only that the tier is away is of
    /// interest beyond it.
    fn copied(
        &self,
        number: u64,
        copy: &Copy,
        result: Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        // Unless a newer one waits, which counts in its place.
        let is_counted = self.waiting.lock().remove(number).is_some();
        match result {
            Ok(has_it) => {
                if has_it && is_counted && copy.cause == Cause::Promotion {
                    self.promotions.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(error) => {
                if let StoreError::TooLarge { limit, .. } = error {
                    self.largest.fetch_min(limit, Ordering::Relaxed);
                }
                if is_counted {
                    self.drop_copy();
                }
                tracing::debug!(%error, "an entry is not copied");
                if is_away(&error) { Err(error) } else { Ok(()) }
            }
        }
    }
}

/// The one task that works a queue off. Ends with the stack, or when there is nothing to do. When it is
/// dropped, with its runtime or at its end, another can start.
struct Working(Weak<Behind>);

impl Working {
    async fn run(&self) {
        let mut pause = FIRST_PAUSE;
        while let Some(behind) = self.0.upgrade().filter(|behind| behind.len() > 0) {
            let result = behind.turn().await;
            drop(behind);
            match result {
                Ok(()) => pause = FIRST_PAUSE,
                Err(_) => {
                    // Spread, so that many processes do not come back in step.
                    tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(behind) = self.0.upgrade() {
            behind.is_working.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests;
