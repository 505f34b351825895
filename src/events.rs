//! Listening for events on behalf of the caches that were installed.

use std::sync::{Mutex, PoisonError};

use larder_core::{Listen, Listening, handlers};

static LISTENING: Mutex<Option<Listening>> = Mutex::new(None);

/// Ends the listener that [`init`](crate::init) or [`install`](crate::Builder::install) started, and
/// waits until the event that is being handled is handled and the position is saved. Does nothing
/// where there is none.
///
/// A process may end without it; then a consumer with a name may get its last events again.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::InitError> {
/// larder::init().await?;
/// // ...
/// larder::stop_listening().await;
/// larder::cache().settle().await;   // what the store was not told yet
/// # Ok(()) }
/// ```
pub async fn stop_listening() {
    let listening = slot().take();
    if let Some(listening) = listening {
        listening.stop().await;
    }
}

/// Starts a listener for the installed caches, if there is anything to hear and anyone to hear it.
pub(crate) async fn start(consumer: Option<String>) {
    if handlers().next().is_none() {
        return;
    }
    let listen = Listen::here();
    let listening = match consumer {
        Some(consumer) => listen.named(consumer).await,
        None => listen.await,
    };
    *slot() = Some(listening);
}

fn slot() -> std::sync::MutexGuard<'static, Option<Listening>> {
    // Nothing that could panic happens while it is held.
    LISTENING.lock().unwrap_or_else(PoisonError::into_inner)
}
