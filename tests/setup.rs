//! `larder::builder()` on a real server, and what it says to mistakes.

use std::time::Duration;

use larder::{Caches, InitError, Ttl};
use larder_testkit::RedisServer;
use redis::AsyncCommands as _;

async fn build(url: &str) -> Result<Caches, InitError> {
    larder::builder().url(url).build().await
}

#[tokio::test]
async fn what_is_set_is_used() {
    let server = RedisServer::start().await;
    let caches = larder::builder()
        .url(server.url_with(3))
        .prefix("shop")
        .version("v2")
        .ttl_default(Duration::from_secs(60))
        .ttl_short(Duration::from_secs(6))
        .ttl_long(Duration::from_secs(600))
        .build()
        .await
        .expect("the server is there");
    let cache = caches.default_cache();
    cache.ping().await.expect("it answers");
    let store = larder_redis::RedisStore::builder(server.url_with(3))
        .connect()
        .await;
    let mut raw = store
        .expect("the server is there")
        .connection()
        .expect("it is one server");
    for (ttl, above, upto) in [
        (Ttl::Short, 0, 6_000),
        (Ttl::Default, 6_000, 60_000),
        (Ttl::Long, 60_000, 600_000),
    ] {
        cache
            .set("key", &1_u8)
            .ttl(ttl)
            .await
            .expect("it is stored");
        let left: i64 = raw.pttl("shop:v2::key").await.expect("it answers");
        assert!(left > above && left <= upto, "{left}");
    }
    assert!(!format!("{caches:?}").contains("v2:"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let server = RedisServer::start().await;
    server.kill();
    let url = format!("redis://ada:hunter2@127.0.0.1:{}/0", server.port());
    let error = build(&url).await.expect_err("nobody is there");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains(&format!("redis://127.0.0.1:{}/0", server.port())),
        "{text}"
    );
    assert!(text.contains("start_degraded"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    let degraded = larder::builder()
        .url(&url)
        .start_degraded(true)
        .build()
        .await;
    let caches = degraded.expect("it starts all the same");
    assert_eq!(
        caches.default_cache().load("key", || async { 7_u8 }).await,
        7
    );
    let error = caches
        .default_cache()
        .ping()
        .await
        .expect_err("nobody is there");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_url_that_is_no_store_is_an_error_that_says_what_is() {
    for url in ["http://ada:hunter2@localhost", "localhost:6379", "hunter2"] {
        let error = build(url).await.expect_err("it is no store");
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("use `redis://`, `rediss://`, `memcached://` or `memory`"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
    let text = build("redis://ada:hunter2@local host")
        .await
        .expect_err("no URL")
        .to_string();
    assert!(text.contains("is not a Redis URL"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    for url in ["memory", "memory://", " memory "] {
        build(url).await.expect("process memory needs nothing");
    }
}
