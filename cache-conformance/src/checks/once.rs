//! What only one of many can do: set what is absent, take what is there.

use std::time::Duration;

use larder_core::Key;

use crate::operation::at_once;
use crate::{Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn set_if_absent_stores_where_there_is_nothing(s: Subject) -> Outcome {
    assert!(s.cache.set_if_absent("key", &1_u8).await?);
    assert_eq!(s.other.get("key").await?, Some(1_u8));
    Ok(())
}

pub(crate) async fn set_if_absent_leaves_what_is_there(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).tags(["old"]).await?;
    assert!(
        !s.other
            .set_if_absent("key", &2_u8)
            .ttl(MINUTE * 2)
            .tags(["new"])
            .await?
    );
    assert_eq!(s.cache.get("key").await?, Some(1_u8));
    s.cache.invalidate_tags(["new"]).await?;
    assert!(s.cache.exists("key").await?, "it has its old tags");
    s.clock.advance(MINUTE);
    assert!(!s.cache.exists("key").await?, "it has its old ttl");
    Ok(())
}

pub(crate) async fn what_has_expired_is_absent(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE);
    assert!(s.other.set_if_absent("key", &2_u8).await?);
    assert_eq!(s.cache.get("key").await?, Some(2_u8));
    Ok(())
}

pub(crate) async fn what_was_invalidated_is_absent(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert!(s.cache.set_if_absent("key", &2_u8).await?);
    assert_eq!(s.other.get("key").await?, Some(2_u8));
    s.cache.clear().await?;
    assert!(s.other.set_if_absent("key", &3_u8).await?);
    assert_eq!(s.cache.get("key").await?, Some(3_u8));
    Ok(())
}

pub(crate) async fn what_was_deleted_is_absent(s: Subject) -> Outcome {
    for number in 0..3_u8 {
        assert!(s.cache.set_if_absent("key", &number).await?);
        assert!(s.other.delete("key").await?);
    }
    Ok(())
}

pub(crate) async fn set_if_absent_takes_ttl_tags_and_namespace(s: Subject) -> Outcome {
    let key = Key::new("key").in_namespace("space");
    let set = || {
        s.cache
            .set_if_absent("key", &1_u8)
            .ttl(MINUTE)
            .tags(["tag"])
            .namespace("space")
    };
    assert!(set().await?);
    assert!(!s.cache.exists("key").await?);
    s.clock.advance(MINUTE - Duration::from_millis(1));
    assert!(s.other.exists(&key).await?);
    s.clock.advance(Duration::from_millis(1));
    assert!(!s.other.exists(&key).await?);
    assert!(set().await?);
    s.other.invalidate_tags(["tag"]).await?;
    assert!(set().await?);
    s.other.invalidate_namespace("space").await?;
    assert!(set().await?);
    Ok(())
}

pub(crate) async fn of_many_that_set_what_is_absent_one_does(s: Subject) -> Outcome {
    for round in 0..10 {
        let key = format!("key:{round}");
        let tries = (0..16_u32).map(|number| {
            let cache = if number % 2 == 0 {
                s.cache.clone()
            } else {
                s.other.clone()
            };
            let key = key.clone();
            async move {
                cache
                    .set_if_absent(key, &number)
                    .await
                    .map(|won| won.then_some(number))
            }
        });
        let outcomes: Result<Vec<_>, _> = at_once(tries).await.into_iter().collect();
        let winners: Vec<u32> = outcomes?.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(s.cache.get(&*key).await?, Some(winners[0]));
    }
    Ok(())
}

pub(crate) async fn get_and_delete_gives_and_removes(s: Subject) -> Outcome {
    s.cache.set("key", &7_u8).tags(["tag"]).await?;
    assert_eq!(s.other.get_and_delete("key").await?, Some(7_u8));
    assert!(!s.cache.exists("key").await?);
    assert_eq!(s.cache.get_and_delete::<u8>("key").await?, None);
    Ok(())
}

pub(crate) async fn get_and_delete_finds_only_what_is_usable(s: Subject) -> Outcome {
    s.cache.set("expired", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE);
    s.cache.set("invalid", &1_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    for key in ["expired", "invalid", "never"] {
        assert_eq!(s.other.get_and_delete::<u8>(key).await?, None, "{key}");
    }
    Ok(())
}

pub(crate) async fn get_and_delete_keeps_to_its_namespace(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.cache.set("key", &2_u8).namespace("space").await?;
    let inside = Key::new("key").in_namespace("space");
    assert_eq!(s.cache.get_and_delete(&inside).await?, Some(2_u8));
    assert_eq!(s.cache.get("key").await?, Some(1_u8));
    Ok(())
}

pub(crate) async fn of_many_that_get_and_delete_one_gets_it(s: Subject) -> Outcome {
    for round in 0..10_u32 {
        let key = format!("key:{round}");
        s.cache.set(&*key, &round).await?;
        let takers = (0..16).map(|number| {
            let cache = if number % 2 == 0 {
                s.cache.clone()
            } else {
                s.other.clone()
            };
            let key = key.clone();
            async move { cache.get_and_delete::<u32>(key).await }
        });
        let outcomes: Result<Vec<_>, _> = at_once(takers).await.into_iter().collect();
        let taken: Vec<u32> = outcomes?.into_iter().flatten().collect();
        assert_eq!(taken, [round]);
    }
    Ok(())
}

pub(crate) async fn what_many_put_and_take_is_taken_once(s: Subject) -> Outcome {
    // A key as a mailbox: every value that was put in comes out once.
    let putters = (0..4_u32).map(|putter| {
        let cache = s.cache.clone();
        async move {
            let mut put = Vec::new();
            for number in 0..25 {
                let value = putter * 100 + number;
                if cache.set_if_absent("box", &value).await? {
                    put.push(value);
                }
            }
            Ok::<_, larder_core::Error>(put)
        }
    });
    let takers = (0..4).map(|_| {
        let cache = s.other.clone();
        async move {
            let mut taken = Vec::new();
            for _ in 0..25 {
                taken.extend(cache.get_and_delete::<u32>("box").await?);
            }
            Ok::<_, larder_core::Error>(taken)
        }
    });
    let (put, taken) = futures_util::future::join(at_once(putters), at_once(takers)).await;
    let flat = |lists: Vec<Result<Vec<u32>, larder_core::Error>>| {
        lists
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map(|lists| lists.concat())
    };
    let (mut put, mut taken) = (flat(put)?, flat(taken)?);
    taken.extend(s.cache.get_and_delete::<u32>("box").await?);
    put.sort_unstable();
    taken.sort_unstable();
    assert_eq!(put, taken);
    Ok(())
}
