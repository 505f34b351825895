//! What happened is counted.

use crate::{Outcome, Subject};

pub(crate) async fn lookups_are_hits_or_misses(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    for key in ["key", "key", "key", "never"] {
        s.cache.get::<u8>(key).await?;
    }
    let stats = s.cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads), (3, 1, 0));
    assert!((stats.hit_rate() - 0.75).abs() < 1e-9);
    Ok(())
}

pub(crate) async fn loads_and_their_failures_are_counted(s: Subject) -> Outcome {
    for _ in 0..3 {
        s.cache.load("key", || async { 1_u8 }).await;
        let _ = s.cache.try_load("bad", || async { Err::<u8, _>(()) }).await;
    }
    let stats = s.cache.stats();
    assert_eq!((stats.hits, stats.misses), (2, 4));
    assert_eq!((stats.loads, stats.load_failures), (4, 3));
    Ok(())
}

pub(crate) async fn callers_that_waited_are_counted(s: Subject) -> Outcome {
    let gate = crate::gate::Gate::new();
    let leader = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("key", || gate.load(1_u8)).await }
    });
    gate.begun().await;
    let waiting = tokio::spawn({
        let cache = s.cache.clone();
        async move { cache.load("key", || async { 2_u8 }).await }
    });
    while s.cache.stats().waits == 0 {
        tokio::task::yield_now().await;
    }
    gate.open();
    assert_eq!((leader.await?, waiting.await?), (1, 1));
    let stats = s.cache.stats();
    assert_eq!((stats.loads, stats.misses, stats.waits), (1, 2, 1));
    Ok(())
}

pub(crate) async fn invalidations_are_counted(s: Subject) -> Outcome {
    s.cache.invalidate_tags(["a", "b"]).await?;
    s.cache.invalidate_namespace("space").await?;
    s.cache.invalidate_key("key").await?;
    s.cache.clear().await?;
    assert_eq!(s.cache.stats().invalidations, 4);
    Ok(())
}

pub(crate) async fn loads_that_were_overtaken_are_counted(s: Subject) -> Outcome {
    let gate = crate::gate::Gate::new();
    let early = tokio::spawn({
        let (cache, gate) = (s.cache.clone(), gate.clone());
        async move { cache.load("key", || gate.load(1_u8)).await }
    });
    gate.begun().await;
    s.other.delete("key").await?;
    gate.open();
    assert_eq!(early.await?, 1);
    assert_eq!(s.cache.stats().overtaken, 1);
    Ok(())
}

pub(crate) async fn a_store_that_works_counts_no_errors(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).tags(["tag"]).await?;
    s.cache.get::<u8>("key").await?;
    s.cache.delete("key").await?;
    s.cache.load("key", || async { 1_u8 }).lock().await;
    s.cache.clear().await?;
    s.cache.settle().await;
    let stats = s.cache.stats();
    assert_eq!(
        (stats.errors, stats.queued_invalidations, stats.corrupt),
        (0, 0, 0)
    );
    Ok(())
}

pub(crate) async fn each_handle_counts_for_itself(s: Subject) -> Outcome {
    s.cache.set("key", &1_u8).await?;
    s.cache.clone().get::<u8>("key").await?;
    assert_eq!(s.cache.stats().hits, 1, "a clone is the same cache");
    if s.capabilities().is_some() {
        assert_eq!(s.other.stats().hits, 0, "another process is another cache");
    }
    Ok(())
}
