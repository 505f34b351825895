//! An S3 server of one's own.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

use crate::Folder;

use super::http_server::{Answer, HttpServer};

const BUCKET: &str = "larder";
const ACCESS_KEY: &str = "testkit";
const SECRET_KEY: &str = "testkit-secret";

/// An S3 server on 127.0.0.1, with one bucket in a temporary folder. It checks signatures and
/// conditions, as S3 does, and lives in this process.
///
/// Dropping it kills the server and removes the folder.
pub struct S3Server {
    http: HttpServer,
    folder: Folder,
}

impl S3Server {
    /// Starts a server.
    ///
    /// # Panics
    /// When there is no port or folder for it.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        std::fs::create_dir(folder.path().join(BUCKET)).expect("make the bucket");
        let files = FileSystem::new(folder.path()).expect("serve the folder");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = Arc::new(InTurn {
            service: builder.build(),
            turn: RwLock::new(()),
        });
        let http = HttpServer::start(move |request| {
            let service = Arc::clone(&service);
            async move { service.answer(request).await }
        });
        Self { http, folder }
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same across [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.http.port()
    }

    /// The name of the bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    /// Makes another bucket. What the server lists of one does not take longer because of the others.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn make_bucket(&self, name: &str) {
        std::fs::create_dir_all(self.folder.path().join(name)).expect("make a bucket");
    }

    /// The access key that the server knows.
    #[must_use]
    pub fn access_key(&self) -> &str {
        ACCESS_KEY
    }

    /// The secret that goes with it.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        SECRET_KEY
    }

    /// The folder that holds the bucket's objects, each in a file called like it.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// Drops the listener and all connections. Clients are refused from then on.
    pub fn kill(&self) {
        self.http.kill();
    }

    /// Serves the same objects again on the same port.
    pub fn restart(&self) {
        self.http.restart();
    }
}

/// S3 decides on a condition and writes in one step. The service looks first and writes later, so
/// that here whoever writes has the bucket for itself.
struct InTurn {
    service: S3Service,
    turn: RwLock<()>,
}

impl InTurn {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        // All of it comes before the turn: a client that stops in the middle holds up nobody, and
        // has written nothing.
        let Ok(body) = body.collect().await else {
            return plain(http::StatusCode::BAD_REQUEST);
        };
        let is_reading = matches!(parts.method, Method::GET | Method::HEAD);
        let request = Request::from_parts(parts, s3s::Body::from(body.to_bytes()));
        let answer = if is_reading {
            let _turn = self.turn.read().await;
            self.service.call(request).await
        } else {
            let _turn = self.turn.write().await;
            self.service.call(request).await
        };
        match answer {
            Ok(answer) => answer.map(|body| body.boxed_unsync()),
            Err(_) => plain(http::StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// An answer without a body.
pub(crate) fn plain(status: http::StatusCode) -> Answer {
    let body = http_body_util::Empty::new().map_err(|never| match never {});
    let mut answer = Answer::new(body.boxed_unsync());
    *answer.status_mut() = status;
    answer
}
