//! The list of named checks, on process memory, on a real Redis, in a folder and on an S3 server.

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

mod file {
    use std::sync::OnceLock;

    use larder_conformance::Subject;
    use larder_object::FileStore;
    use larder_testkit::Folder;

    /// One folder for all checks: each has a prefix of its own.
    static FOLDER: OnceLock<Folder> = OnceLock::new();

    async fn open(prefix: String) -> FileStore {
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

    async fn open(bucket: String) -> S3Store {
        let server = SERVER.get_or_init(S3Server::start);
        server.make_bucket(&bucket);
        let store = S3Store::builder(bucket)
            .endpoint(server.endpoint())
            .access_keys(server.access_key(), server.secret_key());
        store.connect().await.expect("the server is there")
    }

    larder_conformance::tests!(Subject::on(open));
}
