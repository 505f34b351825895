//! A store that is asked within a time budget, and left alone while it does not answer.

use std::any::Any;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::breaker::{Breaker, Circuit, FIRST_PAUSE, LAST_PAUSE, is_away};
use crate::error::StoreError;
use crate::event::EventLog;
use crate::key::Pattern;
use crate::stats::TierStats;
use crate::store::{
    Advance, Capabilities, Family, Filled, Increment, Incremented, LeaseRequest, Leased, Nonce,
    Part, Patch, Reading, Scan, Scopes, Store, Usage, Watcher,
};

/// A store, with a time budget for each call and a [`Breaker`].
///
/// A call that is not answered within the budget fails with [`StoreError::Timeout`]. After five in a row
/// that failed like this, or because the store could not be reached, the store is left alone: every call
/// fails at once with [`StoreError::LeftAlone`], until the store has answered a [`ping`](Store::ping).
/// One is sent in the background after 50 milliseconds, and then after longer and longer pauses of up to
/// a second. [`ping`](Store::ping) itself always asks the store.
///
/// An error that is an answer (a refusal, an entry that is too large) says nothing against the store. A
/// call that is dropped counts as not answered if it had nearly all of its time.
///
/// Clones share all of it. It needs a Tokio runtime with its time driver.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use larder_core::{Breaker, Guarded, Store};
///
/// fn guard(store: Arc<dyn Store>) -> Guarded {
///     let guarded = Guarded::new(store, Duration::from_millis(250));
///     assert_eq!(guarded.breaker(), Breaker::Closed);
///     guarded
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Guarded {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Arc<dyn Store>,
    budget: Duration,
    circuit: Circuit,
    errors: AtomicU64,
    is_probing: AtomicBool,
}

impl Guarded {
    /// Guards a store: each call may take this long.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, budget: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                budget,
                circuit: Circuit::default(),
                errors: AtomicU64::new(0),
                is_probing: AtomicBool::new(false),
            }),
        }
    }

    /// Whether calls go to the store.
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        self.shared.circuit.breaker()
    }

    /// How long each call may take.
    #[must_use]
    pub fn time_budget(&self) -> Duration {
        self.shared.budget
    }

    /// How many calls failed, those that did not reach the store included.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// Makes a call, unless the store is left alone.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.shared.circuit.admits() {
            return self.shared.within_budget(call).await;
        }
        // The runtime that probed may be gone; whoever comes by starts it again.
        self.shared.probe();
        self.shared.errors.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::LeftAlone {
            store: self.name().to_owned(),
        })
    }
}

impl Shared {
    async fn within_budget<T>(
        self: &Arc<Self>,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let attempt = Attempt::begin(self);
        let result = tokio::time::timeout(self.budget, call).await;
        let result = result.unwrap_or_else(|_| {
            Err(StoreError::Timeout {
                store: self.store.name().to_owned(),
                budget: self.budget,
            })
        });
        attempt.end(result.as_ref().err());
        result
    }

    /// A call was not answered.
    fn failed(self: &Arc<Self>) {
        if self.circuit.failed() {
            tracing::warn!(store = self.store.name(), "the store is left alone");
            self.probe();
        }
    }

    /// Asks in the background until the store answers, unless that is being done already or there is no
    /// runtime here.
    fn probe(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_probing.swap(true, Ordering::AcqRel) {
            return;
        }
        let probing = Probing(Arc::downgrade(self));
        runtime.spawn(async move { probing.run().await });
    }

    /// Asks once, whether or not the store is left alone.
    async fn ping(self: &Arc<Self>) -> Result<(), StoreError> {
        let answer = self.within_budget(self.store.ping()).await;
        // A refusal is an answer: what it refuses is for its callers to see.
        let has_answered = !answer.as_ref().is_err_and(is_away);
        if self.circuit.probed(has_answered) {
            tracing::info!(store = self.store.name(), "the store answers again");
        }
        answer
    }
}

/// A call that is under way. Dropped before its end, it was not answered if it had nearly all of its time:
/// its caller has a time limit too, which may be the same and come first.
struct Attempt<'s> {
    shared: &'s Arc<Shared>,
    began: Instant,
    has_ended: bool,
}

impl<'s> Attempt<'s> {
    fn begin(shared: &'s Arc<Shared>) -> Self {
        Self {
            shared,
            began: Instant::now(),
            has_ended: false,
        }
    }

    fn end(mut self, error: Option<&StoreError>) {
        self.has_ended = true;
        let shared = self.shared;
        if error.is_some() {
            shared.errors.fetch_add(1, Ordering::Relaxed);
        }
        match error {
            Some(error) if is_away(error) => shared.failed(),
            _ => shared.circuit.answered(),
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let shared = self.shared;
        if !self.has_ended && self.began.elapsed() >= shared.budget - shared.budget / 8 {
            shared.errors.fetch_add(1, Ordering::Relaxed);
            shared.failed();
        }
    }
}

/// The one task that asks whether the store answers again. Ends with the last handle on the store. When
/// it is dropped, with its runtime or at its end, another can start.
struct Probing(Weak<Shared>);

impl Probing {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            let Some(shared) = self.0.upgrade() else {
                return;
            };
            shared.circuit.probe();
            // A caller's own `ping` may have come first.
            if !shared.circuit.admits() {
                let _ = shared.ping().await;
            }
            if shared.circuit.admits() {
                return;
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.is_probing.store(false, Ordering::Release);
        }
    }
}

#[async_trait]
impl Store for Guarded {
    fn name(&self) -> &str {
        self.store().name()
    }

    fn capabilities(&self) -> Capabilities {
        self.store().capabilities()
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        self.call(self.store().read(key, scopes)).await
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.call(self.store().generations(scopes)).await
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        self.call(self.store().lease(key, request)).await
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        self.call(self.store().renew(key, token, lasts)).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        self.call(self.store().release(key, token)).await
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        let fill = self.store().fill(key, token, entry, scopes, ttl);
        self.call(fill).await
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.call(self.store().copy(key, entry, ttl)).await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        self.call(self.store().invalidate(scopes, keys)).await
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.call(self.store().advance(steps, ttl)).await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.call(self.store().slots(keys, part)).await
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        self.call(self.store().take(key)).await
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        self.call(self.store().remove(entries)).await
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        self.call(self.store().patch(key, patch)).await
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let scan = self.store().scan(family, pattern, cursor, about);
        self.call(scan).await
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        self.call(self.store().increment(key, increment)).await
    }

    async fn usage(&self, keys: &[String]) -> Result<Vec<Usage>, StoreError> {
        self.call(self.store().usage(keys)).await
    }

    async fn sizes(&self, keys: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        self.call(self.store().sizes(keys)).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        self.store().connection()
    }

    async fn hear(&self) -> Result<(), StoreError> {
        self.call(self.store().hear()).await
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.store().watch(watcher)
    }

    fn tiers(&self) -> Vec<TierStats> {
        let tiers = self.store().tiers();
        if !tiers.is_empty() {
            return tiers;
        }
        vec![TierStats {
            name: self.name().to_owned(),
            errors: self.errors(),
            breaker: self.breaker(),
            ..TierStats::default()
        }]
    }

    fn events(&self) -> Option<Arc<dyn EventLog>> {
        self.store().events()
    }

    async fn settle(&self) {
        self.store().settle().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.shared.ping().await
    }
}

#[cfg(test)]
mod tests;
