//! A server that ends when its caches have settled.

use std::fmt;
use std::future::{Future, IntoFuture, Pending};
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use larder_core::{Caches, Error, Listening, Unsettled, handlers, listen};

use crate::connections::Connections;
use crate::layer::{CacheLayer, layer};

/// Serves `app` with these caches: as [`axum::serve()`], and around it what caches need. Awaiting it
///
/// 1. checks that every annotated function of the program finds its cache,
/// 2. listens to the events of other processes, if the program has handlers and the caches are not
///    those of the process: for those `larder::init()` listens,
/// 3. serves, with the [`layer`] around all of `app`,
/// 4. after the signal lets requests end, and then its listener, for a limited time
///    ([`drain_within`](Serve::drain_within)),
/// 5. and waits until the stores have taken every invalidation that was queued, for a limited time
///    too ([`settle_within`](Serve::settle_within)).
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
        drain: Duration::from_secs(30),
        settle: Duration::from_secs(10),
    }
}

/// Serves when awaited: see [`serve()`].
#[must_use = "nothing is served until it is awaited"]
pub struct Serve<L, F = Pending<()>> {
    listener: L,
    app: Router,
    layer: CacheLayer,
    signal: F,
    drain: Duration,
    settle: Duration,
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
            drain: self.drain,
            settle: self.settle,
        }
    }

    /// How long requests that are there may take to end after the signal; 30 seconds unless set.
    ///
    /// Connections that are open when it has passed are dropped, and what they were asking for is
    /// cancelled: a client that never sends the rest of its request cannot hold up the end. A write
    /// that is cancelled so invalidates all the same.
    pub fn drain_within(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// How long the caches may take to settle after the last request; 10 seconds unless set.
    pub fn settle_within(mut self, limit: Duration) -> Self {
        self.settle = limit;
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
            let listening = listen_for(self.layer.caches()).await;
            let mut open = Connections::accept(self.listener, app, self.signal).await;
            let ending = async {
                open.end().await;
                // Requests may still need what it invalidates, so it ends after them.
                if let Some(listening) = listening {
                    listening.stop().await;
                }
            };
            if tokio::time::timeout(self.drain, ending).await.is_err() {
                let (connections, limit) = (open.len(), self.drain);
                tracing::warn!(
                    connections,
                    ?limit,
                    "the time to end is over: what is open is dropped"
                );
            }
            drop(open);
            Ok(self.layer.settle(self.settle).await?)
        })
    }
}

/// A listener for caches that nobody else listens for, if there is anyone to hear it.
async fn listen_for(caches: &Caches) -> Option<Listening> {
    if handlers().next().is_none() || caches.is_installed() {
        return None;
    }
    Some(listen(caches.clone()).await)
}

impl<L, F> fmt::Debug for Serve<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("caches", self.layer.caches())
            .field("drain_within", &self.drain)
            .field("settle_within", &self.settle)
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
    /// Serving ended, but invalidations or events are left that no store has taken in time.
    #[error(transparent)]
    Unsettled(#[from] Unsettled),
}
