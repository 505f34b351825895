//! What patterns mean, on every store the same.

use futures_util::TryStreamExt as _;
use larder_core::{Key, Pattern};

use crate::{Failure, Outcome, Subject};

/// The keys that a pattern means, sorted, and counted.
async fn meant(s: &Subject, pattern: impl Into<Pattern>) -> Result<Vec<String>, Failure> {
    let pattern = pattern.into();
    let keys: Vec<Key> = s.cache.keys(&pattern).try_collect().await?;
    let mut keys: Vec<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    keys.sort();
    assert_eq!(
        s.other.count(&pattern).await?,
        keys.len() as u64,
        "{pattern}"
    );
    Ok(keys)
}

/// Among `keys`, the pattern means just these.
async fn means(s: &Subject, pattern: &str, matching: &[&str], others: &[&str]) -> Outcome {
    s.cache.clear().await?;
    for key in matching.iter().chain(others) {
        s.cache.set(*key, &1_u8).await?;
    }
    let mut expected: Vec<_> = matching.iter().map(|key| (*key).to_owned()).collect();
    expected.sort();
    assert_eq!(meant(s, pattern).await?, expected, "`{pattern}`");
    Ok(())
}

pub(crate) async fn a_star_is_any_run_of_characters(s: Subject) -> Outcome {
    means(&s, "*", &["", "a", "user:7", "語"], &[]).await?;
    means(&s, "a*", &["a", "ab", "a*", "a:b:c"], &["", "b", "ba"]).await?;
    means(
        &s,
        "*:profile",
        &[":profile", "user:7:profile"],
        &["profile", "user:7:profiles"],
    )
    .await?;
    means(&s, "a*b*c", &["abc", "a-b-c", "abbcc"], &["acb", "abcd"]).await
}

pub(crate) async fn a_question_mark_is_one_character(s: Subject) -> Outcome {
    means(&s, "?", &["a", "?", "é", "語", "🦀"], &["", "ab"]).await?;
    means(
        &s,
        "user:??",
        &["user:77", "user:éü"],
        &["user:7", "user:777"],
    )
    .await
}

pub(crate) async fn brackets_are_one_of_their_characters(s: Subject) -> Outcome {
    means(&s, "[ab]", &["a", "b"], &["c", "ab", "[ab]", ""]).await?;
    means(&s, "[a-c]x", &["ax", "bx", "cx"], &["dx", "x", "-x"]).await?;
    means(&s, "[a-c0-9]", &["a", "5"], &["d", "-"]).await?;
    means(&s, "[*?]", &["*", "?"], &["a", "**"]).await
}

pub(crate) async fn a_caret_in_brackets_means_the_others(s: Subject) -> Outcome {
    means(
        &s,
        "[^a-c]",
        &["d", "é", "-", "^"],
        &["a", "b", "c", "", "dd"],
    )
    .await?;
    means(&s, "[a^]", &["a", "^"], &["b"]).await
}

pub(crate) async fn brackets_hold_characters_of_every_script(s: Subject) -> Outcome {
    means(&s, "[à-é]", &["à", "è", "é"], &["a", "e", "ê"]).await?;
    means(&s, "[語🦀]", &["語", "🦀"], &["言", "語🦀"]).await?;
    means(&s, "[^é]", &["è", "e", "語"], &["é"]).await
}

pub(crate) async fn odd_brackets_have_a_meaning(s: Subject) -> Outcome {
    means(&s, "[c-a]", &["a", "b", "c"], &["d"]).await?;
    means(&s, "[a-]", &["a", "-"], &["b"]).await?;
    means(&s, "[]", &[], &["", "]", "[]"]).await?;
    means(&s, "[^]", &["a", "]"], &[""]).await
}

