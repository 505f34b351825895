//! A store behind a door, for tests of what is done when stores do not answer: a server cannot be made to
//! do so with the clock paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::guarded::Guarded;
use crate::error::StoreError;
use crate::store::{
    Advance, Capabilities, Filled, LeaseRequest, Leased, Nonce, Part, Patch, Reading, Scopes, Store,
};

pub(super) const BUDGET: Duration = Duration::from_millis(100);

/// What a store does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Answers,
    Refuses,
    IsUnreachable,
    IsSilent,
    /// It takes entries of at most so many bytes.
    TakesAtMost(u64),
}

/// A store behind a door: nothing is in it, and it answers or not.
#[derive(Debug)]
pub(super) struct Door {
    capabilities: Capabilities,
    mood: Mutex<Mood>,
    calls: AtomicU32,
    pub(super) pings: Mutex<Vec<Instant>>,
    pub(super) pinged: Notify,
    /// The keys of copies, in the order in which they came.
    pub(super) copied: Mutex<Vec<String>>,
    /// The keys that were emptied.
    pub(super) emptied: Mutex<Vec<String>>,
}

impl Door {
    pub(super) fn open() -> Arc<Self> {
        Self::with(Capabilities::default())
    }

    pub(super) fn with(capabilities: Capabilities) -> Arc<Self> {
        Arc::new(Self {
            capabilities,
            mood: Mutex::new(Mood::Answers),
            calls: AtomicU32::new(0),
            pings: Mutex::default(),
            pinged: Notify::new(),
            copied: Mutex::default(),
            emptied: Mutex::default(),
        })
    }

    pub(super) fn guarded(self: &Arc<Self>) -> Guarded {
        Guarded::new(Arc::clone(self) as Arc<dyn Store>, BUDGET)
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        let mood = *self.mood.lock();
        let (store, reason) = ("door".to_owned(), "it said so".to_owned());
        match mood {
            Mood::Answers | Mood::TakesAtMost(_) => Ok(answer),
            Mood::Refuses => Err(StoreError::Refused { store, reason }),
            Mood::IsUnreachable => Err(StoreError::Unreachable { store, reason }),
            Mood::IsSilent => std::future::pending().await,
        }
    }

    async fn called<T>(&self, answer: T) -> Result<T, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.answer(answer).await
    }
}

#[async_trait]
impl Store for Door {
    fn name(&self) -> &str {
        "door"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn read(&self, _: &str, _: Scopes<'_>) -> Result<Reading, StoreError> {
        self.called(Reading::default()).await
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.called(vec![None; scopes.len()]).await
    }

    async fn lease(&self, _: &str, _: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        self.called(Leased::Held).await
    }

    async fn renew(&self, _: &str, _: Nonce, _: Duration) -> Result<(), StoreError> {
        self.called(()).await
    }

    async fn release(&self, _: &str, _: Nonce) -> Result<(), StoreError> {
        self.called(()).await
    }

    async fn fill(
        &self,
        _: &str,
        _: Nonce,
        _: &[u8],
        _: &[String],
        _: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        self.called(Filled::Overtaken).await
    }

    async fn copy(&self, key: &str, entry: &[u8], _: Option<Duration>) -> Result<(), StoreError> {
        self.called(()).await?;
        let size = entry.len() as u64;
        match *self.mood.lock() {
            Mood::TakesAtMost(limit) if size > limit => Err(StoreError::TooLarge {
                store: self.name().to_owned(),
                size,
                limit,
            }),
            _ => {
                self.copied.lock().push(key.to_owned());
                Ok(())
            }
        }
    }

    async fn invalidate(&self, _: &[String], keys: &[String]) -> Result<(), StoreError> {
        self.called(()).await?;
        self.emptied.lock().extend_from_slice(keys);
        Ok(())
    }

    async fn advance(
        &self,
        steps: &[Advance],
        _: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.called(vec![None; steps.len()]).await
    }

    async fn slots(&self, keys: &[String], _: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.called(vec![None; keys.len()]).await
    }

    async fn take(&self, _: &str) -> Result<Reading, StoreError> {
        self.called(Reading::default()).await
    }

    async fn remove(&self, _: &[(String, Nonce)]) -> Result<u64, StoreError> {
        self.called(0).await
    }

    async fn patch(&self, _: &str, _: Patch<'_>) -> Result<bool, StoreError> {
        self.called(false).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.pings.lock().push(Instant::now());
        self.pinged.notify_one();
        self.answer(()).await
    }
}
