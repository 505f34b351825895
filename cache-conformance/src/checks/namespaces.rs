//! What a namespace holds together, and apart.

use larder_core::Key;

use crate::{Outcome, Subject};

fn inside(namespace: &str) -> Key {
    Key::new("key").in_namespace(namespace)
}

pub(crate) async fn a_namespace_is_invalidated_as_one(s: Subject) -> Outcome {
    for number in 0..10_u8 {
        s.cache
            .set(format!("key:{number}"), &number)
            .namespace("space")
            .tags(["tag"])
            .await?;
    }
    s.other.invalidate_namespace("space").await?;
    for number in 0..10 {
        let key = Key::new(format!("key:{number}")).in_namespace("space");
        assert_eq!(s.cache.get::<u8>(&key).await?, None);
    }
    Ok(())
}

pub(crate) async fn other_namespaces_stay(s: Subject) -> Outcome {
    let names = ["", "a", "b", "ab", "a:b", "a*"];
    for name in names {
        s.cache.set("key", &1_u8).namespace(name).await?;
    }
    s.other.invalidate_namespace("a").await?;
    for name in names {
        assert_eq!(s.cache.exists(inside(name)).await?, name != "a", "{name}");
    }
    Ok(())
}

pub(crate) async fn a_namespace_may_have_any_name(s: Subject) -> Outcome {
    for name in [
        "a:b", "*", "[a]", "ü", "語", " ", "#all", "%3A", "tag:a", "\0", "a\\",
    ] {
        s.cache.set("key", &1_u8).namespace(name).await?;
        assert_eq!(s.other.get(inside(name)).await?, Some(1_u8), "{name}");
        s.other.invalidate_namespace(name).await?;
        assert!(!s.cache.exists(inside(name)).await?, "{name}");
    }
    Ok(())
}

pub(crate) async fn what_is_in_no_namespace_has_no_name(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.other.invalidate_namespace("").await?;
    assert_eq!(s.cache.get("key").await?, Some(1_u8));
    Ok(())
}

pub(crate) async fn a_namespace_can_be_used_again(s: Subject) -> Outcome {
    for number in 0..3_u8 {
        s.cache.set("key", &number).namespace("space").await?;
        assert_eq!(s.other.get(inside("space")).await?, Some(number));
        s.other.invalidate_namespace("space").await?;
        assert!(!s.cache.exists(inside("space")).await?);
    }
    Ok(())
}

pub(crate) async fn a_tag_of_a_namespaces_name_is_something_else(s: Subject) -> Outcome {
    s.cache
        .set("key", &1_u8)
        .namespace("space")
        .tags(["tag"])
        .await?;
    s.cache.set("tagged", &2_u8).tags(["space"]).await?;
    s.other.invalidate_tags(["space"]).await?;
    assert!(s.cache.exists(inside("space")).await?);
    assert!(!s.cache.exists("tagged").await?);
    s.cache.set("tagged", &2_u8).tags(["space"]).await?;
    s.other.invalidate_namespace("space").await?;
    assert!(!s.cache.exists(inside("space")).await?);
    assert!(s.cache.exists("tagged").await?);
    Ok(())
}
