//! One tier of a stack: what it is, and what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::behind::Behind;
use super::guarded::Guarded;
use crate::error::StoreError;
use crate::layer::{LayerName, Reach};
use crate::stats::TierStats;
use crate::store::{Part, Store};

/// A store that is to be a tier of a [`Stack`](super::Stack).
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use larder_core::{LayerName, Reach, Store, Tier};
///
/// fn local(store: Arc<dyn Store>) -> Tier {
///     Tier::new(LayerName::L2, Reach::Host, store)
///         .ttl(Duration::from_secs(300))
///         .time_budget(Duration::from_millis(20))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Tier {
    pub(super) layer: LayerName,
    pub(super) reach: Reach,
    pub(super) store: Arc<dyn Store>,
    pub(super) ttl: Option<Duration>,
    pub(super) budget: Duration,
}

impl Tier {
    /// A store as this layer, and who else sees what is in it.
    #[must_use]
    pub fn new(layer: LayerName, reach: Reach, store: Arc<dyn Store>) -> Self {
        Self {
            layer,
            reach,
            store,
            ttl: None,
            budget: Duration::from_millis(250),
        }
    }

    pub(crate) fn layer(&self) -> LayerName {
        self.layer
    }

    /// How long the tier keeps an entry at most.
    pub(crate) fn most(&self) -> Option<Duration> {
        self.ttl
    }

    /// The store with its guard.
    pub(crate) fn guarded(&self) -> Guarded {
        Guarded::new(Arc::clone(&self.store), self.budget)
    }

    /// How long the tier keeps an entry at most, whatever the entry's own ttl; no less than that unless
    /// set.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long one call to the store may take; 250 milliseconds unless set.
    #[must_use]
    pub fn time_budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }
}

/// A tier in use.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) layer: LayerName,
    pub(super) store: Guarded,
    ttl: Option<Duration>,
    pub(super) behind: Arc<Behind>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Level {
    pub(super) fn new(tier: Tier, is_authority: bool) -> Self {
        let store = Guarded::new(tier.store, tier.budget);
        Self {
            layer: tier.layer,
            behind: Behind::new(store.clone(), is_authority),
            store,
            ttl: tier.ttl,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// How long the tier keeps an entry that has so long to live.
    pub(super) fn keeps(&self, ttl: Option<Duration>) -> Option<Duration> {
        match (self.ttl, ttl) {
            (Some(most), Some(ttl)) => Some(most.min(ttl)),
            (most, ttl) => most.or(ttl),
        }
    }

    /// What is in a key's slot.
    pub(super) async fn slot(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let slots = self.store.slots(&[key.to_owned()], Part::Whole).await?;
        Ok(slots.into_iter().next().flatten())
    }

    /// Counts a lookup.
    pub(super) fn looked_up(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> TierStats {
        TierStats {
            name: self.store.name().to_owned(),
            layer: Some(self.layer),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            errors: self.store.errors(),
            breaker: self.store.breaker(),
            promotions: self.behind.promotions(),
            waiting: self.behind.len(),
            dropped_copies: self.behind.dropped(),
            ..TierStats::default()
        }
    }
}
