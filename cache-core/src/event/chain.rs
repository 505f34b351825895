//! How many events led to this one, so that handlers that answer each other come to an end.

use std::future::Future;

use super::Event;
use crate::Error;

/// How many events may lead to one, each emitted by a handler of the one before.
const MOST: u8 = 16;

tokio::task_local! {
    static DEPTH: u8;
}

/// How many events led to the one that is emitted here and now.
///
/// # Errors
/// [`Error::EventChain`] if there are too many.
pub(super) fn depth_of(name: &str) -> Result<u8, Error> {
    match DEPTH.try_with(|depth| *depth).unwrap_or(0) {
        depth if depth > MOST => Err(Error::EventChain {
            event: name.to_owned(),
            most: MOST,
        }),
        depth => Ok(depth),
    }
}

/// Runs a handler of `event`: what is emitted in it comes behind that one.
pub(super) async fn behind<F: Future>(event: &Event, handling: F) -> F::Output {
    DEPTH.scope(event.depth.saturating_add(1), handling).await
}
