//! Direct use: get, set, load, delete, exists, ping.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::store_load::Look;
use super::{Backend, Cache, Lifetime, Mode, Targets, scopes};
use crate::Invalidation;
use crate::error::Error;
use crate::key::Key;
use crate::memory::Entry;
use crate::remote::{HeldLease, Remote, Sight};
use crate::spec::{Spec, Ttl};
use crate::stats::Count;
use crate::store::{Claim, LeaseRequest, Leased};
use crate::tag::{Tag, Tags};
use crate::value::{Fallible, Plain, Value};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Cache {
    /// The value of `key`, if there is a usable one of type `T`. One round trip, tags and all.
    ///
    /// An entry that is corrupt or of another type counts as none.
    ///
    /// # Errors
    /// [`Error::Store`] when the store does not answer; annotated functions treat that as a miss.
    pub async fn get<T: Value>(&self, key: impl Into<Key>) -> Result<Option<T>, Error> {
        let key = key.into();
        let tally = self.tally(None);
        let value = match &self.shared.backend {
            Backend::Off => None,
            Backend::Memory(memory) => memory
                .get(key.qualified())
                .and_then(|entry| entry.value::<T>()),
            Backend::Remote(remote) => {
                let now = self.shared.clock.unix_millis();
                let sight = remote.look(&key, None, now, &mut remote.budget()).await;
                match sight.map(Look::<T>::decode) {
                    Ok(Look::Value(value, _)) => Some(value),
                    Ok(Look::Nothing(seen)) => {
                        if seen.is_corrupt {
                            tally.add(Count::Corrupt);
                        }
                        None
                    }
                    Ok(Look::Distrusted) => None,
                    Err(error) => {
                        tally.add(Count::StoreError);
                        return Err(error.into());
                    }
                }
            }
        };
        tally.add(if value.is_some() {
            Count::Hit
        } else {
            Count::Miss
        });
        Ok(value)
    }

    /// Whether `key` has a usable entry, of any type.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exists(&self, key: impl Into<Key>) -> Result<bool, Error> {
        let key = key.into();
        match &self.shared.backend {
            Backend::Off => Ok(false),
            Backend::Memory(memory) => Ok(memory.get(key.qualified()).is_some()),
            Backend::Remote(remote) => self.exists_in(remote, &key).await,
        }
    }

    async fn exists_in(&self, remote: &Remote, key: &Key) -> Result<bool, Error> {
        let now = self.shared.clock.unix_millis();
        match remote.look(key, None, now, &mut remote.budget()).await {
            Ok(sight) => Ok(matches!(sight, Sight::Entry(_))),
            Err(error) => {
                self.tally(None).add(Count::StoreError);
                Err(error.into())
            }
        }
    }

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
    /// On awaiting: [`Error::ZeroTtl`], [`Error::Encode`], [`Error::Store`].
    pub fn set<'c, T: Value>(&'c self, key: impl Into<Key>, value: &'c T) -> Set<'c, T> {
        Set {
            cache: self,
            value,
            entry: Named::new(key.into()),
        }
    }

    /// The value of `key`, or what `load` returns, which is then stored. Of any number of callers
    /// one runs its `load`; the others wait for it. Awaiting the returned builder does it.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = Cache::memory();
    /// let answer: u32 = cache.load("answer", || async { 42 }).tags(["answers"]).await;
    /// assert_eq!(answer, 42);
    /// # }
    /// ```
    pub fn load<L>(&self, key: impl Into<Key>, load: L) -> Load<'_, L> {
        Load {
            cache: self,
            load,
            entry: Named::new(key.into()),
        }
    }

    /// As [`load`](Self::load), where the load can fail: only `Ok` is stored, and an `Err` goes to
    /// the caller whose load it was.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::num::ParseIntError> {
    /// let cache = Cache::memory();
    /// let answer: u32 = cache.try_load("answer", || async { "42".parse() }).await?;
    /// assert_eq!(answer, 42);
    /// # Ok(()) }
    /// ```
    pub fn try_load<L>(&self, key: impl Into<Key>, load: L) -> TryLoad<'_, L> {
        TryLoad {
            cache: self,
            load,
            entry: Named::new(key.into()),
        }
    }

    /// Removes `key`, and keeps loads of it that are under way from being stored; whether there was
    /// a usable entry. On a store this costs a look first; [`invalidate_key`](Self::invalidate_key)
    /// does not.
    ///
    /// # Errors
    /// [`Error::Store`] when the look fails. The removal is carried out or queued all the same.
    pub async fn delete(&self, key: impl Into<Key>) -> Result<bool, Error> {
        let key = key.into();
        match &self.shared.backend {
            Backend::Off => Ok(false),
            Backend::Memory(_) => {
                self.shared.counters.add_invalidation();
                Ok(self.forget(key.qualified()))
            }
            Backend::Remote(remote) => {
                // If the caller goes away during the look, the removal takes place all the same.
                let removal = OnDrop::new(self, Targets::default().key(&key));
                let existed = self.exists_in(remote, &key).await;
                removal.run().await;
                existed
            }
        }
    }

    /// Whether the store behind the cache can be used.
    ///
    /// # Errors
    /// [`Error::Store`] with the reason.
    pub async fn ping(&self) -> Result<(), Error> {
        match &self.shared.backend {
            Backend::Off | Backend::Memory(_) => Ok(()),
            Backend::Remote(remote) => Ok(remote.budget().spend(remote.store.ping()).await?),
        }
    }

    /// The value of a spec, if there is a usable one.
    pub(crate) async fn peek<V: Value, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
    ) -> Result<Option<V>, Error> {
        let Backend::Remote(remote) = &self.shared.backend else {
            return self.get(&spec.key).await;
        };
        let look = self
            .look::<V>(remote, &spec.key, &scopes(spec), &mut remote.budget())
            .await?;
        Ok(match look {
            Look::Value(value, _) => Some(value),
            Look::Nothing(_) | Look::Distrusted => None,
        })
    }

    /// Stores a value under a spec, in place of whatever is there or on its way.
    pub(crate) async fn prime<V: Value, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
        value: &V,
    ) -> Result<(), Error> {
        let lifetime = self.lifetime(spec.ttl);
        if lifetime == Lifetime::None {
            return Err(Error::ZeroTtl {
                key: spec.key.full().to_owned(),
            });
        }
        let scopes = scopes(spec);
        let key = spec.key.qualified();
        match &self.shared.backend {
            Backend::Off => Ok(()),
            Backend::Memory(memory) => {
                let entry = std::sync::Arc::new(Entry {
                    key: key.into(),
                    expires_at: memory.expires_at(lifetime.ttl()),
                    held: self
                        .shared
                        .generations
                        .hold(scopes.iter().map(String::as_str)),
                    value: value.clone(),
                });
                let entry: crate::memory::AnyEntry = entry;
                let mut flights = self.shared.flights.lock(key);
                flights.revoke(key);
                let replaced = memory.place(std::sync::Arc::clone(&entry));
                drop(flights);
                drop(replaced);
                memory.admit(entry);
                Ok(())
            }
            Backend::Remote(remote) => {
                self.shared.flights.revoke(key);
                let result = self.prime_in(remote, spec, &scopes, value, lifetime).await;
                if matches!(result, Err(Error::Store(_))) {
                    self.tally(None).add(Count::StoreError);
                }
                result
            }
        }
    }

    async fn prime_in<V: Value, S>(
        &self,
        remote: &Remote,
        spec: &Spec<S>,
        scopes: &[String],
        value: &V,
        lifetime: Lifetime,
    ) -> Result<(), Error> {
        let mut budget = remote.budget();
        let held = HeldLease::ask(remote, &spec.key, Claim::Replacing);
        let request = LeaseRequest {
            token: held.token(),
            claim: Claim::Replacing,
            seen: None,
            lasts: remote.lease,
            scopes,
            ttl: lifetime.ttl(),
        };
        let leased = budget
            .spend(remote.store.lease(spec.key.qualified(), request))
            .await?;
        if let Leased::Granted(lease) = leased {
            // Overtaken means that it was set, and then deleted or set again: nobody else fills
            // under this lease.
            self.fill(
                remote,
                &spec.key,
                scopes,
                value,
                lifetime,
                &lease,
                &mut budget,
            )
            .await?;
            held.used();
        }
        Ok(())
    }
}

