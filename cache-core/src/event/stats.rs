//! What events did, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::bus;
use super::handler::handlers;
use crate::caches::Caches;

/// What one handler did so far. A snapshot; counters only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HandlerStats {
    /// Events that it handled, at the first attempt or a later one.
    pub handled: u64,
    /// Attempts that failed: an error, a panic, too long, or a payload that it cannot use.
    pub failed: u64,
    /// Attempts after the first one.
    pub retried: u64,
    /// Events that it never handled.
    pub given_up: u64,
}

/// What events did so far. A snapshot; all but `queued` only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventStats {
    /// All handlers of this program together.
    pub handlers: HandlerStats,
    /// Events that a shared log has taken from this process.
    pub published: u64,
    /// Events that it could not take yet and that are being retried.
    pub queued: u64,
    /// Events that came from other processes.
    pub received: u64,
    /// Entries of a log that could not be understood. Each was skipped.
    pub undecodable: u64,
    /// How often events were lost on their way to this process.
    pub gaps: u64,
}

/// What events did so far: the handlers of this program, and the logs of the caches that are used
/// here and now.
///
/// ```
/// let stats = larder::event_stats();
/// println!("{} events handled, {} given up", stats.handlers.handled, stats.handlers.given_up);
/// ```
#[must_use]
pub fn event_stats() -> EventStats {
    let mut stats = EventStats::default();
    for handler in handlers() {
        let one = handler.stats();
        stats.handlers.handled += one.handled;
        stats.handlers.failed += one.failed;
        stats.handlers.retried += one.retried;
        stats.handlers.given_up += one.given_up;
    }
    for bus in bus::of(&Caches::current()) {
        stats.queued += bus.queued() as u64;
        let counters = bus.counters();
        stats.published += counters.published.load(Ordering::Relaxed);
        stats.received += counters.received.load(Ordering::Relaxed);
        stats.undecodable += counters.undecodable.load(Ordering::Relaxed);
        stats.gaps += counters.gaps.load(Ordering::Relaxed);
    }
    stats
}

#[derive(Debug, Default)]
pub(crate) struct HandlerCounters {
    pub(crate) handled: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

impl HandlerCounters {
    pub(crate) const fn new() -> Self {
        Self {
            handled: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    pub(crate) fn snapshot(&self) -> HandlerStats {
        HandlerStats {
            handled: self.handled.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            given_up: self.given_up.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct BusCounters {
    pub(crate) published: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) undecodable: AtomicU64,
    pub(crate) gaps: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
