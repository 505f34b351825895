//! How long an entry still lives, and changing it.

use std::time::Duration;

use super::lifetime::{Lifetime, expires_at};
use super::{Backend, Cache};
use crate::clock::Tick;
use crate::envelope;
use crate::error::Error;
use crate::freshness::Freshness;
use crate::key::Key;
use crate::memory::Memory;
use crate::remote::{Budget, Found, Remote};
use crate::spec::Ttl;
use crate::stats::Count;
use crate::store::Patch;
use crate::value::Value;

impl Cache {
    /// How long the entry of `key` may still be used: [`Ttl::For`] what is left, or [`Ttl::Never`];
    /// `None` if there is no usable entry.
    ///
    /// ```
    /// use larder::{Cache, Ttl};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set("a", &1).ttl(None).await?;
    /// assert_eq!(cache.ttl("a").await?, Some(Ttl::Never));
    /// assert_eq!(cache.ttl("b").await?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`] when the store does not answer.
    pub async fn ttl(&self, key: impl Into<Key>) -> Result<Option<Ttl>, Error> {
        let key = key.into();
        match &self.shared.backend {
            Backend::Off => Ok(None),
            Backend::Memory(memory) => {
                let entry = memory.peek_value(key.qualified());
                Ok(entry.map(|entry| entry.expires_at.get().since(memory.now()).into()))
            }
            Backend::Remote(remote) => {
                let found = self.find_in(remote, &key).await?;
                Ok(found.map(|found| self.left(found.meta.times.expires_at).into()))
            }
        }
    }

    /// Gives the entry of `key` this long from now on; whether there was a usable entry. Nothing
    /// else of it changes.
    ///
    /// # Errors
    /// [`Error::ZeroTtl`]; [`Error::Store`] when the store does not answer.
    pub async fn set_ttl(&self, key: impl Into<Key>, ttl: impl Into<Ttl>) -> Result<bool, Error> {
        let key = key.into();
        let lifetime = self.lifetime_of(ttl.into(), &Freshness::default(), &key)?;
        match &self.shared.backend {
            Backend::Off => Ok(false),
            Backend::Memory(memory) => Ok(self.live(memory, &key, lifetime)),
            Backend::Remote(remote) => {
                let was_there = self.live_in(remote, &key, lifetime, |_| Some(())).await?;
                Ok(was_there.is_some())
            }
        }
    }

    /// Lets the entry of `key` live until it is invalidated or evicted; whether there was a usable
    /// entry.
    ///
    /// # Errors
    /// [`Error::Store`] when the store does not answer.
    pub async fn persist(&self, key: impl Into<Key>) -> Result<bool, Error> {
        self.set_ttl(key, Ttl::Never).await
    }

    /// The value of `key` as [`get`](Self::get) gives it, and gives its entry this long from now on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::{Cache, Clock};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let clock = Clock::hand_wound();
    /// let cache = Cache::builder().clock(clock.clone()).build();
    /// let minute = Duration::from_secs(60);
    /// cache.set("session", &7).ttl(minute).await?;
    /// clock.advance(minute / 2);
    /// assert_eq!(cache.get_and_touch::<i32>("session", minute).await?, Some(7));
    /// clock.advance(minute / 2);
    /// assert!(cache.exists("session").await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set_ttl`](Self::set_ttl).
    pub async fn get_and_touch<T: Value>(
        &self,
        key: impl Into<Key>,
        ttl: impl Into<Ttl>,
    ) -> Result<Option<T>, Error> {
        let key = key.into();
        let lifetime = self.lifetime_of(ttl.into(), &Freshness::default(), &key)?;
        let value = match &self.shared.backend {
            Backend::Off => None,
            Backend::Memory(memory) => match memory.get(key.qualified()) {
                Some(entry) if entry.holds::<T>() => {
                    self.live(memory, &key, lifetime);
                    entry.value()
                }
                _ => None,
            },
            Backend::Remote(remote) => {
                let read = |found: &Found| self.decode(found);
                self.live_in(remote, &key, lifetime, read).await?
            }
        };
        self.tally(None).add(if value.is_some() {
            Count::Hit
        } else {
            Count::Miss
        });
        Ok(value)
    }

    /// Changes the time of the entry that is there, and gives what is read of it. One of which
    /// nothing is read stays as it is.
    async fn live_in<R>(
        &self,
        remote: &Remote,
        key: &Key,
        lifetime: Lifetime,
        read: impl Fn(&Found) -> Option<R>,
    ) -> Result<Option<R>, Error> {
        let mut budget = remote.budget();
        loop {
            let Some(found) = self.find_within(remote, key, &mut budget).await? else {
                return Ok(None);
            };
            let Some(read) = read(&found) else {
                return Ok(None);
            };
            // Replaced in between: the newer one is the one that is meant.
            if self
                .restamp(remote, key, &found, lifetime.ttl, &mut budget)
                .await?
            {
                return Ok(Some(read));
            }
        }
    }

    /// Gives an entry that was hit this ttl from now on, if it is still there; whether it was. One that
    /// never expires is left alone.
    pub(super) async fn renew(
        &self,
        remote: &Remote,
        key: &Key,
        found: &Found,
        ttl: Option<Duration>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Error> {
        if found.meta.times.expires_at == 0 {
            return Ok(true);
        }
        self.restamp(remote, key, found, ttl, budget).await
    }

    /// Gives an entry that was found this ttl from now on, if it is still there; whether it was.
    async fn restamp(
        &self,
        remote: &Remote,
        key: &Key,
        found: &Found,
        ttl: Option<Duration>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Error> {
        let expires_at = expires_at(self.shared.clock.unix_millis(), ttl);
        let Some(identity) = found.seen.identity else {
            return Ok(false);
        };
        let Ok(bytes) = envelope::restamp(key.qualified(), found.slot(), expires_at) else {
            return Ok(false);
        };
        let stale_for = Duration::from_millis(found.meta.times.stale_for);
        let patch = Patch {
            identity,
            bytes: &bytes,
            scopes: &found.scopes(),
            ttl: ttl.map(|ttl| ttl.saturating_add(stale_for)),
        };
        let patching = remote.store.patch(key.qualified(), patch);
        let patched = budget.spend(patching).await;
        self.counted(remote, patched)
    }

    fn left(&self, expires_at: u64) -> Option<Duration> {
        let now = self.shared.clock.unix_millis();
        (expires_at != 0).then(|| Duration::from_millis(expires_at.saturating_sub(now)))
    }

    /// Changes the time of the entry that is there, unless it ends first; whether it did.
    fn live(&self, memory: &Memory, key: &Key, lifetime: Lifetime) -> bool {
        let key = key.qualified();
        let expires_at: Tick = memory.expires_at(lifetime.ttl);
        // Under the lock, as counting is, which puts another entry in the place of this one.
        let flights = self.shared.flights.lock(key);
        let Some(entry) = memory.find(key) else {
            return false;
        };
        let is_changed =
            memory.has_value(&entry) && entry.expires_at.set_before(memory.now(), expires_at);
        drop(flights);
        if is_changed {
            memory.admit(entry);
        }
        is_changed
    }
}
