//! The cache port: an abstract cache of a hexagonal architecture, with adapters for process memory,
//! Redis and both together, as documented by Portico; what its port leaves out (many keys, atomic
//! operations, ttls) as documented by Boundary.
//!
//! What is another way here:
//!
//! | there | here |
//! |---|---|
//! | no ttl means forever | no ttl means the cache's usual one, 300 seconds; `.ttl(None)` means forever |
//! | a cached value is a map | a cached value is a type, and an entry of another type is a miss |
//! | `namespace:key` may be the text of a key outside | `:` in a namespace is escaped: the two never collide |
//! | a pattern goes over all keys | a pattern goes over the keys of one namespace, or those outside all |
//! | a pattern in process memory is a regular expression | a pattern has wildcards, the same on every store |
//! | `entry.touch()` makes a copy that was read once more | reading counts; `entry` tells |
//! | several stores at once (hybrid) | one store a cache; tiers are not there yet |
//! | deleting says whether and how much | so it does; `invalidate_..` says neither and is one step for any number |
//! | a batch of set values gives their number | `set_many` gives an error unless all were set |
//! | the entry that was used least recently goes when memory is full | the entry that is least worth keeping goes (W-TinyLFU) |

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use larder::{Cache, Compression, Error, Key, Pattern, StoreError, Ttl, cache_read};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::stage::{Stage, in_time, on_every_store};

on_every_store! {
    a_key_is_its_own_full_name
    a_key_may_have_a_namespace_and_tags
    a_call_has_a_key
    an_entry_that_lives_is_not_expired
    reading_an_entry_touches_it
    what_is_set_is_got
    a_value_may_have_a_ttl_and_tags
    a_session_ends_with_its_ttl
    a_key_exists_once_it_is_set
    deleting_says_whether_there_was_something
    clearing_empties_every_namespace
    a_complex_value_comes_back_as_it_was
    a_namespace_is_deleted_as_a_whole
    a_tenant_is_deleted_without_the_others
    the_same_key_in_two_namespaces_is_two_entries
    tags_delete_what_carries_any_of_them
    a_category_is_deleted_by_its_tag
    an_entry_is_deleted_in_three_ways
    a_users_tag_reaches_what_is_the_users
    a_pattern_deletes_what_matches
    a_star_may_stand_anywhere
    a_pattern_goes_by_name_and_a_tag_by_label
    cleaning_up_removes_what_expired
    statistics_tell_hits_from_misses
    statistics_need_no_reads
    process_memory_has_a_limit
    large_values_are_compressed
    cleaning_up_in_the_background_stops_when_told
    two_prefixes_on_one_server_are_two_caches
    cache_aside
    get_or_set
    the_result_of_a_function_is_kept
    a_refresh_does_not_ask_the_cache
    a_stampede_loads_once
    a_service_has_its_own_defaults
    pages_are_dropped_together
    a_version_in_the_namespace_is_another_cache
    a_function_is_cached_by_annotating_it
    many_are_set_and_got_at_once
    a_value_that_is_empty_is_still_a_hit
    many_are_deleted_at_once
    what_is_absent_is_set_once
    a_counter_goes_up_and_down
    a_counter_goes_on_from_what_was_set
    a_counter_keeps_its_ttl
    text_is_not_counted_with
    a_ttl_is_read_and_changed
    a_persisted_entry_stays
    an_entry_is_got_and_deleted_by_one_caller
    an_entry_is_got_and_touched
    keys_are_found_by_pattern
    keys_are_listed_within_a_namespace
    what_expired_is_as_if_it_had_never_been
    the_store_is_pinged_and_reached
    a_lock_is_held_by_one_owner
    a_rate_is_limited
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
}

