//! The cache: one handle, whatever is behind it.

mod above;
mod assemble;
mod background;
mod builder;
mod delete;
mod entry;
mod expiry;
mod fetch;
mod get;
mod increment;
mod invalidate;
mod landing;
mod layers;
mod lifetime;
mod load;
mod many_load;
mod named;
mod near;
mod put;
mod puts;
mod set;
mod shared_load;
mod store_load;
mod walk;
mod warm;

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;

pub(crate) use self::above::Above;
pub(crate) use self::background::{Background, Order};
pub use self::builder::CacheBuilder;
pub use self::entry::{Cursor, Entry, Page};
pub(crate) use self::fetch::Ask;
pub use self::increment::Count;
pub use self::invalidate::{Invalidation, Targets};
pub use self::load::{Load, TryLoad};
pub(crate) use self::many_load::{AskMany, Untagged};
use self::near::Near;
pub(crate) use self::put::Opened;
pub use self::puts::{Put, PutAs, Puts, put, put_hashed, put_hashed_near, put_near};
pub use self::set::{Set, SetIfAbsent, SetMany};
pub use self::warm::{Warm, WarmEntries, Warmed, warm};
use crate::clock::Clock;
use crate::codec::Encoding;
use crate::error::{Error, StoreError};
use crate::event::Bus;
use crate::fence::Fences;
use crate::flight::Flights;
use crate::generation::{EVERYTHING, Generations, namespace_scope};
use crate::health::TierHealth;
use crate::key::Key;
use crate::layer::{LayerName, LayerSet};
use crate::memory::{Memory, MemoryLimit};
use crate::remote::{Budget, Remote};
use crate::spec::Spec;
use crate::stats::{Count as Counted, Counters, Stats, TierStats};
use crate::store::{Store as _, own_scope};
use crate::tag::{Tag, Tags};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cache. Cloning the handle is cheap and shares the cache.
///
/// Lookups by annotated functions, [`load`](Self::load) and [`try_load`](Self::try_load) never fail
/// because of the cache; the direct operations say what went wrong.
///
/// ```
/// use larder::Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let cache = Cache::memory();
/// cache.set("user:7", &"Ada".to_owned()).tags(["users"]).await?;
/// assert_eq!(cache.get::<String>("user:7").await?.as_deref(), Some("Ada"));
///
/// cache.invalidate_tags(["users"]).await?;
/// assert_eq!(cache.get::<String>("user:7").await?, None);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
    /// Those that this handle is about.
    layers: LayerSet,
}

struct Shared {
    backend: Backend,
    flights: Flights,
    /// Generations in this process: of entries in process memory, and of loads in flight.
    generations: Generations,
    /// What writes under way must know of before they put what they returned.
    fences: Arc<Fences>,
    encoding: Encoding,
    ttls: Ttls,
    clock: Clock,
    counters: Counters,
    background: Background,
    /// Process memory beside a store, for functions that use no other layer.
    near: OnceLock<Near>,
    /// What that depends on where it is a layer above the store.
    above: Option<Arc<Above>>,
    /// How much any process memory of this cache may hold.
    limit: MemoryLimit,
    /// How long an entry is kept at most where the cache has one layer alone.
    most: Option<Duration>,
    /// The layers that it was given by name.
    named_layers: Option<LayerSet>,
}

#[derive(Debug)]
enum Backend {
    /// Switched off: every lookup loads, nothing is kept.
    Off,
    Memory(Memory),
    Remote(Remote),
}

/// What the words `short`, `default` and `long` mean as a ttl. [`Duration::MAX`] is forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttls {
    /// 300 seconds unless set.
    pub default: Duration,
    /// 30 seconds unless set.
    pub short: Duration,
    /// 3,600 seconds unless set.
    pub long: Duration,
}

impl Default for Ttls {
    fn default() -> Self {
        Self {
            default: Duration::from_secs(300),
            short: Duration::from_secs(30),
            long: Duration::from_secs(3_600),
        }
    }
}

