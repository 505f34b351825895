//! Keys lie on all servers, and no command is about keys of two slots.

use larder_redis::RedisStore;
use larder_testkit::{Fault, FaultProxy, RedisCluster};

use crate::stage::{cache_on, cluster, in_time, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_lie_on_every_primary_and_all_are_found() {
    in_time(async {
        let cluster = cluster().await;
        let cache = cache_on(RedisStore::cluster(cluster.urls()).prefix("spread")).await;
        let keys: Vec<String> = (0..100).map(|number| format!("key:{number}")).collect();
        for key in &keys {
            cache
                .set(key.as_str(), &1_u8)
                .tags(["tag"])
                .await
                .expect("it is stored");
        }
        for primary in cluster.primaries() {
            let found = primary
                .ask(&["--scan", "--pattern", "spread:v1::key:*"])
                .await;
            assert!(found.lines().count() > 10, "{found}");
        }
        assert_eq!(
            cache
                .delete_by_pattern("key:*")
                .await
                .expect("it goes through"),
            100
        );
        assert_eq!(cache.get::<u8>("key:1").await.expect("it answers"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_is_about_two_slots() {
    in_time(async {
        let cluster = RedisCluster::start().await;
        let cache = cache_on(RedisStore::builder(cluster.url())).await;
        let tags = ["one", "two", "three", "four"];
        let keys = ["a", "b", "c", "d"];
        for key in keys {
            cache.load(key, || async { 1_u8 }).tags(tags).await;
            assert_eq!(cache.load(key, || async { 2_u8 }).tags(tags).await, 1);
        }
        cache.get_many::<u8>(keys).await.expect("it answers");
        cache.invalidate_tags(tags).await.expect("it is taken");
        cache.clear().await.expect("it is taken");
        for node in cluster.nodes() {
            let errors = node.ask(&["INFO", "errorstats"]).await;
            assert!(!errors.contains("CROSSSLOT"), "{errors}");
        }
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hit_with_tags_asks_all_servers_at_the_same_time_and_each_once() {
    in_time(async {
        let (cluster, proxies) = behind_proxies().await;
        let cache = cache_on(RedisStore::builder(cluster.url())).await;
        // Enough tags to be on every server.
        let tags: Vec<String> = (0..40).map(|number| format!("tag:{number}")).collect();
        let load = || cache.load("key", || async { 1_u8 }).tags(&tags);
        load().await;
        load().await;
        let trips = || proxies.each_ref().map(FaultProxy::round_trips);
        let before = trips();
        load().await;
        let after = trips();
        for (before, after) in before.into_iter().zip(after) {
            assert_eq!(after - before, 1);
        }

        // Every server is asked before any has answered.
        let sent = || proxies.each_ref().map(FaultProxy::bytes_up);
        let before = sent();
        proxies.iter().for_each(|proxy| proxy.set(Fault::Blackhole));
        let all_are_asked = async {
            while sent()
                .into_iter()
                .zip(before)
                .any(|(now, before)| now == before)
            {
                tokio::task::yield_now().await;
            }
            proxies.iter().for_each(|proxy| proxy.set(Fault::None));
        };
        let (value, ()) = tokio::join!(load(), all_are_asked);
        assert_eq!(value, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_is_enough_to_find_the_others() {
    in_time(async {
        let cluster = cluster().await;
        // That of a replica, too.
        for url in cluster.urls() {
            let cache = cache_on(RedisStore::cluster([url]).prefix("one")).await;
            for number in 0..10_u8 {
                let key = format!("key:{number}");
                cache
                    .set(key.as_str(), &number)
                    .await
                    .expect("it is stored");
                assert_eq!(
                    cache.get(key.as_str()).await.expect("it answers"),
                    Some(number)
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clients_own_connection_is_handed_out() {
    in_time(async {
        let store = open(RedisStore::builder(cluster().await.url()).prefix("own")).await;
        assert!(store.connection().is_none(), "it is not one server");
        let mut connection = store.cluster_connection().expect("it is a cluster");
        let set: String = redis::cmd("SET")
            .arg(&["own:key", "value"])
            .query_async(&mut connection)
            .await
            .expect("it is taken");
        assert_eq!(set, "OK");
        assert!(store.is_local());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_in_no_cluster_says_so_at_the_start() {
    in_time(async {
        let server = larder_testkit::RedisServer::start().await;
        let error = RedisStore::cluster([server.url()])
            .connect()
            .await
            .expect_err("it is not");
        assert!(
            error.to_string().contains("cluster support disabled"),
            "{error}"
        );
    })
    .await;
}

/// A cluster whose primaries say that they are where a proxy is.
async fn behind_proxies() -> (RedisCluster, [FaultProxy; 3]) {
    let cluster = RedisCluster::start().await;
    let mut proxies = Vec::new();
    for primary in cluster.primaries() {
        let proxy = FaultProxy::start(primary.port()).await;
        let port = proxy.port().to_string();
        let answer = primary
            .ask(&["CONFIG", "SET", "cluster-announce-port", &port])
            .await;
        assert_eq!(answer, "OK");
        proxies.push(proxy);
    }
    let ports: Vec<String> = proxies
        .iter()
        .map(|proxy| proxy.port().to_string())
        .collect();
    cluster
        .until("every node says where the proxies are", async || {
            for node in cluster.nodes() {
                let slots = node.ask(&["CLUSTER", "SLOTS"]).await;
                if !ports.iter().all(|port| slots.contains(port)) {
                    return false;
                }
            }
            true
        })
        .await;
    let Ok(proxies) = proxies.try_into() else {
        panic!("there are three");
    };
    (cluster, proxies)
}
