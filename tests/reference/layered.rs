//! The layered module: a framework's cache of several layers, process memory over Redis over what
//! is further away, with a decorator, tags, events and warming, as documented by Vorte; rules that
//! invalidate (after a write, by kind) as documented by Mycel.
//!
//! Layers of one cache are not there yet: a cache has one store. Where an example is about layers it is
//! told with two named caches, `l1` in process memory and `l2` on the store; a function in `l1` that calls
//! one in `l2` reads through both. Left out until there are layers: a set that reaches all of them, an
//! entry promoted with the time that it has left, counts by layer of what was deleted, a cluster, a CDN, S3.
//!
//! What is another way here:
//!
//! | there | here |
//! |---|---|
//! | a layer with `enabled = false` | a cache with `provider = "off"`, in code `Cache::off()` |
//! | a ttl of 0 means forever in process memory | a ttl of 0 is an error; `.ttl(None)` means forever |
//! | `null` is a miss | `None` is a value; `cache_none = false` does not keep it |
//! | a condition on the decorator | an `if` around the annotated function |
//! | a read or a cache lists the events that invalidate it | `invalidate_on!`, or a handler, stands beside it |
//! | patterns that a write drops | tags that it invalidates: one step for any number of entries |
//! | the write sets the new value | the write invalidates, and then primes or recaches it |
//! | a hit rate in percent | from 0.0 to 1.0 |
//! | clearing resets the statistics | counters only grow |
//! | warming functions are declared | warming is a call at the start |

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use larder::{
    Cache, Caches, Codec, Error, Key, Ttl, cache_read, cache_write, emit, invalidate_on, on_event,
};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::settings::configured;
use crate::stage::{Stage, in_time, on_every_store};

