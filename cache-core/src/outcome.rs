//! How a function's return value is taken apart: what is cached of it, and what is not.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::{Coded, Coding, Uncoded};
use crate::value::{Local, Value};

/// A failure that the callers of one load share.
pub(crate) type SharedFailure = Arc<dyn Any + Send + Sync>;

/// How a function's return value is taken apart: into the part that is cached and the part that is
/// not, and back.
pub trait Outcome: Send + Sync {
    /// What the function returns.
    type Returned;
    /// What is cached of it.
    type Value: Local;
    /// What is not.
    type Failure;
    /// What is kept of a failure, where failures are.
    type Negative: Local;
    /// How both leave the process.
    type Coding: Coding<Self::Value> + Coding<Self::Negative>;

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

    /// What is kept of a failure, where failures are.
    fn negative(_: &Self::Failure) -> Option<Self::Negative> {
        None
    }

    /// The failure that was kept.
    fn failure(negative: Self::Negative) -> Self::Failure;
}

/// Where failures are not kept, there are none of them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum NoNegative {}

/// A failure that is kept. A type of its own, because a value may have the same type as a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed<E>(pub E);

/// Encoded as the failure itself: the entry says that it is one.
impl<E: Serialize> Serialize for Failed<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, E: Deserialize<'de>> Deserialize<'de> for Failed<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        E::deserialize(deserializer).map(Self)
    }
}

/// A function that returns a plain value.
pub struct Plain<T, C = Coded>(PhantomData<fn(C) -> T>);

/// A function that returns a `Result` whose error only its own caller gets.
pub struct Fallible<T, E, C = Coded>(PhantomData<fn(C) -> Result<T, E>>);

/// A function that returns a `Result` whose error can be cloned to all who wait for the load.
pub struct FallibleShared<T, E, C = Coded>(PhantomData<fn(C) -> Result<T, E>>);

/// A function that returns a `Result` whose error is kept for a while: `cache_err`.
pub struct FallibleKept<T, E, C = Coded>(PhantomData<fn(C) -> Result<T, E>>);

/// The outcomes of functions whose values are coded like this, and so must be that. One bound for each
/// type, so that one that lacks several traits gives one error.
macro_rules! outcomes {
    ($($coding:ident: $value:ident;)*) => {$(
        impl<T: $value> Outcome for Plain<T, $coding> {
            type Returned = T;
            type Value = T;
            type Failure = Infallible;
            type Negative = NoNegative;
            type Coding = $coding;

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

            fn failure(negative: NoNegative) -> Infallible {
                match negative {}
            }
        }

        impl<T: $value, E> Outcome for Fallible<T, E, $coding> {
            type Returned = Result<T, E>;
            type Value = T;
            type Failure = E;
            type Negative = NoNegative;
            type Coding = $coding;

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

            fn failure(negative: NoNegative) -> E {
                match negative {}
            }
        }

        impl<T: $value, E: Local> Outcome for FallibleShared<T, E, $coding> {
            type Returned = Result<T, E>;
            type Value = T;
            type Failure = E;
            type Negative = NoNegative;
            type Coding = $coding;

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

            fn failure(negative: NoNegative) -> E {
                match negative {}
            }
        }

        impl<T: $value, E: $value> Outcome for FallibleKept<T, E, $coding> {
            type Returned = Result<T, E>;
            type Value = T;
            type Failure = E;
            type Negative = Failed<E>;
            type Coding = $coding;

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

            fn negative(failure: &E) -> Option<Failed<E>> {
                Some(Failed(failure.clone()))
            }

            fn failure(negative: Failed<E>) -> E {
                negative.0
            }
        }
    )*};
}

outcomes!(Coded: Value; Uncoded: Local;);

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

debug_by_name!(Plain<T, C> Fallible<T, E, C> FallibleShared<T, E, C> FallibleKept<T, E, C>);

/// Chooses the [`Outcome`] of a function by its return type. Written as method lookup, because it
/// must see through aliases of `Result` and must ask whether an error is `Clone` without requiring
/// it. `Uncoded` behind the type is for functions that use process memory only.
#[doc(hidden)]
#[macro_export]
macro_rules! __outcome {
    ($returned:ty $(, $coding:ident)?) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ReturnsPlain as _, ReturnsResult as _, ReturnsSharedResult as _};
        (&&&$crate::__private::Returns::<$returned $(, $crate::__private::$coding)?>::NEW).outcome()
    }};
    // The error borrows, so it cannot be shared, even if it is `Clone`; method lookup does not see
    // lifetimes.
    (borrowing $returned:ty $(, $coding:ident)?) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ReturnsPlain as _, ReturnsResult as _};
        (&&$crate::__private::Returns::<$returned $(, $crate::__private::$coding)?>::NEW).outcome()
    }};
    // `cache_err`
    (keeping $returned:ty $(, $coding:ident)?) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ReturnsKeptResult as _, ReturnsPlain as _};
        let returns = $crate::__private::Returns::<$returned $(, $crate::__private::$coding)?>::NEW;
        $crate::__private::keeps_error(&returns);
        (&&returns).outcome()
    }};
}

/// What a function returns, and how its values leave the process.
#[doc(hidden)]
pub struct Returns<R, C = Coded>(PhantomData<fn(C) -> R>);

impl<R, C> Returns<R, C> {
    pub const NEW: Self = Self(PhantomData);
}

impl<R, C> fmt::Debug for Returns<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returns")
    }
}

#[doc(hidden)]
pub trait ReturnsSharedResult<T, E, C> {
    fn outcome(&self) -> FallibleShared<T, E, C> {
        FallibleShared::NEW
    }
}

impl<T, E: Clone + Send + Sync + 'static, C> ReturnsSharedResult<T, E, C>
    for &&Returns<Result<T, E>, C>
{
}

#[doc(hidden)]
pub trait ReturnsResult<T, E, C> {
    fn outcome(&self) -> Fallible<T, E, C> {
        Fallible::NEW
    }
}

impl<T, E, C> ReturnsResult<T, E, C> for &Returns<Result<T, E>, C> {}

#[doc(hidden)]
pub trait ReturnsPlain<T, C> {
    fn outcome(&self) -> Plain<T, C> {
        Plain::NEW
    }
}

impl<T, C> ReturnsPlain<T, C> for Returns<T, C> {}

#[doc(hidden)]
pub trait ReturnsKeptResult<T, E, C> {
    fn outcome(&self) -> FallibleKept<T, E, C> {
        FallibleKept::NEW
    }
}

impl<T, E, C> ReturnsKeptResult<T, E, C> for &Returns<Result<T, E>, C> {}

/// A return type with an error in it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`cache_err` is for functions that return a `Result`",
    label = "no error is ever in this",
    note = "leave `cache_err` out"
)]
pub trait HasError {}

impl<T, E> HasError for Result<T, E> {}

/// Says so where there is no error to be kept.
#[doc(hidden)]
pub fn keeps_error<R: HasError, C>(_: &Returns<R, C>) {}

/// The value that is cached of a function that returns `R`, where only the caller can say which it
/// is: `R` may be an alias of `Result` with a name of its own.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the function does not cache a `{V}`",
    label = "not what the function caches"
)]
pub trait Yields<V> {}

impl<T, E, C> Yields<T> for Returns<Result<T, E>, C> {}
impl<R, C> Yields<R> for Returns<R, C> {}

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
