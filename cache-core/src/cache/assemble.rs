//! From layers to a cache: what is above, what is below, and which store has the last word.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Above;
use crate::clock::Clock;
use crate::layer::{Behind, Coherence, Layer, LayerName, LayerSet, Reach};
use crate::memory::MemoryLimit;
use crate::remote::{Below, Remote};
use crate::store::Store;
use crate::tier::{Stack, StackError, Tier};

/// The layers of a cache, sorted by what they are.
#[derive(Default)]
pub(super) struct Assembly {
    pub(super) memory: Option<Upper>,
    stores: Vec<Tier>,
    names: LayerSet,
}

/// The stores, and what process memory above them depends on, if there is some.
pub(super) struct Stores {
    pub(super) remote: Remote,
    pub(super) above: Option<Arc<Above>>,
}

/// The layer of process memory.
pub(super) struct Upper {
    pub(super) limit: MemoryLimit,
    pub(super) ttl: Option<Duration>,
}

impl Assembly {
    pub(super) fn new(layers: BTreeMap<LayerName, Layer>, budget: Duration) -> Self {
        let mut assembly = Self {
            memory: None,
            stores: Vec::new(),
            names: LayerSet::NONE,
        };
        for (name, layer) in layers {
            assembly.names = assembly.names.with(name);
            match layer.behind {
                Behind::Memory(limit) => {
                    assembly.memory = Some(Upper {
                        limit,
                        ttl: layer.ttl,
                    });
                }
                Behind::Store(store) => {
                    let budget = layer.time_budget.unwrap_or(budget);
                    let mut tier = Tier::new(name, layer.reach, store).time_budget(budget);
                    if let Some(ttl) = layer.ttl {
                        tier = tier.ttl(ttl);
                    }
                    assembly.stores.push(tier);
                }
            }
        }
        assembly
    }

    /// One store of which nothing else was said.
    pub(super) fn of(store: Arc<dyn Store>, budget: Duration) -> Self {
        Self {
            memory: None,
            stores: vec![Tier::new(LayerName::L2, Reach::Shared, store).time_budget(budget)],
            names: LayerSet::NONE,
        }
    }

    /// The layers that were named; `None` for a store of which nothing else was said.
    pub(super) fn names(&self) -> Option<LayerSet> {
        (!self.names.is_empty()).then_some(self.names)
    }

    /// How long an entry is kept at most, where there is one layer alone.
    pub(super) fn most(&self) -> Option<Duration> {
        match (&self.memory, &*self.stores) {
            (Some(memory), []) => memory.ttl,
            (_, [store]) => store.most(),
            _ => None,
        }
    }

    /// The stores as the cache uses them, and what its process memory above them depends on; `None` without
    /// any.
    ///
    /// One store is used as it is. Of several, entries need a scope of their own, by which they are known in
    /// each of them.
    pub(super) fn below(
        self,
        coherence: Coherence,
        lease: Duration,
        clock: &Clock,
    ) -> Result<Option<Stores>, StackError> {
        let Self {
            memory,
            mut stores,
            names,
        } = self;
        if stores.is_empty() {
            return Ok(None);
        }
        let new_above = |coherence| {
            let memory = memory.as_ref()?;
            Some(Arc::new(Above::new(coherence, memory.ttl)))
        };
        let mut above = new_above(coherence);
        let hears = |store: &dyn Store| match (&above, coherence) {
            (Some(above), Coherence::Push) => store.watch(Arc::clone(above) as _),
            (Some(_), Coherence::Strict) => false,
            (Some(_), Coherence::Ttl) | (None, _) => true,
        };
        let (below, is_heard) = if let [store] = &*stores {
            let store = store.guarded();
            let is_heard = hears(&store);
            (Below::One(store), is_heard)
        } else {
            stores.sort_by_key(Tier::layer);
            let stack = Stack::new(stores, clock.clone())?;
            let is_heard = hears(&stack);
            (Below::Stack(stack), is_heard)
        };
        if !is_heard {
            above = new_above(Coherence::Strict);
        }
        let layers = match memory {
            Some(_) => names.without(LayerName::L1),
            None if names.is_empty() => LayerSet::ALL.without(LayerName::L1),
            None => names,
        };
        let remote = Remote::new(below, layers, above.clone(), lease);
        Ok(Some(Stores { remote, above }))
    }
}
