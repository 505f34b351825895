//! A primary that sentinels watch.

use std::time::Duration;

use larder::{Cache, Invalidation};
use larder_redis::RedisStore;
use larder_testkit::{RedisServer, Sentinels};

use crate::stage::{as_app, cache_on, in_time, open, with_few_rights};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_to_the_new_primary_by_themselves() {
    in_time(async {
        let all = Sentinels::start().await;
        let cache = cache_on(RedisStore::builder(all.url())).await;
        assert_eq!(cache.load("key", || async { 1_u8 }).tags(["tag"]).await, 1);
        assert_eq!(cache.load("key", || async { 2_u8 }).tags(["tag"]).await, 1);
        all.servers()[0].kill();
        // The cache loads itself while there is none.
        assert_eq!(cache.load("other", || async { 3_u8 }).await, 3);
        all.until_primary(1).await;
        serves_again(&cache).await;
        let keys = all.servers()[1].ask(&["KEYS", "*:new"]).await;
        assert_eq!(keys, "larder:v1::new");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_says_nothing_is_given_up() {
    in_time(async {
        let all = Sentinels::start().await;
        let store = open(RedisStore::builder(all.url())).await;
        let budget = Duration::from_millis(100);
        let cache = Cache::builder().store(store).time_budget(budget).build();
        assert_eq!(cache.load("key", || async { 1_u8 }).await, 1);
        all.servers()[0].pause();
        serves_again(&cache).await;
        all.servers()[0].resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_and_sentinels_have_passwords_of_their_own() {
    in_time(async {
        let sentinel = RedisServer::builder()
            .password("tell me")
            .arg("sentinel sentinel-pass", "\"tell me\"");
        let server = RedisServer::builder().password("let me in");
        let all = Sentinels::start_with(server, sentinel).await;
        let url = format!("{}?sentinel_password=tell%20me", all.url());
        let cache = cache_on(RedisStore::builder(&url)).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        let shown = format!("{:?} {cache:?}", RedisStore::builder(&url));
        assert!(!shown.contains("tell") && !shown.contains("let"), "{shown}");

        let error = RedisStore::builder(all.url())
            .connect()
            .await
            .expect_err("no password");
        assert!(!error.to_string().contains("let me in"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_no_sentinel_knows_is_told_at_the_start() {
    in_time(async {
        let all = Sentinels::start().await;
        let url = all.url().replace(Sentinels::PRIMARY, "yourmaster");
        let error = RedisStore::builder(url)
            .connect()
            .await
            .expect_err("nobody knows it");
        assert!(error.to_string().contains("not found"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_few_rights_is_enough() {
    in_time(async {
        let all = Sentinels::start_with(with_few_rights(), RedisServer::builder()).await;
        let builder = as_app(&all.url()).wait_for_replicas(1, Duration::from_secs(5));
        let cache = cache_on(builder).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        let invalidated = cache.invalidate_key("key").await.expect("it is taken");
        assert_eq!(invalidated, Invalidation::Done);
        // The keys of others are not its own.
        let error = as_app(&all.url()).prefix("other").connect().await;
        let cache = Cache::builder()
            .store(error.expect("it may log in"))
            .build();
        cache.set("key", &1_u8).await.expect_err("it may not");
    })
    .await;
}

/// Until something is stored, and read from the store.
async fn serves_again(cache: &Cache) {
    while cache.get::<u8>("new").await.ok().flatten().is_none() {
        cache.load("new", || async { 7_u8 }).await;
    }
}
