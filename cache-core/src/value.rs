//! What can be cached.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that can be cached: cloned out of process memory, encoded for every other store.
///
/// Implemented for everything that is `Serialize + DeserializeOwned + Clone + Send + Sync +
/// 'static`; derive these for types of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "not a cacheable value",
    note = "derive `Clone`, `serde::Serialize` and `serde::Deserialize` for `{Self}`"
)]
pub trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

// So that a type that lacks three of these gives one error, in the words above.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}

/// [`Value`], asked of the caller. In a signature, a bound without a parameter is checked where it is
/// written; the lifetime moves the check to the callers, so that a type that cannot be cached gives
/// one error and not one for each companion. No subtrait of [`Value`], for then that would be checked.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "not a cacheable value",
    note = "derive `Clone`, `serde::Serialize` and `serde::Deserialize` for `{Self}`"
)]
pub trait ValueFor<'caller>: Sized {
    /// The type itself, known to be a value.
    type Stored: Value;

    fn restore(stored: Self::Stored) -> Self;

    fn stored(&self) -> &Self::Stored;
}

#[diagnostic::do_not_recommend]
impl<T: Value> ValueFor<'_> for T {
    type Stored = T;

    fn restore(stored: T) -> T {
        stored
    }

    fn stored(&self) -> &T {
        self
    }
}

/// A value that stays in process memory: cloned on a hit, and never encoded.
///
/// Implemented for everything that is `Clone + Send + Sync + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in process memory",
    label = "not a value that can be kept",
    note = "it must be `Clone`, `Send`, `Sync` and own what it holds: derive `Clone`, or return an `Arc` of it"
)]
pub trait Local: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Local for T {}

/// [`Local`], asked of the caller, as [`ValueFor`] is.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in process memory",
    label = "not a value that can be kept",
    note = "it must be `Clone`, `Send`, `Sync` and own what it holds: derive `Clone`, or return an `Arc` of it"
)]
pub trait LocalFor<'caller>: Sized {
    /// The type itself, known to be a value.
    type Stored: Local;

    fn restore(stored: Self::Stored) -> Self;

    fn stored(&self) -> &Self::Stored;
}

#[diagnostic::do_not_recommend]
impl<T: Local> LocalFor<'_> for T {
    type Stored = T;

    fn restore(stored: T) -> T {
        stored
    }

    fn stored(&self) -> &T {
        self
    }
}
