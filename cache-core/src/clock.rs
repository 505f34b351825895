//! Time is injected: the system's, or a hand-wound clock in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where a cache reads the time.
///
/// ```
/// use std::time::Duration;
/// use larder::{Cache, Clock};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), larder::Error> {
/// let clock = Clock::hand_wound();
/// let cache = Cache::builder().clock(clock.clone()).build();
/// cache.set("greeting", &"hello".to_owned()).ttl(Duration::from_secs(60)).await?;
///
/// clock.advance(Duration::from_secs(61));
/// assert_eq!(cache.get::<String>("greeting").await?, None);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone, Default)]
enum Source {
    /// For ages in this process a coarse monotonic clock (a few milliseconds), because a precise
    /// one costs as much as a hit; for times that leave the process the wall clock.
    #[default]
    System,
    /// Nanoseconds since the clock was made.
    HandWound(Arc<AtomicU64>),
}

/// Where a hand-wound clock starts: some time in 2024, so that dates look like dates.
const HAND_WOUND_EPOCH: Duration = Duration::from_secs(1_720_000_000);

impl Clock {
    /// A clock that stands still until [`advance`](Self::advance) is called. Clones share the time.
    #[must_use]
    pub fn hand_wound() -> Self {
        Self {
            source: Source::HandWound(Arc::default()),
        }
    }

    /// Winds the clock forward.
    ///
    /// # Panics
    /// On the system's clock, which nobody winds.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        match &self.source {
            Source::System => panic!("only `Clock::hand_wound()` can be advanced"),
            Source::HandWound(now) => {
                now.fetch_add(nanos(by), Ordering::SeqCst);
            }
        }
    }

    /// The time of day by this clock, for stores that note when something ends.
    ///
    /// ```
    /// use std::time::Duration;
    /// use larder::Clock;
    ///
    /// let clock = Clock::hand_wound();
    /// let before = clock.now();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.now(), before + Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn now(&self) -> SystemTime {
        unix_time(self.unix_millis())
    }

    pub(crate) fn is_hand_wound(&self) -> bool {
        matches!(self.source, Source::HandWound(_))
    }

    /// The time for ages within this process.
    #[inline]
    pub(crate) fn tick(&self) -> Tick {
        match &self.source {
            // The variant that also updates coarsetime's shared "recent" time would write one cache
            // line from every thread.
            Source::System => Tick(coarsetime::Instant::now_without_cache_update().as_ticks()),
            Source::HandWound(now) => {
                let elapsed = Duration::from_nanos(now.load(Ordering::SeqCst));
                Tick(coarsetime::Duration::from(elapsed).as_ticks())
            }
        }
    }

    /// The time of day at a moment of this process that was at or before now.
    pub(crate) fn time_of(&self, tick: Tick) -> SystemTime {
        let ago = self.tick().0.saturating_sub(tick.0);
        let ago: Duration = coarsetime::Duration::from_ticks(ago).into();
        unix_time(self.unix_millis())
            .checked_sub(ago)
            .unwrap_or(UNIX_EPOCH)
    }

    /// The time for stores that others read: milliseconds since 1970.
    pub(crate) fn unix_millis(&self) -> u64 {
        let since_epoch = match &self.source {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Source::HandWound(now) => {
                HAND_WOUND_EPOCH + Duration::from_nanos(now.load(Ordering::SeqCst))
            }
        };
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The time of day of these milliseconds since 1970.
pub(crate) fn unix_time(millis: u64) -> SystemTime {
    // A time from outside may be further away than can be said.
    UNIX_EPOCH
        .checked_add(Duration::from_millis(millis))
        .unwrap_or(UNIX_EPOCH)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A moment in this process: in units of 2⁻³² seconds, of no meaning elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

impl Tick {
    /// Later than every moment.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// The moment `ttl` from here. A ttl beyond a hundred years is [`NEVER`](Self::NEVER).
    pub(crate) fn after(self, ttl: Duration) -> Self {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        if ttl > CENTURY {
            return Self::NEVER;
        }
        // At least one unit, so that no positive ttl expires in the moment it starts.
        let least = u64::from(!ttl.is_zero());
        let ticks = coarsetime::Duration::from(ttl).as_ticks().max(least);
        Self(self.0.saturating_add(ticks))
    }

    /// The moment so long before this one.
    pub(crate) fn before(self, ago: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(coarsetime::Duration::from(ago).as_ticks()),
        )
    }

    /// How long after `earlier` this is; `None` for [`NEVER`](Self::NEVER).
    pub(crate) fn since(self, earlier: Self) -> Option<Duration> {
        if self == Self::NEVER {
            return None;
        }
        let ticks = self.0.saturating_sub(earlier.0);
        Some(coarsetime::Duration::from_ticks(ticks).into())
    }
}

/// A [`Tick`] that changes while others read it.
#[derive(Debug)]
pub(crate) struct AtomicTick(AtomicU64);

impl AtomicTick {
    pub(crate) const fn new(tick: Tick) -> Self {
        Self(AtomicU64::new(tick.0))
    }

    #[inline]
    pub(crate) fn get(&self) -> Tick {
        Tick(self.0.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, tick: Tick) {
        self.0.store(tick.0, Ordering::Relaxed);
    }

    /// Sets it, unless the moment that it holds has come by `now`.
    pub(crate) fn set_before(&self, now: Tick, tick: Tick) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                (now.0 < held).then_some(tick.0)
            })
            .is_ok()
    }

    /// The same for what renews itself: what never comes is not brought nearer.
    pub(crate) fn renew(&self, now: Tick, tick: Tick) {
        if self.get() != Tick::NEVER {
            self.set_before(now, tick);
        }
    }
}
