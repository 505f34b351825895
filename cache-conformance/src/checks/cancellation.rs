//! Dropping an operation at any await leaves things usable: nobody waits for what will not come, and
//! what is read afterwards is from before or after it, nothing else.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder_core::{Cache, Error, Key};
use tokio::task::yield_now;

use crate::operation::dropped_at_every_await;
use crate::{Outcome, Subject};

const MINUTE: Duration = Duration::from_secs(60);

/// The key can be used as if nothing had happened: here, and by a process that locks.
async fn is_usable(s: &Subject, key: impl Into<Key>) -> Result<(), Error> {
    let key = key.into();
    s.cache.set(&key, &7_i64).await?;
    assert_eq!(s.other.get(&key).await?, Some(7_i64));
    s.cache.settle().await;
    s.cache.invalidate_key(&key).await?;
    assert_eq!(s.other.load(&key, || async { 8_i64 }).lock().await, 8);
    assert_eq!(s.cache.load(&key, || async { 9_i64 }).lock().await, 8);
    Ok(())
}

/// The key holds one of these values.
async fn is_one_of(cache: &Cache, values: &[Option<i64>]) -> Result<(), Error> {
    let found = cache.get::<i64>("key").await?;
    assert!(values.contains(&found), "{found:?} is none of {values:?}");
    Ok(())
}

async fn load(cache: &Cache, number: i64) -> i64 {
    let load = || async move {
        yield_now().await;
        yield_now().await;
        number
    };
    cache.load("key", load).tags(["one", "two"]).lock().await
}

/// A key that is set is set again before each time.
async fn with_value(s: &Subject) -> Result<(), Error> {
    s.cache.set("key", &1_i64).tags(["tag"]).await
}

async fn as_it_was() -> Result<(), Error> {
    Ok(())
}

/// Begun, a removal is carried out, whether or not anyone waits for it: here at once, elsewhere as
/// soon as the store has taken it.
async fn is_removed(s: &Subject, key: impl Into<Key>) -> Result<(), Error> {
    let key = key.into();
    assert_eq!(s.cache.get::<i64>(&key).await?, None);
    s.cache.settle().await;
    assert_eq!(s.other.get::<i64>(&key).await?, None);
    is_usable(s, &key).await
}

macro_rules! reads {
    ($($check:ident: |$cache:ident| $operation:expr;)*) => {$(
        pub(crate) async fn $check(s: Subject) -> Outcome {
            let $cache = &s.cache;
            let before = async || with_value(&s).await;
            let afterwards = async || {
                is_one_of(&s.cache, &[Some(1)]).await?;
                is_one_of(&s.other, &[Some(1)]).await?;
                is_usable(&s, "key").await
            };
            dropped_at_every_await(before, || $operation, afterwards).await
        }
    )*};
}

reads! {
    of_get: |cache| cache.get::<i64>("key");
    of_get_many: |cache| cache.get_many::<i64>(["key", "other"]);
    of_exists: |cache| cache.exists("key");
    of_entry: |cache| cache.entry::<i64>("key");
    of_get_and_touch: |cache| cache.get_and_touch::<i64>("key", MINUTE);
    of_set_ttl: |cache| cache.set_ttl("key", MINUTE);
    of_persist: |cache| cache.persist("key");
    of_a_listing: |cache| cache.keys("*").try_collect::<Vec<Key>>();
    of_a_page: |cache| cache.entries::<i64>("*", None, 10);
}

macro_rules! writes {
    ($($check:ident: |$cache:ident| $operation:expr;)*) => {$(
        pub(crate) async fn $check(s: Subject) -> Outcome {
            let $cache = &s.cache;
            let before = async || s.cache.delete("key").await.map(drop);
            let afterwards = async || {
                is_one_of(&s.cache, &[None, Some(2)]).await?;
                is_usable(&s, "key").await
            };
            dropped_at_every_await(before, || $operation, afterwards).await
        }
    )*};
}

writes! {
    of_set: |cache| cache.set("key", &2_i64).tags(["tag"]);
    of_set_many: |cache| cache.set_many([("other", 1_i64), ("key", 2)]).tags(["tag"]);
    of_set_if_absent: |cache| cache.set_if_absent("key", &2_i64).tags(["tag"]);
}

macro_rules! removals {
    ($($check:ident: |$cache:ident| $operation:expr;)*) => {$(
        pub(crate) async fn $check(s: Subject) -> Outcome {
            let $cache = &s.cache;
            let before = async || with_value(&s).await;
            let afterwards = async || is_removed(&s, "key").await;
            dropped_at_every_await(before, || $operation, afterwards).await
        }
    )*};
}

removals! {
    of_get_and_delete: |cache| cache.get_and_delete::<i64>("key");
    of_delete: |cache| cache.delete("key");
    of_delete_many: |cache| cache.delete_many(["key", "other"]);
    of_an_invalidated_key: |cache| cache.invalidate_key("key");
    of_invalidated_tags: |cache| cache.invalidate_tags(["tag"]);
    of_clear: |cache| cache.clear();
    of_delete_by_pattern: |cache| cache.delete_by_pattern("k*");
    of_delete_by_tags: |cache| cache.delete_by_tags(["tag"]);
}

pub(crate) async fn of_delete_by_namespace(s: Subject) -> Outcome {
    let key = Key::new("key").in_namespace("space");
    let before = async || s.cache.set(&key, &1_i64).await;
    let operation = || s.cache.delete_by_namespace("space");
    dropped_at_every_await(before, operation, async || is_removed(&s, &key).await).await
}

pub(crate) async fn of_a_load(s: Subject) -> Outcome {
    let before = async || s.cache.delete("key").await.map(drop);
    let operation = || async { Ok::<_, Error>(load(&s.cache, 1).await) };
    let afterwards = async || {
        // Who comes now is not kept waiting.
        let found = load(&s.other, 2).await;
        assert!([1, 2].contains(&found), "{found}");
        is_usable(&s, "key").await
    };
    dropped_at_every_await(before, operation, afterwards).await
}

pub(crate) async fn of_a_load_that_others_wait_for(s: Subject) -> Outcome {
    let others = Mutex::new(Vec::new());
    let before = async || {
        s.cache.delete("key").await?;
        for (cache, number) in [(&s.cache, 2), (&s.other, 3)] {
            let cache = cache.clone();
            let load = tokio::spawn(async move { load(&cache, number).await });
            others.lock().expect("nothing panics").push(load);
        }
        Ok(())
    };
    let operation = || async { Ok::<_, Error>(load(&s.cache, 1).await) };
    let afterwards = async || {
        let waiting = std::mem::take(&mut *others.lock().expect("nothing panics"));
        for caller in waiting {
            // Whether they came first or waited, each gets a value.
            let found = caller.await.expect("it is not cancelled");
            assert!((1..=3).contains(&found), "{found}");
        }
        is_usable(&s, "key").await
    };
    dropped_at_every_await(before, operation, afterwards).await
}

pub(crate) async fn of_counting(s: Subject) -> Outcome {
    let mut most = 0;
    let operation = || {
        most += 1;
        s.cache.increment("key", 1)
    };
    let afterwards = async || s.other.increment("key", 0).await.map(drop);
    dropped_at_every_await(as_it_was, operation, afterwards).await?;
    let counted = s.cache.increment("key", 0).await?;
    assert!((1..=most).contains(&counted), "{counted} of at most {most}");
    is_usable(&s, "key").await?;
    Ok(())
}
