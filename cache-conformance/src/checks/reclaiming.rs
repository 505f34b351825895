//! Deleting that walks through the store, counts, and gives memory back.

use std::time::Duration;

use larder_core::{Key, Pattern};

use crate::operation::at_once;
use crate::{Failure, Outcome, Subject};

async fn there(s: &Subject, keys: &[&str]) -> Result<Vec<bool>, Failure> {
    let mut found = Vec::new();
    for key in keys {
        found.push(s.cache.exists(*key).await?);
    }
    Ok(found)
}

pub(crate) async fn delete_by_pattern_deletes_what_is_meant(s: Subject) -> Outcome {
    s.cache
        .set_many([("user:1", 1_u8), ("user:2", 2), ("users", 3), ("org:1", 4)])
        .await?;
    assert_eq!(s.other.delete_by_pattern("user:*").await?, 2);
    assert_eq!(
        there(&s, &["user:1", "user:2", "users", "org:1"]).await?,
        [false, false, true, true]
    );
    assert_eq!(s.other.delete_by_pattern("user:*").await?, 0);
    Ok(())
}

pub(crate) async fn delete_by_pattern_counts_what_was_usable(s: Subject) -> Outcome {
    s.cache
        .set("key:1", &1_u8)
        .ttl(Duration::from_secs(60))
        .await?;
    s.clock.advance(Duration::from_secs(60));
    s.cache.set("key:2", &1_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    s.cache.set("key:3", &1_u8).await?;
    assert_eq!(s.other.delete_by_pattern("key:*").await?, 1);
    Ok(())
}

pub(crate) async fn delete_by_pattern_keeps_to_its_namespace(s: Subject) -> Outcome {
    for namespace in ["", "a", "b"] {
        s.cache.set("key", &1_u8).namespace(namespace).await?;
    }
    assert_eq!(s.other.delete_by_pattern("*").await?, 1);
    assert_eq!(
        s.other
            .delete_by_pattern(Pattern::new("*").in_namespace("a"))
            .await?,
        1
    );
    assert!(s.cache.exists(Key::new("key").in_namespace("b")).await?);
    Ok(())
}

pub(crate) async fn delete_by_pattern_takes_thousands(s: Subject) -> Outcome {
    s.cache
        .set_many((0..2_000).map(|number| (format!("key:{number}"), 1_u8)))
        .await?;
    s.cache.set("other", &1_u8).await?;
    assert_eq!(s.other.delete_by_pattern("key:*").await?, 2_000);
    assert_eq!(s.cache.count("*").await?, 1);
    Ok(())
}

pub(crate) async fn delete_by_namespace_deletes_the_namespace(s: Subject) -> Outcome {
    for number in 0..10_u8 {
        s.cache
            .set(format!("key:{number}"), &number)
            .namespace("space")
            .await?;
    }
    s.cache.set("key:0", &1_u8).await?;
    s.cache.set("key:0", &1_u8).namespace("spaces").await?;
    assert_eq!(s.other.delete_by_namespace("space").await?, 10);
    assert_eq!(s.other.delete_by_namespace("space").await?, 0);
    assert!(
        !s.cache
            .exists(Key::new("key:0").in_namespace("space"))
            .await?
    );
    assert!(
        s.cache
            .exists(Key::new("key:0").in_namespace("spaces"))
            .await?
    );
    assert!(s.cache.exists("key:0").await?);
    Ok(())
}

pub(crate) async fn delete_by_namespace_takes_its_name_as_it_is(s: Subject) -> Outcome {
    for name in ["a", "*", "?", "[a]", "a:b", "語"] {
        s.cache.set("key", &1_u8).namespace(name).await?;
    }
    for name in ["*", "?", "[a]", "a:b", "語", "a"] {
        assert_eq!(s.other.delete_by_namespace(name).await?, 1, "{name}");
    }
    Ok(())
}

pub(crate) async fn a_namespace_without_a_name_holds_nothing(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    assert_eq!(s.other.delete_by_namespace("").await?, 0);
    assert!(s.cache.exists("key").await?, "it is in no namespace");
    Ok(())
}

pub(crate) async fn delete_by_tags_deletes_what_carries_any_of_them(s: Subject) -> Outcome {
    s.cache.set("a", &1_u8).tags(["a"]).await?;
    s.cache.set("b", &1_u8).tags(["b"]).await?;
    s.cache.set("both", &1_u8).tags(["a", "b"]).await?;
    s.cache.set("other", &1_u8).tags(["c"]).await?;
    s.cache
        .set("inside", &1_u8)
        .tags(["a"])
        .namespace("space")
        .await?;
    assert_eq!(
        s.other.delete_by_tags(["a", "b", "never used"]).await?,
        4,
        "each once"
    );
    assert_eq!(
        there(&s, &["a", "b", "both", "other"]).await?,
        [false, false, false, true]
    );
    assert!(
        !s.cache
            .exists(Key::new("inside").in_namespace("space"))
            .await?
    );
    assert_eq!(s.other.delete_by_tags(["a", "b"]).await?, 0);
    Ok(())
}

pub(crate) async fn delete_by_tags_counts_what_was_usable(s: Subject) -> Outcome {
    s.cache
        .set("expired", &1_u8)
        .tags(["tag"])
        .ttl(Duration::from_secs(60))
        .await?;
    s.clock.advance(Duration::from_secs(60));
    s.cache.set("invalid", &1_u8).tags(["tag", "gone"]).await?;
    s.cache.invalidate_tags(["gone"]).await?;
    s.cache.set("good", &1_u8).tags(["tag"]).await?;
    assert_eq!(s.other.delete_by_tags(["tag"]).await?, 1);
    Ok(())
}

pub(crate) async fn delete_by_no_tags_deletes_nothing(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    assert_eq!(s.other.delete_by_tags([""; 0]).await?, 0);
    assert!(s.cache.exists("key").await?);
    Ok(())
}

pub(crate) async fn what_was_reclaimed_can_be_set_again(s: Subject) -> Outcome {
    let key = Key::new("key").in_namespace("space");
    for round in 0..3_u8 {
        s.cache
            .set("key", &round)
            .tags(["tag"])
            .namespace("space")
            .await?;
        assert_eq!(s.other.get(&key).await?, Some(round));
        let deleted = match round {
            0 => s.other.delete_by_tags(["tag"]).await?,
            1 => s.other.delete_by_namespace("space").await?,
            _ => {
                s.other
                    .delete_by_pattern(Pattern::new("k?y").in_namespace("space"))
                    .await?
            }
        };
        assert_eq!(deleted, 1);
        assert!(!s.cache.exists(&key).await?);
    }
    Ok(())
}

pub(crate) async fn many_reclaim_together_and_nothing_is_left(s: Subject) -> Outcome {
    let entries = (0..300).map(|number| (format!("key:{number}"), 1_u8));
    s.cache.set_many(entries).await?;
    let deletions = (0..4).map(|number| {
        let (cache, other) = (s.cache.clone(), s.other.clone());
        let cache = if number % 2 == 0 { cache } else { other };
        async move { cache.delete_by_pattern("key:*").await }
    });
    let counts: Result<Vec<u64>, _> = at_once(deletions).await.into_iter().collect();
    // Two that see an entry at the same moment may both count it.
    assert!(counts?.into_iter().sum::<u64>() >= 300);
    assert_eq!(s.cache.count("*").await?, 0);
    Ok(())
}
