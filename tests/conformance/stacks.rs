//! The list on caches of several layers.

use std::time::Duration;

use larder::{Cache, CacheBuilder, Layer, LayerName, Reach};

use crate::{cluster, file, memcached, redis};

/// Process memory, and above what.
fn memory() -> CacheBuilder {
    let memory = Layer::memory().ttl(Duration::from_secs(3_600));
    Cache::builder().layer(LayerName::L1, memory)
}

macro_rules! stacks {
    ($($(#[$doc:meta])* $stack:ident: $authority:ident, $name:ident => $layers:expr;)*) => {$(
        $(#[$doc])*
        mod $stack {
            use larder::store::Store as _;
            use larder_conformance::Subject;

            use super::*;

            larder_conformance::cache_tests!(async {
                let authority = $authority::open("any".to_owned()).await;
                let subject = Subject::layered(authority.capabilities(), |$name| async move { $layers });
                subject.await
            });
        }
    )*};
}

stacks! {
    memory_redis: redis, name => {
        let redis = Layer::store(redis::open(name).await);
        memory().layer(LayerName::L2, redis)
    };
    memory_memcached_cluster: cluster, name => {
        let memcached = memcached::open(name.clone()).await;
        let memcached = Layer::store(memcached).reach(Reach::Host);
        let cluster = Layer::store(cluster::open(name).await);
        memory().layer(LayerName::L2, memcached).layer(LayerName::L3, cluster)
    };
    memory_file: file, name => {
        let file = Layer::store(file::open(name).await).reach(Reach::Host);
        memory().layer(LayerName::L4, file)
    };
    memory_redis_cluster_file: cluster, name => {
        let redis = redis::open(name.clone()).await;
        let redis = Layer::store(redis).reach(Reach::Host);
        let cluster = Layer::store(cluster::open(name.clone()).await);
        let file = Layer::store(file::open(name).await).reach(Reach::Host);
        memory()
            .layer(LayerName::L2, redis)
            .layer(LayerName::L3, cluster)
            .layer(LayerName::L4, file)
    };
    /// Without process memory: both on one server, under names of their own.
    redis_redis: redis, name => {
        let copies = redis::open(format!("{name}-copies")).await;
        let copies = Layer::store(copies).reach(Reach::Host);
        let authority = Layer::store(redis::open(name).await);
        Cache::builder()
            .layer(LayerName::L2, copies)
            .layer(LayerName::L3, authority)
    };
}
