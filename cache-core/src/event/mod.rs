//! Events: what happened is said once, and the handlers of every process hear it.
//!
//! [`emit`] runs this process's handlers, and appends the event to the logs of the shared stores that
//! its caches have. A listener ([`listen`]) follows such a log, and runs the handlers for what other
//! processes appended.

mod bus;
mod chain;
mod emit;
mod failure;
mod follow;
mod handler;
mod ledger;
mod listen;
pub mod log;
mod retry;
mod rule;
mod run;
mod seen;
mod stats;

use std::sync::Arc;

pub(crate) use self::bus::Bus;
pub use self::emit::{Emitted, Publication, emit};
pub use self::failure::Failure;
#[doc(hidden)]
pub use self::failure::{
    FailsByDebug, FailsByDisplay, FailsSilently, Returned, Succeeds, unreadable,
};
pub use self::handler::{Handler, handlers};
#[doc(hidden)]
pub use self::handler::{HandlerRegistration, Handling, Payload, decode};
pub use self::listen::{Gap, Listen, Listening, listen};
pub use self::log::EventLog;
#[doc(hidden)]
pub use self::rule::{Piece, Rule, Template, apply, invalidate_on};
pub use self::stats::{EventStats, HandlerStats, event_stats};

use crate::store::Nonce;

/// How many bytes an event may have when it is encoded.
pub const MOST_BYTES: usize = 64 * 1024;

/// An event on its way to handlers.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The same on every log that it goes to; without one where another program emitted it.
    pub(crate) id: Option<Nonce>,
    pub(crate) name: Arc<str>,
    pub(crate) payload: Payload,
    /// How many events led to it, see `chain`.
    pub(crate) depth: u8,
}
