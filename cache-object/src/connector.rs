//! The HTTP client, with a limit on what is read of an answer.

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};
use object_store::{ClientOptions, RetryConfig};

use std::time::Duration;

use crate::failure::{ANSWER_WITHIN, Answered, code};

/// How long a connection may take to be made. Longer than one call's time budget: the call goes on
/// without the store, and the next one may find it there.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How much of an answer that says no is read, for its code.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// How the client connects and waits.
pub(crate) fn options() -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(CONNECT_WITHIN)
        .with_timeout(ANSWER_WITHIN)
}

/// No retries inside a call: one that meets a dead server fails at once, and the next one tries again.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Makes clients that read answers of at most so many bytes: whatever length a server announces, no
/// more is allocated for it.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) longest_answer: usize,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        choose_crypto();
        Ok(HttpClient::new(Service {
            client: ReqwestConnector::default().connect(options)?,
            longest_answer: self.longest_answer,
        }))
    }
}

/// reqwest panics if rustls has no crypto provider, also where there is no TLS. An application that
/// has chosen one keeps it.
fn choose_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
    longest_answer: usize,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = self.client.execute(request).await?.into_parts();
        let status = parts.status;
        let is_refusal = status.is_client_error() || status.is_server_error();
        // Nothing there, something else there: object_store knows what these mean.
        if !is_refusal || matches!(status.as_u16(), 404 | 409 | 412) {
            let body = limited(body, self.longest_answer);
            return Ok(HttpResponse::from_parts(parts, body));
        }
        let body = limited(body, LONGEST_REFUSAL).bytes().await;
        let answered = Answered {
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or_default(),
            code: body.ok().and_then(|body| code(&body)),
        };
        Err(HttpError::new(HttpErrorKind::Unknown, answered))
    }
}

fn limited(body: HttpResponseBody, longest: usize) -> HttpResponseBody {
    let limited = Limited::new(body, longest);
    HttpResponseBody::new(limited.map_err(|error| match error.downcast() {
        Ok(error) => *error,
        Err(too_long) => HttpError::new_boxed(HttpErrorKind::Decode, too_long),
    }))
}