impl User {
    fn named(name: &str) -> Self {
        let email = format!("{}@example.com", name.to_lowercase());
        Self {
            name: name.to_owned(),
            email,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// An entry of which only the key and the tags matter.
async fn set(cache: &Cache, key: impl Into<Key>, tags: &[&str]) -> Result<(), Error> {
    cache.set(key, &true).tags(tags.iter().copied()).await
}

/// The keys that match, sorted because a store gives them in no order.
async fn keys(cache: &Cache, pattern: impl Into<Pattern>) -> Result<Vec<String>, Error> {
    let keys = cache.keys(pattern).map_ok(|key| key.as_str().to_owned());
    let mut keys: Vec<String> = keys.try_collect().await?;
    keys.sort();
    Ok(keys)
}

// Keys and entries.

async fn a_key_is_its_own_full_name(stage: Stage) -> anyhow::Result<()> {
    let key = Key::new("user:123");
    assert_eq!(key.full(), "user:123");
    set(&stage.cache, &key, &[]).await?;
    assert!(stage.cache.exists("user:123").await?);
    Ok(())
}

// There the full name is `user:123:profile`. Here the namespace's own colon is escaped, so that the
// key is not taken for a `user:123:profile` outside.
async fn a_key_may_have_a_namespace_and_tags(stage: Stage) -> anyhow::Result<()> {
    let key = Key::new("profile")
        .in_namespace("user:123")
        .tagged(["user", "profile"]);
    assert_eq!(key.full(), "user%3A123:profile");
    let tags: Vec<&str> = key.tags().map(|tag| tag.as_str()).collect();
    assert_eq!(tags, ["user", "profile"]);

    stage.cache.set(&key, &User::named("Alice")).await?;
    assert!(!stage.cache.exists("user:123:profile").await?);
    assert_eq!(stage.cache.delete_by_tags(["profile"]).await?, 1);
    Ok(())
}

#[cache_read(namespace = "profiles", tags = ["profiles"])]
async fn get_user_profile(id: u64, detailed: bool) -> User {
    User::named(&format!("{id}{detailed}"))
}

// There 16 digits of a hash, here 32; and the function's path is `crate::module::name`. Rust has no
// keyword arguments whose order could matter.
async fn a_call_has_a_key(stage: Stage) -> anyhow::Result<()> {
    let key = get_user_profile::key(123, false)?;
    let digits = key
        .full()
        .strip_prefix("profiles:reference::cache_port::get_user_profile:")
        .context("namespace and path come first")?;
    assert_eq!(digits.len(), 32);
    assert!(digits.chars().all(|digit| digit.is_ascii_hexdigit()));

    assert_eq!(get_user_profile::key(123, false)?, key);
    assert_ne!(get_user_profile::key(124, false)?, key);
    assert_ne!(get_user_profile::key(123, true)?, key);
    // The same without an annotation.
    let key = Key::of_call("get_user_profile", &(123, false))?;
    assert_eq!(Key::of_call("get_user_profile", &(123, false))?, key);
    assert_ne!(Key::of_call("get_user_profile", &(124, false))?, key);
    assert_ne!(Key::of_call("get_team_profile", &(123, false))?, key);

    stage.run(get_user_profile(123, false)).await;
    assert!(
        stage
            .cache
            .exists(get_user_profile::key(123, false)?)
            .await?
    );
    Ok(())
}

async fn an_entry_that_lives_is_not_expired(stage: Stage) -> anyhow::Result<()> {
    let alice = User::named("Alice");
    stage.cache.set("user:123", &alice).ttl(HOUR).await?;
    let entry = stage.cache.entry::<User>("user:123").await?;
    let entry = entry.context("it was set")?;
    assert!(!entry.is_expired());
    assert_eq!(entry.value, alice);
    assert_eq!(entry.expires_at, Some(entry.created_at + HOUR));
    Ok(())
}

// There an entry is touched in the caller's copy. Here reading touches it, and the entry tells. Redis
// counts reads only where its `maxmemory-policy` is one of least frequent use.
async fn reading_an_entry_touches_it(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache
        .set("user:123", &User::named("Alice"))
        .ttl(None)
        .await?;
    stage.clock.advance(HOUR);
    cache.get::<User>("user:123").await?;
    let entry = cache.entry::<User>("user:123").await?;
    let entry = entry.context("it was set")?;
    assert_eq!(entry.hit_count, stage.place().is_none().then_some(1));
    let read = entry.last_accessed.context("both stores know")?;
    assert!(read > entry.created_at + HOUR - 5 * SECOND);
    assert_eq!(entry.expires_at, None);
    assert!(!entry.is_expired());
    Ok(())
}

// Reading, writing, deleting.

async fn what_is_set_is_got(stage: Stage) -> anyhow::Result<()> {
    let key = Key::new("user:123").in_namespace("users");
    stage.cache.set(&key, &User::named("Alice")).await?;
    let got: Option<User> = stage.cache.get(&key).await?;
    assert_eq!(got.context("it was set")?.name, "Alice");
    Ok(())
}

async fn a_value_may_have_a_ttl_and_tags(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache
        .set("user:123", &User::named("Alice"))
        .ttl(None)
        .await?;
    cache.set("session:xyz", &1).ttl(HOUR).await?;
    cache
        .set("product:456", &2)
        .ttl(30 * MINUTE)
        .tags(["product", "catalog"])
        .await?;
    assert!(cache.get::<User>("user:123").await?.is_some());
    assert_eq!(cache.get("session:xyz").await?, Some(1));
    assert_eq!(cache.get("product:456").await?, Some(2));
    assert_eq!(cache.ttl("user:123").await?, Some(Ttl::Never));
    assert_eq!(cache.ttl("session:xyz").await?, Some(Ttl::For(HOUR)));
    assert_eq!(cache.ttl("product:456").await?, Some(Ttl::For(30 * MINUTE)));
    Ok(())
}

async fn a_session_ends_with_its_ttl(stage: Stage) -> anyhow::Result<()> {
    let user_id = "123".to_owned();
    stage
        .cache
        .set("session:abc123", &user_id)
        .ttl(5 * MINUTE)
        .await?;
    assert_eq!(stage.cache.get("session:abc123").await?, Some(user_id));
    stage.clock.advance(5 * MINUTE);
    assert_eq!(stage.cache.get::<String>("session:abc123").await?, None);
    Ok(())
}

async fn a_key_exists_once_it_is_set(stage: Stage) -> anyhow::Result<()> {
    assert!(!stage.cache.exists("test").await?);
    stage.cache.set("test", &1).await?;
    assert!(stage.cache.exists("test").await?);
    assert_eq!(stage.cache.stats().hits, 0, "nothing was fetched");
    Ok(())
}

async fn deleting_says_whether_there_was_something(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("test", &1).await?;
    assert!(stage.cache.delete("test").await?);
    assert!(!stage.cache.delete("test").await?);
    assert_eq!(stage.cache.get::<i32>("test").await?, None);
    Ok(())
}

async fn clearing_empties_every_namespace(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for namespace in ["users", "posts"] {
        cache
            .set_many([("1", 1), ("2", 2)])
            .namespace(namespace)
            .await?;
    }
    cache.clear().await?;
    assert_eq!(cache.count(Pattern::everywhere()).await?, 0);
    assert_eq!(cache.survey().await?.entries, Some(0));
    Ok(())
}

async fn a_complex_value_comes_back_as_it_was(stage: Stage) -> anyhow::Result<()> {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Account {
        id: u64,
        profile: Profile,
        tags: Vec<String>,
        metadata: BTreeMap<String, BTreeMap<String, bool>>,
        score: f64,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Profile {
        name: String,
        location: Option<String>,
    }
    let preferences = [
        ("notifications".to_owned(), true),
        ("dark".to_owned(), false),
    ];
    let account = Account {
        id: 123,
        profile: Profile {
            name: "Alice".to_owned(),
            location: Some("San Francisco".to_owned()),
        },
        tags: vec!["premium".to_owned(), "verified".to_owned()],
        metadata: [("preferences".to_owned(), preferences.into())].into(),
        score: 4.75,
    };
    stage.cache.set("account:123", &account).await?;
    let got: Option<Account> = stage.cache.get("account:123").await?;
    let got = got.context("it was set")?;
    assert_eq!(got.profile.location.as_deref(), Some("San Francisco"));
    assert!(got.metadata["preferences"]["notifications"]);
    assert_eq!(got, account);
    Ok(())
}

// Namespaces, tags, patterns.

async fn a_namespace_is_deleted_as_a_whole(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache
        .set_many([("1", "Alice"), ("2", "Bob")].map(owned))
        .namespace("users")
        .await?;
    cache
        .set("1", &"Hello".to_owned())
        .namespace("posts")
        .await?;
    assert_eq!(cache.delete_by_namespace("users").await?, 2);
    let post: Option<String> = cache.get(Key::new("1").in_namespace("posts")).await?;
    assert_eq!(post.as_deref(), Some("Hello"));
    Ok(())
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

async fn a_tenant_is_deleted_without_the_others(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for tenant in ["tenant:a", "tenant:b"] {
        let data = [("settings", 1), ("users", 2), ("bills", 3)];
        cache.set_many(data).namespace(tenant).ttl(2 * HOUR).await?;
    }
    assert_eq!(cache.delete_by_namespace("tenant:a").await?, 3);
    let left = Pattern::new("*").in_namespace("tenant:b");
    assert_eq!(cache.count(left).await?, 3);
    Ok(())
}

async fn the_same_key_in_two_namespaces_is_two_entries(stage: Stage) -> anyhow::Result<()> {
    for (namespace, version) in [("prod", "1.0"), ("staging", "2.0")] {
        let version = version.to_owned();
        stage
            .cache
            .set("config", &version)
            .namespace(namespace)
            .await?;
    }
    for (namespace, version) in [("prod", "1.0"), ("staging", "2.0")] {
        let key = Key::new("config").in_namespace(namespace);
        let got: Option<String> = stage.cache.get(key).await?;
        assert_eq!(got.as_deref(), Some(version));
    }
    Ok(())
}

async fn tags_delete_what_carries_any_of_them(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for tags in [&["user"][..], &["profile", "content"]] {
        set(cache, "user:123", &["user", "profile"]).await?;
        set(cache, "posts:123", &["user", "content"]).await?;
        set(cache, "settings", &["config"]).await?;
        assert_eq!(cache.delete_by_tags(tags.iter().copied()).await?, 2);
        assert!(!cache.exists("user:123").await?);
        assert!(!cache.exists("posts:123").await?);
        assert!(cache.exists("settings").await?);
    }
    Ok(())
}

async fn a_category_is_deleted_by_its_tag(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for (key, category) in [("product:1", 7), ("product:2", 7), ("product:3", 8)] {
        set(cache, key, &["product", &format!("category:{category}")]).await?;
    }
    assert_eq!(cache.delete_by_tags(["category:7"]).await?, 2);
    assert_eq!(cache.delete_by_tags(["product"]).await?, 1);
    Ok(())
}

async fn an_entry_is_deleted_in_three_ways(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let key = Key::new("product:123").in_namespace("catalog");
    let key = key.tagged(["product", "category:electronics", "featured"]);
    cache.set(&key, &1).await?;
    assert_eq!(cache.delete_by_namespace("catalog").await?, 1);
    cache.set(&key, &1).await?;
    assert_eq!(cache.delete_by_tags(["product"]).await?, 1);
    cache.set(&key, &1).await?;
    assert_eq!(cache.delete_by_tags(["category:electronics"]).await?, 1);
    assert!(!cache.exists(&key).await?);
    Ok(())
}

async fn a_users_tag_reaches_what_is_the_users(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for (user, name) in [(1, "Alice"), (2, "Bob")] {
        for kind in ["profile", "settings"].into_iter().take(3 - user) {
            cache
                .set(format!("user:{user}:{kind}"), &User::named(name))
                .tags([format!("user:{user}"), kind.to_owned()])
                .await?;
        }
    }
    assert_eq!(cache.delete_by_tags(["user:1"]).await?, 2);
    assert!(!cache.exists("user:1:profile").await?);
    assert!(!cache.exists("user:1:settings").await?);
    let bob: Option<User> = cache.get("user:2:profile").await?;
    assert_eq!(bob.context("it is another user's")?.name, "Bob");
    Ok(())
}

// There one adapter takes the regular expression `user:\d+`. Here every store takes wildcards, and
// `[0-9]*` says: begins with a digit.
async fn a_pattern_deletes_what_matches(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for pattern in ["user:*", "user:[0-9]*"] {
        cache
            .set_many([("user:123", 1), ("user:456", 2), ("post:789", 3)])
            .await?;
        assert_eq!(cache.delete_by_pattern(pattern).await?, 2);
        assert_eq!(keys(cache, "*").await?, ["post:789"]);
    }
    Ok(())
}

async fn a_star_may_stand_anywhere(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for (pattern, matching, other) in [
        ("temp:*:data", ["temp:1:data", "temp:2:data"], "temp:1:meta"),
        (
            "session:u1:*",
            ["session:u1:a", "session:u1:b"],
            "session:u2:a",
        ),
        (
            "*:2024-01-15:*",
            ["report:2024-01-15:eu", "log:2024-01-15:x"],
            "log:2024-01-16:x",
        ),
        (
            "user:*:profile",
            ["user:1:profile", "user:2:profile"],
            "user:1:settings",
        ),
    ] {
        for key in matching.into_iter().chain([other]) {
            set(cache, key, &[]).await?;
        }
        assert_eq!(cache.delete_by_pattern(pattern).await?, 2, "{pattern}");
        assert!(cache.exists(other).await?, "{other}");
    }
    Ok(())
}

async fn a_pattern_goes_by_name_and_a_tag_by_label(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    set(cache, "feed", &["user:123"]).await?;
    for (way, deleted) in [("pattern", 2), ("tag", 3)] {
        set(cache, "user:123:profile", &["user:123"]).await?;
        set(cache, "user:123:settings", &["user:123"]).await?;
        let count = match way {
            "pattern" => cache.delete_by_pattern("user:123:*").await?,
            _ => cache.delete_by_tags(["user:123"]).await?,
        };
        assert_eq!(count, deleted, "by {way}");
        assert_eq!(cache.exists("feed").await?, way == "pattern");
    }
    Ok(())
}

// Upkeep and statistics.

async fn cleaning_up_removes_what_expired(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("temp", &1).ttl(MINUTE).await?;
    cache.set("kept", &2).await?;
    stage.clock.advance(2 * MINUTE);
    assert_eq!(cache.cleanup_expired().await?, 1);
    assert_eq!(cache.cleanup_expired().await?, 0);
    assert_eq!(cache.get("kept").await?, Some(2));
    Ok(())
}

async fn statistics_tell_hits_from_misses(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("test", &1).await?;
    cache.get::<i32>("test").await?;
    cache.get::<i32>("missing").await?;
    let stats = cache.survey().await?;
    assert_eq!(stats.entries, Some(1));
    assert_eq!((stats.hits, stats.misses), (1, 1));
    assert_eq!(stats.hit_rate(), 0.5);
    Ok(())
}

async fn statistics_need_no_reads(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let empty = cache.survey().await?;
    assert_eq!(empty.hit_rate(), 0.0);
    assert_eq!((empty.oldest, empty.newest), (None, None));

    cache.set("first", &1).await?;
    stage.clock.advance(MINUTE);
    cache.set("second", &2).await?;
    let stats = cache.survey().await?;
    let (oldest, newest) = (
        stats.oldest.context("first")?,
        stats.newest.context("second")?,
    );
    assert!(newest > oldest);
    // Process memory holds objects, of which it does not know the size.
    assert_eq!(stats.bytes.is_some(), stage.place().is_some());
    Ok(())
}

// There the entry that was used least recently goes, here the one that is least worth keeping: which
// one that is, is not promised. On Redis the limit is the server's own, `maxmemory`.
async fn process_memory_has_a_limit(stage: Stage) -> anyhow::Result<()> {
    for (limit, items) in [(100, 150), (2, 3), (10_000, 100)] {
        let cache = stage.cache_with(|options| options.max_entries(limit)).await;
        cache.clear().await?;
        for item in 0..items {
            cache.set(format!("item:{item}"), &item).await?;
        }
        let kept = if stage.place().is_some() {
            items
        } else {
            items.min(limit)
        };
        // Asking for statistics does what housekeeping there is to do.
        let _ = cache.stats();
        assert_eq!(cache.survey().await?.entries, Some(kept));
        assert_eq!(cache.count("item:*").await?, kept);
    }
    Ok(())
}

async fn large_values_are_compressed(stage: Stage) -> anyhow::Result<()> {
    let compressed = |options: larder::CacheBuilder| options.compression(Compression::Lz4, 1_024);
    let cache = stage.cache_with(compressed).await;
    let (large, small) = ("x".repeat(10_000), "x".repeat(1_000));
    cache.set("large", &large).await?;
    cache.set("small", &small).await?;
    assert_eq!(cache.get::<String>("large").await?.as_ref(), Some(&large));
    assert_eq!(cache.get::<String>("small").await?.as_ref(), Some(&small));
    // Process memory holds objects, so there is nothing to compress.
    if let Some(place) = stage.place() {
        let mut raw: ConnectionManager = cache.connection()?;
        let stored: Vec<u8> = raw.get(place.raw_key("large")).await?;
        assert!(stored.len() < 1_000, "{} bytes", stored.len());
        let stored: Vec<u8> = raw.get(place.raw_key("small")).await?;
        assert!(stored.ends_with(small.as_bytes()));
    }
    Ok(())
}

// There the cache has a task to start and stop. Here nothing needs one: Redis expires by itself, and
// process memory makes room as it goes. Who wants it all the same spawns it.
async fn cleaning_up_in_the_background_stops_when_told(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("temp", &1).ttl(MINUTE).await?;
    stage.clock.advance(2 * MINUTE);
    let (reports, mut reported) = mpsc::unbounded_channel();
    let cache = stage.cache.clone();
    let upkeep = tokio::spawn(async move {
        let mut round = tokio::time::interval(Duration::from_secs(300));
        loop {
            round.tick().await;
            let _ = reports.send(cache.cleanup_expired().await);
        }
    });
    // The first round begins at once.
    let first = reported.recv().await.context("it runs")?;
    assert_eq!(first?, 1);
    upkeep.abort();
    assert!(reported.recv().await.is_none(), "nothing reports any more");
    Ok(())
}

// There a prefix ends with a colon, `dev:cache:`. Here it is letters, digits, `-`, `_` and `.`, and
// is followed by a version.
async fn two_prefixes_on_one_server_are_two_caches(stage: Stage) -> anyhow::Result<()> {
    let dev = stage.cache_elsewhere("dev").await;
    let prod = stage.cache_elsewhere("prod").await;
    dev.set("user:123", &1).await?;
    assert_eq!(prod.get::<i32>("user:123").await?, None);
    prod.set("user:123", &2).await?;
    dev.clear().await?;
    assert_eq!(dev.get::<i32>("user:123").await?, None);
    assert_eq!(prod.get::<i32>("user:123").await?, Some(2));
    Ok(())
}

// Only on Redis: process memory is always there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_an_error_of_its_own() -> anyhow::Result<()> {
    in_time(async {
        let stage = Stage::redis_of_its_own().await;
        let cache = &stage.cache;
        cache.set("user:123", &User::named("Alice")).await?;
        stage.place().context("it has one")?.server.kill();
        let gone = |error: &Error| matches!(error, Error::Store(StoreError::Unreachable { .. }));
        assert!(
            cache
                .get::<User>("user:123")
                .await
                .is_err_and(|error| gone(&error))
        );
        assert!(cache.ping().await.is_err_and(|error| gone(&error)));
        // `load` makes a miss of it by itself.
        let alice = cache
            .load("user:123", || async { User::named("Alice") })
            .await;
        assert_eq!(alice.name, "Alice");
        Ok(())
    })
    .await
}

// Patterns of use.

async fn cache_aside(stage: Stage) -> anyhow::Result<()> {
    let loads = AtomicU32::new(0);
    let profile = async |id: u64| {
        let key = format!("profile:{id}");
        if let Some(user) = stage.cache.get::<User>(&key).await? {
            return Ok(user);
        }
        loads.fetch_add(1, Ordering::Relaxed);
        let user = User::named("Alice");
        stage.cache.set(&key, &user).ttl(HOUR).await?;
        Ok::<_, Error>(user)
    };
    assert_eq!(profile(1).await?, profile(1).await?);
    assert_eq!(loads.into_inner(), 1);
    Ok(())
}

async fn get_or_set(stage: Stage) -> anyhow::Result<()> {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Account {
        id: u64,
        name: String,
    }
    let user = |id: u64| {
        let load = move || async move {
            Account {
                id,
                name: format!("User{id}"),
            }
        };
        stage
            .cache
            .load(format!("user:{id}"), load)
            .ttl(30 * MINUTE)
    };
    let first = user(123).await;
    assert_eq!((first.id, &*first.name), (123, "User123"));
    assert_eq!(user(123).await, first);
    assert_eq!(stage.loads(), 1);
    assert_eq!(
        stage.cache.ttl("user:123").await?,
        Some(Ttl::For(30 * MINUTE))
    );
    Ok(())
}

async fn the_result_of_a_function_is_kept(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(ttl = "15m", tags = ["computation"])]
    async fn expensive(x: i64, y: i64) -> i64 {
        x * x + y * y
    }
    for loads in 1..=2 {
        for _ in 0..2 {
            assert_eq!(stage.run(expensive(3, 4)).await, 25);
            assert_eq!(stage.loads(), loads);
        }
        assert_eq!(stage.cache.delete_by_tags(["computation"]).await?, 1);
    }
    Ok(())
}

// There the flag is an argument of one's own. Here every annotated function has `refresh` beside it;
// without annotations it is a load whose result is set.
async fn a_refresh_does_not_ask_the_cache(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "profile:{id}", ttl = "30m", tags = ["user"], skip(edition))]
    async fn profile(edition: &AtomicU32, id: u64) -> u32 {
        edition.load(Ordering::Relaxed)
    }
    let edition = AtomicU32::new(1);
    stage
        .run(async {
            assert_eq!(profile(&edition, 7).await, 1);
            edition.store(2, Ordering::Relaxed);
            assert_eq!(profile(&edition, 7).await, 1, "the flag is not set");
            assert_eq!(profile::refresh(&edition, 7).await, 2);
            assert_eq!(profile(&edition, 7).await, 2);
        })
        .await;
    stage
        .cache
        .set("profile:7", &3_u32)
        .ttl(30 * MINUTE)
        .tags(["user"])
        .await?;
    assert_eq!(stage.run(profile(&edition, 7)).await, 3);
    Ok(())
}

async fn a_stampede_loads_once(stage: Stage) -> anyhow::Result<()> {
    let (here, there) = (&stage.cache, &stage.another_process().await);
    let loads = &AtomicU32::new(0);
    let load = move || async move {
        tokio::task::yield_now().await;
        loads.fetch_add(1, Ordering::Relaxed) + 42
    };
    let callers = (0..50).map(|caller| async move {
        let cache = if caller % 2 == 0 { here } else { there };
        cache.load("hot", load).lock().await
    });
    assert_eq!(join_all(callers).await, [42; 50]);
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    Ok(())
}

// A cache has no namespace of its own that calls would begin with: a function gives keys theirs.
async fn a_service_has_its_own_defaults(stage: Stage) -> anyhow::Result<()> {
    let cache = stage.cache_with(|options| options.ttl(2 * HOUR)).await;
    let key = |key: &str| Key::new(key).in_namespace("app");
    cache.set(key("usual"), &1).await?;
    cache.set(key("short"), &1).ttl(5 * MINUTE).await?;
    cache.set(key("lasting"), &1).ttl(None).await?;
    assert_eq!(cache.ttl(key("usual")).await?, Some(Ttl::For(2 * HOUR)));
    assert_eq!(cache.ttl(key("short")).await?, Some(Ttl::For(5 * MINUTE)));
    assert_eq!(cache.ttl(key("lasting")).await?, Some(Ttl::Never));
    assert_eq!(cache.delete_by_namespace("app").await?, 3);
    Ok(())
}

async fn pages_are_dropped_together(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(
        key = "products:page-{page}:size-{size}",
        namespace = "products",
        ttl = "5m",
        tags = ["products"]
    )]
    async fn products(page: u64, size: u64) -> Vec<u64> {
        (page * size..(page + 1) * size).collect()
    }
    for page in [1, 2, 2] {
        assert_eq!(stage.run(products(page, 20)).await.len(), 20);
    }
    assert_eq!(stage.loads(), 2);
    assert_eq!(products::key(1, 20).as_str(), "products:page-1:size-20");
    assert_eq!(stage.cache.delete_by_tags(["products"]).await?, 2);
    stage.run(products(1, 20)).await;
    assert_eq!(stage.loads(), 3);
    Ok(())
}

