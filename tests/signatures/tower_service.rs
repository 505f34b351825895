//! A service in the manner of tower: `call` is no `async fn`, and returns a future.

use std::convert::Infallible;
use std::future::Future;

use larder::{cache_read, cache_write};
use serde::{Deserialize, Serialize};

use crate::{Calls, is_send, with_cache};

#[derive(Debug, Clone)]
pub(crate) struct Request {
    path: String,
    trace_id: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Response(String);

pub(crate) trait Service<Req>: Send + Sync {
    type Response;
    type Error;

    fn call(
        &self,
        request: Req,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send;
}

#[derive(Debug, Default)]
pub(crate) struct Upstream {
    calls: Calls,
}

impl Service<Request> for Upstream {
    type Response = Response;
    type Error = Infallible;

    /// By the part of the request that makes a difference.
    #[cache_read(key = "response:{request.path}", tags = ["responses"], skip(self))]
    fn call(&self, request: Request) -> impl Future<Output = Result<Response, Infallible>> + Send {
        self.calls.count();
        let Request { path, trace_id } = request;
        async move {
            tokio::task::yield_now().await;
            Ok(Response(format!("{path} for {trace_id}")))
        }
    }
}

#[cache_write(tags = ["responses"])]
fn deploy() -> impl Future<Output = ()> + Send {
    std::future::ready(())
}

#[tokio::test]
async fn a_service_that_returns_a_future_is_cached() {
    let upstream = Upstream::default();
    let call = async |path: &str, trace_id| {
        let path = path.to_owned();
        let Ok(response) = is_send(upstream.call(Request { path, trace_id })).await;
        response.0
    };
    with_cache(async {
        assert_eq!(call("/", 1).await, "/ for 1");
        assert_eq!(call("/", 2).await, "/ for 1");
        assert_eq!(upstream.calls.so_far(), 1);
        is_send(deploy()).await;
        assert_eq!(call("/", 3).await, "/ for 3");
        assert_eq!(upstream.calls.so_far(), 2);
    })
    .await;
}