/// Whether a lookup may be answered by what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It may.
    Read,
    /// It must load, and put the new value in place of the old one.
    Refresh,
    /// It loads unless someone does already: the old value is served meanwhile.
    #[doc(hidden)]
    Early,
}

impl Cache {
    /// A cache in process memory with the defaults: 10,000 entries.
    #[must_use]
    pub fn memory() -> Self {
        Self::builder().build()
    }

    /// A cache that keeps nothing: every lookup loads. For tests, and for finding out whether the
    /// cache is to blame.
    #[must_use]
    pub fn off() -> Self {
        Self::builder().off().build()
    }

    /// A cache to be set up.
    #[must_use]
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// What the cache did so far. Cheap, but for what it holds see [`survey`](Self::survey).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let mut stats = counters.snapshot();
        let mut tiers = Vec::new();
        match &self.shared.backend {
            Backend::Off => tiers.push(TierStats::new("off", &stats)),
            Backend::Memory(memory) => {
                let mut tier = TierStats::new("memory", &stats);
                tier.entries = Some(memory.len());
                tier.evictions = Some(memory.evictions());
                tiers.push(tier);
            }
            Backend::Remote(remote) => {
                stats.queued_invalidations = remote.queued() as u64;
                let below = counters.below();
                if let (Some(above), Some(beside)) = (&self.shared.above, self.beside()) {
                    tiers.push(TierStats {
                        hits: stats.hits.saturating_sub(below),
                        misses: stats.misses + below,
                        entries: Some(beside.memory.len()),
                        evictions: Some(beside.memory.evictions()),
                        layer: Some(LayerName::L1),
                        promotions: above.promotions(),
                        ..TierStats::new("memory", &stats)
                    });
                }
                let mut stores = remote.store.tiers();
                if let [only] = &mut *stores {
                    only.hits = match &self.shared.above {
                        Some(_) => below,
                        None => stats.hits,
                    };
                    only.misses = stats.misses;
                    only.layer = self.shared.named_layers.and(remote.layers().iter().next());
                }
                tiers.append(&mut stores);
            }
        }
        if let Some(first) = tiers.first() {
            (stats.entries, stats.evictions) = (first.entries, first.evictions);
        }
        stats.tiers = tiers;
        stats
    }

    /// Asks each tier whether it can be used.
    pub(crate) async fn tier_health(&self) -> Vec<TierHealth> {
        let stores = match &self.shared.backend {
            Backend::Off | Backend::Memory(_) => {
                return vec![TierHealth::of(self.store_name(), async { Ok(()) }).await];
            }
            Backend::Remote(remote) => remote.stores(),
        };
        let mut tiers = Vec::new();
        if self.shared.above.is_some() {
            tiers.push(TierHealth::of("memory", async { Ok(()) }).await);
        }
        let asked = stores.iter().map(|store| {
            let mut budget = Budget::new(store.name(), store.time_budget());
            TierHealth::of(
                store.name(),
                async move { budget.spend(store.ping()).await },
            )
        });
        tiers.extend(join_all(asked).await);
        tiers
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

    /// The store's own connection, for what larder does not wrap: on Redis a
    /// `redis::aio::ConnectionManager`. The store's keys are larder's own business.
    ///
    /// ```
    /// # struct ConnectionManager;
    /// # fn run(cache: &larder::Cache) -> Result<(), larder::Error> {
    /// let redis: ConnectionManager = cache.connection()?;
    /// # Ok(()) }
    /// # assert!(run(&larder::Cache::memory()).is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::NoConnection`] where the store has none of this type.
    pub fn connection<C: 'static>(&self) -> Result<C, Error> {
        let connection = match &self.shared.backend {
            Backend::Off | Backend::Memory(_) => None,
            Backend::Remote(remote) => remote.store.connection(),
        };
        connection
            .and_then(|connection| connection.downcast::<C>().ok())
            .map(|connection| *connection)
            .ok_or_else(|| Error::NoConnection {
                store: self.store_name().to_owned(),
                wanted: type_name::<C>(),
            })
    }

    /// A name for people of what is behind the cache, without anything secret.
    pub(crate) fn store_name(&self) -> &str {
        match &self.shared.backend {
            Backend::Off => "off",
            Backend::Memory(_) => "memory",
            Backend::Remote(remote) => remote.store.name(),
        }
    }

    /// How many loads go on without their callers.
    pub(crate) fn loads_in_background(&self) -> usize {
        self.shared.background.running()
    }

    /// Whether the two are one cache.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The way to other processes, where the store has a log of events.
    pub(crate) fn bus(&self) -> Option<&Arc<Bus>> {
        match &self.shared.backend {
            Backend::Remote(remote) => remote.bus.as_ref(),
            Backend::Off | Backend::Memory(_) => None,
        }
    }

    /// A store's answer, with its failure counted and noted.
    fn counted<T>(&self, remote: &Remote, answer: Result<T, StoreError>) -> Result<T, Error> {
        remote.note(answer.as_ref().err());
        if answer.is_err() {
            self.tally(None).add(Counted::StoreError);
        }
        Ok(answer?)
    }

    pub(crate) fn tally(&self, site: Option<&'static Counters>) -> Tally<'_> {
        Tally {
            cache: &self.shared.counters,
            site,
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("store", &self.store_name())
            .finish_non_exhaustive()
    }
}

impl Cache {
    /// The scopes that an entry is in: everything, its namespace, its tags, and where copies of it may
    /// lie in several stores, one of its own at the end.
    fn scopes<F: Fn(&mut Tags)>(&self, spec: &Spec<F>) -> Vec<String> {
        self.scopes_of(&spec.key, &spec.to_tags())
    }

    /// The same for a key and its tags.
    fn scopes_of(&self, key: &Key, tags: &Tags) -> Vec<String> {
        let mut scopes = shared_scopes(key, tags);
        if let Backend::Remote(remote) = &self.shared.backend
            && remote.has_own_scopes
        {
            scopes.push(own_scope(key.qualified()));
        }
        scopes
    }
}

/// The scopes that an entry shares with others.
fn shared_scopes(key: &Key, tags: &Tags) -> Vec<String> {
    let mut scopes = Vec::with_capacity(tags.iter().len() + 2);
    scopes.push(EVERYTHING.to_owned());
    if let Some(namespace) = key.namespace() {
        scopes.push(namespace_scope(namespace));
        if tags.is_empty() {
            // Without tags, the key is its own tag. Invalidating a tag deletes the key of that name,
            // but only outside namespaces.
            scopes.push(Tag::new(key.as_str()).scope().to_owned());
        }
    }
    for tag in tags {
        if !scopes.iter().any(|scope| scope == tag.scope()) {
            scopes.push(tag.scope().to_owned());
        }
    }
    scopes
}

/// Counts for a cache and, where there is one, for the function that asked.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'c> {
    cache: &'c Counters,
    site: Option<&'static Counters>,
}

impl Tally<'_> {
    #[inline]
    fn add(&self, count: Counted) {
        self.cache.add(count);
        if let Some(site) = self.site {
            site.add(count);
        }
    }
}

/// The scopes and key texts of [`Targets`], as the store knows them.
fn reached(targets: &Targets) -> (Vec<String>, Vec<String>) {
    let mut scopes = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    if targets.everything {
        scopes.push(EVERYTHING.to_owned());
    }
    scopes.extend(targets.namespaces.iter().map(|name| namespace_scope(name)));
    for tag in &targets.tags {
        scopes.push(tag.scope().to_owned());
        keys.push(Key::new(tag.as_str()).qualified().to_owned());
    }
    keys.extend(targets.keys.iter().map(|key| key.qualified().to_owned()));
    (scopes, keys)
}