on_every_store! {
    each_layer_is_configured
    a_layer_that_is_off_is_not_asked
    keys_on_the_server_begin_with_the_prefix
    the_codec_is_a_choice
    what_is_set_is_got_and_deleted
    a_counter_goes_on_from_zero
    keys_are_listed_and_deleted
    flushing_leaves_nothing
    a_key_that_was_never_set_is_a_miss
    many_are_set_and_got
    reading_goes_through_both_layers
    each_layer_has_a_ttl_of_its_own
    a_small_layer_holds_a_part
    one_layer_alone_is_set
    one_layer_alone_is_emptied
    values_survive_a_restart
    a_function_has_a_key_of_its_own
    a_key_is_made_of_name_and_arguments
    tags_invalidate_what_a_function_cached
    a_condition_keeps_out_what_is_not_worth_it
    a_function_uses_one_layer
    nothing_is_a_value_unless_told
    a_tag_reaches_its_group
    a_pattern_reaches_what_matches
    time_invalidates
    an_event_invalidates_what_its_handler_says
    a_rule_invalidates_on_an_event
    an_event_empties_a_named_cache
    a_failing_handler_does_not_stop_the_others
    a_write_invalidates_keys_and_lists
    processes_see_each_others_invalidations
    a_write_goes_through
    cache_aside
    values_are_warmed
    functions_are_warmed_at_the_start
    each_kind_has_a_policy
    statistics_are_counted_layer_by_layer
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

impl User {
    fn new(id: u64, name: &str) -> Self {
        let name = name.to_owned();
        Self { id, name }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Process memory of at most `max_size` entries as `l1`, over the example's store as `l2`.
fn layers(stage: &Stage, max_size: u64) -> (Cache, Caches) {
    layers_over(&stage.cache, stage, max_size)
}

fn layers_over(l2: &Cache, stage: &Stage, max_size: u64) -> (Cache, Caches) {
    let l1 = Cache::builder()
        .clock(stage.clock.clone())
        .max_entries(max_size)
        .ttl(MINUTE)
        .build();
    let caches = Caches::new(l2.clone()).with("l1", l1.clone());
    (l1, caches.with("l2", l2.clone()))
}

/// Reads through both layers.
#[cache_read(key = "product:{id}", cache = "l1")]
async fn product(id: u64) -> String {
    product_below(id).await
}

#[cache_read(key = "product:{id}", cache = "l2")]
async fn product_below(id: u64) -> String {
    format!("product {id}")
}

// Configuration.

// Of the layers two are told: `l3` on a cluster is a store to come, and `l4` is switched off there too.
async fn each_layer_is_configured(stage: Stage) -> anyhow::Result<()> {
    let l2 = match stage.place() {
        None => "provider = 'memory'".to_owned(),
        Some(place) => format!(
            "provider = 'redis'\nuri = '{}'\nprefix = '{}'\ncodec = 'msgpack'",
            place.server.url(),
            place.prefix
        ),
    };
    let file = format!(
        "[caches.default]
         ttl = 300
         [caches.l1]
         provider = 'memory'
         max_entries = 1_000
         ttl = 60
         [caches.l2]
         ttl = 300
         {l2}
         [caches.l4]
         provider = 'off'"
    );
    let caches = configured(&file).await??;
    let names: Vec<&str> = caches.names().collect();
    assert_eq!(names, ["default", "l1", "l2", "l4"]);
    for (name, ttl) in [("l1", MINUTE), ("l2", 5 * MINUTE)] {
        let cache = caches.named(name)?;
        cache.set("user:1", &User::new(1, "Alice")).await?;
        let Some(Ttl::For(left)) = cache.ttl("user:1").await? else {
            anyhow::bail!("`{name}` is active and has a ttl");
        };
        assert!(left > ttl - MINUTE && left <= ttl, "{name}: {left:?}");
    }
    caches.named("l4")?.set("user:1", &1).await?;
    assert!(!caches.named("l4")?.exists("user:1").await?);
    Ok(())
}

async fn a_layer_that_is_off_is_not_asked(stage: Stage) -> anyhow::Result<()> {
    let read_twice = async || {
        product(7).await;
        product(7).await
    };
    // Process memory alone.
    let (l1, caches) = layers(&stage, 1_000);
    let caches = caches.with("l2", Cache::off());
    assert_eq!(caches.scope(read_twice()).await, "product 7");
    assert_eq!((l1.stats().hits, stage.cache.stats().misses), (1, 0));
    // The store alone.
    let (_, caches) = layers(&stage, 1_000);
    let caches = caches.with("l1", Cache::off());
    assert_eq!(caches.scope(read_twice()).await, "product 7");
    assert_eq!((stage.cache.stats().hits, stage.loads()), (1, 1));
    // Nothing at all: every call loads.
    let off = Cache::off();
    larder::scope(off.clone(), read_twice()).await;
    assert_eq!(off.stats().hits, 0);
    Ok(())
}

// There `backend` names a kind of server, here `provider` does. All mistakes are told at once.
#[tokio::test]
async fn mistakes_are_told_with_their_place_and_what_is_known() -> anyhow::Result<()> {
    let file = "[caches.l1]
         provider = 'memory'
         max_entries = 0
         ttl = 0
         [caches.l2]
         provider = 'redis'
         [caches.l4]
         provider = 'floppy'";
    let error = configured(file).await?.expect_err("nothing of it can be");
    let error = error.to_string();
    for part in [
        "larder.toml:3:24: `max_entries`",
        "larder.toml:4:16: `ttl`",
        "larder.toml:6:21: `provider` is `redis`, which needs a `uri`",
        "larder.toml:8:21: `provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"floppy\"",
    ] {
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}

// The variables are CACHE_URL, CACHE_TTL_DEFAULT and so on, read by `larder::init`. A test cannot set
// them for itself alone, so it says the same in code.
#[tokio::test]
async fn the_environment_or_the_builder_sets_it_up() -> anyhow::Result<()> {
    let settings = larder::builder().url("memory").ttl_default(HOUR);
    let caches = settings.max_entries(1_000).build().await?;
    let cache = caches.default_cache();
    cache.set("key", &1).await?;
    let Some(Ttl::For(left)) = cache.ttl("key").await? else {
        anyhow::bail!("it has a ttl");
    };
    assert!(left > 59 * MINUTE && left <= HOUR, "{left:?}");
    Ok(())
}

async fn keys_on_the_server_begin_with_the_prefix(stage: Stage) -> anyhow::Result<()> {
    let shop = stage.cache_elsewhere("shop").await;
    shop.set("user:1", &1).await?;
    let keys: Vec<Key> = shop.keys("*").try_collect().await?;
    assert_eq!(keys, [Key::new("user:1")]);
    if let Some(place) = stage.place() {
        let mut raw: ConnectionManager = shop.connection()?;
        let pattern = format!("{}-shop:*:user:1", place.prefix);
        let keys: Vec<String> = raw.keys(pattern).await?;
        assert!(keys.contains(&format!("{}-shop:v1::user:1", place.prefix)));
    }
    Ok(())
}

// There the whole cache has one codec. Here every entry says its own, so that a cache which is set up
// anew still reads what is there.
async fn the_codec_is_a_choice(stage: Stage) -> anyhow::Result<()> {
    let alice = User::new(1, "Alice");
    for (codec, stored) in [
        (Codec::MessagePack, &b"\x82\xa2id\x01\xa4name\xa5Alice"[..]),
        (Codec::Json, br#"{"id":1,"name":"Alice"}"#),
    ] {
        let cache = stage.cache_with(|options| options.codec(codec)).await;
        cache.set("user:1", &alice).await?;
        assert_eq!(cache.get("user:1").await?, Some(alice.clone()));
        if let Some(place) = stage.place() {
            assert_eq!(stage.cache.get("user:1").await?, Some(alice.clone()));
            let mut raw: ConnectionManager = cache.connection()?;
            let bytes: Vec<u8> = raw.get(place.raw_key("user:1")).await?;
            assert!(bytes.ends_with(stored), "{}", bytes.escape_ascii());
        }
    }
    Ok(())
}

// Basic use.

async fn what_is_set_is_got_and_deleted(stage: Stage) -> anyhow::Result<()> {
    let (cache, alice) = (&stage.cache, User::new(1, "Alice"));
    cache.set("user:1", &alice).ttl(300 * SECOND).await?;
    assert_eq!(cache.get("user:1").await?, Some(alice));
    assert!(cache.exists("user:1").await?);
    cache.delete("user:1").await?;
    assert!(!cache.exists("user:1").await?);
    Ok(())
}

async fn a_counter_goes_on_from_zero(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("counter", &0).ttl(HOUR).await?;
    assert_eq!(stage.cache.increment("counter", 1).await?, 1);
    assert_eq!(stage.cache.ttl("counter").await?, Some(Ttl::For(HOUR)));
    Ok(())
}

async fn keys_are_listed_and_deleted(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache
        .set_many([("user:1", 1), ("user:2", 2), ("post:1", 3)])
        .await?;
    let users: Vec<Key> = cache.keys("user:*").try_collect().await?;
    assert_eq!(users.len(), 2);
    assert_eq!(cache.delete_many(users).await?, 2);
    assert_eq!(cache.count("user:*").await?, 0);
    assert!(cache.exists("post:1").await?);
    Ok(())
}

async fn flushing_leaves_nothing(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 1_000);
    caches.scope(product(7)).await;
    for cache in [&l1, &stage.cache] {
        assert_eq!(cache.count("*").await?, 1);
        cache.clear().await?;
        assert_eq!(cache.count("*").await?, 0);
    }
    Ok(())
}

async fn a_key_that_was_never_set_is_a_miss(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    cache
        .set("test:key", &"world".to_owned())
        .ttl(MINUTE)
        .await?;
    assert_eq!(cache.get("test:key").await?, Some("world".to_owned()));
    assert_eq!(cache.get::<String>("test:unknown").await?, None);
    cache.set("test:short", &1).ttl(10 * SECOND).await?;
    assert_eq!(cache.get("test:short").await?, Some(1));
    Ok(())
}

async fn many_are_set_and_got(stage: Stage) -> anyhow::Result<()> {
    let (cache, others) = (&stage.cache, ["a", "missing", "c"]);
    cache.set_many([("a", 1), ("b", 2), ("c", 3)]).await?;
    assert_eq!(cache.count("*").await?, 3);
    assert_eq!(cache.get_many(others).await?, [Some(1), None, Some(3)]);
    Ok(())
}

// Layers, as far as two named caches go.

async fn reading_goes_through_both_layers(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 1_000);
    stage
        .cache
        .set("product:7", &"from below".to_owned())
        .await?;
    let read = || caches.clone().scope(product(7));
    assert_eq!(read().await, "from below");
    assert!(
        l1.exists("product:7").await?,
        "it was filled on the way back"
    );
    stage.cache.clear().await?;
    assert_eq!(read().await, "from below");
    assert_eq!(stage.loads(), 0);
    Ok(())
}

async fn each_layer_has_a_ttl_of_its_own(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 1_000);
    let is_in = async || {
        let below = stage.cache.exists("product:7").await?;
        Ok::<_, Error>((l1.exists("product:7").await?, below))
    };
    caches.clone().scope(product(7)).await;
    assert_eq!(is_in().await?, (true, true));
    stage.clock.advance(61 * SECOND);
    assert_eq!(is_in().await?, (false, true));
    caches.clone().scope(product(7)).await;
    assert_eq!(is_in().await?, (true, true));
    assert_eq!(stage.loads(), 1);
    stage.clock.advance(240 * SECOND);
    assert_eq!(is_in().await?, (false, false));

    for cache in [&l1, &stage.cache] {
        cache.set("product:7", &1).ttl(5 * SECOND).await?;
    }
    stage.clock.advance(5 * SECOND);
    assert_eq!(is_in().await?, (false, false), "a shorter ttl wins in both");
    Ok(())
}

// There the entry that was used least recently goes, here the one that is least worth keeping: which
// one that is, is not promised.
async fn a_small_layer_holds_a_part(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 3);
    for _ in 0..2 {
        for id in 1..=4 {
            let read = caches.clone().scope(product(id)).await;
            assert_eq!(read, format!("product {id}"));
        }
        assert_eq!(l1.stats().entries, Some(3));
        assert_eq!(stage.loads(), 4, "all four are below");
    }
    Ok(())
}

async fn one_layer_alone_is_set(stage: Stage) -> anyhow::Result<()> {
    let (_, caches) = layers(&stage, 1_000);
    caches.named("l1")?.set("key", &1).await?;
    assert!(!caches.named("l2")?.exists("key").await?);
    let error = caches.named("l3").expect_err("there are two").to_string();
    assert_eq!(error, "there is no cache `l3`; known: default, l1, l2");
    Ok(())
}

async fn one_layer_alone_is_emptied(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 1_000);
    caches.clone().scope(product(7)).await;
    assert!(l1.delete("product:7").await?);
    assert!(stage.cache.exists("product:7").await?);
    caches.clone().scope(product(7)).await;
    assert_eq!(stage.loads(), 1, "it came from below");
    // In both: what is below first, so that it is not read back.
    stage.cache.delete("product:7").await?;
    l1.delete("product:7").await?;
    caches.scope(product(7)).await;
    assert_eq!(stage.loads(), 2);
    Ok(())
}

