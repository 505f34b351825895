//! Looking up without loading.

use super::Cache;
use super::layers::Stand;
use super::store_load::Look;
use crate::codec;
use crate::error::Error;
use crate::key::Key;
use crate::remote::{Age, Budget, Found, Remote, Sight};
use crate::spec::Spec;
use crate::stats::Count;
use crate::store::Part;
use crate::tag::Tags;
use crate::value::Value;

/// How many whole entries are read in one step: enough to make round trips cheap, few enough to keep
/// the server free for others.
pub(super) const WHOLE_AT_ONCE: usize = 200;

impl Cache {
    /// The value of `key`, if there is a usable one of type `T`. One round trip, tags and all.
    ///
    /// An entry that is corrupt or of another type counts as none.
    ///
    /// # Errors
    /// [`Error::Store`] when the store does not answer; annotated functions treat that as a miss.
    pub async fn get<T: Value>(&self, key: impl Into<Key>) -> Result<Option<T>, Error> {
        let key = key.into();
        let value = match self.stand(self.layers) {
            None => None,
            Some(Stand::Memory(place)) => {
                let entry = place.memory.get(key.qualified());
                entry.and_then(|entry| entry.value::<T>())
            }
            Some(Stand::Store(remote)) => self.get_through(remote, &key).await?,
        };
        self.count_lookup(value.is_some());
        Ok(value)
    }

    /// The values of `keys`, in their order, each as [`get`](Self::get) would give it: in two round
    /// trips for every 200 of them.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
    /// let cache = Cache::memory();
    /// cache.set("a", &1).await?;
    /// cache.set("c", &3).await?;
    /// assert_eq!(cache.get_many::<i32>(["a", "b", "c"]).await?, [Some(1), None, Some(3)]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many<T: Value>(
        &self,
        keys: impl IntoIterator<Item: Into<Key>>,
    ) -> Result<Vec<Option<T>>, Error> {
        let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
        let mut values = Vec::with_capacity(keys.len());
        match self.stand(self.layers) {
            None => values.resize(keys.len(), None),
            Some(Stand::Memory(place)) => values.extend(keys.iter().map(|key| {
                let entry = place.memory.get(key.qualified())?;
                entry.value::<T>()
            })),
            Some(Stand::Store(remote)) => {
                for keys in keys.chunks(WHOLE_AT_ONCE) {
                    let found = self.find_many_in(remote, keys, Part::Whole).await?;
                    for found in &found {
                        let value = found.as_ref().and_then(|found| self.decode(found));
                        if value.is_some() {
                            self.shared.counters.add_below();
                        }
                        values.push(value);
                    }
                }
            }
        }
        for value in &values {
            self.count_lookup(value.is_some());
        }
        Ok(values)
    }

    /// Whether `key` has a usable entry, of any type.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn exists(&self, key: impl Into<Key>) -> Result<bool, Error> {
        let key = key.into();
        match self.stand(self.layers) {
            None => Ok(false),
            Some(Stand::Memory(place)) => Ok(place.memory.peek_value(key.qualified()).is_some()),
            Some(Stand::Store(remote)) => Ok(self.find_in(remote, &key).await?.is_some()),
        }
    }

    /// The value of a spec, if there is a usable one.
    pub(crate) async fn peek<V: Value, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
    ) -> Result<Option<V>, Error> {
        let layers = self.meant(spec.layers);
        let Some(Stand::Store(remote)) = self.stand(layers) else {
            return self.get(&spec.key).await;
        };
        let mut budget = remote.budget();
        if let Some(value) = self.get_above(remote, &spec.key, layers, &mut budget).await {
            return Ok(Some(value));
        }
        let scopes = self.scopes(spec);
        let pledge = self.pledge(layers, &spec.key, &scopes);
        let look = self.look::<V>(remote, &spec.key, &scopes, &mut budget);
        Ok(match look.await? {
            Look::Held(value, found) => {
                self.promote(&spec.key, pledge, &found, &value);
                Some(value)
            }
            Look::Nothing(_) | Look::Distrusted => None,
        })
    }

    /// The value of a key of which nothing is known: from above the store, or from there.
    async fn get_through<T: Value>(&self, remote: &Remote, key: &Key) -> Result<Option<T>, Error> {
        let mut budget = remote.budget();
        let value = self.get_above(remote, key, self.layers, &mut budget);
        if let Some(value) = value.await {
            return Ok(Some(value));
        }
        let above = self.above(self.layers);
        let early = above.and_then(|above| above.pledge_early(key.qualified()));
        let Some(found) = self.find_within(remote, key, &mut budget).await? else {
            return Ok(None);
        };
        let value = self.decode::<T>(&found);
        if let Some(value) = &value {
            self.shared.counters.add_below();
            if let Some(early) = early {
                let pledge = early.complete(key.qualified(), &found.scopes());
                self.promote(key, pledge, &found, value);
            }
        }
        Ok(value)
    }

    /// The usable entry of a key of which nothing is known. Counts what goes wrong.
    pub(super) async fn find_in(&self, remote: &Remote, key: &Key) -> Result<Option<Found>, Error> {
        self.find_within(remote, key, &mut remote.budget()).await
    }

    /// The same within what is left of a budget.
    pub(super) async fn find_within(
        &self,
        remote: &Remote,
        key: &Key,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Found>, Error> {
        let now = self.shared.clock.unix_millis();
        let sight = remote.look(key, None, (Age::Fresh, now), budget).await;
        self.entry_in(remote, sight)
    }

    /// What a look found, if that is a usable entry and no failure that is kept. Counts what goes wrong.
    pub(super) fn entry_in(
        &self,
        remote: &Remote,
        sight: Result<Sight, crate::StoreError>,
    ) -> Result<Option<Found>, Error> {
        remote.note(sight.as_ref().err());
        match sight {
            Ok(Sight::Entry(found)) => Ok(found.into_value()),
            Ok(Sight::Nothing(seen)) => {
                if seen.is_corrupt {
                    self.tally(None).add(Count::Corrupt);
                }
                Ok(None)
            }
            Ok(Sight::Distrusted) => Ok(None),
            Err(error) => {
                self.tally(None).add(Count::StoreError);
                Err(error.into())
            }
        }
    }

    /// The same for many keys.
    pub(super) async fn find_many_in(
        &self,
        remote: &Remote,
        keys: &[Key],
        part: Part,
    ) -> Result<Vec<Option<Found>>, Error> {
        let now = self.shared.clock.unix_millis();
        let sights = remote
            .look_many(keys, part, now, &mut remote.budget())
            .await;
        remote.note(sights.as_ref().err());
        match sights {
            Ok(sights) => {
                for _ in 0..sights.corrupt {
                    self.tally(None).add(Count::Corrupt);
                }
                let found = sights.found.into_iter();
                Ok(found.map(|found| found?.into_value()).collect())
            }
            Err(error) => {
                self.tally(None).add(Count::StoreError);
                Err(error.into())
            }
        }
    }

    /// An entry's value, if it is a `T`.
    pub(super) fn decode<T: Value>(&self, found: &Found) -> Option<T> {
        let value = super::store_load::read(found).ok();
        if value.is_none() && codec::failure_in(found.meta.codec).is_none() {
            self.tally(None).add(Count::Corrupt);
        }
        value
    }

    fn count_lookup(&self, is_hit: bool) {
        self.tally(None)
            .add(if is_hit { Count::Hit } else { Count::Miss });
    }
}
