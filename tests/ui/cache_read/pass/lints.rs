//! What only a whole crate can deny, and what is asked of public items.
#![deny(
    future_incompatible,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    single_use_lifetimes,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    warnings
)]
#![forbid(unsafe_code)]

use larder::{Projection, cache_read, cache_write, resource};
use serde::{Deserialize, Serialize};
use std::pin::Pin;

resource! {
    /// A user.
    pub user(id: u64, org: &str) {
        /// Who it is.
        profile: ttl = 300, lock;
    }
}

/// Reads.
#[cache_read(user::profile(id, org))]
pub async fn read(id: u64, org: &str) -> u64 {
    id + org.len() as u64
}

/// Reads later.
#[cache_read(key = "later:{id}", tags = ["user:{id}"])]
pub fn later<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
    Box::pin(async move { id.len() })
}

/// Reads at once.
#[cache_read]
pub fn at_once(id: u64) -> Option<u64> {
    Some(id)
}

/// Writes.
///
/// # Errors
/// Never.
#[cache_write(user::tag(id, &org), tags = ["user:{ret.0}"], recache = [read(id, &org)])]
pub async fn write(id: u64, org: String) -> Result<Option<(u64,)>, std::fmt::Error> {
    Ok(Some((id,)))
}

/// Kept by its id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Projection)]
pub struct Summary {
    id: u64,
}

fn main() {}