async fn a_version_in_the_namespace_is_another_cache(stage: Stage) -> anyhow::Result<()> {
    let (cache, key) = (&stage.cache, Key::new("user_data"));
    cache.set(&key, &2).namespace("v2:users").await?;
    assert_eq!(
        cache
            .get::<i32>(key.clone().in_namespace("v3:users"))
            .await?,
        None
    );
    cache.set(&key, &3).namespace("v3:users").await?;
    assert_eq!(cache.get(key.in_namespace("v2:users")).await?, Some(2));
    Ok(())
}

async fn a_function_is_cached_by_annotating_it(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user-{id}-{details}", ttl = "5m")]
    async fn user(id: u64, details: bool) -> String {
        format!("{id} {details}")
    }
    assert_eq!(
        stage.run(user(123, false)).await,
        stage.run(user(123, false)).await
    );
    assert_eq!(stage.loads(), 1);
    stage.run(user(1, false)).await;
    stage.run(user(1, true)).await;
    assert_eq!(
        keys(&stage.cache, "user-1-*").await?,
        ["user-1-false", "user-1-true"]
    );
    Ok(())
}

// Many keys at once.

// There what is missing is left out of a map; here it is `None` in its place.
async fn many_are_set_and_got_at_once(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let users = [
        ("user:1", "Alice"),
        ("user:2", "Bob"),
        ("user:3", "Charlie"),
    ];
    cache.set_many(users.map(owned)).ttl(HOUR).await?;
    let got: Vec<Option<String>> = cache.get_many(users.map(|(key, _)| key)).await?;
    let expected = users.map(|(_, name)| Some(name.to_owned()));
    assert_eq!(got, expected);
    let got: Vec<Option<String>> = cache.get_many(["user:1", "user:2", "missing"]).await?;
    assert_eq!(got, [expected[0].clone(), expected[1].clone(), None]);
    assert_eq!(cache.ttl("user:1").await?, Some(Ttl::For(HOUR)));
    assert_eq!(cache.ttl("user:3").await?, Some(Ttl::For(HOUR)));

    cache.set_many([("", ()); 0]).await?;
    assert_eq!(cache.get_many::<String>([""; 0]).await?, []);
    Ok(())
}

