//! Running the handlers of an event.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::chain::behind;
use super::failure::Failure;
use super::handler::{Handler, handlers};
use super::stats::count;
use super::{Event, retry};
use crate::caches::Along;

/// How many handlers of one event run at once.
const AT_ONCE: usize = 8;

/// How long one attempt may take, so that a handler that hangs does not hold up everything behind it.
const ATTEMPT: Duration = Duration::from_secs(30);

/// How many failed events may wait for another attempt, in the whole process.
const MOST_RETRIES: usize = 1_000;

/// What became of an event's handlers at the first attempt.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) handled: usize,
    pub(crate) failed: usize,
    /// The further attempts, which go on by themselves.
    pub(crate) retries: Vec<JoinHandle<()>>,
}

/// Runs every handler of the event once. One that fails is tried again in the background.
pub(crate) async fn run(event: &Event, along: &Along) -> Ran {
    let mut attempts = Vec::new();
    for handler in handlers() {
        if handler.event() == &*event.name {
            attempts.push(attempt(handler, event.clone()));
        }
    }
    let mut attempts = stream::iter(attempts).buffer_unordered(AT_ONCE);
    let mut ran = Ran::default();
    while let Some((handler, attempted)) = attempts.next().await {
        match attempted {
            Ok(()) => ran.handled += 1,
            Err(failure) => {
                ran.failed += 1;
                ran.retries
                    .extend(try_again(handler, event, along, &failure));
            }
        }
    }
    ran
}

async fn attempt(
    handler: &'static Handler,
    event: Event,
) -> (&'static Handler, Result<(), Failure>) {
    // The call itself may panic too: it runs the payload's `Deserialize`.
    let payload = Arc::clone(&event.payload);
    let handling = behind(&event, async { handler.run(payload).await });
    let guarded = AssertUnwindSafe(handling).catch_unwind();
    let attempted = match tokio::time::timeout(ATTEMPT, guarded).await {
        Ok(Ok(handled)) => handled,
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) => Err(Failure::Timeout(ATTEMPT)),
    };
    count(match attempted {
        Ok(()) => &handler.counters.handled,
        Err(_) => &handler.counters.failed,
    });
    (handler, attempted)
}

/// Starts the further attempts, where there is a point in them and room for them.
fn try_again(
    handler: &'static Handler,
    event: &Event,
    along: &Along,
    failure: &Failure,
) -> Option<JoinHandle<()>> {
    let (function, name) = (handler.function(), &*event.name);
    let permit = if failure.may_pass() {
        room().try_acquire_owned().ok()
    } else {
        None
    };
    let Some(permit) = permit else {
        give_up(handler, event, failure);
        return None;
    };
    tracing::warn!(event = name, function, %failure, "a handler failed: it is tried again");
    let retries = retries(handler, event.clone(), permit);
    Some(tokio::spawn(along.clone().scope(retries).in_current_span()))
}

async fn retries(handler: &'static Handler, event: Event, _permit: OwnedSemaphorePermit) {
    let mut last = None;
    for pause in retry::of_handler() {
        tokio::time::sleep(pause).await;
        count(&handler.counters.retried);
        match attempt(handler, event.clone()).await.1 {
            Ok(()) => return,
            Err(failure) => last = Some(failure),
        }
    }
    if let Some(failure) = last {
        give_up(handler, &event, &failure);
    }
}

fn give_up(handler: &Handler, event: &Event, failure: &Failure) {
    count(&handler.counters.given_up);
    let (function, name) = (handler.function(), &*event.name);
    tracing::error!(event = name, function, %failure, "a handler failed, and is not tried again");
}

fn room() -> Arc<Semaphore> {
    static ROOM: std::sync::OnceLock<Arc<Semaphore>> = std::sync::OnceLock::new();
    Arc::clone(ROOM.get_or_init(|| Arc::new(Semaphore::new(MOST_RETRIES))))
}
