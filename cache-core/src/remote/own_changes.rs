//! What this process changes in a store, its own process memory above forgets: when the change has been
//! made, however the call ends. Before, `invalidate` and its like have made it forget too; but who reads
//! the store in between finds what was there, and must not keep it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::cache::Above;
use crate::error::StoreError;
use crate::event::EventLog;
use crate::key::Pattern;
use crate::stats::TierStats;
use crate::store::{
    Advance, Capabilities, Claim, Expected, Family, Filled, Increment, Incremented, LeaseRequest,
    Leased, Nonce, Part, Patch, Reading, Scan, Scopes, Store, Usage, Watcher,
};

/// A store with process memory above it.
#[derive(Debug)]
pub(crate) struct OwnChanges {
    store: Arc<dyn Store>,
    above: Arc<Above>,
}

/// Forgets when it is dropped.
struct Forgetting<'a> {
    above: &'a Above,
    scopes: &'a [String],
    keys: &'a [String],
    key: Option<&'a str>,
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        self.above.forget(self.scopes, self.keys);
        if let Some(key) = self.key {
            self.above.forget_key(key);
        }
    }
}

impl OwnChanges {
    pub(crate) fn new(store: Arc<dyn Store>, above: Arc<Above>) -> Self {
        Self { store, above }
    }

    fn key<'a>(&'a self, key: &'a str) -> Forgetting<'a> {
        Forgetting {
            above: &self.above,
            scopes: &[],
            keys: &[],
            key: Some(key),
        }
    }

    fn all<'a>(&'a self, scopes: &'a [String], keys: &'a [String]) -> Forgetting<'a> {
        Forgetting {
            above: &self.above,
            scopes,
            keys,
            key: None,
        }
    }
}

#[async_trait]
impl Store for OwnChanges {
    fn name(&self) -> &str {
        self.store.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        self.store.read(key, scopes).await
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.store.generations(scopes).await
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        // A store that tells of changes may leave out one that this process changed once more. Here that
        // can be a generation that was ended by someone and begun anew by this lease, which the answer
        // shows; or an entry that nothing was expected of.
        let unseen = request.claim == Claim::Replacing || request.expected == Expected::Anything;
        let _forgetting = unseen.then(|| self.key(key));
        let leased = self.store.lease(key, request).await;
        match &leased {
            Ok(Leased::Granted(lease)) => self.above.learn(request.scopes, &lease.generations),
            Ok(Leased::Held | Leased::Changed) => {}
            // It may have begun generations.
            Err(_) => self.above.forget(request.scopes, &[]),
        }
        leased
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        self.store.renew(key, token, lasts).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        self.store.release(key, token).await
    }

    /// The one change whose value may have its place above: whoever fills sees to what is there.
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

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.store.copy(key, entry, ttl).await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let _forgetting = self.all(scopes, keys);
        self.store.invalidate(scopes, keys).await
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        let scopes: Vec<String> = steps.iter().map(|step| step.scope.clone()).collect();
        let _forgetting = self.all(&scopes, &[]);
        self.store.advance(steps, ttl).await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.store.slots(keys, part).await
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        let _forgetting = self.key(key);
        self.store.take(key).await
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
        let _forgetting = self.all(&[], &keys);
        self.store.remove(entries).await
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        let _forgetting = self.key(key);
        self.store.patch(key, patch).await
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        self.store.scan(family, pattern, cursor, about).await
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        let _forgetting = self.key(key);
        self.store.increment(key, increment).await
    }

    async fn usage(&self, keys: &[String]) -> Result<Vec<Usage>, StoreError> {
        self.store.usage(keys).await
    }

    async fn sizes(&self, keys: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        self.store.sizes(keys).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        self.store.connection()
    }

    async fn hear(&self) -> Result<(), StoreError> {
        self.store.hear().await
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.store.watch(watcher)
    }

    fn tiers(&self) -> Vec<TierStats> {
        self.store.tiers()
    }

    fn events(&self) -> Option<Arc<dyn EventLog>> {
        self.store.events()
    }

    async fn settle(&self) {
        self.store.settle().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}
