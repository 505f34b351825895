//! Values as bytes, and back.
//!
//! postcard, where it can hold the type: it is the smallest and fastest, but not self-describing.
//! Types that it cannot hold faithfully (flattened, untagged, recursive or with skipped fields) go
//! as MessagePack with field names. Either way an entry carries the shape of what was written, and
//! a type whose shape has changed since does not read. Integers have a layout of their own, so that
//! a server can count.

mod coding;
mod compression;
mod number;
mod shape;
mod strict;
mod witness;

use std::any::Any;
use std::borrow::Cow;

pub use self::coding::{Coded, Coding, Uncoded};
pub use self::compression::Compression;
pub use self::number::NumberKind;
pub(crate) use self::number::{Number, VisitNumber};
use self::shape::Shape;
use crate::error::Error;
use crate::value::Value;

/// How values are written to a store. Whatever is chosen, entries say how they were written, so a
/// change reads what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Codec {
    /// The smallest and fastest. Values that it cannot hold go as MessagePack.
    #[default]
    Postcard,
    /// For other programs to read. Values that it cannot hold (map keys that are not text, numbers
    /// that are none) go as MessagePack.
    Json,
    /// Self-describing and compact.
    MessagePack,
}

/// How a cache writes values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Encoding {
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
    /// Bytes from which on values are compressed.
    pub(crate) compress_above: usize,
}

// The codec of a payload: the lower half of a byte, beside its compression.
const POSTCARD: u8 = 1;
const MESSAGE_PACK: u8 = 2;
const JSON: u8 = 3;
const NUMBER: u8 = 4;

/// How deep a value may be nested: bytes from outside must not exhaust the stack.
const MAX_DEPTH: usize = 256;

/// The bytes are not a value of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Bytes with a value behind what was there before; the codec and compression of that value, and its
/// shape.
pub type Encoded = (Vec<u8>, u8, u64);

/// Marks the codec of a failure that is kept (`cache_err`): its bytes never read as a value.
const FAILURE: u8 = 0x80;

/// The codec of a failure that is encoded as a value would be.
pub(crate) fn of_failure(codec: u8) -> u8 {
    codec | FAILURE
}

/// How a failure is encoded that has this codec; `None` for a value's.
pub(crate) fn failure_in(codec: u8) -> Option<u8> {
    (codec & FAILURE != 0).then_some(codec & !FAILURE)
}

/// Whether a payload of this codec changes in place, under its checksum.
pub(crate) fn is_number(codec: u8) -> bool {
    codec == NUMBER
}

/// Whether a payload that the entry's checksum does not cover is sound by itself.
pub(crate) fn is_sound(codec: u8, shape: u64, payload: &[u8]) -> bool {
    !is_number(codec) || Number::parse(payload).is_ok_and(|number| number.kind.shape() == shape)
}

/// Appends `value` to `bytes`; also says how, and its shape.
pub(crate) fn encode<T: Value>(
    value: &T,
    mut bytes: Vec<u8>,
    encoding: Encoding,
) -> Result<Encoded, Error> {
    if let Some(number) = Number::of(value as &dyn Any) {
        number.append(&mut bytes);
        return Ok((bytes, NUMBER, number.kind.shape()));
    }
    let start = bytes.len();
    let (codec, shape) = match encoding.codec {
        Codec::Postcard => {
            write_postcard(value, &mut bytes).or_else(|_| write_message_pack(value, &mut bytes))
        }
        Codec::Json => write_json(value, &mut bytes)
            .or_else(|_| write_message_pack(value, &mut bytes))
            .or_else(|error| write_postcard(value, &mut bytes).map_err(|_| error)),
        Codec::MessagePack => write_message_pack(value, &mut bytes)
            .or_else(|error| write_postcard(value, &mut bytes).map_err(|_| error)),
    }
    .map_err(|error| unencodable::<T>(&error))?;
    let compression = if bytes.len() - start > encoding.compress_above {
        compression::compress(&mut bytes, start, encoding.compression)
    } else {
        0
    };
    Ok((bytes, codec | compression << 4, shape))
}