async fn a_value_that_is_empty_is_still_a_hit(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("false", &false).await?;
    cache.set("zero", &0).await?;
    cache.set("empty", &String::new()).await?;
    cache.set("null", &None::<String>).await?;
    assert_eq!(
        cache.get_many::<bool>(["false", "no"]).await?,
        [Some(false), None]
    );
    assert_eq!(cache.get("zero").await?, Some(0));
    assert_eq!(cache.get("empty").await?, Some(String::new()));
    let null: Vec<Option<Option<String>>> = cache.get_many(["null", "no"]).await?;
    assert_eq!(null, [Some(None), None]);
    assert_eq!(cache.stats().hits, 4);
    Ok(())
}

async fn many_are_deleted_at_once(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("a", &1).await?;
    assert_eq!(stage.cache.delete_many(["a", "b"]).await?, 1);
    assert_eq!(stage.cache.delete_many([""; 0]).await?, 0);
    Ok(())
}

// Atomic operations.

async fn what_is_absent_is_set_once(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let (mine, yours) = ("mine".to_owned(), "yours".to_owned());
    assert!(cache.set_if_absent("owner", &mine).ttl(MINUTE).await?);
    assert!(!cache.set_if_absent("owner", &yours).await?);
    assert_eq!(cache.get("owner").await?, Some(mine));
    assert_eq!(cache.ttl("owner").await?, Some(Ttl::For(MINUTE)));
    stage.clock.advance(MINUTE);
    assert!(cache.set_if_absent("owner", &yours).ttl(None).await?);
    assert_eq!(cache.ttl("owner").await?, Some(Ttl::Never));
    assert!(cache.set_if_absent("usual", &yours).await?);
    assert_eq!(cache.ttl("usual").await?, Some(Ttl::For(5 * MINUTE)));
    Ok(())
}

