//! Starting up, and reaching the caches afterwards.

use std::future::Future;

use larder_core::{Cache, Caches, Error};

use crate::config::{Builder, InitError};

/// Sets up the caches of this process: as `larder.toml` says, if there is one, and the environment
/// over it. A Redis server at `CACHE_URL` (else `REDIS_URL`), else process memory, if nothing more is
/// said. `docs/configuration.md` has the table of everything that can be said.
///
/// What is wrong between the annotated functions ([`check`](crate::check())) is warned of.
///
/// Call it once, first thing in `main`. Functions that are called without it use process memory, and
/// warn once.
///
/// # Errors
/// [`InitError`]: every mistake in the configuration at once, every annotated function whose cache is
/// not configured, every server that cannot be reached; a second call.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::InitError> {
/// larder::init().await?;
/// # Ok(()) }
/// ```
pub async fn init() -> Result<(), InitError> {
    Builder::init().await
}

/// Warns of what is wrong between the functions of this program.
pub(crate) fn warn_of_findings() {
    let report = larder_core::check();
    for finding in report.findings() {
        tracing::warn!("{finding}");
    }
    for finding in report.possible() {
        tracing::debug!("possibly: {finding}");
    }
}

/// The default cache: the task's own, else the installed one, else process memory.
#[must_use]
pub fn cache() -> Cache {
    Caches::current().default_cache().clone()
}

/// The cache that functions ask for with `cache = "name"`.
///
/// # Errors
/// [`Error::UnknownCache`], which lists the names there are.
pub fn cache_named(name: &str) -> Result<Cache, Error> {
    Caches::current().named(name).cloned()
}

/// Runs `future` with these caches instead of the installed ones: tests run in parallel, each with a
/// cache of its own. A single [`Cache`] stands in for every name. The override belongs to the task,
/// and not to what the task spawns.
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Clock, cache_read};
///
/// #[cache_read(key = "square:{n}", ttl = 60)]
/// async fn square(n: u64) -> u64 { n * n }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let clock = Clock::hand_wound();
/// let cache = Cache::builder().clock(clock.clone()).build();
/// larder::scope(cache.clone(), async {
///     assert_eq!(square(7).await, 49);
///     clock.advance(Duration::from_secs(61));
///     assert_eq!(square(7).await, 49);
/// }).await;
/// assert_eq!(cache.stats().loads, 2);
/// # }
/// ```
pub async fn scope<F: Future>(caches: impl Into<Caches>, future: F) -> F::Output {
    caches.into().scope(future).await
}