// Only on Redis: process memory does not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_that_fails_is_passed_over() -> anyhow::Result<()> {
    static NAME: AtomicBool = AtomicBool::new(false);
    #[cache_read(key = "user:{id}", cache = "l2")]
    async fn user(id: u64) -> User {
        let is_renamed = NAME.load(Ordering::SeqCst);
        User::new(id, if is_renamed { "Alicia" } else { "Alice" })
    }
    #[cache_write(keys = ["user:{id}"], cache = "l2")]
    async fn rename(id: u64) {
        NAME.store(true, Ordering::SeqCst);
    }
    in_time(async {
        let stage = Stage::redis_of_its_own().await;
        let (l1, caches) = layers(&stage, 1_000);
        let server = &stage.place().context("it has one")?.server;
        caches
            .scope(async {
                l1.set("kept", &1).await?;
                assert_eq!(user(1).await.name, "Alice");
                server.kill();
                assert_eq!(l1.get("kept").await?, Some(1));
                assert_eq!(user(1).await.name, "Alice", "it is loaded");
                assert!(stage.cache.stats().errors > 0);
                rename(1).await;
                assert_eq!(stage.cache.stats().queued_invalidations, 1);
                // The server comes back with what it had.
                server.restart().await;
                stage.cache.settle().await;
                assert_eq!(user(1).await.name, "Alicia");
                let loads = stage.loads();
                assert_eq!(user(1).await.name, "Alicia");
                assert_eq!(stage.loads(), loads, "it is used again");
                Ok(())
            })
            .await
    })
    .await
}

