//! What is known of a cached value before it is looked up.

use std::fmt;
use std::time::Duration;

use crate::key::Key;
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

/// Key, tags, ttl and lock of one cached value: what a `resource!` entry gives, and what an
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
}

impl<F: Fn(&mut Tags)> Spec<F> {
    /// A spec with the cache's usual ttl and no lock.
    pub fn new(key: Key, tags: F) -> Self {
        Self {
            key,
            tags,
            ttl: Ttl::Default,
            lock: false,
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

impl<F> fmt::Debug for Spec<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("key", &self.key)
            .field("ttl", &self.ttl)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}
