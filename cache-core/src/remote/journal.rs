//! Invalidations that the store could not take yet.
//!
//! They are kept and retried until it does. Until then this process treats everything they cover as
//! invalid: it neither reads nor fills it in that store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Budget, walk};
use crate::error::StoreError;
use crate::generation::EVERYTHING;
use crate::key::Pattern;
use crate::store::Store;

/// How many single scopes and keys are kept; beyond, everything is invalidated instead, so that an
/// outage costs loads and not memory.
const MOST: usize = 10_000;

/// The same for patterns, which every lookup is compared with.
const MOST_PATTERNS: usize = 50;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);

/// For how many time budgets one may carry out what is pending before another does, too.
const TURN: u32 = 8;

#[derive(Debug)]
pub(crate) struct Journal {
    store: Arc<dyn Store>,
    budget: Duration,
    pending: Mutex<Pending>,
    /// The number of pending items, readable without the lock: almost always zero.
    len: AtomicUsize,
    is_flushing: AtomicBool,
    /// Held by who is carrying out what is pending.
    turn: tokio::sync::Mutex<()>,
    /// How often the store has taken something.
    takings: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    /// Each with the number of the invalidation that last named it, so that a retry that was under
    /// way before does not count for it.
    scopes: HashMap<String, u64>,
    keys: HashMap<String, u64>,
    patterns: HashMap<Pattern, u64>,
    last: u64,
}

/// Everything that is pending, and the number of the last of it.
struct Snapshot {
    scopes: Vec<String>,
    keys: Vec<String>,
    patterns: Vec<Pattern>,
    upto: u64,
}

