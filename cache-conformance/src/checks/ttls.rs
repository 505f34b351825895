//! How long entries live, by the clock of whoever reads.

use std::time::Duration;

use larder_core::{Cache, Error, Key, Ttl};

use crate::{Failure, Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);
const MILLISECOND: Duration = Duration::from_millis(1);

async fn is_there(s: &Subject, key: &str) -> Result<bool, Failure> {
    let here = s.cache.get::<u8>(key).await?.is_some();
    assert_eq!(
        s.other.exists(key).await?,
        here,
        "both processes see the same"
    );
    Ok(here)
}

/// What is left of an entry, to the millisecond.
async fn left(cache: &Cache, key: &str) -> Result<Option<Duration>, Failure> {
    match cache.ttl(key).await? {
        None => Ok(None),
        Some(Ttl::For(left)) => {
            let millis = (left + MILLISECOND / 2).as_millis();
            Ok(Some(Duration::from_millis(u64::try_from(millis)?)))
        }
        other => panic!("an entry that expires has something left, not {other:?}"),
    }
}

/// The key expires in this moment and not a millisecond before.
async fn expires_after(s: &Subject, key: &str, after: Duration) -> Outcome {
    s.clock.advance(after - MILLISECOND);
    assert!(is_there(s, key).await?, "`{key}` expired early");
    s.clock.advance(MILLISECOND);
    assert!(!is_there(s, key).await?, "`{key}` expires late");
    Ok(())
}

fn is_zero_ttl<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::ZeroTtl { .. }))
}

pub(crate) async fn an_entry_expires_to_the_millisecond(s: Subject) -> Outcome {
    s.cache
        .set("key", &1_u8)
        .ttl(Duration::from_millis(60_001))
        .await?;
    expires_after(&s, "key", Duration::from_millis(60_001)).await
}

pub(crate) async fn each_entry_has_its_own_ttl(s: Subject) -> Outcome {
    for minutes in 1..=3_u8 {
        s.cache
            .set(format!("key:{minutes}"), &minutes)
            .ttl(MINUTE * minutes.into())
            .await?;
    }
    for minutes in 1..=3_u8 {
        expires_after(&s, &format!("key:{minutes}"), MINUTE).await?;
    }
    Ok(())
}

pub(crate) async fn without_a_ttl_the_usual_one_counts(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    expires_after(&s, "key", Duration::from_secs(300)).await
}

pub(crate) async fn short_and_long_are_words_for_ttls(s: Subject) -> Outcome {
    s.cache.set("short", &1_u8).ttl(Ttl::Short).await?;
    s.cache.set("long", &1_u8).ttl(Ttl::Long).await?;
    expires_after(&s, "short", Duration::from_secs(30)).await?;
    expires_after(&s, "long", Duration::from_secs(3_570)).await
}

