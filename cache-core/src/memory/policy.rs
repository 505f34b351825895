//! What stays: moka decides.
//!
//! moka gets no values, only what it needs to know of them: it works with locks held, and a value's
//! destructor, or its weigher, is the user's code and may call the cache. So entries are weighed
//! before, and what moka evicts is dropped after, its own work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use moka::Expiry;
use moka::notification::RemovalCause;
use parking_lot::Mutex;

use super::entry::{AnyResident, Resident};
use super::front::Front;
use super::{MemoryLimit, Weigher};
use crate::clock::{Clock, Tick};

pub(super) struct Policy {
    cache: moka::sync::Cache<Box<str>, Kept, RandomState>,
    weigher: Option<Weigher>,
    /// Entries that moka evicted, until its work is done.
    evicted: Arc<Mutex<Vec<AnyResident>>>,
    /// Entries that moka has to be told of again.
    forgotten: Arc<Mutex<Vec<Kept>>>,
    /// How many had to go for others.
    evictions: Arc<AtomicU64>,
}

/// What moka knows of an entry.
#[derive(Clone)]
struct Kept {
    entry: Weak<Resident>,
    weight: u32,
    kept_until: Tick,
}

impl Policy {
    pub(super) fn new(limit: &MemoryLimit, clock: &Clock, front: Arc<Front>) -> Self {
        let evicted = Arc::new(Mutex::new(Vec::new()));
        let forgotten = Arc::new(Mutex::new(Vec::new()));
        let evictions = Arc::new(AtomicU64::new(0));
        let (capacity, weigher) = match limit {
            MemoryLimit::Entries(entries) => (*entries, None),
            MemoryLimit::Weight(weight, weigher) => (*weight, Some(Arc::clone(weigher))),
        };
        let mut cache = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .weigher(|_, kept: &Kept| kept.weight)
            .eviction_listener({
                let (evicted, evictions) = (Arc::clone(&evicted), Arc::clone(&evictions));
                let forgotten = Arc::clone(&forgotten);
                move |key: Arc<Box<str>>, kept: Kept, cause: RemovalCause| {
                    // moka knows one entry a key, and when that goes nothing else would take the key
                    // out of the table. What the caller removed is out already; if a new entry came
                    // meanwhile, it is the one that moka knew, and must know again.
                    let removed = match cause {
                        RemovalCause::Replaced => None,
                        RemovalCause::Explicit => {
                            let found = front.get(&key);
                            let is_new = found.as_ref().is_some_and(|found| {
                                std::ptr::addr_eq(Arc::as_ptr(found), kept.entry.as_ptr())
                            });
                            if is_new {
                                forgotten.lock().push(kept);
                            }
                            // It may be gone from the table by now, and this the last of it.
                            found
                        }
                        RemovalCause::Expired | RemovalCause::Size => front.remove(&key, |_| true),
                    };
                    if cause == RemovalCause::Size {
                        evictions.fetch_add(1, Ordering::Relaxed);
                    }
                    evicted.lock().extend(removed);
                }
            });
        if !clock.is_hand_wound() {
            // moka frees expired entries that nobody asks for again. It reads a clock of its own,
            // so under a hand-wound one it must not.
            cache = cache.expire_after(FreeExpired {
                clock: clock.clone(),
            });
        }
        Self {
            cache: cache.build_with_hasher(RandomState::default()),
            weigher,
            evicted,
            forgotten,
            evictions,
        }
    }

    /// How many entries had to go for others.
    pub(super) fn evictions(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.drop_evicted();
        self.evictions.load(Ordering::Relaxed)
    }

    /// An entry was stored, or another in its place.
    pub(super) fn admit(&self, entry: &AnyResident) {
        let weight = match &self.weigher {
            Some(weigher) => weigher(
                entry.key.strip_prefix(':').unwrap_or(&entry.key),
                &entry.value,
            ),
            None => 1,
        };
        let kept = Kept {
            entry: Arc::downgrade(entry),
            weight,
            kept_until: entry.kept_until(),
        };
        self.cache.insert(entry.key.clone(), kept);
        self.drop_evicted();
    }

    /// An entry was used.
    pub(super) fn used(&self, key: &str) {
        self.cache.get(key);
    }

    /// A key was removed.
    pub(super) fn dismiss(&self, key: &str) {
        self.cache.invalidate(key);
        let forgotten = std::mem::take(&mut *self.forgotten.lock());
        for kept in forgotten {
            if let Some(entry) = kept.entry.upgrade() {
                self.cache.insert(entry.key.clone(), kept);
            }
        }
        self.drop_evicted();
    }

    pub(super) fn clear(&self) {
        self.cache.invalidate_all();
    }

    /// Entries, without those that are known to be gone but not yet counted out.
    pub(super) fn len(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.drop_evicted();
        self.cache.entry_count()
    }

    fn drop_evicted(&self) {
        let evicted = std::mem::take(&mut *self.evicted.lock());
        drop(evicted);
    }
}

struct FreeExpired {
    clock: Clock,
}

impl Expiry<Box<str>, Kept> for FreeExpired {
    fn expire_after_create(&self, _: &Box<str>, kept: &Kept, _: Instant) -> Option<Duration> {
        kept.kept_until.since(self.clock.tick())
    }

    fn expire_after_update(
        &self,
        _: &Box<str>,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        kept.kept_until.since(self.clock.tick())
    }
}
