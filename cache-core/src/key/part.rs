//! What can stand in a key's placeholder.

use std::borrow::Cow;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use super::writer::ValueWriter;

/// A value that can stand in a placeholder of a key, tag or namespace template.
///
/// Implemented for integers, floats, `bool`, `char`, strings, references, smart pointers and
/// `Option` of these. A type of your own needs only [`Display`]; implement this trait instead where
/// a key should differ from what people read. Two values that are different must write
/// differently, or they share an entry.
///
/// ```
/// use larder::{Key, KeyPart, ValueWriter};
///
/// struct Sku { maker: u16, article: u32 }
///
/// impl KeyPart for Sku {
///     fn write(&self, out: &mut ValueWriter<'_, '_>) {
///         out.display(format_args!("{}.{}", self.maker, self.article));
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "cannot be written into a key",
    note = "implement `Display` (or `larder::KeyPart`) for `{Self}`, or name one of its fields, as in `{{arg.id}}`"
)]
pub trait KeyPart {
    /// Writes the value; what is written is escaped on the way.
    fn write(&self, out: &mut ValueWriter<'_, '_>);
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl KeyPart for $integer {
            #[inline]
            fn write(&self, out: &mut ValueWriter<'_, '_>) {
                out.text(itoa::Buffer::new().format(*self));
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! displayed {
    ($($displayed:ty)*) => {$(
        impl KeyPart for $displayed {
            fn write(&self, out: &mut ValueWriter<'_, '_>) {
                out.display(self);
            }
        }
    )*};
}

displayed!(f32 f64 char std::net::IpAddr std::net::Ipv4Addr std::net::Ipv6Addr std::net::SocketAddr);

impl KeyPart for bool {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        out.text(if *self { "true" } else { "false" });
    }
}

impl KeyPart for str {
    #[inline]
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        out.text(self);
    }
}

impl KeyPart for String {
    #[inline]
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        out.text(self);
    }
}

/// `None` is written as nothing that a value could be written as.
impl<T: KeyPart> KeyPart for Option<T> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        match self {
            Some(value) => out.some(value),
            None => out.none(),
        }
    }
}

macro_rules! pointers {
    ($($pointer:ty)*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $pointer {
            #[inline]
            fn write(&self, out: &mut ValueWriter<'_, '_>) {
                (**self).write(out);
            }
        }
    )*};
}

pointers!(&T &mut T Box<T> Arc<T> Rc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        (**self).write(out);
    }
}

/// Chooses how a placeholder's value is written: [`KeyPart`] if its type has it, else [`Display`].
/// The macros write `__part!(value)`; the choice is made by method lookup, because overlapping
/// trait implementations are not to be had.
#[doc(hidden)]
#[macro_export]
macro_rules! __part {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{PartByDisplay as _, PartByRule as _, PartMissing as _};
        (&&&$crate::__private::Wrap(&$value)).part()
    }};
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Wrap<'a, T: ?Sized>(pub &'a T);

#[doc(hidden)]
pub trait PartByRule<'a> {
    type Part: KeyPart;
    fn part(&self) -> Self::Part;
}

impl<'a, T: KeyPart + ?Sized> PartByRule<'a> for &&Wrap<'a, T> {
    type Part = &'a T;
    #[inline]
    fn part(&self) -> &'a T {
        self.0
    }
}

#[doc(hidden)]
pub trait PartByDisplay<'a> {
    type Part: KeyPart;
    fn part(&self) -> Self::Part;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Displayed<'a, T: ?Sized>(&'a T);

impl<T: Display + ?Sized> KeyPart for Displayed<'_, T> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        out.display(self.0);
    }
}

impl<'a, T: Display + ?Sized> PartByDisplay<'a> for &Wrap<'a, T> {
    type Part = Displayed<'a, T>;
    fn part(&self) -> Displayed<'a, T> {
        Displayed(self.0)
    }
}

/// The last resort, for types that are neither: it names the type that is wrong.
#[doc(hidden)]
pub trait PartMissing<'a> {
    type Type: ?Sized;
    fn part(&self) -> Unwritable<'a, Self::Type>;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Unwritable<'a, T: ?Sized>(&'a T);

impl<T: KeyPart + ?Sized> KeyPart for Unwritable<'_, T> {
    fn write(&self, out: &mut ValueWriter<'_, '_>) {
        self.0.write(out);
    }
}

impl<'a, T: ?Sized> PartMissing<'a> for Wrap<'a, T> {
    type Type = T;
    fn part(&self) -> Unwritable<'a, T> {
        Unwritable(self.0)
    }
}
