//! [larder](https://docs.rs/larder) in a web service: a layer that gives requests their caches, an
//! extractor for them, a server that waits for invalidations before it ends, and handlers for health
//! and statistics.
//!
//! Applications use it through the facade, `larder`, with its feature `axum`.

mod connections;
mod extract;
mod handlers;
mod layer;
mod serve;

pub use crate::extract::{Caches, NoCaches};
pub use crate::handlers::{health, stats};
pub use crate::layer::{CacheLayer, CacheService, layer};
pub use crate::serve::{Serve, ServeError, serve};
