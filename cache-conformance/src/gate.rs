//! A load that ends when it is told to.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Holds loads back.
#[derive(Clone)]
pub(crate) struct Gate {
    begun: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            begun: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        }
    }

    /// The load: brings `value` once the gate is opened for it.
    pub(crate) async fn load<T>(&self, value: T) -> T {
        self.begun.add_permits(1);
        self.open.acquire().await.expect("it stays open").forget();
        value
    }

    /// Waits until a load has begun.
    pub(crate) async fn begun(&self) {
        self.begun.acquire().await.expect("it stays open").forget();
    }

    /// Lets one load end.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}