// There the deepest layer does, S3; here the store of another process.
async fn values_survive_a_restart(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("report", &1).ttl(HOUR).await?;
    stage.cache.set("draft", &1).ttl(SECOND).await?;
    stage.clock.advance(SECOND);
    let restarted = stage.another_process().await;
    assert_eq!(restarted.get("report").await?, Some(1));
    assert_eq!(restarted.get::<i32>("draft").await?, None);
    Ok(())
}

// The decorator.

async fn a_function_has_a_key_of_its_own(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user:{user_id}", ttl = 300)]
    async fn get_user(user_id: u64) -> User {
        User::new(user_id, "Alice")
    }
    for (user_id, loads) in [(1, 1), (1, 1), (2, 2)] {
        assert_eq!(stage.run(get_user(user_id)).await.id, user_id);
        assert_eq!(stage.loads(), loads);
    }
    assert!(stage.cache.exists("user:1").await?);
    Ok(())
}

async fn a_key_is_made_of_name_and_arguments(stage: Stage) -> anyhow::Result<()> {
    #[cache_read]
    async fn square(x: i64) -> i64 {
        x * x
    }
    for (x, loads) in [(7, 1), (7, 1), (8, 2), (1, 3), (2, 4)] {
        assert_eq!(stage.run(square(x)).await, x * x);
        assert_eq!(stage.loads(), loads);
    }
    Ok(())
}

async fn tags_invalidate_what_a_function_cached(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "names", tags = ["users"])]
    async fn names() -> Vec<String> {
        vec!["Alice".to_owned()]
    }
    for (invalidated, loads) in [(false, 1), (false, 1), (true, 2)] {
        if invalidated {
            stage.cache.invalidate_tags(["users"]).await?;
        }
        stage.run(names()).await;
        assert_eq!(stage.loads(), loads);
    }
    Ok(())
}

