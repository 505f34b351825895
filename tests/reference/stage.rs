//! What the examples play on: a cache, and a clock to wind.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use larder::{Cache, CacheBuilder, Clock};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::sync::Mutex;

pub(crate) struct Stage {
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    place: Option<Place>,
}

/// Where on which server an example keeps its entries.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) server: Arc<RedisServer>,
    pub(crate) prefix: String,
}

impl Stage {
    pub(crate) async fn memory() -> Self {
        Self::at(None).await
    }

    /// A place of its own on a server that all examples share.
    pub(crate) async fn redis() -> Self {
        static EXAMPLES: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("example-{}", EXAMPLES.fetch_add(1, Ordering::Relaxed));
        let server = shared_server().await;
        Self::at(Some(Place { server, prefix })).await
    }

    /// A server of its own, for examples that break it. Restarted, it has what it had.
    pub(crate) async fn redis_of_its_own() -> Self {
        let server = Arc::new(RedisServer::builder().append_only().start().await);
        let prefix = "example".to_owned();
        Self::at(Some(Place { server, prefix })).await
    }

    async fn at(place: Option<Place>) -> Self {
        let clock = Clock::hand_wound();
        let cache = build(place.as_ref(), &clock, |options| options).await;
        Self {
            cache,
            clock,
            place,
        }
    }

    /// A cache with other options. In process memory it is a cache of its own, on Redis what another
    /// process has in the same place.
    pub(crate) async fn cache_with(
        &self,
        options: impl FnOnce(CacheBuilder) -> CacheBuilder,
    ) -> Cache {
        build(self.place.as_ref(), &self.clock, options).await
    }

    /// What another process on the same store has. For process memory there is none, so there it is
    /// the same cache.
    pub(crate) async fn another_process(&self) -> Cache {
        match self.place {
            None => self.cache.clone(),
            Some(_) => self.cache_with(|options| options).await,
        }
    }

    /// A cache in another place; in process memory every cache is.
    pub(crate) async fn cache_elsewhere(&self, prefix: &str) -> Cache {
        let place = self.place.as_ref().map(|place| Place {
            prefix: format!("{}-{prefix}", place.prefix),
            ..place.clone()
        });
        build(place.as_ref(), &self.clock, |options| options).await
    }

    /// Where the cache is; `None` in process memory.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// How often something was loaded.
    pub(crate) fn loads(&self) -> u64 {
        self.cache.stats().loads
    }

    /// Plays an example: the annotated functions that it calls use this stage's cache.
    pub(crate) async fn play<F: Future>(self, example: impl FnOnce(Self) -> F) -> F::Output {
        larder::scope(self.cache.clone(), example(self)).await
    }

    /// Runs annotated functions with this stage's cache.
    pub(crate) async fn run<F: Future>(&self, example: F) -> F::Output {
        larder::scope(self.cache.clone(), example).await
    }
}

impl Place {
    /// What an entry's key is on the server.
    pub(crate) fn raw_key(&self, key: &str) -> String {
        // Of the two colons together the second one belongs to the key, which is in no namespace.
        format!("{}:v1::{key}", self.prefix)
    }
}

/// With a time budget that a loaded machine does not use up.
async fn build(
    place: Option<&Place>,
    clock: &Clock,
    options: impl FnOnce(CacheBuilder) -> CacheBuilder,
) -> Cache {
    let builder = Cache::builder()
        .clock(clock.clone())
        .time_budget(Duration::from_secs(10));
    let builder = match place {
        None => builder,
        Some(place) => {
            let store = RedisStore::builder(place.server.url()).prefix(&place.prefix);
            builder.store(store.connect().await.expect("the server is there"))
        }
    };
    options(builder).build()
}

/// The server that runs while any example uses it.
async fn shared_server() -> Arc<RedisServer> {
    static SHARED: Mutex<Weak<RedisServer>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(RedisServer::start().await);
    *shared = Arc::downgrade(&server);
    server
}

/// Runs an example on each store.
macro_rules! on_every_store {
    ($($example:ident)*) => {
        mod in_memory {
            use crate::stage::{Stage, in_time};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $example() -> anyhow::Result<()> {
                    in_time(async { Stage::memory().await.play(super::$example).await }).await
                }
            )*
        }
        mod on_redis {
            use crate::stage::{Stage, in_time};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $example() -> anyhow::Result<()> {
                    in_time(async { Stage::redis().await.play(super::$example).await }).await
                }
            )*
        }
    };
}

pub(crate) use on_every_store;

/// A test that hangs fails: this is the only thing the limit is for.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), test)
        .await
        .expect("nothing hangs")
}