async fn a_counter_goes_up_and_down(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    assert_eq!(cache.increment("visits", 1).await?, 1);
    assert_eq!(cache.increment("visits", 10).await?, 11);
    assert_eq!(cache.decrement("visits", 1).await?, 10);
    assert_eq!(cache.decrement("visits", 5).await?, 5);
    assert_eq!(cache.get::<i64>("visits").await?, Some(5));
    assert_eq!(cache.decrement("visits", 7).await?, -2);
    Ok(())
}

async fn a_counter_goes_on_from_what_was_set(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("set", &10).await?;
    assert_eq!(cache.increment("set", 1).await?, 11);
    assert!(cache.set_if_absent("absent", &10).await?);
    assert_eq!(cache.increment("absent", 1).await?, 11);
    Ok(())
}

// There a counter that begins has no ttl. Here it has the cache's usual one unless told.
async fn a_counter_keeps_its_ttl(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.increment("visits", 1).await?;
    assert_eq!(cache.ttl("visits").await?, Some(Ttl::For(5 * MINUTE)));
    assert!(cache.set_ttl("visits", 30 * SECOND).await?);
    assert_eq!(cache.increment("visits", 1).await?, 2);
    assert_eq!(cache.ttl("visits").await?, Some(Ttl::For(30 * SECOND)));
    stage.clock.advance(30 * SECOND);
    assert_eq!(cache.increment("visits", 1).ttl(None).await?, 1);
    assert_eq!(cache.ttl("visits").await?, Some(Ttl::Never));
    Ok(())
}