// There the decorator has the condition. Here the function without it calls the annotated one.
async fn a_condition_keeps_out_what_is_not_worth_it(stage: Stage) -> anyhow::Result<()> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    async fn visits(user_id: u64) -> u64 {
        #[cache_read(key = "visits:{user_id}")]
        async fn cached(user_id: u64) -> u64 {
            count(user_id)
        }
        fn count(user_id: u64) -> u64 {
            CALLS.fetch_add(1, Ordering::Relaxed);
            user_id * 10
        }
        if user_id > 0 {
            cached(user_id).await
        } else {
            count(user_id)
        }
    }
    for user_id in [0, 0, 1, 1] {
        assert_eq!(stage.run(visits(user_id)).await, user_id * 10);
    }
    assert_eq!(stage.loads(), 1, "only of the one that is worth it");
    assert!(!stage.cache.exists("visits:0").await?);
    assert!(stage.cache.exists("visits:1").await?);
    Ok(())
}

async fn a_function_uses_one_layer(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "products", cache = "l2", ttl = 600, tags = ["products"])]
    async fn products() -> Vec<u64> {
        vec![1, 2, 3]
    }
    let (l1, caches) = layers(&stage, 1_000);
    caches.scope(products()).await;
    assert_eq!(l1.count("*").await?, 0);
    assert_eq!(
        stage.cache.ttl("products").await?,
        Some(Ttl::For(600 * SECOND))
    );
    assert_eq!(stage.cache.delete_by_tags(["products"]).await?, 1);
    Ok(())
}

async fn nothing_is_a_value_unless_told(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "kept:{id}")]
    async fn kept(id: u64) -> Option<User> {
        None
    }
    #[cache_read(key = "not_kept:{id}", cache_none = false)]
    async fn not_kept(id: u64) -> Option<User> {
        None
    }
    for loads in [1, 1] {
        assert_eq!(stage.run(kept(1)).await, None);
        assert_eq!(stage.loads(), loads);
    }
    for loads in [2, 3] {
        assert_eq!(stage.run(not_kept(1)).await, None);
        assert_eq!(stage.loads(), loads);
    }
    Ok(())
}

// Invalidation.

// There each layer gives its count; `invalidate_tags` is one step for any number and does not count.
async fn a_tag_reaches_its_group(stage: Stage) -> anyhow::Result<()> {
    let (l1, _) = layers(&stage, 1_000);
    for cache in [&l1, &stage.cache] {
        for counted in [true, false] {
            cache
                .set_many([("tagged:a", 1), ("tagged:b", 2)])
                .tags(["x"])
                .await?;
            cache.set("other", &3).await?;
            if counted {
                assert_eq!(cache.delete_by_tags(["x"]).await?, 2);
            } else {
                cache.invalidate_tags(["x"]).await?;
            }
            assert_eq!(cache.count("tagged:*").await?, 0);
            assert_eq!(cache.get("other").await?, Some(3));
        }
    }
    Ok(())
}

async fn a_pattern_reaches_what_matches(stage: Stage) -> anyhow::Result<()> {
    let (l1, _) = layers(&stage, 1_000);
    for cache in [&l1, &stage.cache] {
        cache
            .set_many([("user:1", 1), ("user:2", 2), ("product:1", 3)])
            .await?;
        assert_eq!(cache.delete_by_pattern("user:*").await?, 2);
        assert_eq!(cache.get("product:1").await?, Some(3));
    }
    Ok(())
}

async fn time_invalidates(stage: Stage) -> anyhow::Result<()> {
    stage.cache.set("key", &1).ttl(10 * SECOND).await?;
    stage.clock.advance(10 * SECOND);
    assert_eq!(stage.cache.get::<i32>("key").await?, None);
    Ok(())
}

