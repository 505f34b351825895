//! Redis as a store of [larder](https://docs.rs/larder).
//!
//! Applications use it through the facade, `larder`, with its feature `redis`.

mod address;
mod connect;
mod connection;
mod events;
mod scripts;
mod store;
mod tls;
mod watch;

pub use redis;

pub use crate::connect::{ConnectError, RedisStoreBuilder};
pub use crate::store::RedisStore;
