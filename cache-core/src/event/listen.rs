//! Listening to other processes: starting, and stopping.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::follow::Follower;
use super::seen::Seen;
use super::{Event, bus};
use crate::caches::{Along, Caches};

/// That events of other processes were missed: an event of its own, [`Gap::EVENT`].
///
/// When a listener notices that it missed something (it was away for longer than the log reaches
/// back, or the server lost data), it clears the caches that it was started with, because something
/// in them may have been invalidated by what it missed. One in the log's own store is left as it is,
/// unless the log lost what it had: whoever emitted the event has invalidated it there. A handler can
/// do more:
///
/// ```
/// use larder::{Gap, on_event};
///
/// #[on_event(Gap::EVENT)]
/// async fn start_over(gap: Gap) {
///     eprintln!("events on {} were missed", gap.log);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// On which log.
    pub log: String,
}

impl Gap {
    /// The name under which it is handled.
    pub const EVENT: &'static str = "larder.gap";

    pub(crate) fn event(log: &str) -> Option<Event> {
        let gap = Self {
            log: log.to_owned(),
        };
        Some(Event {
            name: Self::EVENT.into(),
            payload: serde_json::to_vec(&gap).ok()?.into(),
            id: None,
            depth: 0,
        })
    }
}

/// Starts to run handlers for the events of other processes, with these caches. `larder::init()` does
/// it by itself; this is for caches that are not installed, as in tests.
///
/// What is emitted after it returned is not missed. Where the store cannot be reached it is tried
/// again in the background, and counts as a gap.
///
/// ```
/// use larder::{Cache, Caches};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let caches = Caches::new(Cache::memory());   // with a shared store, there is something to hear
/// let listening = larder::listen(caches).await;
/// // ...
/// listening.stop().await;
/// # }
/// ```
pub fn listen(caches: impl Into<Caches>) -> Listen {
    let caches = caches.into();
    Listen {
        along: Along::with(caches.clone()),
        caches,
        consumer: None,
    }
}

/// A listener to be started: `.await` it.
#[derive(Debug)]
#[must_use = "nothing is heard before it is awaited"]
pub struct Listen {
    caches: Caches,
    along: Along,
    consumer: Option<String>,
}

impl Listen {
    /// The caches of this process, or of this task where it has some of its own.
    #[doc(hidden)]
    pub fn here() -> Self {
        Self {
            caches: Caches::current(),
            along: Along::here(),
            consumer: None,
        }
    }

    /// Keeps the position on the server under this name, so that a process that was started again goes
    /// on where it had been. Each process needs a name of its own, the same after each start. A
    /// position is kept until 30 days after the listener ended.
    pub fn named(mut self, consumer: impl Into<String>) -> Self {
        self.consumer = Some(consumer.into());
        self
    }
}

impl IntoFuture for Listen {
    type Output = Listening;
    type IntoFuture = Pin<Box<dyn Future<Output = Listening> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (stop, stopped) = watch::channel(());
            let mut followers = Vec::new();
            let seen = Arc::new(Seen::default());
            for bus in bus::of(&self.caches) {
                let mut follower = Follower::new(
                    bus,
                    self.caches.clone(),
                    self.along.clone(),
                    self.consumer.clone(),
                    Arc::clone(&seen),
                );
                follower.begin().await;
                followers.push(tokio::spawn(follower.follow(stopped.clone())));
            }
            Listening { stop, followers }
        })
    }
}

/// A listener at work. Dropping it ends it, after the event that it is just handling;
/// [`stop`](Self::stop) also waits for that.
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Listening {
    stop: watch::Sender<()>,
    followers: Vec<JoinHandle<()>>,
}

impl Listening {
    /// On how many logs it listens.
    #[must_use]
    pub fn logs(&self) -> usize {
        self.followers.len()
    }

    /// Ends it, and waits until the event that is being handled is handled and the position is saved.
    /// Handlers that failed are still tried again in the background.
    ///
    /// Cancelling it leaves the end to itself.
    pub async fn stop(self) {
        let Self { stop, followers } = self;
        drop(stop);
        for follower in followers {
            // It ends by itself or with its runtime; either way it has ended.
            let _ = follower.await;
        }
    }
}
