//! Different arguments make different keys, whatever is in them.

use larder::{Key, cache_read};
use proptest::prelude::*;

#[cache_read(key = "a:{a}:{b}")]
async fn colons(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{a}-{b}")]
async fn dash(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{a}%{b}")]
async fn percent(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "<a>7<b>")]
async fn digit(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{a}é{b}")]
async fn accent(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = ("pair", a, b))]
async fn pair(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{b}", namespace = "{a}")]
async fn namespaced(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{a:hash}-{b:hash}")]
async fn both_hashed(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{list:join}")]
async fn joined(list: &[&str]) -> u8 {
    0
}

#[cache_read()]
async fn hashed(a: &str, b: &str) -> u8 {
    0
}

#[cache_read(key = "{a}:{b}")]
async fn optional(a: Option<&str>, b: &str) -> u8 {
    0
}

/// Text with much of what could be taken for structure in it.
fn part() -> impl Strategy<Value = String> {
    let structure = prop::sample::select(vec![
        ":", "::", "%", "%3A", "%25", "%-", "-", "7", "é", "*", "?", "[a]", "{a}", "<a>", "\\",
        "\0", "/", "#tag:", " ", "",
    ]);
    prop::collection::vec(
        prop_oneof![structure.prop_map(str::to_owned), any::<String>()],
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

fn is_safe(key: &Key) -> bool {
    // What a value adds never has a character that a store or a pattern could take for structure.
    !key.as_str()
        .contains(['*', '?', '[', ']', '\\', '\0', ' ', '/'])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn two_calls_share_a_key_only_if_their_arguments_are_the_same(
        (a, b) in (part(), part()),
        (c, d) in (part(), part()),
    ) {
        let same = (&a, &b) == (&c, &d);
        type Render = fn(&str, &str) -> Key;
        let renders: [Render; 9] = [
            |a, b| colons::key(a, b),
            |a, b| dash::key(a, b),
            |a, b| percent::key(a, b),
            |a, b| digit::key(a, b),
            |a, b| accent::key(a, b),
            |a, b| pair::key(a, b),
            |a, b| namespaced::key(a, b),
            |a, b| both_hashed::key(a, b),
            |a, b| hashed::key(a, b).expect("texts serialize"),
        ];
        for render in renders {
            let (one, other) = (render(&a, &b), render(&c, &d));
            prop_assert_eq!(one == other, same, "{:?} {:?}", one, other);
            prop_assert_eq!(one.qualified() == other.qualified(), same);
            prop_assert!(is_safe(&one), "{:?}", one);
        }
    }

    /// The pieces of one text, cut at two places: where most templates go wrong.
    #[test]
    fn moving_the_cut_moves_the_key(text in part(), cut in 0..8_usize, other in 0..8_usize) {
        let at = |n: usize| text.char_indices().map(|(at, _)| at).nth(n).unwrap_or(text.len());
        let (one, two) = (text.split_at(at(cut)), text.split_at(at(other)));
        for render in [colons::key, dash::key, percent::key, digit::key, accent::key, pair::key, namespaced::key] {
            prop_assert_eq!(render(one.0, one.1) == render(two.0, two.1), one == two);
        }
    }

    #[test]
    fn two_lists_share_a_key_only_if_they_are_the_same(
        a in prop::collection::vec(part(), 0..4),
        b in prop::collection::vec(part(), 0..4),
    ) {
        let key = |list: &[String]| joined::key(&list.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(key(&a) == key(&b), a == b);
        prop_assert_eq!(key(&[a.concat()]) == key(&a), a.len() == 1);
    }

    #[test]
    fn nothing_is_not_an_empty_text(a in part(), b in part()) {
        prop_assert_ne!(optional::key(None, &b), optional::key(Some(&a), &b));
    }
}

#[derive(serde::Serialize)]
struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u32>,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Loose {
    Number(u8),
    Flag(bool),
    Many(Vec<Loose>),
}

#[derive(serde::Serialize)]
struct Flat {
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, u8>,
}

#[cache_read]
async fn filtered(filter: &Filter) -> u8 {
    0
}

#[cache_read]
async fn loose(value: &Loose) -> u8 {
    0
}

#[cache_read]
async fn flat(value: &Flat) -> u8 {
    0
}

#[cache_read(key = "{deep}")]
async fn nested(deep: Option<Option<u8>>) -> u8 {
    0
}

#[test]
fn what_an_encoding_leaves_out_still_makes_a_difference() {
    let one = Filter {
        a: Some(1),
        b: None,
    };
    let other = Filter {
        a: None,
        b: Some(1),
    };
    assert_ne!(filtered::key(&one).unwrap(), filtered::key(&other).unwrap());
    assert_eq!(filtered::key(&one).unwrap(), filtered::key(&one).unwrap());

    let values = [
        Loose::Number(1),
        Loose::Flag(true),
        Loose::Many(vec![Loose::Number(1), Loose::Flag(true)]),
        Loose::Many(vec![Loose::Flag(true), Loose::Number(1)]),
    ];
    let keys: std::collections::HashSet<_> = values
        .iter()
        .map(|value| loose::key(value).unwrap())
        .collect();
    assert_eq!(keys.len(), values.len());

    let flat_of = |name: &str| Flat {
        more: [(name.to_owned(), 1)].into(),
    };
    assert_ne!(
        flat::key(&flat_of("a")).unwrap(),
        flat::key(&flat_of("b")).unwrap()
    );

    let keys = [None, Some(None), Some(Some(1))].map(|deep| nested::key(deep).as_str().to_owned());
    assert_eq!(keys, ["%-", "%-%-", "1"]);
}
