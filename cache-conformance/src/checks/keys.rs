//! Keys that differ are different keys.

use larder_core::Key;

use crate::{Outcome, Subject};

/// Gives each key its own value, and finds them all.
async fn are_apart<K: Into<Key>>(s: &Subject, keys: impl IntoIterator<Item = K>) -> Outcome {
    let keys: Vec<Key> = keys.into_iter().map(Into::into).collect();
    for (number, key) in keys.iter().enumerate() {
        s.cache.set(key, &number).await?;
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(s.other.get(key).await?, Some(number), "{key:?}");
    }
    // And none goes away with another.
    for (number, key) in keys.iter().enumerate() {
        assert!(
            s.other.delete(key).await?,
            "{key:?} was deleted with another"
        );
        for key in &keys[number + 1..] {
            assert!(
                s.cache.exists(key).await?,
                "{key:?} was deleted with another"
            );
        }
    }
    Ok(())
}

pub(crate) async fn the_empty_key_is_a_key(s: Subject) -> Outcome {
    are_apart(&s, ["", " ", "\0"]).await
}

pub(crate) async fn keys_of_every_script_are_apart(s: Subject) -> Outcome {
    are_apart(&s, ["ascii", "Zoë", "Zoe", "語言", "שלום", "🦀", "👩‍👩‍👧"]).await
}

pub(crate) async fn keys_that_look_alike_are_apart(s: Subject) -> Outcome {
    // Composed and decomposed, Latin and Cyrillic, with and without a space at the end.
    are_apart(&s, ["\u{e9}", "e\u{301}", "a", "\u{430}", "a ", "A"]).await
}

pub(crate) async fn a_long_key_is_kept_whole(s: Subject) -> Outcome {
    let long = "x".repeat(5_000);
    are_apart(&s, [format!("{long}a"), format!("{long}b"), long]).await
}

pub(crate) async fn the_beginning_of_a_key_is_another_key(s: Subject) -> Outcome {
    are_apart(&s, ["user", "user:", "user:7", "user:7:profile", "user:77"]).await
}

pub(crate) async fn control_characters_make_a_difference(s: Subject) -> Outcome {
    are_apart(
        &s,
        [
            "key",
            "key\0",
            "key\n",
            "key\r\n",
            "k\ney",
            "key\u{7f}",
            "key\t",
        ],
    )
    .await
}

pub(crate) async fn what_looks_escaped_stands_for_itself(s: Subject) -> Outcome {
    are_apart(
        &s,
        [
            "a:b", "a%3Ab", "a%253Ab", "a%3ab", "a%", "a%%", "a\\:b", "a/b", "a%2Fb",
        ],
    )
    .await
}

pub(crate) async fn the_characters_of_patterns_stand_for_themselves(s: Subject) -> Outcome {
    are_apart(
        &s,
        [
            "*", "**", "?", "[a]", "[^a]", "a", "\\", "\\*", "a*", "ab", "{a}",
        ],
    )
    .await
}

pub(crate) async fn the_words_of_stores_are_only_keys(s: Subject) -> Outcome {
    are_apart(
        &s,
        [
            "#all", "all", "#tag:a", "tag:a", "ns:a", "#ns:a", "..", ".", "/", "-", "nil",
        ],
    )
    .await
}

pub(crate) async fn a_key_in_a_namespace_is_another_key(s: Subject) -> Outcome {
    let inside = |namespace| Key::new("key").in_namespace(namespace);
    are_apart(&s, [Key::new("key"), inside("a"), inside("b"), inside("A")]).await
}

pub(crate) async fn a_key_cannot_forge_a_namespace(s: Subject) -> Outcome {
    let keys = [
        Key::new("b:c").in_namespace("a"),
        Key::new("c").in_namespace("a:b"),
        Key::new("a:b:c"),
        Key::new(":a:b:c"),
        Key::new("c").in_namespace("a%3Ab"),
    ];
    are_apart(&s, keys).await
}

pub(crate) async fn namespaces_of_any_characters_are_apart(s: Subject) -> Outcome {
    let names = [
        "a", ":", "a:", "*", "?", "[a]", "#all", "#", "\0", "ü", " ", "%3A", "%-", "\\",
    ];
    let keys = names.map(|name| Key::new("key").in_namespace(name));
    are_apart(&s, keys).await
}

pub(crate) async fn an_empty_namespace_is_none(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).namespace("").await?;
    assert_eq!(s.cache.get("key").await?, Some(1_u8));
    assert_eq!(
        s.cache.get(Key::new("key").in_namespace("")).await?,
        Some(1_u8)
    );
    Ok(())
}
