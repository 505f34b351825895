//! The list of named checks, on process memory, a real Redis and a real memcached.

mod memory {
    larder_conformance::cache_tests!(async { larder_conformance::Subject::memory() });
}

mod memcached {
    use larder_conformance::Subject;
    use larder_memcached::MemcachedStore;
    use larder_testkit::MemcachedServer;
    use tokio::sync::OnceCell;

    /// As the Redis server below.
    static SERVER: OnceCell<MemcachedServer> = OnceCell::const_new();

    async fn open(prefix: String) -> MemcachedStore {
        let server = SERVER.get_or_init(MemcachedServer::start).await;
        let store = MemcachedStore::builder(server.url()).prefix(prefix);
        store.connect().await.expect("the server is there")
    }

    larder_conformance::tests!(Subject::on(open));
}

mod redis {
    use larder_conformance::Subject;
    use larder_redis::RedisStore;
    use larder_testkit::RedisServer;
    use tokio::sync::OnceCell;

    /// One server for all checks: each has a prefix of its own. It ends with this process.
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();

    pub(super) async fn open(prefix: String) -> RedisStore {
        let server = SERVER.get_or_init(RedisServer::start).await;
        let store = RedisStore::builder(server.url()).prefix(prefix);
        store.connect().await.expect("the server is there")
    }

    larder_conformance::tests!(Subject::on(open));
}

/// Process memory above Redis.
mod memory_redis {
    use std::time::Duration;

    use larder::store::Store as _;
    use larder::{Cache, Layer, LayerName};
    use larder_conformance::Subject;

    larder_conformance::cache_tests!(async {
        let capabilities = super::redis::open("any".to_owned()).await.capabilities();
        let subject = Subject::layered(capabilities, |name| async {
            Cache::builder()
                .layer(LayerName::L1, Layer::memory().ttl(Duration::from_secs(60)))
                .layer(LayerName::L2, Layer::store(super::redis::open(name).await))
        });
        subject.await
    });
}

/// Two servers, the first one with copies.
mod redis_redis {
    use larder::store::Store as _;
    use larder::{Cache, Layer, LayerName, Reach};
    use larder_conformance::Subject;

    larder_conformance::cache_tests!(async {
        let capabilities = super::redis::open("any".to_owned()).await.capabilities();
        let subject = Subject::layered(capabilities, |name| async move {
            let copies = super::redis::open(format!("{name}-copies")).await;
            let copies = Layer::store(copies).reach(Reach::Host);
            let authority = Layer::store(super::redis::open(name).await);
            Cache::builder()
                .layer(LayerName::L1, Layer::memory())
                .layer(LayerName::L2, copies)
                .layer(LayerName::L3, authority)
        });
        subject.await
    });
}

mod cluster {
    use larder_conformance::Subject;
    use larder_redis::RedisStore;
    use larder_testkit::RedisCluster;
    use tokio::sync::OnceCell;

    /// Three primaries with a replica each, for all checks. They end with this process.
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

    pub(super) async fn open(prefix: String) -> RedisStore {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        let store = RedisStore::builder(cluster.url()).prefix(prefix);
        store.connect().await.expect("the cluster is there")
    }

    larder_conformance::tests!(Subject::on(open));
}