/// An invalidation that takes place even if its caller is dropped first.
pub(crate) struct OnDrop<'c> {
    cache: &'c Cache,
    targets: Option<Targets>,
}

impl<'c> OnDrop<'c> {
    pub(crate) fn new(cache: &'c Cache, targets: Targets) -> Self {
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

/// Key, ttl, tags and lock, as the builders collect them.
struct Named {
    key: Key,
    ttl: Ttl,
    tags: Tags,
    lock: bool,
}

impl Named {
    fn new(key: Key) -> Self {
        Self {
            key,
            ttl: Ttl::Default,
            tags: Tags::default(),
            lock: false,
        }
    }

    fn into_spec(self) -> Spec<impl Fn(&mut Tags)> {
        let Self {
            key,
            ttl,
            tags,
            lock,
        } = self;
        Spec::new(key, move |out: &mut Tags| out.extend(&tags))
            .ttl(ttl)
            .lock(lock)
    }
}

macro_rules! entry_options {
    ($($builder:ident<$($parameter:tt),*>)*) => {$(
        impl<$($parameter),*> $builder<$($parameter),*> {
            /// How long the entry may be used; the cache's usual ttl unless set.
            pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
                self.entry.ttl = ttl.into();
                self
            }

            /// Tags that the entry carries, beside those already named.
            pub fn tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
                self.entry.tags.extend(tags);
                self
            }

            /// The namespace of the key.
            pub fn namespace(mut self, namespace: impl AsRef<str>) -> Self {
                self.entry.key = self.entry.key.in_namespace(namespace);
                self
            }
        }
    )*};
}

