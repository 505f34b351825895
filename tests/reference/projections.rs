//! The projection cache of a framework for domain-driven design: read models, kept in a cache under
//! `name:::id` by the handlers of events. The examples are those of Protean's documentation of its
//! cache adapters for Python, and of the tests beside it.
//!
//! What is another way here:
//!
//! | there | here |
//! |---|---|
//! | a projection names its cache | `caches.named("sessions")?.projections::<Token>()` does |
//! | methods take keys, as in `token:::qux` | they take ids; `remove_by_key` and `remove_by_key_pattern` take keys |
//! | a pattern of `get_all` and `count` is over keys | that of `get_all` is over ids; `count` counts all, `cache.count(pattern)` by key |
//! | `get_all` gives a list, sorted, by page number | pages with a cursor, in no promised order |
//! | removing what is absent says nothing | it says `false` or 0; nothing is an error |
//! | a raw value is the JSON of the fields | it is an entry, with the JSON inside if the cache's codec is JSON |
//! | a ttl is a number of seconds, also as text | it is a `Duration`: what is none does not compile, zero is an error; as text in `larder.toml` it has a unit, `"120s"` |
//! | `${CACHE_TTL\|3600}` has a default | `${CACHE_TTL}` must be set |
//! | a key that has no ttl lives for ever | `Ttl::Never` says so; what larder has not written is no entry |
//! | `flush_all` empties the server | it makes one type's unusable, `cache.clear()` all of the cache; nothing else is touched |
//! | a read view cannot write, and refuses field queries | there are no queries to refuse; a view is yours to write |
//! | memory's connection is its store, and is closed | process memory has no connection, and nothing is closed |

use std::collections::BTreeSet;
use std::time::Duration;

use larder::{Cache, Caches, Codec, Error, Invalidation, Projection, Projections, Ttl, on_event};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};

use crate::settings::{configured, is_played_again, play_again, say, url_of};
use crate::stage::{Stage, on_every_store};

on_every_store! {
    an_order_is_added_read_counted_and_flushed
    the_usual_ttl_reaches_the_server
    a_key_is_the_name_in_snake_case_and_the_id
    a_raw_value_has_the_fields_as_json
    each_projection_is_kept_in_the_cache_that_is_named
    a_connection_is_given_out
    process_memory_is_the_default
    a_configuration_that_cannot_be_is_refused
    a_ttl_counts_as_it_is_written
    a_ttl_that_is_none_is_refused
    without_a_ttl_the_caches_own_counts
    adding_takes_a_ttl_of_its_own
    a_ttl_is_set_anew
    what_is_added_expires
    a_refused_ttl_keeps_nothing
    a_ttl_for_what_is_absent_creates_nothing
    asking_for_a_ttl_has_three_answers
    adding_again_begins_anew
    what_was_added_is_read_back
    what_was_not_added_is_not_there
    the_second_takes_the_place_of_the_first
    all_are_read_by_pattern
    all_are_read_whatever_the_order
    pages_are_walked_to_the_end
    what_goes_between_two_pages_is_left_out
    what_expires_between_two_pages_is_left_out
    those_that_match_are_counted
    a_dot_in_a_pattern_is_a_dot
    types_stay_apart
    a_projection_is_removed
    a_projection_is_removed_by_its_key
    projections_are_removed_by_pattern
    flushing_empties_and_leaves_everything_in_order
    events_keep_a_dashboard_up_to_date
    a_view_reads_by_id
    rebuilding_begins_with_nothing
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "order_id")]
struct OrderSummary {
    order_id: String,
    total: f64,
}

impl OrderSummary {
    fn new(order_id: &str, total: f64) -> Self {
        Self {
            order_id: order_id.to_owned(),
            total,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "user_id")]
struct UserProfile {
    user_id: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "key")]
struct Token {
    key: String,
    user_id: String,
    email: String,
}

impl Token {
    fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            user_id: "foo".to_owned(),
            email: "bar@baz.com".to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "key")]
struct CacheEntry {
    key: String,
    value: String,
}

