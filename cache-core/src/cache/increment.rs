//! Counting: integers that are changed in place.

use std::future::IntoFuture;
use std::sync::Arc;

use super::layers::Stand;
use super::named::{Named, entry_options};
use super::near::Place;
use super::set::{New, Stored};
use super::{BoxFuture, Cache};
use crate::codec::{self, Number};
use crate::error::Error;
use crate::key::Key;
use crate::remote::{Found, Remote};
use crate::spec::Spec;
use crate::store::{Increment, Incremented};
use crate::tag::Tags;

impl Cache {
    /// Adds `by` to the integer under `key`, in one step, and gives the sum. Awaiting the returned
    /// builder does it.
    ///
    /// Any integer type that was set counts, and keeps its type, ttl and tags. Where there is no
    /// usable entry, an `i64` begins at zero; the builder's options are for that one.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// assert_eq!(cache.increment("visits", 1).ttl(None).await?, 1);
    /// assert_eq!(cache.increment("visits", 10).await?, 11);
    /// assert_eq!(cache.decrement("visits", 1).await?, 10);
    /// assert_eq!(cache.get::<i64>("visits").await?, Some(10));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// On awaiting: [`Error::NotANumber`], [`Error::Overflow`]; [`Error::Store`] when the store
    /// fails, and then it is not known whether it counted.
    pub fn increment(&self, key: impl Into<Key>, by: i64) -> Count<'_> {
        Count {
            cache: self,
            by: Some(by),
            entry: Named::new(key.into()),
        }
    }

    /// Takes `by` from the integer under `key`: see [`increment`](Self::increment).
    ///
    /// # Errors
    /// As [`increment`](Self::increment). Less by `i64::MIN` is always [`Error::Overflow`].
    pub fn decrement(&self, key: impl Into<Key>, by: i64) -> Count<'_> {
        Count {
            cache: self,
            by: by.checked_neg(),
            entry: Named::new(key.into()),
        }
    }

    async fn count_in_memory<S: Fn(&mut Tags)>(
        &self,
        Place { memory, flights }: Place<'_>,
        spec: &Spec<S>,
        by: i64,
    ) -> Result<i64, Error> {
        let lifetime = self.lifetime_of(spec.ttl, &spec.freshness, &spec.key)?;
        let scopes = self.scopes(spec);
        let key = spec.key.qualified();
        let beginning = self.resident(memory, key, &scopes, lifetime, by);
        // Before the lock, so that it is dropped after it: the value's destructor is the user's.
        let found;
        let mut flights = flights.lock(key);
        found = memory.find(key);
        let old = found.as_ref().filter(|entry| memory.has_value(entry));
        let (sum, entry) = match old {
            None => {
                flights.revoke(key);
                (by, beginning)
            }
            Some(old) => {
                let counted = Number::of(&old.value)
                    .ok_or_else(|| not_a_number(&spec.key))
                    .and_then(|number| number.plus(by).ok_or_else(|| overflow(&spec.key, by)));
                let sum = match counted {
                    Ok(sum) => sum,
                    Err(error) => {
                        drop(flights);
                        return Err(error);
                    }
                };
                match old.with_number(sum) {
                    Some(entry) => (sum.value, entry),
                    None => {
                        drop(flights);
                        return Err(overflow(&spec.key, by));
                    }
                }
            }
        };
        let replaced = memory.place(Arc::clone(&entry));
        drop(flights);
        drop(replaced);
        memory.admit(entry);
        Ok(sum)
    }

    async fn count_in<S: Fn(&mut Tags)>(
        &self,
        remote: &Remote,
        spec: &Spec<S>,
        by: i64,
    ) -> Result<i64, Error> {
        let lifetime = self.lifetime_of(spec.ttl, &spec.freshness, &spec.key)?;
        if !remote.store.capabilities().increment {
            return Err(remote.store.unsupported("counting").into());
        }
        let scopes = self.scopes(spec);
        let new = New {
            key: &spec.key,
            scopes: &scopes,
            lifetime,
            value: &by,
            layers: self.layers,
        };
        let mut budget = remote.budget();
        loop {
            let found = match self.found_or(remote, &spec.key, &mut budget).await? {
                Ok(found) => found,
                Err(expected) => {
                    let stored = self.store_in(remote, &new, expected, &mut budget).await?;
                    if stored == Stored::Here {
                        self.shared.flights.revoke(spec.key.qualified());
                        return Ok(by);
                    }
                    continue;
                }
            };
            let increment = step(&spec.key, &found, by)?;
            let call = remote.store.increment(spec.key.qualified(), increment);
            let answer = budget.spend(call).await;
            match self.counted(remote, answer)? {
                Incremented::To(sum) => return Ok(sum),
                Incremented::Overflow => return Err(overflow(&spec.key, by)),
                Incremented::Changed => {}
            }
        }
    }
}

/// What is asked of the store to add to this entry.
fn step(key: &Key, found: &Found, by: i64) -> Result<Increment, Error> {
    let number = codec::is_number(found.meta.codec)
        .then(|| Number::parse(found.payload()).ok())
        .flatten()
        .ok_or_else(|| not_a_number(key))?;
    Ok(Increment {
        identity: found.seen.identity.ok_or_else(|| not_a_number(key))?,
        at: found.payload_at(),
        kind: number.kind,
        by,
    })
}

fn not_a_number(key: &Key) -> Error {
    Error::NotANumber {
        key: key.full().to_owned(),
    }
}

fn overflow(key: &Key, by: i64) -> Error {
    Error::Overflow {
        key: key.full().to_owned(),
        by,
    }
}

/// Adds to an integer when awaited: see [`Cache::increment`].
#[must_use = "nothing is counted until it is awaited"]
pub struct Count<'c> {
    cache: &'c Cache,
    /// `None` for what cannot be said: less by the smallest integer.
    by: Option<i64>,
    entry: Named,
}

entry_options!(Count<'c>: entry.about;);

impl<'c> IntoFuture for Count<'c> {
    type Output = Result<i64, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, by, entry } = self;
        Box::pin(async move {
            let spec = entry.into_spec();
            let by = by.ok_or_else(|| overflow(&spec.key, i64::MIN))?;
            cache.shared.fences.note_key(spec.key.qualified());
            match cache.stand(cache.layers) {
                // Nothing is kept, so every count begins.
                None => Ok(by),
                Some(Stand::Memory(place)) => cache.count_in_memory(place, &spec, by).await,
                Some(Stand::Store(remote)) => cache.count_in(remote, &spec, by).await,
            }
        })
    }
}
