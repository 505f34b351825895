//! A server that ends when its caches have settled.

use std::fmt;
use std::future::{Future, IntoFuture, Pending};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use larder_core::{Caches, Error, Unsettled};

use crate::layer::{CacheLayer, layer};

/// Serves `app` with these caches: as [`axum::serve()`], and around it what caches need. Awaiting it
///
/// 1. checks that every annotated function of the program finds its cache,
/// 2. serves, with the [`layer`] around all of `app`,
/// 3. after a graceful shutdown waits until the stores have taken every invalidation that was queued.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use larder::Caches;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// larder::init().await?;
/// let app = Router::new().route("/stats", get(larder::axum::stats));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// larder::axum::serve(listener, app, Caches::current())
///     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
///     .await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// On awaiting: [`ServeError`].
pub fn serve<L: Listener>(listener: L, app: Router, caches: impl Into<Caches>) -> Serve<L> {
    Serve {
        listener,
        app,
        layer: layer(caches),
        signal: std::future::pending(),
        limit: Duration::from_secs(10),
    }
}

/// Serves when awaited: see [`serve()`].
#[must_use = "nothing is served until it is awaited"]
pub struct Serve<L, F = Pending<()>> {
    listener: L,
    app: Router,
    layer: CacheLayer,
    signal: F,
    limit: Duration,
}

impl<L, F> Serve<L, F> {
    /// Takes no more connections when `signal` completes, answers the requests that are there, and
    /// ends when the caches have settled. Without it, it never ends.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            listener: self.listener,
            app: self.app,
            layer: self.layer,
            signal,
            limit: self.limit,
        }
    }

    /// How long the caches may take to settle after the last request; 10 seconds unless set.
    pub fn settle_within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl<L, F> IntoFuture for Serve<L, F>
where
    L: Listener,
    L::Addr: fmt::Debug,
    F: Future<Output = ()> + Send + 'static,
{
    type Output = Result<(), ServeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.layer.caches().check()?;
            let app = self.app.layer(self.layer.clone());
            axum::serve(self.listener, app)
                .with_graceful_shutdown(self.signal)
                .await?;
            Ok(self.layer.settle(self.limit).await?)
        })
    }
}

impl<L, F> fmt::Debug for Serve<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("caches", self.layer.caches())
            .field("settle_within", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Why serving ended otherwise than it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// An annotated function does not find its cache: nothing was served.
    #[error(transparent)]
    Caches(#[from] Error),
    /// The listener failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Every request was answered, but invalidations are left that no store has taken in time.
    #[error(transparent)]
    Unsettled(#[from] Unsettled),
}