pub(crate) async fn a_backslash_takes_the_next_character_as_it_is(s: Subject) -> Outcome {
    means(&s, r"\*", &["*"], &["a", r"\*", ""]).await?;
    means(&s, r"\?\[a]", &["?[a]"], &["xa", r"\?\[a]"]).await?;
    means(&s, r"\\", &[r"\"], &[r"\\"]).await?;
    means(&s, r"[\]\-\\]", &["]", "-", r"\"], &["[", "a"]).await?;
    means(&s, r"\a", &["a"], &[r"\a"]).await
}

pub(crate) async fn what_is_not_closed_stands_for_itself(s: Subject) -> Outcome {
    means(&s, "[ab", &["[ab"], &["a", "b"]).await?;
    means(&s, r"a\", &[r"a\"], &["a"]).await?;
    means(&s, "a]", &["a]"], &["a"]).await
}

pub(crate) async fn a_pattern_without_wildcards_means_one_key(s: Subject) -> Outcome {
    means(&s, "user:7", &["user:7"], &["user:77", "user:", "User:7"]).await?;
    means(&s, "", &[""], &["a", " "]).await?;
    means(&s, "語\n\0", &["語\n\0"], &["語"]).await
}

pub(crate) async fn wildcards_reach_over_every_character(s: Subject) -> Outcome {
    let keys = ["a:b", "a/b", "a\nb", "a\0b", "a b", "a\u{feff}b"];
    means(&s, "a?b", &keys, &["ab"]).await?;
    means(&s, "a*b", &keys, &["b"]).await
}

pub(crate) async fn the_words_of_other_patterns_mean_nothing(s: Subject) -> Outcome {
    means(&s, "{a,b}", &["{a,b}"], &["a", "b"]).await?;
    means(&s, "a|b", &["a|b"], &["a", "b"]).await?;
    means(&s, "[!a]", &["!", "a"], &["b"]).await?;
    means(&s, "a.b+", &["a.b+"], &["axb", "a.bb"]).await?;
    means(&s, "%", &["%"], &["a"]).await
}

pub(crate) async fn a_key_is_never_taken_for_a_pattern(s: Subject) -> Outcome {
    for key in ["*", "?", "[a]", "[^b]", r"\*", "a*"] {
        s.cache.clear().await?;
        s.cache.set("a", &1_u8).await?;
        s.cache.set("ab", &2_u8).await?;
        s.cache.set(key, &3_u8).await?;
        assert_eq!(s.cache.get(key).await?, Some(3_u8));
        assert_eq!(meant(&s, Pattern::literal(key)).await?, [key]);
        assert!(s.cache.delete(key).await?);
        assert_eq!(meant(&s, "*").await?, ["a", "ab"], "{key}");
    }
    Ok(())
}

pub(crate) async fn a_pattern_means_keys_of_its_namespace_only(s: Subject) -> Outcome {
    for namespace in ["", "a", "b", "ab", "a:b"] {
        s.cache
            .set(format!("in {namespace}"), &1_u8)
            .namespace(namespace)
            .await?;
    }
    assert_eq!(meant(&s, "*").await?, ["in "]);
    assert_eq!(meant(&s, "a:*").await?, [""; 0]);
    for namespace in ["a", "b", "ab", "a:b"] {
        let pattern = Pattern::new("*").in_namespace(namespace);
        assert_eq!(meant(&s, pattern).await?, [format!("in {namespace}")]);
    }
    Ok(())
}

pub(crate) async fn a_namespace_is_never_taken_for_a_pattern(s: Subject) -> Outcome {
    let names = ["a", "*", "?", "[a]", "[^b]", "a*", "\\a", "#", "%"];
    for name in names {
        s.cache.set("key", &1_u8).namespace(name).await?;
    }
    for name in names {
        let pattern = Pattern::new("*").in_namespace(name);
        let keys: Vec<Key> = s.cache.keys(pattern).try_collect().await?;
        assert_eq!(keys, [Key::new("key").in_namespace(name)]);
    }
    assert_eq!(meant(&s, "*").await?, [""; 0]);
    Ok(())
}

pub(crate) async fn a_pattern_does_not_mean_what_the_store_keeps_beside_entries(
    s: Subject,
) -> Outcome {
    s.cache
        .set("key", &1_u8)
        .tags(["tag"])
        .namespace("space")
        .await?;
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    for pattern in ["*", "?*", "*key*"] {
        assert_eq!(meant(&s, pattern).await?, ["key"], "{pattern}");
    }
    for pattern in ["#*", "*tag*", "*all*", "*space*", "*:*"] {
        assert_eq!(meant(&s, pattern).await?, [""; 0], "{pattern}");
    }
    Ok(())
}

pub(crate) async fn a_pattern_that_tries_everything_ends(s: Subject) -> Outcome {
    s.cache.set("a".repeat(500), &1_u8).await?;
    let pattern = "*a".repeat(200) + "*b";
    assert_eq!(meant(&s, pattern).await?, [""; 0]);
    let pattern = "*a".repeat(500);
    assert_eq!(meant(&s, pattern).await?.len(), 1);
    Ok(())
}
