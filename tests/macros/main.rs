//! What the attributes do, in process memory.

#![allow(clippy::unwrap_used)] // helpers of tests, too, fail where they should

mod ages;
mod associated;
mod attributes;
mod batches;
mod caches;
mod companions;
mod configured;
mod functions;
mod futures;
mod hostile;
mod hygiene;
mod keys;
mod lints;
mod methods;
mod plain;
mod puts;
mod recaches;
mod resources;
mod tags;
mod traits;
mod ttls;
mod values;
mod writes;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::{Cache, Caches};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

impl User {
    fn new(id: u64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
        }
    }
}

/// An error without `Clone`, `Debug` or anything else.
struct Opaque;

/// Counts calls of an origin.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Calls {
    const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// One more; which one it is.
    fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn so_far(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs a test with a cache of its own.
async fn with_cache<F: Future>(test: F) -> F::Output {
    Caches::single(Cache::memory()).scope(test).await
}