entry_options!(Set<'c, V> Load<'c, L> TryLoad<'c, L>);

macro_rules! load_options {
    ($($builder:ident)*) => {$(
        impl<L> $builder<'_, L> {
            /// Lets one load exclude loads of the same key in other processes too.
            pub fn lock(mut self) -> Self {
                self.entry.lock = true;
                self
            }
        }
    )*};
}

load_options!(Load TryLoad);

/// Stores a value when awaited: see [`Cache::set`].
#[must_use = "nothing is stored until it is awaited"]
pub struct Set<'c, V> {
    cache: &'c Cache,
    value: &'c V,
    entry: Named,
}

impl<'c, V: Value> IntoFuture for Set<'c, V> {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            cache,
            value,
            entry,
        } = self;
        Box::pin(async move { cache.prime(&entry.into_spec(), value).await })
    }
}

/// Looks up or loads when awaited: see [`Cache::load`].
#[must_use = "nothing is loaded until it is awaited"]
pub struct Load<'c, L> {
    cache: &'c Cache,
    load: L,
    entry: Named,
}

impl<'c, V, L, F> IntoFuture for Load<'c, L>
where
    V: Value,
    L: FnOnce() -> F + Send + 'c,
    F: Future<Output = V> + Send + 'c,
{
    type Output = V;
    type IntoFuture = BoxFuture<'c, V>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, load, entry } = self;
        Box::pin(async move {
            let spec = entry.into_spec();
            cache
                .fetch(None, Mode::Read, &spec, Plain::NEW, |_: &V| true, load)
                .await
        })
    }
}

/// Looks up or loads when awaited: see [`Cache::try_load`].
#[must_use = "nothing is loaded until it is awaited"]
pub struct TryLoad<'c, L> {
    cache: &'c Cache,
    load: L,
    entry: Named,
}

impl<'c, V, E, L, F> IntoFuture for TryLoad<'c, L>
where
    V: Value,
    E: Send + 'c,
    L: FnOnce() -> F + Send + 'c,
    F: Future<Output = Result<V, E>> + Send + 'c,
{
    type Output = Result<V, E>;
    type IntoFuture = BoxFuture<'c, Result<V, E>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, load, entry } = self;
        Box::pin(async move {
            let spec = entry.into_spec();
            cache
                .fetch(None, Mode::Read, &spec, Fallible::NEW, |_: &V| true, load)
                .await
        })
    }
}
