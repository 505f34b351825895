//! What an entry says of itself.

use std::time::{Duration, SystemTime};

use larder_core::{Key, Ttl};

use crate::{Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Times go through stores in milliseconds.
fn is_about(time: SystemTime, expected: SystemTime) -> bool {
    let apart = time
        .duration_since(expected)
        .or_else(|_| expected.duration_since(time));
    apart.is_ok_and(|apart| apart <= MILLISECOND)
}

pub(crate) async fn an_entry_brings_key_value_and_tags(s: Subject) -> Outcome {
    s.cache
        .set("key", &7_u8)
        .namespace("space")
        .tags(["one", "two"])
        .await?;
    let key = Key::new("key").in_namespace("space");
    let entry = s.other.entry::<u8>(&key).await?.expect("it is there");
    assert_eq!((entry.key, entry.value), (key, 7));
    let mut tags: Vec<_> = entry.tags.iter().map(larder_core::Tag::as_str).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["one", "two"]);
    Ok(())
}

pub(crate) async fn what_is_not_usable_has_no_entry(s: Subject) -> Outcome {
    s.cache.set("expired", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE);
    s.cache.set("invalid", &1_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    s.cache.set("text", &"text".to_owned()).await?;
    for key in ["never", "expired", "invalid", "text"] {
        assert!(s.other.entry::<u8>(key).await?.is_none(), "{key}");
    }
    Ok(())
}

pub(crate) async fn an_entry_knows_when_it_expires(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    let entry = s.other.entry::<u8>("key").await?.expect("it is there");
    let expires_at = entry.expires_at.expect("it expires");
    assert!(is_about(expires_at, entry.created_at + MINUTE));
    s.clock.advance(MINUTE / 2);
    assert!(
        entry
            .ttl()
            .is_some_and(|left| left.abs_diff(MINUTE / 2) <= MILLISECOND)
    );
    let again = s.cache.entry::<u8>("key").await?.expect("it is there");
    assert!(
        is_about(again.expires_at.expect("it expires"), expires_at),
        "time passes, it stays"
    );
    assert!(!entry.is_expired());
    s.clock.advance(MINUTE / 2);
    assert!(entry.is_expired(), "it has expired since it was read");
    assert_eq!(entry.ttl(), Some(Duration::ZERO));
    Ok(())
}

pub(crate) async fn an_entry_that_lives_for_ever_does_not_expire(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(Ttl::Never).await?;
    let entry = s.other.entry::<u8>("key").await?.expect("it is there");
    assert_eq!(entry.expires_at, None);
    assert_eq!(entry.ttl(), None);
    assert!(!entry.is_expired());
    Ok(())
}

pub(crate) async fn an_entry_knows_when_it_was_made(s: Subject) -> Outcome {
    s.cache.set("first", &1_u8).await?;
    s.clock.advance(MINUTE);
    s.other.set("second", &1_u8).await?;
    let first = s.cache.entry::<u8>("first").await?.expect("it is there");
    let second = s.cache.entry::<u8>("second").await?.expect("it is there");
    assert!(is_about(second.created_at, first.created_at + MINUTE));
    Ok(())
}

pub(crate) async fn a_new_ttl_does_not_make_an_entry_new(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    let before = s.cache.entry::<u8>("key").await?.expect("it is there");
    s.clock.advance(MINUTE / 2);
    s.cache.set_ttl("key", MINUTE).await?;
    let after = s.other.entry::<u8>("key").await?.expect("it is there");
    assert!(is_about(after.created_at, before.created_at));
    assert!(is_about(
        after.expires_at.expect("it expires"),
        before.created_at + MINUTE * 3 / 2
    ));
    s.cache.persist("key").await?;
    let after = s.other.entry::<u8>("key").await?.expect("it is there");
    assert_eq!(after.expires_at, None);
    Ok(())
}

pub(crate) async fn setting_again_makes_a_new_entry(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["old"]).await?;
    let before = s.cache.entry::<u8>("key").await?.expect("it is there");
    s.clock.advance(MINUTE);
    s.other.set("key", &2_u8).tags(["new"]).await?;
    let after = s.cache.entry::<u8>("key").await?.expect("it is there");
    assert!(is_about(after.created_at, before.created_at + MINUTE));
    assert_eq!(
        after
            .tags
            .iter()
            .map(larder_core::Tag::as_str)
            .collect::<Vec<_>>(),
        ["new"]
    );
    Ok(())
}

pub(crate) async fn looking_at_an_entry_is_no_hit(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    for _ in 0..3 {
        s.cache.entry::<u8>("key").await?;
    }
    let entry = s.cache.entry::<u8>("key").await?.expect("it is there");
    assert!(
        entry.hit_count.is_none_or(|hits| hits < 3),
        "{:?}",
        entry.hit_count
    );
    Ok(())
}

pub(crate) async fn a_key_that_is_its_own_tag_lists_none(s: Subject) -> Outcome {
    for namespace in ["", "space"] {
        s.cache.set("key", &1_u8).namespace(namespace).await?;
        let key = Key::new("key").in_namespace(namespace);
        let entry = s.other.entry::<u8>(&key).await?.expect("it is there");
        assert_eq!(entry.tags, [], "{namespace}");
    }
    Ok(())
}

pub(crate) async fn what_was_loaded_has_an_entry_too(s: Subject) -> Outcome {
    s.cache
        .load("key", || async { 7_u8 })
        .tags(["tag"])
        .ttl(MINUTE)
        .await;
    let entry = s.other.entry::<u8>("key").await?.expect("it is there");
    assert_eq!(entry.value, 7);
    assert_eq!(
        entry
            .tags
            .iter()
            .map(larder_core::Tag::as_str)
            .collect::<Vec<_>>(),
        ["tag"]
    );
    assert!(is_about(
        entry.expires_at.expect("it expires"),
        entry.created_at + MINUTE
    ));
    Ok(())
}

pub(crate) async fn who_counts_hits_counts_all(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    for _ in 0..5 {
        s.cache.get::<u8>("key").await?;
    }
    let entry = s.cache.entry::<u8>("key").await?.expect("it is there");
    // Process memory knows exactly; a server knows what it was set up to know, and about.
    if s.capabilities().is_none() {
        assert_eq!(entry.hit_count, Some(5));
    }
    Ok(())
}

pub(crate) async fn who_knows_the_last_access_tells_it(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.clock.advance(MINUTE / 2);
    s.cache.get::<u8>("key").await?;
    s.clock.advance(MINUTE / 2);
    let entry = s.cache.entry::<u8>("key").await?.expect("it is there");
    if s.capabilities().is_none() {
        let accessed = entry.last_accessed.expect("process memory knows");
        assert!(is_about(accessed, entry.created_at + MINUTE / 2));
    }
    Ok(())
}
