//! The layer: requests are answered with these caches.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Request;
use larder_core::{Caches, Unsettled};
use tokio::sync::watch;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// Answers requests with these caches: annotated functions that a handler calls use them, and the
/// extractor [`Caches`](crate::Caches) gives them to it. A single [`Cache`](larder_core::Cache)
/// stands in for every name.
///
/// They belong to the request's own task, until it has its response: what a handler spawns, and a
/// body that is streamed, gets them along with [`Caches::scope`].
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use larder::{Cache, cache_read};
///
/// #[cache_read(key = "square:{n}", ttl = 60)]
/// async fn square(n: u64) -> u64 { n * n }
///
/// let app: Router = Router::new()
///     .route("/squares/{n}", get(async |Path(n): Path<u64>| square(n).await.to_string()))
///     .layer(larder::axum::layer(Cache::memory()));
/// ```
#[must_use]
pub fn layer(caches: impl Into<Caches>) -> CacheLayer {
    CacheLayer {
        caches: caches.into(),
        requests: Arc::new(watch::Sender::new(())),
    }
}

/// Gives requests their caches: see [`layer`]. Clones share the caches.
#[derive(Debug, Clone)]
pub struct CacheLayer {
    caches: Caches,
    /// Each request that is being answered holds a receiver.
    requests: Arc<watch::Sender<()>>,
}

impl CacheLayer {
    /// Waits until no request is being answered any more and the caches have
    /// [settled](Caches::settle), for at most `limit` together. For servers other than
    /// [`serve`](crate::serve()), which does it by itself: call it when the server has ended.
    ///
    /// A server may end a moment before the last request is dropped, of a client that went away. If
    /// it was writing, that is when its invalidation is queued.
    ///
    /// ```
    /// use std::time::Duration;
    /// use axum::Router;
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Unsettled> {
    /// let layer = larder::axum::layer(Cache::memory());
    /// let app: Router = Router::new().layer(layer.clone());
    /// // .. a server of your choice serves `app`, and ends ..
    /// layer.settle(Duration::from_secs(10)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Unsettled`]: invalidations that no store has taken are left.
    pub async fn settle(&self, limit: Duration) -> Result<(), Unsettled> {
        let began = Instant::now();
        // Requests that go on are no reason to leave out what there is time for.
        let _ = tokio::time::timeout(limit, self.requests.closed()).await;
        let left = limit.saturating_sub(began.elapsed());
        self.caches.settle(left).await.map_err(|mut unsettled| {
            unsettled.limit = limit;
            unsettled
        })
    }

    /// The caches.
    #[must_use]
    pub fn caches(&self) -> &Caches {
        &self.caches
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, service: S) -> CacheService<S> {
        CacheService {
            layer: self.clone(),
            service,
        }
    }
}

/// A service whose requests have caches: what [`layer`] makes of the service inside it.
#[derive(Debug, Clone)]
pub struct CacheService<S> {
    layer: CacheLayer,
    service: S,
}

impl<S, B> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let caches = self.layer.caches.clone();
        request
            .extensions_mut()
            .insert(crate::Caches(caches.clone()));
        let here = self.layer.requests.subscribe();
        // Also what a service inside does before it returns its future is done with these caches.
        let response = caches.sync_scope(|| self.service.call(request));
        Box::pin(async move {
            // Dropped after the response's future, also when the request is cancelled: what that
            // queues on its way out is queued by then.
            let _here = here;
            caches.scope(response).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;

    use larder_core::Cache;

    use super::*;

    /// A service that says with which caches it was called, before it returned its future.
    #[derive(Clone)]
    struct Telling;

    impl Service<Request<()>> for Telling {
        type Response = Caches;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Caches, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            std::future::ready(Ok(Caches::current()))
        }
    }

    #[tokio::test]
    async fn a_service_has_the_caches_before_it_returns_its_future() {
        let caches = Caches::new(Cache::memory()).with("sessions", Cache::off());
        let response = layer(caches).layer(Telling).call(Request::new(())).await;
        let names: Vec<_> = match &response {
            Ok(caches) => caches.names().collect(),
            Err(never) => match *never {},
        };
        assert_eq!(names, ["default", "sessions"]);
    }

    /// A service that never answers.
    #[derive(Clone)]
    struct Silent;

    impl Service<Request<()>> for Silent {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Pending<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            std::future::pending()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn settling_waits_for_the_last_request_to_be_dropped() {
        let layer = layer(Cache::memory());
        let request = layer.layer(Silent).call(Request::new(()));
        let mut context = Context::from_waker(std::task::Waker::noop());

        let mut settled = pin!(layer.settle(Duration::from_secs(10)));
        assert!(settled.as_mut().poll(&mut context).is_pending());
        drop(request);
        assert_eq!(settled.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn settling_does_not_wait_for_requests_without_end() {
        let layer = layer(Cache::memory());
        let _request = layer.layer(Silent).call(Request::new(()));
        assert_eq!(layer.settle(Duration::from_secs(10)).await, Ok(()));
    }
}
