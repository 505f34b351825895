//! Several keys at once, and operations of which one caller wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use larder::{Cache, Error, Key, Ttl};
use tokio::sync::Semaphore;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    many_are_got_in_the_order_they_are_asked_for
    many_are_set_at_once
    one_of_many_sets_what_is_absent
    what_is_set_if_absent_is_not_overtaken_by_a_load
    one_of_many_takes_an_entry
    deleting_many_counts_what_was_there
    a_ttl_can_be_read_and_changed
    a_read_can_renew_the_ttl
    a_ttl_of_zero_changes_nothing
    warming_stores_all_and_says_how_far_it_is
    a_slow_call_keeps_no_other_from_warming
}

async fn many_are_got_in_the_order_they_are_asked_for(stage: Stage) {
    let cache = &stage.cache;
    for number in 0..450_u32 {
        let key = format!("key:{number}");
        let tags = [format!("tag:{}", number % 7)];
        cache
            .set(key, &number)
            .tags(tags)
            .await
            .expect("it is stored");
    }
    cache
        .invalidate_tags(["tag:3"])
        .await
        .expect("it is carried out");
    let keys = (0..500_u32).rev().map(|number| format!("key:{number}"));
    let got = stage.other.get_many::<u32>(keys).await.expect("it answers");
    let expected: Vec<_> = (0..500_u32)
        .rev()
        .map(|number| (number < 450 && number % 7 != 3).then_some(number))
        .collect();
    assert_eq!(got, expected);
    let twice = cache.get_many::<u32>(["key:1", "none", "key:1"]).await;
    assert_eq!(twice.expect("it answers"), [Some(1), None, Some(1)]);
    let none: [Key; 0] = [];
    assert_eq!(cache.get_many::<u32>(none).await.expect("it answers"), []);
}

async fn many_are_set_at_once(stage: Stage) {
    let entries = (0..300).map(|number| (format!("key:{number}"), number));
    let set = stage
        .cache
        .set_many(entries)
        .tags(["all of them"])
        .ttl(None);
    set.await.expect("they are stored");
    assert_eq!(stage.other.count("key:*").await.expect("it answers"), 300);
    let ttl = stage.other.ttl("key:7").await.expect("it answers");
    assert_eq!(ttl, Some(Ttl::Never));
}

async fn one_of_many_sets_what_is_absent(stage: Stage) {
    let tries = (0..200).map(|number| {
        let cache = if number % 2 == 0 {
            &stage.cache
        } else {
            &stage.other
        };
        async move {
            let is_set = cache.set_if_absent("key", &number).await;
            is_set.expect("it answers").then_some(number)
        }
    });
    let winners: Vec<i32> = join_all(tries).await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let got = stage.cache.get::<i32>("key").await.expect("it answers");
    assert_eq!(got, Some(winners[0]));
    // What is invalid or expired is absent.
    for absent in [true, false] {
        if absent {
            stage.cache.clear().await.expect("it is carried out");
        } else {
            stage.clock.advance(Duration::from_secs(301));
        }
        let is_set = stage.cache.set_if_absent("key", &7).await;
        assert!(is_set.expect("it answers"));
    }
}

