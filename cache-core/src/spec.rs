//! What is known of a cached value before it is looked up.

use std::fmt;
use std::time::Duration;

use crate::freshness::{Freshness, Jitter};
use crate::key::Key;
use crate::layer::{LayerName, LayerSet};
use crate::tag::Tags;

/// How long an entry may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ttl {
    /// The cache's usual ttl (`CACHE_TTL_DEFAULT`, 300 seconds).
    #[default]
    Default,
    /// The cache's short ttl (`CACHE_TTL_SHORT`, 30 seconds).
    Short,
    /// The cache's long ttl (`CACHE_TTL_LONG`, 3,600 seconds).
    Long,
    /// This long, with millisecond precision. Zero is an error where a value is set; a load with it
    /// returns its value and stores nothing.
    For(Duration),
    /// Until it is invalidated or evicted.
    Never,
}

impl From<Duration> for Ttl {
    fn from(ttl: Duration) -> Self {
        Self::For(ttl)
    }
}

impl From<Option<Duration>> for Ttl {
    /// No ttl means never.
    fn from(ttl: Option<Duration>) -> Self {
        ttl.map_or(Self::Never, Self::For)
    }
}

/// Which layers of a cache an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layers {
    /// All that the cache has.
    #[default]
    All,
    /// Process memory, and no other, whatever the cache has: nothing of it leaves the process.
    L1,
    /// These, as far as the cache has them; at least one is not process memory alone.
    Only(LayerSet),
}

impl Layers {
    /// Which ones.
    #[inline]
    pub(crate) const fn set(self) -> LayerSet {
        match self {
            Self::All => LayerSet::ALL,
            Self::L1 => LayerSet::of(&[LayerName::L1]),
            Self::Only(layers) => layers,
        }
    }
}

/// Key, tags, ttl and so on of one cached value: what a `resource!` entry gives, and what an
/// annotated function is looked up by.
///
/// The tags are a closure because a hit in process memory has no use for them.
#[derive(Clone)]
pub struct Spec<F> {
    /// What the entry is called.
    pub key: Key,
    /// Writes the entry's tags.
    pub tags: F,
    /// How long the entry may be used.
    pub ttl: Ttl,
    /// Whether a load excludes loads in other processes.
    pub lock: bool,
    /// What the entry's age means beside its ttl.
    pub freshness: Freshness,
    /// Which layers of its cache the entry is in.
    pub layers: Layers,
    /// How long a failure is kept, where failures are: `cache_err`.
    pub error_ttl: Ttl,
}

impl<F: Fn(&mut Tags)> Spec<F> {
    /// A spec with the cache's usual ttl and no lock.
    pub fn new(key: Key, tags: F) -> Self {
        Self {
            key,
            tags,
            ttl: Ttl::Default,
            lock: false,
            freshness: Freshness::default(),
            layers: Layers::All,
            error_ttl: Ttl::Short,
        }
    }

    /// The same with this ttl.
    #[must_use]
    pub fn ttl(self, ttl: impl Into<Ttl>) -> Self {
        Self {
            ttl: ttl.into(),
            ..self
        }
    }

    /// The same, where one load excludes loads of the same key in other processes.
    #[must_use]
    pub fn lock(self, lock: bool) -> Self {
        Self { lock, ..self }
    }

    /// The same, where an entry older than this is served, and loaded again in the background.
    #[must_use]
    pub fn early_ttl(mut self, age: Duration) -> Self {
        self.freshness.early_ttl = Some(age);
        self
    }

    /// The same, where a hit gives its entry the whole ttl again.
    #[must_use]
    pub fn renewed_by_hits(mut self, renews: bool) -> Self {
        self.freshness.renews = renews;
        self
    }

    /// The same, where an entry is kept so much longer than its ttl, and served if a load fails.
    #[must_use]
    pub fn stale_for(mut self, longer: Duration) -> Self {
        self.freshness.stale_for = longer;
        self
    }

    /// The same, where a stale entry is also served while a load takes longer than this.
    #[must_use]
    pub fn load_timeout(mut self, limit: Duration) -> Self {
        self.freshness.load_timeout = Some(limit);
        self
    }

    /// The same, where ttls come out shorter by a random part of this.
    #[must_use]
    pub fn jitter(mut self, jitter: impl Into<Jitter>) -> Self {
        self.freshness.jitter = jitter.into();
        self
    }

    /// The same in these layers of the cache.
    #[must_use]
    pub fn layers(self, layers: Layers) -> Self {
        Self { layers, ..self }
    }

    /// The same, where a failure is kept so long; for functions that keep failures.
    #[must_use]
    pub fn error_ttl(self, ttl: impl Into<Ttl>) -> Self {
        Self {
            error_ttl: ttl.into(),
            ..self
        }
    }

    /// The same with other tags.
    #[must_use]
    pub fn with_tags<G: Fn(&mut Tags)>(&self, tags: G) -> Spec<G> {
        Spec {
            key: self.key.clone(),
            tags,
            ttl: self.ttl,
            lock: self.lock,
            freshness: self.freshness,
            layers: self.layers,
            error_ttl: self.error_ttl,
        }
    }

    /// The entry's tags.
    pub fn to_tags(&self) -> Tags {
        let mut tags = Tags::default();
        (self.tags)(&mut tags);
        tags
    }
}

/// The spec that an attribute was given: says so where it was given something else.
#[doc(hidden)]
#[inline]
pub fn spec<F: Fn(&mut Tags)>(spec: Spec<F>) -> Spec<F> {
    spec
}

/// Writes the tags of a spec that borrows nothing.
type WriteTags = Box<dyn Fn(&mut Tags) + Send + Sync>;

/// The same spec without what it borrows: of a `self` that the body takes.
#[doc(hidden)]
pub fn detached<F: Fn(&mut Tags)>(spec: Spec<F>) -> Spec<WriteTags> {
    let written = spec.to_tags();
    spec.with_tags(Box::new(move |tags| tags.extend(&written)))
}

impl<F> fmt::Debug for Spec<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("key", &self.key)
            .field("ttl", &self.ttl)
            .field("lock", &self.lock)
            .field("freshness", &self.freshness)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}
