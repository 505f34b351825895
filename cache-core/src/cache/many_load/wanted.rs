//! Which entries the items of a batch are, each once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::{IdOf, Untagged};
use crate::key::Key;
use crate::pairs::Pairs;
use crate::spec::Spec;

/// The entries that a batch wants. Two items may be one entry, where the key has only a part of them.
pub(super) struct Wanted<I> {
    /// One for each entry, in the order of the items.
    pub(super) specs: Vec<Spec<Untagged>>,
    /// The first item of each entry.
    items: Vec<usize>,
    entries: HashMap<I, usize>,
}

impl<I> Wanted<I> {
    pub(super) fn new<T>(items: &[T], spec: impl Fn(&T) -> Spec<Untagged>) -> Self
    where
        I: IdOf<T>,
    {
        let mut wanted = Self {
            specs: Vec::with_capacity(items.len()),
            items: Vec::with_capacity(items.len()),
            entries: HashMap::with_capacity(items.len()),
        };
        let mut keys = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            if let Entry::Vacant(vacant) = wanted.entries.entry(I::of(item)) {
                let spec = spec(item);
                let entry = *keys.entry(spec.key.clone()).or_insert_with(|| {
                    wanted.specs.push(spec);
                    wanted.items.push(at);
                    wanted.specs.len() - 1
                });
                vacant.insert(entry);
            }
        }
        wanted
    }

    /// The item that an entry is loaded by.
    pub(super) fn item_of(&self, entry: usize) -> usize {
        self.items[entry]
    }

    /// The entry of an id, if it was asked for.
    pub(super) fn entry_of(&self, id: &I) -> Option<usize>
    where
        I: Eq + Hash,
    {
        self.entries.get(id).copied()
    }

    /// The keys of the entries of which there is no value.
    pub(super) fn absent<V>(&self, values: &[Option<V>]) -> impl Iterator<Item = &Key> {
        let entries = self.specs.iter().zip(values);
        entries.filter_map(|(spec, value)| value.is_none().then_some(&spec.key))
    }

    /// What the batch returns: each id once, in the order of the items, where there is a value.
    pub(super) fn answer<T, M>(mut self, items: &[T], mut values: Vec<Option<M::Value>>) -> M
    where
        I: IdOf<T>,
        M: Pairs<Id = I, Value: Clone>,
    {
        // How many ids want each entry's value: the last one takes it.
        let mut wanting = vec![0_usize; values.len()];
        for entry in self.entries.values() {
            wanting[*entry] += 1;
        }
        let pair = |item| {
            let (id, entry) = self.entries.remove_entry(&I::of(item))?;
            wanting[entry] -= 1;
            let value = if wanting[entry] == 0 {
                values[entry].take()
            } else {
                values[entry].clone()
            };
            Some((id, value?))
        };
        items.iter().filter_map(pair).collect()
    }
}
