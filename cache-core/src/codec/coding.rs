//! Whether values leave the process: most do, those of functions that use process memory only do not.

use super::{Encoded, Encoding, Unreadable};
use crate::error::Error;
use crate::value::Value;

/// Whether values of type `T` leave the process, and then how.
pub trait Coding<T>: Send + Sync + 'static {
    /// Appends a value to the bytes; also says how, and its shape.
    fn encode(value: &T, bytes: Vec<u8>, encoding: Encoding) -> Result<Encoded, Error>;

    /// Reads a value that was written like this.
    fn decode(bytes: &[u8], codec: u8, shape: u64) -> Result<T, Unreadable>;
}

/// Values that every store can hold.
#[derive(Debug)]
pub enum Coded {}

/// Values of functions that use process memory only.
#[derive(Debug)]
pub enum Uncoded {}

impl<T: Value> Coding<T> for Coded {
    fn encode(value: &T, bytes: Vec<u8>, encoding: Encoding) -> Result<Encoded, Error> {
        super::encode(value, bytes, encoding)
    }

    fn decode(bytes: &[u8], codec: u8, shape: u64) -> Result<T, Unreadable> {
        super::decode(bytes, codec, shape)
    }
}

impl<T> Coding<T> for Uncoded {
    fn encode(_: &T, _: Vec<u8>, _: Encoding) -> Result<Encoded, Error> {
        Err(Error::Encode {
            type_name: std::any::type_name::<T>(),
            reason: "it stays in process memory".to_owned(),
        })
    }

    fn decode(_: &[u8], _: u8, _: u64) -> Result<T, Unreadable> {
        Err(Unreadable)
    }
}