// The handler is an annotated function; what it deletes is up to it.
async fn an_event_invalidates_what_its_handler_says(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user:{user_id}")]
    async fn get_user(user_id: u64) -> User {
        User::new(user_id, "Alice")
    }
    #[on_event("user.updated")]
    async fn invalidate_user_cache(event: UserEvent) -> Result<(), Error> {
        let cache = larder::cache();
        cache.delete(get_user::key(event.user_id)).await?;
        let pattern = format!("user:{}:*", event.user_id);
        cache.delete_by_pattern(pattern).await.map(drop)
    }
    let user = UserEvent { user_id: 1 };
    stage
        .cache
        .set_many([("user:1:posts", 1), ("user:2:posts", 2)])
        .await?;
    stage
        .run(async {
            get_user(1).await;
            get_user(2).await;
            emit("order.created", &user).await?;
            get_user(1).await;
            assert_eq!(stage.loads(), 2, "that is another event");
            emit("user.updated", &user).await?;
            get_user(1).await;
            assert_eq!(stage.loads(), 3);
            get_user(2).await;
            assert_eq!(stage.loads(), 3, "that is another user");
            Ok::<_, Error>(())
        })
        .await?;
    assert!(!stage.cache.exists("user:1:posts").await?);
    assert!(stage.cache.exists("user:2:posts").await?);
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct UserEvent {
    user_id: u64,
}

invalidate_on!("user.updated": UserEvent, keys = ["account:{user_id}"]);
invalidate_on!("user.deleted": UserEvent, keys = ["account:{user_id}"]);

// There the read lists its events, `user.updated:{id}`. Here a rule stands beside it, checked against
// the event's type; the id is a field of the event.
async fn a_rule_invalidates_on_an_event(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "account:{id}", ttl = "15m")]
    async fn account(id: u64) -> User {
        User::new(id, "Alice")
    }
    for event in ["user.updated", "user.deleted"] {
        stage
            .run(async {
                account(1).await;
                account(2).await;
                emit(event, &UserEvent { user_id: 1 }).await
            })
            .await?;
        assert!(!stage.cache.exists("account:1").await?, "{event}");
        assert!(stage.cache.exists("account:2").await?);
    }
    Ok(())
}

// There the cache lists its events. Here a handler for each event empties it, because a rule reaches
// tags and keys; the ttl comes from the cache for all functions that use it.
async fn an_event_empties_a_named_cache(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "shelf:{id}", cache = "products")]
    async fn shelf(id: u64) -> Vec<u64> {
        vec![id]
    }
    #[on_event("product.updated")]
    async fn updated(_event: ()) -> Result<(), Error> {
        larder::cache_named("products")?.clear().await.map(drop)
    }
    #[on_event("product.deleted")]
    async fn deleted(event: ()) -> Result<(), Error> {
        updated(event).await
    }
    let default = Cache::memory();
    let products = stage.cache_with(|options| options.ttl(10 * MINUTE)).await;
    let caches = Caches::new(default.clone()).with("products", products.clone());
    default.set("kept", &1).await?;
    for event in ["product.updated", "product.deleted"] {
        caches.clone().scope(shelf(1)).await;
        let ttl = products.ttl("shelf:1").await?;
        assert_eq!(ttl, Some(Ttl::For(10 * MINUTE)));
        caches.clone().scope(emit(event, &())).await?;
        assert_eq!(products.count("*").await?, 0, "{event}");
        assert_eq!(default.get("kept").await?, Some(1));
    }
    Ok(())
}

async fn a_failing_handler_does_not_stop_the_others(stage: Stage) -> anyhow::Result<()> {
    #[on_event("backup.failed")]
    async fn page_someone(_event: ()) -> Result<(), String> {
        Err("nobody is there".to_owned())
    }
    #[on_event("backup.failed")]
    async fn take_note(_event: ()) -> Result<(), Error> {
        larder::cache().set("backup", &false).await
    }
    let emitted = stage.run(emit("backup.unheard", &())).await?;
    assert_eq!((emitted.handled, emitted.failed), (0, 0));
    let emitted = stage.run(emit("backup.failed", &())).await?;
    assert_eq!((emitted.handled, emitted.failed), (1, 1));
    assert_eq!(stage.cache.get("backup").await?, Some(false));
    Ok(())
}

// Only on Redis: what is in process memory alone has no others to tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_the_process_memory_of_others() -> anyhow::Result<()> {
    static HANDLED: Semaphore = Semaphore::const_new(0);
    #[on_event("product.sold_out")]
    async fn forget(event: SoldOut) -> Result<(), Error> {
        // What is below first, so that it is not read back.
        product_below::invalidate(event.id).await?;
        product::invalidate(event.id).await?;
        HANDLED.add_permits(1);
        Ok(())
    }
    #[derive(Serialize, Deserialize)]
    struct SoldOut {
        id: u64,
    }
    in_time(async {
        let stage = Stage::redis().await;
        let (here, ours) = layers(&stage, 1_000);
        let (there, theirs) = layers_over(&stage.another_process().await, &stage, 1_000);
        let theirs = theirs.as_another_process();
        let listening = larder::listen(theirs.clone()).await;
        for caches in [&ours, &theirs] {
            caches.clone().scope(product(7)).await;
        }
        assert!(there.exists("product:7").await?);
        ours.scope(emit("product.sold_out", &SoldOut { id: 7 }))
            .await?;
        assert!(!here.exists("product:7").await?, "here it holds at once");
        HANDLED.acquire_many(2).await?.forget();
        assert!(!there.exists("product:7").await?);
        listening.stop().await;
        Ok(())
    })
    .await
}