async fn what_is_set_if_absent_is_not_overtaken_by_a_load(stage: Stage) {
    let (begun, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    for lock in [false, true] {
        let key = format!("key:{lock}");
        let loading = tokio::spawn({
            let (cache, key) = (stage.other.clone(), key.clone());
            let (begun, open) = (Arc::clone(&begun), Arc::clone(&open));
            async move {
                let load = cache.load(key, || async move {
                    begun.add_permits(1);
                    open.acquire().await.expect("it stays open").forget();
                    1
                });
                if lock { load.lock().await } else { load.await }
            }
        });
        begun.acquire().await.expect("the load begins").forget();
        let is_set = stage.cache.set_if_absent(&key, &2).await;
        assert!(is_set.expect("it answers"));
        open.add_permits(1);
        assert_eq!(loading.await.expect("it does not panic"), 1);
        assert_eq!(stage.other.get(&key).await.expect("it answers"), Some(2));
    }
}

async fn one_of_many_takes_an_entry(stage: Stage) {
    for of in ["a", "b"] {
        stage
            .cache
            .set("key", &of.to_owned())
            .await
            .expect("it is stored");
        let tries = (0..100).map(|number| {
            let cache = if number % 2 == 0 {
                &stage.cache
            } else {
                &stage.other
            };
            async move {
                cache
                    .get_and_delete::<String>("key")
                    .await
                    .expect("it answers")
            }
        });
        let got: Vec<String> = join_all(tries).await.into_iter().flatten().collect();
        assert_eq!(got, [of]);
        assert!(!stage.cache.exists("key").await.expect("it answers"));
    }
}

async fn deleting_many_counts_what_was_there(stage: Stage) {
    let cache = &stage.cache;
    cache
        .set_many([("a", 1), ("b", 2), ("c", 3)])
        .await
        .expect("they are stored");
    let deleted = stage.other.delete_many(["a", "b", "none", "a"]).await;
    assert_eq!(deleted.expect("it answers"), 2);
    assert_eq!(
        cache
            .get_many::<i32>(["a", "b", "c"])
            .await
            .expect("it answers"),
        [None, None, Some(3)]
    );
}

async fn a_ttl_can_be_read_and_changed(stage: Stage) {
    let (cache, clock) = (&stage.cache, &stage.clock);
    let millis = Duration::from_millis;
    cache
        .set("key", &1)
        .ttl(millis(1_500))
        .tags(["tag"])
        .await
        .expect("it is stored");
    assert_eq!(
        cache.ttl("key").await.expect("it answers"),
        Some(Ttl::For(millis(1_500)))
    );
    clock.advance(millis(500));
    assert_eq!(
        stage.other.ttl("key").await.expect("it answers"),
        Some(Ttl::For(millis(1_000)))
    );
    assert!(
        stage
            .other
            .set_ttl("key", millis(60_000))
            .await
            .expect("it answers")
    );
    clock.advance(millis(59_999));
    assert_eq!(cache.get::<i32>("key").await.expect("it answers"), Some(1));
    assert!(cache.persist("key").await.expect("it answers"));
    clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(
        cache.ttl("key").await.expect("it answers"),
        Some(Ttl::Never)
    );
    cache
        .invalidate_tags(["tag"])
        .await
        .expect("it is carried out");
    assert!(
        !cache
            .set_ttl("key", millis(60_000))
            .await
            .expect("it answers")
    );
    assert!(!cache.persist("none").await.expect("it answers"));
    assert_eq!(cache.ttl("key").await.expect("it answers"), None);
}

async fn a_read_can_renew_the_ttl(stage: Stage) {
    let minute = Duration::from_secs(60);
    let touch = async |cache: &Cache| {
        let got = cache.get_and_touch::<String>("key", minute).await;
        got.expect("it answers").as_deref() == Some("value")
    };
    let value = "value".to_owned();
    stage
        .cache
        .set("key", &value)
        .ttl(minute)
        .await
        .expect("it is stored");
    for _ in 0..5 {
        stage.clock.advance(minute / 2);
        assert!(touch(&stage.other).await);
    }
    stage.clock.advance(minute);
    assert!(!touch(&stage.cache).await);
}

async fn a_ttl_of_zero_changes_nothing(stage: Stage) {
    let cache = &stage.cache;
    cache.set("key", &1).await.expect("it is stored");
    for error in [
        cache
            .set_ttl("key", Duration::ZERO)
            .await
            .expect_err("zero"),
        cache
            .get_and_touch::<i32>("key", Duration::ZERO)
            .await
            .expect_err("zero"),
        cache
            .set_if_absent("none", &1)
            .ttl(Duration::ZERO)
            .await
            .expect_err("zero"),
        cache
            .increment("none", 1)
            .ttl(Duration::ZERO)
            .await
            .expect_err("zero"),
    ] {
        assert!(matches!(error, Error::ZeroTtl { .. }));
    }
    assert_eq!(cache.get::<i32>("key").await.expect("it answers"), Some(1));
}

async fn warming_stores_all_and_says_how_far_it_is(stage: Stage) {
    let was_told_the_end = AtomicBool::new(false);
    let entries = (0..100).map(|number| (format!("key:{number}"), number));
    let warmed = stage
        .cache
        .warm(entries)
        .namespace("shop")
        .concurrency(3)
        .progress(|done, of| {
            assert_eq!(of, Some(100));
            was_told_the_end.fetch_or(done == 100, Ordering::SeqCst);
        })
        .await;
    assert_eq!((warmed.stored, warmed.failed), (100, 0));
    assert!(was_told_the_end.into_inner());
    let pattern = larder::Pattern::new("*").in_namespace("shop");
    assert_eq!(stage.other.count(pattern).await.expect("it answers"), 100);
}

async fn a_slow_call_keeps_no_other_from_warming(stage: Stage) {
    let others_are_done = Arc::new(Semaphore::new(0));
    let calls = (0..50_usize).map(|number| {
        let (cache, done) = (stage.cache.clone(), Arc::clone(&others_are_done));
        async move {
            cache
                .load(format!("key:{number}"), || async move {
                    if number == 0 {
                        // The first ends after all the others.
                        done.acquire().await.expect("it stays open").forget();
                    }
                    number
                })
                .await
        }
    });
    let warmed = larder::warm(calls).concurrency(3).progress(|done, of| {
        assert_eq!(of, Some(50));
        if done == 49 {
            others_are_done.add_permits(1);
        }
    });
    assert_eq!(warmed.await, (0..50).collect::<Vec<_>>());
}
