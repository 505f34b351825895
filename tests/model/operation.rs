//! What a sequence is made of: few keys, tags and namespaces, so that operations meet.

use larder::{Key, Pattern};
use proptest::prelude::*;
use proptest::sample::select;

/// Names of keys. One is also the name of a tag, one looks like a pattern.
pub(crate) const NAMES: [&str; 3] = ["a", "ab", "*"];
pub(crate) const NAMESPACES: [&str; 2] = ["", "a*"];
const TAGS: [&str; 3] = ["t", "u", "a"];
const PATTERNS: [&str; 8] = ["*", "a*", "?", "[ab]", "[^a]*", r"\*", "ab", ""];

/// A key: its name, and its namespace or an empty text.
pub(crate) type Name = (&'static str, &'static str);

/// Milliseconds; `None` for ever. Long ones, because a server has a clock of its own beside.
pub(crate) type Life = Option<u64>;

/// What a value is stored with.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) life: Life,
    pub(crate) tags: Vec<&'static str>,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Advance(u64),
    Get(Name),
    GetMany(Vec<Name>),
    Exists(Name),
    Entry(Name),
    Ttl(Name),
    Set(Name, i64, Options),
    /// Something that is not a number.
    SetText(Name, Options),
    SetMany(&'static str, Vec<(&'static str, i64)>, Options),
    SetIfAbsent(Name, i64, Options),
    Load(Name, i64, Options),
    Increment(Name, i64, Options),
    Decrement(Name, i64, Options),
    SetTtl(Name, Life),
    Persist(Name),
    GetAndTouch(Name, Life),
    GetAndDelete(Name),
    Delete(Name),
    DeleteMany(Vec<Name>),
    DeleteByPattern(&'static str, &'static str),
    DeleteByNamespace(&'static str),
    DeleteByTags(Vec<&'static str>),
    InvalidateKey(Name),
    InvalidateTags(Vec<&'static str>),
    InvalidateNamespace(&'static str),
    Clear,
    CleanUp,
    Count(&'static str, &'static str),
    Keys(&'static str, &'static str),
    Entries(&'static str, &'static str, usize),
}

pub(crate) fn key((name, namespace): Name) -> Key {
    Key::new(name).in_namespace(namespace)
}

pub(crate) fn pattern(text: &str, namespace: &str) -> Pattern {
    Pattern::new(text).in_namespace(namespace)
}

/// Any operation, reading and writing single keys more often than the rest.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let advance = select(vec![1, 29_999, 30_000, 60_000]);
    let one = prop_oneof![
        (name(), options()).prop_map(|(name, options)| SetText(name, options)),
        advance.prop_map(Advance),
        name().prop_map(Get),
        name().prop_map(Exists),
        name().prop_map(Entry),
        name().prop_map(Ttl),
        (name(), number(), options())
            .prop_map(|(name, number, options)| Set(name, number, options)),
        (name(), number(), options())
            .prop_map(|(name, number, options)| SetIfAbsent(name, number, options)),
        (name(), number(), options())
            .prop_map(|(name, number, options)| Load(name, number, options)),
        (name(), number(), options())
            .prop_map(|(name, number, options)| Increment(name, number, options)),
        (name(), number(), options())
            .prop_map(|(name, number, options)| Decrement(name, number, options)),
        (name(), life()).prop_map(|(name, life)| SetTtl(name, life)),
        name().prop_map(Persist),
        (name(), life()).prop_map(|(name, life)| GetAndTouch(name, life)),
        name().prop_map(GetAndDelete),
        name().prop_map(Delete),
        name().prop_map(InvalidateKey),
    ];
    let many = prop_oneof![
        names().prop_map(GetMany),
        (
            namespace(),
            prop::collection::vec((select(&NAMES[..]), number()), 0..4),
            options()
        )
            .prop_map(|(namespace, values, options)| SetMany(namespace, values, options)),
        names().prop_map(DeleteMany),
        (text(), namespace()).prop_map(|(text, namespace)| DeleteByPattern(text, namespace)),
        namespace().prop_map(DeleteByNamespace),
        tags().prop_map(DeleteByTags),
        tags().prop_map(InvalidateTags),
        namespace().prop_map(InvalidateNamespace),
        Just(Clear),
        Just(CleanUp),
        (text(), namespace()).prop_map(|(text, namespace)| Count(text, namespace)),
        (text(), namespace()).prop_map(|(text, namespace)| Keys(text, namespace)),
        (text(), namespace(), 1..4_usize)
            .prop_map(|(text, namespace, size)| Entries(text, namespace, size)),
    ];
    prop_oneof![2 => one, 1 => many]
}

/// The first one most often, so that operations meet.
fn name() -> impl Strategy<Value = Name> {
    let name = prop_oneof![2 => Just(NAMES[0]), 1 => select(&NAMES[1..])];
    (name, namespace())
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    prop::collection::vec(name(), 0..5)
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(NAMESPACES[0]), 1 => Just(NAMESPACES[1])]
}

fn text() -> impl Strategy<Value = &'static str> {
    select(&PATTERNS[..])
}

fn tags() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(&TAGS[..], 0..=2)
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![Just(Some(60_000)), Just(Some(90_001)), Just(None)]
}

fn options() -> impl Strategy<Value = Options> {
    (life(), tags()).prop_map(|(life, tags)| Options { life, tags })
}

/// Small ones, which add up, and those where sums end.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![8 => -3..=3_i64, 1 => select(vec![i64::MAX, i64::MIN])]
}