// There the write drops the pattern `products:list:*`. Here the lists carry a tag, also those that are
// being loaded at that moment. Without `on_ok` a write that fails invalidates as well, because it may
// have written before.
async fn a_write_invalidates_keys_and_lists(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "product:{id}")]
    async fn one(id: u64) -> u64 {
        id
    }
    #[cache_read(key = "products:list:{page}", tags = ["product-lists"])]
    async fn list(page: u64) -> Vec<u64> {
        vec![page]
    }
    fn computed(id: u64) -> Key {
        Key::new(format!("product:{id}"))
    }
    #[cache_write(
        keys = ["product:{id}", computed(id)],
        tags = ["product-lists"],
        invalidate = "on_ok"
    )]
    async fn put(id: u64, price: i64) -> Result<(), String> {
        if price < 0 {
            Err("too cheap".to_owned())
        } else {
            Ok(())
        }
    }
    stage
        .run(async {
            one(42).await;
            one(43).await;
            list(1).await;
            list(2).await;
            assert!(put(43, -1).await.is_err());
            assert!(put(42, 100).await.is_ok());
        })
        .await;
    assert!(!stage.cache.exists("product:42").await?);
    assert!(stage.cache.exists("product:43").await?);
    assert_eq!(stage.cache.count("products:list:*").await?, 0);
    Ok(())
}

// There a message tells the others. On one store there is nothing to tell: what one process invalidates
// no other one reads.
async fn processes_see_each_others_invalidations(stage: Stage) -> anyhow::Result<()> {
    let (cache, other) = (&stage.cache, stage.another_process().await);
    for way in ["delete", "tag", "clear"] {
        cache.set("key", &1).tags(["tag"]).await?;
        assert_eq!(other.get("key").await?, Some(1));
        match way {
            "delete" => drop(cache.delete("key").await?),
            "tag" => drop(cache.invalidate_tags(["tag"]).await?),
            _ => drop(cache.clear().await?),
        }
        assert_eq!(other.get::<i32>("key").await?, None, "{way}");
    }
    Ok(())
}

// Strategies, warming, statistics.

// The write invalidates first, and then stores what it returned.
async fn a_write_goes_through(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user:{user_id}")]
    async fn get_user(user_id: u64) -> User {
        User::new(user_id, "Alice")
    }
    #[cache_write(keys = ["user:{user_id}"], recache = [get_user::prime(user_id, ret)])]
    async fn update_user(user_id: u64, name: &str) -> Result<User, String> {
        Ok(User::new(user_id, name))
    }
    stage
        .run(async {
            assert_eq!(get_user(1).await.name, "Alice");
            update_user(1, "Alicia").await?;
            assert_eq!(get_user(1).await.name, "Alicia");
            Ok::<_, String>(())
        })
        .await
        .map_err(anyhow::Error::msg)?;
    assert_eq!(stage.loads(), 1, "none after the write");
    Ok(())
}

async fn cache_aside(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let loads = AtomicU64::new(0);
    let get_user = async || {
        if let Some(user) = cache.get::<User>("user:1").await? {
            return Ok(user);
        }
        loads.fetch_add(1, Ordering::Relaxed);
        let user = User::new(1, "Alice");
        cache
            .set("user:1", &user)
            .ttl(300 * SECOND)
            .tags(["users"])
            .await?;
        Ok::<_, Error>(user)
    };
    assert_eq!(get_user().await?, get_user().await?);
    assert_eq!(loads.into_inner(), 1);
    // What is the same in one call, and safe from a write that comes between the two.
    let load = || async { User::new(1, "Alice") };
    let user = cache.load("user:1", load).ttl(300 * SECOND).tags(["users"]);
    assert_eq!(user.await.name, "Alice");
    assert_eq!(stage.loads(), 0);
    Ok(())
}

async fn values_are_warmed(stage: Stage) -> anyhow::Result<()> {
    let (l1, _) = layers(&stage, 1_000);
    for cache in [&l1, &stage.cache] {
        let warmed = cache.warm([("a", 1), ("b", 2), ("c", 3)]).ttl(MINUTE).await;
        assert_eq!((warmed.stored, warmed.failed), (3, 0));
        assert_eq!(
            cache.get_many(["a", "b", "c"]).await?,
            [Some(1), Some(2), Some(3)]
        );
        assert_eq!(cache.ttl("a").await?, Some(Ttl::For(MINUTE)));
    }
    Ok(())
}

