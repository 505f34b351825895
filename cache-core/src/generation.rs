//! Generations in this process: what decides whether an entry or a load in flight is still valid.
//!
//! A generation is an object that ends once and never comes back. An entry holds the generations
//! that its scopes (its tags, its namespace, the whole cache) had before its load began; it is
//! valid while none of them has ended. Invalidating a scope ends its generation and forgets it, in
//! the same time for one entry and for ten million; the next load begins a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;
use std::hash::BuildHasher;

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
}

impl Generation {
    fn begin(scope: &str) -> Arc<Self> {
        Arc::new(Self {
            scope: scope.into(),
            ended: AtomicBool::new(false),
        })
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
            return Arc::clone(generation);
        }
        if shard.current.len() >= shard.sweep_at {
            shard.sweep();
        }
        let generation = Generation::begin(scope);
        shard
            .current
            .insert_unique(hash, Arc::clone(&generation), |known| {
                self.hasher.hash_one(&*known.scope)
            });
        generation
    }

    /// Ends the scope's generation, and with it everything that holds it.
    pub(crate) fn end(&self, scope: &str) {
        // Ended inside the lock: a load that takes its generations after the invalidation began to
        // return must not get one that is about to end, but whoever gets the old one sees it end.
        let hash = self.hasher.hash_one(scope);
        let mut shard = self.shard(hash).lock();
        let found = shard
            .current
            .find_entry(hash, |known| &*known.scope == scope);
        if let Ok(found) = found {
            let (generation, _) = found.remove();
            generation.end();
        }
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
