//! Configuration: a file, the environment over it, and the builder over that.
//!
//! Each source ([`file`], [`environment`], [`builder`]) says [`setting`]s of caches; [`key`] lists
//! what can be said. [`plan`] puts together what all of them said, and [`connect`] makes caches of
//! it. What is wrong on the way is collected as [`mistake`]s and reported together.

mod builder;
mod connect;
mod environment;
mod error;
mod file;
mod interpolate;
mod key;
mod lines;
mod mistake;
mod nearest;
mod plan;
#[cfg(feature = "redis")]
mod redis;
mod setting;
#[cfg(test)]
mod tests;
mod value;

pub use self::builder::{Builder, builder};
pub use self::error::{InitError, StoreFailure};
pub use self::mistake::Mistake;
