//! Placeholders with a format: `{id:08}`, `{email:hash}`, `{ids:join}`.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::part::{KeyPart, Wrap};
use super::writer::{Hashing, KeyWriter, ValueWriter};

/// An integer, of which different ones have different digits: only these take a format of digits.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no digits to format",
    label = "not an integer",
    note = "leave the format out, or name a field that is an integer, as in `{{arg.id:08}}`"
)]
pub trait Integer: fmt::Display + fmt::LowerHex + fmt::UpperHex + fmt::Octal + fmt::Binary {}

macro_rules! integers {
    ($($integer:ty)*) => {$(impl Integer for $integer {})*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: Integer + ?Sized> Integer for &T {}

/// `{id:08}`: says so where it is no integer.
#[doc(hidden)]
#[inline]
pub fn integer<T: Integer + ?Sized>(integer: &T) -> &T {
    integer
}

impl KeyPart for fmt::Arguments<'_> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        out.display(self);
    }
}

/// `{email:hash}`: the xxh3-128 of the value as it would be written, in 32 hexadecimal digits.
#[doc(hidden)]
#[derive(Debug)]
pub struct ByHash<P>(pub P);

impl<P: KeyPart> KeyPart for ByHash<P> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        let mut hashing = Hashing(Xxh3Default::new());
        KeyWriter::hash(&mut hashing).value(&self.0);
        out.display(format_args!("{:032x}", hashing.0.digest128()));
    }
}

/// What `{ids:join}` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list that can be joined",
    label = "not a slice, a `Vec` or the like",
    note = "leave `:join` out"
)]
pub trait List {
    type Item;

    fn each(&self, see: &mut dyn FnMut(&Self::Item));
}

macro_rules! lists {
    ($($list:ty)*) => {$(
        impl<T> List for $list {
            type Item = T;

            fn each(&self, see: &mut dyn FnMut(&T)) {
                self.iter().for_each(see);
            }
        }

        impl<T> IsList for $list {}
    )*};
}

lists!([T] Vec<T> Box<[T]> Arc<[T]> VecDeque<T> BTreeSet<T>);

impl<T, const N: usize> List for [T; N] {
    type Item = T;

    fn each(&self, see: &mut dyn FnMut(&T)) {
        self.iter().for_each(see);
    }
}

impl<L: List + ?Sized> List for &L {
    type Item = L::Item;

    fn each(&self, see: &mut dyn FnMut(&L::Item)) {
        (**self).each(see);
    }
}

/// Finds the list, or something that stands for it where there is none: then that is the only mistake.
#[doc(hidden)]
#[macro_export]
macro_rules! __listed {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ListByRule as _, ListMissing as _};
        (&&$crate::__private::Wrap(&$value)).listed()
    }};
}

#[doc(hidden)]
pub trait ListByRule<'a> {
    type Type: List + ?Sized;
    fn listed(&self) -> &'a Self::Type;
}

impl<'a, T: List + ?Sized> ListByRule<'a> for &Wrap<'a, T> {
    type Type = T;
    #[inline]
    fn listed(&self) -> &'a T {
        self.0
    }
}

#[doc(hidden)]
pub trait ListMissing<'a> {
    type Type: ?Sized;
    fn listed(&self) -> &'a NoList<Self::Type>;
}

impl<'a, T: ?Sized + 'a> ListMissing<'a> for Wrap<'a, T> {
    type Type = T;
    fn listed(&self) -> &'a NoList<T> {
        &NoList(PhantomData)
    }
}

/// Stands for a list whose type is none.
#[doc(hidden)]
#[derive(Debug)]
pub struct NoList<T: ?Sized>(PhantomData<fn() -> *const T>);

impl<T: ?Sized> List for NoList<T> {
    type Item = String;

    fn each(&self, _: &mut dyn FnMut(&String)) {}
}

/// A list that is one.
#[doc(hidden)]
pub trait IsList {}

impl<T: List + ?Sized> IsList for NoList<T> {}

impl<T, const N: usize> IsList for [T; N] {}

impl<L: IsList + ?Sized> IsList for &L {}

/// `{ids:join}`: the values in their order, each escaped, with `%,` between. A list without any is
/// written as nothing that a value could be written as.
#[doc(hidden)]
pub fn list<L, W>(list: &L, write: W) -> Joined<'_, L, W>
where
    L: List + IsList + ?Sized,
    W: Fn(&L::Item, &mut ValueWriter<'_, '_>),
{
    Joined { list, write }
}

/// See [`list`].
#[doc(hidden)]
pub struct Joined<'a, L: ?Sized, W> {
    list: &'a L,
    write: W,
}

impl<L, W> KeyPart for Joined<'_, L, W>
where
    L: List + ?Sized,
    W: Fn(&L::Item, &mut ValueWriter<'_, '_>),
{
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        let mut is_empty = true;
        self.list.each(&mut |item| {
            if !std::mem::take(&mut is_empty) {
                out.comma();
            }
            out.inside(|out| (self.write)(item, out));
        });
        if is_empty {
            out.none();
        }
    }
}
