//! Loads that go on without their caller: what has to be known of them, and waited for.

use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::fetch::{Ask, Waited, wait_for};
use super::{Cache, Mode, Tally};
use crate::clock::Tick;
use crate::flight::Flight;
use crate::keep::Keep;
use crate::origin::{Attached, Origin};
use crate::outcome::Outcome;
use crate::spec::Spec;
use crate::stats::{Count, Counters};
use crate::tag::Tags;

/// How many entries are loaded again early at once; beyond, their hits wait for a later one, so that a
/// flood of old entries does not become a flood of loads.
const MOST_EARLY: usize = 256;

/// Of how many entries it is known that they are not to be loaded early for a moment.
const MOST_PAUSED: usize = 4_096;

/// How long an entry is left alone that an early load did not replace: because it failed, or its value is
/// not kept, or another process is at it.
const PAUSE: Duration = Duration::from_secs(1);

/// The loads of one cache that go on without their callers.
#[derive(Debug)]
pub(crate) struct Background {
    running: watch::Sender<usize>,
    early: Mutex<HashMap<Box<str>, Early>>,
}

/// What is known of an entry that is to be loaded again early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Early {
    UnderWay,
    /// There is a new entry in its place.
    Replaced,
    /// The load brought no new entry: not again before this.
    NotBefore(Tick),
}

impl Background {
    pub(super) fn new() -> Self {
        Self {
            running: watch::Sender::new(0),
            early: Mutex::default(),
        }
    }

    /// How many are running.
    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
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

    /// Whether the caller is the one to load this entry early. It then makes a [`Running`] of it.
    fn may_begin(&self, key: &str, now: Tick) -> bool {
        let mut early = self.early.lock();
        match early.get(key) {
            Some(Early::UnderWay | Early::Replaced) => return false,
            Some(Early::NotBefore(moment)) if now < *moment => return false,
            Some(Early::NotBefore(_)) | None => {}
        }
        if early.len() >= MOST_EARLY {
            early.retain(|_, state| match state {
                Early::UnderWay | Early::Replaced => true,
                Early::NotBefore(moment) => now < *moment,
            });
            let is_running = |state: &&Early| !matches!(state, Early::NotBefore(_));
            let running = early.values().filter(is_running).count();
            if running >= MOST_EARLY || early.len() >= MOST_PAUSED {
                return false;
            }
        }
        early.insert(key.into(), Early::UnderWay);
        true
    }

    /// The early load of this key has a new entry in place of the old one.
    pub(super) fn replaced(&self, key: &str) {
        if let Some(state) = self.early.lock().get_mut(key) {
            *state = Early::Replaced;
        }
    }
}

/// One load that is running. However it ends, it is no longer counted.
struct Running {
    cache: Cache,
    /// The key, for a load that replaces an entry early.
    early: Option<Box<str>>,
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
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let background = &self.cache.shared.background;
        if let Some(key) = self.early.take() {
            let mut early = background.early.lock();
            if early.get(&key) == Some(&Early::Replaced) {
                early.remove(&key);
            } else {
                let moment = self.cache.shared.clock.tick().after(PAUSE);
                early.insert(key, Early::NotBefore(moment));
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
    let mut is_gone = false;
    if let Ok(loaded) = tokio::time::timeout(limit, &mut loading).await {
        match joined(loaded) {
            Some(returned) => return O::split(returned),
            None => is_gone = true,
        }
    }
    if let Some(value) = stale.await {
        tally.add(Count::StaleServed);
        return Ok(value);
    }
    if !is_gone && let Some(returned) = joined(loading.await) {
        return O::split(returned);
    }
    panic!("the runtime that a load was left to has been shut down");
}

/// What the task returned, if its runtime let it; its panic goes on.
fn joined<R>(loaded: Result<R, JoinError>) -> Option<R> {
    match loaded.map_err(JoinError::try_into_panic) {
        Ok(returned) => Some(returned),
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => None,
    }
}

/// Waits for another caller's load, but not for longer than `limit` if there is something stale to be
/// served. `None` where the caller has to go on by itself.
pub(super) async fn outwait_flight<O: Outcome>(
    flight: &Flight,
    limit: Duration,
    tally: &Tally<'_>,
    stale: impl Future<Output = Option<O::Value>>,
) -> Option<Result<O::Value, O::Failure>> {
    match tokio::time::timeout(limit, wait_for::<O>(flight, tally)).await {
        Ok(Waited::Landed(answer)) => Some(answer),
        Ok(Waited::Absent | Waited::Abandoned | Waited::OnOnesOwn) => None,
        Err(_) => {
            let value = stale.await?;
            tally.add(Count::StaleServed);
            Some(Ok(value))
        }
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
            running,
        } = self;
        let ask = Ask::<O, _, _>::new(mode, &spec, keep, cache.tally(site));
        let answer = cache.answer(ask, Attached(|| loading)).await;
        drop(running);
        O::merge(answer)
    }
}
