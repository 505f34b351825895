//! Deleting says what there was.

use std::time::Duration;

use larder_core::Key;

use crate::operation::at_once;
use crate::{Outcome, Subject};

pub(crate) async fn delete_says_whether_there_was_something(s: Subject) -> Outcome {
    assert!(!s.cache.delete("key").await?);
    s.cache.set("key", &1_u8).await?;
    assert!(s.other.delete("key").await?);
    assert!(!s.cache.delete("key").await?);
    Ok(())
}

pub(crate) async fn what_is_deleted_is_gone_everywhere(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    assert_eq!(s.other.get("key").await?, Some(1_u8));
    s.cache.delete("key").await?;
    assert_eq!(s.cache.get::<u8>("key").await?, None);
    assert_eq!(s.other.get::<u8>("key").await?, None);
    assert!(!s.other.exists("key").await?);
    Ok(())
}

pub(crate) async fn delete_leaves_everything_else(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.cache.set("key:1", &2_u8).tags(["tag"]).await?;
    s.cache
        .set("key", &3_u8)
        .namespace("space")
        .tags(["tag"])
        .await?;
    assert!(s.cache.delete("key").await?);
    assert!(s.cache.exists("key:1").await?);
    assert!(
        s.cache
            .exists(Key::new("key").in_namespace("space"))
            .await?
    );
    Ok(())
}

pub(crate) async fn an_expired_entry_is_nothing_to_delete(s: Subject) -> Outcome {
    s.cache
        .set("key", &1_u8)
        .ttl(Duration::from_secs(60))
        .await?;
    s.clock.advance(Duration::from_secs(60));
    assert!(!s.cache.delete("key").await?);
    Ok(())
}

pub(crate) async fn an_invalidated_entry_is_nothing_to_delete(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert!(!s.cache.delete("key").await?);
    Ok(())
}

pub(crate) async fn a_deleted_key_can_be_set_again(s: Subject) -> Outcome {
    for number in 0..3_u8 {
        s.cache.set("key", &number).await?;
        assert_eq!(s.other.get("key").await?, Some(number));
        assert!(s.other.delete("key").await?);
        assert!(!s.cache.exists("key").await?);
    }
    Ok(())
}

pub(crate) async fn invalidate_key_removes(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.cache.set("other", &2_u8).await?;
    s.other.invalidate_key("key").await?;
    s.other.invalidate_key("never there").await?;
    assert!(!s.cache.exists("key").await?);
    assert!(s.cache.exists("other").await?);
    Ok(())
}

pub(crate) async fn delete_many_counts_what_was_there(s: Subject) -> Outcome {
    s.cache
        .set_many([("a", 1_u8), ("b", 2), ("c", 3), ("d", 4)])
        .await?;
    s.cache.set("invalid", &5_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    assert_eq!(
        s.other.delete_many(["a", "never", "c", "invalid"]).await?,
        2
    );
    assert_eq!(
        s.cache.get_many::<u8>(["a", "b", "c", "d"]).await?,
        [None, Some(2), None, Some(4)]
    );
    Ok(())
}

pub(crate) async fn delete_many_counts_a_key_once(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    assert_eq!(s.cache.delete_many(["key", "key", "key"]).await?, 1);
    Ok(())
}

pub(crate) async fn delete_many_of_nothing_deletes_nothing(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    assert_eq!(s.cache.delete_many([""; 0]).await?, 0);
    assert!(s.cache.exists("key").await?);
    Ok(())
}

pub(crate) async fn delete_many_takes_hundreds(s: Subject) -> Outcome {
    let keys = (0..700).map(|number| format!("key:{number}"));
    s.cache
        .set_many(keys.clone().map(|key| (key, 1_u8)))
        .await?;
    assert_eq!(s.other.delete_many(keys.clone().step_by(2)).await?, 350);
    let left = s.cache.get_many::<u8>(keys).await?;
    assert!(left.chunks(2).all(|pair| pair == [None, Some(1)]));
    Ok(())
}

pub(crate) async fn delete_many_takes_keys_of_several_namespaces(s: Subject) -> Outcome {
    for namespace in ["", "a", "b"] {
        s.cache.set("key", &1_u8).namespace(namespace).await?;
    }
    let keys = ["", "b"].map(|namespace| Key::new("key").in_namespace(namespace));
    assert_eq!(s.cache.delete_many(keys).await?, 2);
    assert!(s.cache.exists(Key::new("key").in_namespace("a")).await?);
    Ok(())
}

pub(crate) async fn many_may_delete_the_same_key(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    let deletions = (0..16).map(|number| {
        let cache = if number % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        async move { cache.delete("key").await }
    });
    let outcomes: Result<Vec<bool>, _> = at_once(deletions).await.into_iter().collect();
    assert!(outcomes?.contains(&true), "one of them found it");
    assert!(!s.cache.exists("key").await?);
    Ok(())
}
