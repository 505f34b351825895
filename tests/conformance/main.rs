//! The list of named checks, on process memory and every store, each a real one, and on stacks of them.

mod stacks;

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

    pub(super) async fn open(prefix: String) -> MemcachedStore {
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

mod cluster {
    use larder_conformance::Subject;
    use larder_redis::RedisStore;
    use larder_testkit::{RedisCluster, RedisServer};
    use tokio::sync::OnceCell;

    /// Three primaries with a replica each, for all checks. They end with this process.
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

    /// A user with the rights that the guide names, and no more.
    async fn start() -> RedisCluster {
        let mut rights = include_str!("../../docs/redis.md").lines();
        let rights = rights.find_map(|line| line.strip_prefix("~shop:* "));
        let rights = format!("~conformance-* {}", rights.expect("the guide names them"));
        let node = RedisServer::builder()
            .acl_user("admin", "secret")
            .acl_user_with("app", "open", rights);
        RedisCluster::start_with(node).await
    }

    pub(super) async fn open(prefix: String) -> RedisStore {
        let cluster = CLUSTER.get_or_init(start).await;
        let url = cluster.url().replace("admin:secret@", "app:open@");
        let store = RedisStore::builder(url).prefix(prefix);
        store.connect().await.expect("the cluster is there")
    }

    larder_conformance::tests!(Subject::on(open));
}

mod file {
    use std::sync::OnceLock;

    use larder_conformance::Subject;
    use larder_object::FileStore;
    use larder_testkit::Folder;

    /// One folder for all checks: each has a prefix of its own.
    static FOLDER: OnceLock<Folder> = OnceLock::new();

    pub(super) async fn open(prefix: String) -> FileStore {
        let folder = FOLDER.get_or_init(Folder::new);
        let store = FileStore::builder(folder.path()).prefix(prefix);
        store.connect().await.expect("the folder is there")
    }

    larder_conformance::tests!(Subject::on(open));
}

mod s3 {
    use std::sync::OnceLock;

    use larder_conformance::Subject;
    use larder_object::S3Store;
    use larder_testkit::S3Server;

    /// One server for all checks: each has a bucket of its own. It ends with this process.
    static SERVER: OnceLock<S3Server> = OnceLock::new();

    pub(super) async fn open(bucket: String) -> S3Store {
        let server = SERVER.get_or_init(S3Server::start);
        server.make_bucket(&bucket);
        let store = S3Store::builder(bucket)
            .endpoint(server.endpoint())
            .access_keys(server.access_key(), server.secret_key());
        store.connect().await.expect("the server is there")
    }

    larder_conformance::tests!(Subject::on(open));
}
