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
    forgotten: Arc<Mutex<Vec<AnyResident>>>,
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
                let (forgotten, clock) = (Arc::clone(&forgotten), clock.clone());
                move |key: Arc<Box<str>>, kept: Kept, cause: RemovalCause| {
                    // moka knows one entry a key, and when that goes nothing else would take the key
                    // out of the table. What the caller removed is out already; if a new entry came
                    // meanwhile, it is the one that moka knew, and must know again. So it must of one
                    // whose time was renewed by a hit.
                    if cause == RemovalCause::Replaced {
                        return;
                    }
                    let found = front.get(&key);
                    let is_wanted = found.as_ref().is_some_and(|found| {
                        let is_known = std::ptr::addr_eq(Arc::as_ptr(found), kept.entry.as_ptr());
                        is_known
                            && match cause {
                                RemovalCause::Explicit => true,
                                RemovalCause::Expired => clock.tick() < found.kept_until(),
                                RemovalCause::Replaced | RemovalCause::Size => false,
                            }
                    });
                    if is_wanted {
                        forgotten.lock().extend(found.clone());
                    }
                    let removed = match cause {
                        RemovalCause::Expired | RemovalCause::Size if !is_wanted => {
                            front.remove(&key, |_| true)
                        }
                        _ => None,
                    };
                    // They may be gone from the table by now, and these the last of them.
                    evicted.lock().extend(removed.into_iter().chain(found));
                    if cause == RemovalCause::Size {
                        evictions.fetch_add(1, Ordering::Relaxed);
                    }
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
        self.catch_up();
        self.evictions.load(Ordering::Relaxed)
    }

    /// An entry was stored, or another in its place.
    pub(super) fn admit(&self, entry: &AnyResident) {
        self.insert(entry);
        self.catch_up();
    }

    fn insert(&self, entry: &AnyResident) {
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
    }

    /// An entry was used.
    pub(super) fn used(&self, key: &str) {
        self.cache.get(key);
    }

    /// A key was removed.
    pub(super) fn dismiss(&self, key: &str) {
        self.cache.invalidate(key);
        self.catch_up();
    }

    pub(super) fn clear(&self) {
        self.cache.invalidate_all();
    }

    /// Entries, without those that are known to be gone but not yet counted out.
    pub(super) fn len(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.catch_up();
        self.cache.entry_count()
    }

    /// Does what moka's listener could not, with moka's locks held: tells it again of what it must
    /// know, and drops what it evicted.
    fn catch_up(&self) {
        let forgotten = std::mem::take(&mut *self.forgotten.lock());
        for entry in forgotten {
            self.insert(&entry);
        }
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

#[cfg(test)]
mod tests {
    use super::super::{Ages, Memory};
    use super::*;
    use crate::generation::Generations;

    #[test]
    fn what_is_renewed_outlives_the_time_that_moka_was_told() {
        let clock = Clock::default();
        let memory = Memory::new(&MemoryLimit::Entries(10), clock.clone());
        let stored = |key: &str| {
            let ages = Ages {
                expires_at: clock.tick().after(Duration::from_millis(10)),
                stale_for: Duration::ZERO,
            };
            let held = Generations::new().hold([]);
            let entry: AnyResident = Arc::new(Resident::new(key, clock.tick(), ages, held, 1_u8));
            memory.place(Arc::clone(&entry));
            memory.admit(Arc::clone(&entry));
            entry
        };
        let renewed = stored(":renewed");
        let later = clock.tick().after(Duration::from_secs(3_600));
        assert!(renewed.expires_at.set_before(clock.tick(), later));
        stored(":other");
        // moka goes by a clock of its own; until it has noticed that the other one expired.
        while memory.find(":other").is_some() {
            memory.len();
        }
        assert!(memory.get(":renewed").is_some());
        assert_eq!(memory.len(), 1);
    }
}
