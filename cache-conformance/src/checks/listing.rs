//! Going through the keys, and counting them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder_core::{Cache, Error, Key, Pattern};

use crate::gate::Gate;
use crate::{Failure, Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

async fn listed(cache: &Cache, pattern: impl Into<Pattern>) -> Result<Vec<String>, Failure> {
    let keys: Vec<Key> = cache.keys(pattern).try_collect().await?;
    let mut keys: Vec<String> = keys.iter().map(|key| key.full().to_owned()).collect();
    keys.sort();
    Ok(keys)
}

pub(crate) async fn an_empty_cache_has_no_keys(s: Subject) -> Outcome {
    assert_eq!(listed(&s.cache, "*").await?, [""; 0]);
    assert_eq!(s.cache.count("*").await?, 0);
    Ok(())
}

pub(crate) async fn every_key_is_listed_once(s: Subject) -> Outcome {
    let mut names: Vec<String> = (0..1_500).map(|number| format!("key:{number}")).collect();
    s.cache
        .set_many(names.iter().map(|name| (name, 1_u8)))
        .await?;
    names.sort();
    assert_eq!(listed(&s.other, "*").await?, names);
    assert_eq!(s.cache.count("key:*").await?, 1_500);
    assert_eq!(s.cache.count("key:1???").await?, 500);
    Ok(())
}

pub(crate) async fn listed_keys_are_the_keys_that_were_set(s: Subject) -> Outcome {
    let names = ["", "a", "語", "a:b", "%3A", "*", "\0", " ", "#all"];
    for name in names {
        s.cache.set(name, &1_u8).namespace("space").await?;
    }
    let pattern = Pattern::new("*").in_namespace("space");
    let keys: Vec<Key> = s.other.keys(pattern).try_collect().await?;
    assert_eq!(keys.len(), names.len());
    for name in names {
        assert!(
            keys.contains(&Key::new(name).in_namespace("space")),
            "{name:?} in {keys:?}"
        );
    }
    for key in &keys {
        assert_eq!(
            s.cache.get(key).await?,
            Some(1_u8),
            "what is listed is found"
        );
    }
    Ok(())
}

pub(crate) async fn what_has_expired_is_not_listed(s: Subject) -> Outcome {
    s.cache.set("short", &1_u8).ttl(MINUTE).await?;
    s.cache.set("long", &1_u8).ttl(MINUTE * 2).await?;
    s.clock.advance(MINUTE);
    assert_eq!(listed(&s.other, "*").await?, ["long"]);
    assert_eq!(s.cache.count("*").await?, 1);
    Ok(())
}

pub(crate) async fn what_was_invalidated_is_not_listed(s: Subject) -> Outcome {
    s.cache.set("tagged", &1_u8).tags(["tag"]).await?;
    s.cache.set("free", &1_u8).await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert_eq!(listed(&s.cache, "*").await?, ["free"]);
    assert_eq!(s.cache.count("*").await?, 1);
    s.other.clear().await?;
    assert_eq!(listed(&s.cache, "*").await?, [""; 0]);
    assert_eq!(s.cache.count("*").await?, 0);
    Ok(())
}

pub(crate) async fn what_was_deleted_is_not_listed(s: Subject) -> Outcome {
    s.cache.set_many([("a", 1_u8), ("b", 2), ("c", 3)]).await?;
    s.other.delete("a").await?;
    s.other.get_and_delete::<u8>("b").await?;
    assert_eq!(listed(&s.cache, "*").await?, ["c"]);
    assert_eq!(s.cache.count("*").await?, 1);
    Ok(())
}

pub(crate) async fn what_is_being_loaded_is_not_listed(s: Subject) -> Outcome {
    let gate = Gate::new();
    let load = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("key", || gate.load(1_u8)).lock().await }
    });
    gate.begun().await;
    assert_eq!(listed(&s.other, "*").await?, [""; 0]);
    assert_eq!(s.cache.count("*").await?, 0);
    gate.open();
    load.await?;
    assert_eq!(listed(&s.other, "*").await?, ["key"]);
    assert_eq!(s.cache.count("*").await?, 1);
    Ok(())
}

pub(crate) async fn values_of_every_type_are_listed(s: Subject) -> Outcome {
    s.cache.set("number", &1_u8).await?;
    s.cache.set("text", &"text".to_owned()).await?;
    s.cache.set("nothing", &None::<u8>).await?;
    assert_eq!(listed(&s.other, "*").await?, ["nothing", "number", "text"]);
    Ok(())
}

pub(crate) async fn what_is_there_all_the_time_is_listed_whatever_else_happens(
    s: Subject,
) -> Outcome {
    let steady: BTreeSet<String> = (0..200).map(|number| format!("steady:{number}")).collect();
    s.cache
        .set_many(steady.iter().map(|key| (key, 1_u8)))
        .await?;
    let writer = {
        let cache = s.other.clone();
        tokio::spawn(async move {
            for round in 0..5 {
                let keys = (0..100).map(|number| format!("coming:{round}:{number}"));
                cache.set_many(keys.clone().map(|key| (key, 1_u8))).await?;
                cache.delete_many(keys).await?;
            }
            Ok::<_, Error>(())
        })
    };
    loop {
        let is_last = writer.is_finished();
        let keys: Vec<Key> = s.cache.keys("*").try_collect().await?;
        let found: BTreeSet<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
        assert!(found.is_superset(&steady));
        if is_last {
            break;
        }
    }
    writer.await??;
    assert_eq!(s.cache.count("*").await?, 200);
    Ok(())
}

pub(crate) async fn a_listing_may_be_left_in_the_middle(s: Subject) -> Outcome {
    s.cache
        .set_many((0..500).map(|number| (format!("key:{number}"), 1_u8)))
        .await?;
    for taken in [0, 1, 100] {
        let mut keys = std::pin::pin!(s.cache.keys("*"));
        for _ in 0..taken {
            assert!(keys.try_next().await?.is_some());
        }
    }
    assert_eq!(s.cache.count("*").await?, 500);
    Ok(())
}

pub(crate) async fn a_survey_counts_the_entries(s: Subject) -> Outcome {
    for number in 0..10_u8 {
        s.cache
            .set(format!("key:{number}"), &number)
            .namespace("space")
            .await?;
    }
    s.cache.set("free", &1_u8).tags(["tag"]).await?;
    s.cache.set("invalid", &1_u8).tags(["gone"]).await?;
    s.cache.invalidate_tags(["gone"]).await?;
    assert_eq!(s.cache.survey().await?.entries, Some(11));
    assert_eq!(s.other.survey().await?.entries, Some(11));
    Ok(())
}

pub(crate) async fn cleaning_up_removes_only_what_has_expired(s: Subject) -> Outcome {
    s.cache.set("short", &1_u8).ttl(MINUTE).await?;
    s.cache.set("long", &2_u8).ttl(MINUTE * 2).await?;
    s.cache
        .set("forever", &3_u8)
        .ttl(larder_core::Ttl::Never)
        .await?;
    s.clock.advance(MINUTE);
    s.cache.cleanup_expired().await?;
    assert_eq!(listed(&s.other, "*").await?, ["forever", "long"]);
    assert_eq!(s.cache.get("long").await?, Some(2_u8));
    assert_eq!(s.cache.get("forever").await?, Some(3_u8));
    assert_eq!(s.cache.cleanup_expired().await?, 0, "there is nothing more");
    Ok(())
}
