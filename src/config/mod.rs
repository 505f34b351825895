//! Configuration: a file, the environment over it, and the builder over that.
//!
//! Each source ([`file`], [`environment`], [`builder`]) says [`setting`]s of caches and their layers;
//! [`key`] lists what can be said. [`plan`] puts together what all of them said, in [`words`]: a cache
//! is one [`store`], or has [`layers`]. [`connect`] makes caches of it. What does not [`fit`], and what
//! else is wrong on the way, is collected as [`mistake`]s and reported together.

#[cfg(any(feature = "http", feature = "memcached", feature = "redis"))]
mod address;
#[cfg(any(
    feature = "file",
    feature = "http",
    feature = "memcached",
    feature = "redis",
    feature = "s3"
))]
mod asked;
mod builder;
mod connect;
mod environment;
mod error;
mod file;
mod fit;
mod interpolate;
mod key;
mod layers;
mod lines;
#[cfg(feature = "memcached")]
mod memcached;
mod mistake;
mod nearest;
#[cfg(any(feature = "file", feature = "http", feature = "s3"))]
mod object;
mod plan;
#[cfg(feature = "redis")]
mod redis;
mod setting;
mod store;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub use self::builder::{Builder, builder};
pub use self::error::{InitError, StoreFailure};
pub use self::mistake::Mistake;
