//! What process memory holds: the value itself, not its bytes.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{AtomicTick, Tick};
use crate::codec::{Number, VisitNumber};
use crate::generation::Held;

/// A value in process memory. Unsized at its end, so that values of all types live in one table
/// with one allocation each.
pub(crate) struct Resident<V: ?Sized = dyn Any + Send + Sync> {
    pub(crate) key: Box<str>,
    pub(crate) expires_at: AtomicTick,
    /// How much longer it is kept, for loads that fail.
    stale_for: Duration,
    pub(crate) created_at: Tick,
    pub(crate) held: Held,
    accessed_at: AtomicTick,
    hits: AtomicU64,
    /// Whether the value is a failure that is kept: only the function that failed reads it.
    is_failure: bool,
    pub(crate) value: V,
}

/// When an entry expires, and how much longer it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) expires_at: Tick,
    pub(crate) stale_for: Duration,
}

impl<V> Resident<V> {
    pub(crate) fn new(key: &str, now: Tick, ages: Ages, held: Held, value: V) -> Self {
        Self {
            key: key.into(),
            expires_at: AtomicTick::new(ages.expires_at),
            stale_for: ages.stale_for,
            created_at: now,
            held,
            accessed_at: AtomicTick::new(now),
            hits: AtomicU64::new(0),
            is_failure: false,
            value,
        }
    }

    /// An entry that is no value to anyone but the function that failed.
    pub(crate) fn failure(key: &str, now: Tick, ages: Ages, held: Held, failure: V) -> Self {
        Self {
            is_failure: true,
            ..Self::new(key, now, ages, held, failure)
        }
    }
}

impl Resident {
    /// Whether the value may be served now.
    #[inline]
    pub(crate) fn is_usable(&self, now: Tick) -> bool {
        now < self.expires_at.get() && self.held.is_current()
    }

    /// Whether a value may be served now, to whoever asks.
    pub(super) fn has_value(&self, now: Tick) -> bool {
        !self.is_failure && self.is_usable(now)
    }

    /// Whether the value may be served when a load fails.
    pub(crate) fn is_kept(&self, now: Tick) -> bool {
        now < self.kept_until() && self.held.is_current()
    }

    /// The moment from which on it can never be served again.
    pub(super) fn kept_until(&self) -> Tick {
        self.expires_at.get().after(self.stale_for)
    }

    /// Counts a hit. The line that this writes is the one that taking a reference wrote.
    #[inline]
    pub(super) fn used(&self, now: Tick) {
        self.accessed_at.set(now);
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn accessed_at(&self) -> Tick {
        self.accessed_at.get()
    }

    /// Whether the value is of this type.
    pub(crate) fn holds<V: 'static>(&self) -> bool {
        self.value.is::<V>()
    }

    /// The value, if it is of this type.
    #[inline]
    pub(crate) fn value<V: Clone + 'static>(&self) -> Option<V> {
        self.value.downcast_ref::<V>().cloned()
    }

    /// The same with another number, in the type that it has: key, times and generations stay.
    pub(crate) fn with_number(&self, number: Number) -> Option<AnyResident> {
        struct Replace<'a>(&'a Resident);
        impl VisitNumber<AnyResident> for Replace<'_> {
            fn visit<V: Any + Send + Sync + Clone>(self, value: V) -> AnyResident {
                let old = self.0;
                Arc::new(Resident {
                    key: old.key.clone(),
                    expires_at: AtomicTick::new(old.expires_at.get()),
                    stale_for: old.stale_for,
                    created_at: old.created_at,
                    held: old.held.clone(),
                    accessed_at: AtomicTick::new(old.accessed_at()),
                    hits: AtomicU64::new(old.hits()),
                    is_failure: false,
                    value,
                })
            }
        }
        number.visit(Replace(self))
    }
}

impl<V: ?Sized> fmt::Debug for Resident<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value stays out: it may be secret.
        f.debug_struct("Resident")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A shared value of any type.
pub(crate) type AnyResident = Arc<Resident>;
