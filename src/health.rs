//! Whether the caches can be used.

use larder_core::{Caches, Health};

/// Asks the stores of all caches whether they can be used: for a service's health endpoint. All are
/// asked at the same time, each within its cache's time budget, so it takes as long as the slowest.
/// Cancelling it leaves nothing behind.
///
/// [`Health`] is `Serialize`, and may be the answer as it is. Where a store cannot be used, calls go
/// on and load, so that this is a reason to look after the store rather than to restart the service.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let health = larder::health().await;
/// let status = if health.is_healthy() { 200 } else { 503 };
/// assert_eq!(status, 200);
/// for tier in health.caches.iter().flat_map(|cache| &cache.tiers) {
///     println!("{}: {:?} in {:?}", tier.store, tier.error, tier.latency);
/// }
/// # }
/// ```
pub async fn health() -> Health {
    Caches::current().health().await
}
