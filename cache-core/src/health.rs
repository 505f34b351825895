//! Whether the caches can be used: for an endpoint that is asked by machines.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use crate::caches::Caches;
use crate::error::StoreError;

/// Whether each cache can be used, and how long its stores took to answer.
///
/// As JSON, with latencies in microseconds and `error` only where there is one:
///
/// ```json
/// {"healthy": false, "caches": [
///     {"name": "default", "healthy": true, "tiers": [
///         {"store": "memory", "healthy": true, "latency_us": 0}]},
///     {"name": "sessions", "healthy": false, "tiers": [
///         {"store": "redis://cache:6379/2", "healthy": false, "latency_us": 250132,
///          "error": "`redis://cache:6379/2` did not answer within 250ms"}]}]}
/// ```
///
/// It has the addresses of servers, though no passwords: think about who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Every cache, the default one first.
    pub caches: Vec<CacheHealth>,
}

/// Whether a cache can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheHealth {
    /// The cache's name.
    pub name: String,
    /// What the cache keeps entries in, the fastest first.
    pub tiers: Vec<TierHealth>,
}

/// Whether a tier of a cache can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierHealth {
    /// The kind and address of the store, without anything secret; `memory` for process memory, and
    /// `off` for a cache that is switched off.
    pub store: String,
    /// How long the store took to answer, or to fail.
    pub latency: Duration,
    /// Why it cannot be used, without anything secret; `None` if it can.
    pub error: Option<String>,
}

impl Health {
    /// Whether every tier of every cache can be used. Where one cannot, calls go on and load: a
    /// service that is not healthy in this sense is slow, not broken.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.caches.iter().all(CacheHealth::is_healthy)
    }
}

impl CacheHealth {
    /// Whether every tier can be used.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.tiers.iter().all(TierHealth::is_healthy)
    }
}

impl TierHealth {
    /// How long an answer takes, and what it says.
    pub(crate) async fn of(
        store: &str,
        answer: impl Future<Output = Result<(), StoreError>>,
    ) -> Self {
        let began = Instant::now();
        let answer = answer.await;
        Self {
            store: store.to_owned(),
            latency: began.elapsed(),
            error: answer.err().map(|error| error.to_string()),
        }
    }

    /// Whether the tier can be used.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.error.is_none()
    }
}

impl Caches {
    /// Asks the stores of all caches at the same time whether they can be used, each within its
    /// cache's time budget. Cancelling it leaves nothing behind.
    ///
    /// ```
    /// use larder::{Cache, Caches};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let caches = Caches::new(Cache::memory()).with("sessions", Cache::memory());
    /// let health = caches.health().await;
    /// assert!(health.is_healthy());
    /// assert_eq!(health.caches[1].name, "sessions");
    /// # }
    /// ```
    pub async fn health(&self) -> Health {
        let caches = self.iter().map(|(name, cache)| async move {
            CacheHealth {
                name: name.to_owned(),
                tiers: cache.tier_health().await,
            }
        });
        Health {
            caches: join_all(caches).await,
        }
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut health = serializer.serialize_struct("Health", 2)?;
        health.serialize_field("healthy", &self.is_healthy())?;
        health.serialize_field("caches", &self.caches)?;
        health.end()
    }
}

impl Serialize for CacheHealth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut health = serializer.serialize_struct("CacheHealth", 3)?;
        health.serialize_field("name", &self.name)?;
        health.serialize_field("healthy", &self.is_healthy())?;
        health.serialize_field("tiers", &self.tiers)?;
        health.end()
    }
}

impl Serialize for TierHealth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = u64::try_from(self.latency.as_micros()).unwrap_or(u64::MAX);
        let mut health = serializer.serialize_struct("TierHealth", 4)?;
        health.serialize_field("store", &self.store)?;
        health.serialize_field("healthy", &self.is_healthy())?;
        health.serialize_field("latency_us", &micros)?;
        match &self.error {
            Some(error) => health.serialize_field("error", error)?,
            None => health.skip_field("error")?,
        }
        health.end()
    }
}
