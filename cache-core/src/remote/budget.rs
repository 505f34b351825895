//! What a store may cost one call: so much time and no more, however often it is asked.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::error::StoreError;

pub(crate) struct Budget<'s> {
    store: &'s str,
    whole: Duration,
    left: Duration,
}

impl<'s> Budget<'s> {
    pub(crate) fn new(store: &'s str, whole: Duration) -> Self {
        Self {
            store,
            whole,
            left: whole,
        }
    }

    /// Starts over: the time that passed was not the store's.
    pub(crate) fn refill(&mut self) {
        self.left = self.whole;
    }

    /// Runs one call to the store within what is left.
    pub(crate) async fn spend<T>(
        &mut self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let result = match tokio::time::timeout(self.left, call).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Timeout {
                store: self.store.to_owned(),
                budget: self.whole,
            }),
        };
        self.left = self.left.saturating_sub(began.elapsed());
        result
    }
}
