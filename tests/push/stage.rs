//! A watched store, and what its watcher is told.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use larder::store::{Claim, Expected, Filled, LeaseRequest, Leased, Nonce, Store as _, Watcher};
use larder_redis::{RedisStore, RedisStoreBuilder};
use redis::Client;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;

/// A test that hangs fails: this is the only thing the limit is for. Where tests are meant to fail, it is
/// set lower.
pub(crate) async fn in_time<T>(test: impl Future<Output = T>) -> T {
    let limit = std::env::var("LARDER_TEST_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(60));
    tokio::time::timeout(limit, test)
        .await
        .expect("it is told in time")
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Told {
    Slot(String),
    Generation(String),
    Everything,
    Lost,
    Regained,
}

impl Told {
    pub(crate) fn slot(key: &str) -> Self {
        Self::Slot(key.to_owned())
    }

    pub(crate) fn generation(scope: &str) -> Self {
        Self::Generation(scope.to_owned())
    }
}

#[derive(Debug)]
struct Recorder(mpsc::UnboundedSender<Told>);

impl Recorder {
    fn note(&self, told: Told) {
        // The test may have heard enough.
        let _ = self.0.send(told);
    }
}

impl Watcher for Recorder {
    fn slot_changed(&self, key: &str) {
        self.note(Told::slot(key));
    }
    fn generation_changed(&self, scope: &str) {
        self.note(Told::generation(scope));
    }
    fn everything_changed(&self) {
        self.note(Told::Everything);
    }
    fn lost(&self) {
        self.note(Told::Lost);
    }
    fn regained(&self) {
        self.note(Told::Regained);
    }
}

pub(crate) fn recorder() -> (Arc<dyn Watcher>, mpsc::UnboundedReceiver<Told>) {
    let (told, recorded) = mpsc::unbounded_channel();
    (Arc::new(Recorder(told)), recorded)
}

/// A store, what its watcher is told, and someone else on the same server.
pub(crate) struct Stage {
    pub(crate) store: RedisStore,
    told: mpsc::UnboundedReceiver<Told>,
    url: String,
}

impl Stage {
    /// A store that hears.
    pub(crate) async fn at(url: impl Into<String>) -> Self {
        let url = url.into();
        let mut stage = Self::unheard(RedisStore::builder(&url), Some(url.clone())).await;
        assert_eq!(stage.next().await, Told::Regained);
        stage
    }

    /// A store behind a proxy, that hears; others go to the server itself.
    pub(crate) async fn behind(proxy: &larder_testkit::FaultProxy, url: String) -> Self {
        let mut stage = Self::unheard(RedisStore::builder(proxy.url()), Some(url)).await;
        assert_eq!(stage.next().await, Told::Regained);
        stage
    }

    /// A store that was asked to tell, and may not hear yet.
    pub(crate) async fn unheard(builder: RedisStoreBuilder, others: Option<String>) -> Self {
        let url = others.unwrap_or_default();
        let store = builder.prefix("shop").connect().await.expect("it is there");
        let (recorder, told) = recorder();
        assert!(store.watch(recorder));
        Self { store, told, url }
    }

    /// Another handle on the same server, with a watcher of its own, that hears.
    pub(crate) async fn beside(&self) -> Self {
        let (recorder, told) = recorder();
        let store = self.store.clone();
        assert!(store.watch(recorder));
        let url = self.url.clone();
        let mut stage = Self { store, told, url };
        assert_eq!(stage.next().await, Told::Regained);
        stage
    }

    /// What is told next.
    pub(crate) async fn next(&mut self) -> Told {
        self.told.recv().await.expect("the store lives")
    }

    /// All that has been told.
    pub(crate) fn heard(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    /// Waits until this is told; gives what is told before.
    pub(crate) async fn until(&mut self, expected: &Told) -> Vec<Told> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                told if told == *expected => return before,
                told => before.push(told),
            }
        }
    }

    /// All that was told of what happened so far: what someone else changes now is told after it.
    pub(crate) async fn so_far(&mut self, other: &mut MultiplexedConnection) -> Vec<Told> {
        let () = redis::cmd("SET")
            .arg("shop:v1::mark")
            .arg("here")
            .query_async(other)
            .await
            .expect("it answers");
        self.until(&Told::slot(":mark")).await
    }

    /// Another client.
    pub(crate) async fn other(&self) -> MultiplexedConnection {
        other(&self.url).await
    }

    /// Fills the key as a load does; the ttl is a minute.
    pub(crate) async fn fill(&self, key: &str, scopes: &[String]) -> Filled {
        let token = self.lease(key, scopes).await;
        self.fill_under(key, token, scopes)
            .await
            .expect("it answers")
    }

    pub(crate) async fn lease(&self, key: &str, scopes: &[String]) -> Nonce {
        lease(&self.store, key, scopes).await
    }

    pub(crate) async fn fill_under(
        &self,
        key: &str,
        token: Nonce,
        scopes: &[String],
    ) -> Result<Filled, larder::StoreError> {
        let ttl = Some(Duration::from_secs(60));
        self.store.fill(key, token, b"an entry", scopes, ttl).await
    }
}

pub(crate) async fn lease(store: &RedisStore, key: &str, scopes: &[String]) -> Nonce {
    let request = LeaseRequest {
        token: Nonce::token(Claim::Shared),
        claim: Claim::Shared,
        expected: Expected::Anything,
        lasts: Duration::from_secs(10),
        scopes,
        ttl: Some(Duration::from_secs(60)),
    };
    match store.lease(key, request).await.expect("it answers") {
        Leased::Granted(lease) => lease.token,
        refused => panic!("{refused:?}"),
    }
}

pub(crate) async fn other(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).expect("it is a URL");
    client
        .get_multiplexed_async_connection()
        .await
        .expect("it is there")
}

/// Sends a command, written as in a shell.
pub(crate) async fn send<T: redis::FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &str,
) -> T {
    let mut words = command.split(' ');
    let mut sent = redis::cmd(words.next().expect("it has a name"));
    for word in words {
        sent.arg(word);
    }
    sent.query_async(connection).await.expect("it answers")
}
