//! Connections, each of which does one thing after the other.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_memcached::{Client, Error};
use deadpool::managed::{Manager, Metrics, QueueMode, RecycleError, RecycleResult};

/// Connections to one server. One that is in use is nobody else's.
pub type Pool = deadpool::managed::Pool<Connections>;

/// Makes the connections of a [`Pool`], and throws away those that a cancelled operation left in the
/// middle of an answer.
pub struct Connections {
    address: String,
    /// The size of the smallest value that the server did not take.
    refused: AtomicU64,
}

impl Connections {
    /// A pool of at most so many connections, none of which is made yet.
    pub(crate) fn pool(address: String, most: usize) -> Pool {
        let connections = Self {
            address,
            refused: AtomicU64::new(u64::MAX),
        };
        Pool::builder(connections)
            .max_size(most.max(1))
            // Few connections are busy rather than all of them idle.
            .queue_mode(QueueMode::Lifo)
            .build()
            .expect("a pool without time limits needs no runtime")
    }

    /// How large a value may be, as far as the server has said.
    pub(crate) fn limit(&self) -> u64 {
        self.refused.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// The server did not take a value of this size. Others as large are not sent to it.
    pub(crate) fn refuses(&self, size: u64) {
        self.refused.fetch_min(size, Ordering::Relaxed);
    }
}

impl Manager for Connections {
    type Type = Client;
    type Error = Error;

    async fn create(&self) -> Result<Client, Error> {
        let client = Client::new(&self.address).await?;
        // It may have been started again with another limit.
        self.refused.store(u64::MAX, Ordering::Relaxed);
        Ok(client)
    }

    async fn recycle(&self, client: &mut Client, _: &Metrics) -> RecycleResult<Error> {
        if client.is_closed() {
            return Err(RecycleError::message("its last answer was not read"));
        }
        Ok(())
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
