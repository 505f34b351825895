//! What the cache did, counted without a line that all threads write.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use serde::Serialize;

use crate::layer::LayerName;
use crate::tier::Breaker;

/// Lines of counters; threads are spread over them.
const LINES: usize = 16;

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Hit,
    Miss,
    /// A miss that waited for another caller's load.
    Wait,
    Load,
    LoadFailure,
    /// A loaded value that was not stored because an invalidation overtook its load.
    Overtaken,
    /// Bytes of a store that were not an entry of this type.
    Corrupt,
    /// A store that did not do what it was asked.
    StoreError,
    /// A stale entry that was served because a load failed or took too long. Rare, and so not on a
    /// line.
    StaleServed,
}

const COUNTS: usize = 8;

/// One line per group of threads, each in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Line([AtomicU64; COUNTS]);

pub(crate) struct Counters {
    lines: [Line; LINES],
    invalidations: AtomicU64,
    stale_served: AtomicU64,
    /// Hits that process memory above a store did not answer.
    below: AtomicU64,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            lines: [const { Line([const { AtomicU64::new(0) }; COUNTS]) }; LINES],
            invalidations: AtomicU64::new(0),
            stale_served: AtomicU64::new(0),
            below: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn add(&self, count: Count) {
        let counter = match count {
            Count::StaleServed => &self.stale_served,
            count => &self.lines[line()].0[count as usize],
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_invalidation(&self) {
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    /// A hit in a store: a round trip, beside which a shared line is nothing.
    pub(crate) fn add_below(&self) {
        self.below.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn below(&self) -> u64 {
        self.below.load(Ordering::Relaxed)
    }

    fn sum(&self, count: Count) -> u64 {
        self.lines
            .iter()
            .map(|line| line.0[count as usize].load(Ordering::Relaxed))
            .sum()
    }

    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            hits: self.sum(Count::Hit),
            misses: self.sum(Count::Miss),
            waits: self.sum(Count::Wait),
            loads: self.sum(Count::Load),
            load_failures: self.sum(Count::LoadFailure),
            overtaken: self.sum(Count::Overtaken),
            corrupt: self.sum(Count::Corrupt),
            errors: self.sum(Count::StoreError),
            stale_served: self.stale_served.load(Ordering::Relaxed),
            invalidations: self.invalidations.load(Ordering::Relaxed),
            ..Stats::default()
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

/// The line that this thread counts on.
#[inline]
fn line() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    LINE.with(|line| {
        if line.get() == usize::MAX {
            line.set(NEXT.fetch_add(1, Ordering::Relaxed) % LINES);
        }
        line.get()
    })
}

/// What a cache, or one annotated function, did so far. A snapshot; counters only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Lookups that found a usable entry.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Misses that waited for another caller's load instead of loading.
    pub waits: u64,
    /// Loads that were run.
    pub loads: u64,
    /// Loads that returned an error or panicked.
    pub load_failures: u64,
    /// Loaded values that were returned but not stored, because an invalidation, a set or another
    /// process's load came first.
    pub overtaken: u64,
    /// Entries that were not readable: corrupt, foreign, or of an older shape. Each was a miss.
    pub corrupt: u64,
    /// Calls to a store that failed or ran out of time.
    pub errors: u64,
    /// Stale values that were served because a load failed or took too long (`stale_for`).
    pub stale_served: u64,
    /// Invalidations (of tags, keys, namespaces or everything) that were asked for.
    pub invalidations: u64,
    /// Entries in process memory, approximately; `None` for other stores and single functions. From
    /// [`survey`](crate::Cache::survey), the usable entries in the store.
    pub entries: Option<u64>,
    /// Entries that had to go for others, in process memory; `None` for other stores and single
    /// functions.
    pub evictions: Option<u64>,
    /// Bytes of memory that the entries take, from [`survey`](crate::Cache::survey), where the store
    /// can tell. Process memory holds objects and cannot.
    pub bytes: Option<u64>,
    /// When the oldest entry was stored, from [`survey`](crate::Cache::survey).
    pub oldest: Option<SystemTime>,
    /// When the newest entry was stored, from [`survey`](crate::Cache::survey).
    pub newest: Option<SystemTime>,
    /// Invalidations that a store could not take yet and that are being retried.
    pub queued_invalidations: u64,
    /// The same tier by tier, from the fastest to the slowest; empty for single functions.
    pub tiers: Vec<TierStats>,
}

/// What one tier of a cache did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TierStats {
    /// What it is: `memory`, or the address of a server without what is secret in it.
    pub name: String,
    /// Lookups that found a usable entry in it.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// As [`Stats::entries`].
    pub entries: Option<u64>,
    /// As [`Stats::evictions`].
    pub evictions: Option<u64>,
    /// As [`Stats::bytes`].
    pub bytes: Option<u64>,
    /// The layer that it is; `None` where the cache has no layers.
    pub layer: Option<LayerName>,
    /// Calls to it that failed, those included that it was spared while it was left alone.
    pub errors: u64,
    /// Whether calls go to it.
    pub breaker: Breaker,
    /// Entries that were copied into it because a lookup found them in a tier below.
    pub promotions: u64,
    /// Copies that are on their way to it, and keys that it has still to empty.
    pub waiting: u64,
    /// Copies that it was to get and did not: it was away, refused them, or too many were waiting.
    pub dropped_copies: u64,
}

impl TierStats {
    /// The only tier of a cache.
    pub(crate) fn new(name: &str, stats: &Stats) -> Self {
        Self {
            name: name.to_owned(),
            hits: stats.hits,
            misses: stats.misses,
            ..Self::default()
        }
    }
}

impl Stats {
    /// Hits among all lookups, from 0.0 to 1.0; 0.0 before the first lookup.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let lookups = self.hits + self.misses;
        if lookups == 0 {
            0.0
        } else {
            self.hits as f64 / lookups as f64
        }
    }
}