impl Pending {
    fn len(&self) -> usize {
        self.scopes.len() + self.keys.len() + self.patterns.len()
    }
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn Store>, budget: Duration) -> Arc<Self> {
        Arc::new(Self {
            store,
            budget,
            pending: Mutex::default(),
            len: AtomicUsize::new(0),
            is_flushing: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            takings: AtomicU64::new(0),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Changes whenever the store has taken something. A reader that finds nothing pending, but this
    /// changed, may have read what the store held before it took it.
    pub(crate) fn takings(&self) -> u64 {
        self.takings.load(Ordering::Acquire)
    }

    /// Whether a pending invalidation covers the key or one of the scopes.
    pub(crate) fn covers<'s>(
        self: &Arc<Self>,
        key: &str,
        scopes: impl IntoIterator<Item = &'s str>,
    ) -> bool {
        if self.len() == 0 {
            return false;
        }
        // The runtime that retried may be gone; whoever comes by starts it again.
        self.retry();
        let pending = self.pending.lock();
        pending.scopes.contains_key(EVERYTHING)
            || pending.keys.contains_key(key)
            || scopes
                .into_iter()
                .any(|scope| pending.scopes.contains_key(scope))
            || pending
                .patterns
                .keys()
                .any(|pattern| pattern.matches_qualified(key))
    }

    /// Retries here and now until nothing is pending. Not left to the retry in the background, whose
    /// runtime may be standing still.
    pub(crate) async fn flush(&self) {
        let mut pause = FIRST_RETRY;
        loop {
            let turn = self.turn().await;
            let Some(snapshot) = self.snapshot() else {
                return;
            };
            let outcome = self.carry_out(&snapshot).await;
            drop(turn);
            match outcome {
                Ok(()) => pause = FIRST_RETRY,
                Err(_) => {
                    // Spread, so that many processes do not come back in step.
                    tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
                    pause = (pause * 2).min(LAST_RETRY);
                }
            }
        }
    }

    /// One after the other: a second one that is still under way when the first has ended would delete what
    /// was set since. But who holds the turn for very long is on a runtime that stands still.
    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let longest = self.budget.saturating_mul(TURN);
        tokio::time::timeout(longest, self.turn.lock()).await.ok()
    }

    async fn carry_out(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let store = &*self.store;
        Budget::new(store.name(), self.budget)
            .spend(store.invalidate(&snapshot.scopes, &snapshot.keys))
            .await?;
        self.taken(snapshot.upto, false);
        // A walk takes longer, and may fail where the others do not.
        if !snapshot.patterns.is_empty() {
            walk::empty(store, &snapshot.patterns, self.budget).await?;
            self.taken(snapshot.upto, true);
        }
        Ok(())
    }

    /// Keeps an invalidation until the store takes it.
    fn keep(self: &Arc<Self>, scopes: Vec<String>, keys: Vec<String>, pattern: Option<Pattern>) {
        let mut pending = self.pending.lock();
        pending.last += 1;
        let number = pending.last;
        pending
            .scopes
            .extend(scopes.into_iter().map(|scope| (scope, number)));
        pending
            .keys
            .extend(keys.into_iter().map(|key| (key, number)));
        pending
            .patterns
            .extend(pattern.map(|pattern| (pattern, number)));
        if pending.len() > MOST || pending.patterns.len() > MOST_PATTERNS {
            pending.scopes = HashMap::from([(EVERYTHING.to_owned(), number)]);
            pending.keys = HashMap::new();
            pending.patterns = HashMap::new();
        }
        self.count(&pending);
        drop(pending);
        self.retry();
    }

    fn count(&self, pending: &Pending) {
        self.len.store(pending.len(), Ordering::Release);
    }

    /// Retries in the background, unless that is being done already or there is no runtime here.
    fn retry(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_flushing.swap(true, Ordering::AcqRel) {
            return;
        }
        let flushing = Flushing(Arc::clone(self));
        runtime.spawn(async move {
            flushing.0.flush().await;
            let journal = Arc::clone(&flushing.0);
            drop(flushing);
            // What was kept between the last look and the line above found a retry under way.
            if journal.len() > 0 {
                journal.retry();
            }
        });
    }

    fn snapshot(&self) -> Option<Snapshot> {
        let pending = self.pending.lock();
        if pending.len() == 0 {
            return None;
        }
        Some(Snapshot {
            scopes: pending.scopes.keys().cloned().collect(),
            keys: pending.keys.keys().cloned().collect(),
            patterns: pending.patterns.keys().cloned().collect(),
            upto: pending.last,
        })
    }

    fn taken(&self, upto: u64, patterns_too: bool) {
        // Before the items go: who no longer finds them also finds this changed.
        self.takings.fetch_add(1, Ordering::AcqRel);
        let mut pending = self.pending.lock();
        pending.scopes.retain(|_, number| *number > upto);
        pending.keys.retain(|_, number| *number > upto);
        if patterns_too {
            pending.patterns.retain(|_, number| *number > upto);
        }
        self.count(&pending);
    }
}

/// The one retry that is under way. When it is dropped, with its runtime or at its end, another can
/// start.
struct Flushing(Arc<Journal>);

impl Drop for Flushing {
    fn drop(&mut self) {
        self.0.is_flushing.store(false, Ordering::Release);
    }
}

/// An invalidation that is being carried out. Unless the store took it, it goes to the journal when
/// this is dropped, so neither a failure nor a cancelled caller loses it.
pub(crate) struct Ticket {
    journal: Arc<Journal>,
    pub(crate) scopes: Vec<String>,
    pub(crate) keys: Vec<String>,
    pattern: Option<Pattern>,
}

impl Ticket {
    /// A deletion of all keys that match.
    pub(crate) fn matching(journal: &Arc<Journal>, pattern: &Pattern) -> Self {
        let mut ticket = Self::new(journal, Vec::new(), Vec::new());
        ticket.pattern = Some(pattern.clone());
        ticket
    }

    pub(crate) fn new(journal: &Arc<Journal>, scopes: Vec<String>, keys: Vec<String>) -> Self {
        Self {
            journal: Arc::clone(journal),
            scopes,
            keys,
            pattern: None,
        }
    }

    pub(crate) fn taken(mut self) {
        self.scopes.clear();
        self.keys.clear();
        self.pattern = None;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let scopes = std::mem::take(&mut self.scopes);
        let keys = std::mem::take(&mut self.keys);
        let pattern = self.pattern.take();
        if !scopes.is_empty() || !keys.is_empty() || pattern.is_some() {
            self.journal.keep(scopes, keys, pattern);
        }
    }
}
