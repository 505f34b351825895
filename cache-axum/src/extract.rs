//! The extractor.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

/// The caches of a request, as an argument of a handler: the extractor around `larder::Caches`, which
/// are the caches themselves. It gives access to all that they can, and `.0` takes them out.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::delete};
/// use larder::Cache;
/// use larder::axum::Caches;
///
/// async fn forget_everything(Caches(caches): Caches) -> StatusCode {
///     match caches.default_cache().clear().await {
///         Ok(_) => StatusCode::NO_CONTENT,
///         Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
///     }
/// }
///
/// let app: Router = Router::new()
///     .route("/cache", delete(forget_everything))
///     .layer(larder::axum::layer(Cache::memory()));
/// ```
#[derive(Debug, Clone)]
pub struct Caches(pub larder_core::Caches);

impl Deref for Caches {
    type Target = larder_core::Caches;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caches {
    type Rejection = NoCaches;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoCaches> {
        parts.extensions.get::<Self>().cloned().ok_or(NoCaches)
    }
}

/// A handler asked for [`Caches`], and no layer around it gives it some. Answered with status 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this route has no caches: add `.layer(larder::axum::layer(caches))` to its router, after the route"
)]
pub struct NoCaches;

impl IntoResponse for NoCaches {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
