//! Memcached as a store of [larder](https://docs.rs/larder).
//!
//! Applications use it through the facade, `larder`, with its feature `memcached`.

mod address;
mod connect;
mod exptime;
mod keyspace;
mod pool;
mod store;

pub use async_memcached;

pub use crate::connect::{ConnectError, MemcachedStoreBuilder};
pub use crate::pool::{Connections, Pool};
pub use crate::store::{MemcachedStore, Version};
