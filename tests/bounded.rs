//! Going through a store takes memory for a step, not for all that there is. Counted, not timed.

use std::time::Duration;

use larder::Cache;
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::runtime::{Builder, Runtime};

/// One test, since another's allocations on this thread would count.
#[test]
fn deleting_ten_times_as_much_takes_no_more_memory() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("it starts");
    let (_server, cache) = runtime.block_on(async {
        let server = RedisServer::start().await;
        let store = RedisStore::builder(server.url()).connect().await;
        let cache = Cache::builder()
            .store(store.expect("it is there"))
            .time_budget(Duration::from_secs(10))
            .build();
        (server, cache)
    });
    // The first time also makes what stays: connections, scripts.
    peak(&runtime, &cache, 1_000);
    let (few, many) = (
        peak(&runtime, &cache, 2_000),
        peak(&runtime, &cache, 20_000),
    );
    assert!(
        many < few * 2,
        "{few} bytes for 2,000 keys, {many} for 20,000"
    );
}

/// The most memory that was taken at once to delete so many keys.
fn peak(runtime: &Runtime, cache: &Cache, keys: u32) -> u64 {
    runtime.block_on(async {
        let entries = (0..keys).map(|number| (format!("key:{number}"), number));
        let warmed = cache.warm(entries).concurrency(64).await;
        assert_eq!(warmed.stored, keys as usize);
    });
    let counted = allocation_counter::measure(|| {
        let deleted = runtime.block_on(cache.delete_by_pattern("key:*"));
        assert_eq!(deleted.expect("it is deleted"), u64::from(keys));
    });
    counted.bytes_max
}