// There the decorator declares it. Here `main` calls what it wants warm, after `larder::init`.
async fn functions_are_warmed_at_the_start(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "feature_flags", ttl = 3600, tags = ["config", "settings"])]
    async fn load_feature_flags() -> Result<Vec<String>, String> {
        Ok(vec!["dark_mode".to_owned()])
    }
    #[cache_read(key = "limits", skip(server))]
    async fn load_limits(server: &AtomicBool) -> Result<Vec<String>, String> {
        if server.load(Ordering::Relaxed) {
            Ok(vec!["uploads".to_owned()])
        } else {
            Err("the server is still starting".to_owned())
        }
    }
    let server = AtomicBool::new(false);
    stage
        .run(async {
            let flags = larder::warm([load_feature_flags()]).await;
            let limits = larder::warm([load_limits(&server)]).await;
            let failed = flags.iter().chain(&limits).filter(|call| call.is_err());
            assert_eq!(failed.count(), 1, "and the start goes on");
            assert_eq!(stage.loads(), 2);

            assert_eq!(load_feature_flags().await?, ["dark_mode"]);
            assert_eq!(stage.loads(), 2, "a hit");
            server.store(true, Ordering::Relaxed);
            assert_eq!(load_limits(&server).await?, ["uploads"]);
            assert_eq!(stage.loads(), 3);
            Ok::<_, String>(())
        })
        .await
        .map_err(anyhow::Error::msg)?;
    assert_eq!(
        stage.cache.ttl("feature_flags").await?,
        Some(Ttl::For(HOUR))
    );
    Ok(())
}

// What is warmed every six hours is a task of the program's own that calls `refresh`.
async fn each_kind_has_a_policy(stage: Stage) -> anyhow::Result<()> {
    #[cache_read(key = "user_profile:{id}", ttl = 1800)]
    async fn user_profile(id: u64) -> User {
        User::new(id, "Alice")
    }
    #[cache_read(key = "product_catalog", ttl = "24h")]
    async fn product_catalog() -> Vec<u64> {
        vec![1, 2, 3]
    }
    let (cache, clock) = (&stage.cache, &stage.clock);
    stage
        .run(async {
            larder::warm((1..=3).map(user_profile)).await;
            product_catalog::refresh().await;
        })
        .await;
    assert_eq!(
        cache.ttl("user_profile:3").await?,
        Some(Ttl::For(30 * MINUTE))
    );
    assert_eq!(
        cache.ttl("product_catalog").await?,
        Some(Ttl::For(24 * HOUR))
    );
    // A session slides: it lives for 15 minutes from when it was last used.
    cache.set("session:1", &1).ttl(900 * SECOND).await?;
    for _ in 0..3 {
        clock.advance(10 * MINUTE);
        let session: Option<i32> = cache.get_and_touch("session:1", 900 * SECOND).await?;
        assert_eq!(session, Some(1));
    }
    clock.advance(15 * MINUTE);
    assert_eq!(cache.get::<i32>("session:1").await?, None);
    Ok(())
}

async fn statistics_are_counted_layer_by_layer(stage: Stage) -> anyhow::Result<()> {
    let (l1, caches) = layers(&stage, 1_000);
    l1.set("key", &1).await?;
    l1.get::<i32>("key").await?;
    l1.get::<i32>("missing").await?;
    let stats = l1.stats();
    assert_eq!((stats.hits, stats.misses, stats.entries), (1, 1, Some(1)));
    assert_eq!((stats.hit_rate(), stats.evictions), (0.5, Some(0)));

    stage
        .cache
        .set("product:7", &"product 7".to_owned())
        .await?;
    caches.scope(product(7)).await;
    assert_eq!((l1.stats().misses, stage.cache.stats().hits), (2, 1));
    l1.clear().await?;
    assert_eq!((l1.stats().hits, l1.stats().entries), (1, Some(0)));
    Ok(())
}

// Only on Redis: process memory is always healthy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_layer_is_reported() -> anyhow::Result<()> {
    in_time(async {
        let stage = Stage::redis_of_its_own().await;
        let (_, caches) = layers(&stage, 1_000);
        let health = async || {
            let health = caches.clone().scope(larder::health()).await;
            let healthy = health.caches.iter().map(|cache| cache.is_healthy());
            healthy.collect::<Vec<bool>>()
        };
        // The default one, `l1` and `l2`; the default one is `l2`.
        assert_eq!(health().await, [true, true, true]);
        stage.place().context("it has one")?.server.kill();
        assert_eq!(health().await, [false, true, false]);
        assert_eq!(caches.clone().scope(product(7)).await, "product 7");
        Ok(())
    })
    .await
}
