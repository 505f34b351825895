//! Process memory as a store: objects, found by a table, kept by moka.

mod entry;
mod front;
mod usage;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::notification::RemovalCause;

pub(crate) use self::entry::{AnyEntry, Entry};
use self::front::Front;
use self::usage::Usage;
use crate::clock::{Clock, Tick};

/// How much process memory may hold.
#[derive(Clone)]
#[non_exhaustive]
pub enum MemoryLimit {
    /// This many entries.
    Entries(u64),
    /// Entries that weigh this much together; the weigher gets the key (`namespace:key`) and the
    /// value, which it may downcast.
    Weight(u64, Weigher),
}

/// Weighs an entry: its key and its value, which can be downcast to its own type.
pub type Weigher = Arc<dyn Fn(&str, &(dyn std::any::Any + Send + Sync)) -> u32 + Send + Sync>;

impl fmt::Debug for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries(entries) => f.debug_tuple("Entries").field(entries).finish(),
            Self::Weight(weight, _) => f.debug_tuple("Weight").field(weight).finish(),
        }
    }
}

pub(crate) struct Memory {
    front: Arc<Front>,
    policy: moka::sync::Cache<Box<str>, AnyEntry, foldhash::fast::RandomState>,
    usage: Usage,
    clock: Clock,
}

impl Memory {
    pub(crate) fn new(limit: &MemoryLimit, clock: Clock) -> Self {
        let front = Arc::new(Front::new());
        let evicted_from = Arc::clone(&front);
        let mut policy = moka::sync::Cache::builder().eviction_listener(
            move |key: Arc<Box<str>>, entry: AnyEntry, cause: RemovalCause| {
                if cause.was_evicted() {
                    evicted_from.remove(&key, |found| Arc::ptr_eq(found, &entry));
                }
            },
        );
        policy = match limit {
            MemoryLimit::Entries(entries) => policy.max_capacity(*entries),
            MemoryLimit::Weight(weight, weigher) => {
                let weigher = Arc::clone(weigher);
                policy
                    .max_capacity(*weight)
                    .weigher(move |_, entry: &AnyEntry| {
                        weigher(
                            entry.key.strip_prefix(':').unwrap_or(&entry.key),
                            &entry.value,
                        )
                    })
            }
        };
        if !clock.is_hand_wound() {
            // moka frees expired entries that nobody asks for again. It reads a clock of its own,
            // so under a hand-wound one it must not.
            policy = policy.expire_after(FreeExpired {
                clock: clock.clone(),
            });
        }
        let policy = policy.build_with_hasher(foldhash::fast::RandomState::default());
        Self {
            front,
            policy,
            usage: Usage::new(),
            clock,
        }
    }

    /// The entry of this key that may be served now.
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<AnyEntry> {
        let entry = self.front.get(key)?;
        if !entry.is_usable(self.clock.tick()) {
            return self.drop_unusable(&entry);
        }
        self.usage.hit(&entry);
        Some(entry)
    }

    /// An entry that can never be served again gives its memory back.
    #[cold]
    fn drop_unusable(&self, entry: &AnyEntry) -> Option<AnyEntry> {
        // Only from the table: moka's own copy may already be a newer one, and there is no removal
        // by identity. moka ages this one out, or the next fill replaces it.
        self.front
            .remove(&entry.key, |found| Arc::ptr_eq(found, entry));
        None
    }

    /// Stores an entry. The caller makes sure that no invalidation overtook it.
    pub(crate) fn insert(&self, entry: AnyEntry) {
        for used in self.usage.take() {
            self.policy.get(&*used.key);
        }
        // First the table, then moka: what moka evicts is then always in the table already.
        self.front.insert(Arc::clone(&entry));
        self.policy.insert(entry.key.clone(), entry);
    }

    /// Removes the entry of this key; whether it could still have been served.
    pub(crate) fn remove(&self, key: &str) -> bool {
        let removed = self.front.remove(key, |_| true);
        self.policy.invalidate(key);
        removed.is_some_and(|entry| entry.is_usable(self.clock.tick()))
    }

    pub(crate) fn clear(&self) {
        self.front.clear();
        self.policy.invalidate_all();
    }

    /// Entries, without those that are known to be gone but not yet counted out.
    pub(crate) fn len(&self) -> u64 {
        self.policy.run_pending_tasks();
        self.policy.entry_count()
    }

    /// The moment at which an entry with this ttl expires.
    pub(crate) fn expires_at(&self, ttl: Option<Duration>) -> Tick {
        ttl.map_or(Tick::NEVER, |ttl| self.clock.tick().after(ttl))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("entries", &self.policy.entry_count())
            .finish_non_exhaustive()
    }
}

struct FreeExpired {
    clock: Clock,
}

impl Expiry<Box<str>, AnyEntry> for FreeExpired {
    fn expire_after_create(&self, _: &Box<str>, entry: &AnyEntry, _: Instant) -> Option<Duration> {
        entry.expires_at.since(self.clock.tick())
    }

    fn expire_after_update(
        &self,
        _: &Box<str>,
        entry: &AnyEntry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        entry.expires_at.since(self.clock.tick())
    }
}
