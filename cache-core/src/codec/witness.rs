//! The shape of one value, as its own serialization tells it: names and types of everything in it,
//! without the contents. For types whose shape cannot be known without a value.

use std::fmt;
use std::hash::Hasher;

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use xxhash_rust::xxh3::Xxh3;

/// The shape of `value`.
pub(super) fn shape_of<T: Serialize + ?Sized>(value: &T) -> Result<u64, Failed> {
    value.serialize(Witness { is_exact: false })
}

/// The shape of `value` with the order of everything in it.
pub(super) fn signature_of<T: Serialize + ?Sized>(value: &T) -> Result<u64, Failed> {
    value.serialize(Witness { is_exact: true })
}

/// The value's own `Serialize` failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl serde::ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn shape(kind: &str, names: &[&str], inside: &[u64]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(kind.as_bytes());
    for name in names {
        hasher.write_usize(name.len());
        hasher.update(name.as_bytes());
    }
    for inside in inside {
        hasher.write_u64(*inside);
    }
    hasher.digest()
}

#[derive(Clone, Copy)]
struct Witness {
    /// Whether the order of elements counts even where they could be a set's.
    is_exact: bool,
}

macro_rules! primitives {
    ($($method:ident: $value:ty,)*) => {$(
        fn $method(self, _: $value) -> Result<u64, Failed> {
            Ok(shape(stringify!($value), &[], &[]))
        }
    )*};
}

impl Witness {
    fn parts(self, is_ordered: bool, kind: &str, names: &[&str]) -> Parts {
        Parts {
            witness: self,
            folded: shape(kind, names, &[]),
            is_ordered,
            key: 0,
        }
    }
}

impl Serializer for Witness {
    type Ok = u64;
    type Error = Failed;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    primitives! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
    }

    fn serialize_none(self) -> Result<u64, Failed> {
        Ok(shape("none", &[], &[]))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Failed> {
        Ok(shape("some", &[], &[value.serialize(self)?]))
    }

    fn serialize_unit(self) -> Result<u64, Failed> {
        Ok(shape("unit", &[], &[]))
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<u64, Failed> {
        Ok(shape("unit struct", &[name], &[]))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<u64, Failed> {
        Ok(shape("variant", &[name, variant], &[]))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<u64, Failed> {
        Ok(shape("newtype", &[name], &[value.serialize(self)?]))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Failed> {
        Ok(shape(
            "newtype variant",
            &[name, variant],
            &[value.serialize(self)?],
        ))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(self.parts(false, "seq", &[]))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Failed> {
        Ok(self.parts(true, "tuple", &[]))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(self.parts(true, "tuple struct", &[name]))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(self.parts(true, "tuple variant", &[name, variant]))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Failed> {
        Ok(self.parts(false, "map", &[]))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts, Failed> {
        Ok(self.parts(true, "struct", &[name]))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Failed> {
        Ok(self.parts(true, "struct variant", &[name, variant]))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The shapes of what is inside something, folded into one.
struct Parts {
    witness: Witness,
    folded: u64,
    /// Sets and maps come in another order each time; so the parts of anything that could be one
    /// are added up instead of chained.
    is_ordered: bool,
    key: u64,
}

impl Parts {
    fn add(&mut self, part: u64) {
        self.folded = if self.is_ordered || self.witness.is_exact {
            shape("then", &[], &[self.folded, part])
        } else {
            self.folded.wrapping_add(shape("also", &[], &[part]))
        };
    }
}

macro_rules! elements {
    ($($compound:ident.$method:ident)*) => {$(
        impl $compound for Parts {
            type Ok = u64;
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.add(value.serialize(self.witness)?);
                Ok(())
            }

            fn end(self) -> Result<u64, Failed> {
                Ok(self.folded)
            }
        }
    )*};
}

elements! {
    SerializeSeq.serialize_element
    SerializeTuple.serialize_element
    SerializeTupleStruct.serialize_field
    SerializeTupleVariant.serialize_field
}

macro_rules! fields {
    ($($compound:ident)*) => {$(
        impl $compound for Parts {
            type Ok = u64;
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Failed> {
                self.add(shape("field", &[name], &[value.serialize(self.witness)?]));
                Ok(())
            }

            fn end(self) -> Result<u64, Failed> {
                Ok(self.folded)
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl SerializeMap for Parts {
    type Ok = u64;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        // A flattened struct is a map, and its field names are keys.
        self.key = match key.serialize(Text) {
            Ok(text) => shape("key", &[&text], &[]),
            Err(_) => key.serialize(self.witness)?,
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.add(shape(
            "entry",
            &[],
            &[self.key, value.serialize(self.witness)?],
        ));
        Ok(())
    }

    fn end(self) -> Result<u64, Failed> {
        Ok(self.folded)
    }
}

/// Takes a text, and nothing else.
struct Text;

macro_rules! refuse {
    ($($method:ident($($value:ty),*) -> $returned:ty;)*) => {$(
        fn $method(self, $(_: $value),*) -> Result<$returned, Failed> {
            Err(Failed(String::new()))
        }
    )*};
}

type No = Impossible<String, Failed>;

impl Serializer for Text {
    type Ok = String;
    type Error = Failed;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    fn serialize_str(self, text: &str) -> Result<String, Failed> {
        Ok(text.to_owned())
    }

    refuse! {
        serialize_bool(bool) -> String;
        serialize_i8(i8) -> String;
        serialize_i16(i16) -> String;
        serialize_i32(i32) -> String;
        serialize_i64(i64) -> String;
        serialize_u8(u8) -> String;
        serialize_u16(u16) -> String;
        serialize_u32(u32) -> String;
        serialize_u64(u64) -> String;
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_char(char) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_none() -> String;
        serialize_unit() -> String;
        serialize_unit_struct(&'static str) -> String;
        serialize_unit_variant(&'static str, u32, &'static str) -> String;
        serialize_seq(Option<usize>) -> No;
        serialize_tuple(usize) -> No;
        serialize_tuple_struct(&'static str, usize) -> No;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No;
        serialize_map(Option<usize>) -> No;
        serialize_struct(&'static str, usize) -> No;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String, Failed> {
        Err(Failed(String::new()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, Failed> {
        value.serialize(Text)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, Failed> {
        Err(Failed(String::new()))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