async fn text_is_not_counted_with(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("text", &"text".to_owned()).await?;
    cache.set("most", &i64::MAX).await?;
    let error = cache.increment("text", 1).await.expect_err("it is text");
    assert!(matches!(error, Error::NotANumber { .. }));
    assert!(
        error
            .to_string()
            .contains("`text` does not hold an integer")
    );
    let error = cache
        .increment("most", 1)
        .await
        .expect_err("it is too much");
    assert!(matches!(error, Error::Overflow { .. }));
    assert_eq!(cache.get("text").await?, Some("text".to_owned()));
    assert_eq!(cache.get("most").await?, Some(i64::MAX));
    Ok(())
}

async fn a_ttl_is_read_and_changed(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("limited", &1).ttl(30 * SECOND).await?;
    cache.set("lasting", &1).ttl(None).await?;
    assert_eq!(cache.ttl("limited").await?, Some(Ttl::For(30 * SECOND)));
    assert_eq!(cache.ttl("lasting").await?, Some(Ttl::Never));
    assert_eq!(cache.ttl("absent").await?, None);

    assert!(cache.set_ttl("lasting", 30 * SECOND).await?);
    assert_eq!(cache.ttl("lasting").await?, Some(Ttl::For(30 * SECOND)));
    assert!(cache.set_ttl("limited", 90 * SECOND).await?);
    assert_eq!(cache.ttl("limited").await?, Some(Ttl::For(90 * SECOND)));
    assert!(!cache.set_ttl("absent", 30 * SECOND).await?);

    cache.set("limited", &2).ttl(None).await?;
    assert_eq!(cache.ttl("limited").await?, Some(Ttl::Never));
    Ok(())
}

