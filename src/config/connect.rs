//! From settings to caches: which setting is said to whom.

use futures_util::future::join_all;
use larder_core::{Cache, CacheBuilder, Compression, Ttls};

use super::error::{InitError, StoreFailure};
use super::plan::{Plan, Store};
use super::setting::{Said, Setting};

/// From which size on values are compressed unless it is said.
const COMPRESS_ABOVE: usize = 4_096;

/// The cache with everything but its store.
pub(super) fn cache_builder(said: &[&Said]) -> CacheBuilder {
    let mut cache = Cache::builder();
    let mut ttls = Ttls::default();
    let (mut compression, mut compress_above) = (Compression::None, COMPRESS_ABOVE);
    for setting in said.iter().filter_map(|said| said.setting.as_ref()) {
        match setting {
            Setting::Ttl(ttl) => ttls.default = *ttl,
            Setting::TtlShort(ttl) => ttls.short = *ttl,
            Setting::TtlLong(ttl) => ttls.long = *ttl,
            Setting::MaxEntries(entries) => cache = cache.max_entries(*entries),
            Setting::Codec(codec) => cache = cache.codec(*codec),
            Setting::Compression(wanted) => compression = *wanted,
            Setting::CompressAbove(above) => compress_above = *above,
            Setting::TimeBudget(budget) => cache = cache.time_budget(*budget),
            Setting::Lease(lease) => cache = cache.lease(*lease),
            // These are the store's.
            Setting::Provider(_)
            | Setting::Uri(_)
            | Setting::Prefix(_)
            | Setting::Version(_)
            | Setting::StartDegraded(_)
            | Setting::RootCertificates(_) => {}
        }
    }
    cache.ttls(ttls).compression(compression, compress_above)
}

/// Connects all of them at once.
///
/// # Errors
/// [`InitError::Stores`] with every one that could not be used.
pub(super) async fn connect(plans: Vec<Plan>) -> Result<Vec<(String, Cache)>, InitError> {
    let mut caches = Vec::new();
    let mut failures = Vec::new();
    for result in join_all(plans.into_iter().map(open)).await {
        match result {
            Ok(cache) => caches.push(cache),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.is_empty() {
        Ok(caches)
    } else {
        Err(InitError::Stores(failures))
    }
}

#[cfg_attr(
    not(feature = "redis"),
    allow(clippy::unused_async, reason = "only stores are waited for")
)]
async fn open(plan: Plan) -> Result<(String, Cache), StoreFailure> {
    let name = plan.name;
    let cache = match plan.store {
        Store::Memory => plan.cache.build(),
        Store::Off => plan.cache.off().build(),
        #[cfg(feature = "redis")]
        Store::Redis(redis) => match redis.store.connect().await {
            Ok(store) => plan.cache.store(store).build(),
            Err(error) => {
                return Err(StoreFailure {
                    cache: name,
                    reason: error.to_string(),
                });
            }
        },
    };
    if plan.start_degraded
        && let Err(error) = cache.ping().await
    {
        tracing::warn!(cache = name, %error, "starting without the store: until it is there, every call loads");
    }
    Ok((name, cache))
}
