//! What the tests play on: a cache, a second process beside it, and a clock.

use std::future::Future;
use std::time::Duration;

use larder::{Cache, Clock};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

pub(crate) struct Stage {
    pub(crate) cache: Cache,
    /// What another process on the same store would have: nothing shared but the store. On process
    /// memory, where there is no such thing, the same cache.
    pub(crate) other: Cache,
    pub(crate) clock: Clock,
    pub(crate) server: Option<RedisServer>,
}

impl Stage {
    pub(crate) fn memory() -> Self {
        let clock = Clock::hand_wound();
        let cache = Cache::builder().clock(clock.clone()).build();
        Self {
            other: cache.clone(),
            cache,
            clock,
            server: None,
        }
    }

    pub(crate) async fn redis() -> Self {
        Self::on(RedisServer::start().await).await
    }

    pub(crate) async fn on(server: RedisServer) -> Self {
        let clock = Clock::hand_wound();
        let cache = cache_on(&server.url(), &clock).await;
        let other = cache_on(&server.url(), &clock).await;
        Self {
            cache,
            other,
            clock,
            server: Some(server),
        }
    }

    pub(crate) fn server(&self) -> &RedisServer {
        self.server.as_ref().expect("this stage has a server")
    }
}

/// A cache on a server, with a time budget that a loaded machine does not use up.
pub(crate) async fn cache_on(url: &str, clock: &Clock) -> Cache {
    let store = RedisStore::builder(url)
        .connect()
        .await
        .expect("the server is there");
    Cache::builder()
        .store(store)
        .clock(clock.clone())
        .time_budget(Duration::from_secs(10))
        .build()
}

/// Runs a test on each store.
macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory {
            use crate::stage::{Stage, in_time};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    in_time(super::$test(Stage::memory())).await;
                }
            )*
        }
        mod redis {
            use crate::stage::{Stage, in_time};
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    in_time(async { super::$test(Stage::redis().await).await }).await;
                }
            )*
        }
    };
}

pub(crate) use on_every_store;

/// A test that hangs fails: this is the only thing the limit is for. Where tests are meant to fail,
/// it is set lower.
pub(crate) async fn in_time<F: Future>(test: F) -> F::Output {
    let limit = std::env::var("LARDER_TEST_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(60));
    tokio::time::timeout(limit, test)
        .await
        .expect("nothing hangs")
}