async fn a_persisted_entry_stays(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("key", &1).ttl(30 * SECOND).await?;
    assert!(cache.persist("key").await?);
    assert!(!cache.persist("absent").await?);
    assert_eq!(cache.ttl("key").await?, Some(Ttl::Never));
    stage.clock.advance(365 * 24 * HOUR);
    assert_eq!(cache.get("key").await?, Some(1));
    Ok(())
}

async fn an_entry_is_got_and_deleted_by_one_caller(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("key", &7).await?;
    assert_eq!(cache.get_and_delete("key").await?, Some(7));
    assert_eq!(cache.get::<i32>("key").await?, None);
    assert_eq!(cache.get_and_delete::<i32>("key").await?, None);

    cache.set("key", &7).await?;
    let callers = join_all((0..20).map(|_| cache.get_and_delete::<i32>("key"))).await;
    let got: Vec<Option<i32>> = callers.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(got.into_iter().flatten().collect::<Vec<_>>(), [7]);
    Ok(())
}

async fn an_entry_is_got_and_touched(stage: Stage) -> anyhow::Result<()> {
    let (cache, clock) = (&stage.cache, &stage.clock);
    cache.set("session", &7).ttl(10 * SECOND).await?;
    clock.advance(8 * SECOND);
    assert_eq!(cache.get_and_touch("session", 10 * SECOND).await?, Some(7));
    clock.advance(8 * SECOND);
    assert!(cache.exists("session").await?);
    clock.advance(3 * SECOND);
    assert!(!cache.exists("session").await?);

    assert_eq!(
        cache.get_and_touch::<i32>("absent", 10 * SECOND).await?,
        None
    );
    assert!(!cache.exists("absent").await?);
    Ok(())
}

