//! Every type reads back as itself; no type reads as another.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::*;

fn round_trip<T: Value + PartialEq + std::fmt::Debug>(value: &T) -> u8 {
    let (bytes, codec, shape) = encode(value, Vec::new(), Encoding::default()).expect("it encodes");
    assert_eq!(decode::<T>(&bytes, codec, shape).as_ref(), Ok(value));
    codec
}

fn reads_as<From: Value, To: Value>(value: &From) -> bool {
    let (bytes, codec, shape) = encode(value, Vec::new(), Encoding::default()).expect("it encodes");
    decode::<To>(&bytes, codec, shape).is_ok()
}

mod before {
    use super::*;
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) struct User {
        pub(super) id: u32,
        pub(super) name: String,
        pub(super) role: Role,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(super) enum Role {
        Guest,
        Admin,
    }
}

fn user() -> before::User {
    before::User {
        id: 7,
        name: "Ada".into(),
        role: before::Role::Admin,
    }
}

macro_rules! changed {
    ($($module:ident: { $($field:ident: $type:ty,)* } [$($role:ident)*])*) => {$(
        mod $module {
            use super::*;
            #[derive(Clone, Serialize, Deserialize)]
            pub(super) struct User { $($field: $type,)* }
            #[derive(Clone, Serialize, Deserialize)]
            pub(super) enum Role { $($role,)* }
        }
    )*};
}

changed! {
    same: { id: u32, name: String, role: Role, } [Guest Admin]
    gained: { id: u32, name: String, role: Role, age: Option<u8>, } [Guest Admin]
    lost: { id: u32, role: Role, } [Guest Admin]
    renamed: { id: u32, title: String, role: Role, } [Guest Admin]
    retyped: { id: i32, name: String, role: Role, } [Guest Admin]
    reordered: { name: String, id: u32, role: Role, } [Guest Admin]
    new_variant: { id: u32, name: String, role: Role, } [Guest Editor Admin]
}

#[test]
fn a_struct_that_changed_shape_does_not_read() {
    assert!(reads_as::<_, same::User>(&user()));
    assert!(!reads_as::<_, gained::User>(&user()));
    assert!(!reads_as::<_, lost::User>(&user()));
    assert!(!reads_as::<_, renamed::User>(&user()));
    assert!(!reads_as::<_, retyped::User>(&user()));
    assert!(!reads_as::<_, reordered::User>(&user()));
    assert!(!reads_as::<_, new_variant::User>(&user()));
}

#[test]
fn plain_types_take_postcard() {
    assert_eq!(round_trip(&user()), POSTCARD);
    assert_eq!(round_trip(&vec![Some(user()), None]), POSTCARD);
    assert_eq!(
        round_trip(&BTreeMap::from([(1_u8, "one".to_owned())])),
        POSTCARD
    );
    assert_eq!(
        round_trip(&std::sync::Arc::new("shared".to_owned())),
        POSTCARD
    );
    assert_eq!(round_trip(&()), POSTCARD);
    assert!(!reads_as::<u32, u64>(&7));
    assert!(!reads_as::<Option<u32>, u32>(&Some(7)));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first: Option<u8>,
    second: Option<u8>,
}

