//! Going through what is stored: keys, counts, surveys.

use futures_util::stream::{self, Stream};

use super::{Backend, Cache};
use crate::clock::unix_time;
use crate::error::Error;
use crate::key::{Key, Pattern};
use crate::memory::AnyResident;
use crate::remote::{Found, STEP, Walk};
use crate::stats::Stats;
use crate::store::Part;

/// A usable entry that a walk came by.
pub(super) enum Listed {
    Resident(Key, AnyResident),
    /// Of which the payload may not be there.
    Found(Key, Found),
}

impl Listed {
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Resident(key, _) | Self::Found(key, _) => key,
        }
    }
}

/// How far a walk has come.
pub(super) enum Steps {
    Memory(usize),
    Remote(Walk),
}

impl Cache {
    /// The keys with a usable entry that match, in no order. What is stored or removed meanwhile may
    /// or may not turn up; a key may turn up twice if a server rebuilds its table meanwhile.
    ///
    /// Goes through the store some keys at a time, as they are asked for.
    ///
    /// ```
    /// use futures_util::TryStreamExt as _;
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set_many([("user:7", 1), ("user:8", 2), ("order:1", 3)]).await?;
    /// let mut users: Vec<String> = cache
    ///     .keys("user:*")
    ///     .map_ok(|key| key.as_str().to_owned())
    ///     .try_collect()
    ///     .await?;
    /// users.sort();
    /// assert_eq!(users, ["user:7", "user:8"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// In the stream, and then nothing more: [`Error::Store`], also where the store cannot go
    /// through its keys.
    pub fn keys(
        &self,
        pattern: impl Into<Pattern>,
    ) -> impl Stream<Item = Result<Key, Error>> + Send + Unpin + '_ {
        let pattern = pattern.into();
        let beginning = (self.begin(), Vec::new().into_iter());
        Box::pin(stream::try_unfold(
            beginning,
            move |(mut steps, mut keys)| {
                let pattern = pattern.clone();
                async move {
                    loop {
                        if let Some(key) = keys.next() {
                            return Ok(Some((key, (steps, keys))));
                        }
                        let Some(listed) = self.step(&mut steps, &pattern).await? else {
                            return Ok(None);
                        };
                        let listed: Vec<Key> = listed.iter().map(|one| one.key().clone()).collect();
                        keys = listed.into_iter();
                    }
                }
            },
        ))
    }

    /// How many keys that match have a usable entry. Goes through the store, as
    /// [`keys`](Self::keys) does.
    ///
    /// # Errors
    /// [`Error::Store`], also where the store cannot go through its keys.
    pub async fn count(&self, pattern: impl Into<Pattern>) -> Result<u64, Error> {
        let pattern = pattern.into();
        let mut steps = self.begin();
        let mut count = 0;
        while let Some(listed) = self.step(&mut steps, &pattern).await? {
            count += listed.len() as u64;
        }
        Ok(count)
    }

    /// What the cache did so far, and what it holds: [`stats`](Self::stats) with
    /// [`entries`](Stats::entries), [`bytes`](Stats::bytes), [`oldest`](Stats::oldest) and
    /// [`newest`](Stats::newest), for which it goes through the store. Not for every request.
    ///
    /// # Errors
    /// [`Error::Store`], also where the store cannot go through its keys.
    pub async fn survey(&self) -> Result<Stats, Error> {
        let everywhere = Pattern::everywhere();
        let mut steps = self.begin();
        let mut stats = self.stats();
        let (mut entries, mut bytes) = (0, None);
        while let Some(listed) = self.step(&mut steps, &everywhere).await? {
            entries += listed.len() as u64;
            for one in &listed {
                let created_at = match one {
                    Listed::Resident(_, entry) => self.shared.clock.time_of(entry.created_at),
                    Listed::Found(_, found) => unix_time(found.meta.times.created_at),
                };
                stats.oldest = Some(stats.oldest.map_or(created_at, |at| at.min(created_at)));
                stats.newest = Some(stats.newest.map_or(created_at, |at| at.max(created_at)));
            }
            if let Backend::Remote(remote) = &self.shared.backend {
                let keys: Vec<String> = listed
                    .iter()
                    .map(|one| one.key().qualified().to_owned())
                    .collect();
                let sizes = remote.budget().spend(remote.store.sizes(&keys)).await;
                let sizes = self.counted(remote, sizes)?;
                if let Some(sum) = sizes.into_iter().flatten().reduce(u64::saturating_add) {
                    bytes = Some(bytes.unwrap_or(0) + sum);
                }
            }
        }
        stats.entries = Some(entries);
        stats.bytes = bytes;
        if let Some(tier) = stats.tiers.first_mut() {
            tier.entries = stats.entries;
            tier.bytes = stats.bytes;
        }
        Ok(stats)
    }

    pub(super) fn begin(&self) -> Steps {
        match &self.shared.backend {
            Backend::Off | Backend::Memory(_) => Steps::Memory(0),
            Backend::Remote(_) => Steps::Remote(Walk::default()),
        }
    }

    /// The next usable entries whose keys match; `None` at the end.
    async fn step(
        &self,
        steps: &mut Steps,
        pattern: &Pattern,
    ) -> Result<Option<Vec<Listed>>, Error> {
        match (&self.shared.backend, steps) {
            (Backend::Memory(memory), Steps::Memory(number)) => {
                let Some(entries) = memory.part(*number) else {
                    return Ok(None);
                };
                *number += 1;
                Ok(Some(
                    entries
                        .into_iter()
                        .filter(|entry| {
                            pattern.matches_qualified(&entry.key) && memory.has_value(entry)
                        })
                        .filter_map(|entry| {
                            Some(Listed::Resident(Key::from_qualified(&entry.key)?, entry))
                        })
                        .collect(),
                ))
            }
            (Backend::Remote(remote), Steps::Remote(walk)) => {
                remote.can_scan()?;
                let keys = walk.step(remote, pattern, STEP, &mut remote.budget()).await;
                let Some(keys) = self.counted(remote, keys)? else {
                    return Ok(None);
                };
                let found = self.find_many_in(remote, &keys, Part::Head).await?;
                Ok(Some(
                    keys.into_iter()
                        .zip(found)
                        .filter_map(|(key, found)| Some(Listed::Found(key, found?)))
                        .collect(),
                ))
            }
            _ => Ok(None),
        }
    }
}
