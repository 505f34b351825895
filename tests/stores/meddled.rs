//! A real store whose calls a test can hold back or lose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder::store::{
    Advance, Capabilities, Claim, Family, Filled, Increment, Incremented, LeaseRequest, Leased,
    Nonce, Part, Patch, Reading, Scan, Scopes, Store, Watcher,
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
    /// Each invalidation waits for a permit, if there is this.
    pub(crate) invalidations: Option<Arc<Semaphore>>,
    /// Scans are refused.
    pub(crate) refuses_scans: Arc<AtomicBool>,
    /// Gets a permit for each fill that is about to be sent, and for each entry that was taken.
    pub(crate) there: Arc<Semaphore>,
    /// A lease for oneself passes there too.
    pub(crate) holds_locks: bool,
    /// Each of these waits for a permit, if there is this.
    pub(crate) open: Option<Arc<Semaphore>>,
    /// Who is to be told of changes: the test tells.
    pub(crate) watcher: Arc<OnceLock<Arc<dyn Watcher>>>,
}

impl Meddled {
    pub(crate) fn with(store: RedisStore) -> Self {
        Self {
            store,
            read: Arc::new(Semaphore::new(0)),
            answers: None,
            loses_invalidations: Arc::default(),
            invalidations: None,
            refuses_scans: Arc::default(),
            there: Arc::new(Semaphore::new(0)),
            holds_locks: false,
            open: None,
            watcher: Arc::default(),
        }
    }

    async fn answered(&self) {
        self.read.add_permits(1);
        if let Some(answers) = &self.answers {
            answers.acquire().await.expect("it stays open").forget();
        }
    }

    async fn pass(&self) {
        self.there.add_permits(1);
        if let Some(open) = &self.open {
            open.acquire().await.expect("it stays open").forget();
        }
    }

    fn lost<T>(&self, what: &str) -> Result<T, StoreError> {
        Err(StoreError::Unreachable {
            store: self.name().to_owned(),
            reason: format!("the {what} was lost"),
        })
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
        self.answered().await;
        reading
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        let generations = self.store.generations(scopes).await;
        self.answered().await;
        generations
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        if self.holds_locks && request.claim == Claim::Exclusive {
            self.pass().await;
        }
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
        self.pass().await;
        self.store.fill(key, token, entry, scopes, ttl).await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        if let Some(invalidations) = &self.invalidations {
            invalidations
                .acquire()
                .await
                .expect("it stays open")
                .forget();
        }
        if !self.loses_invalidations.load(Ordering::SeqCst) {
            return self.store.invalidate(scopes, keys).await;
        }
        self.lost("invalidation")
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.store.copy(key, entry, ttl).await
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.store.advance(steps, ttl).await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let slots = self.store.slots(keys, part).await;
        self.answered().await;
        slots
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        let taken = self.store.take(key).await;
        self.pass().await;
        taken
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        self.store.remove(entries).await
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        self.store.patch(key, patch).await
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        if self.refuses_scans.load(Ordering::SeqCst) {
            return self.lost("scan");
        }
        self.store.scan(family, pattern, cursor, about).await
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        self.store.increment(key, increment).await
    }

    async fn hear(&self) -> Result<(), StoreError> {
        self.store.hear().await
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.watcher.set(watcher).expect("asked once");
        true
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}
