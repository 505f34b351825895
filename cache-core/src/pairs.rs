//! How the return value of a batch is taken apart: into pairs of an id and its value, and back.

use std::hash::Hash;

use crate::outcome::{Fallible, FallibleShared, Outcome, Plain};

/// What a batch returns: a `HashMap`, a `BTreeMap`, a `Vec` of pairs, or anything else that can be
/// taken apart into pairs and collected from them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a batch returns pairs of an id and its value, and `{Self}` has none",
    label = "not what a batch returns",
    note = "return a `HashMap`, a `BTreeMap` or a `Vec` of pairs, plain or in a `Result`"
)]
pub trait Pairs:
    IntoIterator<Item = (Self::Id, Self::Value)> + FromIterator<(Self::Id, Self::Value)>
{
    type Id;
    type Value;
}

#[diagnostic::do_not_recommend]
impl<M, I, V> Pairs for M
where
    M: IntoIterator<Item = (I, V)> + FromIterator<(I, V)>,
{
    type Id = I;
    type Value = V;
}

/// How a batch's returned pairs name an item of type `T`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a batch of `{T}` returns pairs whose ids are `{T}` too, and these are `{Self}`",
    label = "not the id of a `{T}`",
    note = "the id is the item itself (a `String` for a `&str`), and is `Eq`, `Hash` and `Clone`"
)]
pub trait IdOf<T>: Eq + Hash {
    fn of(item: &T) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash + Clone> IdOf<T> for T {
    fn of(item: &T) -> Self {
        item.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash + Clone> IdOf<&T> for T {
    fn of(item: &&T) -> Self {
        (*item).clone()
    }
}

#[diagnostic::do_not_recommend]
impl IdOf<&str> for String {
    fn of(item: &&str) -> Self {
        (*item).to_owned()
    }
}

/// How the return value of a batch over items of type `T` is taken apart: [`Outcome`] for many.
#[doc(hidden)]
pub trait Batch<T> {
    /// What the function returns.
    type Returned;
    /// The pairs in it.
    type Pairs: Pairs<Id = Self::Id, Value = <Self::One as Outcome>::Value>;
    /// What names an item in them.
    type Id: IdOf<T>;
    /// What a function of one item would return.
    type One: Outcome;

    /// Takes a returned value apart.
    ///
    /// # Errors
    /// The function's own failure.
    fn split(returned: Self::Returned) -> Result<Self::Pairs, Failure<Self, T>>;

    /// Puts it together again.
    fn merge(result: Result<Self::Pairs, Failure<Self, T>>) -> Self::Returned;
}

/// The value of one item.
pub(crate) type Value<B, T> = <<B as Batch<T>>::One as Outcome>::Value;

/// A batch's own failure.
pub(crate) type Failure<B, T> = <<B as Batch<T>>::One as Outcome>::Failure;

impl<T, M, C> Batch<T> for Plain<M, C>
where
    M: Pairs<Id: IdOf<T>>,
    Plain<M::Value, C>: Outcome<Value = M::Value, Failure = std::convert::Infallible>,
{
    type Returned = M;
    type Pairs = M;
    type Id = M::Id;
    type One = Plain<M::Value, C>;

    fn split(returned: M) -> Result<M, std::convert::Infallible> {
        Ok(returned)
    }

    fn merge(result: Result<M, std::convert::Infallible>) -> M {
        match result {
            Ok(pairs) => pairs,
            Err(never) => match never {},
        }
    }
}

macro_rules! fallible {
    ($($kind:ident)*) => {$(
        impl<T, M, E, C> Batch<T> for $kind<M, E, C>
        where
            M: Pairs<Id: IdOf<T>>,
            $kind<M::Value, E, C>: Outcome<Value = M::Value, Failure = E>,
        {
            type Returned = Result<M, E>;
            type Pairs = M;
            type Id = M::Id;
            type One = $kind<M::Value, E, C>;

            fn split(returned: Result<M, E>) -> Result<M, E> {
                returned
            }

            fn merge(result: Result<M, E>) -> Result<M, E> {
                result
            }
        }
    )*};
}

fallible!(Fallible FallibleShared);
