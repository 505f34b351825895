//! The cache used as an object.

use std::time::Duration;

use larder::{Cache, Error, Key, Ttl};

use crate::stage::{Stage, on_every_store};

on_every_store! {
    what_is_set_is_got
    an_entry_expires
    a_ttl_of_zero_is_an_error
    a_key_in_a_namespace_is_another_key
    every_namespace_can_be_invalidated
    delete_says_whether_there_was_something
    an_invalidated_tag_reaches_what_carries_it_and_nothing_else
    clear_reaches_everything
    keys_that_differ_do_not_collide
    a_refresh_replaces_what_is_there
    statistics_count
    a_value_that_changed_its_type_is_a_miss
    a_struct_that_changed_shape_is_a_miss
    values_of_any_kind_come_back
}

async fn get(cache: &Cache, key: impl Into<Key>) -> Option<String> {
    cache.get(key).await.expect("it answers")
}

fn text(text: &str) -> String {
    text.to_owned()
}

async fn what_is_set_is_got(stage: Stage) {
    assert_eq!(get(&stage.cache, "key").await, None);
    stage
        .cache
        .set("key", &text("one"))
        .await
        .expect("it is stored");
    assert_eq!(get(&stage.cache, "key").await, Some(text("one")));
    assert_eq!(get(&stage.other, "key").await, Some(text("one")));
    stage
        .other
        .set("key", &text("two"))
        .await
        .expect("it is stored");
    assert_eq!(get(&stage.cache, "key").await, Some(text("two")));
    stage.cache.ping().await.expect("it is there");
}

async fn an_entry_expires(stage: Stage) {
    let (cache, clock) = (&stage.cache, &stage.clock);
    let short = Duration::from_secs(60);
    cache
        .set("short", &text("value"))
        .ttl(short)
        .await
        .expect("it is stored");
    cache
        .set("usual", &text("value"))
        .await
        .expect("it is stored");
    cache
        .set("forever", &text("value"))
        .ttl(Ttl::Never)
        .await
        .expect("it is stored");
    clock.advance(Duration::from_millis(59_999));
    assert!(get(cache, "short").await.is_some());
    clock.advance(Duration::from_millis(1));
    assert!(get(cache, "short").await.is_none());
    assert!(get(cache, "usual").await.is_some());
    clock.advance(Duration::from_secs(300));
    assert!(get(cache, "usual").await.is_none());
    clock.advance(Duration::from_secs(1_000_000_000));
    assert!(get(cache, "forever").await.is_some());
}

async fn a_ttl_of_zero_is_an_error(stage: Stage) {
    let error = stage
        .cache
        .set("key", &1_u8)
        .ttl(Duration::ZERO)
        .await
        .expect_err("zero");
    assert!(matches!(error, Error::ZeroTtl { .. }), "{error}");
    // A load still gives its value; it is only not stored.
    assert_eq!(
        stage
            .cache
            .load("key", || async { 1_u8 })
            .ttl(Duration::ZERO)
            .await,
        1
    );
    assert_eq!(
        stage.cache.get::<u8>("key").await.expect("it answers"),
        None
    );
}

async fn a_key_in_a_namespace_is_another_key(stage: Stage) {
    let cache = &stage.cache;
    cache
        .set("b", &text("inside"))
        .namespace("a")
        .await
        .expect("it is stored");
    cache
        .set("a:b", &text("outside"))
        .await
        .expect("it is stored");
    assert_eq!(
        get(cache, Key::new("b").in_namespace("a")).await,
        Some(text("inside"))
    );
    assert_eq!(get(cache, "a:b").await, Some(text("outside")));
    assert_eq!(get(cache, "b").await, None);
    cache
        .invalidate_namespace("a")
        .await
        .expect("it is carried out");
    assert_eq!(get(cache, Key::new("b").in_namespace("a")).await, None);
    assert_eq!(get(cache, "a:b").await, Some(text("outside")));
}

