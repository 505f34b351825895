//! Generations in this process: what decides whether an entry or a load in flight is still valid.
//!
//! A generation is an object that ends once and never comes back. An entry holds the generations
//! that its scopes (its tags, its namespace, the whole cache) had before its load began; it is
//! valid while none of them has ended. Invalidating a scope ends its generation and forgets it, in
//! the same time for one entry and for ten million; the next load begins a new one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;
use std::hash::BuildHasher;

use crate::store::Nonce;

/// The scope that every entry is in.
pub(crate) const EVERYTHING: &str = "all";

/// The scope of a namespace.
pub(crate) fn namespace_scope(namespace: &str) -> String {
    format!("ns:{namespace}")
}

/// One generation of one scope.
#[derive(Debug)]
pub(crate) struct Generation {
    scope: Box<str>,
    ended: AtomicBool,
    /// Whether it is someone's own: see [`Generations::reserve`].
    reserved: AtomicBool,
    /// What a store calls it, for process memory above that store.
    stored: OnceLock<Nonce>,
}

impl Generation {
    fn begin(scope: &str) -> Arc<Self> {
        Arc::new(Self {
            scope: scope.into(),
            ended: AtomicBool::new(false),
            reserved: AtomicBool::new(false),
            stored: OnceLock::new(),
        })
    }

    /// One that never was current.
    fn ended(scope: &str) -> Arc<Self> {
        let generation = Self::begin(scope);
        generation.end();
        generation
    }

    /// Whether this is what the store calls it; said once, it stays so.
    fn is_stored_as(&self, nonce: Nonce) -> bool {
        *self.stored.get_or_init(|| nonce) == nonce
    }

    /// Whoever learned that the invalidation returned also sees its store: the acquire here pairs
    /// with the release there.
    #[inline]
    fn is_current(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }
}

/// The generations that an entry or a load depends on.
#[derive(Debug, Clone)]
pub(crate) struct Held(Box<[Arc<Generation>]>);

impl Held {
    /// Whether none of them has ended.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.0.iter().all(|generation| generation.is_current())
    }

    /// Whether the one at `at` has not ended.
    pub(crate) fn is_current_at(&self, at: usize) -> bool {
        self.0[at].is_current()
    }

    /// The same, but for this one in place of the one at `at`.
    pub(crate) fn with(mut self, at: usize, generation: Arc<Generation>) -> Self {
        self.0[at] = generation;
        self
    }

    /// From `at` on, the names of their scopes and what the store calls them, where that is known.
    pub(crate) fn stored(&self, at: usize) -> impl Iterator<Item = (&str, Option<Nonce>)> {
        let from = self.0.iter().skip(at);
        from.map(|generation| (&*generation.scope, generation.stored.get().copied()))
    }

    /// The names of their scopes.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|generation| &*generation.scope)
    }
}

/// The current generation of every scope that something depends on.
#[derive(Debug)]
pub(crate) struct Generations {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    /// How many ends there were: for those who do not know yet what they depend on.
    ends: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    /// Found by the names of their scopes.
    current: HashTable<Arc<Generation>>,
    /// How many scopes there may be before those that nothing depends on are forgotten.
    sweep_at: usize,
}