pub(crate) async fn an_entry_may_live_for_ever(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(Ttl::Never).await?;
    s.clock.advance(CENTURY);
    assert!(is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn a_very_long_ttl_does_not_overflow(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(Duration::MAX).await?;
    s.clock.advance(HOUR);
    assert!(is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn a_ttl_of_zero_is_an_error(s: Subject) -> Outcome {
    s.cache.set("old", &1_u8).await?;
    let zero = Duration::ZERO;
    assert!(is_zero_ttl(s.cache.set("key", &1_u8).ttl(zero).await));
    assert!(is_zero_ttl(s.cache.set("old", &2_u8).ttl(zero).await));
    assert!(is_zero_ttl(
        s.cache.set_if_absent("key", &1_u8).ttl(zero).await
    ));
    assert!(is_zero_ttl(
        s.cache.set_many([("key", 1_u8)]).ttl(zero).await
    ));
    assert!(is_zero_ttl(s.cache.set_ttl("old", zero).await));
    assert!(is_zero_ttl(s.cache.get_and_touch::<u8>("old", zero).await));
    assert_eq!(s.cache.get::<u8>("key").await?, None);
    assert_eq!(
        s.cache.get("old").await?,
        Some(1_u8),
        "an error changes nothing"
    );
    Ok(())
}

pub(crate) async fn a_load_with_a_ttl_of_zero_is_not_stored(s: Subject) -> Outcome {
    let loaded = s
        .cache
        .load("key", || async { 1_u8 })
        .ttl(Duration::ZERO)
        .await;
    assert_eq!(loaded, 1);
    assert!(!is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn a_load_has_the_ttl_that_it_names(s: Subject) -> Outcome {
    s.cache.load("key", || async { 1_u8 }).ttl(MINUTE).await;
    expires_after(&s, "key", MINUTE).await
}

pub(crate) async fn setting_again_begins_a_new_ttl(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE / 2);
    s.cache.set("key", &2_u8).ttl(MINUTE).await?;
    expires_after(&s, "key", MINUTE).await
}

pub(crate) async fn reading_does_not_prolong(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    for _ in 0..59 {
        s.clock.advance(Duration::from_secs(1));
        assert!(is_there(&s, "key").await?);
    }
    expires_after(&s, "key", Duration::from_secs(1)).await
}

pub(crate) async fn an_expired_key_can_be_set_again(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE);
    s.other.set("key", &2_u8).ttl(MINUTE).await?;
    assert_eq!(s.cache.get("key").await?, Some(2_u8));
    expires_after(&s, "key", MINUTE).await
}

pub(crate) async fn ttl_says_what_is_left(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    assert_eq!(left(&s.cache, "key").await?, Some(MINUTE));
    s.clock.advance(MINUTE - MILLISECOND);
    assert_eq!(left(&s.other, "key").await?, Some(MILLISECOND));
    s.clock.advance(MILLISECOND);
    assert_eq!(left(&s.cache, "key").await?, None);
    Ok(())
}

pub(crate) async fn the_ttl_of_what_lives_for_ever_is_never(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(Ttl::Never).await?;
    assert_eq!(s.cache.ttl("key").await?, Some(Ttl::Never));
    Ok(())
}

pub(crate) async fn what_is_not_there_has_no_ttl(s: Subject) -> Outcome {
    assert_eq!(s.cache.ttl("key").await?, None);
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.cache.invalidate_tags(["tag"]).await?;
    assert_eq!(s.cache.ttl("key").await?, None);
    Ok(())
}

pub(crate) async fn set_ttl_shortens(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(HOUR).await?;
    assert!(s.cache.set_ttl("key", MINUTE).await?);
    assert_eq!(left(&s.other, "key").await?, Some(MINUTE));
    expires_after(&s, "key", MINUTE).await
}

pub(crate) async fn set_ttl_prolongs(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).tags(["tag"]).await?;
    s.clock.advance(MINUTE / 2);
    assert!(s.other.set_ttl("key", HOUR).await?);
    assert_eq!(left(&s.cache, "key").await?, Some(HOUR));
    expires_after(&s, "key", HOUR).await
}

pub(crate) async fn set_ttl_keeps_value_and_tags(s: Subject) -> Outcome {
    s.cache.set("key", &7_u8).tags(["tag"]).ttl(MINUTE).await?;
    assert!(s.cache.set_ttl("key", HOUR).await?);
    assert_eq!(s.other.get("key").await?, Some(7_u8));
    s.other.invalidate_tags(["tag"]).await?;
    assert!(!is_there(&s, "key").await?, "its tags still reach it");
    Ok(())
}

pub(crate) async fn set_ttl_of_never_makes_it_stay(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    assert!(s.cache.set_ttl("key", Ttl::Never).await?);
    s.clock.advance(CENTURY);
    assert!(is_there(&s, "key").await?);
    assert!(s.cache.set_ttl("key", MINUTE).await?, "and back");
    expires_after(&s, "key", MINUTE).await
}

pub(crate) async fn persist_makes_it_stay(s: Subject) -> Outcome {
    s.cache.set("key", &7_u8).ttl(MINUTE).tags(["tag"]).await?;
    assert!(s.other.persist("key").await?);
    assert_eq!(s.cache.ttl("key").await?, Some(Ttl::Never));
    s.clock.advance(CENTURY);
    assert_eq!(s.cache.get("key").await?, Some(7_u8));
    s.cache.invalidate_tags(["tag"]).await?;
    assert!(!is_there(&s, "key").await?, "its tags still reach it");
    Ok(())
}

pub(crate) async fn what_is_not_there_gets_no_ttl(s: Subject) -> Outcome {
    assert!(!s.cache.set_ttl("key", MINUTE).await?);
    assert!(!s.cache.persist("key").await?);
    assert_eq!(s.cache.get_and_touch::<u8>("key", MINUTE).await?, None);
    assert!(!is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn what_has_expired_stays_expired(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE);
    assert!(!s.cache.set_ttl("key", HOUR).await?);
    assert!(!s.other.persist("key").await?);
    assert_eq!(s.cache.get_and_touch::<u8>("key", HOUR).await?, None);
    assert!(!is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn what_was_invalidated_stays_invalid(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.other.invalidate_tags(["tag"]).await?;
    assert!(!s.cache.set_ttl("key", HOUR).await?);
    assert!(!s.other.persist("key").await?);
    assert_eq!(s.cache.get_and_touch::<u8>("key", HOUR).await?, None);
    assert!(!is_there(&s, "key").await?);
    Ok(())
}

pub(crate) async fn get_and_touch_gives_the_value_and_a_new_ttl(s: Subject) -> Outcome {
    s.cache.set("key", &7_u8).ttl(MINUTE).await?;
    s.clock.advance(MINUTE / 2);
    assert_eq!(s.other.get_and_touch("key", HOUR).await?, Some(7_u8));
    assert_eq!(left(&s.cache, "key").await?, Some(HOUR));
    expires_after(&s, "key", HOUR).await
}

pub(crate) async fn get_and_touch_leaves_what_it_cannot_read(s: Subject) -> Outcome {
    s.cache.set("key", &"text".to_owned()).ttl(MINUTE).await?;
    assert_eq!(s.cache.get_and_touch::<u8>("key", HOUR).await?, None);
    assert_eq!(left(&s.other, "key").await?, Some(MINUTE));
    Ok(())
}

pub(crate) async fn a_ttl_is_set_in_its_namespace_only(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).ttl(HOUR).await?;
    s.cache
        .set("key", &2_u8)
        .ttl(HOUR)
        .namespace("space")
        .await?;
    assert!(
        s.cache
            .set_ttl(Key::new("key").in_namespace("space"), MINUTE)
            .await?
    );
    assert_eq!(left(&s.cache, "key").await?, Some(HOUR));
    Ok(())
}