// Keys, time, and the store itself.

async fn keys_are_found_by_pattern(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    for key in ["p:a", "p:b", "p:a:c", "p-x", "pXa"] {
        set(cache, key, &[]).await?;
    }
    for (pattern, expected) in [
        ("p:*", &["p:a", "p:a:c", "p:b"][..]),
        ("p:?", &["p:a", "p:b"]),
        ("p:[ax]", &["p:a"]),
        ("p:a", &["p:a"]),
        ("q:*", &[]),
        ("p.a", &[]),
    ] {
        assert_eq!(keys(cache, pattern).await?, expected, "{pattern}");
        assert_eq!(cache.count(pattern).await?, expected.len() as u64);
    }
    assert_eq!(cache.delete_by_pattern("p:*").await?, 3);
    assert!(cache.exists("p-x").await?);
    Ok(())
}

async fn keys_are_listed_within_a_namespace(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    set(cache, "outside", &[]).await?;
    for (namespace, key) in [("users", "a"), ("users", "b"), ("posts", "c")] {
        set(cache, Key::new(key).in_namespace(namespace), &[]).await?;
    }
    let within = |namespace: &str| Pattern::new("*").in_namespace(namespace);
    assert_eq!(keys(cache, within("users")).await?, ["a", "b"]);
    cache.invalidate_namespace("users").await?;
    assert_eq!(keys(cache, within("users")).await?, [""; 0]);
    assert_eq!(keys(cache, within("posts")).await?, ["c"]);
    Ok(())
}

async fn what_expired_is_as_if_it_had_never_been(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.set("expired", &1).ttl(SECOND).await?;
    stage.clock.advance(SECOND);
    for key in ["expired", "absent"] {
        assert!(!cache.set_ttl(key, MINUTE).await?, "{key} is not revived");
        assert_eq!(cache.get::<i32>(key).await?, None);
        assert_eq!(cache.get_many::<i32>([key]).await?, [None]);
        assert!(!cache.exists(key).await?);
        assert_eq!(cache.ttl(key).await?, None);
        assert_eq!(keys(cache, "*").await?, [""; 0]);
        assert_eq!(cache.count("*").await?, 0);
        assert!(!cache.delete(key).await?);
    }
    Ok(())
}

async fn the_store_is_pinged_and_reached(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache.ping().await?;
    cache.set("key", &1).await?;
    let error = cache.connection::<String>().expect_err("none has that");
    assert!(matches!(error, Error::NoConnection { .. }));
    let connection = cache.connection::<ConnectionManager>();
    assert_eq!(connection.is_ok(), stage.place().is_some());
    if let (Ok(mut raw), Some(place)) = (connection, stage.place()) {
        let bytes: Option<Vec<u8>> = raw.get(place.raw_key("key")).await?;
        assert!(bytes.is_some());
    }
    Ok(())
}

// As there, two steps release it: between them it may expire and be taken by another.
async fn a_lock_is_held_by_one_owner(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let acquire = async |owner: &str| {
        let owner = owner.to_owned();
        cache
            .set_if_absent("lock:resource-1", &owner)
            .ttl(30 * SECOND)
            .await
    };
    let release = async |owner: &str| {
        let held: Option<String> = cache.get("lock:resource-1").await?;
        Ok::<_, Error>(held.as_deref() == Some(owner) && cache.delete("lock:resource-1").await?)
    };
    assert!(acquire("worker-1").await?);
    assert!(!acquire("worker-2").await?);
    assert!(!release("worker-2").await?);
    assert!(release("worker-1").await?);
    assert!(acquire("worker-2").await?);
    stage.clock.advance(30 * SECOND);
    assert!(
        acquire("worker-1").await?,
        "whoever is gone does not hold it"
    );
    Ok(())
}

// There the first request sets and the others count. Here counting sets the window when it begins.
async fn a_rate_is_limited(stage: Stage) -> anyhow::Result<()> {
    let is_allowed = async |client: &str| {
        let count = stage.cache.increment(format!("rate:{client}"), 1);
        Ok::<_, Error>(count.ttl(MINUTE).await? <= 3)
    };
    for _ in 0..3 {
        assert!(is_allowed("ada").await?);
        stage.clock.advance(SECOND);
    }
    assert!(!is_allowed("ada").await?);
    assert!(is_allowed("grace").await?);
    stage.clock.advance(MINUTE - 3 * SECOND);
    assert!(is_allowed("ada").await?);
    Ok(())
}
