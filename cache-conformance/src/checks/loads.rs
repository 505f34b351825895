//! One load per key, and what becomes of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use larder_core::{Cache, Key};
use tokio::task::yield_now;

use crate::gate::Gate;
use crate::operation::at_once;
use crate::{Outcome, Subject};

/// The value of `key`, whose load counts itself.
async fn counted(cache: Cache, key: &str, loads: Arc<AtomicUsize>) -> u32 {
    let load = || async {
        loads.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        7
    };
    cache.load(key, load).await
}

pub(crate) async fn a_miss_loads_and_a_hit_does_not(s: Subject) -> Outcome {
    let loads = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        assert_eq!(counted(s.cache.clone(), "key", Arc::clone(&loads)).await, 7);
        assert_eq!(counted(s.other.clone(), "key", Arc::clone(&loads)).await, 7);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert_eq!(s.other.get("key").await?, Some(7_u32));
    Ok(())
}

pub(crate) async fn what_was_set_is_not_loaded(s: Subject) -> Outcome {
    s.other.set("key", &1_u32).await?;
    assert_eq!(s.cache.load("key", || async { 2_u32 }).await, 1);
    Ok(())
}

pub(crate) async fn of_many_callers_one_loads(s: Subject) -> Outcome {
    let loads = Arc::new(AtomicUsize::new(0));
    let callers = (0..200).map(|_| {
        let (cache, loads) = (s.cache.clone(), Arc::clone(&loads));
        async move { counted(cache, "key", loads).await }
    });
    assert_eq!(at_once(callers).await, [7; 200]);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    Ok(())
}

pub(crate) async fn with_a_lock_one_process_loads(s: Subject) -> Outcome {
    let loads = Arc::new(AtomicUsize::new(0));
    let callers = (0..200).map(|number| {
        let cache = if number % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        let loads = Arc::clone(&loads);
        async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                yield_now().await;
                7_u32
            };
            cache.load("key", load).lock().await
        }
    });
    assert_eq!(at_once(callers).await, [7; 200]);
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    Ok(())
}

pub(crate) async fn keys_load_side_by_side(s: Subject) -> Outcome {
    let gate = Gate::new();
    let slow = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("slow", || gate.load(1_u8)).await }
    });
    gate.begun().await;
    for number in 0..100_u8 {
        let loaded = s
            .cache
            .load(format!("key:{number}"), || async move { number })
            .await;
        assert_eq!(loaded, number, "nobody waits for another key");
    }
    gate.open();
    assert_eq!(slow.await?, 1);
    Ok(())
}

pub(crate) async fn the_same_key_in_two_namespaces_loads_twice(s: Subject) -> Outcome {
    for (namespace, number) in [("", 1_u8), ("a", 2), ("b", 3)] {
        assert_eq!(
            s.cache
                .load("key", || async move { number })
                .namespace(namespace)
                .await,
            number
        );
    }
    assert_eq!(
        s.other.get(Key::new("key").in_namespace("a")).await?,
        Some(2_u8)
    );
    Ok(())
}

pub(crate) async fn a_load_may_load(s: Subject) -> Outcome {
    let outer = s
        .cache
        .load("outer", || async {
            s.cache.load("inner", || async { 1_u32 }).await + 1
        })
        .await;
    assert_eq!(outer, 2);
    assert_eq!(s.other.get("inner").await?, Some(1_u32));
    assert_eq!(s.other.get("outer").await?, Some(2_u32));
    Ok(())
}

pub(crate) async fn a_load_that_fails_stores_nothing(s: Subject) -> Outcome {
    let failed = s
        .cache
        .try_load("key", || async { Err::<u8, _>("no") })
        .await;
    assert_eq!(failed, Err("no"));
    assert!(!s.cache.exists("key").await?);
    let loaded = s
        .cache
        .try_load("key", || async { Ok::<u8, &str>(1) })
        .await;
    assert_eq!(loaded, Ok(1));
    assert_eq!(s.other.get("key").await?, Some(1_u8));
    Ok(())
}

pub(crate) async fn a_load_that_panics_stores_nothing(s: Subject) -> Outcome {
    let panicking = s.cache.load("key", || async {
        if true {
            // Unlike a panic, it says nothing on standard error.
            std::panic::resume_unwind(Box::new("the origin panics"));
        }
        0_u8
    });
    let outcome = AssertUnwindSafe(async { panicking.await })
        .catch_unwind()
        .await;
    assert!(outcome.is_err(), "the panic reaches the caller");
    assert!(!s.cache.exists("key").await?);
    assert_eq!(s.cache.load("key", || async { 1_u8 }).lock().await, 1);
    assert_eq!(s.other.load("key", || async { 2_u8 }).lock().await, 1);
    Ok(())
}

pub(crate) async fn a_load_that_is_dropped_is_taken_over(s: Subject) -> Outcome {
    let gate = Gate::new();
    let leader = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("key", || gate.load(1_u8)).lock().await }
    });
    gate.begun().await;
    let waiting = [&s.cache, &s.other].map(|cache| {
        let cache = cache.clone();
        tokio::spawn(async move { cache.load("key", || async { 2_u8 }).lock().await })
    });
    leader.abort();
    for caller in waiting {
        assert_eq!(caller.await?, 2);
    }
    assert_eq!(s.cache.get("key").await?, Some(2_u8));
    Ok(())
}

pub(crate) async fn a_load_carries_its_tags_and_namespace(s: Subject) -> Outcome {
    let key = Key::new("key").in_namespace("space");
    let load = || {
        s.cache
            .load("key", || async { 1_u8 })
            .tags(["a", "b"])
            .namespace("space")
    };
    load().await;
    assert!(s.other.exists(&key).await?);
    s.other.invalidate_tags(["b"]).await?;
    assert!(!s.cache.exists(&key).await?);
    load().await;
    s.other.invalidate_namespace("space").await?;
    assert!(!s.cache.exists(&key).await?);
    Ok(())
}

pub(crate) async fn what_expired_or_was_invalidated_is_loaded_again(s: Subject) -> Outcome {
    let minute = Duration::from_secs(60);
    let load = |number: u8| {
        s.cache
            .load("key", move || async move { number })
            .ttl(minute)
            .tags(["tag"])
    };
    assert_eq!(load(1).await, 1);
    s.clock.advance(minute);
    assert_eq!(load(2).await, 2);
    s.other.invalidate_tags(["tag"]).await?;
    assert_eq!(load(3).await, 3);
    s.other.delete("key").await?;
    assert_eq!(load(4).await, 4);
    assert_eq!(load(5).await, 4);
    Ok(())
}

pub(crate) async fn two_types_under_one_key_each_load_their_own(s: Subject) -> Outcome {
    assert_eq!(s.cache.load("key", || async { 1_u8 }).await, 1);
    assert_eq!(
        s.cache.load("key", || async { "text".to_owned() }).await,
        "text"
    );
    assert_eq!(s.other.load("key", || async { 2_u8 }).await, 2);
    Ok(())
}
