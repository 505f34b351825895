//! Hearing of what others change: the server's client-side caching (`CLIENT TRACKING`, RESP3).
//!
//! A *link* is a connection of its own on which the server tells of every changed key of this store. A
//! *stretch* is a time in which nothing goes unheard: it begins when there is a link to every primary,
//! and ends with the first of them that ends. The [`keeper`] makes links, and looks after them; the
//! [`ear`] of a link hears what the server tells; while a stretch lasts, calls go over its links
//! ([`links`]).
//!
//! # What the server tells
//! The server tells of a change at the end of the step in which it was made, in the order of the
//! answers: who was answered before the change is told after the answer. So what an answer does not
//! show is told after its call was begun, whatever connection the call took to this server.
//!
//! `NOLOOP` leaves out what the link itself changed, where it was the last one in that step to change
//! the key, and with it what others changed in the same step just before. Two things follow.
//!
//! - Whatever a script changes is told in any case, because the server runs scripts under a name of
//!   their own: nothing of others hides behind our scripts. (So it is in Redis 7.0 and 8.2 and in
//!   Valkey 9.1; `tests/push` notices if a server does it otherwise.)
//! - Our own `UNLINK` hides what others did to the key before. Nothing is lost by that: what is
//!   invalidated is gone for the caller, too. So does the `SET` that begins a generation, whose answer
//!   shows that there was another one before.
//!
//! A fill is a script as well, and would be told to who filled, who has the newest entry of all. So it
//! is followed, in the same step, by a plain command of the link on the same key ([`fill`]).

mod ear;
mod fill;
mod hearing;
mod keeper;
mod links;

use std::sync::{Arc, OnceLock};

use larder_core::store::Watcher;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

pub(crate) use self::fill::Filling;
use self::hearing::Hearing;
pub(crate) use self::keeper::Origin;
pub(crate) use self::links::Links;

/// What one handle of a store hears: nothing, before it is asked to.
pub(crate) struct Watch {
    origin: Origin,
    /// Where the links live: `watch` may be called outside of it.
    runtime: Handle,
    begun: OnceLock<Begun>,
}

struct Begun {
    hearing: Arc<Hearing>,
    keeper: AbortHandle,
}

impl Watch {
    /// # Panics
    /// Outside of a Tokio runtime.
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            runtime: Handle::current(),
            begun: OnceLock::new(),
        }
    }

    /// Tells `watcher` from now on, unless another one is told already.
    pub(crate) fn begin(&self, watcher: Arc<dyn Watcher>) -> bool {
        let mut is_first = false;
        self.begun.get_or_init(|| {
            is_first = true;
            let hearing = Arc::new(Hearing::new(watcher));
            let keeper = keeper::keep(Arc::clone(&hearing), self.origin.clone());
            Begun {
                hearing,
                keeper: self.runtime.spawn(keeper).abort_handle(),
            }
        });
        is_first
    }

    /// What calls go over now; `None` while changes may go unheard.
    pub(crate) fn links(&self) -> Option<Arc<Links>> {
        self.begun.get()?.hearing.links()
    }
}

impl Clone for Watch {
    /// One that hears nothing yet: what a handle hears excludes what it does itself, so two cannot
    /// share their links.
    fn clone(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            runtime: self.runtime.clone(),
            begun: OnceLock::new(),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.keeper.abort();
        self.hearing.close();
    }
}
