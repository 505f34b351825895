//! What can be cached, and how a function's return value is taken apart.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

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

/// A failure that the callers of one load share.
pub(crate) type SharedFailure = Arc<dyn Any + Send + Sync>;

/// How a function's return value is taken apart: into the part that is cached and the part that is
/// not, and back.
pub trait Outcome: Send + Sync {
    /// What the function returns.
    type Returned;
    /// What is cached of it.
    type Value: Value;
    /// What is not.
    type Failure;

    /// Takes a returned value apart.
    ///
    /// # Errors
    /// The function's own failure.
    fn split(returned: Self::Returned) -> Result<Self::Value, Self::Failure>;

    /// Puts it together again.
    fn merge(result: Result<Self::Value, Self::Failure>) -> Self::Returned;

    /// The failure in a form that others can get too, where its type allows that.
    fn share(failure: &Self::Failure) -> Option<SharedFailure>;

    /// One's own copy of a shared failure.
    fn shared(failure: &SharedFailure) -> Option<Self::Failure>;
}

/// A function that returns a plain value.
pub struct Plain<T>(PhantomData<fn() -> T>);

/// A function that returns a `Result` whose error only its own caller gets.
pub struct Fallible<T, E>(PhantomData<fn() -> Result<T, E>>);

/// A function that returns a `Result` whose error can be cloned to all who wait for the load.
pub struct FallibleShared<T, E>(PhantomData<fn() -> Result<T, E>>);

impl<T: Value> Outcome for Plain<T> {
    type Returned = T;
    type Value = T;
    type Failure = Infallible;

    fn split(returned: T) -> Result<T, Infallible> {
        Ok(returned)
    }

    fn merge(result: Result<T, Infallible>) -> T {
        match result {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    fn share(failure: &Infallible) -> Option<SharedFailure> {
        match *failure {}
    }

    fn shared(_: &SharedFailure) -> Option<Infallible> {
        None
    }
}

impl<T: Value, E> Outcome for Fallible<T, E> {
    type Returned = Result<T, E>;
    type Value = T;
    type Failure = E;

    fn split(returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    fn merge(result: Result<T, E>) -> Result<T, E> {
        result
    }

    fn share(_: &E) -> Option<SharedFailure> {
        None
    }

    fn shared(_: &SharedFailure) -> Option<E> {
        None
    }
}

impl<T: Value, E: Clone + Send + Sync + 'static> Outcome for FallibleShared<T, E> {
    type Returned = Result<T, E>;
    type Value = T;
    type Failure = E;

    fn split(returned: Result<T, E>) -> Result<T, E> {
        returned
    }

    fn merge(result: Result<T, E>) -> Result<T, E> {
        result
    }

    fn share(failure: &E) -> Option<SharedFailure> {
        Some(Arc::new(failure.clone()))
    }

    fn shared(failure: &SharedFailure) -> Option<E> {
        failure.downcast_ref::<E>().cloned()
    }
}

macro_rules! debug_by_name {
    ($($kind:ident<$($parameter:ident),*>)*) => {$(
        impl<$($parameter),*> fmt::Debug for $kind<$($parameter),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($kind))
            }
        }

        impl<$($parameter),*> $kind<$($parameter),*> {
            pub(crate) const NEW: Self = Self(PhantomData);
        }
    )*};
}

debug_by_name!(Plain<T> Fallible<T, E> FallibleShared<T, E>);

/// Chooses the [`Outcome`] of a function by its return type. Written as method lookup, because it
/// must see through aliases of `Result` and must ask whether an error is `Clone` without requiring
/// it.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome {
    ($returned:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ReturnsPlain as _, ReturnsResult as _, ReturnsSharedResult as _};
        (&&&$crate::__private::Returns::<$returned>::NEW).outcome()
    }};
    // The error borrows, so it cannot be shared, even if it is `Clone`; method lookup does not see
    // lifetimes.
    (borrowing $returned:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ReturnsPlain as _, ReturnsResult as _};
        (&&$crate::__private::Returns::<$returned>::NEW).outcome()
    }};
}

#[doc(hidden)]
pub struct Returns<R>(PhantomData<fn() -> R>);

impl<R> Returns<R> {
    pub const NEW: Self = Self(PhantomData);
}

impl<R> fmt::Debug for Returns<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returns")
    }
}

#[doc(hidden)]
pub trait ReturnsSharedResult<T, E> {
    fn outcome(&self) -> FallibleShared<T, E> {
        FallibleShared::NEW
    }
}

impl<T, E: Clone + Send + Sync + 'static> ReturnsSharedResult<T, E> for &&Returns<Result<T, E>> {}

#[doc(hidden)]
pub trait ReturnsResult<T, E> {
    fn outcome(&self) -> Fallible<T, E> {
        Fallible::NEW
    }
}

impl<T, E> ReturnsResult<T, E> for &Returns<Result<T, E>> {}

#[doc(hidden)]
pub trait ReturnsPlain<T> {
    fn outcome(&self) -> Plain<T> {
        Plain::NEW
    }
}

impl<T> ReturnsPlain<T> for Returns<T> {}

/// Keeps every value.
#[doc(hidden)]
pub fn always<T>(_: &T) -> bool {
    true
}

/// Keeps only `Some`: `cache_none = false`.
#[doc(hidden)]
pub fn if_some<V: MaybeNone>(value: &V) -> bool {
    value.is_some()
}

/// A value that can be `None`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`cache_none` is for functions whose value is an `Option`",
    label = "this is never `None`",
    note = "leave `cache_none` out"
)]
pub trait MaybeNone {
    fn is_some(&self) -> bool;
}

impl<T> MaybeNone for Option<T> {
    fn is_some(&self) -> bool {
        self.is_some()
    }
}

/// The value that is cached of a function that returns `R`, where only the caller can say which it
/// is: `R` may be an alias of `Result` with a name of its own.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the function does not cache a `{V}`",
    label = "not what the function caches"
)]
pub trait Yields<V> {}

impl<T, E> Yields<T> for Returns<Result<T, E>> {}
impl<R> Yields<R> for Returns<R> {}

#[cfg(test)]
mod tests {
    type Aliased<T> = Result<T, std::io::Error>;

    #[test]
    fn the_outcome_sees_through_aliases_and_asks_for_clone() {
        assert_eq!(format!("{:?}", __outcome!(u64)), "Plain");
        assert_eq!(format!("{:?}", __outcome!(Option<u64>)), "Plain");
        assert_eq!(format!("{:?}", __outcome!(Aliased<u64>)), "Fallible");
        assert_eq!(
            format!("{:?}", __outcome!(Result<u64, String>)),
            "FallibleShared"
        );
    }
}
