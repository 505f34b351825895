//! A real store whose calls a test can hold back or lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use larder::store::{
    Capabilities, Filled, LeaseRequest, Leased, Nonce, Part, Patch, Reading, Scan, Scopes, Store,
};
use larder::{Pattern, StoreError};
use larder_redis::RedisStore;
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct Meddled {
    store: RedisStore,
    /// Gets a permit for each read that the server has answered.
    pub(crate) read: Arc<Semaphore>,
    /// Each answer to a read waits for a permit, if there is this.
    pub(crate) answers: Option<Arc<Semaphore>>,
    /// Invalidations do not arrive, as in a network that loses one direction.
    pub(crate) loses_invalidations: Arc<AtomicBool>,
}

impl Meddled {
    pub(crate) fn with(store: RedisStore) -> Self {
        Self {
            store,
            read: Arc::new(Semaphore::new(0)),
            answers: None,
            loses_invalidations: Arc::default(),
        }
    }
}

#[async_trait::async_trait]
impl Store for Meddled {
    fn name(&self) -> &str {
        self.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        let reading = self.store.read(key, scopes).await;
        self.read.add_permits(1);
        if let Some(answers) = &self.answers {
            answers.acquire().await.expect("it stays open").forget();
        }
        reading
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.store.generations(scopes).await
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        self.store.lease(key, request).await
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        self.store.renew(key, token, lasts).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        self.store.release(key, token).await
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        self.store.fill(key, token, entry, scopes, ttl).await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        if !self.loses_invalidations.load(Ordering::SeqCst) {
            return self.store.invalidate(scopes, keys).await;
        }
        Err(StoreError::Unreachable {
            store: self.name().to_owned(),
            reason: "the invalidation was lost".to_owned(),
        })
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.store.slots(keys, part).await
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        self.store.take(key).await
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        self.store.remove(entries).await
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        self.store.patch(key, patch).await
    }

    async fn scan(
        &self,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        self.store.scan(pattern, cursor, about).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}
