//! Setting up a cache in code.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::assemble::{Assembly, Stores};
use super::near::Near;
use super::{Backend, Background, Cache, Shared, Ttls};
use crate::clock::Clock;
use crate::codec::{Codec, Compression, Encoding};
use crate::flight::Flights;
use crate::generation::Generations;
use crate::layer::{Coherence, Layer, LayerName, LayerSet};
use crate::memory::{Memory, MemoryLimit};
use crate::stats::Counters;
use crate::store::Store;

/// Sets up a [`Cache`].
///
/// ```
/// use std::time::Duration;
/// use larder::Cache;
///
/// let cache = Cache::builder().max_entries(1_000).ttl(Duration::from_secs(60)).build();
/// ```
#[derive(Debug, Clone)]
pub struct CacheBuilder {
    behind: Behind,
    limit: MemoryLimit,
    ttls: Ttls,
    clock: Clock,
    time_budget: Duration,
    lease: Duration,
    encoding: Encoding,
    layers: BTreeMap<LayerName, Layer>,
    coherence: Coherence,
}

#[derive(Debug, Clone)]
enum Behind {
    Off,
    Memory,
    Store(Arc<dyn Store>),
}

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            behind: Behind::Memory,
            limit: MemoryLimit::Entries(10_000),
            ttls: Ttls::default(),
            clock: Clock::default(),
            time_budget: Duration::from_millis(250),
            lease: Duration::from_secs(10),
            encoding: Encoding {
                compress_above: 4_096,
                ..Encoding::default()
            },
            layers: BTreeMap::new(),
            coherence: Coherence::default(),
        }
    }
}

impl CacheBuilder {
    /// Keeps nothing: every lookup loads.
    #[must_use]
    pub fn off(mut self) -> Self {
        self.behind = Behind::Off;
        self
    }

    /// Keeps entries in this store instead of process memory.
    #[must_use]
    pub fn store(self, store: impl Store) -> Self {
        self.dyn_store(Arc::new(store))
    }

    /// The same for a store whose type is not known.
    #[must_use]
    pub fn dyn_store(mut self, store: Arc<dyn Store>) -> Self {
        self.behind = Behind::Store(store);
        self
    }

    /// Keeps entries in this layer, too; in place of what was said of it, and of
    /// [`store`](Self::store). Lookups go through the layers in order.
    #[must_use]
    pub fn layer(mut self, name: LayerName, layer: Layer) -> Self {
        self.layers.insert(name, layer);
        self
    }

    /// How process memory above a store learns of what other processes changed;
    /// [`Coherence::Push`] unless set.
    #[must_use]
    pub fn coherence(mut self, coherence: Coherence) -> Self {
        self.coherence = coherence;
        self
    }

    /// How many entries process memory may hold; 10,000 unless set.
    #[must_use]
    pub fn max_entries(self, entries: u64) -> Self {
        self.memory_limit(MemoryLimit::Entries(entries))
    }

    /// How much process memory may hold, in entries or by weight.
    ///
    /// ```
    /// use std::sync::{Arc, OnceLock};
    /// use larder::{Cache, MemoryLimit};
    ///
    /// // Strings by their length, anything else as one kilobyte; 64 MB together.
    /// let weigher = |_key: &str, value: &(dyn std::any::Any + Send + Sync)| {
    ///     value.downcast_ref::<String>().map_or(1_000, |text| text.len() as u32)
    /// };
    /// let limit = MemoryLimit::Weight(64_000_000, Arc::new(weigher));
    /// let cache = Cache::builder().memory_limit(limit).build();
    /// ```
    #[must_use]
    pub fn memory_limit(mut self, limit: MemoryLimit) -> Self {
        self.limit = limit;
        self
    }

    /// The ttl of entries that name none; 300 seconds unless set.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttls.default = ttl;
        self
    }

    /// What `short`, `default` and `long` mean.
    #[must_use]
    pub fn ttls(mut self, ttls: Ttls) -> Self {
        self.ttls = ttls;
        self
    }

    /// Where the cache reads the time: the system's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long one lookup, or one direct operation, may wait for the store in all; 250
    /// milliseconds unless set. When it is used up the lookup goes on without the store. What goes
    /// through many keys has it for each step.
    #[must_use]
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.time_budget = budget;
        self
    }

    /// After how long a lease ends by itself if its holder is gone; 10 seconds unless set. While a
    /// load runs its lease is renewed. At least 30 milliseconds.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(30));
        self
    }

    /// How values are written to a store; [`Codec::Postcard`] unless set. Process memory keeps them
    /// as they are.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.encoding.codec = codec;
        self
    }

    /// How values of more than `above` bytes are made smaller on their way to a store; not at all
    /// unless set.
    #[must_use]
    pub fn compression(mut self, compression: Compression, above: usize) -> Self {
        self.encoding.compression = compression;
        self.encoding.compress_above = above;
        self
    }

    /// The cache.
    ///
    /// # Panics
    /// Where none of several stores can keep generations and leases, because each has only copies of
    /// entries: someone else's web server alone, for example.
    #[must_use]
    pub fn build(self) -> Cache {
        let is_off = matches!(self.behind, Behind::Off);
        let assembly = match self.behind {
            Behind::Off => Assembly::default(),
            Behind::Store(store) if self.layers.is_empty() => Assembly::of(store, self.time_budget),
            Behind::Memory | Behind::Store(_) => Assembly::new(self.layers, self.time_budget),
        };
        let (named_layers, most) = (assembly.names(), assembly.most());
        let limit = match &assembly.memory {
            Some(memory) => memory.limit.clone(),
            None => self.limit,
        };
        let memory = || Memory::new(&limit, self.clock.clone());
        let below = match assembly.below(self.coherence, self.lease, &self.clock) {
            Ok(below) => below,
            Err(error) => panic!("{error}"),
        };
        let (backend, above) = match below {
            Some(Stores { remote, above }) => (Backend::Remote(remote), above),
            None if is_off => (Backend::Off, None),
            None => (Backend::Memory(memory()), None),
        };
        let near = above.as_ref().map(|_| Near {
            memory: memory(),
            flights: Flights::new(),
        });
        Cache {
            layers: LayerSet::ALL,
            shared: Arc::new(Shared {
                backend,
                flights: Flights::new(),
                generations: Generations::new(),
                fences: Arc::default(),
                encoding: self.encoding,
                ttls: self.ttls,
                clock: self.clock,
                counters: Counters::new(),
                background: Background::new(),
                near: near.map_or_else(OnceLock::new, OnceLock::from),
                above,
                limit,
                most,
                named_layers,
            }),
        }
    }
}
