//! The way to other processes: a store's log, and what it could not take yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::emit::Publication;
use super::log::{Content, EventLog, Record};
use super::stats::{BusCounters, count};
use super::{Event, retry};
use crate::caches::Caches;
use crate::store::Nonce;

/// How many events are kept for a log that cannot take them; beyond, others are told that some are
/// missing, so that an outage costs loads and not memory.
const MOST: usize = 1_000;

/// How many are appended at once when it can again.
const AT_ONCE: usize = 100;

/// A log as a cache uses it.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) log: Arc<dyn EventLog>,
    budget: Duration,
    queue: Mutex<Queue>,
    is_flushing: AtomicBool,
    counters: BusCounters,
}

#[derive(Debug, Default)]
struct Queue {
    /// Each with a number, so that a retry takes out what it appended and nothing else.
    records: VecDeque<(u64, Record)>,
    last: u64,
}

/// The buses of these caches, each log once, always the same one for it.
pub(crate) fn of(caches: &Caches) -> Vec<Arc<Bus>> {
    let mut buses: Vec<Arc<Bus>> = Vec::new();
    for bus in caches.iter().filter_map(|(_, cache)| cache.bus()) {
        if buses.iter().all(|known| known.log.name() != bus.log.name()) {
            buses.push(Arc::clone(bus));
        }
    }
    buses
}

impl Bus {
    pub(crate) fn new(log: Arc<dyn EventLog>, budget: Duration) -> Arc<Self> {
        Arc::new(Self {
            log,
            budget,
            queue: Mutex::default(),
            is_flushing: AtomicBool::new(false),
            counters: BusCounters::default(),
        })
    }

    pub(crate) fn counters(&self) -> &BusCounters {
        &self.counters
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.lock().records.len()
    }

    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }

    /// Appends an event of this process, within the time budget.
    pub(crate) async fn publish(self: &Arc<Self>, event: &Event, origin: Nonce) -> Publication {
        let record = Record {
            origin,
            content: Content::Event {
                id: event.id,
                depth: event.depth,
                name: Arc::clone(&event.name),
                payload: Arc::clone(&event.payload),
            },
        };
        // Behind what waits already, so that the order stays.
        if self.queued() == 0 {
            let append = self.log.append(std::slice::from_ref(&record));
            match tokio::time::timeout(self.budget, append).await {
                Ok(Ok(())) => {
                    count(&self.counters.published);
                    return Publication::Done;
                }
                Ok(Err(error)) => tracing::warn!(%error, "an event is kept and retried"),
                Err(_) => tracing::warn!(
                    log = self.log.name(),
                    budget = ?self.budget,
                    "an event is kept and retried: the log did not answer in time"
                ),
            }
        }
        self.keep(record);
        Publication::Queued
    }

    /// Retries here and now until nothing is queued.
    pub(crate) async fn flush(&self) {
        let mut pauses = retry::of_log();
        while let Some((records, upto)) = self.oldest() {
            match tokio::time::timeout(self.budget, self.log.append(&records)).await {
                Ok(Ok(())) => {
                    self.taken(upto);
                    pauses = retry::of_log();
                }
                _ => {
                    let pause = pauses.next().unwrap_or(Duration::from_secs(1));
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn keep(self: &Arc<Self>, record: Record) {
        let mut queue = self.queue.lock();
        queue.last += 1;
        let number = queue.last;
        if queue.records.len() < MOST {
            queue.records.push_back((number, record));
        } else {
            tracing::error!(
                log = self.log.name(),
                "too many events wait for the log: others are told that some are missing"
            );
            let content = Content::Gap;
            queue.records = VecDeque::from([(number, Record { content, ..record })]);
        }
        drop(queue);
        self.retry();
    }

    /// Retries in the background, unless that is being done already.
    fn retry(self: &Arc<Self>) {
        if self.is_flushing.swap(true, Ordering::AcqRel) {
            return;
        }
        let flushing = Flushing(Arc::clone(self));
        tokio::spawn(async move {
            flushing.0.flush().await;
            let bus = Arc::clone(&flushing.0);
            drop(flushing);
            // What was kept between the last look and the line above found a retry under way.
            if bus.queued() > 0 {
                bus.retry();
            }
        });
    }

    fn oldest(&self) -> Option<(Vec<Record>, u64)> {
        let queue = self.queue.lock();
        let oldest = || queue.records.iter().take(AT_ONCE);
        let upto = oldest().next_back()?.0;
        Some((oldest().map(|(_, record)| record.clone()).collect(), upto))
    }

    fn taken(&self, upto: u64) {
        let mut queue = self.queue.lock();
        while queue
            .records
            .front()
            .is_some_and(|(number, _)| *number <= upto)
        {
            queue.records.pop_front();
            count(&self.counters.published);
        }
    }
}

/// The one retry that is under way. When it is dropped, with its runtime or at its end, another can
/// start.
struct Flushing(Arc<Bus>);

impl Drop for Flushing {
    fn drop(&mut self) {
        self.0.is_flushing.store(false, Ordering::Release);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::AtomicU64;

    use async_trait::async_trait;

    use super::*;
    use crate::error::StoreError;
    use crate::event::log::{Entry, Position};

    /// A log in process memory that can be closed.
    #[derive(Debug, Default)]
    pub(crate) struct Log {
        is_closed: AtomicBool,
        records: Mutex<Vec<Record>>,
        saves: AtomicU64,
    }

    impl Log {
        pub(crate) fn saves(&self) -> u64 {
            self.saves.load(Ordering::SeqCst)
        }
    }

    #[async_trait]
    impl EventLog for Log {
        fn name(&self) -> &str {
            "log"
        }

        async fn append(&self, records: &[Record]) -> Result<(), StoreError> {
            if self.is_closed.load(Ordering::SeqCst) {
                return Err(StoreError::Unreachable {
                    store: "log".to_owned(),
                    reason: "it is closed".to_owned(),
                });
            }
            self.records.lock().extend_from_slice(records);
            Ok(())
        }

        async fn last(&self) -> Result<Position, StoreError> {
            Ok(Position(self.records.lock().len() as u64, 0))
        }

        async fn read(&self, _: Position, wait: Duration) -> Result<Vec<Entry>, StoreError> {
            tokio::time::sleep(wait).await;
            Ok(Vec::new())
        }

        async fn holds(&self, _: Position) -> Result<bool, StoreError> {
            Ok(true)
        }

        async fn saved(&self, _: &str) -> Result<Option<Position>, StoreError> {
            Ok(None)
        }

        async fn save(&self, _: &str, _: Position) -> Result<(), StoreError> {
            self.saves.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_event_goes_behind_those_that_wait_already() {
        let log = Arc::new(Log::default());
        let bus = Bus::new(
            Arc::clone(&log) as Arc<dyn EventLog>,
            Duration::from_secs(10),
        );
        let names = ["first", "second", "third"];
        for (name, is_closed) in names.into_iter().zip([true, false, false]) {
            log.is_closed.store(is_closed, Ordering::SeqCst);
            let event = Event {
                name: name.into(),
                payload: Arc::default(),
                id: None,
                depth: 0,
            };
            bus.publish(&event, Nonce::ZERO).await;
        }
        bus.flush().await;
        let records = std::mem::take(&mut *log.records.lock());
        // The retry in the background may have appended the first one too.
        let mut appended: Vec<_> = records
            .into_iter()
            .map(|record| match record.content {
                Content::Event { name, .. } => name.to_string(),
                Content::Gap => "gap".to_owned(),
            })
            .collect();
        appended.dedup();
        assert_eq!(appended, names);
        assert_eq!(bus.queued(), 0);
    }
}
