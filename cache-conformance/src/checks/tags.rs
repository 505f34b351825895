//! What a tag reaches.

use larder_core::{Error, Key, Targets};

use crate::{Failure, Outcome, Subject};

async fn there(s: &Subject, keys: &[&str]) -> Result<Vec<bool>, Failure> {
    let mut found = Vec::new();
    for key in keys {
        let here = s.cache.exists(*key).await?;
        assert_eq!(
            s.other.exists(*key).await?,
            here,
            "both processes see the same"
        );
        found.push(here);
    }
    Ok(found)
}

pub(crate) async fn a_tag_reaches_what_carries_it_and_nothing_else(s: Subject) -> Outcome {
    s.cache.set("one", &1_u8).tags(["odd"]).await?;
    s.cache.set("two", &2_u8).tags(["even"]).await?;
    s.cache.set("three", &3_u8).tags(["odd"]).await?;
    s.cache.set("none", &0_u8).await?;
    s.other.invalidate_tags(["odd"]).await?;
    let keys = ["one", "two", "three", "none"];
    assert_eq!(there(&s, &keys).await?, [false, true, false, true]);
    Ok(())
}

pub(crate) async fn any_of_an_entrys_tags_reaches_it(s: Subject) -> Outcome {
    for tag in ["a", "b", "c"] {
        s.cache.set("key", &1_u8).tags(["a", "b", "c"]).await?;
        assert!(s.other.exists("key").await?);
        s.other.invalidate_tags([tag]).await?;
        assert_eq!(there(&s, &["key"]).await?, [false], "{tag}");
    }
    Ok(())
}

pub(crate) async fn several_tags_are_invalidated_at_once(s: Subject) -> Outcome {
    for key in ["a", "b", "c"] {
        s.cache.set(format!("key:{key}"), &1_u8).tags([key]).await?;
    }
    s.other.invalidate_tags(["a", "c", "never used"]).await?;
    assert_eq!(
        there(&s, &["key:a", "key:b", "key:c"]).await?,
        [false, true, false]
    );
    Ok(())
}

pub(crate) async fn a_tag_reaches_into_every_namespace(s: Subject) -> Outcome {
    for namespace in ["", "a", "b"] {
        s.cache
            .set("key", &1_u8)
            .namespace(namespace)
            .tags(["tag"])
            .await?;
    }
    s.other.invalidate_tags(["tag"]).await?;
    for namespace in ["", "a", "b"] {
        assert!(
            !s.cache
                .exists(Key::new("key").in_namespace(namespace))
                .await?,
            "{namespace}"
        );
    }
    Ok(())
}

pub(crate) async fn what_is_set_after_an_invalidation_stays(s: Subject) -> Outcome {
    for number in 0..3_u8 {
        s.cache.set("key", &number).tags(["tag"]).await?;
        assert_eq!(s.other.get("key").await?, Some(number));
        s.other.invalidate_tags(["tag"]).await?;
        assert!(!s.cache.exists("key").await?);
    }
    Ok(())
}

pub(crate) async fn a_tag_may_be_invalidated_before_it_is_used(s: Subject) -> Outcome {
    s.cache.invalidate_tags(["tag"]).await?;
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    assert_eq!(there(&s, &["key"]).await?, [true]);
    Ok(())
}

pub(crate) async fn invalidating_twice_is_invalidating(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert_eq!(there(&s, &["key"]).await?, [false]);
    Ok(())
}

pub(crate) async fn setting_again_without_a_tag_takes_it_off(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["old"]).await?;
    s.other.set("key", &2_u8).tags(["new"]).await?;
    s.cache.invalidate_tags(["old"]).await?;
    assert_eq!(s.cache.get("key").await?, Some(2_u8));
    s.cache.invalidate_tags(["new"]).await?;
    assert_eq!(there(&s, &["key"]).await?, [false]);
    Ok(())
}

pub(crate) async fn a_key_is_its_own_tag(s: Subject) -> Outcome {
    s.cache.set("user:7", &1_u8).await?;
    s.other.invalidate_tags(["user:7"]).await?;
    assert_eq!(there(&s, &["user:7"]).await?, [false]);
    Ok(())
}

