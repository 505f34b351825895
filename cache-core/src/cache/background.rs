//! Loads that go on without their caller: what has to be known of them, and waited for.

use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::fetch::Ask;
use super::{Cache, Mode, Tally};
use crate::clock::Tick;
use crate::keep::Keep;
use crate::origin::{Attached, Origin};
use crate::outcome::Outcome;
use crate::spec::Spec;
use crate::stats::{Count, Counters};
use crate::tag::Tags;

/// How many entries are loaded again early at once; beyond, their hits wait for a later one, so that a
/// flood of old entries does not become a flood of loads.
const MOST_EARLY: usize = 256;

/// How long an entry whose early load failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// The loads of one cache that go on without their callers.
#[derive(Debug)]
pub(crate) struct Background {
    running: watch::Sender<usize>,
    early: Mutex<HashMap<Box<str>, Early>>,
}

/// What is known of an entry that is to be loaded again early.
#[derive(Debug, Clone, Copy)]
enum Early {
    UnderWay,
    /// The load failed: not before this.
    NotBefore(Tick),
}

impl Background {
    pub(super) fn new() -> Self {
        Self {
            running: watch::Sender::new(0),
            early: Mutex::default(),
        }
    }

    /// Waits until none is running.
    pub(super) async fn settled(&self) {
        // The sender is `self`'s, so the channel is not closed.
        let _ = self
            .running
            .subscribe()
            .wait_for(|running| *running == 0)
            .await;
    }

    /// Whether the caller is the one to load this entry early. It then makes an [`EarlyLoad`] of it.
    fn may_begin(&self, key: &str, now: Tick) -> bool {
        let mut early = self.early.lock();
        match early.get(key) {
            Some(Early::UnderWay) => return false,
            Some(Early::NotBefore(moment)) if now < *moment => return false,
            Some(Early::NotBefore(_)) | None => {}
        }
        if early.len() >= MOST_EARLY {
            early.retain(|_, state| match state {
                Early::UnderWay => true,
                Early::NotBefore(moment) => now < *moment,
            });
            if early.len() >= MOST_EARLY {
                return false;
            }
        }
        early.insert(key.into(), Early::UnderWay);
        true
    }
}

/// One load that is running. However it ends, it is no longer counted.
struct Running {
    cache: Cache,
    /// The key, for a load that replaces an entry early.
    early: Option<Box<str>>,
    has_failed: bool,
}

impl Running {
    fn new(cache: &Cache, early: Option<Box<str>>) -> Self {
        cache
            .shared
            .background
            .running
            .send_modify(|running| *running += 1);
        Self {
            cache: cache.clone(),
            early,
            // Until it is known: a load that panics or is dropped has failed.
            has_failed: true,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let background = &self.cache.shared.background;
        if let Some(key) = self.early.take() {
            let mut early = background.early.lock();
            if self.has_failed {
                let moment = self.cache.shared.clock.tick().after(PAUSE);
                early.insert(key, Early::NotBefore(moment));
            } else {
                early.remove(&key);
            }
        }
        background.running.send_modify(|running| *running -= 1);
    }
}

impl Cache {
    /// Loads an entry again in the background while it is served, unless that is being done.
    pub(super) fn load_early<O, S, K, L>(&self, ask: Ask<'_, O, S, K>, origin: L)
    where
        O: Outcome,
        S: Fn(&mut Tags),
        L: Origin<O, K>,
    {
        let key = ask.spec.key.qualified();
        let background = &self.shared.background;
        if background.may_begin(key, self.shared.clock.tick()) {
            let running = Running::new(self, Some(key.into()));
            let order = Order::new(self, Mode::Early, &ask, running);
            // Nobody waits for it. Where there is no runtime to run it, the entry gets as old as it may.
            drop(origin.detach(ask.keep, order));
        }
    }

    /// Looks up and loads in a task that goes on when its caller no longer waits; gives everything back
    /// where that cannot be.
    pub(super) fn load_detached<'a, O, S, K, L>(
        &self,
        ask: Ask<'a, O, S, K>,
        origin: L,
    ) -> Detached<O, (Ask<'a, O, S, K>, L)>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        L: Origin<O, K>,
    {
        let order = Order::new(self, ask.mode, &ask, Running::new(self, None));
        let Ask {
            mode, spec, tally, ..
        } = ask;
        origin
            .detach(ask.keep, order)
            .map_err(|(origin, keep)| (Ask::new(mode, spec, keep, tally), origin))
    }
}

/// Waits for a load in a task of its own, but not for longer than `limit` if there is something stale
/// to be served.
pub(super) async fn outwait<O: Outcome>(
    mut loading: JoinHandle<O::Returned>,
    limit: Duration,
    tally: Tally<'_>,
    stale: impl Future<Output = Option<O::Value>>,
) -> Result<O::Value, O::Failure> {
    if let Ok(loaded) = tokio::time::timeout(limit, &mut loading).await {
        return O::split(joined(loaded).await);
    }
    match stale.await {
        Some(value) => {
            tally.add(Count::StaleServed);
            Ok(value)
        }
        None => O::split(joined(loading.await).await),
    }
}

/// What the task returned; its panic goes on.
async fn joined<R>(loaded: Result<R, JoinError>) -> R {
    match loaded.map_err(JoinError::try_into_panic) {
        Ok(returned) => returned,
        Err(Ok(panic)) => resume_unwind(panic),
        // Nobody aborts it: its runtime is going down, and takes whoever waits here along.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// A load in a task of its own, or what it was to be made of.
type Detached<O, P> = Result<JoinHandle<<O as Outcome>::Returned>, P>;

type TagWriter = Box<dyn Fn(&mut Tags) + Send + Sync>;

/// What a load needs that goes on without its caller: everything but the load itself.
pub(crate) struct Order {
    cache: Cache,
    mode: Mode,
    spec: Spec<TagWriter>,
    site: Option<&'static Counters>,
    running: Running,
}

impl Order {
    fn new<O, S, K>(cache: &Cache, mode: Mode, ask: &Ask<'_, O, S, K>, running: Running) -> Self
    where
        S: Fn(&mut Tags),
    {
        let tags = ask.spec.to_tags();
        Self {
            cache: cache.clone(),
            mode,
            spec: ask
                .spec
                .with_tags(Box::new(move |out: &mut Tags| out.extend(&tags))),
            site: ask.tally.site,
            running,
        }
    }

    /// Looks up, loads and stores, as the caller would have.
    pub(crate) async fn carry_out<O, K, F>(self, keep: K, loading: F) -> O::Returned
    where
        O: Outcome,
        K: Fn(&O::Value) -> Keep,
        F: Future<Output = O::Returned>,
    {
        let Self {
            cache,
            mode,
            spec,
            site,
            mut running,
        } = self;
        let ask = Ask::<O, _, _>::new(mode, &spec, keep, cache.tally(site));
        let result = cache.answer(ask, Attached(|| loading)).await;
        running.has_failed = result.is_err();
        O::merge(result)
    }
}
