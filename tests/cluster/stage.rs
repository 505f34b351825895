//! What the tests play on.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use larder::{Cache, Invalidation, Key};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testkit::{RedisCluster, RedisServer, RedisServerBuilder};
use tokio::sync::OnceCell;

/// More than a loaded machine takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster for the tests that leave it as it is. It ends with this process.
pub(crate) async fn cluster() -> &'static RedisCluster {
    static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();
    CLUSTER.get_or_init(RedisCluster::start).await
}

pub(crate) async fn open(builder: RedisStoreBuilder) -> RedisStore {
    builder.connect().await.expect("the servers are there")
}

/// A cache on these servers, with a time budget that a loaded machine does not use up.
pub(crate) async fn cache_on(builder: RedisStoreBuilder) -> Cache {
    let store = open(builder).await;
    Cache::builder().store(store).time_budget(PATIENCE).build()
}

/// A test that hangs fails: this is the only thing the limit is for.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(120), test)
        .await
        .expect("nothing hangs")
}

/// Something that changes, and is cached. A read that begins after a change was made known must see it.
#[derive(Default)]
pub(crate) struct Origin {
    /// What a load sees.
    written: AtomicU64,
    /// What a read in the process that changes it must see at least, and in any other.
    known_here: AtomicU64,
    known: AtomicU64,
    is_over: AtomicBool,
    reads: AtomicU64,
}

impl Origin {
    /// Reads these keys, again and again, until it is [over](Self::end), in the process that
    /// [changes](Self::change) it.
    pub(crate) async fn read_here(&self, cache: &Cache, keys: &[String]) {
        self.read(cache, keys, &self.known_here).await;
    }

    /// The same in another process.
    pub(crate) async fn read_elsewhere(&self, cache: &Cache, keys: &[String]) {
        self.read(cache, keys, &self.known).await;
    }

    async fn read(&self, cache: &Cache, keys: &[String], known: &AtomicU64) {
        while self.goes_on() {
            for key in keys {
                let floor = known.load(Ordering::SeqCst);
                let load = || async { self.written.load(Ordering::SeqCst) };
                let found = cache.load(key.as_str(), load).tags(["all of them"]).await;
                assert!(found >= floor, "{key}: {found}, after {floor} was known");
                self.reads.fetch_add(1, Ordering::SeqCst);
                // A read that meets a dead server at once waits for nothing.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Changes it, again and again, until it is over.
    pub(crate) async fn change(&self, cache: &Cache) {
        while self.goes_on() {
            let next = self.written.fetch_add(1, Ordering::SeqCst) + 1;
            let invalidated = cache.invalidate_tags(["all of them"]).await;
            // What is kept to be tried again holds in this process only.
            if invalidated.expect("it is taken or kept") == Invalidation::Done {
                self.known.store(next, Ordering::SeqCst);
            }
            self.known_here.store(next, Ordering::SeqCst);
            // So that there are hits, too.
            self.meets(20).await;
        }
    }

    /// Waits until so many more reads have ended, or all are over.
    pub(crate) async fn meets(&self, reads: u64) {
        let wanted = self.reads.load(Ordering::SeqCst) + reads;
        while self.reads.load(Ordering::SeqCst) < wanted && self.goes_on() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// What a key is called on the servers.
pub(crate) fn name(key: &str) -> String {
    format!("larder:v1:{}", Key::new(key).qualified())
}

/// A server with an administrator, and the user `app` with the rights that the guide names for the prefix
/// `shop`.
pub(crate) fn with_few_rights() -> RedisServerBuilder {
    let mut lines = include_str!("../../docs/redis.md").lines();
    let rights = lines.find(|line| line.starts_with("~shop:* "));
    RedisServer::builder()
        .acl_user("admin", "secret")
        .acl_user_with("app", "open", rights.expect("the guide names them"))
}

/// The store of that user.
pub(crate) fn as_app(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url.replace("admin:secret@", "app:open@")).prefix("shop")
}
