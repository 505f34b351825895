//! The table that answers hits.
//!
//! moka decides what stays, but its own lookup keeps a log of reads and does housekeeping, at ten
//! times the cost of finding an entry. So entries are found here, and moka is told of a sample of
//! the hits (see `usage`). Every entry here is, or is about to be, in moka, which reports what it evicts.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::RwLock;

use super::entry::AnyResident;

const SHARDS: usize = 128;

pub(super) struct Front {
    hasher: RandomState,
    shards: Box<[Shard]>,
}

/// A shard's lock in a cache line of its own.
#[repr(align(64))]
#[derive(Default)]
struct Shard(RwLock<HashTable<AnyResident>>);

impl Front {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }

    #[inline]
    pub(super) fn get(&self, key: &str) -> Option<AnyResident> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash).read();
        shard.find(hash, |entry| &*entry.key == key).map(Arc::clone)
    }

    /// Returns the entry that was there: its value's destructor is the user's, and the caller may
    /// hold a lock.
    pub(super) fn insert(&self, entry: AnyResident) -> Option<AnyResident> {
        let hash = self.hasher.hash_one(&*entry.key);
        let mut shard = self.shard(hash).write();
        match shard.find_mut(hash, |old| old.key == entry.key) {
            Some(old) => Some(std::mem::replace(old, entry)),
            None => {
                shard.insert_unique(hash, entry, |entry| self.hasher.hash_one(&*entry.key));
                None
            }
        }
    }

    /// Removes the entry of this key, if it is one that `which` accepts.
    pub(super) fn remove(
        &self,
        key: &str,
        which: impl Fn(&AnyResident) -> bool,
    ) -> Option<AnyResident> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash).write();
        match shard.find_entry(hash, |entry| &*entry.key == key && which(entry)) {
            Ok(occupied) => {
                let (entry, _) = occupied.remove();
                drop(shard);
                Some(entry)
            }
            Err(_) => None,
        }
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let removed = std::mem::take(&mut *shard.0.write());
            drop(removed);
        }
    }

    /// What one part of the table holds; `None` behind the last part. A walk goes from part to part,
    /// so that it never holds more than one, and no lock between them.
    pub(super) fn part(&self, number: usize) -> Option<Vec<AnyResident>> {
        let shard = self.shards.get(number)?;
        Some(shard.0.read().iter().map(Arc::clone).collect())
    }

    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<HashTable<AnyResident>> {
        // The table uses the upper bits and the lower ones; these are between.
        &self.shards[(hash >> 32) as usize % SHARDS].0
    }
}
