//! Deleting, and saying how much was there. Invalidating is cheaper: see `invalidate`.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::walk::Listed;
use super::{Backend, Cache, Invalidation, Targets, reached};
use crate::error::{Error, StoreError};
use crate::key::{Key, Pattern};
use crate::memory::Memory;
use crate::remote::{Remote, STEP, Walk};
use crate::store::{Nonce, Part};
use crate::tag::Tag;
use crate::value::Value;

/// How many keys are deleted at once, where there are many.
const DELETES_AT_ONCE: usize = 64;

impl Cache {
    /// Removes `key`, and keeps loads of it that are under way from being stored; whether there was
    /// a usable entry. Of several callers one is told that there was. One round trip; where it does
    /// not matter what was there, [`invalidate_key`](Self::invalidate_key) transfers less.
    ///
    /// # Errors
    /// [`Error::Store`] when the store does not answer. The removal is queued all the same, and
    /// holds in this process at once.
    pub async fn delete(&self, key: impl Into<Key>) -> Result<bool, Error> {
        Ok(self.remove(&key.into()).await?.is_some())
    }

    /// Removes `keys`; how many had a usable entry.
    ///
    /// # Errors
    /// As [`delete`](Self::delete): the first failure. The removals that were not made by then are
    /// not made; those that failed are queued.
    pub async fn delete_many(
        &self,
        keys: impl IntoIterator<Item: Into<Key>>,
    ) -> Result<u64, Error> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        stream::iter(keys)
            .map(|key| async move { Ok(u64::from(self.remove(&key).await?.is_some())) })
            .buffer_unordered(DELETES_AT_ONCE)
            .try_fold(0, |deleted, one| async move { Ok(deleted + one) })
            .await
    }

    /// Removes `key` and gives its value, if there was a usable one of type `T`. Of several callers
    /// one gets it.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set("token", &"secret".to_owned()).await?;
    /// assert_eq!(cache.get_and_delete::<String>("token").await?.as_deref(), Some("secret"));
    /// assert_eq!(cache.get_and_delete::<String>("token").await?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub async fn get_and_delete<T: Value>(&self, key: impl Into<Key>) -> Result<Option<T>, Error> {
        Ok(match self.remove(&key.into()).await? {
            Some(Listed::Resident(_, entry)) => entry.value(),
            Some(Listed::Found(_, found)) => self.decode(&found),
            None => None,
        })
    }

    /// Removes every key that matches; how many had a usable entry. Loads under way that match are
    /// not stored.
    ///
    /// Goes through the store some keys at a time: neither the server nor this process's memory
    /// feels how many there are. Of callers that delete the same at once, each may count it. If it
    /// fails or is dropped on the way, the rest is queued, and nothing that matches is served in this
    /// process until the store has taken it.
    ///
    /// # Errors
    /// [`Error::Store`], also where the store cannot go through its keys.
    pub async fn delete_by_pattern(&self, pattern: impl Into<Pattern>) -> Result<u64, Error> {
        let pattern = pattern.into();
        match &self.shared.backend {
            Backend::Off => Ok(0),
            Backend::Memory(memory) => {
                self.shared.counters.add_invalidation();
                self.shared.fences.note_pattern(&pattern);
                Ok(self.place(memory).delete_matching(&pattern))
            }
            Backend::Remote(remote) => {
                remote.can_scan()?;
                self.shared.counters.add_invalidation();
                self.shared.fences.note_pattern(&pattern);
                self.shared
                    .flights
                    .revoke_all(|key| pattern.matches_qualified(key));
                let beside = self
                    .beside()
                    .map_or(0, |beside| beside.delete_matching(&pattern));
                if let Some(above) = &self.shared.above {
                    above.forget_matching(&pattern);
                }
                let now = self.shared.clock.unix_millis();
                let deleted = remote.delete_matching(&pattern, now).await;
                Ok(beside + self.counted(remote, deleted)?)
            }
        }
    }

    /// Removes every key in `namespace`; how many had a usable entry. Slower than
    /// [`invalidate_namespace`](Self::invalidate_namespace), which does not count.
    ///
    /// # Errors
    /// As [`delete_by_pattern`](Self::delete_by_pattern).
    pub async fn delete_by_namespace(&self, namespace: &str) -> Result<u64, Error> {
        self.delete_in(Targets::default().namespace(namespace))
            .await
    }

    /// Removes every entry that carries one of `tags`; how many were usable. Also the key of each
    /// tag's name. Slower than [`invalidate_tags`](Self::invalidate_tags), which does not count.
    ///
    /// # Errors
    /// As [`delete_by_pattern`](Self::delete_by_pattern).
    pub async fn delete_by_tags<T: Into<Tag>>(
        &self,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<u64, Error> {
        self.delete_in(Targets::default().tags(tags)).await
    }

    /// Removes what can never be served again, because it expired or was invalidated; how many
    /// entries that were. For memory's sake: nothing of it would be served anyway.
    ///
    /// # Errors
    /// As [`delete_by_pattern`](Self::delete_by_pattern).
    pub async fn cleanup_expired(&self) -> Result<u64, Error> {
        match &self.shared.backend {
            Backend::Off => Ok(0),
            Backend::Memory(memory) => {
                let entries = memory.parts().flatten();
                let dead = entries.filter(|entry| !memory.is_kept(entry));
                Ok(dead.filter(|entry| memory.remove(entry)).count() as u64)
            }
            Backend::Remote(remote) => {
                remote.can_scan()?;
                let removed = self.remove_dead(remote).await;
                self.counted(remote, removed)
            }
        }
    }

    async fn remove_dead(&self, remote: &Remote) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut walk = Walk::default();
        let everywhere = Pattern::everywhere();
        while let Some(keys) = walk
            .step(remote, &everywhere, STEP, &mut remote.budget())
            .await?
        {
            let mut budget = remote.budget();
            let now = self.shared.clock.unix_millis();
            let sights = remote
                .look_many(&keys, Part::Head, now, &mut budget)
                .await?;
            removed += budget.spend(remote.store.remove(&sights.dead)).await?;
        }
        Ok(removed)
    }

    /// Removes a key's entry here and in the store, and gives what was usable.
    async fn remove(&self, key: &Key) -> Result<Option<Listed>, Error> {
        self.shared.counters.add_invalidation();
        self.shared.fences.note_key(key.qualified());
        let taken = self.take(key.qualified());
        match &self.shared.backend {
            Backend::Off => Ok(None),
            Backend::Memory(_) => Ok(taken.map(|entry| Listed::Resident(key.clone(), entry))),
            Backend::Remote(remote) => {
                let now = self.shared.clock.unix_millis();
                let sight = remote.take(key, now).await;
                let found = self.entry_in(remote, sight)?;
                Ok(found.map(|found| Listed::Found(key.clone(), found)))
            }
        }
    }

    /// Removes and counts what an invalidation reaches, and then invalidates it.
    async fn delete_in(&self, targets: Targets) -> Result<u64, Error> {
        if targets.is_empty() {
            return Ok(0);
        }
        let reach = Reach::of(&targets);
        let deleted = match &self.shared.backend {
            Backend::Off => Ok(0),
            Backend::Memory(memory) => Ok(reach.remove_from_memory(memory)),
            Backend::Remote(remote) => {
                remote.can_scan()?;
                // However far the walk comes, and if it is dropped, the invalidation takes place.
                let rest = OnDrop::new(self, targets);
                let now = self.shared.clock.unix_millis();
                let deleted = reach.remove_from(remote, now).await;
                let rest = rest.run().await;
                let deleted = self.counted(remote, deleted)?;
                return match rest {
                    Invalidation::Done => Ok(deleted),
                    Invalidation::Queued => Err(Error::Store(StoreError::Unreachable {
                        store: self.store_name().to_owned(),
                        reason: "the invalidation is kept and retried".to_owned(),
                    })),
                };
            }
        };
        // What is under way, and what was stored behind the walk's back.
        self.invalidate(targets).await;
        deleted
    }
}

