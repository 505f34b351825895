//! What a call costs: commands that travel together are one round trip.

use std::time::Duration;

use larder_testkit::{FaultProxy, MemcachedServer};

use crate::stage::{cache_within, in_time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_invalidations_are_one_round_trip() {
    in_time(async {
        let server = MemcachedServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        let url = format!("memcached://127.0.0.1:{}", proxy.port());
        let cache = cache_within(&url, Duration::from_secs(10)).await;
        let tags: Vec<String> = (0..20).map(|number| format!("tag:{number}")).collect();
        let load = || cache.load("key", || async { 7_u8 }).tags(&tags);
        assert_eq!(load().await, 7);

        let before = proxy.round_trips();
        assert_eq!(load().await, 7);
        assert_eq!(proxy.round_trips() - before, 1, "a hit, with all its tags");

        let before = proxy.round_trips();
        let invalidated = cache.invalidate_tags(&tags).await;
        invalidated.expect("it is taken");
        assert_eq!(proxy.round_trips() - before, 1, "however many tags");
    })
    .await;
}
