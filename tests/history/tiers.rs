//! The tiers of a worker's cache.

use std::path::PathBuf;
use std::time::Duration;

use larder::{Cache, Coherence, Layer, LayerName, Reach};
use larder_memcached::MemcachedStore;
use larder_object::FileStore;
use larder_redis::RedisStore;
use serde::{Deserialize, Serialize};

/// What is below process memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Below {
    Redis { url: String },
    MemcachedAndRedis { memcached: String, url: String },
    File { folder: PathBuf },
}

impl Below {
    pub(crate) async fn cache(&self, coherence: Coherence) -> Cache {
        let memory = Layer::memory().ttl(Duration::from_secs(60));
        let builder = Cache::builder()
            .coherence(coherence)
            .layer(LayerName::L1, memory);
        let builder = match self {
            Self::Redis { url } => builder.layer(LayerName::L2, redis(url).await),
            Self::MemcachedAndRedis { memcached, url } => {
                let store = MemcachedStore::builder(memcached).start_degraded(true);
                let store = store.connect().await.expect("the settings are right");
                let memcached = Layer::store(store).reach(Reach::Host);
                builder
                    .layer(LayerName::L2, memcached)
                    .layer(LayerName::L3, redis(url).await)
            }
            Self::File { folder } => {
                let store = FileStore::builder(folder).connect().await;
                let file = Layer::store(store.expect("the folder is there"));
                builder.layer(LayerName::L4, file.reach(Reach::Host))
            }
        };
        builder.build()
    }
}

async fn redis(url: &str) -> Layer {
    let store = RedisStore::builder(url).start_degraded(true);
    Layer::store(store.connect().await.expect("the settings are right"))
}
