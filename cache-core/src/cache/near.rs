//! Process memory in front of a store: for functions that use no other layer.

use std::sync::Arc;

use super::above::is_above;
use super::{Backend, Cache};
use crate::error::Error;
use crate::flight::Flights;
use crate::freshness::Freshness;
use crate::key::{Key, Pattern};
use crate::layer::LayerSet;
use crate::memory::{AnyResident, Memory};
use crate::remote::{Budget, Remote};
use crate::spec::Spec;
use crate::stats::{Count, Counters};
use crate::tag::Tags;
use crate::value::Local;

/// Process memory, and the loads whose values go there. A table of its own for these: who waits for a
/// store's value must not be given one that the store never saw.
#[derive(Debug)]
pub(super) struct Near {
    pub(super) memory: Memory,
    pub(super) flights: Flights,
}

/// The process memory of a cache, whether it is all that there is or beside a store.
#[derive(Clone, Copy)]
pub(super) struct Place<'c> {
    pub(super) memory: &'c Memory,
    pub(super) flights: &'c Flights,
}

impl Cache {
    /// Where functions of layer `l1` keep their values; made when the first one asks. `None` for a
    /// cache that is off.
    pub(super) fn near(&self) -> Option<Place<'_>> {
        match &self.shared.backend {
            Backend::Off => None,
            Backend::Memory(memory) => Some(self.place(memory)),
            Backend::Remote(_) => {
                let near = self.shared.near.get_or_init(|| Near {
                    memory: Memory::new(&self.shared.limit, self.shared.clock.clone()),
                    flights: Flights::new(),
                });
                Some(Place::of(near))
            }
        }
    }

    /// The same beside a store, if something asked for it.
    pub(super) fn beside(&self) -> Option<Place<'_>> {
        self.shared.near.get().map(Place::of)
    }

    /// The value of a key in process memory, if there is a usable one.
    pub(crate) fn peek_near<V: Local>(&self, key: &Key) -> Option<V> {
        let entry = self.near()?.memory.get(key.qualified());
        let value = entry.and_then(|entry| entry.value());
        self.tally(None).add(if value.is_some() {
            Count::Hit
        } else {
            Count::Miss
        });
        value
    }

    /// Stores a value in process memory, in place of whatever is there or on its way.
    pub(crate) fn prime_near<V: Local, S: Fn(&mut Tags)>(
        &self,
        spec: &Spec<S>,
        value: &V,
    ) -> Result<(), Error> {
        let lifetime = self.lifetime_of(spec.ttl, &spec.freshness, &spec.key)?;
        if let Some(place) = self.near() {
            let key = spec.key.qualified();
            self.shared.fences.note_key(key);
            let value = value.clone();
            let entry = self.resident(place.memory, key, &self.scopes(spec), lifetime, value);
            let mut flights = place.flights.lock(key);
            flights.revoke(key);
            let replaced = place.memory.place(Arc::clone(&entry));
            drop(flights);
            drop(replaced);
            place.memory.admit(entry);
        }
        Ok(())
    }

    /// The process memory above the store, where it answers without asking that.
    #[inline]
    pub(super) fn answering_above(
        &self,
        freshness: &Freshness,
        layers: LayerSet,
    ) -> Option<Place<'_>> {
        let above = self.above(layers)?;
        // A hit that renews its entry must renew it in the store.
        let may = above.answers_at_once() && !freshness.renews;
        may.then(|| self.beside()).flatten()
    }

    /// What process memory above the store has, where each hit is checked by the store.
    pub(super) async fn checked_above<V: Local>(
        &self,
        remote: &Remote,
        key: &Key,
        freshness: &Freshness,
        layers: LayerSet,
        budget: &mut Budget<'_>,
    ) -> Option<V> {
        let above = self.above(layers)?;
        if above.answers_at_once() || freshness.watches_hits() {
            return None;
        }
        let entry = self.beside()?.memory.get(key.qualified())?;
        let value = entry.value()?;
        let now = self.shared.clock.unix_millis();
        let check = above.is_current(&entry, &*remote.store, now);
        // Where the store cannot say, it is asked as if there were nothing here.
        budget.spend(check).await.unwrap_or(false).then_some(value)
    }

    /// What process memory above the store answers to a direct lookup.
    pub(super) async fn get_above<V: Local>(
        &self,
        remote: &Remote,
        key: &Key,
        layers: LayerSet,
        budget: &mut Budget<'_>,
    ) -> Option<V> {
        let freshness = Freshness::default();
        if let Some(place) = self.answering_above(&freshness, layers) {
            return place.memory.get(key.qualified())?.value();
        }
        self.checked_above(remote, key, &freshness, layers, budget)
            .await
    }

    /// Forgets a key in process memory, and keeps loads of it that are under way from being stored.
    pub(crate) fn invalidate_near(&self, key: &Key, site: &'static Counters) {
        self.shared.counters.add_invalidation();
        site.add_invalidation();
        self.shared.fences.note_key(key.qualified());
        if let Some(place) = self.near() {
            drop(place.take(key.qualified()));
        }
    }

    /// The process memory that the cache consists of.
    #[inline]
    pub(super) fn place<'c>(&'c self, memory: &'c Memory) -> Place<'c> {
        Place {
            memory,
            flights: &self.shared.flights,
        }
    }
}

impl<'c> Place<'c> {
    /// Forgets a key, its entry and its flight in one step, and gives the entry if it was usable.
    pub(super) fn take(self, key: &str) -> Option<AnyResident> {
        let mut flights = self.flights.lock(key);
        flights.revoke(key);
        let taken = self.memory.take(key);
        drop(flights);
        taken.filter(|entry| self.memory.dismiss(entry))
    }

    /// Forgets every key that matches; how many had a usable entry.
    pub(super) fn delete_matching(self, pattern: &Pattern) -> u64 {
        self.flights
            .revoke_all(|key| pattern.matches_qualified(key));
        let mut deleted = 0;
        for entry in self.memory.parts().flatten() {
            if pattern.matches_qualified(&entry.key) {
                // What a store has, too, is counted there.
                let was_usable = self.memory.has_value(&entry) && !is_above(&entry);
                // Replaced meanwhile, the newer one goes: it may have been loaded before.
                deleted += u64::from(self.take(&entry.key).is_some() && was_usable);
            }
        }
        deleted
    }

    fn of(near: &'c Near) -> Self {
        Self {
            memory: &near.memory,
            flights: &near.flights,
        }
    }
}
