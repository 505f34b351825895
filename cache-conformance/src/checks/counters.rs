//! Counting in place.

use std::fmt::Debug;
use std::time::Duration;

use larder_core::{Error, Key, Ttl, Value};

use crate::operation::at_once;
use crate::{Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn a_counter_begins_at_zero(s: Subject) -> Outcome {
    assert_eq!(s.cache.increment("up", 5).await?, 5);
    assert_eq!(s.cache.decrement("down", 5).await?, -5);
    assert_eq!(s.other.get("up").await?, Some(5_i64));
    assert_eq!(s.other.get("down").await?, Some(-5_i64));
    Ok(())
}

pub(crate) async fn a_counter_goes_on(s: Subject) -> Outcome {
    assert_eq!(s.cache.increment("key", 5).await?, 5);
    assert_eq!(s.other.increment("key", 2).await?, 7);
    assert_eq!(s.cache.decrement("key", 10).await?, -3);
    assert_eq!(s.other.increment("key", -1).await?, -4);
    assert_eq!(s.cache.decrement("key", -4).await?, 0);
    assert_eq!(s.other.get("key").await?, Some(0_i64));
    Ok(())
}

pub(crate) async fn adding_nothing_tells_the_number(s: Subject) -> Outcome {
    assert_eq!(s.cache.increment("key", 0).await?, 0);
    s.cache.set("key", &7_i64).await?;
    assert_eq!(s.other.increment("key", 0).await?, 7);
    assert_eq!(s.other.decrement("key", 0).await?, 7);
    Ok(())
}

pub(crate) async fn counters_of_two_namespaces_are_apart(s: Subject) -> Outcome {
    assert_eq!(s.cache.increment("key", 1).await?, 1);
    assert_eq!(s.cache.increment("key", 2).namespace("space").await?, 2);
    assert_eq!(s.cache.increment("key", 1).await?, 2);
    assert_eq!(
        s.other.get(Key::new("key").in_namespace("space")).await?,
        Some(2_i64)
    );
    Ok(())
}

/// A number that was set keeps its type, and counts up to its limits.
async fn counts<T: Value + TryFrom<i64, Error: Debug> + PartialEq + Debug>(
    s: &Subject,
    least: i64,
    most: i64,
) -> Outcome {
    let number = |number: i64| T::try_from(number).expect("it fits");
    s.cache.set("key", &number(7)).await?;
    assert_eq!(s.other.increment("key", 3).await?, 10);
    assert_eq!(s.cache.get("key").await?, Some(number(10)));
    assert_eq!(s.other.decrement("key", 10 - least).await?, least);
    assert_eq!(s.cache.get("key").await?, Some(number(least)));
    let under = s.cache.decrement("key", 1).await;
    assert!(matches!(under, Err(Error::Overflow { .. })), "{under:?}");
    s.cache.set("key", &number(most)).await?;
    let over = s.other.increment("key", 1).await;
    assert!(matches!(over, Err(Error::Overflow { .. })), "{over:?}");
    assert_eq!(
        s.cache.get("key").await?,
        Some(number(most)),
        "nothing has changed"
    );
    Ok(())
}

pub(crate) async fn signed_integers_of_every_width_count(s: Subject) -> Outcome {
    counts::<i8>(&s, i8::MIN.into(), i8::MAX.into()).await?;
    counts::<i16>(&s, i16::MIN.into(), i16::MAX.into()).await?;
    counts::<i32>(&s, i32::MIN.into(), i32::MAX.into()).await?;
    Ok(())
}

pub(crate) async fn unsigned_integers_of_every_width_count(s: Subject) -> Outcome {
    counts::<u8>(&s, 0, u8::MAX.into()).await?;
    counts::<u16>(&s, 0, u16::MAX.into()).await?;
    counts::<u32>(&s, 0, u32::MAX.into()).await?;
    counts::<u64>(&s, 0, i64::MAX).await?;
    counts::<usize>(&s, 0, i64::MAX).await
}

pub(crate) async fn a_counter_does_not_overflow(s: Subject) -> Outcome {
    for (start, by) in [(i64::MAX, 1), (i64::MIN, -1), (1, i64::MAX), (-2, i64::MIN)] {
        s.cache.set("key", &start).await?;
        let sum = s.other.increment("key", by).await;
        assert!(
            matches!(sum, Err(Error::Overflow { .. })),
            "{start} and {by}: {sum:?}"
        );
        assert_eq!(
            s.cache.get("key").await?,
            Some(start),
            "nothing has changed"
        );
    }
    s.cache.set("key", &i64::MAX).await?;
    assert_eq!(s.cache.increment("key", i64::MIN).await?, -1);
    Ok(())
}

pub(crate) async fn what_has_no_negative_is_not_taken_away(s: Subject) -> Outcome {
    for start in [-1_i64, 0, 1] {
        s.cache.set("key", &start).await?;
        let taken = s.other.decrement("key", i64::MIN).await;
        assert!(matches!(taken, Err(Error::Overflow { .. })), "{taken:?}");
        assert_eq!(
            s.cache.get("key").await?,
            Some(start),
            "nothing has changed"
        );
    }
    let begun = s.cache.decrement("never", i64::MIN).await;
    assert!(matches!(begun, Err(Error::Overflow { .. })), "{begun:?}");
    assert!(!s.cache.exists("never").await?);
    Ok(())
}

pub(crate) async fn large_numbers_are_exact(s: Subject) -> Outcome {
    let large = (1_i64 << 53) + 1;
    assert_eq!(s.cache.increment("key", 1).await?, 1);
    assert_eq!(s.cache.increment("key", large - 1).await?, large);
    assert_eq!(s.other.increment("key", 2).await?, large + 2);
    assert_eq!(s.cache.decrement("key", 1).await?, large + 1);
    assert_eq!(s.cache.get("key").await?, Some(large + 1));
    Ok(())
}

pub(crate) async fn what_is_no_number_does_not_count(s: Subject) -> Outcome {
    async fn does_not_count<T: Value + PartialEq + Debug>(s: &Subject, value: T) -> Outcome {
        s.cache.set("key", &value).await?;
        let sum = s.other.increment("key", 1).await;
        assert!(
            matches!(sum, Err(Error::NotANumber { .. })),
            "{value:?}: {sum:?}"
        );
        assert_eq!(
            s.cache.get("key").await?,
            Some(value),
            "nothing has changed"
        );
        Ok(())
    }
    does_not_count(&s, "7".to_owned()).await?;
    does_not_count(&s, 7.0_f64).await?;
    does_not_count(&s, Some(7_i64)).await?;
    does_not_count(&s, true).await?;
    does_not_count(&s, vec![7_u8]).await?;
    does_not_count(&s, ()).await
}

pub(crate) async fn counting_keeps_the_ttl(s: Subject) -> Outcome {
    s.cache.set("key", &1_i64).ttl(MINUTE).await?;
    s.clock.advance(MINUTE / 2);
    assert_eq!(s.other.increment("key", 1).ttl(MINUTE * 5).await?, 2);
    s.clock.advance(MINUTE / 2 - Duration::from_millis(1));
    assert_eq!(s.cache.increment("key", 1).ttl(Ttl::Never).await?, 3);
    s.clock.advance(Duration::from_millis(1));
    assert_eq!(s.cache.get::<i64>("key").await?, None);
    Ok(())
}

pub(crate) async fn counting_keeps_the_tags(s: Subject) -> Outcome {
    s.cache.set("key", &1_i64).tags(["old"]).await?;
    assert_eq!(s.other.increment("key", 1).tags(["new"]).await?, 2);
    s.cache.invalidate_tags(["new"]).await?;
    assert_eq!(s.cache.get("key").await?, Some(2_i64));
    s.cache.invalidate_tags(["old"]).await?;
    assert_eq!(s.cache.get::<i64>("key").await?, None);
    Ok(())
}

pub(crate) async fn a_new_counter_takes_ttl_and_tags(s: Subject) -> Outcome {
    s.cache
        .increment("key", 1)
        .ttl(MINUTE)
        .tags(["tag"])
        .await?;
    s.clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(s.other.increment("key", 1).await?, 2);
    s.clock.advance(Duration::from_millis(1));
    assert_eq!(
        s.other
            .increment("key", 1)
            .ttl(MINUTE)
            .tags(["tag"])
            .await?,
        1
    );
    s.cache.invalidate_tags(["tag"]).await?;
    assert_eq!(s.other.get::<i64>("key").await?, None);
    Ok(())
}

pub(crate) async fn what_is_gone_counts_from_zero(s: Subject) -> Outcome {
    s.cache
        .set("key", &100_i64)
        .ttl(MINUTE)
        .tags(["tag"])
        .await?;
    s.clock.advance(MINUTE);
    assert_eq!(
        s.other.increment("key", 1).tags(["tag"]).await?,
        1,
        "it has expired"
    );
    s.cache.invalidate_tags(["tag"]).await?;
    assert_eq!(s.other.increment("key", 1).await?, 1, "it was invalidated");
    s.cache.delete("key").await?;
    assert_eq!(s.other.increment("key", 1).await?, 1, "it was deleted");
    s.cache.clear().await?;
    assert_eq!(s.other.increment("key", 1).await?, 1, "it was cleared");
    Ok(())
}

pub(crate) async fn a_new_counter_without_a_ttl_to_live_is_an_error(s: Subject) -> Outcome {
    let counted = s.cache.increment("key", 1).ttl(Duration::ZERO).await;
    assert!(matches!(counted, Err(Error::ZeroTtl { .. })), "{counted:?}");
    assert!(!s.cache.exists("key").await?);
    Ok(())
}

pub(crate) async fn a_counter_can_be_set_and_read_as_a_value(s: Subject) -> Outcome {
    s.cache.increment("key", 1).await?;
    s.other.set("key", &10_i64).await?;
    assert_eq!(s.cache.increment("key", 1).await?, 11);
    assert_eq!(s.cache.load("key", || async { 0_i64 }).await, 11);
    assert_eq!(
        s.cache.get_many::<i64>(["key", "key"]).await?,
        [Some(11), Some(11)]
    );
    assert_eq!(s.other.get_and_delete("key").await?, Some(11_i64));
    assert_eq!(s.cache.increment("key", 1).await?, 1);
    Ok(())
}

pub(crate) async fn many_count_together_and_none_is_lost(s: Subject) -> Outcome {
    let counting = (1..=32_i64).map(|number| {
        let cache = if number % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        async move {
            for _ in 0..10 {
                cache.increment("key", number).await?;
                cache.decrement("key", 1).await?;
            }
            Ok::<_, Error>(())
        }
    });
    for outcome in at_once(counting).await {
        outcome?;
    }
    assert_eq!(s.cache.get("key").await?, Some(10 * (32 * 33 / 2 - 32_i64)));
    Ok(())
}

pub(crate) async fn no_two_get_the_same_number(s: Subject) -> Outcome {
    let drawing = (0..8).map(|number| {
        let cache = if number % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        async move {
            let mut drawn = Vec::new();
            for _ in 0..20 {
                drawn.push(cache.increment("tickets", 1).await?);
            }
            Ok::<_, Error>(drawn)
        }
    });
    let drawn: Result<Vec<_>, _> = at_once(drawing).await.into_iter().collect();
    let mut drawn = drawn?.concat();
    drawn.sort_unstable();
    assert!(drawn.into_iter().eq(1..=160));
    Ok(())
}

pub(crate) async fn counting_overtakes_a_load(s: Subject) -> Outcome {
    let gate = crate::gate::Gate::new();
    let early = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("key", || gate.load(100_i64)).await }
    });
    gate.begun().await;
    assert_eq!(s.other.increment("key", 1).await?, 1);
    gate.open();
    assert_eq!(early.await?, 100);
    assert_eq!(s.cache.get("key").await?, Some(1_i64));
    Ok(())
}
