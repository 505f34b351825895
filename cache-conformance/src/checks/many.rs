//! Several keys at once.

use std::time::Duration;

use larder_core::Key;

use crate::{Outcome, Subject};

const NO_KEYS: [&str; 0] = [];

pub(crate) async fn get_many_answers_in_the_order_asked(s: Subject) -> Outcome {
    for number in 0..10_u8 {
        s.cache.set(format!("key:{number}"), &number).await?;
    }
    let found: Vec<Option<u8>> = s
        .other
        .get_many(["key:7", "key:1", "key:9", "key:0"])
        .await?;
    assert_eq!(found, [Some(7), Some(1), Some(9), Some(0)]);
    Ok(())
}

pub(crate) async fn get_many_answers_a_key_as_often_as_asked(s: Subject) -> Outcome {
    s.cache.set("a", &1_u8).await?;
    let found: Vec<Option<u8>> = s.cache.get_many(["a", "b", "a", "b", "a"]).await?;
    assert_eq!(found, [Some(1), None, Some(1), None, Some(1)]);
    Ok(())
}

pub(crate) async fn get_many_leaves_a_gap_for_what_is_missing(s: Subject) -> Outcome {
    s.cache.set("there", &1_u8).await?;
    s.cache
        .set("expired", &2_u8)
        .ttl(Duration::from_secs(60))
        .await?;
    s.cache.set("invalid", &3_u8).tags(["tag"]).await?;
    s.cache.set("text", &"four".to_owned()).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    s.clock.advance(Duration::from_secs(60));
    let keys = ["never", "expired", "there", "invalid", "text"];
    let found: Vec<Option<u8>> = s.cache.get_many(keys).await?;
    assert_eq!(found, [None, None, Some(1), None, None]);
    Ok(())
}

pub(crate) async fn get_many_of_nothing_is_nothing(s: Subject) -> Outcome {
    assert_eq!(s.cache.get_many::<u8>(NO_KEYS).await?, []);
    Ok(())
}

pub(crate) async fn get_many_takes_keys_of_several_namespaces(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.cache.set("key", &2_u8).namespace("a").await?;
    s.cache
        .set("key", &3_u8)
        .namespace("b")
        .tags(["tag"])
        .await?;
    let keys = ["b", "", "a", "c"].map(|namespace| Key::new("key").in_namespace(namespace));
    assert_eq!(
        s.cache.get_many::<u8>(keys.clone()).await?,
        [Some(3), Some(1), Some(2), None]
    );
    s.other.invalidate_namespace("b").await?;
    assert_eq!(
        s.cache.get_many::<u8>(keys).await?,
        [None, Some(1), Some(2), None]
    );
    Ok(())
}

pub(crate) async fn get_many_takes_hundreds(s: Subject) -> Outcome {
    let numbers = 0..700_u32;
    s.cache
        .set_many(
            numbers
                .clone()
                .map(|number| (format!("key:{number}"), number)),
        )
        .await?;
    let keys = numbers.clone().rev().map(|number| format!("key:{number}"));
    let found: Vec<Option<u32>> = s.other.get_many(keys).await?;
    assert!(found.into_iter().eq(numbers.rev().map(Some)));
    Ok(())
}

pub(crate) async fn set_many_stores_all(s: Subject) -> Outcome {
    s.cache.set_many([("a", 1_u8), ("b", 2), ("c", 3)]).await?;
    assert_eq!(
        s.other.get_many::<u8>(["a", "b", "c"]).await?,
        [Some(1), Some(2), Some(3)]
    );
    Ok(())
}

pub(crate) async fn set_many_replaces_what_is_there(s: Subject) -> Outcome {
    s.cache.set_many([("a", 1_u8), ("b", 2)]).await?;
    s.other.set_many([("b", 3_u8), ("c", 4)]).await?;
    assert_eq!(
        s.cache.get_many::<u8>(["a", "b", "c"]).await?,
        [Some(1), Some(3), Some(4)]
    );
    Ok(())
}

pub(crate) async fn set_many_of_nothing_does_nothing(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.cache.set_many([("other", 2_u8); 0]).await?;
    assert_eq!(s.cache.get("key").await?, Some(1_u8));
    Ok(())
}

pub(crate) async fn set_many_gives_all_the_same_ttl(s: Subject) -> Outcome {
    s.cache
        .set_many([("a", 1_u8), ("b", 2)])
        .ttl(Duration::from_secs(60))
        .await?;
    s.clock.advance(Duration::from_millis(59_999));
    assert_eq!(
        s.cache.get_many::<u8>(["a", "b"]).await?,
        [Some(1), Some(2)]
    );
    s.clock.advance(Duration::from_millis(1));
    assert_eq!(s.cache.get_many::<u8>(["a", "b"]).await?, [None, None]);
    Ok(())
}

pub(crate) async fn set_many_gives_all_the_same_tags_and_namespace(s: Subject) -> Outcome {
    let keys = ["a", "b"].map(|key| Key::new(key).in_namespace("space"));
    for by_tag in [true, false] {
        s.cache
            .set_many([("a", 1_u8), ("b", 2)])
            .tags(["tag"])
            .namespace("space")
            .await?;
        assert_eq!(s.cache.get_many::<u8>(["a", "b"]).await?, [None, None]);
        assert_eq!(s.cache.get_many::<u8>(&keys).await?, [Some(1), Some(2)]);
        if by_tag {
            s.other.invalidate_tags(["tag"]).await?;
        } else {
            s.other.invalidate_namespace("space").await?;
        }
        assert_eq!(s.cache.get_many::<u8>(&keys).await?, [None, None]);
    }
    Ok(())
}
