//! Storing values that nobody loaded.

use std::collections::HashSet;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::landing::Fill;
use super::layers::Stand;
use super::lifetime::Lifetime;
use super::named::{About, Named, entry_options};
use super::near::Place;
use super::{BoxFuture, Cache};
use crate::codec;
use crate::envelope;
use crate::error::Error;
use crate::key::Key;
use crate::layer::LayerSet;
use crate::memory::{AnyResident, Memory, Resident};
use crate::remote::{Age, Budget, Found, HeldLease, Remote, Sight};
use crate::spec::Spec;
use crate::stats::Count;
use crate::store::{Claim, Expected, LeaseRequest, Leased, Nonce};
use crate::tag::Tags;
use crate::value::{Local, Value};

/// How many entries are set at once, where there are many to be set.
const SETS_AT_ONCE: usize = 32;

impl Cache {
    /// Stores `value` under `key`. Awaiting the returned builder does it.
    ///
    /// A load of the same key that is under way will not replace it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache
    ///     .set("report:2026", &vec![1_u32, 2, 3])
    ///     .ttl(Duration::from_secs(60))
    ///     .tags(["reports"])
    ///     .namespace("shop")
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// On awaiting: [`Error::ZeroTtl`], [`Error::Encode`], [`Error::TooManyTags`], [`Error::Store`].
    pub fn set<'c, T: Value>(&'c self, key: impl Into<Key>, value: &'c T) -> Set<'c, T> {
        Set {
            cache: self,
            value,
            entry: Named::new(key.into()),
        }
    }

