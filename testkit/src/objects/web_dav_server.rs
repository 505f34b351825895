//! A WebDAV server of one's own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dav_server::DavHandler;
use dav_server::localfs::LocalFs;
use http::Method;
use http_body_util::BodyExt as _;

use crate::Folder;

use super::http_server::HttpServer;
use super::s3_server::plain;

/// A WebDAV server on 127.0.0.1, over a temporary folder, that can also be a static web server. It
/// lives in this process.
///
/// Dropping it kills the server and removes the folder.
pub struct WebDavServer {
    http: HttpServer,
    folder: Folder,
    is_static: Arc<AtomicBool>,
}

impl WebDavServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When there is no port or folder for it.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        let handler = DavHandler::builder()
            .filesystem(LocalFs::new(folder.path(), false, false, false))
            .build_handler();
        let is_static = Arc::new(AtomicBool::new(false));
        let refuses = Arc::clone(&is_static);
        let http = HttpServer::start(move |request| {
            let handler = handler.clone();
            let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
            let is_refused = refuses.load(Ordering::SeqCst) && !is_reading;
            async move {
                if is_refused {
                    return plain(http::StatusCode::METHOD_NOT_ALLOWED);
                }
                let answer = handler.handle(request).await;
                answer.map(|body| body.map_err(Into::into).boxed_unsync())
            }
        });
        Self {
            http,
            folder,
            is_static,
        }
    }

    /// From now on it only reads, as a static web server does: anything but GET and HEAD is
    /// answered with 405.
    pub fn make_static(&self) {
        self.is_static.store(true, Ordering::SeqCst);
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same across [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.http.port()
    }

    /// The folder that is served.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Drops the listener and all connections. Clients are refused from then on.
    pub fn kill(&self) {
        self.http.kill();
    }

    /// Serves the same folder again on the same port.
    pub fn restart(&self) {
        self.http.restart();
    }
}