async fn every_namespace_can_be_invalidated(stage: Stage) {
    #[larder::cache_read(key = "key", namespace = "{a}-{b}")]
    async fn value(a: &str, b: &str) -> u8 {
        1
    }
    let cache = &stage.cache;
    for (a, b) in [("", ""), ("x-y", "z"), ("a:b", "ü")] {
        larder::scope(cache.clone(), value(a, b)).await;
        let key = value::key(a, b);
        assert!(cache.exists(&key).await.expect("it answers"));
        cache
            .invalidate(larder::Targets::default().namespace_of(&key))
            .await;
        assert!(!cache.exists(&key).await.expect("it answers"), "{key:?}");
    }
    #[larder::cache_read(key = "key", namespace = "{a}")]
    async fn empty(a: &str) -> u8 {
        1
    }
    larder::scope(cache.clone(), empty("")).await;
    cache.set("key", &2_u8).await.expect("it is stored");
    cache
        .invalidate_namespace("")
        .await
        .expect("it is carried out");
    assert!(!cache.exists(empty::key("")).await.expect("it answers"));
    assert!(
        cache.exists("key").await.expect("it answers"),
        "it is in no namespace"
    );
}

async fn delete_says_whether_there_was_something(stage: Stage) {
    let cache = &stage.cache;
    cache
        .set("key", &text("value"))
        .tags(["tag"])
        .await
        .expect("it is stored");
    assert!(cache.exists("key").await.expect("it answers"));
    assert!(cache.delete("key").await.expect("it answers"));
    assert!(!cache.exists("key").await.expect("it answers"));
    assert!(!cache.delete("key").await.expect("it answers"));
    cache
        .set("key", &text("value"))
        .tags(["tag"])
        .await
        .expect("it is stored");
    cache
        .invalidate_tags(["tag"])
        .await
        .expect("it is carried out");
    assert!(
        !cache.delete("key").await.expect("it answers"),
        "it was not usable"
    );
}

async fn an_invalidated_tag_reaches_what_carries_it_and_nothing_else(stage: Stage) {
    let (cache, other) = (&stage.cache, &stage.other);
    cache
        .set("one", &text("1"))
        .tags(["odd", "all"])
        .await
        .expect("it is stored");
    cache
        .set("two", &text("2"))
        .tags(["even", "all"])
        .await
        .expect("it is stored");
    cache
        .set("odd", &text("named like a tag"))
        .await
        .expect("it is stored");
    cache.set("free", &text("0")).await.expect("it is stored");
    other
        .invalidate_tags(["odd"])
        .await
        .expect("it is carried out");
    assert_eq!(get(cache, "one").await, None);
    assert_eq!(get(cache, "odd").await, None);
    assert_eq!(get(cache, "two").await, Some(text("2")));
    cache
        .set("one", &text("again"))
        .tags(["odd", "all"])
        .await
        .expect("it is stored");
    assert_eq!(get(other, "one").await, Some(text("again")));
    cache
        .invalidate_tags(["all"])
        .await
        .expect("it is carried out");
    assert_eq!(get(other, "one").await, None);
    assert_eq!(get(other, "two").await, None);
    assert_eq!(get(other, "free").await, Some(text("0")));
}

async fn clear_reaches_everything(stage: Stage) {
    let cache = &stage.cache;
    cache.set("one", &text("1")).await.expect("it is stored");
    cache
        .set("two", &text("2"))
        .namespace("space")
        .tags(["tag"])
        .await
        .expect("it is stored");
    stage.other.clear().await.expect("it is carried out");
    assert_eq!(get(cache, "one").await, None);
    assert_eq!(
        get(cache, Key::new("two").in_namespace("space")).await,
        None
    );
    cache.set("one", &text("1")).await.expect("it is stored");
    assert_eq!(get(cache, "one").await, Some(text("1")));
}

async fn keys_that_differ_do_not_collide(stage: Stage) {
    let parts = [
        "", "a", ":", "a:", ":a", "*", "?", "[a]", "{a}", "\0", "ü", " ", "%3A", "#tag:x", "\\",
    ];
    let mut keys = Vec::new();
    for namespace in parts {
        for key in parts {
            keys.push(Key::new(key).in_namespace(namespace));
        }
    }
    for (number, key) in keys.iter().enumerate() {
        stage.cache.set(key, &number).await.expect("it is stored");
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(
            stage.cache.get::<usize>(key).await.expect("it answers"),
            Some(number),
            "{key:?}"
        );
    }
}

async fn a_refresh_replaces_what_is_there(stage: Stage) {
    let cache = &stage.cache;
    cache.set("key", &text("old")).await.expect("it is stored");
    let new = cache.load("key", || async { text("new") }).refresh().await;
    assert_eq!(new, "new");
    assert_eq!(get(&stage.other, "key").await, Some(text("new")));
    // One that an invalidation overtakes is not stored.
    let overtaken = cache.load("key", || async {
        let invalidated = cache.invalidate_key("key").await;
        invalidated.expect("it is carried out");
        text("overtaken")
    });
    assert_eq!(overtaken.refresh().await, "overtaken");
    assert_eq!(get(cache, "key").await, None);
    let failed = cache.try_load("key", || async { "x".parse::<u8>() });
    failed.refresh().await.expect_err("no number");
}