#[test]
fn a_skipped_field_is_not_taken_for_the_next() {
    assert_eq!(
        round_trip(&Skipping {
            first: Some(1),
            second: Some(2)
        }),
        POSTCARD
    );
    assert_eq!(
        round_trip(&Skipping {
            first: None,
            second: Some(2)
        }),
        MESSAGE_PACK
    );
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: u32,
    #[serde(flatten)]
    more: HashMap<String, Untagged>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Set(HashSet<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FlattenedSince {
    id: u32,
    #[serde(default)]
    new: Option<u8>,
    #[serde(flatten)]
    more: HashMap<String, Untagged>,
}

#[test]
fn flattened_and_untagged_types_take_message_pack() {
    let value = Flattened {
        id: 7,
        more: HashMap::from([
            ("a".to_owned(), Untagged::Number(-1)),
            ("b".to_owned(), Untagged::Text("x".into())),
            (
                "c".to_owned(),
                Untagged::Set((0..50).map(|n| n.to_string()).collect()),
            ),
        ]),
    };
    assert_eq!(round_trip(&value), MESSAGE_PACK);
    assert!(!reads_as::<_, FlattenedSince>(&value));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nested {
    inside: Vec<Nested>,
}

#[test]
fn nesting_without_end_does_not_exhaust_the_stack() {
    let nested = Nested {
        inside: vec![Nested { inside: vec![] }],
    };
    assert_eq!(round_trip(&nested), MESSAGE_PACK);
    // A million arrays, each the only element of the one before.
    let hostile = vec![0x91; 1_000_000];
    assert_eq!(decode::<Nested>(&hostile, MESSAGE_PACK, 0), Err(Unreadable));
    assert!(decode::<Nested>(&[1; 1_000_000], POSTCARD, 0).is_err());
}

#[test]
fn elements_without_size_cannot_be_claimed_without_end() {
    let (_, codec, _) = encode(&vec![(), ()], Vec::new(), Encoding::default()).expect("it encodes");
    assert_eq!(codec, MESSAGE_PACK);
}

#[test]
fn random_bytes_never_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    let Shape::Known(shape) = Shape::of::<before::User>() else {
        panic!("its shape is known")
    };
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
        let _ = decode::<before::User>(&bytes, POSTCARD, shape);
        let _ = decode::<Vec<String>>(&bytes, MESSAGE_PACK, shape);
        let _ = decode::<Flattened>(&bytes, MESSAGE_PACK, shape);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Secretive {
    #[serde(skip_serializing, default)]
    secret: u8,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Forgetful {
    #[serde(skip_deserializing)]
    forgotten: u8,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Holding {
    Nothing,
    Secretive(Secretive),
}

#[test]
fn a_field_that_only_one_side_skips_shifts_nothing() {
    assert_eq!(
        round_trip(&Secretive {
            secret: 0,
            name: "\x01x".into()
        }),
        MESSAGE_PACK
    );
    let holding = Holding::Secretive(Secretive {
        secret: 0,
        name: "\x01x".into(),
    });
    assert_eq!(round_trip(&vec![Holding::Nothing, holding]), MESSAGE_PACK);
    let forgetful = Forgetful {
        forgotten: 1,
        name: String::new(),
    };
    // It reads as its `Deserialize` says: with the default for what that skips.
    let (bytes, codec, shape) =
        encode(&forgetful, Vec::new(), Encoding::default()).expect("it encodes");
    let read = decode::<Forgetful>(&bytes, codec, shape);
    assert_eq!(
        read,
        Ok(Forgetful {
            forgotten: 0,
            name: String::new()
        })
    );
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Big { number: u128 },
}

#[test]
fn what_would_not_read_back_is_an_error_and_not_a_miss_without_end() {
    assert!(
        encode(
            &Tagged::Big { number: u128::MAX },
            Vec::new(),
            Encoding::default()
        )
        .is_err()
    );
    let deep = (0..300).fold(Nested { inside: vec![] }, |deep, _| Nested {
        inside: vec![deep],
    });
    assert!(encode(&deep, Vec::new(), Encoding::default()).is_err());
}

fn written_as<T: Value + PartialEq + std::fmt::Debug>(value: &T, codec: Codec) -> u8 {
    let encoding = Encoding {
        codec,
        ..Encoding::default()
    };
    let (bytes, written, shape) = encode(value, Vec::new(), encoding).expect("it encodes");
    assert_eq!(decode::<T>(&bytes, written, shape).as_ref(), Ok(value));
    written
}

#[test]
fn every_codec_reads_back_what_it_writes() {
    for codec in [Codec::Postcard, Codec::Json, Codec::MessagePack] {
        written_as(&user(), codec);
        written_as(&Some(vec![1.5_f64, 0.1 + 0.2]), codec);
        written_as(&Some("text".to_owned()), codec);
        written_as(&BTreeMap::from([(1_u8, 'a')]), codec);
        written_as(&(), codec);
        written_as(&u64::MAX, codec);
        written_as(&(u128::MAX / 7, i128::MIN), codec);
    }
    assert_eq!(written_as(&user(), Codec::Json), JSON);
    assert_eq!(written_as(&user(), Codec::MessagePack), MESSAGE_PACK);
}

#[test]
fn what_a_codec_does_not_hold_goes_as_another() {
    assert_eq!(written_as(&f64::INFINITY, Codec::Json), MESSAGE_PACK);
    let pairs = BTreeMap::from([((1_u8, 2_u8), 'a')]);
    assert_eq!(written_as(&pairs, Codec::Json), MESSAGE_PACK);
    assert_eq!(written_as(&Some(None::<u8>), Codec::Json), POSTCARD);
}

#[test]
fn large_values_are_compressed_and_small_ones_are_not() {
    let encoding = Encoding {
        compression: Compression::Lz4,
        compress_above: 100,
        ..Encoding::default()
    };
    let large = "larder".repeat(1_000);
    let (bytes, codec, shape) = encode(&large, Vec::new(), encoding).expect("it encodes");
    assert!(bytes.len() < 200, "{}", bytes.len());
    assert_eq!(decode::<String>(&bytes, codec, shape), Ok(large));
    let small = "larder".to_owned();
    let (_, codec, _) = encode(&small, Vec::new(), encoding).expect("it encodes");
    assert_eq!(codec, POSTCARD);
}
