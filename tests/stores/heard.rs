//! Process memory above a real Redis that tells of changes itself.

use std::time::Duration;

use larder::{Cache, Clock, Layer, LayerName};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

use crate::stage::in_time;

async fn layered(server: &RedisServer, clock: &Clock) -> Cache {
    let store = RedisStore::builder(server.url()).connect().await;
    let store = Layer::store(store.expect("the server is there"));
    let cache = Cache::builder()
        .layer(LayerName::L1, Layer::memory())
        .layer(LayerName::L2, store)
        .clock(clock.clone())
        .time_budget(Duration::from_secs(10))
        .build();
    // Changes are heard from here on: something is kept above.
    while hits_above(&cache) == 0 {
        load(&cache, "beginning", "tag", "x").await;
    }
    cache
}

async fn load(cache: &Cache, key: &str, tag: &str, value: &str) -> String {
    let value = value.to_owned();
    cache.load(key, || async move { value }).tags([tag]).await
}

fn hits_above(cache: &Cache) -> u64 {
    let stats = cache.stats();
    assert_eq!(stats.tiers[0].layer, Some(LayerName::L1));
    stats.tiers[0].hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_just_loaded_is_answered_above() {
    in_time(async {
        let server = RedisServer::start().await;
        let cache = layered(&server, &Clock::hand_wound()).await;
        for round in 0..50 {
            let before = hits_above(&cache);
            let (key, tag) = (format!("user:{round}"), format!("tag:{}", round / 10));
            load(&cache, &key, &tag, "Ada").await;
            load(&cache, &key, &tag, "Bob").await;
            assert_eq!(hits_above(&cache), before + 1, "{key}");
            cache
                .set(&*key, &"Eve".to_owned())
                .tags([&*tag])
                .await
                .expect("it is set");
            assert_eq!(load(&cache, &key, &tag, "Bob").await, "Eve");
            assert_eq!(hits_above(&cache), before + 2, "{key}");
            cache
                .invalidate_tags([&*tag])
                .await
                .expect("it is invalidated");
            assert_eq!(load(&cache, &key, &tag, "Bob").await, "Bob");
            assert_eq!(load(&cache, &key, &tag, "Cyd").await, "Bob");
            assert_eq!(hits_above(&cache), before + 3, "{key}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_changed_is_heard() {
    in_time(async {
        let (server, clock) = (RedisServer::start().await, Clock::hand_wound());
        let (here, there) = (
            layered(&server, &clock).await,
            layered(&server, &clock).await,
        );
        for round in 0..20 {
            let key = format!("user:{round}");
            load(&here, &key, "users", "Ada").await;
            load(&there, &key, "users", "Ada").await;
            load(&there, &key, "users", "Ada").await;
            match round % 4 {
                0 => drop(
                    here.invalidate_tags(["users"])
                        .await
                        .expect("it is invalidated"),
                ),
                1 => drop(here.invalidate_key(&*key).await.expect("it is invalidated")),
                2 => here
                    .set(&*key, &"Bob".to_owned())
                    .tags(["users"])
                    .await
                    .expect("it is set"),
                _ => drop(here.clear().await.expect("it is cleared")),
            }
            // In the other process within the message's way.
            while load(&there, &key, "users", "Bob").await == "Ada" {
                tokio::task::yield_now().await;
            }
            // And there is no way back.
            for _ in 0..10 {
                assert_eq!(load(&there, &key, "users", "Bob").await, "Bob");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_empty_takes_everything_above_along() {
    in_time(async {
        let (server, clock) = (RedisServer::start().await, Clock::hand_wound());
        let cache = layered(&server, &clock).await;
        load(&cache, "user:7", "users", "Ada").await;
        assert_eq!(load(&cache, "user:7", "users", "Bob").await, "Ada");
        server.kill();
        // Noticed when the connection breaks, and then nothing is served from before.
        while load(&cache, "user:7", "users", "Bob").await == "Ada" {
            tokio::task::yield_now().await;
        }
        server.restart().await;
        let before = hits_above(&cache);
        while hits_above(&cache) == before {
            assert_eq!(load(&cache, "user:7", "users", "Bob").await, "Bob");
        }
    })
    .await;
}
