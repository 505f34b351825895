//! What is set is got, whatever it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use larder_core::Value;
use serde::{Deserialize, Serialize};

use crate::{Outcome, Subject};

/// Stores the value, and reads it here and in another process.
async fn comes_back<T: Value + PartialEq + Debug>(s: &Subject, value: T) -> Outcome {
    s.cache.set("key", &value).await?;
    assert_eq!(s.cache.get::<T>("key").await?.as_ref(), Some(&value));
    assert_eq!(s.other.get::<T>("key").await?.as_ref(), Some(&value));
    Ok(())
}

pub(crate) async fn what_is_set_is_got(s: Subject) -> Outcome {
    comes_back(&s, "value".to_owned()).await
}

pub(crate) async fn what_was_never_set_is_nothing(s: Subject) -> Outcome {
    assert_eq!(s.cache.get::<String>("key").await?, None);
    assert!(!s.cache.exists("key").await?);
    Ok(())
}

pub(crate) async fn the_last_set_is_what_is_got(s: Subject) -> Outcome {
    for number in 0_u32..5 {
        let cache = if number % 2 == 0 { &s.cache } else { &s.other };
        cache.set("key", &number).await?;
        assert_eq!(s.cache.get("key").await?, Some(number));
        assert_eq!(s.other.get("key").await?, Some(number));
    }
    Ok(())
}

pub(crate) async fn another_type_can_be_set_in_place(s: Subject) -> Outcome {
    s.cache.set("key", &1_u32).await?;
    s.other.set("key", &"text".to_owned()).await?;
    assert_eq!(s.cache.get::<u32>("key").await?, None);
    assert_eq!(s.cache.get::<String>("key").await?.as_deref(), Some("text"));
    Ok(())
}

pub(crate) async fn values_without_content_come_back(s: Subject) -> Outcome {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Marker;
    comes_back(&s, ()).await?;
    comes_back(&s, Marker).await?;
    comes_back(&s, [0_u8; 0]).await
}

pub(crate) async fn empty_texts_and_lists_are_values(s: Subject) -> Outcome {
    comes_back(&s, String::new()).await?;
    comes_back(&s, Vec::<u8>::new()).await?;
    comes_back(&s, BTreeMap::<u8, u8>::new()).await
}

pub(crate) async fn integers_of_every_width_come_back(s: Subject) -> Outcome {
    macro_rules! come_back {
        ($($integer:ty)*) => {$(
            comes_back(&s, <$integer>::MIN).await?;
            comes_back(&s, <$integer>::MAX).await?;
            comes_back(&s, <$integer>::MAX / 2 + 1).await?;
        )*};
    }
    come_back!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
    Ok(())
}

pub(crate) async fn floats_come_back_to_the_bit(s: Subject) -> Outcome {
    for float in [0.0, -0.0, f64::MIN_POSITIVE, f64::INFINITY, 0.1 + 0.2] {
        s.cache.set("key", &float).await?;
        let found: Option<f64> = s.other.get("key").await?;
        assert_eq!(found.map(f64::to_bits), Some(float.to_bits()));
    }
    s.cache.set("key", &f32::NAN).await?;
    let found: Option<f32> = s.other.get("key").await?;
    assert!(found.is_some_and(f32::is_nan));
    Ok(())
}

pub(crate) async fn booleans_and_characters_come_back(s: Subject) -> Outcome {
    comes_back(&s, true).await?;
    comes_back(&s, false).await?;
    for character in ['a', '\0', 'ß', '語', '🦀', char::MAX] {
        comes_back(&s, character).await?;
    }
    Ok(())
}

pub(crate) async fn texts_of_every_script_come_back(s: Subject) -> Outcome {
    for text in [
        "ascii",
        "Zoë",
        "語言",
        "שלום",
        "👩‍👩‍👧‍👦",
        "a\0b",
        "line\r\nline",
        "\u{feff}",
    ] {
        comes_back(&s, text.to_owned()).await?;
    }
    Ok(())
}

pub(crate) async fn every_byte_comes_back(s: Subject) -> Outcome {
    comes_back(&s, (0..=u8::MAX).collect::<Vec<_>>()).await?;
    comes_back(&s, vec![0_u8; 1_000]).await
}

pub(crate) async fn nothing_is_a_value(s: Subject) -> Outcome {
    comes_back(&s, None::<u8>).await?;
    comes_back(&s, Some(None::<u8>)).await?;
    comes_back(&s, Some(Some(1_u8))).await
}

pub(crate) async fn results_come_back(s: Subject) -> Outcome {
    comes_back(&s, Ok::<u8, String>(1)).await?;
    comes_back(&s, Err::<u8, String>("no".to_owned())).await
}

