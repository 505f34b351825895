//! A web service with a cache: a route that reads, a route that writes, `/health` and `/stats`.
//!
//! ```text
//! cargo run --features axum,redis --example service -- 127.0.0.1:3000
//! curl http://127.0.0.1:3000/users/7                      # Ada, loaded; the second time it is a hit
//! curl http://127.0.0.1:3000/users/7 -X PUT -d Grace
//! curl http://127.0.0.1:3000/stats
//! ```
//!
//! Entries are in process memory, or in Redis with `CACHE_URL=redis://localhost:6379`. Ctrl-C or
//! SIGTERM ends it, after the last request and the last invalidation; a second Ctrl-C ends it at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use larder::{Caches, cache_read, cache_write};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Stands for a database.
#[derive(Clone)]
struct Db {
    names: Arc<Mutex<HashMap<u64, String>>>,
}

impl Db {
    /// With one user to begin with.
    fn open() -> Self {
        let names = HashMap::from([(7, "Ada".to_owned())]);
        Self {
            names: Arc::new(Mutex::new(names)),
        }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<u64, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cache_read(key = "user:{id}", ttl = "5m", skip(db))]
async fn user_name(db: &Db, id: u64) -> Option<String> {
    println!("user {id} is loaded");
    db.names().get(&id).cloned()
}

#[cache_write(tags = ["user:{id}"])]
async fn rename_user(db: &Db, id: u64, name: String) {
    db.names().insert(id, name);
}

async fn read(State(db): State<Db>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    user_name(&db, id).await.ok_or(StatusCode::NOT_FOUND)
}

async fn write(State(db): State<Db>, Path(id): Path<u64>, name: String) -> StatusCode {
    rename_user(&db, id, name).await;
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).context(
        "name an address: cargo run --features axum,redis --example service -- 127.0.0.1:3000",
    )?;
    larder::init().await?;
    let app = Router::new()
        .route("/users/{id}", get(read).put(write))
        .route("/health", get(larder::axum::health))
        .route("/stats", get(larder::axum::stats))
        .with_state(Db::open());

    let listener = TcpListener::bind(address).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    println!("listening on {}", listener.local_addr()?);
    larder::axum::serve(listener, app, Caches::current())
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            // Whoever asks twice does not want to wait.
            tokio::spawn(async {
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(130);
                }
            });
        })
        .await?;
    println!("every invalidation is taken");
    Ok(())
}