pub(crate) async fn a_key_in_a_namespace_is_its_own_tag(s: Subject) -> Outcome {
    s.cache.set("user:7", &1_u8).namespace("shop").await?;
    s.other.invalidate_tags(["user:7"]).await?;
    assert!(
        !s.cache
            .exists(Key::new("user:7").in_namespace("shop"))
            .await?
    );
    Ok(())
}

pub(crate) async fn a_tag_reaches_the_key_of_its_name(s: Subject) -> Outcome {
    s.cache.set("users", &1_u8).tags(["lists"]).await?;
    s.cache.set("user:7", &2_u8).tags(["users"]).await?;
    s.other.invalidate_tags(["users"]).await?;
    assert_eq!(there(&s, &["users", "user:7"]).await?, [false, false]);
    Ok(())
}

pub(crate) async fn tags_that_look_alike_are_apart(s: Subject) -> Outcome {
    let tags = [
        "a", "A", "a:", "a*", "*", "tag:a", "ns:a", "all", "", " ", "a%3A", "ä", "a\0",
    ];
    for (number, tag) in tags.iter().enumerate() {
        s.cache
            .set(format!("key:{number}"), &number)
            .namespace("a")
            .tags([*tag])
            .await?;
    }
    for (number, tag) in tags.iter().enumerate() {
        s.other.invalidate_tags([*tag]).await?;
        for other in 0..tags.len() {
            let key = Key::new(format!("key:{other}")).in_namespace("a");
            assert_eq!(
                s.cache.exists(&key).await?,
                other > number,
                "{tag:?} and {key:?}"
            );
        }
    }
    Ok(())
}

pub(crate) async fn an_entry_may_have_hundreds_of_tags(s: Subject) -> Outcome {
    let tags = || (0..500).map(|number| format!("tag:{number}"));
    s.cache.set("key", &1_u8).tags(tags()).await?;
    assert_eq!(s.other.get("key").await?, Some(1_u8));
    s.other.invalidate_tags(["tag:499"]).await?;
    assert_eq!(there(&s, &["key"]).await?, [false]);
    Ok(())
}

pub(crate) async fn more_tags_than_an_entry_holds_are_an_error_or_hold(s: Subject) -> Outcome {
    // Process memory has no limit; in a store an entry has.
    let tags = (0..2_000).map(|number| format!("tag:{number}"));
    match s.cache.set("key", &1_u8).tags(tags).await {
        Ok(()) => {
            s.other.invalidate_tags(["tag:1999"]).await?;
        }
        Err(Error::TooManyTags { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    assert_eq!(there(&s, &["key"]).await?, [false]);
    Ok(())
}

pub(crate) async fn the_same_tag_twice_is_one(s: Subject) -> Outcome {
    s.cache
        .set("key", &1_u8)
        .tags(["tag", "tag", "tag"])
        .await?;
    assert_eq!(there(&s, &["key"]).await?, [true]);
    s.other.invalidate_tags(["tag", "tag"]).await?;
    assert_eq!(there(&s, &["key"]).await?, [false]);
    Ok(())
}

pub(crate) async fn a_thousand_entries_are_invalidated_as_one(s: Subject) -> Outcome {
    let keys = (0..1_000).map(|number| format!("key:{number}"));
    s.cache
        .set_many(keys.clone().map(|key| (key, 1_u8)))
        .tags(["tag"])
        .await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert!(
        s.cache
            .get_many::<u8>(keys)
            .await?
            .iter()
            .all(Option::is_none)
    );
    Ok(())
}

pub(crate) async fn tags_keys_and_namespaces_are_invalidated_together(s: Subject) -> Outcome {
    s.cache.set("tagged", &1_u8).tags(["tag"]).await?;
    s.cache.set("named", &2_u8).await?;
    s.cache.set("inside", &3_u8).namespace("space").await?;
    s.cache.set("free", &4_u8).await?;
    let targets = Targets::default()
        .tag("tag")
        .key("named")
        .namespace("space");
    s.other.invalidate(targets).await;
    assert_eq!(
        there(&s, &["tagged", "named", "free"]).await?,
        [false, false, true]
    );
    assert!(
        !s.cache
            .exists(Key::new("inside").in_namespace("space"))
            .await?
    );
    Ok(())
}
