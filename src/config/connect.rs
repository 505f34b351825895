//! From settings to caches: which setting is said to whom.

use futures_util::future::join_all;
use larder_core::{Cache, CacheBuilder, Compression, Layer, Reach, Ttls};

use super::error::{InitError, StoreFailure};
use super::plan::{Kept, LayerPlan, Plan};
use super::setting::{Said, Setting, Size};

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
            Setting::MaxSize(Size::Plain(entries)) => cache = cache.max_entries(*entries),
            Setting::Coherence(coherence) => cache = cache.coherence(*coherence),
            // These are the store's, or a layer's.
            _ => {}
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
            Err(of_cache) => failures.extend(of_cache),
        }
    }
    if failures.is_empty() {
        Ok(caches)
    } else {
        Err(InitError::Stores(failures))
    }
}

async fn open(plan: Plan) -> Result<(String, Cache), Vec<StoreFailure>> {
    let name = plan.name;
    if let Some(place) = &plan.overrides {
        tracing::warn!(
            cache = name,
            "{place} stands in place of the layers that the cache has"
        );
    }
    let failed = |layer, reason| StoreFailure {
        cache: name.clone(),
        layer,
        reason,
    };
    let cache = match plan.kept {
        Kept::Nowhere => plan.cache.off(),
        Kept::Memory => plan.cache,
        Kept::Store(store) => {
            let opened = store.open().await;
            plan.cache
                .dyn_store(opened.map_err(|reason| vec![failed(None, reason)])?)
        }
        Kept::Layers(layers) => {
            let opened = layers.into_iter().map(|plan| async {
                let name = plan.name;
                (name, layer(plan).await)
            });
            let mut cache = plan.cache;
            let mut failures = Vec::new();
            for (layer, opened) in join_all(opened).await {
                match opened {
                    Ok(opened) => cache = cache.layer(layer, opened),
                    Err(reason) => failures.push(failed(Some(layer), reason)),
                }
            }
            if !failures.is_empty() {
                return Err(failures);
            }
            cache
        }
    };
    let cache = cache.build();
    if plan.start_degraded
        && let Err(error) = cache.ping().await
    {
        tracing::warn!(cache = name, %error, "starting without the store: until it is there, every call loads");
    }
    Ok((name, cache))
}

/// Opens a layer.
async fn layer(plan: LayerPlan) -> Result<Layer, String> {
    let mut layer = match plan.store {
        None => Layer::memory(),
        Some(store) => {
            let reach = if store.is_local {
                Reach::Host
            } else {
                Reach::Shared
            };
            Layer::dyn_store(store.open().await?).reach(reach)
        }
    };
    for setting in plan.settings {
        layer = match setting {
            Setting::Ttl(ttl) => layer.ttl(ttl),
            Setting::TimeBudget(budget) => layer.time_budget(budget),
            Setting::Reach(reach) => layer.reach(reach),
            Setting::MaxEntries(entries) | Setting::MaxSize(Size::Plain(entries)) => {
                layer.max_entries(entries)
            }
            // These are the store's.
            _ => layer,
        };
    }
    Ok(layer)
}
