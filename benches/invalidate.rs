//! Invalidating a tag that 1, 1,000 and 1,000,000 entries carry, in process memory and on Redis.
//!
//! Each turn needs its entries anew, so this measures by hand: the median of the turns.
//! `cargo xtask bench invalidate`

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use larder::Cache;
use larder_redis::RedisStore;
use larder_testkit::RedisServer;

const SIZES: [(u64, usize); 3] = [(1, 101), (1_000, 21), (1_000_000, 3)];

#[tokio::main]
async fn main() {
    println!("{:<16}{:>12}{:>14}", "store", "entries", "invalidation");
    let memory = Cache::builder().max_entries(2_000_000).build();
    for (entries, turns) in SIZES {
        measure("process memory", &memory, entries, turns).await;
    }
    let server = RedisServer::start().await;
    let store = RedisStore::builder(server.url())
        .connect()
        .await
        .expect("it is there");
    let redis = Cache::builder()
        .store(store)
        .time_budget(Duration::from_secs(60))
        .build();
    for (entries, turns) in SIZES {
        measure("redis", &redis, entries, turns).await;
    }
}

async fn measure(store: &str, cache: &Cache, entries: u64, turns: usize) {
    let mut took = Vec::with_capacity(turns);
    for _ in 0..turns {
        stream::iter(0..entries)
            .for_each_concurrent(256, |number| async move {
                let set = cache.set(format!("entry:{number}"), &number).tags(["tag"]);
                set.await.expect("it is stored");
            })
            .await;
        let began = Instant::now();
        cache
            .invalidate_tags(["tag"])
            .await
            .expect("it is carried out");
        took.push(began.elapsed());
        assert_eq!(cache.get::<u64>("entry:0").await.expect("it answers"), None);
    }
    took.sort_unstable();
    println!("{store:<16}{entries:>12}{:>14.1?}", took[took.len() / 2]);
}
