//! Handlers: each registers itself before `main` runs.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::failure::{Failure, unreadable};
use super::stats::{HandlerCounters, HandlerStats};
use crate::graph::{Declaration, Templates};

/// An encoded payload.
#[doc(hidden)]
pub type Payload = Arc<[u8]>;

/// A handler at work.
#[doc(hidden)]
pub type Handling = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// One function that was registered for an event with `#[on_event(..)]` or `invalidate_on!(..)`.
pub struct Handler {
    event: &'static str,
    declared: Declaration,
    cache: Option<&'static str>,
    /// What a rule invalidates; what a function does, nobody knows.
    rule: Option<Templates>,
    run: fn(Payload) -> Handling,
    pub(crate) counters: HandlerCounters,
}

impl Handler {
    /// A function for an event, called by its whole path, as in `shop::users::drop_user`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn new(
        event: &'static str,
        function: &'static str,
        run: fn(Payload) -> Handling,
    ) -> Self {
        // At compile time: handlers are statics.
        assert!(
            !event.is_empty(),
            "an event needs a name, as in `user.updated`"
        );
        Self {
            event,
            declared: Declaration::here(function),
            cache: None,
            rule: None,
            run,
            counters: HandlerCounters::new(),
        }
    }

    /// With the named cache that it wants.
    #[doc(hidden)]
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// With what it invalidates, where it is a rule.
    #[doc(hidden)]
    #[must_use]
    pub const fn invalidating(mut self, templates: Templates) -> Self {
        self.rule = Some(templates);
        self
    }

    /// The event's name.
    #[must_use]
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The function's whole path; of an `invalidate_on!`, its module and line.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.declared.name
    }

    /// The file and line of the attribute, or of the rule.
    #[must_use]
    pub fn location(&self) -> (&'static str, u32) {
        (self.declared.file, self.declared.line)
    }

    /// The named cache that it wants, where it says so.
    #[must_use]
    pub fn cache_name(&self) -> Option<&'static str> {
        self.cache
    }

    /// What the handler did so far.
    #[must_use]
    pub fn stats(&self) -> HandlerStats {
        self.counters.snapshot()
    }

    pub(crate) fn declared(&self) -> Declaration {
        self.declared
    }

    pub(crate) fn rule(&self) -> Option<&Templates> {
        self.rule.as_ref()
    }

    pub(crate) fn run(&self, payload: Payload) -> Handling {
        (self.run)(payload)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("event", &self.event)
            .field("function", &self.function())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// How a handler is known before `main`.
#[doc(hidden)]
#[derive(Debug)]
pub struct HandlerRegistration(pub &'static Handler);

inventory::collect!(HandlerRegistration);

/// Every handler that is linked into this program, in no particular order.
///
/// ```
/// for handler in larder::handlers() {
///     println!("{} → {}: {:?}", handler.event(), handler.function(), handler.stats());
/// }
/// ```
pub fn handlers() -> impl Iterator<Item = &'static Handler> {
    inventory::iter::<HandlerRegistration>
        .into_iter()
        .map(|registration| registration.0)
}

/// What a handler can take.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of an event",
    label = "not a payload",
    note = "derive `serde::Deserialize` for `{Self}`, and let it borrow nothing"
)]
pub trait Readable: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Readable for T {}

/// The event as its handler takes it.
#[doc(hidden)]
pub fn decode<T: Readable>(payload: &Payload) -> Result<T, Failure> {
    serde_json::from_slice(payload).map_err(|error| unreadable(std::any::type_name::<T>(), &error))
}
