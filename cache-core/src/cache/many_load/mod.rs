//! A lookup of many keys that may load: one look for all, and one load for those that are missing.
//!
//! A batch leads what it can without waiting, loads and lands that, and only then waits for what others
//! load. So it never holds a flight while it waits for one, and two that overlap cannot wait for each
//! other. What it waited for in vain goes into another round.

mod memory;
mod store;
mod wanted;

use std::collections::HashMap;
use std::future::Future;

use self::wanted::Wanted;
use super::fetch::{LoadFailure, attempt};
use super::layers::Stand;
use super::lifetime::Lifetime;
use super::{BoxFuture, Cache, Mode, Tally, Targets};
use crate::keep::Keep;
use crate::key::Key;
use crate::pairs::{Batch, Failure, IdOf, Value};
use crate::spec::{Spec, Ttl};
use crate::stats::Count;
use crate::tag::Tags;

/// In how many rounds a batch waits for others; then it loads for itself, so that it does not wait for
/// the sum of loads that are given up one after the other.
const WAITS: usize = 2;

/// The tags of a spec that are written by someone else.
pub(crate) type Untagged = fn(&mut Tags);

/// What a batch asks for, and how its values are judged and counted.
pub(crate) struct AskMany<'a, T, P, G, K> {
    pub(crate) mode: Mode,
    pub(crate) items: &'a [T],
    /// The spec of an item, without its tags.
    pub(crate) spec: P,
    /// Writes the tags of an item.
    pub(crate) tags: G,
    pub(crate) keep: K,
    pub(crate) tally: Tally<'a>,
}

impl Cache {
    /// The values of the items that there are, in the order of the items: from the store, from another
    /// caller's load, or from `load`, which gets the items that are missing.
    ///
    /// Dropping the future at any point leaves nothing behind that others would wait for.
    pub(crate) async fn answer_many<B, T, P, G, K, L, F>(
        &self,
        ask: AskMany<'_, T, P, G, K>,
        load: L,
    ) -> Result<B::Pairs, Failure<B, T>>
    where
        B: Batch<T>,
        T: Clone,
        P: Fn(&T) -> Spec<Untagged>,
        G: Fn(&T, &mut Tags),
        K: Fn(&Value<B, T>) -> Keep,
        L: FnMut(Vec<T>) -> F,
        F: Future<Output = B::Returned>,
    {
        let wanted = Wanted::<B::Id>::new(ask.items, &ask.spec);
        let Some(first) = wanted.specs.first() else {
            return Ok(std::iter::empty().collect());
        };
        let mut round = Round::<B, T, L> {
            items: ask.items,
            wanted: &wanted,
            load,
        };
        let place = match self.stand(self.meant(first.layers)) {
            Some(Stand::Memory(place)) => Some(place),
            Some(Stand::Store(remote)) => {
                let values = Box::pin(self.load_many_through(remote, &ask, &mut round)).await?;
                if ask.mode == Mode::Refresh {
                    let absent = wanted.absent(&values);
                    let keys = absent.fold(Targets::default(), |all, key| all.key(key.clone()));
                    self.invalidate(keys).await;
                }
                return Ok(wanted.answer(ask.items, values));
            }
            None => None,
        };
        let values = match place {
            Some(place) => {
                let values = Box::pin(self.load_many_shared(place, &ask, &mut round)).await?;
                if ask.mode == Mode::Refresh {
                    wanted.absent(&values).for_each(|key| {
                        place.take(key.qualified());
                    });
                }
                values
            }
            None => {
                for _ in &wanted.specs {
                    ask.tally.add(Count::Miss);
                }
                let all = (0..wanted.specs.len()).collect();
                let loaded = round.run(&ask.tally, all, None).await;
                let mut loaded = loaded.map_err(LoadFailure::or_panic)?;
                (0..wanted.specs.len())
                    .map(|entry| loaded.remove(&entry))
                    .collect()
            }
        };
        Ok(wanted.answer(ask.items, values))
    }
}

impl<T, P, G, K> AskMany<'_, T, P, G, K> {
    /// How long the value of an entry is kept; `None` if it is not.
    fn lifetime<F, V>(&self, cache: &Cache, spec: &Spec<F>, value: &V) -> Option<Lifetime>
    where
        K: Fn(&V) -> Keep,
    {
        let ttl: Option<Ttl> = (self.keep)(value).ttl(spec.ttl);
        cache.lifetime(ttl?, &spec.freshness)
    }

    /// The scopes of an item's entry.
    fn scopes(&self, cache: &Cache, key: &Key, item: usize) -> Vec<String>
    where
        G: Fn(&T, &mut Tags),
    {
        let mut tags = Tags::default();
        (self.tags)(&self.items[item], &mut tags);
        cache.scopes_of(key, &tags)
    }
}

/// Values by their entries, or the failure of the batch.
type Served<B, T> = Result<Vec<(usize, Value<B, T>)>, Failure<B, T>>;

/// The load of a batch, which runs once in each round that has something to load.
struct Round<'a, B: Batch<T>, T, L> {
    items: &'a [T],
    wanted: &'a Wanted<B::Id>,
    load: L,
}

impl<B: Batch<T>, T: Clone, L> Round<'_, B, T, L> {
    /// Loads these entries, and gives what came of them. What came beside them is dropped: no flight and
    /// no lease from before the load stands for it.
    async fn run<F>(
        &mut self,
        tally: &Tally<'_>,
        mut entries: Vec<usize>,
        meanwhile: Option<BoxFuture<'_, ()>>,
    ) -> Result<HashMap<usize, Value<B, T>>, LoadFailure<Failure<B, T>>>
    where
        L: FnMut(Vec<T>) -> F,
        F: Future<Output = B::Returned>,
    {
        // In the order of the caller's items.
        entries.sort_unstable();
        let item_of = |entry: &usize| self.items[self.wanted.item_of(*entry)].clone();
        let items = entries.iter().map(item_of).collect();
        let load = &mut self.load;
        let pairs = attempt(tally, async { load(items).await }, B::split, meanwhile).await?;
        let mut loaded = HashMap::with_capacity(entries.len());
        for (id, value) in pairs {
            if let Some(entry) = self.wanted.entry_of(&id) {
                loaded.insert(entry, value);
            }
        }
        Ok(loaded)
    }
}

/// What became of an entry so far.
enum State<V> {
    Open,
    Known(Option<V>),
}

/// The values, once nothing is open any more.
fn known<V>(states: Vec<State<V>>) -> Vec<Option<V>> {
    let value = |state| match state {
        State::Known(value) => value,
        State::Open => None,
    };
    states.into_iter().map(value).collect()
}
