//! Values as bytes, and back.
//!
//! postcard, where it can hold the type: it is the smallest and fastest, but not self-describing.
//! Types that it cannot hold faithfully (flattened, untagged, recursive or with skipped fields) go
//! as MessagePack with field names. Either way an entry carries the shape of what was written, and
//! a type whose shape has changed since does not read.

mod shape;
mod strict;
mod witness;

use crate::error::Error;
use crate::value::Value;
use shape::Shape;

const POSTCARD: u8 = 1;
const MESSAGE_PACK: u8 = 2;

/// How deep a value may be nested: bytes from outside must not exhaust the stack.
const MAX_DEPTH: usize = 256;

/// The bytes are not a value of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Appends `value` to `bytes`; also says with which codec, and its shape.
pub(crate) fn encode<T: Value>(value: &T, mut bytes: Vec<u8>) -> Result<(Vec<u8>, u8, u64), Error> {
    let start = bytes.len();
    if let Shape::Known(shape) = Shape::of::<T>() {
        let appended = postcard::serialize_with_flavor(&strict::Strict(value), Append(&mut bytes));
        match appended {
            Ok(()) => return Ok((bytes, POSTCARD, shape)),
            // A skipped field, or a length that is not known in advance.
            Err(_) => bytes.truncate(start),
        }
    }
    let mut writer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value
        .serialize(&mut writer)
        .map_err(|error| unencodable::<T>(&error))?;
    let shape = witness::shape_of(value).map_err(|error| unencodable::<T>(&error))?;
    // Some types write what they cannot read. They are told now, and not by misses without end.
    if decode::<T>(&bytes[start..], MESSAGE_PACK, shape).is_err() {
        return Err(unencodable::<T>(&"it does not read back what it writes"));
    }
    Ok((bytes, MESSAGE_PACK, shape))
}

/// Reads a value that was written with this codec in this shape.
pub(crate) fn decode<T: Value>(bytes: &[u8], codec: u8, shape: u64) -> Result<T, Unreadable> {
    match codec {
        POSTCARD => {
            if Shape::of::<T>() != Shape::Known(shape) {
                return Err(Unreadable);
            }
            match postcard::take_from_bytes(bytes) {
                Ok((value, [])) => Ok(value),
                _ => Err(Unreadable),
            }
        }
        MESSAGE_PACK => {
            let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
            reader.set_max_depth(MAX_DEPTH);
            let value = T::deserialize(&mut reader).map_err(|_| Unreadable)?;
            // Self-describing bytes also read into a type that has changed since, with defaults for
            // what is missing; the shape of what came out tells.
            if witness::shape_of(&value) != Ok(shape) {
                return Err(Unreadable);
            }
            Ok(value)
        }
        _ => Err(Unreadable),
    }
}

/// Lets postcard write behind what is already there.
struct Append<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Bytes that are different whenever two values are: for keys. The types and names that postcard
/// leaves out are folded into the signature.
pub(crate) fn identify<T: serde::Serialize + ?Sized>(value: &T) -> Result<(Vec<u8>, u64), String> {
    let signature = witness::signature_of(value).map_err(|error| error.to_string())?;
    let bytes = match postcard::to_stdvec(value) {
        Ok(bytes) => bytes,
        // Flattened values have no length in advance.
        Err(_) => rmp_serde::to_vec_named(value).map_err(|error| error.to_string())?,
    };
    Ok((bytes, signature))
}

fn unencodable<T>(error: &dyn std::fmt::Display) -> Error {
    Error::Encode {
        type_name: std::any::type_name::<T>(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
