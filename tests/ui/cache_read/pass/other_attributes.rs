//! Other attributes, above and below.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use async_trait::async_trait;
use larder::cache_read;

/// Documented above.
#[must_use]
#[tracing::instrument]
#[cache_read(key = "a:{id}")]
#[inline]
#[allow(unused_variables)]
pub async fn above(id: u64) -> u64 {
    let unused = 1;
    id
}

#[cache_read(key = "b:{id}")]
#[tracing::instrument(skip_all)]
/// Documented below.
#[expect(clippy::needless_return, unused_variables)]
#[cfg(all())]
pub async fn below(id: u64) -> u64 {
    let unused = 1;
    return id;
}

#[cache_read(key = "c")]
#[cfg(any())]
pub async fn absent(id: NoType) -> u64 {}

/// A port.
#[async_trait]
pub trait Port {
    /// Above.
    #[tracing::instrument(skip(self))]
    #[cache_read(key = "d:{id}", skip(self))]
    async fn above(&self, id: u64) -> u64 {
        id
    }

    /// Below.
    #[cache_read(key = "e:{id}", skip(self))]
    #[tracing::instrument(skip(self))]
    async fn below(&self, id: u64) -> u64 {
        id
    }
}

impl Port for () {}

#[cache_read(key = "main")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(above(1).await + below(1).await, 2);
    assert_eq!(().above(1).await + ().below(1).await, 2);
    assert_eq!(above::peek(1).await.unwrap(), Some(1));
}
