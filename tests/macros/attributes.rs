//! Other attributes on an annotated function, above and below.

use std::future::Future;

use async_trait::async_trait;
use larder::{cache_read, cache_write};
use tracing::{Metadata, Span};

use crate::with_cache;

#[tokio::test]
async fn other_attributes_stay() {
    #[must_use]
    #[allow(unused_variables, clippy::let_and_return)]
    #[cache_read(key = "k:{id}")]
    #[doc = "Documented."]
    #[expect(clippy::needless_return)]
    #[cfg(test)]
    async fn load(id: u64) -> u64 {
        #![allow(clippy::no_effect_underscore_binding)]
        let unused = 3;
        return id;
    }
    with_cache(async { assert_eq!(load(3).await, 3) }).await;
}

/// The span that this runs in.
fn span() -> Option<&'static str> {
    Span::current().metadata().map(Metadata::name)
}

mod traced {
    use super::*;

    #[tracing::instrument]
    #[cache_read(key = "above:{id}", tags = ["traced"])]
    pub(super) async fn above(id: u64) -> Option<String> {
        let _ = id;
        span().map(str::to_owned)
    }

    #[cache_read(key = "below:{id}", tags = ["traced"])]
    #[tracing::instrument(fields(more = 1))]
    pub(super) async fn below(id: u64) -> Option<String> {
        let _ = id;
        span().map(str::to_owned)
    }

    #[tracing::instrument(skip_all)]
    #[cache_read(key = "plain:{id}", skip(_trace))]
    pub(super) fn plain(id: u64, _trace: &str) -> Option<&'static str> {
        let _ = id;
        span()
    }

    #[cache_write(tags = ["traced"])]
    #[tracing::instrument]
    pub(super) async fn write() -> Option<&'static str> {
        span()
    }

    #[async_trait]
    pub(super) trait Port {
        async fn above(&self, id: u64) -> Option<String>;
        async fn below(&self, pair: (u64, u64)) -> Option<String>;
    }

    #[derive(Debug)]
    pub(super) struct Adapter;

    #[async_trait]
    impl Port for Adapter {
        #[tracing::instrument(name = "port_above")]
        #[cache_read(key = "port-above:{id}", skip(self))]
        async fn above(&self, id: u64) -> Option<String> {
            let _ = id;
            span().map(str::to_owned)
        }

        #[cache_read(key = "port-below:{a}:{b}", skip(self))]
        #[tracing::instrument(name = "port_below", skip_all)]
        async fn below(&self, (a, b): (u64, u64)) -> Option<String> {
            let _ = (a, b);
            tokio::task::yield_now().await;
            span().map(str::to_owned)
        }
    }
}

#[tokio::test]
async fn instrument_works_above_and_below() {
    use traced::Port as _;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    with_cache(async {
        assert_eq!(traced::above(1).await.as_deref(), Some("above"));
        assert_eq!(traced::above(1).await.as_deref(), Some("above"));
        assert_eq!(traced::below(1).await.as_deref(), Some("below"));
        assert_eq!(traced::plain(1, ""), Some("plain"));
        assert_eq!(traced::above::stats().hits, 1);
        assert_eq!(traced::write().await, Some("write"));
        assert_eq!(
            traced::Adapter.above(1).await.as_deref(),
            Some("port_above")
        );
        assert_eq!(
            traced::Adapter.below((1, 2)).await.as_deref(),
            Some("port_below")
        );
    })
    .await;
}

#[tokio::test]
async fn what_callers_are_told_of_a_function_they_are_told_still() {
    #[cache_read(key = "k")]
    #[deprecated = "use another"]
    #[inline]
    #[must_use]
    async fn old() -> u64 {
        1
    }
    #[must_use = "it is a future"]
    #[cache_read(key = "f")]
    #[expect(clippy::manual_async_fn, reason = "it is what is tried")]
    fn future() -> impl Future<Output = u64> {
        async { 2 }
    }
    with_cache(async {
        #[expect(deprecated)]
        let old = old().await;
        assert_eq!((old, future().await), (1, 2));
    })
    .await;
}

#[cache_read(key = "a test")]
#[tokio::test]
async fn another_macro_may_come_after() {
    assert!(tokio::runtime::Handle::try_current().is_ok());
}
