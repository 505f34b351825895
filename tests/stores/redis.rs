//! What is particular to Redis: keys, round trips, bytes, logins, TLS.

use std::time::Duration;

use larder::slot::SlotHead;
use larder::store::{Claim, Expected, LeaseRequest, Leased, Nonce, Part, Patch, Store as _};
use larder::{Cache, Clock, Key};
use larder_redis::RedisStore;
use larder_testkit::{FaultProxy, RedisServer};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;

use crate::stage::{Stage, cache_on, in_time};

async fn raw(server: &RedisServer) -> ConnectionManager {
    RedisStore::builder(server.url())
        .connect()
        .await
        .expect("it is there")
        .connection()
        .expect("it is one server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_readable() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .prefix("shop")
            .version("v2");
        let store = store.connect().await.expect("it is there");
        let cache = Cache::builder().store(store).build();
        cache
            .set("user:7", &1_u8)
            .tags(["users"])
            .await
            .expect("it is stored");
        cache
            .set("user:7", &1_u8)
            .namespace("eu")
            .await
            .expect("it is stored");
        let mut keys: Vec<String> = raw(&server).await.keys("*").await.expect("it answers");
        keys.sort();
        assert_eq!(
            keys,
            [
                "shop:v2:#all",
                "shop:v2:#ns:eu",
                "shop:v2:#tag:user:7",
                "shop:v2:#tag:users",
                "shop:v2::user:7",
                "shop:v2:eu:user:7",
            ]
        );
        // Another version, and another prefix, are other caches.
        let store = RedisStore::builder(server.url())
            .prefix("shop")
            .version("v3");
        let newer = Cache::builder()
            .store(store.connect().await.expect("it is there"))
            .build();
        assert_eq!(newer.get::<u8>("user:7").await.expect("it answers"), None);
        newer.clear().await.expect("it is carried out");
        assert_eq!(
            cache.get::<u8>("user:7").await.expect("it answers"),
            Some(1)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_stored_has_a_time_limit() {
    in_time(async {
        let stage = Stage::redis().await;
        stage
            .cache
            .load("key", || async { 1_u8 })
            .tags(["tag"])
            .await;
        let mut raw = raw(stage.server()).await;
        let keys: Vec<String> = raw.keys("*").await.expect("it answers");
        assert_eq!(keys.len(), 3);
        for key in keys {
            let left: i64 = raw.pttl(&key).await.expect("it answers");
            assert!(left > 0, "{key} stays forever");
            if key.contains('#') {
                assert!(left > 300_000, "{key} does not outlive its entries");
            } else {
                assert!(left <= 300_000, "{key} outlives its ttl");
            }
        }
        // Under an entry that stays forever, its generations do too.
        stage
            .cache
            .set("forever", &1_u8)
            .tags(["tag"])
            .ttl(larder::Ttl::Never)
            .await
            .expect("ok");
        for key in ["larder:v1:#tag:tag", "larder:v1:#all", "larder:v1::forever"] {
            let left: i64 = raw.pttl(key).await.expect("it answers");
            assert_eq!(left, -1, "{key}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hit_with_two_tags_costs_one_round_trip() {
    in_time(async {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let cache = cache_on(&proxy.url(), &Clock::default()).await;
        let load = || cache.load("key", || async { 1_u8 }).tags(["one", "two"]);
        load().await;
        cache.get::<u8>("key").await.expect("it answers");

        let before = proxy.round_trips();
        assert_eq!(load().await, 1);
        assert_eq!(proxy.round_trips() - before, 1, "with its tags known");

        let before = proxy.round_trips();
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        assert_eq!(proxy.round_trips() - before, 1, "with its tags unknown");

        let before = proxy.round_trips();
        cache
            .invalidate_tags(["one", "two"])
            .await
            .expect("it is carried out");
        assert_eq!(proxy.round_trips() - before, 1, "an invalidation");

        let before = proxy.round_trips();
        load().await;
        assert_eq!(proxy.round_trips() - before, 3, "a miss: look, lease, fill");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_not_ours_are_counted_misses() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        let slot = "larder:v1::key";
        let mut raw = raw(stage.server()).await;
        cache
            .set("key", &"value".to_owned())
            .tags(["tag"])
            .await
            .expect("it is stored");
        let good: Vec<u8> = raw.get(slot).await.expect("it answers");

        let mut random = fastrand::Rng::with_seed(42);
        for turn in 0..400 {
            let bytes: Vec<u8> = match turn % 4 {
                0 => (0..random.usize(..200)).map(|_| random.u8(..)).collect(),
                // Ours, with one byte changed outside identity and lease.
                1 => {
                    let mut bytes = good.clone();
                    let at = random.usize(45..bytes.len());
                    bytes[at] ^= random.u8(1..);
                    bytes
                }
                2 => good[..random.usize(1..good.len())].to_vec(),
                // Ours, with random lengths in it.
                _ => {
                    let mut bytes = good.clone();
                    let at = random.usize(53..bytes.len() - 2);
                    bytes[at..at + 2].fill(0xff);
                    bytes
                }
            };
            let () = raw.set(slot, &bytes).await.expect("it is stored");
            let found = cache.get::<String>("key").await.expect("it answers");
            assert_eq!(found, None, "{bytes:?}");
            // And the next load puts it right.
            if turn % 20 == 0 {
                let load = cache
                    .load("key", || async { "new".to_owned() })
                    .tags(["tag"]);
                assert_eq!(load.await, "new");
                let found = cache.get::<String>("key").await.expect("it answers");
                assert_eq!(found.as_deref(), Some("new"));
            }
        }
        assert!(cache.stats().corrupt >= 300, "{:?}", cache.stats());

        // An entry under another's key, and a key of another type.
        let () = raw
            .set("larder:v1::copy", &good)
            .await
            .expect("it is stored");
        assert_eq!(cache.get::<String>("copy").await.expect("it answers"), None);
        let () = raw
            .lpush("larder:v1::list", "item")
            .await
            .expect("it is stored");
        assert_eq!(cache.get::<String>("list").await.expect("it answers"), None);
        assert_eq!(
            cache.load("list", || async { "new".to_owned() }).await,
            "new"
        );
        let found = cache.get::<String>("list").await.expect("it answers");
        assert_eq!(found.as_deref(), Some("new"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_that_is_lost_or_foreign_makes_a_miss() {
    in_time(async {
        let stage = Stage::redis().await;
        let cache = &stage.cache;
        let mut raw = raw(stage.server()).await;
        for scope in ["#tag:tag", "#all", "#ns:space"] {
            for bytes in [None, Some(&b"x"[..]), Some(&[7; 16])] {
                let set = cache.set("key", &1_u8).tags(["tag"]).namespace("space");
                set.await.expect("it is stored");
                let key = Key::new("key").in_namespace("space");
                assert_eq!(cache.get::<u8>(&key).await.expect("it answers"), Some(1));
                let name = format!("larder:v1:{scope}");
                let () = match bytes {
                    None => raw.del(&name).await.expect("it is deleted"),
                    Some(bytes) => raw.set(&name, bytes).await.expect("it is stored"),
                };
                assert_eq!(
                    cache.get::<u8>(&key).await.expect("it answers"),
                    None,
                    "{scope}"
                );
                let () = raw.del(&name).await.expect("it is deleted");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_holder_died_ends_by_itself() {
    in_time(async {
        let stage = Stage::redis().await;
        let mut raw = raw(stage.server()).await;
        // As a process leaves it that was killed in the middle of its load: ended a moment ago by
        // what it says itself, but its key is still there.
        let dead = SlotHead::bare_lease(Nonce::random(), 1);
        let () = raw
            .set("larder:v1::key", &dead)
            .await
            .expect("it is stored");
        assert_eq!(stage.cache.load("key", || async { 1_u8 }).lock().await, 1);
        // And one that Redis itself takes away.
        // A lease that no one could hold: its end is far from anything that we would take.
        let far = SlotHead::bare_lease(Nonce::token(Claim::Exclusive), 1 << 45);
        let () = raw.set("larder:v1::far", &far).await.expect("it is stored");
        assert_eq!(stage.cache.load("far", || async { 1_u8 }).lock().await, 1);
        let time = redis::cmd("TIME")
            .query_async::<Vec<String>>(&mut raw)
            .await;
        let seconds = time.expect("it answers")[0]
            .parse::<u64>()
            .expect("a number");
        let soon = (seconds + 30) * 1_000;
        let dead = SlotHead::bare_lease(Nonce::token(Claim::Exclusive), soon);
        let () = raw
            .pset_ex("larder:v1::other", &dead, 100)
            .await
            .expect("it is stored");
        assert_eq!(stage.cache.load("other", || async { 1_u8 }).lock().await, 1);
        assert_eq!(
            stage.other.get::<u8>("other").await.expect("it answers"),
            Some(1)
        );
    })
    .await;
}

/// A set that shared its lease could lose to a load that came later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_of_a_set_is_not_shared() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let scopes = ["all".to_owned()];
        let lease = async |claim: Claim| {
            let request = LeaseRequest {
                token: Nonce::token(claim),
                claim,
                expected: Expected::NoEntry,
                lasts: Duration::from_secs(10),
                scopes: &scopes,
                ttl: None,
            };
            store.lease(":key", request).await.expect("it answers")
        };
        let Leased::Granted(shared) = lease(Claim::Shared).await else {
            panic!("it is free")
        };
        let Leased::Granted(beside) = lease(Claim::Shared).await else {
            panic!("it is shared")
        };
        assert_eq!(shared, beside);
        assert_eq!(lease(Claim::Exclusive).await, Leased::Held);
        let Leased::Granted(own) = lease(Claim::Replacing).await else {
            panic!("it replaces")
        };
        assert!(own.token != shared.token && own.token.is_own());
        assert_eq!(lease(Claim::Shared).await, Leased::Held);
        assert_eq!(lease(Claim::Exclusive).await, Leased::Held);
        store.release(":key", own.token).await.expect("it answers");
        assert!(matches!(lease(Claim::Exclusive).await, Leased::Granted(_)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_generation_is_replaced() {
    in_time(async {
        let stage = Stage::redis().await;
        let mut raw = raw(stage.server()).await;
        let () = raw.set("larder:v1:#all", "x").await.expect("it is stored");
        let () = raw
            .lpush("larder:v1:#tag:tag", "x")
            .await
            .expect("it is stored");
        stage
            .cache
            .load("key", || async { 1_u8 })
            .tags(["tag"])
            .await;
        assert_eq!(
            stage.other.get::<u8>("key").await.expect("it answers"),
            Some(1)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_longer_than_its_lease_keeps_it() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let short = Duration::from_millis(60);
        let cache = Cache::builder().store(store).lease(short).build();
        let mut raw = raw(&server).await;
        let value = cache
            .load("key", move || async move {
                // Until a bare lease has been there for several times what it lasts.
                let began: Vec<String> = redis::cmd("TIME")
                    .query_async(&mut raw)
                    .await
                    .expect("it answers");
                loop {
                    let now: Vec<String> = redis::cmd("TIME")
                        .query_async(&mut raw)
                        .await
                        .expect("it answers");
                    let millis = |time: &[String]| {
                        time[0].parse::<u64>().expect("a number") * 1_000
                            + time[1].parse::<u64>().expect("a number") / 1_000
                    };
                    if millis(&now) - millis(&began) > 300 {
                        return 1_u8;
                    }
                }
            })
            .await;
        assert_eq!(value, 1);
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        assert_eq!(cache.stats().overtaken, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_with_passwords_get_in_and_nobody_reads_them() {
    in_time(async {
        let server = RedisServer::builder()
            .acl_user("ada", "hunter2&:@/")
            .start()
            .await;
        let cache = cache_on(&server.url(), &Clock::default()).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        let builder = RedisStore::builder(server.url());
        let shown = format!(
            "{builder:?} {cache:?} {:?}",
            builder.clone().connect().await
        );
        assert!(!shown.contains("hunter2"), "{shown}");

        let wrong = format!("redis://ada:swordfish@127.0.0.1:{}", server.port());
        let error = RedisStore::builder(&wrong)
            .connect()
            .await
            .expect_err("it is wrong");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("127.0.0.1"), "{shown}");
        assert!(
            !shown.contains("swordfish") && !shown.contains("hunter2"),
            "{shown}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_checked() {
    in_time(async {
        let server = RedisServer::builder().tls().start().await;
        let builder = || RedisStore::builder(server.url());
        let store = builder().root_certificates(server.ca_pem()).connect().await;
        let cache = Cache::builder()
            .store(store.expect("it is trusted"))
            .build();
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        builder()
            .connect()
            .await
            .expect_err("the system does not trust it");
    })
    .await;
}

#[tokio::test]
async fn a_url_that_is_not_one_is_an_error_that_says_so() {
    for url in [
        "",
        "localhost",
        "http://localhost",
        "redis://ada:hunter2@local host",
    ] {
        let error = RedisStore::builder(url)
            .connect()
            .await
            .expect_err(url)
            .to_string();
        assert!(error.contains("is not a Redis URL"), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    for prefix in ["", "a:b", "a b", "a*"] {
        let builder = RedisStore::builder("redis://localhost").prefix(prefix);
        let error = builder.connect().await.expect_err(prefix).to_string();
        assert!(error.contains("may have only letters"), "{prefix}: {error}");
    }
}

/// An entry from before a tag was added to the code would not be reached by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_without_one_of_its_tags_is_a_miss() {
    in_time(async {
        let stage = Stage::redis().await;
        stage
            .cache
            .load("key", || async { 1_u8 })
            .tags(["old"])
            .await;
        assert_eq!(
            stage
                .other
                .load("key", || async { 2_u8 })
                .tags(["old", "new"])
                .await,
            2
        );
        stage
            .cache
            .invalidate_tags(["new"])
            .await
            .expect("it is carried out");
        assert_eq!(
            stage.other.get::<u8>("key").await.expect("it answers"),
            None
        );
    })
    .await;
}

/// A server that another process is just telling its scripts knows some of them: what ran already
/// runs again with the rest, and must not meet itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_knows_half_of_the_scripts_is_told_the_others() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let cache = Cache::builder()
            .store(store.expect("it is there"))
            .lease(Duration::from_secs(3_600))
            .time_budget(Duration::from_secs(10))
            .build();
        let raw = raw(&server).await;
        let knows_only = async |script: &str| {
            let mut pipeline = redis::pipe();
            pipeline.cmd("SCRIPT").arg("FLUSH").ignore();
            pipeline.cmd("SCRIPT").arg("LOAD").arg(script).ignore();
            let known: redis::RedisResult<()> = pipeline.query_async(&mut raw.clone()).await;
            known.expect("it is carried out");
        };
        knows_only(include_str!("../../cache-redis/src/scripts/lease.lua")).await;
        let load = cache.load("key", || async {
            knows_only(include_str!("../../cache-redis/src/scripts/fill.lua")).await;
            7
        });
        assert_eq!(load.lock().await, 7);
        assert_eq!(cache.get::<i32>("key").await.expect("it answers"), Some(7));
        assert_eq!(cache.stats().overtaken, 0);
    })
    .await;
}

/// What a walk asks of the server: some keys at a time, nothing that stops it for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_by_pattern_goes_in_steps() {
    in_time(async {
        let server = RedisServer::start().await;
        let cache = cache_on(&server.url(), &Clock::hand_wound()).await;
        let entries = (0..5_000_u32).map(|number| (format!("key:{number}"), number));
        cache.set_many(entries).await.expect("they are stored");
        let mut raw = raw(&server).await;
        let _: () = redis::cmd("CONFIG")
            .arg("RESETSTAT")
            .query_async(&mut raw)
            .await
            .expect("it is carried out");
        let deleted = cache.delete_by_pattern("key:*").await;
        assert_eq!(deleted.expect("it is deleted"), 5_000);
        let stats: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut raw)
            .await
            .expect("it answers");
        let calls = |command: &str| {
            let line = stats
                .lines()
                .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
            let calls = line.and_then(|line| line.split(',').next());
            calls.map_or(0, |calls| calls.parse::<u64>().expect("a number"))
        };
        for stops_the_server in ["keys", "flushdb", "flushall", "del"] {
            assert_eq!(calls(stops_the_server), 0, "{stops_the_server}");
        }
        assert!((10..100).contains(&calls("scan")), "{stats}");
        assert!((10..100).contains(&calls("unlink")), "{stats}");
        assert_eq!(calls("getrange"), 5_000, "only heads are read");
        let left: u64 = redis::cmd("DBSIZE")
            .query_async(&mut raw)
            .await
            .expect("it answers");
        assert_eq!(left, 1, "the generation of the whole cache");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_replaced_is_neither_removed_nor_changed() {
    in_time(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let store = store.expect("it is there");
        let cache = Cache::builder().store(store.clone()).build();
        let key = Key::new("key").qualified().to_owned();
        let identity = async || {
            let slots = store.slots(std::slice::from_ref(&key), Part::Head).await;
            let slot = slots.expect("it answers").remove(0).expect("it is stored");
            SlotHead::parse(&slot).and_then(|head| head.identity)
        };
        cache.set("key", &1_i64).await.expect("it is stored");
        let old = identity().await.expect("it is an entry");
        cache.set("key", &2_i64).await.expect("it is stored");
        assert_ne!(identity().await, Some(old));

        let removed = store.remove(&[(key.clone(), old)]).await;
        assert_eq!(removed.expect("it answers"), 0);
        let patch = Patch {
            identity: old,
            bytes: &[(64, *b"nonsense")],
            scopes: &[],
            ttl: None,
        };
        assert!(!store.patch(&key, patch).await.expect("it answers"));
        let found = cache.get::<i64>("key").await.expect("it answers");
        assert_eq!(found, Some(2));
    })
    .await;
}
