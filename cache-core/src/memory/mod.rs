//! Process memory as a store: objects, found by a table, kept by moka.

mod entry;
mod front;
mod policy;
mod usage;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::entry::{Ages, AnyResident, Resident};
use self::front::Front;
use self::policy::Policy;
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
    policy: Policy,
    usage: Usage,
    clock: Clock,
    /// moka ignores what it has no room for at all, and so would never evict it.
    keeps_nothing: bool,
}

impl Memory {
    pub(crate) fn new(limit: &MemoryLimit, clock: Clock) -> Self {
        let front = Arc::new(Front::new());
        let keeps_nothing = matches!(limit, MemoryLimit::Entries(0) | MemoryLimit::Weight(0, _));
        let policy = Policy::new(limit, &clock, Arc::clone(&front));
        Self {
            front,
            policy,
            usage: Usage::new(),
            clock,
            keeps_nothing,
        }
    }

    /// The entry of this key that may be served now.
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<AnyResident> {
        let entry = self.front.get(key)?;
        let now = self.clock.tick();
        if !entry.is_usable(now) {
            return self.drop_unusable(&entry);
        }
        entry.used(now);
        self.usage.hit(&entry);
        Some(entry)
    }

    /// An entry that can never be served again gives its memory back.
    #[cold]
    fn drop_unusable(&self, entry: &AnyResident) -> Option<AnyResident> {
        if self.is_kept(entry) {
            return None;
        }
        // Only from the table: moka's own copy may already be a newer one, and there is no removal
        // by identity. moka ages this one out, or the next fill replaces it.
        self.front
            .remove(&entry.key, |found| Arc::ptr_eq(found, entry));
        None
    }

    /// The entry of this key, whether or not it may be served. Runs nothing of the user's.
    pub(crate) fn find(&self, key: &str) -> Option<AnyResident> {
        self.front.get(key)
    }

    /// The entry of this key that may be served now, without counting as a hit.
    pub(crate) fn peek(&self, key: &str) -> Option<AnyResident> {
        self.front.get(key).filter(|entry| self.is_usable(entry))
    }

    /// The same, without failures that are kept.
    pub(crate) fn peek_value(&self, key: &str) -> Option<AnyResident> {
        self.front.get(key).filter(|entry| self.has_value(entry))
    }

    /// The entries in one part of the table; `None` behind the last part.
    pub(crate) fn part(&self, number: usize) -> Option<Vec<AnyResident>> {
        self.front.part(number)
    }

    /// The entries, part by part.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Vec<AnyResident>> {
        (0..).map_while(|number| self.part(number))
    }

    /// Whether an entry may be served now.
    pub(crate) fn is_usable(&self, entry: &AnyResident) -> bool {
        entry.is_usable(self.clock.tick())
    }

    /// Whether an entry has a value that may be served now: a failure that is kept is none.
    pub(crate) fn has_value(&self, entry: &AnyResident) -> bool {
        entry.has_value(self.clock.tick())
    }

    /// Whether an entry may be served now if a load fails.
    pub(crate) fn is_kept(&self, entry: &AnyResident) -> bool {
        entry.is_kept(self.clock.tick())
    }

    /// Puts an entry where it is found; returns the one that was there. The caller makes sure that
    /// no invalidation overtook it, and calls [`admit`](Self::admit) once it holds no lock.
    pub(crate) fn place(&self, entry: AnyResident) -> Option<AnyResident> {
        if self.keeps_nothing {
            None
        } else {
            self.front.insert(entry)
        }
    }

    /// Tells moka of an entry that was placed; moka may evict it, or others. Runs weighers and
    /// destructors.
    pub(crate) fn admit(&self, entry: AnyResident) {
        if self.keeps_nothing {
            return;
        }
        for used in self.usage.take() {
            self.policy.used(&used.key);
        }
        self.policy.admit(&entry);
    }

    /// Takes the entry of this key out of where it is found. The caller calls
    /// [`dismiss`](Self::dismiss) once it holds no lock.
    pub(crate) fn take(&self, key: &str) -> Option<AnyResident> {
        self.front.remove(key, |_| true)
    }

    /// Tells moka of an entry that was taken out; whether it had a value that could still have been served.
    pub(crate) fn dismiss(&self, entry: &AnyResident) -> bool {
        self.policy.dismiss(&entry.key);
        self.has_value(entry)
    }

    pub(crate) fn clear(&self) {
        self.policy.clear();
        self.front.clear();
    }

    /// Entries, without those that are known to be gone but not yet counted out.
    pub(crate) fn len(&self) -> u64 {
        self.policy.len()
    }

    /// How many entries had to go for others.
    pub(crate) fn evictions(&self) -> u64 {
        self.policy.evictions()
    }

    /// Takes this very entry out of where it is found; whether it was there.
    pub(crate) fn remove(&self, entry: &AnyResident) -> bool {
        let is_removed = self
            .front
            .remove(&entry.key, |found| Arc::ptr_eq(found, entry))
            .is_some();
        if is_removed {
            self.policy.dismiss(&entry.key);
        }
        is_removed
    }

    /// Now.
    pub(crate) fn now(&self) -> Tick {
        self.clock.tick()
    }

    /// The moment at which an entry with this ttl expires.
    pub(crate) fn expires_at(&self, ttl: Option<Duration>) -> Tick {
        ttl.map_or(Tick::NEVER, |ttl| self.clock.tick().after(ttl))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