pub(crate) async fn tuples_and_arrays_come_back(s: Subject) -> Outcome {
    comes_back(&s, (1_u8, -1_i64, 'x', "text".to_owned(), 1.5_f32)).await?;
    comes_back(&s, [[1_u16, 2], [3, 4]]).await
}

pub(crate) async fn maps_and_sets_come_back(s: Subject) -> Outcome {
    comes_back(&s, BTreeMap::from([(1_u16, vec![0_u8, 255]), (2, vec![])])).await?;
    comes_back(
        &s,
        HashMap::from([("a".to_owned(), None), ("b".to_owned(), Some(u128::MAX))]),
    )
    .await?;
    comes_back(&s, BTreeSet::from(['a', 'b'])).await?;
    comes_back(&s, HashSet::from([1_i8, -1])).await
}

pub(crate) async fn shared_and_boxed_values_come_back(s: Subject) -> Outcome {
    comes_back(&s, Arc::new(vec!["shared".to_owned()])).await?;
    comes_back(&s, Box::<str>::from("boxed")).await?;
    comes_back(&s, Arc::<str>::from("both")).await
}

pub(crate) async fn durations_come_back(s: Subject) -> Outcome {
    comes_back(&s, Duration::from_nanos(1)).await?;
    comes_back(&s, Duration::MAX).await
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    address: Option<Address>,
    roles: Vec<Role>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    place: (u32, String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Role {
    Reader,
    Writer(u8),
    Owner { since: u16 },
}

pub(crate) async fn structs_and_enums_come_back(s: Subject) -> Outcome {
    let user = User {
        id: 7,
        name: "Ada".to_owned(),
        address: Some(Address {
            street: "Main Street".to_owned(),
            place: (12_345, "Town".to_owned()),
        }),
        roles: vec![Role::Reader, Role::Writer(2), Role::Owner { since: 1843 }],
    };
    comes_back(
        &s,
        vec![
            user.clone(),
            User {
                address: None,
                roles: vec![],
                ..user
            },
        ],
    )
    .await
}

pub(crate) async fn enums_of_every_representation_come_back(s: Subject) -> Outcome {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internally {
        Circle { radius: f64 },
        Group { of: Vec<Internally> },
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "of")]
    enum Adjacently {
        Number(i32),
        Text(String),
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
        Many(Vec<Untagged>),
    }
    let group = Internally::Group {
        of: vec![
            Internally::Circle { radius: 0.5 },
            Internally::Group { of: vec![] },
        ],
    };
    comes_back(&s, group).await?;
    comes_back(
        &s,
        vec![Adjacently::Number(-1), Adjacently::Text("one".to_owned())],
    )
    .await?;
    let many = Untagged::Many(vec![Untagged::Number(1), Untagged::Text("1".to_owned())]);
    comes_back(&s, many).await
}

pub(crate) async fn fields_that_are_skipped_renamed_or_flattened_come_back(s: Subject) -> Outcome {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settings {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dark_mode: Option<bool>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mail_to: Vec<String>,
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    }
    for dark_mode in [None, Some(true)] {
        for mail_to in [vec![], vec!["ada@example.org".to_owned()]] {
            let more = BTreeMap::from([("size".to_owned(), 3)]);
            let settings = Settings {
                dark_mode,
                mail_to,
                more,
            };
            comes_back(&s, settings).await?;
        }
    }
    Ok(())
}

pub(crate) async fn types_that_contain_themselves_come_back(s: Subject) -> Outcome {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Tree {
        name: String,
        branches: Vec<Tree>,
    }
    let leaf = |name: &str| Tree {
        name: name.to_owned(),
        branches: vec![],
    };
    let tree = Tree {
        name: "root".to_owned(),
        branches: vec![leaf("left"), leaf("right")],
    };
    comes_back(&s, tree).await
}

pub(crate) async fn a_megabyte_comes_back(s: Subject) -> Outcome {
    // Less than a megabyte with its envelope: what every store must take.
    let value: String = ('a'..='z').cycle().take(1_000_000).collect();
    comes_back(&s, value).await
}

pub(crate) async fn a_value_read_again_and_again_stays(s: Subject) -> Outcome {
    s.cache.set("key", &7_u8).await?;
    for _ in 0..100 {
        assert_eq!(s.cache.get::<u8>("key").await?, Some(7));
        assert!(s.cache.exists("key").await?);
    }
    Ok(())
}

pub(crate) async fn a_store_that_is_there_answers_a_ping(s: Subject) -> Outcome {
    s.cache.ping().await?;
    s.other.ping().await?;
    Ok(())
}
