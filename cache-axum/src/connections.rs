//! The connections of a server: as `axum::serve` has them, but they can be ended.
//!
//! `axum::serve` waits for the last one for as long as its client likes to take, and nobody else can
//! end them.

use std::future::Future;
use std::pin::pin;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections that are open. Dropping them closes them, and cancels what is being answered.
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    ending: watch::Sender<()>,
}

impl Connections {
    /// Takes connections and answers their requests until `signal` completes; then the listener is
    /// closed. What is open by then is returned.
    pub(crate) async fn accept<L: Listener>(
        mut listener: L,
        app: Router,
        signal: impl Future<Output = ()>,
    ) -> Self {
        // Once here, and not for each request.
        let app: Router = app.with_state(());
        let http = Builder::new(TokioExecutor::new());
        let mut open = Self {
            tasks: JoinSet::new(),
            ending: watch::Sender::new(()),
        };
        let mut signal = pin!(signal);
        loop {
            let (io, _) = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut signal => return open,
            };
            let service = TowerToHyperService::new(app.clone());
            let connection = http.serve_connection_with_upgrades(TokioIo::new(io), service);
            let (connection, mut ending) = (connection.into_owned(), open.ending.subscribe());
            open.tasks.spawn(async move {
                let mut connection = pin!(connection);
                // How it ends is between hyper and the client; there is nobody else to tell it to.
                tokio::select! {
                    _ = connection.as_mut() => return,
                    _ = ending.changed() => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            });
            // Those that have ended, so that they do not pile up.
            while open.tasks.try_join_next().is_some() {}
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until each has answered the request that it is in, and has closed.
    pub(crate) async fn end(&mut self) {
        self.ending.send_replace(());
        while self.tasks.join_next().await.is_some() {}
    }
}
