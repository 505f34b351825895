//! Following one log: what other processes appended is handled here, in order.

use std::cmp;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{self, Either};
use tokio::sync::watch;
use tokio::time::Instant;

use super::bus::Bus;
use super::ledger::Ledger;
use super::listen::Gap;
use super::log::{Content, Entry, Position};
use super::run::run;
use super::seen::Seen;
use super::stats::count;
use super::{Event, retry};
use crate::caches::{Along, Caches};
use crate::error::StoreError;

/// How long one read waits for an entry. After that the log is asked whether it is still what it was.
const WAIT: Duration = Duration::from_secs(5);

/// How much longer an answer may take until the server counts as silent.
const GRACE: Duration = Duration::from_secs(2);

/// After how long a position is saved again that did not change, so that one of a living consumer is
/// never so old that the server forgets it.
const RENEW: Duration = Duration::from_secs(24 * 3_600);

/// Where something may be that a missed event would have invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// In process memory, and in other stores than the log's. In the log's own store others have
    /// invalidated it: whoever emitted the event ran the same handlers.
    Elsewhere,
    /// There too: the server lost what was written, and maybe such an invalidation with it; or another
    /// program emitted, which has no handlers.
    Everywhere,
}

/// One log, and where its reader is.
pub(crate) struct Follower {
    pub(crate) bus: Arc<Bus>,
    pub(crate) caches: Caches,
    pub(crate) along: Along,
    /// Under which name the position is saved, if it is.
    pub(crate) consumer: Option<String>,
    /// The last entry that was read; `None` until the log was reached for the first time.
    pub(crate) position: Option<Position>,
    /// Whether the last read brought nothing, so that what was read before proves nothing any more.
    is_idle: bool,
    ledger: Ledger,
    seen: Arc<Seen>,
    /// The position that was saved last, and when.
    saved: Option<(Position, Instant)>,
}

impl Follower {
    pub(crate) fn new(
        bus: Arc<Bus>,
        caches: Caches,
        along: Along,
        consumer: Option<String>,
        seen: Arc<Seen>,
    ) -> Self {
        Self {
            bus,
            caches,
            along,
            consumer,
            position: None,
            is_idle: true,
            ledger: Ledger::default(),
            seen,
            saved: None,
        }
    }

    /// Finds where to begin: at the position that was saved, else at the end.
    pub(crate) async fn begin(&mut self) {
        let budget = self.bus.budget();
        let found = self
            .within(budget, async {
                match self.saved_position().await? {
                    Some(position) => Ok(position),
                    None => self.bus.log.last().await,
                }
            })
            .await;
        match found {
            Ok(position) => {
                self.go_to(position);
                // At once: on a quiet log it may be long until there is something to handle.
                self.save().await;
            }
            Err(error) => {
                tracing::warn!(%error, "events of other processes cannot be followed yet");
            }
        }
    }

    /// Follows the log until the sender of `stopped` is gone. An event that is being handled then is
    /// handled to its end.
    pub(crate) async fn follow(mut self, mut stopped: watch::Receiver<()>) {
        let mut pauses = retry::of_log();
        let mut is_down = false;
        while let Some(read) = unless(&mut stopped, self.read()).await {
            match read {
                Ok(entries) => {
                    if is_down {
                        tracing::info!(log = self.bus.log.name(), "events are followed again");
                    }
                    (pauses, is_down) = (retry::of_log(), false);
                    for entry in entries {
                        self.take(entry).await;
                        if stopped.has_changed().is_err() {
                            break;
                        }
                    }
                    self.save().await;
                }
                Err(error) => {
                    if !is_down {
                        tracing::warn!(%error, "events cannot be followed: it is tried again");
                    }
                    (self.is_idle, is_down) = (true, true);
                    let pause = pauses.next().unwrap_or(Duration::from_secs(1));
                    if unless(&mut stopped, tokio::time::sleep(pause))
                        .await
                        .is_none()
                    {
                        break;
                    }
                }
            }
        }
        self.save().await;
    }

