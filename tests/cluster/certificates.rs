//! TLS with an authority of one's own, and certificates of clients.

use larder_redis::{ConnectError, RedisStore, RedisStoreBuilder};
use larder_testkit::{RedisCluster, RedisServer, Sentinels};

use crate::stage::{cache_on, in_time};

/// With everything that this server, and those like it, ask for.
fn trusted(builder: RedisStoreBuilder, server: &RedisServer) -> RedisStoreBuilder {
    let (certificate, key) = server.client_certificate();
    builder
        .root_certificates(server.ca_pem())
        .client_certificate(certificate, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_a_certificate_gets_one() {
    in_time(async {
        let server = RedisServer::builder().mutual_tls().start().await;
        let cache = cache_on(trusted(RedisStore::builder(server.url()), &server)).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
        let without = RedisStore::builder(server.url()).root_certificates(server.ca_pem());
        without.connect().await.expect_err("the server wants one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_cluster_asks_for_certificates() {
    in_time(async {
        let cluster = RedisCluster::start_with(RedisServer::builder().mutual_tls()).await;
        let server = &cluster.nodes()[0];
        let cache = cache_on(trusted(RedisStore::builder(cluster.url()), server)).await;
        for number in 0..30_u8 {
            let key = format!("key:{number}");
            cache
                .set(key.as_str(), &number)
                .tags(["tag"])
                .await
                .expect("it is stored");
            assert_eq!(
                cache.get(key.as_str()).await.expect("it answers"),
                Some(number)
            );
        }
        assert_eq!(cache.stats().errors, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_servers_ask_for_certificates() {
    in_time(async {
        let like = RedisServer::builder().mutual_tls();
        let all = Sentinels::start_with(like.clone(), like).await;
        let server = &all.servers()[0];
        let cache = cache_on(trusted(RedisStore::builder(all.url()), server)).await;
        cache.set("key", &1_u8).await.expect("it is stored");
        assert_eq!(cache.get::<u8>("key").await.expect("it answers"), Some(1));
    })
    .await;
}

#[test]
fn certificates_that_are_none_or_have_no_meaning_are_mistakes() {
    let mistake = |builder: RedisStoreBuilder| {
        let mistakes = builder.check();
        let [mistake @ ConnectError::Certificates { .. }] = &mistakes[..] else {
            panic!("{mistakes:?}");
        };
        mistake.to_string()
    };
    let at = RedisStore::builder;
    let shown = mistake(at("rediss://localhost").client_certificate("nothing", "nothing"));
    assert!(shown.contains("no certificate in PEM format"), "{shown}");
    let shown = mistake(at("redis://localhost").client_certificate("nothing", "nothing"));
    assert!(shown.contains("write `rediss://`"), "{shown}");
}
