//! A hit, beside the raw client on the same values.
//!
//! `cargo xtask bench hit` runs this and prints each group as ratios to its first line.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use larder::{Cache, Caches, cache_read};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use redis::AsyncCommands as _;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const KEYS: u64 = 1_000;
const TTL: Duration = Duration::from_secs(300);

#[derive(Clone, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
}

fn user(id: u64) -> User {
    User {
        name: format!("name {id}"),
        email: format!("user{id}@example.org"),
    }
}

#[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_number(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cache_read(key = "user:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_text(id: &str) -> Arc<User> {
    Arc::new(user(id.len() as u64))
}

#[cache_read(key = "owned:{id}", ttl = 300, tags = ["user:{id}", "users"])]
async fn by_value(id: u64) -> User {
    user(id)
}

fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn in_process(criterion: &mut Criterion) {
    let runtime = current_thread();
    Caches::new(Cache::memory())
        .install()
        .expect("nothing else is installed");
    let moka = moka::future::Cache::builder()
        .max_capacity(10_000)
        .time_to_live(TTL)
        .build();
    let keys: Vec<String> = (0..KEYS).map(|id| format!("user:{id}")).collect();
    let texts: Vec<String> = (0..KEYS).map(|id| id.to_string()).collect();
    runtime.block_on(async {
        for id in 0..KEYS {
            moka.insert(keys[id as usize].clone(), Arc::new(user(id)))
                .await;
            by_number(id).await;
            by_value(id).await;
        }
    });
    // Many hits a turn, so that entering the runtime does not count.
    let mut group = criterion.benchmark_group("hit in process");
    group.throughput(criterion::Throughput::Elements(KEYS));
    group.bench_function(BenchmarkId::new("raw moka", "get(&str), Arc<T>"), |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                for key in &keys {
                    black_box(moka.get(key.as_str()).await);
                }
            });
        });
    });
    group.bench_function(BenchmarkId::new("larder", "u64, Arc<T>"), |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                for id in 0..KEYS {
                    black_box(by_number(id).await);
                }
            });
        });
    });
    group.bench_function(BenchmarkId::new("larder", "&str, Arc<T>"), |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                for id in &texts {
                    black_box(by_text(id).await);
                }
            });
        });
    });
    group.bench_function(
        BenchmarkId::new("larder", "u64, T of two strings"),
        |bench| {
            bench.iter(|| {
                runtime.block_on(async {
                    for id in 0..KEYS {
                        black_box(by_value(id).await);
                    }
                });
            });
        },
    );
    group.finish();
}

fn on_redis(criterion: &mut Criterion) {
    let runtime = current_thread();
    let server = runtime.block_on(RedisServer::start());
    let (cache, mut raw, bytes) = runtime.block_on(async {
        let store = RedisStore::builder(server.url())
            .connect()
            .await
            .expect("it is there");
        let mut raw = store.connection().expect("it is one server");
        let cache = Cache::builder()
            .store(store)
            .time_budget(Duration::from_secs(5))
            .build();
        larder::scope(cache.clone(), by_value(7)).await;
        let bytes: Vec<u8> = raw.get("larder:v1::owned:7").await.expect("it is stored");
        let () = raw.set("raw", &bytes).await.expect("it is stored");
        (cache, raw, bytes)
    });
    let mut group = criterion.benchmark_group("hit on Redis");
    let name = format!("GET of the same {} bytes", bytes.len());
    group.bench_function(BenchmarkId::new("raw redis", name), |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                let bytes: Vec<u8> = raw.get("raw").await.expect("it is there");
                black_box(bytes);
            });
        });
    });
    group.bench_function(
        BenchmarkId::new("larder", "two tags, T of two strings"),
        |bench| {
            bench.iter(|| {
                runtime.block_on(larder::scope(cache.clone(), async {
                    black_box(by_value(7).await);
                }));
            });
        },
    );
    group.finish();
}

criterion_group!(benches, in_process, on_redis);
criterion_main!(benches);
