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
