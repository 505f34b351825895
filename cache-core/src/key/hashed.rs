//! Arguments that are hashed into a key.

use serde::{Serialize, Serializer};

/// An argument of [`Key::of_call`](crate::Key::of_call). Wrapped, so that one that does not serialize
/// is reported in words that say what to do.
#[doc(hidden)]
#[derive(Debug)]
pub struct Hashed<'a, T: ?Sized>(pub &'a T);

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be hashed into a key",
    label = "cannot be serialized",
    note = "derive `serde::Serialize` for `{Self}`, give the function a `key`, or say `skip(..)`"
)]
pub trait HashPart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> HashPart for T {}

impl<T: HashPart + ?Sized> Serialize for Hashed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