impl CacheEntry {
    fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

async fn add_tokens(cache: &Cache, keys: &[&str]) -> Result<(), Error> {
    for key in keys {
        cache.projections().add(&Token::new(key)).await?;
    }
    Ok(())
}

/// The keys of all that match, a page of `size` after the other, and how many each page has.
async fn walk(
    tokens: Projections<'_, Token>,
    pattern: &str,
    size: usize,
) -> Result<(Vec<String>, Vec<usize>), Error> {
    let (mut keys, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = tokens.get_all(pattern, after.as_ref(), size).await?;
        sizes.push(page.entries.len());
        keys.extend(page.entries.into_iter().map(|entry| entry.value.key));
        after = page.next;
        if after.is_none() {
            return Ok((keys, sizes));
        }
    }
}

/// The same in the order of keys.
async fn sorted(tokens: Projections<'_, Token>, pattern: &str) -> Result<Vec<String>, Error> {
    let (mut keys, _) = walk(tokens, pattern, 100).await?;
    keys.sort();
    Ok(keys)
}

/// A table of `larder.toml`, of a cache where the stage's is.
fn table(stage: &Stage, name: &str) -> String {
    let store = match stage.place() {
        None => "provider = 'memory'".to_owned(),
        Some(place) => format!(
            "provider = 'redis'\nuri = '{}'\nprefix = '{}'",
            place.server.url(),
            place.prefix
        ),
    };
    format!("[caches.{name}]\n{store}\n")
}

/// How long a projection will still live.
fn seconds(ttl: Option<Ttl>) -> Option<f64> {
    match ttl {
        Some(Ttl::For(left)) => Some(left.as_secs_f64()),
        _ => None,
    }
}

// Beginning.

async fn an_order_is_added_read_counted_and_flushed(stage: Stage) -> anyhow::Result<()> {
    let caches = configured(&(table(&stage, "default") + "ttl = 300")).await??;
    let cache = caches.default_cache();
    cache.ping().await?;
    let orders = cache.projections::<OrderSummary>();
    orders.add(&OrderSummary::new("ord-123", 42.5)).await?;
    let found = orders.get("ord-123").await?;
    assert_eq!(found, Some(OrderSummary::new("ord-123", 42.5)));
    assert_eq!(orders.count().await?, 1);
    assert_eq!(cache.count("order_summary:::*").await?, 1);

    assert!(orders.set_ttl("ord-123", 600 * SECOND).await?);
    let left = seconds(orders.get_ttl("ord-123").await?);
    assert!(left.is_some_and(|left| left > 599.0 && left <= 600.0));

    assert_eq!(orders.flush_all().await?, Invalidation::Done);
    assert_eq!(orders.get("ord-123").await?, None);
    assert_eq!(orders.count().await?, 0);
    Ok(())
}

// What the server counts down is looked at without larder, so it is the system's clock that counts.
async fn the_usual_ttl_reaches_the_server(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    orders.add(&OrderSummary::new("ord-456", 10.0)).await?;
    let left = orders.get_ttl("ord-456").await?;
    assert_eq!(left, Some(Ttl::For(300 * SECOND)));
    if let Some(place) = stage.place() {
        let mut redis: ConnectionManager = stage.cache.connection()?;
        let key = place.raw_key("order_summary:::ord-456");
        assert!(redis.exists(&key).await?);
        let left: u64 = redis.pttl(&key).await?;
        assert!(left > 299_000 && left <= 300_000, "{left}");
    }
    Ok(())
}

async fn a_key_is_the_name_in_snake_case_and_the_id(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    assert_eq!(orders.key("ord-123").full(), "order_summary:::ord-123");
    let users = stage.cache.projections::<UserProfile>();
    assert_eq!(users.key("usr-456").full(), "user_profile:::usr-456");
    Ok(())
}

// There is more than the fields in an entry: when it expires, its tags, and what finds out damage.
async fn a_raw_value_has_the_fields_as_json(stage: Stage) -> anyhow::Result<()> {
    let cache = stage.cache_with(|options| options.codec(Codec::Json)).await;
    let tokens = cache.projections::<Token>();
    tokens.add(&Token::new("qux")).await?;
    assert_eq!(tokens.get("qux").await?, Some(Token::new("qux")));
    if let Some(place) = stage.place() {
        let mut redis: ConnectionManager = cache.connection()?;
        let raw: Vec<u8> = redis.get(place.raw_key("token:::qux")).await?;
        let begin = raw.windows(6).position(|bytes| bytes == br#"{"key""#);
        let json = &raw[begin.expect("the JSON is in it")..];
        let fields = serde_json::Deserializer::from_slice(json)
            .into_iter()
            .next();
        let expected = serde_json::json!({
            "key": "qux", "user_id": "foo", "email": "bar@baz.com"
        });
        assert_eq!(fields.transpose()?, Some(expected));
    }
    Ok(())
}

// A projection does not name its cache: who uses it does.
async fn each_projection_is_kept_in_the_cache_that_is_named(stage: Stage) -> anyhow::Result<()> {
    let store = |cache: &Cache| cache.stats().tiers[0].name.clone();
    let caches = configured(&table(&stage, "default")).await??;
    assert_eq!(caches.names().collect::<Vec<_>>(), ["default"]);
    assert_eq!(store(caches.named("default")?), store(&stage.cache));

    let file = "[caches.default]\nprovider = 'memory'\n".to_owned() + &table(&stage, "sessions");
    let caches = configured(&file).await??;
    assert_eq!(caches.names().collect::<Vec<_>>(), ["default", "sessions"]);
    let (default, sessions) = (caches.default_cache(), caches.named("sessions")?);
    assert_eq!(store(default), "memory");
    assert_eq!(store(sessions), store(&stage.cache));
    let orders = default.projections();
    let tokens = sessions.projections();
    orders.add(&OrderSummary::new("ord-1", 1.0)).await?;
    tokens.add(&Token::new("qux")).await?;
    assert!(default.exists(orders.key("ord-1")).await?);
    assert!(sessions.exists(tokens.key("qux")).await?);
    assert_eq!(default.count("*").await?, 1);
    assert_eq!(sessions.count("*").await?, 1);
    Ok(())
}

async fn a_connection_is_given_out(stage: Stage) -> anyhow::Result<()> {
    let caches = Caches::new(stage.cache.clone());
    for cache in [&stage.cache, caches.named("default")?] {
        cache.ping().await?;
        let connection = cache.connection::<ConnectionManager>();
        if stage.place().is_some() {
            let pong: String = redis::cmd("PING").query_async(&mut connection?).await?;
            assert_eq!(pong, "PONG");
        } else {
            assert!(matches!(connection, Err(Error::NoConnection { .. })));
        }
    }
    Ok(())
}

async fn process_memory_is_the_default(_: Stage) -> anyhow::Result<()> {
    for file in [
        "",
        "[caches.default]",
        "[caches.default]\nprovider = 'memory'",
    ] {
        let caches = configured(file).await??;
        let tokens = caches.default_cache().projections();
        tokens.add(&Token::new("qux")).await?;
        assert_eq!(tokens.get("qux").await?, Some(Token::new("qux")));
    }
    Ok(())
}

// There a projection may lack a cache, or have a database as well; here it is a type, and the cache
// is the one that it is asked of.
async fn a_configuration_that_cannot_be_is_refused(stage: Stage) -> anyhow::Result<()> {
    let no_uri = "[caches.default]\nprovider = 'redis'";
    let unknown = "[caches.default]\nprovider = 'couchbase'";
    for (file, says) in [
        (
            no_uri,
            "larder.toml:2:12: `provider` is `redis`, which needs a `uri`",
        ),
        (
            unknown,
            "`provider` must be `memory`, `redis`, `redis-cluster`, `redis-sentinel`, `memcached`, `s3`, `file`, `http` or `off`, not \"couchbase\"",
        ),
    ] {
        let error = configured(file).await?.expect_err("it cannot be");
        assert!(error.to_string().contains(says), "{error}");
    }
    let file = table(&stage, "default") + "[caches.sessions]";
    let caches = configured(&file).await??;
    let error = caches.named("session").expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "there is no cache `session`; known: default, sessions"
    );
    Ok(())
}

// Ttls.

// In the program a ttl is a duration. In the file, a number is of seconds, and a text has a unit; in a
// variable it is either.
async fn a_ttl_counts_as_it_is_written(stage: Stage) -> anyhow::Result<()> {
    if is_played_again() {
        let caches = larder::Builder::from_env()?.build().await?;
        say(&usual_ttl(caches.default_cache()).await?.to_string());
        return Ok(());
    }
    let orders = stage.cache.projections::<OrderSummary>();
    let order = OrderSummary::new("ord-1", 1.0);
    for ttl in [120 * SECOND, Duration::from_secs_f64(120.5)] {
        orders.add(&order).ttl(ttl).await?;
        assert_eq!(orders.get_ttl("ord-1").await?, Some(Ttl::For(ttl)));
        orders.add(&order).await?;
        assert!(orders.set_ttl("ord-1", ttl).await?);
        assert_eq!(orders.get_ttl("ord-1").await?, Some(Ttl::For(ttl)));
    }
    for (text, seconds) in [
        ("120", 120),
        ("'120s'", 120),
        ("'2m 500ms'", 121),
        ("'1h'", 3_600),
    ] {
        let file = table(&stage, "default") + &format!("ttl = {text}");
        let caches = configured(&file).await??;
        assert_eq!(usual_ttl(caches.default_cache()).await?, seconds, "{text}");
    }
    let example = "projections::a_ttl_counts_as_it_is_written";
    let url = url_of(&stage);
    for text in ["120", "120s"] {
        let variables = [("CACHE_URL", &*url), ("CACHE_TTL_DEFAULT", text)];
        assert_eq!(play_again(&stage, example, &variables)?, "120", "{text}");
    }
    Ok(())
}

// What is no number of seconds does not compile where it is not read from a file.
async fn a_ttl_that_is_none_is_refused(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    let order = OrderSummary::new("ord-1", 1.0);
    let refusal = orders.add(&order).ttl(Duration::ZERO).await;
    assert!(matches!(refusal, Err(Error::ZeroTtl { .. })));
    orders.add(&order).await?;
    let refusal = orders.set_ttl("ord-1", Duration::ZERO).await;
    let refusal = refusal.expect_err("it is zero").to_string();
    assert!(refusal.contains("order_summary:::ord-1"), "{refusal}");

    for text in [
        "0",
        "-5",
        "-0.5",
        "nan",
        "inf",
        "-inf",
        "'Infinity'",
        "'one hour'",
        "'not-a-number'",
        "true",
        "false",
    ] {
        let file = format!("[caches.sessions]\nttl = {text}");
        let error = configured(&file).await?.expect_err("it is no ttl");
        let says = "larder.toml:2:7: `ttl` must be a duration from 1ms to 100 years";
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let unset = "[caches.sessions]\nttl = '${REFERENCE_UNSET}'";
    let error = configured(unset).await?.expect_err("it is not set");
    let says = "`ttl` wants the variable `REFERENCE_UNSET`, which is not set";
    assert!(error.to_string().contains(says), "{error}");
    Ok(())
}

/// How many seconds a projection lives in a cache, the last of which has begun.
async fn usual_ttl(cache: &Cache) -> anyhow::Result<u64> {
    let orders = cache.projections();
    orders.add(&OrderSummary::new("ord-1", 1.0)).await?;
    let left = seconds(orders.get_ttl("ord-1").await?);
    Ok(left.unwrap_or_default().ceil() as u64)
}

async fn without_a_ttl_the_caches_own_counts(stage: Stage) -> anyhow::Result<()> {
    for (ttl, seconds) in [("ttl = 900", 900), ("", 300)] {
        let caches = configured(&(table(&stage, "default") + ttl)).await??;
        assert_eq!(usual_ttl(caches.default_cache()).await?, seconds);
    }
    Ok(())
}

async fn adding_takes_a_ttl_of_its_own(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    for ttl in [120, 45] {
        let order = OrderSummary::new("ord-1", 1.0);
        orders.add(&order).ttl(ttl * SECOND).await?;
        let left = orders.get_ttl("ord-1").await?;
        assert_eq!(left, Some(Ttl::For(ttl * SECOND)));
    }
    Ok(())
}

async fn a_ttl_is_set_anew(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections();
    orders.add(&OrderSummary::new("ord-1", 1.0)).await?;
    let left = orders.get_ttl("ord-1").await?;
    assert_eq!(left, Some(Ttl::For(300 * SECOND)));
    for ttl in [3_000, 3] {
        assert!(orders.set_ttl("ord-1", ttl * SECOND).await?);
        let left = orders.get_ttl("ord-1").await?;
        assert_eq!(left, Some(Ttl::For(ttl * SECOND)));
    }
    Ok(())
}

async fn what_is_added_expires(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    let (brief, longer) = (
        OrderSummary::new("brief", 1.0),
        OrderSummary::new("longer", 2.0),
    );
    orders.add(&brief).ttl(SECOND / 20).await?;
    orders.add(&longer).ttl(SECOND).await?;
    assert_eq!(orders.get("brief").await?, Some(brief));
    stage.clock.advance(SECOND / 20);
    assert_eq!(orders.get("brief").await?, None);
    assert_eq!(orders.get("longer").await?, Some(longer));
    Ok(())
}

async fn a_refused_ttl_keeps_nothing(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections();
    let order = OrderSummary::new("ord-1", 1.0);
    let refusal = orders.add(&order).ttl(Duration::ZERO).await;
    assert!(refusal.is_err());
    assert_eq!(orders.get("ord-1").await?, None);
    Ok(())
}

async fn a_ttl_for_what_is_absent_creates_nothing(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    assert!(!orders.set_ttl("ord-1", 60 * SECOND).await?);
    assert_eq!(orders.count().await?, 0);
    let refusal = orders.set_ttl("ord-1", Duration::ZERO).await;
    assert!(matches!(refusal, Err(Error::ZeroTtl { .. })));
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Projection)]
#[projection(id = "user_id")]
struct Dashboard {
    user_id: String,
}

// What has no ttl there was written without the cache; here that is no entry.
async fn asking_for_a_ttl_has_three_answers(stage: Stage) -> anyhow::Result<()> {
    async fn left(cache: &Cache, user_id: &str) -> Result<String, Error> {
        let left = cache.projections::<Dashboard>().get_ttl(user_id).await?;
        Ok(match left {
            Some(Ttl::For(left)) => format!("{}s left", left.as_secs_f64().ceil()),
            Some(_) => "for ever".to_owned(),
            None => "missing".to_owned(),
        })
    }
    let cache = &stage.cache;
    let dashboards = cache.projections();
    let of = |user_id: &str| Dashboard {
        user_id: user_id.to_owned(),
    };
    let (brief, kept) = (of("u-1"), of("u-3"));
    dashboards.add(&brief).ttl(60 * SECOND).await?;
    dashboards.add(&kept).ttl(Ttl::Never).await?;
    assert_eq!(left(cache, "u-1").await?, "60s left");
    assert_eq!(left(cache, "u-2").await?, "missing");
    assert_eq!(left(cache, "u-3").await?, "for ever");
    stage.clock.advance(SECOND / 2);
    assert_eq!(left(cache, "u-1").await?, "60s left");
    stage.clock.advance(60 * SECOND);
    assert_eq!(left(cache, "u-1").await?, "missing");
    if let Some(place) = stage.place() {
        let mut redis: ConnectionManager = cache.connection()?;
        let key = place.raw_key("dashboard:::forever");
        let () = redis.set(key, 1).await?;
        assert_eq!(left(cache, "forever").await?, "missing");
    }
    Ok(())
}

async fn adding_again_begins_anew(stage: Stage) -> anyhow::Result<()> {
    let orders = stage.cache.projections::<OrderSummary>();
    for total in [1.0, 2.0] {
        let order = OrderSummary::new("ord-1", total);
        orders.add(&order).ttl(60 * SECOND).await?;
        let left = orders.get_ttl("ord-1").await?;
        assert_eq!(left, Some(Ttl::For(60 * SECOND)));
        assert_eq!(orders.get("ord-1").await?, Some(order));
        stage.clock.advance(30 * SECOND);
    }
    Ok(())
}

// Reading.

async fn what_was_added_is_read_back(stage: Stage) -> anyhow::Result<()> {
    let entries = stage.cache.projections();
    let alpha = CacheEntry::new("alpha", "one");
    entries.add(&alpha).await?;
    assert_eq!(entries.get("alpha").await?.as_ref(), Some(&alpha));
    let by_key = stage.cache.get("cache_entry:::alpha").await?;
    assert_eq!(by_key, Some(alpha));
    Ok(())
}

async fn what_was_not_added_is_not_there(stage: Stage) -> anyhow::Result<()> {
    let entries = stage.cache.projections::<CacheEntry>();
    assert_eq!(entries.get("does-not-exist").await?, None);
    Ok(())
}

async fn the_second_takes_the_place_of_the_first(stage: Stage) -> anyhow::Result<()> {
    let entries = stage.cache.projections();
    entries.add(&CacheEntry::new("alpha", "one")).await?;
    entries.add(&CacheEntry::new("alpha", "two")).await?;
    let found = entries.get("alpha").await?;
    assert_eq!(found, Some(CacheEntry::new("alpha", "two")));
    assert_eq!(entries.count().await?, 1);
    Ok(())
}

async fn all_are_read_by_pattern(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    add_tokens(cache, &["qux", "quux", "corge"]).await?;
    let entries = cache.projections::<CacheEntry>();
    for (key, value) in [("alpha", "one"), ("beta", "two")] {
        entries.add(&CacheEntry::new(key, value)).await?;
    }
    assert_eq!(sorted(cache.projections(), "qu*").await?, ["quux", "qux"]);
    let page = entries.get_all("*", None, 25).await?;
    let values: BTreeSet<String> = page
        .entries
        .into_iter()
        .map(|entry| entry.value.value)
        .collect();
    assert_eq!(values, ["one", "two"].map(str::to_owned).into());
    Ok(())
}

// No order is promised, so the test brings them into one.
async fn all_are_read_whatever_the_order(stage: Stage) -> anyhow::Result<()> {
    let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    add_tokens(
        &stage.cache,
        &keys.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await?;
    let mut expected = keys;
    expected.sort();
    assert_eq!(expected[..3], ["k0", "k1", "k10"]);
    assert_eq!(sorted(stage.cache.projections(), "*").await?, expected);
    Ok(())
}

// The size is always named. That a server may name a key twice while it makes its table smaller is
// the reason why nothing says that an entry turns up on one page only; on one page it never does twice.
async fn pages_are_walked_to_the_end(stage: Stage) -> anyhow::Result<()> {
    let tokens = stage.cache.projections::<Token>();
    let keys: Vec<String> = (0..22).map(|number| format!("k{number}")).collect();
    add_tokens(
        &stage.cache,
        &keys.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await?;
    let all = sorted(tokens, "*").await?;
    assert_eq!(all.len(), 22);
    for (size, pages) in [(1, vec![1; 22]), (5, vec![5, 5, 5, 5, 2]), (25, vec![22])] {
        let (mut keys, mut sizes) = walk(tokens, "*", size).await?;
        keys.sort();
        assert_eq!(keys, all);
        // That nothing more comes, a server may tell on a page of its own.
        sizes.retain(|size| *size > 0);
        assert_eq!(sizes, pages);
    }
    Ok(())
}

async fn what_goes_between_two_pages_is_left_out(stage: Stage) -> anyhow::Result<()> {
    goes_between_two_pages(&stage, async |tokens, key| {
        tokens.remove(key).await?;
        Ok(())
    })
    .await
}

async fn what_expires_between_two_pages_is_left_out(stage: Stage) -> anyhow::Result<()> {
    goes_between_two_pages(&stage, async |tokens, key| {
        tokens.set_ttl(key, SECOND).await?;
        stage.clock.advance(SECOND);
        Ok(())
    })
    .await
}

/// One of three is on the first page, one goes, and one is left for the second page.
async fn goes_between_two_pages(
    stage: &Stage,
    go: impl AsyncFnOnce(Projections<'_, Token>, &str) -> Result<(), Error>,
) -> anyhow::Result<()> {
    add_tokens(&stage.cache, &["k0", "k1", "k2"]).await?;
    let tokens = stage.cache.projections::<Token>();
    let first = tokens.get_all("*", None, 1).await?;
    let mut left = BTreeSet::from(["k0", "k1", "k2"]);
    left.remove(first.entries[0].value.key.as_str());
    let goes = left.pop_first().expect("there are two");
    go(tokens, goes).await?;
    let second = tokens.get_all("*", first.next.as_ref(), 10).await?;
    let second = second.entries.iter().map(|entry| entry.value.key.as_str());
    assert_eq!(second.collect::<BTreeSet<_>>(), left);
    Ok(())
}

async fn those_that_match_are_counted(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let tokens = cache.projections::<Token>();
    add_tokens(cache, &["qux", "quux", "corge"]).await?;
    assert_eq!(cache.count("token:::qu*").await?, 2);
    assert_eq!(tokens.count().await?, 3);
    tokens.set_ttl("qux", SECOND).await?;
    stage.clock.advance(SECOND);
    assert_eq!(cache.count("token:::qu*").await?, 1);
    tokens.flush_all().await?;
    assert_eq!(cache.count("token:::qu*").await?, 0);
    Ok(())
}

async fn a_dot_in_a_pattern_is_a_dot(stage: Stage) -> anyhow::Result<()> {
    let tokens = stage.cache.projections::<Token>();
    add_tokens(&stage.cache, &["a.c", "abc"]).await?;
    assert_eq!(sorted(tokens, "a.c").await?, ["a.c"]);
    assert_eq!(stage.cache.count("token:::a.c").await?, 1);
    assert_eq!(tokens.remove_by_key_pattern("token:::a.c").await?, 1);
    assert_eq!(sorted(tokens, "*").await?, ["abc"]);
    Ok(())
}

async fn types_stay_apart(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let orders = cache.projections::<OrderSummary>();
    let users = cache.projections::<UserProfile>();
    let order = OrderSummary::new("same", 1.0);
    let user = UserProfile {
        user_id: "same".to_owned(),
        name: "Ada".to_owned(),
    };
    orders.add(&order).await?;
    users.add(&user).await?;
    assert_eq!(orders.get("same").await?, Some(order));
    assert_eq!(users.get("same").await?.as_ref(), Some(&user));
    assert_eq!(orders.count().await?, 1);
    assert_eq!(orders.get_all("*", None, 25).await?.entries.len(), 1);
    assert_eq!(orders.remove_by_key_pattern("order_summary:::*").await?, 1);
    assert_eq!(users.get("same").await?, Some(user));
    let refusal = orders.remove_by_key("user_profile:::same").await;
    assert!(matches!(refusal, Err(Error::ForeignKey { .. })));

    // Something else under the key of one is none.
    cache
        .set(orders.key("same"), &"not an order".to_owned())
        .await?;
    assert_eq!(orders.get("same").await?, None);
    if let Some(place) = stage.place() {
        let mut redis: ConnectionManager = cache.connection()?;
        let key = place.raw_key("order_summary:::raw");
        let () = redis.set(key, "{\"order_id\": ").await?;
        assert_eq!(orders.get("raw").await?, None);
    }
    Ok(())
}

// Removing.

async fn a_projection_is_removed(stage: Stage) -> anyhow::Result<()> {
    let tokens = stage.cache.projections::<Token>();
    add_tokens(&stage.cache, &["qux", "quux"]).await?;
    let token = Token::new("qux");
    assert!(tokens.remove(token.id()).await?);
    assert_eq!(tokens.get("qux").await?, None);
    assert!(!tokens.remove(token.id()).await?);
    assert!(tokens.get("quux").await?.is_some());
    stage.clock.advance(300 * SECOND);
    assert!(!tokens.remove("quux").await?);
    Ok(())
}

async fn a_projection_is_removed_by_its_key(stage: Stage) -> anyhow::Result<()> {
    let tokens = stage.cache.projections::<Token>();
    add_tokens(&stage.cache, &["qux"]).await?;
    assert!(tokens.remove_by_key("token:::qux").await?);
    assert_eq!(tokens.get("qux").await?, None);
    assert!(!tokens.remove_by_key("token:::qux").await?);
    Ok(())
}

async fn projections_are_removed_by_pattern(stage: Stage) -> anyhow::Result<()> {
    let tokens = stage.cache.projections::<Token>();
    add_tokens(&stage.cache, &["qux", "quux", "corge"]).await?;
    assert_eq!(tokens.remove_by_key_pattern("token:::qu*").await?, 2);
    assert_eq!(sorted(tokens, "*").await?, ["corge"]);
    let none = tokens.remove_by_key_pattern("token:::does-not-exist-*");
    assert_eq!(none.await?, 0);
    assert_eq!(tokens.count().await?, 1);
    Ok(())
}

async fn flushing_empties_and_leaves_everything_in_order(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let tokens = cache.projections::<Token>();
    if stage.place().is_some() {
        let mut redis: ConnectionManager = cache.connection()?;
        let () = redis.set("someone else's", 1).await?;
    }
    cache.set("report", &1_u8).await?;
    add_tokens(cache, &["qux", "quux"]).await?;
    assert_eq!(tokens.count().await?, 2);
    tokens.flush_all().await?;
    assert_eq!(tokens.count().await?, 0);
    assert_eq!(tokens.get("qux").await?, None);

    add_tokens(cache, &["qux"]).await?;
    let left = tokens.get_ttl("qux").await?;
    assert_eq!(left, Some(Ttl::For(300 * SECOND)));
    assert!(tokens.set_ttl("qux", 60 * SECOND).await?);
    assert_eq!(tokens.get_ttl("qux").await?, Some(Ttl::For(60 * SECOND)));

    assert!(cache.exists("report").await?, "it is no token");
    cache.clear().await?;
    assert!(!cache.exists("report").await?);
    assert_eq!(tokens.count().await?, 0);
    if stage.place().is_some() {
        let mut redis: ConnectionManager = cache.connection()?;
        assert!(redis.exists("someone else's").await?);
    }
    Ok(())
}

// The read side.

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Projection)]
#[projection(id = "warehouse_id", ttl = never)]
struct WarehouseDashboard {
    warehouse_id: String,
    pending: u32,
    processing: u32,
    shipped: u32,
    delivered: u32,
}

/// What happened to an order, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OrderMoved {
    warehouse_id: String,
    order: Order,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Order {
    Placed,
    Accepted,
    Shipped,
    Delivered,
}

fn moved(warehouse_id: &str, order: Order) -> OrderMoved {
    OrderMoved {
        warehouse_id: warehouse_id.to_owned(),
        order,
    }
}

/// Makes the dashboard of a warehouse what it is after the event.
#[on_event("projections.order-moved")]
async fn project(event: OrderMoved) -> Result<(), Error> {
    let cache = larder::cache();
    let dashboards = cache.projections::<WarehouseDashboard>();
    let mut dashboard = match dashboards.get(&event.warehouse_id).await? {
        Some(dashboard) => dashboard,
        None => WarehouseDashboard {
            warehouse_id: event.warehouse_id,
            ..WarehouseDashboard::default()
        },
    };
    match event.order {
        Order::Placed => dashboard.pending += 1,
        Order::Accepted => {
            dashboard.pending -= 1;
            dashboard.processing += 1;
        }
        Order::Shipped => {
            dashboard.processing -= 1;
            dashboard.shipped += 1;
        }
        Order::Delivered => {
            dashboard.shipped -= 1;
            dashboard.delivered += 1;
        }
    }
    dashboards.add(&dashboard).await
}

/// Says that it happened: the handler has run when this returns.
async fn emit(event: &OrderMoved) -> anyhow::Result<()> {
    let emitted = larder::emit("projections.order-moved", event).await?;
    anyhow::ensure!((emitted.handled, emitted.failed) == (1, 0));
    Ok(())
}

async fn events_keep_a_dashboard_up_to_date(stage: Stage) -> anyhow::Result<()> {
    let east = "warehouse-east-1";
    let dashboards = stage.cache.projections::<WarehouseDashboard>();
    let dashboard = async || {
        let found = dashboards.get(east).await?;
        let found = found.ok_or_else(|| anyhow::anyhow!("it is not there"))?;
        anyhow::Ok([
            found.pending,
            found.processing,
            found.shipped,
            found.delivered,
        ])
    };
    for _ in 0..2 {
        emit(&moved(east, Order::Placed)).await?;
    }
    assert_eq!(dashboard().await?, [2, 0, 0, 0]);
    for (order, counts) in [
        (Order::Accepted, [1, 1, 0, 0]),
        (Order::Shipped, [1, 0, 1, 0]),
        (Order::Delivered, [1, 0, 0, 1]),
    ] {
        emit(&moved(east, order)).await?;
        assert_eq!(dashboard().await?, counts);
    }
    Ok(())
}

async fn a_view_reads_by_id(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let view = cache.projections::<WarehouseDashboard>();
    emit(&moved("warehouse-east-1", Order::Placed)).await?;
    let found = view.get("warehouse-east-1").await?;
    assert_eq!(found.map(|dashboard| dashboard.pending), Some(1));
    assert_eq!(view.count().await?, 1);
    assert!(cache.exists(view.key("warehouse-east-1")).await?);
    assert!(!cache.exists(view.key("warehouse-west-1")).await?);
    Ok(())
}

async fn rebuilding_begins_with_nothing(stage: Stage) -> anyhow::Result<()> {
    let cache = &stage.cache;
    let dashboards = cache.projections::<WarehouseDashboard>();
    let history = [
        moved("east", Order::Placed),
        moved("east", Order::Accepted),
        moved("west", Order::Placed),
        moved("east", Order::Shipped),
    ];
    add_tokens(cache, &["qux"]).await?;
    for warehouse in ["east", "closed"] {
        emit(&moved(warehouse, Order::Placed)).await?;
    }

    let removed = dashboards.remove_by_key_pattern("warehouse_dashboard:::*");
    assert_eq!(removed.await?, 2);
    for event in history {
        project(event).await?;
    }
    let east = dashboards.get("east").await?.unwrap_or_default();
    assert_eq!((east.pending, east.processing, east.shipped), (0, 0, 1));
    let west = dashboards.get("west").await?.unwrap_or_default();
    assert_eq!(west.pending, 1);
    assert_eq!(dashboards.get("closed").await?, None);
    assert_eq!(cache.count("token:::*").await?, 1);
    Ok(())
}
