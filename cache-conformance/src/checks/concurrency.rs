//! Many callers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use larder_core::{Cache, Error};
use tokio::task::yield_now;

use crate::operation::at_once;
use crate::{Outcome, Subject};

pub(crate) async fn who_reads_after_an_invalidation_reads_what_is_newer(s: Subject) -> Outcome {
    // The origin is a number that only grows; whoever invalidates does so after it grew. Until the
    // invalidation has returned, either number may be read.
    #[derive(Default)]
    struct Shared {
        origin: AtomicU64,
        invalidated: AtomicU64,
        is_over: AtomicBool,
    }
    async fn read(cache: &Cache, shared: &Shared) {
        let at_least = shared.invalidated.load(Ordering::SeqCst);
        let load = || async { shared.origin.load(Ordering::SeqCst) };
        let read = cache.load("key", load).tags(["tag"]).await;
        assert!(read >= at_least, "{read}, after {at_least} was invalidated");
    }
    let shared = Arc::new(Shared::default());
    let writer = {
        let (cache, shared) = (s.other.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            for _ in 0..100 {
                let origin = shared.origin.fetch_add(1, Ordering::SeqCst) + 1;
                cache.invalidate_tags(["tag"]).await?;
                shared.invalidated.store(origin, Ordering::SeqCst);
                read(&cache, &shared).await;
            }
            shared.is_over.store(true, Ordering::SeqCst);
            Ok::<_, Error>(())
        })
    };
    let readers = (0..4).map(|_| {
        let (cache, shared) = (s.cache.clone(), Arc::clone(&shared));
        async move {
            while !shared.is_over.load(Ordering::SeqCst) {
                read(&cache, &shared).await;
                yield_now().await;
            }
        }
    });
    at_once(readers).await;
    writer.await??;
    Ok(())
}

pub(crate) async fn who_reads_twice_never_goes_back(s: Subject) -> Outcome {
    let is_over = Arc::new(AtomicBool::new(false));
    s.cache.set("key", &0_u64).await?;
    let writer = {
        let (cache, is_over) = (s.other.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            for number in 1..=200_u64 {
                cache.set("key", &number).await?;
            }
            is_over.store(true, Ordering::SeqCst);
            Ok::<_, Error>(())
        })
    };
    let readers = (0..4).map(|_| {
        let (cache, is_over) = (s.cache.clone(), Arc::clone(&is_over));
        async move {
            let mut last = 0;
            while !is_over.load(Ordering::SeqCst) {
                let read = cache.get::<u64>("key").await?.unwrap_or(u64::MAX);
                assert!(read >= last, "read {read} after {last}");
                assert_ne!(read, u64::MAX, "it is there all the time");
                last = read;
                yield_now().await;
            }
            Ok::<_, Error>(())
        }
    });
    for outcome in at_once(readers).await {
        outcome?;
    }
    writer.await??;
    assert_eq!(s.cache.get("key").await?, Some(200_u64));
    Ok(())
}

pub(crate) async fn a_hundred_writers_of_a_hundred_keys_do_not_meet(s: Subject) -> Outcome {
    let writers = (0..100_u32).map(|writer| {
        let cache = if writer % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        async move {
            let key = format!("key:{writer}");
            for round in 0..5 {
                cache
                    .set(&*key, &(writer, round))
                    .tags([format!("tag:{writer}")])
                    .await?;
                assert_eq!(cache.get(&*key).await?, Some((writer, round)));
                cache.invalidate_tags([format!("tag:{writer}")]).await?;
                assert_eq!(cache.get::<(u32, i32)>(&*key).await?, None);
            }
            Ok::<_, Error>(())
        }
    });
    for outcome in at_once(writers).await {
        outcome?;
    }
    Ok(())
}

pub(crate) async fn everything_at_once_ends_in_order(s: Subject) -> Outcome {
    let tasks = (0..12_u64).map(|task| {
        let cache = if task % 2 == 0 {
            s.cache.clone()
        } else {
            s.other.clone()
        };
        async move {
            for round in 0..20 {
                let value = task * 100 + round;
                match task % 6 {
                    0 => cache.set("key", &value).tags(["tag"]).await?,
                    1 => drop(cache.load("key", || async { value }).tags(["tag"]).await),
                    2 => drop(cache.delete("key").await?),
                    3 => drop(cache.invalidate_tags(["tag"]).await?),
                    4 => drop(cache.get::<u64>("key").await?),
                    _ => drop(cache.load("key", || async { value }).lock().await),
                }
            }
            Ok::<_, Error>(())
        }
    });
    for outcome in at_once(tasks).await {
        outcome?;
    }
    // Whatever is there now is the same for all, and can be replaced.
    assert_eq!(
        s.cache.get::<u64>("key").await?,
        s.other.get::<u64>("key").await?
    );
    s.cache.set("key", &1_u64).await?;
    assert_eq!(s.other.load("key", || async { 2_u64 }).lock().await, 1);
    Ok(())
}
