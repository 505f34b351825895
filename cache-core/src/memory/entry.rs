//! What process memory holds: the value itself, not its bytes.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::clock::Tick;
use crate::generation::Held;

/// A value in process memory. Unsized at its end, so that entries of all types live in one table
/// with one allocation each.
pub(crate) struct Entry<V: ?Sized = dyn Any + Send + Sync> {
    pub(crate) key: Box<str>,
    pub(crate) expires_at: Tick,
    pub(crate) held: Held,
    pub(crate) value: V,
}

impl Entry {
    /// Whether the entry may be served now.
    #[inline]
    pub(crate) fn is_usable(&self, now: Tick) -> bool {
        now < self.expires_at && self.held.is_current()
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
}

impl<V: ?Sized> fmt::Debug for Entry<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value stays out: it may be secret.
        f.debug_struct("Entry")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A shared entry of any type.
pub(crate) type AnyEntry = Arc<Entry>;
