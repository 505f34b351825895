//! Layers: where a cache keeps its entries, from the fastest to the widest.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::memory::MemoryLimit;
use crate::store::Store;

/// The name of a layer: `l1` is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerName {
    /// Usually process memory.
    L1,
    /// Usually a server on the same machine, or a shared one.
    L2,
    /// Usually a shared server, or a cluster of them.
    L3,
    /// Usually objects or files.
    L4,
}

impl LayerName {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::L4];

    /// The name as it is written: `l1`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::L4 => "l4",
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LayerName {
    type Err = NoLayer;

    fn from_str(name: &str) -> Result<Self, NoLayer> {
        Self::ALL
            .into_iter()
            .find(|layer| layer.as_str() == name)
            .ok_or(NoLayer)
    }
}

/// Some of the layers.
///
/// ```
/// use larder::{LayerName, LayerSet};
///
/// let layers = LayerSet::of(&[LayerName::L1, LayerName::L3]);
/// assert!(layers.contains(LayerName::L3) && !layers.contains(LayerName::L2));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LayerSet(u8);

impl LayerSet {
    /// No layer.
    pub(crate) const NONE: Self = Self(0);

    /// All layers.
    pub const ALL: Self = Self::of(&LayerName::ALL);

    /// These layers.
    #[must_use]
    pub const fn of(names: &[LayerName]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < names.len() {
            bits |= 1 << names[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Whether the layer is one of them.
    #[must_use]
    pub const fn contains(self, name: LayerName) -> bool {
        self.0 & (1 << name as u8) != 0
    }

    /// The layers that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// And this one.
    #[must_use]
    pub(crate) const fn with(self, name: LayerName) -> Self {
        Self(self.0 | 1 << name as u8)
    }

    /// But for this one.
    #[must_use]
    pub(crate) const fn without(self, name: LayerName) -> Self {
        Self(self.0 & !(1 << name as u8))
    }

    /// A number for each set, below 16.
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }

    /// Whether it is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those among them, in order.
    pub fn iter(self) -> impl Iterator<Item = LayerName> {
        LayerName::ALL
            .into_iter()
            .filter(move |name| self.contains(*name))
    }
}

/// A text that names no layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the layers are called `l1`, `l2`, `l3` and `l4`")]
pub struct NoLayer;

/// How far a store reaches: who else sees what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// This process alone.
    Process,
    /// The processes of this machine.
    Host,
    /// Processes of any machine.
    Shared,
}

/// How process memory above a store learns of what other processes changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coherence {
    /// The store tells of every change, and process memory is not used while it cannot. Between an
    /// invalidation's return in another process and its effect here lies the message's way. Where the
    /// store tells nothing, as [`Strict`](Self::Strict).
    #[default]
    Push,
    /// Each hit in process memory asks the store whether the entry is still valid: one small round trip,
    /// without the value. Nothing that any process invalidated is served.
    Strict,
    /// Not at all: what another process invalidated is served until the ttl of the layer of process
    /// memory is over.
    Ttl,
}

/// One layer of a cache, for [`CacheBuilder::layer`](crate::CacheBuilder::layer).
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Layer, LayerName};
///
/// let memory = Layer::memory().max_entries(1_000).ttl(Duration::from_secs(60));
/// let cache = Cache::builder().layer(LayerName::L1, memory).build();
/// ```
#[derive(Debug, Clone)]
pub struct Layer {
    pub(crate) behind: Behind,
    pub(crate) ttl: Option<Duration>,
    pub(crate) time_budget: Option<Duration>,
    pub(crate) reach: Reach,
}

#[derive(Debug, Clone)]
pub(crate) enum Behind {
    Memory(MemoryLimit),
    Store(Arc<dyn Store>),
}

impl Layer {
    /// Process memory: 10,000 entries unless set.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Behind::Memory(MemoryLimit::Entries(10_000)), Reach::Process)
    }

    /// A store of bytes, taken to be shared by several machines unless set.
    #[must_use]
    pub fn store(store: impl Store) -> Self {
        Self::dyn_store(Arc::new(store))
    }

    /// The same for a store whose type is not known.
    #[must_use]
    pub fn dyn_store(store: Arc<dyn Store>) -> Self {
        Self::new(Behind::Store(store), Reach::Shared)
    }

    fn new(behind: Behind, reach: Reach) -> Self {
        Self {
            behind,
            ttl: None,
            time_budget: None,
            reach,
        }
    }

    /// How many entries process memory may hold. Has no meaning for stores.
    #[must_use]
    pub fn max_entries(self, entries: u64) -> Self {
        self.memory_limit(MemoryLimit::Entries(entries))
    }

    /// How much process memory may hold. Has no meaning for stores.
    #[must_use]
    pub fn memory_limit(mut self, limit: MemoryLimit) -> Self {
        if let Behind::Memory(held) = &mut self.behind {
            *held = limit;
        }
        self
    }

    /// How long this layer keeps an entry at most, whatever its own ttl; no less than that unless set.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long one call may wait for this store; the cache's time budget unless set.
    #[must_use]
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.time_budget = Some(budget);
        self
    }

    /// Who else sees what is in this store. Of the widest stores one keeps the generations and leases
    /// for all layers.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }
}
