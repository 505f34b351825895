//! Integers that are changed in place.

use std::time::Duration;

use futures_util::future::join_all;
use larder::{Error, Ttl};

use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_count_begins_at_zero
    a_thousand_counts_at_once_add_up
    a_count_keeps_type_ttl_and_tags
    what_is_no_integer_is_an_error
    a_sum_must_fit_its_type
    counts_are_exact_beyond_53_bits
    an_invalidated_count_begins_again
}

async fn a_count_begins_at_zero(stage: Stage) {
    let cache = &stage.cache;
    assert_eq!(cache.increment("n", 5).await.expect("it counts"), 5);
    assert_eq!(stage.other.increment("n", 1).await.expect("it counts"), 6);
    assert_eq!(cache.decrement("n", 10).await.expect("it counts"), -4);
    assert_eq!(cache.get::<i64>("n").await.expect("it answers"), Some(-4));
    let tagged = cache.increment("m", 1).ttl(None).tags(["counters"]);
    tagged.await.expect("it counts");
    let ttl = cache.ttl("m").await.expect("it answers");
    assert_eq!(ttl, Some(Ttl::Never));
    let entry = cache.entry::<i64>("m").await.expect("it answers");
    let tags = entry.expect("it is there").tags;
    assert_eq!(
        tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
        ["counters"]
    );
}

async fn a_thousand_counts_at_once_add_up(stage: Stage) {
    let counts = (0..1_000).map(|number| {
        let cache = if number % 2 == 0 {
            &stage.cache
        } else {
            &stage.other
        };
        async move { cache.increment("n", 1).await.expect("it counts") }
    });
    let mut sums = join_all(counts).await;
    sums.sort_unstable();
    assert_eq!(sums, (1..=1_000).collect::<Vec<i64>>());
}

async fn a_count_keeps_type_ttl_and_tags(stage: Stage) {
    let (cache, minute) = (&stage.cache, Duration::from_secs(60));
    let set = cache.set("n", &7_u8).ttl(minute).tags(["counters"]);
    set.await.expect("it is stored");
    stage.clock.advance(minute / 2);
    let count = cache.increment("n", 1).ttl(None);
    assert_eq!(count.await.expect("it counts"), 8);
    assert_eq!(cache.get::<u8>("n").await.expect("it answers"), Some(8));
    assert_eq!(cache.get::<i64>("n").await.expect("it answers"), None);
    let ttl = cache.ttl("n").await.expect("it answers");
    assert_eq!(ttl, Some(Ttl::For(minute / 2)));
    let deleted = cache.delete_by_tags(["counters"]).await;
    assert_eq!(deleted.expect("it is deleted"), 1);
}

async fn what_is_no_integer_is_an_error(stage: Stage) {
    let cache = &stage.cache;
    for key in ["text", "float", "large"] {
        match key {
            "text" => cache.set(key, &"7".to_owned()).await,
            "float" => cache.set(key, &7.0_f64).await,
            _ => cache.set(key, &u64::MAX).await,
        }
        .expect("it is stored");
        let error = cache.increment(key, 1).await.expect_err("no integer");
        assert!(
            matches!(&error, Error::NotANumber { key: named } if named == key),
            "{error}"
        );
    }
    assert_eq!(
        cache.get::<u64>("large").await.expect("it answers"),
        Some(u64::MAX)
    );
}

async fn a_sum_must_fit_its_type(stage: Stage) {
    let cache = &stage.cache;
    cache.set("small", &250_u8).await.expect("it is stored");
    cache
        .set("least", &(i64::MIN + 1))
        .await
        .expect("it is stored");
    cache
        .set("most", &(i64::MAX as u64))
        .await
        .expect("it is stored");
    cache.set("zero", &0_u32).await.expect("it is stored");
    for (key, by) in [
        ("small", 6),
        ("least", -2),
        ("most", 1),
        ("zero", -1),
        ("zero", i64::MAX),
    ] {
        let error = cache.increment(key, by).await.expect_err("it does not fit");
        assert!(matches!(error, Error::Overflow { .. }), "{key}: {error}");
    }
    let error = cache.decrement("zero", i64::MIN).await;
    assert!(matches!(error, Err(Error::Overflow { .. })));
    assert_eq!(cache.increment("small", 5).await.expect("it fits"), 255);
    assert_eq!(
        cache.increment("least", -1).await.expect("it fits"),
        i64::MIN
    );
    assert_eq!(
        cache.get::<u8>("small").await.expect("it answers"),
        Some(255)
    );
}

async fn counts_are_exact_beyond_53_bits(stage: Stage) {
    let cache = &stage.cache;
    let odd = (1_i64 << 53) + 1;
    assert_eq!(cache.increment("n", odd).await.expect("it counts"), odd);
    assert_eq!(cache.increment("n", odd).await.expect("it counts"), 2 * odd);
    assert_eq!(
        cache.increment("n", -1).await.expect("it counts"),
        2 * odd - 1
    );
    assert_eq!(
        cache.get::<i64>("n").await.expect("it answers"),
        Some(2 * odd - 1)
    );
}

async fn an_invalidated_count_begins_again(stage: Stage) {
    let cache = &stage.cache;
    cache
        .increment("n", 5)
        .tags(["counters"])
        .await
        .expect("it counts");
    cache
        .invalidate_tags(["counters"])
        .await
        .expect("it is carried out");
    assert_eq!(cache.increment("n", 1).await.expect("it counts"), 1);
    cache.invalidate_key("n").await.expect("it is carried out");
    assert_eq!(cache.increment("n", 2).await.expect("it counts"), 2);
    stage.clock.advance(Duration::from_secs(301));
    assert_eq!(cache.increment("n", 3).await.expect("it counts"), 3);
}