const SHARDS: usize = 32;
const SWEEP_AT_LEAST: usize = 64;

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            ends: AtomicU64::new(0),
        }
    }

    /// The current generations of `scopes`, to be held by what is loaded from now on.
    pub(crate) fn hold<'s>(&self, scopes: impl IntoIterator<Item = &'s str>) -> Held {
        Held(
            scopes
                .into_iter()
                .map(|scope| self.current(scope))
                .collect(),
        )
    }

    fn current(&self, scope: &str) -> Arc<Generation> {
        let hash = self.hasher.hash_one(scope);
        let mut shard = self.shard(hash).lock();
        if let Some(generation) = shard.current.find(hash, |known| &*known.scope == scope) {
            if generation.reserved.load(Ordering::Relaxed) {
                return Generation::ended(scope);
            }
            return Arc::clone(generation);
        }
        if shard.current.len() >= shard.sweep_at {
            shard.sweep();
        }
        let generation = Generation::begin(scope);
        self.insert(&mut shard, hash, &generation);
        generation
    }

    fn insert(&self, shard: &mut Shard, hash: u64, generation: &Arc<Generation>) {
        shard
            .current
            .insert_unique(hash, Arc::clone(generation), |known| {
                self.hasher.hash_one(&*known.scope)
            });
    }

    /// Ends the scope's generation and begins one that only the caller has: until it is
    /// [published](Reservation::publish), what others hold of this scope has ended already.
    pub(crate) fn reserve(self: &Arc<Self>, scope: &str) -> Reservation {
        let hash = self.hasher.hash_one(scope);
        let generation = Generation::begin(scope);
        generation.reserved.store(true, Ordering::Relaxed);
        let mut shard = self.shard(hash).lock();
        self.end_in(&mut shard, hash, scope);
        self.insert(&mut shard, hash, &generation);
        drop(shard);
        Reservation {
            generations: Arc::clone(self),
            generation,
        }
    }

    /// How many ends there were.
    pub(crate) fn ends(&self) -> u64 {
        self.ends.load(Ordering::Acquire)
    }

    /// Ends the scope's generation, and with it everything that holds it.
    pub(crate) fn end(&self, scope: &str) {
        // Ended inside the lock: a load that takes its generations after the invalidation began to
        // return must not get one that is about to end, but whoever gets the old one sees it end.
        let hash = self.hasher.hash_one(scope);
        let mut shard = self.shard(hash).lock();
        self.end_in(&mut shard, hash, scope);
    }

    fn end_in(&self, shard: &mut Shard, hash: u64, scope: &str) {
        self.ends.fetch_add(1, Ordering::Release);
        let found = shard
            .current
            .find_entry(hash, |known| &*known.scope == scope);
        if let Ok(found) = found {
            let (generation, _) = found.remove();
            generation.end();
        }
    }

    /// Ends the generations of all scopes that are meant.
    pub(crate) fn end_all(&self, is_meant: impl Fn(&str) -> bool) {
        self.ends.fetch_add(1, Ordering::Release);
        for shard in &self.shards {
            shard.lock().current.retain(|generation| {
                let ends = is_meant(&generation.scope);
                if ends {
                    generation.end();
                }
                !ends
            });
        }
    }

    /// Learns what the store calls a scope's generation. If it is another one than was held to be
    /// current here, that has ended unheard.
    pub(crate) fn learn(&self, scope: &str, nonce: Nonce) {
        let hash = self.hasher.hash_one(scope);
        let mut shard = self.shard(hash).lock();
        let known = shard.current.find(hash, |known| &*known.scope == scope);
        if known.is_some_and(|known| known.stored.get().is_some_and(|stored| *stored != nonce)) {
            self.end_in(&mut shard, hash, scope);
        }
    }

    /// The same for generations that something holds; whether it holds all of these, and each is what the
    /// store says.
    pub(crate) fn confirm<'s>(
        &self,
        held: &Held,
        stored: impl IntoIterator<Item = (&'s str, Nonce)>,
    ) -> bool {
        stored.into_iter().all(|(scope, nonce)| {
            let of_scope = |generation: &&Arc<Generation>| &*generation.scope == scope;
            match held.0.iter().find(of_scope) {
                Some(generation) if generation.is_stored_as(nonce) => true,
                Some(_) => {
                    self.end(scope);
                    false
                }
                None => false,
            }
        })
    }

    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        // The table uses the upper bits and the lower ones; these are between.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().current.len())
            .sum()
    }
}

/// A generation that only its holder has. Dropped before it is published, it ends.
#[derive(Debug)]
pub(crate) struct Reservation {
    generations: Arc<Generations>,
    generation: Arc<Generation>,
}

impl Reservation {
    /// The generation, for what its holder is about to store.
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation)
    }

    /// From now on it is everyone's.
    pub(crate) fn publish(self) {
        self.generation.reserved.store(false, Ordering::Release);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.generation.reserved.load(Ordering::Relaxed) {
            return;
        }
        self.generation.end();
        let scope = &*self.generation.scope;
        let hash = self.generations.hasher.hash_one(scope);
        let mut shard = self.generations.shard(hash).lock();
        let found = shard
            .current
            .find_entry(hash, |known| Arc::ptr_eq(known, &self.generation));
        if let Ok(found) = found {
            found.remove();
        }
    }
}

impl Shard {
    /// Forgets scopes that nothing depends on. Runs when the shard has doubled since the last time,
    /// so that its cost is spread over the insertions.
    fn sweep(&mut self) {
        self.current
            .retain(|generation| Arc::strong_count(generation) > 1);
        self.sweep_at = (self.current.len() * 2).max(SWEEP_AT_LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_a_scope_ends_what_holds_it_and_nothing_else() {
        let generations = Generations::new();
        let users = generations.hold(["users", EVERYTHING]);
        let orders = generations.hold(["orders", EVERYTHING]);
        generations.end("users");
        assert!(!users.is_current());
        assert!(orders.is_current());
        assert!(generations.hold(["users"]).is_current());
        generations.end(EVERYTHING);
        assert!(!orders.is_current());
    }

    #[test]
    fn scopes_that_nothing_depends_on_are_forgotten() {
        let generations = Generations::new();
        let kept = generations.hold(["kept"]);
        for scope in 0..100_000 {
            drop(generations.hold([format!("scope:{scope}").as_str()]));
        }
        assert!(
            generations.len() <= SHARDS * SWEEP_AT_LEAST * 2,
            "{}",
            generations.len()
        );
        generations.end("kept");
        assert!(!kept.is_current());
    }
}