async fn statistics_count(stage: Stage) {
    let cache = &stage.cache;
    assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
    assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
    assert_eq!(
        cache.try_load("bad", || async { Err::<u8, _>(()) }).await,
        Err(())
    );
    cache
        .invalidate_tags(["key"])
        .await
        .expect("it is carried out");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.loads), (1, 2, 2));
    assert_eq!(
        (stats.load_failures, stats.invalidations, stats.errors),
        (1, 1, 0)
    );
    assert!((stats.hit_rate() - 1.0 / 3.0).abs() < 1e-9);
}

async fn a_value_that_changed_its_type_is_a_miss(stage: Stage) {
    stage.cache.set("key", &7_u32).await.expect("it is stored");
    assert_eq!(
        stage.cache.get::<i32>("key").await.expect("it answers"),
        None
    );
    assert_eq!(
        stage.cache.get::<String>("key").await.expect("it answers"),
        None
    );
    assert_eq!(
        stage.cache.get::<u32>("key").await.expect("it answers"),
        Some(7)
    );
}

async fn a_struct_that_changed_shape_is_a_miss(stage: Stage) {
    macro_rules! users {
        ($($version:ident { $($field:ident: $type:ty = $value:expr),* })*) => {$(
            mod $version {
                #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
                pub(super) struct User { $(pub(super) $field: $type),* }
                pub(super) fn user() -> User { User { $($field: $value),* } }
            }
        )*};
    }
    users! {
        stored { id: u32 = 7, age: u32 = 36 }
        same { id: u32 = 7, age: u32 = 36 }
        gained { id: u32 = 7, age: u32 = 36, rank: Option<u8> = None }
        lost { id: u32 = 7 }
        renamed { id: u32 = 7, years: u32 = 36 }
        retyped { id: u32 = 7, age: i32 = 36 }
        reordered { age: u32 = 36, id: u32 = 7 }
    }
    stage
        .cache
        .set("user", &stored::user())
        .await
        .expect("it is stored");
    macro_rules! misses {
        ($($version:ident)*) => {$(
            let found = stage.cache.get::<$version::User>("user").await.expect("it answers");
            assert_eq!(found, None, stringify!($version));
            assert_eq!($version::user(), $version::user());
        )*};
    }
    misses!(gained lost renamed retyped reordered);
    if stage.server.is_some() {
        // Elsewhere, the same shape under the same name is the same type.
        let found = stage
            .cache
            .get::<same::User>("user")
            .await
            .expect("it answers");
        assert_eq!(found, Some(same::user()));
        assert_eq!(stage.cache.stats().corrupt, 5);
    }
    // A load puts the new shape in its place.
    let loaded = stage.cache.load("user", || async { gained::user() }).await;
    assert_eq!(
        stage.cache.get("user").await.expect("it answers"),
        Some(loaded)
    );
}

async fn values_of_any_kind_come_back(stage: Stage) {
    use std::collections::{BTreeMap, HashMap};
    use std::sync::Arc;

    #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Circle { radius: f64 },
        Tree { branches: Vec<Tagged> },
    }

    async fn comes_back<T: larder::Value + PartialEq + std::fmt::Debug>(stage: &Stage, value: T) {
        stage.cache.set("key", &value).await.expect("it is stored");
        assert_eq!(
            stage.other.get::<T>("key").await.expect("it answers"),
            Some(value)
        );
    }

    comes_back(&stage, ()).await;
    comes_back(&stage, (1_u8, -1_i64, 'x', 1.5_f32)).await;
    comes_back(&stage, Some(Some(Box::<str>::from("deep")))).await;
    comes_back(&stage, Arc::new(vec![String::from("shared")])).await;
    comes_back(&stage, BTreeMap::from([(1_u16, vec![0_u8, 255])])).await;
    comes_back(
        &stage,
        HashMap::from([(text("a"), None), (text("b"), Some(u128::MAX))]),
    )
    .await;
    let tree = Tagged::Tree {
        branches: vec![Tagged::Circle { radius: 0.5 }],
    };
    comes_back(&stage, vec![tree]).await;
    comes_back(&stage, "x".repeat(1_000_000)).await;
}