    /// Stores `value` under `key` unless there is a usable entry; whether it did. Of any number of
    /// callers one does. An entry of another type is one. Awaiting the returned builder does it.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// assert!(cache.set_if_absent("leader", &"a".to_owned()).await?);
    /// assert!(!cache.set_if_absent("leader", &"b".to_owned()).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_if_absent<'c, T: Value>(
        &'c self,
        key: impl Into<Key>,
        value: &'c T,
    ) -> SetIfAbsent<'c, T> {
        SetIfAbsent {
            cache: self,
            value,
            entry: Named::new(key.into()),
        }
    }

    /// Stores each value under its key, several at once; of a key that comes twice the last value.
    /// Awaiting the returned builder does it; its options hold for all of them. A failure leaves
    /// those stored that were.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set_many([("a", 1), ("b", 2)]).tags(["letters"]).await?;
    /// assert_eq!(cache.get::<i32>("b").await?, Some(2));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set): the first failure.
    pub fn set_many<K: Into<Key>, T: Value>(
        &self,
        entries: impl IntoIterator<Item = (K, T)>,
    ) -> SetMany<'_, T> {
        SetMany {
            cache: self,
            entries: entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
            about: About::default(),
        }
    }

    /// Stores a value under a spec, in place of whatever is there or on its way.
    pub(crate) async fn prime<V: Value, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
        value: &V,
    ) -> Result<(), Error> {
        let lifetime = self.lifetime_of(spec.ttl, &spec.freshness, &spec.key)?;
        let scopes = self.admitted(spec)?;
        let key = spec.key.qualified();
        match self.stand(self.meant(spec.layers)) {
            None => Ok(()),
            Some(Stand::Memory(_)) => self.prime_near(spec, value),
            Some(Stand::Store(remote)) => {
                self.shared.fences.note_key(key);
                self.shared.flights.revoke(key);
                self.forget_beside(key);
                let new = New {
                    key: &spec.key,
                    scopes: &scopes,
                    lifetime,
                    value,
                    layers: self.meant(spec.layers),
                };
                let budget = &mut remote.budget();
                if remote.distrusts(&spec.key, &scopes) {
                    // What is stored now would be deleted by the one that is still on its way.
                    let caught_up = remote.catch_up(budget).await;
                    self.counted(remote, caught_up)?;
                }
                loop {
                    let stored = self.store_in(remote, &new, Expected::Anything, budget);
                    let Stored::Overtaken(over) = stored.await? else {
                        return Ok(());
                    };
                    let is_set = remote.outcome(&spec.key, over, budget).await;
                    if self.counted(remote, is_set)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Stores a value unless there is a usable entry.
    async fn prime_absent<V: Value, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
        value: &V,
    ) -> Result<bool, Error> {
        let lifetime = self.lifetime_of(spec.ttl, &spec.freshness, &spec.key)?;
        let scopes = self.admitted(spec)?;
        let key = spec.key.qualified();
        self.shared.fences.note_key(key);
        match self.stand(self.meant(spec.layers)) {
            None => Ok(false),
            Some(Stand::Memory(Place { memory, flights })) => {
                let entry = self.resident(memory, key, &scopes, lifetime, value.clone());
                // Before the lock, so that it is dropped after it: the value's destructor is the
                // user's.
                let found;
                let mut flights = flights.lock(key);
                found = memory.find(key);
                if found.as_ref().is_some_and(|entry| memory.has_value(entry)) {
                    drop(flights);
                    return Ok(false);
                }
                flights.revoke(key);
                let replaced = memory.place(Arc::clone(&entry));
                drop(flights);
                drop(replaced);
                memory.admit(entry);
                Ok(true)
            }
            Some(Stand::Store(remote)) => {
                let new = New {
                    key: &spec.key,
                    scopes: &scopes,
                    lifetime,
                    value,
                    layers: self.meant(spec.layers),
                };
                let mut budget = remote.budget();
                loop {
                    let expected = match self.found_or(remote, &spec.key, &mut budget).await? {
                        Ok(_) => return Ok(false),
                        Err(expected) => expected,
                    };
                    if self.store_in(remote, &new, expected, &mut budget).await? == Stored::Here {
                        self.shared.flights.revoke(key);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The scopes of an entry, if an entry can be in so many. Said before anything is done.
    fn admitted<S: Fn(&mut Tags)>(&self, spec: &Spec<S>) -> Result<Vec<String>, Error> {
        let scopes = self.scopes(spec);
        if envelope::admits(&scopes) {
            Ok(scopes)
        } else {
            Err(Error::TooManyTags {
                key: spec.key.full().to_owned(),
            })
        }
    }

    /// The usable entry of a key, or what the slot holds instead. Waits until an invalidation that
    /// covers the key has been taken.
    pub(super) async fn found_or(
        &self,
        remote: &Remote,
        key: &Key,
        budget: &mut Budget<'_>,
    ) -> Result<Result<Found, Expected>, Error> {
        loop {
            let now = self.shared.clock.unix_millis();
            let sight = remote.look(key, None, (Age::Fresh, now), budget).await;
            let expected = match &sight {
                Ok(Sight::Distrusted) => {
                    let caught_up = remote.catch_up(budget).await;
                    self.counted(remote, caught_up)?;
                    continue;
                }
                Ok(Sight::Nothing(seen)) => seen.identity.into(),
                // Of use only if it is a failure that is kept.
                Ok(Sight::Entry(found)) => found.seen.identity.into(),
                Err(_) => Expected::NoEntry,
            };
            return Ok(self.entry_in(remote, sight)?.ok_or(expected));
        }
    }

    /// A value as process memory holds it.
    pub(super) fn resident<V: Local>(
        &self,
        memory: &Memory,
        key: &str,
        scopes: &[String],
        lifetime: Lifetime,
        value: V,
    ) -> AnyResident {
        let held = self
            .shared
            .generations
            .hold(scopes.iter().map(String::as_str));
        let ages = lifetime.ages(memory);
        Arc::new(Resident::new(key, memory.now(), ages, held, value))
    }

    /// Stores an entry, if the slot is as expected.
    pub(super) async fn store_in<V: Value>(
        &self,
        remote: &Remote,
        new: &New<'_, V>,
        expected: Expected,
        budget: &mut Budget<'_>,
    ) -> Result<Stored, Error> {
        let result = self.try_store_in(remote, new, expected, budget).await;
        if matches!(result, Err(Error::Store(_))) {
            self.tally(None).add(Count::StoreError);
        }
        result
    }

    async fn try_store_in<V: Value>(
        &self,
        remote: &Remote,
        new: &New<'_, V>,
        expected: Expected,
        budget: &mut Budget<'_>,
    ) -> Result<Stored, Error> {
        // Who expects something shares a lease with others that expect the same, so that one of them
        // gets through; each taking the lease from the other, none might.
        let mut claim = match expected {
            Expected::Anything => Claim::Replacing,
            Expected::NoEntry | Expected::Entry(_) => Claim::Shared,
        };
        loop {
            let pledge = self.pledge(new.layers, new.key, new.scopes);
            let held = HeldLease::ask(remote, new.key, claim);
            let request = LeaseRequest {
                token: held.token(),
                claim,
                expected,
                lasts: remote.lease,
                scopes: new.scopes,
                ttl: new.lifetime.kept(),
            };
            let leased = budget
                .spend(remote.store.lease(new.key.qualified(), request))
                .await?;
            match leased {
                Leased::Granted(lease) => {
                    let held = if lease.token == held.token() {
                        held
                    } else {
                        held.used();
                        HeldLease::shared(remote, lease.token)
                    };
                    let filled = self
                        .fill(
                            remote,
                            new.key,
                            new.scopes,
                            new.lifetime,
                            |bytes| codec::encode(new.value, bytes, self.shared.encoding),
                            &lease,
                            pledge.as_ref(),
                            budget,
                        )
                        .await?;
                    held.used();
                    return Ok(match filled {
                        Fill::Stored(landing) => {
                            let value = || new.value.clone();
                            self.land_above(new.key, pledge, landing, new.lifetime, value);
                            Stored::Here
                        }
                        Fill::Overtaken => Stored::Overtaken(lease.over),
                    });
                }
                // A lock, a set or a refresh is under way: this value is newer than theirs.
                Leased::Held => {
                    held.used();
                    claim = Claim::Replacing;
                }
                Leased::Changed => {
                    held.used();
                    return Ok(Stored::Changed);
                }
            }
        }
    }
}

/// What storing an entry came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Here,
    /// The slot was not as expected.
    Changed,
    /// Something was set or deleted meanwhile. The entry that was in the slot before.
    Overtaken(Option<Nonce>),
}

/// An entry that is to be stored.
pub(super) struct New<'a, V> {
    pub(super) key: &'a Key,
    pub(super) scopes: &'a [String],
    pub(super) lifetime: Lifetime,
    pub(super) value: &'a V,
    pub(super) layers: LayerSet,
}

/// Stores a value when awaited: see [`Cache::set`].
#[must_use = "nothing is stored until it is awaited"]
pub struct Set<'c, V> {
    cache: &'c Cache,
    value: &'c V,
    entry: Named,
}

/// Stores a value when awaited, unless there is one: see [`Cache::set_if_absent`].
#[must_use = "nothing is stored until it is awaited"]
pub struct SetIfAbsent<'c, V> {
    cache: &'c Cache,
    value: &'c V,
    entry: Named,
}

/// Stores values when awaited: see [`Cache::set_many`].
#[must_use = "nothing is stored until it is awaited"]
pub struct SetMany<'c, V> {
    cache: &'c Cache,
    entries: Vec<(Key, V)>,
    about: About,
}

entry_options!(
    Set<'c, V>: entry.about;
    SetIfAbsent<'c, V>: entry.about;
    SetMany<'c, V>: about;
);

impl<'c, V: Value> IntoFuture for Set<'c, V> {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.cache.prime(&self.entry.into_spec(), self.value).await })
    }
}

impl<'c, V: Value> IntoFuture for SetIfAbsent<'c, V> {
    type Output = Result<bool, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.cache
                .prime_absent(&self.entry.into_spec(), self.value)
                .await
        })
    }
}

impl<'c, V: Value> IntoFuture for SetMany<'c, V> {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            cache,
            entries,
            about,
        } = self;
        Box::pin(async move {
            // From the end, so that the last of a key is the first that is seen.
            let mut seen = HashSet::new();
            let last = entries
                .into_iter()
                .rev()
                .filter(|(key, _)| seen.insert(key.clone()));
            let last: Vec<_> = last.collect();
            let sets = last.into_iter().map(|(key, value)| {
                let spec = about.spec(key);
                async move { cache.prime(&spec, &value).await }
            });
            stream::iter(sets)
                .buffer_unordered(SETS_AT_ONCE)
                .try_collect()
                .await
        })
    }
}
