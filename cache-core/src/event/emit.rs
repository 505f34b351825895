//! Saying that something happened.

use std::future::Future;

use futures_util::future::{join, join_all};
use serde::Serialize;
use tracing::Instrument as _;

use super::chain::depth_of;
use super::run::run;
use super::{Event, MOST_BYTES, bus};
use crate::Error;
use crate::caches::{Along, Caches};
use crate::store::Nonce;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Emitted {
    /// How many of this process's handlers handled it.
    pub handled: usize,
    /// How many failed. They are tried again in the background, unless they cannot use the payload.
    pub failed: usize,
    /// How far it came on its way to other processes.
    pub published: Publication,
}

/// How far an event came on its way to other processes; with several logs, that of the one where it
/// came least far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Publication {
    /// There are none: no cache has a shared store with a log.
    Local,
    /// The shared log has taken it.
    Done,
    /// The log could not take it. It is kept and retried until it does.
    Queued,
}

/// Says that `event` happened under the name `name`: runs this process's handlers, and lets those of
/// other processes know where a cache has a shared store.
///
/// When it returns, the handlers of this process have run: what they invalidated is no longer served
/// here. One that failed is tried again in the background, up to six times within about ten seconds.
/// In other processes the handlers run soon after, at least once. It takes as long as the slowest
/// handler, or the store's time budget where that is longer.
///
/// From its first poll on it sees to itself: cancelling it stops neither the handlers nor the
/// publication.
///
/// ```
/// use larder::{Cache, cache_read, emit, on_event};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// struct UserUpdated { user_id: u64 }
///
/// #[cache_read(key = "user:{id}")]
/// async fn get_user(id: u64) -> String { format!("user {id}") }
///
/// #[on_event("user.updated")]
/// async fn drop_user(event: UserUpdated) -> Result<(), larder::Error> {
///     get_user::invalidate(event.user_id).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// get_user(7).await;
/// let emitted = emit("user.updated", &UserUpdated { user_id: 7 }).await?;
/// assert_eq!(emitted.failed, 0);
/// assert_eq!(get_user::peek(7).await?, None);
/// # Ok(()) }
/// ```
///
/// # Errors
/// - [`Error::NamelessEvent`] if the name is empty.
/// - [`Error::EventChain`] in a handler, if more than 16 events led to this one, each emitted by a
///   handler of the one before. So a handler that emits its own event comes to an end, and so do
///   processes that answer each other.
/// - [`Error::Encode`] if the event cannot be written as JSON, or has more than 64 KB.
///
/// # Panics
/// When it is awaited outside a tokio runtime.
pub fn emit<E: Serialize + ?Sized>(
    name: &str,
    event: &E,
) -> impl Future<Output = Result<Emitted, Error>> + Send + use<E> {
    // Encoded here and now, so that the future does not hold on to what the caller has.
    let event = encode(name, event);
    async move {
        let event = event?;
        let along = Along::here();
        let emitting = along.clone().scope(emit_here(event, along));
        match tokio::spawn(emitting.in_current_span()).await {
            Ok(emitted) => Ok(emitted),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is ending, and with it whoever waits here.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

async fn emit_here(event: Event, along: Along) -> Emitted {
    let caches = Caches::current();
    let (buses, origin) = (bus::of(&caches), caches.origin());
    let publishing = join_all(buses.iter().map(|bus| bus.publish(&event, origin)));
    let (ran, published) = join(run(&event, &along), publishing).await;
    Emitted {
        handled: ran.handled,
        failed: ran.failed,
        published: published.into_iter().max().unwrap_or(Publication::Local),
    }
}

fn encode<E: Serialize + ?Sized>(name: &str, event: &E) -> Result<Event, Error> {
    if name.is_empty() {
        return Err(Error::NamelessEvent);
    }
    let depth = depth_of(name)?;
    let refused = |reason| Error::Encode {
        type_name: std::any::type_name::<E>(),
        reason,
    };
    let payload = serde_json::to_vec(event).map_err(|error| refused(error.to_string()))?;
    if name.len() + payload.len() > MOST_BYTES {
        return Err(refused("an event may have at most 64 KB".to_owned()));
    }
    Ok(Event {
        id: Some(Nonce::random()),
        name: name.into(),
        payload: payload.into(),
        depth,
    })
}
