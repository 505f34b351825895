//! The list of named checks, on process memory and on a real Redis.

mod memory {
    larder_conformance::cache_tests!(async { larder_conformance::Subject::memory() });
}

mod redis {
    use larder_conformance::Subject;
    use larder_redis::RedisStore;
    use larder_testkit::RedisServer;
    use tokio::sync::OnceCell;

    /// One server for all checks: each has a prefix of its own. It ends with this process.
    static SERVER: OnceCell<RedisServer> = OnceCell::const_new();

    async fn open(prefix: String) -> RedisStore {
        let server = SERVER.get_or_init(RedisServer::start).await;
        let store = RedisStore::builder(server.url()).prefix(prefix);
        store.connect().await.expect("the server is there")
    }

    larder_conformance::tests!(Subject::on(open));
}

mod cluster {
    use larder_conformance::Subject;
    use larder_redis::RedisStore;
    use larder_testkit::RedisCluster;
    use tokio::sync::OnceCell;

    /// Three primaries with a replica each, for all checks. They end with this process.
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

    async fn open(prefix: String) -> RedisStore {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        let store = RedisStore::builder(cluster.url()).prefix(prefix);
        store.connect().await.expect("the cluster is there")
    }

    larder_conformance::tests!(Subject::on(open));
}