    /// What comes after the position. Being cancelled loses nothing.
    async fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        let position = match self.position {
            Some(position) if !self.is_idle => position,
            _ => self.look().await?,
        };
        let entries = self
            .within(WAIT + GRACE, self.bus.log.read(position, WAIT))
            .await?;
        // Asked after the read, so that nothing can have gone between the two unnoticed.
        let says_after = |entry: &Entry| entry.after.is_some();
        if !entries.first().is_none_or(says_after)
            && !self.within(GRACE, self.bus.log.holds(position)).await?
        {
            // Another program has no handlers that could have invalidated anything.
            self.gap(Stale::Everywhere).await;
        }
        self.is_idle = entries.is_empty();
        Ok(entries)
    }

    /// Whether the log still is what it was when it was last read: one that ends before the position
    /// has lost something, and what came after that may have been lost with it.
    async fn look(&mut self) -> Result<Position, StoreError> {
        let last = self.within(GRACE, self.bus.log.last()).await?;
        if self.position.is_none()
            && let Some(saved) = self.within(GRACE, self.saved_position()).await?
        {
            self.go_to(saved);
        }
        let stale = match self.position {
            Some(position) if position <= last => return Ok(position),
            Some(_) => Stale::Everywhere,
            None => Stale::Elsewhere,
        };
        self.gap(stale).await;
        self.go_to(last);
        Ok(last)
    }

    async fn saved_position(&self) -> Result<Option<Position>, StoreError> {
        match &self.consumer {
            Some(consumer) => self.bus.log.saved(consumer).await,
            None => Ok(None),
        }
    }

    /// Leaves everything up to `position` behind.
    fn go_to(&mut self, position: Position) {
        self.position = Some(position);
        self.ledger.note(position, Vec::new());
    }

    async fn take(&mut self, entry: Entry) {
        if let (Some(after), Some(position)) = (entry.after, self.position) {
            match after.cmp(&position) {
                cmp::Ordering::Less => self.gap(Stale::Everywhere).await,
                cmp::Ordering::Equal => {}
                cmp::Ordering::Greater => self.gap(Stale::Elsewhere).await,
            }
        }
        self.position = Some(entry.position);
        let mut retries = Vec::new();
        match entry.record {
            None => {
                count(&self.bus.counters().undecodable);
                let log = self.bus.log.name();
                tracing::warn!(log, position = %entry.position, "an entry is no event: it is skipped");
            }
            Some(record) if record.origin == self.caches.origin() => {}
            Some(record) => match record.content {
                Content::Gap => self.gap(Stale::Elsewhere).await,
                Content::Event { id: Some(id), .. } if !self.seen.is_new(id) => {}
                Content::Event {
                    id,
                    depth,
                    name,
                    payload,
                } => {
                    count(&self.bus.counters().received);
                    let event = Event {
                        id,
                        name,
                        payload,
                        depth,
                    };
                    retries = self.handle(&event).await;
                }
            },
        }
        self.ledger.note(entry.position, retries);
    }

    async fn handle(&self, event: &Event) -> Vec<tokio::task::JoinHandle<()>> {
        let running = run(event, &self.along);
        self.along.clone().scope(running).await.retries
    }

    /// Events were missed, and nobody knows which: whatever they would have invalidated goes.
    async fn gap(&self, stale: Stale) {
        self.bus.counters().gaps.fetch_add(1, Ordering::Relaxed);
        let log = self.bus.log.name();
        tracing::warn!(log, "events were missed: the caches are cleared");
        for (_, cache) in self.caches.iter() {
            let is_beside = cache.bus().is_some_and(|bus| bus.log.name() == log);
            if is_beside && stale == Stale::Elsewhere {
                continue;
            }
            // One that the store cannot take is retried by the cache itself.
            let _ = cache.clear().await;
        }
        if let Some(event) = Gap::event(log) {
            // Its retries hold no position back: the gap is behind us either way.
            drop(self.handle(&event).await);
        }
    }

    /// Saves how far everything is handled, for a consumer that has a name.
    async fn save(&mut self) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let Some(done) = self.ledger.done() else {
            return;
        };
        if self
            .saved
            .is_some_and(|(saved, at)| saved == done && at.elapsed() < RENEW)
        {
            return;
        }
        let saving = self.bus.log.save(consumer, done);
        match self.within(self.bus.budget(), saving).await {
            Ok(()) => self.saved = Some((done, Instant::now())),
            // The next one is saved in its place; until then, events would be handled twice.
            Err(error) => tracing::debug!(%error, "a position was not saved"),
        }
    }

    async fn within<T>(
        &self,
        budget: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(budget, call).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Timeout {
                store: self.bus.log.name().to_owned(),
                budget,
            }),
        }
    }
}

/// What `future` gives, unless the sender of `stopped` goes first.
async fn unless<F: Future>(stopped: &mut watch::Receiver<()>, future: F) -> Option<F::Output> {
    let (stopped, future) = (std::pin::pin!(stopped.changed()), std::pin::pin!(future));
    match future::select(stopped, future).await {
        Either::Left(_) => None,
        Either::Right((output, _)) => Some(output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use crate::event::bus::tests::Log;
    use crate::event::log::EventLog;

    #[tokio::test(start_paused = true)]
    async fn the_place_of_a_consumer_is_saved_at_once_and_again_each_day_that_nothing_happens() {
        let log = Arc::new(Log::default());
        let bus = Bus::new(Arc::clone(&log) as Arc<dyn EventLog>, WAIT);
        let caches = Caches::single(Cache::memory());
        let along = Along::with(caches.clone());
        let mut follower = Follower::new(
            bus,
            caches,
            along,
            Some("worker".to_owned()),
            Arc::default(),
        );
        follower.begin().await;
        assert_eq!(log.saves(), 1);

        let (stop, stopped) = watch::channel(());
        let following = tokio::spawn(follower.follow(stopped));
        tokio::time::sleep(RENEW - WAIT).await;
        assert_eq!(log.saves(), 1);
        tokio::time::sleep(2 * RENEW).await;
        assert_eq!(log.saves(), 3);
        drop(stop);
        following.await.expect("it does not panic");
    }
}
