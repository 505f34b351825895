//! What a check plays on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use larder_core::store::{Capabilities, Nonce};
use larder_core::{Cache, CacheBuilder, Clock, Coherence, Store};

/// What a check plays on: an empty cache, a second process beside it, and a clock to wind.
pub struct Subject {
    /// The cache under test.
    pub cache: Cache,
    /// What another process on the same store would have: nothing shared but the store. Where there
    /// is no such thing, the same cache.
    pub other: Cache,
    /// The clock of both. It stands still until a check winds it.
    pub clock: Clock,
    store: Option<Arc<dyn Store>>,
    /// What it can do; `None` for process memory, which can do all but be shared.
    capabilities: Option<Capabilities>,
}

/// How long one operation may wait for the store: more than a loaded machine takes.
const TIME_BUDGET: Duration = Duration::from_secs(40);

impl Subject {
    /// A store of bytes. `open` gives a handle on the part of the store that is called like its
    /// argument (a prefix, a bucket, a folder): letters, digits and `-`. With the same name it gives
    /// handles on the same data, as other processes would have them; with a new name, an empty part.
    /// It is called three times for each check, and every check has a name of its own, so checks may
    /// run at the same time on one server.
    pub async fn on<S: Store, F: Future<Output = S>>(open: impl Fn(String) -> F) -> Self {
        let name = format!("conformance-{:?}", Nonce::random());
        let clock = Clock::hand_wound();
        let cache = |store| {
            Cache::builder()
                .store(store)
                .clock(clock.clone())
                .time_budget(TIME_BUDGET)
                .build()
        };
        let (first, second) = (open(name.clone()).await, open(name.clone()).await);
        let store: Arc<dyn Store> = Arc::new(open(name).await);
        Self {
            cache: cache(first),
            other: cache(second),
            capabilities: Some(store.capabilities()),
            store: Some(store),
            clock,
        }
    }

    /// A cache of several layers. `open` gives a builder with its layers, on the parts of their stores that
    /// are called like its argument; it is called twice for each check. `capabilities` are those of the
    /// store that keeps the generations. The checks take it that what one process invalidated, another one
    /// reads no more: where process memory is a layer, that is [`Coherence::Strict`].
    pub async fn layered<F: Future<Output = CacheBuilder>>(
        capabilities: Capabilities,
        open: impl Fn(String) -> F,
    ) -> Self {
        let name = format!("conformance-{:?}", Nonce::random());
        let clock = Clock::hand_wound();
        let cache = |builder: CacheBuilder| {
            let builder = builder.clock(clock.clone()).time_budget(TIME_BUDGET);
            builder.coherence(Coherence::Strict).build()
        };
        let (first, second) = (open(name.clone()).await, open(name).await);
        Self {
            cache: cache(first),
            other: cache(second),
            capabilities: Some(capabilities),
            store: None,
            clock,
        }
    }

    /// Process memory: no store of bytes, and no other process.
    #[must_use]
    pub fn memory() -> Self {
        let clock = Clock::hand_wound();
        let cache = Cache::builder().clock(clock.clone()).build();
        Self {
            other: cache.clone(),
            cache,
            clock,
            store: None,
            capabilities: None,
        }
    }

    /// What the store can do; `None` for process memory, which can do all but be shared.
    #[must_use]
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.capabilities
    }

    /// The store itself, without a cache in front of it; `None` for process memory, and for several layers.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.store.as_ref()
    }

    /// The store itself, for checks of the port, which run only where there is one.
    pub(crate) fn port(&self) -> &dyn Store {
        self.store.as_deref().expect("the subject has a store")
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