/// The codec and shape that a value was written in, or why it does not hold the value. Then nothing
/// was written.
type Written = Result<(u8, u64), String>;

fn write_postcard<T: Value>(value: &T, bytes: &mut Vec<u8>) -> Written {
    let Shape::Known(shape) = Shape::of::<T>() else {
        return Err("it does not tell its shape".to_owned());
    };
    write(bytes, |bytes| {
        // Fails for a skipped field, and for a length that is not known in advance.
        postcard::serialize_with_flavor(&strict::Strict(value), Append(bytes))
            .map_err(|error| error.to_string())?;
        Ok((POSTCARD, shape))
    })
}

fn write_json<T: Value>(value: &T, bytes: &mut Vec<u8>) -> Written {
    write(bytes, |bytes| {
        let start = bytes.len();
        serde_json::to_writer(&mut *bytes, value).map_err(|error| error.to_string())?;
        self_describing::<T>(value, &bytes[start..], JSON)
    })
}

fn write_message_pack<T: Value>(value: &T, bytes: &mut Vec<u8>) -> Written {
    write(bytes, |bytes| {
        let start = bytes.len();
        let mut writer = rmp_serde::Serializer::new(&mut *bytes).with_struct_map();
        value
            .serialize(&mut writer)
            .map_err(|error| error.to_string())?;
        self_describing::<T>(value, &bytes[start..], MESSAGE_PACK)
    })
}

fn write(bytes: &mut Vec<u8>, with: impl FnOnce(&mut Vec<u8>) -> Written) -> Written {
    let start = bytes.len();
    let written = with(bytes);
    if written.is_err() {
        bytes.truncate(start);
    }
    written
}

/// Some types write what they cannot read. They are told now, and not by misses without end.
fn self_describing<T: Value>(value: &T, written: &[u8], codec: u8) -> Written {
    let shape = witness::shape_of(value).map_err(|error| error.to_string())?;
    match decode::<T>(written, codec, shape) {
        Ok(_) => Ok((codec, shape)),
        Err(Unreadable) => Err("it does not read back what it writes".to_owned()),
    }
}

/// Reads a value that was written like this in this shape.
pub(crate) fn decode<T: Value>(bytes: &[u8], codec: u8, shape: u64) -> Result<T, Unreadable> {
    // Before anything is decompressed for a type that it is not.
    if codec & 0x0f == POSTCARD && Shape::of::<T>() != Shape::Known(shape) {
        return Err(Unreadable);
    }
    let bytes = match compression::decompress(bytes, codec >> 4)? {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(bytes),
    };
    match codec & 0x0f {
        POSTCARD => match postcard::take_from_bytes(&bytes) {
            Ok((value, [])) => Ok(value),
            _ => Err(Unreadable),
        },
        NUMBER => {
            let number = Number::parse(&bytes)?;
            if number.kind.shape() != shape {
                return Err(Unreadable);
            }
            number.restore()
        }
        MESSAGE_PACK => {
            let mut reader = rmp_serde::Deserializer::from_read_ref(&*bytes);
            reader.set_max_depth(MAX_DEPTH);
            of_shape(T::deserialize(&mut reader).map_err(|_| Unreadable)?, shape)
        }
        JSON => of_shape(
            serde_json::from_slice(&bytes).map_err(|_| Unreadable)?,
            shape,
        ),
        _ => Err(Unreadable),
    }
}

/// Self-describing bytes also read into a type that has changed since, with defaults for what is
/// missing; the shape of what came out tells.
fn of_shape<T: Value>(value: T, shape: u64) -> Result<T, Unreadable> {
    if witness::shape_of(&value) == Ok(shape) {
        Ok(value)
    } else {
        Err(Unreadable)
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

fn unencodable<T>(reason: &str) -> Error {
    Error::Encode {
        type_name: std::any::type_name::<T>(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