/// What an invalidation reaches, entry by entry.
struct Reach {
    /// The scopes that it ends.
    scopes: Vec<String>,
    /// The keys that it empties.
    keys: Vec<String>,
}

impl Reach {
    fn of(targets: &Targets) -> Self {
        let (scopes, keys) = reached(targets);
        Self { scopes, keys }
    }

    fn covers<'s>(&self, key: &str, mut scopes: impl Iterator<Item = &'s str>) -> bool {
        self.keys.iter().any(|meant| meant == key)
            || scopes.any(|scope| self.scopes.iter().any(|meant| meant == scope))
    }

    fn remove_from_memory(&self, memory: &Memory) -> u64 {
        let mut removed = 0;
        for entry in memory.parts().flatten() {
            let was_usable = memory.has_value(&entry);
            if self.covers(&entry.key, entry.held.scopes()) && memory.remove(&entry) && was_usable {
                removed += 1;
            }
        }
        removed
    }

    async fn remove_from(&self, remote: &Remote, now: u64) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut walk = Walk::default();
        let everywhere = Pattern::everywhere();
        while let Some(keys) = walk
            .step(remote, &everywhere, STEP, &mut remote.budget())
            .await?
        {
            let mut budget = remote.budget();
            let sights = remote
                .look_many(&keys, Part::Head, now, &mut budget)
                .await?;
            let meant: Vec<(String, Nonce)> = keys
                .iter()
                .zip(&sights.found)
                .filter_map(|(key, found)| {
                    // Failures that are kept go with the invalidation: they do not count.
                    let found = found.as_ref().filter(|found| found.is_value())?;
                    let scopes = found.scopes();
                    self.covers(key.qualified(), scopes.iter().map(String::as_str))
                        .then_some((key.qualified().to_owned(), found.seen.identity?))
                })
                .collect();
            removed += budget.spend(remote.store.remove(&meant)).await?;
        }
        Ok(removed)
    }
}

/// An invalidation that takes place even if its caller is dropped first.
struct OnDrop<'c> {
    cache: &'c Cache,
    targets: Option<Targets>,
}

impl<'c> OnDrop<'c> {
    fn new(cache: &'c Cache, targets: Targets) -> Self {
        Self {
            cache,
            targets: Some(targets),
        }
    }

    async fn run(mut self) -> Invalidation {
        match self.targets.take() {
            // From its first poll on, the invalidation sees to itself.
            Some(targets) => self.cache.invalidate(targets).await,
            None => Invalidation::Done,
        }
    }
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if let Some(targets) = self.targets.take() {
            self.cache.invalidate_later(&targets, None);
        }
    }
}
