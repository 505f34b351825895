//! What each tier costs: a hit in it, the way up from it, and how much more a fill and an invalidation cost where
//! there are several.
//!
//! `cargo xtask bench tiers` runs this and prints each group as ratios to its first line. All stores are on this
//! machine, started for this; so it shows what larder does, and not how far away a store is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use futures_util::future::join_all;
use larder::{Cache, CacheBuilder, Coherence, Layer, LayerName, Reach, cache_read};
use larder_memcached::MemcachedStore;
use larder_object::{FileStore, S3Store};
use larder_redis::RedisStore;
use larder_testkit::{Folder, MemcachedServer, RedisServer, S3Server};
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// How many entries are read once each, before there must be others.
const KEYS: u64 = 1_000;
const TASKS: u64 = 64;

type Group<'g> = BenchmarkGroup<'g, criterion::measurement::WallTime>;

#[derive(Clone, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
}

/// With one tag, so that a hit on Redis is an `MGET` of three: the entry, the generation of its tag and that of
/// the whole cache.
#[cache_read(key = "user:{id}", ttl = 300, tags = ["users"])]
async fn user(id: u64) -> User {
    User {
        name: format!("name {id}"),
        email: format!("user{id}@example.org"),
    }
}

/// The servers, and a runtime that lets them be asked.
struct Stage {
    runtime: Runtime,
    redis: RedisServer,
    memcached: MemcachedServer,
    s3: S3Server,
    folder: Folder,
    raw: MultiplexedConnection,
}

impl Stage {
    fn new(runtime: Runtime) -> Self {
        let (redis, memcached, s3) = runtime.block_on(async {
            (
                RedisServer::start().await,
                MemcachedServer::start().await,
                S3Server::start(),
            )
        });
        let raw = runtime.block_on(async {
            let client = redis::Client::open(redis.url()).expect("it is a URL");
            let raw = client.get_multiplexed_async_connection().await;
            raw.expect("it is there")
        });
        Self {
            runtime,
            redis,
            memcached,
            s3,
            folder: Folder::new(),
            raw,
        }
    }

    async fn redis(&self, prefix: &str) -> RedisStore {
        let store = RedisStore::builder(self.redis.url()).prefix(prefix);
        store.connect().await.expect("it is there")
    }

    async fn memcached(&self, prefix: &str) -> MemcachedStore {
        let store = MemcachedStore::builder(self.memcached.url()).prefix(prefix);
        store.connect().await.expect("it is there")
    }

    async fn file(&self, prefix: &str) -> FileStore {
        let store = FileStore::builder(self.folder.path()).prefix(prefix);
        store.connect().await.expect("it is there")
    }

    async fn s3(&self) -> S3Store {
        let store = S3Store::builder(self.s3.bucket())
            .endpoint(self.s3.endpoint())
            .access_keys(self.s3.access_key(), self.s3.secret_key());
        store.connect().await.expect("it is there")
    }

    /// Redis alone, process memory above it, memcached in between, and files below.
    async fn tiers(&self, count: usize, prefix: &str) -> Cache {
        let mut builder = builder().layer(LayerName::L3, Layer::store(self.redis(prefix).await));
        if count > 1 {
            builder = builder.layer(LayerName::L1, Layer::memory());
        }
        if count > 2 {
            let memcached = Layer::store(self.memcached(prefix).await).reach(Reach::Host);
            builder = builder.layer(LayerName::L2, memcached);
        }
        if count > 3 {
            let file = Layer::store(self.file(prefix).await).reach(Reach::Host);
            builder = builder.layer(LayerName::L4, file);
        }
        let cache = builder.build();
        if count > 1 {
            memory_is_used(&cache).await;
        }
        cache
    }

    /// The bytes of an entry under names of their own, for the raw client to read.
    fn raw_values(&self) -> [&'static str; 3] {
        let mut raw = self.raw.clone();
        self.runtime.block_on(async {
            let cache = builder().store(self.redis("raw").await).build();
            larder::scope(cache, user(7)).await;
            let bytes: Vec<u8> = raw.get("raw:v1::user:7").await.expect("it is stored");
            let _: () = raw.set("raw", bytes).await.expect("it is stored");
            let _: () = raw
                .set("raw-1", &[1_u8; 16][..])
                .await
                .expect("it is stored");
            let _: () = raw
                .set("raw-2", &[2_u8; 16][..])
                .await
                .expect("it is stored");
        });
        ["raw", "raw-1", "raw-2"]
    }
}

fn builder() -> CacheBuilder {
    Cache::builder().time_budget(Duration::from_secs(5))
}

/// Waits until the store tells of changes.
async fn memory_is_used(cache: &Cache) {
    while cache.stats().tiers[0].hits == 0 {
        larder::scope(cache.clone(), user(u64::MAX)).await;
    }
}

fn current_thread() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn hit(criterion: &mut Criterion) {
    let stage = Stage::new(current_thread());
    let [raw, ..] = stage.raw_values();
    let mut group = criterion.benchmark_group("hit per tier");
    raw_get(&stage, &mut group, raw);
    let copies = |cache: Cache| async move {
        larder::scope(cache.clone(), user(7)).await;
        cache.settle().await;
        cache
    };
    let caches: [(&str, LayerName, Cache); 6] = stage.runtime.block_on(async {
        let memory = || builder().layer(LayerName::L1, Layer::memory());
        let strict = memory().coherence(Coherence::Strict);
        let strict = strict.layer(LayerName::L2, Layer::store(stage.redis("strict").await));
        let memcached = Layer::store(stage.memcached("above").await).reach(Reach::Host);
        let above = builder()
            .layer(LayerName::L2, memcached)
            .layer(LayerName::L3, Layer::store(stage.redis("above").await));
        let file = builder().layer(LayerName::L4, Layer::store(stage.file("alone").await));
        let s3 = builder().layer(LayerName::L4, Layer::store(stage.s3().await));
        [
            (
                "process memory above Redis, push",
                LayerName::L1,
                stage.tiers(2, "push").await,
            ),
            (
                "process memory above Redis, strict",
                LayerName::L1,
                strict.build(),
            ),
            (
                "memcached above Redis",
                LayerName::L2,
                copies(above.build()).await,
            ),
            ("Redis", LayerName::L3, stage.tiers(1, "alone").await),
            ("a file", LayerName::L4, file.build()),
            ("S3", LayerName::L4, s3.build()),
        ]
    });
    for (name, layer, cache) in caches {
        let before = hits(&cache, layer);
        group.bench_function(BenchmarkId::new("larder", name), |bench| {
            bench.iter(|| {
                stage.runtime.block_on(larder::scope(cache.clone(), async {
                    black_box(user(7).await);
                }));
            });
        });
        assert!(hits(&cache, layer) > before, "{name}: {:?}", cache.stats());
    }
    group.finish();
}

fn hits(cache: &Cache, layer: LayerName) -> u64 {
    let stats = cache.stats();
    let tier = stats.tiers.iter().find(|tier| tier.layer == Some(layer));
    tier.map_or(0, |tier| tier.hits)
}

fn raw_get(stage: &Stage, group: &mut Group<'_>, key: &str) {
    let mut raw = stage.raw.clone();
    group.bench_function(
        BenchmarkId::new("raw redis", "GET of the same bytes"),
        |bench| {
            bench.iter(|| {
                stage.runtime.block_on(async {
                    let bytes: Vec<u8> = raw.get(key).await.expect("it is there");
                    black_box(bytes);
                });
            });
        },
    );
}

/// A hit on Redis whose entry is copied into the tier above: the first read of each key by a cache.
fn promotion(criterion: &mut Criterion) {
    let stage = Stage::new(current_thread());
    let [raw, ..] = stage.raw_values();
    stage.runtime.block_on(async {
        let cache = stage.tiers(3, "shared").await;
        for id in 0..KEYS {
            larder::scope(cache.clone(), user(id)).await;
        }
    });
    let mut group = criterion.benchmark_group("promotion from Redis");
    raw_get(&stage, &mut group, raw);
    let mut turn = 0;
    for (name, is_memory) in [("into process memory", true), ("into memcached", false)] {
        group.bench_function(BenchmarkId::new("larder", name), |bench| {
            bench.iter_custom(|reads| {
                let mut took = Duration::ZERO;
                for chunk in (0..reads).step_by(KEYS as usize) {
                    turn += 1;
                    let ids = 0..KEYS.min(reads - chunk);
                    took += stage
                        .runtime
                        .block_on(promote(&stage, is_memory, turn, ids));
                }
                took
            });
        });
    }
    group.finish();
}

/// How long it takes until a cache whose upper tier is empty has read these.
async fn promote(stage: &Stage, is_memory: bool, turn: u64, ids: std::ops::Range<u64>) -> Duration {
    let redis = Layer::store(stage.redis("shared").await);
    let builder = builder().layer(LayerName::L3, redis);
    let cache = if is_memory {
        // Beside another store, so that both caches know entries in the same way.
        let file = Layer::store(stage.file("shared").await).reach(Reach::Host);
        let builder = builder.layer(LayerName::L4, file);
        let cache = builder.layer(LayerName::L1, Layer::memory()).build();
        memory_is_used(&cache).await;
        cache
    } else {
        let empty = stage.memcached(&format!("empty{turn}")).await;
        builder
            .layer(LayerName::L2, Layer::store(empty).reach(Reach::Host))
            .build()
    };
    let count = ids.end;
    let loads = cache.stats().loads;
    let began = Instant::now();
    larder::scope(cache.clone(), async {
        for id in ids {
            black_box(user(id).await);
        }
    })
    .await;
    let took = began.elapsed();
    cache.settle().await;
    let stats = cache.stats();
    assert_eq!(stats.loads, loads, "all were there");
    let promoted = stats.tiers[0].promotions + stats.tiers[0].dropped_copies;
    assert!(promoted >= count, "{stats:?}");
    took
}

/// A load of a cold key, until its caller has the value.
fn fill(criterion: &mut Criterion) {
    let stage = Stage::new(current_thread());
    let mut group = criterion.benchmark_group("miss and fill");
    let mut raw = stage.raw.clone();
    let mut id = 0;
    group.bench_function(BenchmarkId::new("raw redis", "GET, SET"), |bench| {
        bench.iter(|| {
            stage.runtime.block_on(async {
                id += 1;
                let key = format!("filled:{id}");
                let missed: Option<Vec<u8>> = raw.get(&key).await.expect("it answers");
                assert_eq!(missed, None);
                let () = raw
                    .set_ex(&key, &[0_u8; 180][..], 300)
                    .await
                    .expect("it answers");
            });
        });
    });
    for (count, name) in TIERS {
        let cache = stage
            .runtime
            .block_on(stage.tiers(count, &format!("fill{count}")));
        let (first, loads) = (id, cache.stats().loads);
        group.bench_function(BenchmarkId::new("larder", name), |bench| {
            bench.iter(|| {
                id += 1;
                stage
                    .runtime
                    .block_on(larder::scope(cache.clone(), user(id)))
            });
        });
        assert_eq!(
            cache.stats().loads - loads,
            id - first,
            "each is another one"
        );
    }
    group.finish();
}

const TIERS: [(usize, &str); 4] = [
    (1, "1 tier: Redis"),
    (2, "2 tiers: process memory above it"),
    (3, "3 tiers: memcached between them"),
    (4, "4 tiers: files below"),
];

/// A tag, with an entry in all tiers.
fn invalidation(criterion: &mut Criterion) {
    let stage = Stage::new(current_thread());
    let mut group = criterion.benchmark_group("invalidation of a tag");
    let mut raw = stage.raw.clone();
    group.bench_function(BenchmarkId::new("raw redis", "UNLINK"), |bench| {
        bench.iter(|| {
            stage.runtime.block_on(async {
                let () = raw.unlink("nothing").await.expect("it answers");
            });
        });
    });
    for (count, name) in TIERS {
        let cache = stage
            .runtime
            .block_on(stage.tiers(count, &format!("tag{count}")));
        group.bench_function(BenchmarkId::new("larder", name), |bench| {
            bench.iter(|| {
                stage.runtime.block_on(async {
                    let invalidated = cache.invalidate_tags(["users"]).await;
                    invalidated.expect("it is carried out")
                })
            });
        });
    }
    group.finish();
}

/// Reads by many tasks, all over one connection.
fn many_readers(criterion: &mut Criterion) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    let stage = Stage::new(runtime.expect("a runtime"));
    let keys = stage.raw_values();
    let mut group = criterion.benchmark_group("read by 64 tasks");
    group.throughput(Throughput::Elements(TASKS));
    let raw = stage.raw.clone();
    group.bench_function(
        BenchmarkId::new("raw redis", "GET of the same bytes"),
        |bench| {
            bench.iter_custom(|turns| {
                let raw = raw.clone();
                stage.runtime.block_on(by_many(turns, move || {
                    let mut raw = raw.clone();
                    async move {
                        let bytes: Vec<u8> = raw.get(keys[0]).await.expect("it is there");
                        black_box(bytes);
                    }
                }))
            });
        },
    );
    group.bench_function(
        BenchmarkId::new("raw redis", "MGET of them and two more"),
        |bench| {
            bench.iter_custom(|turns| {
                let raw = raw.clone();
                stage.runtime.block_on(by_many(turns, move || {
                    let mut raw = raw.clone();
                    async move {
                        let all: Vec<Vec<u8>> = raw.mget(&keys).await.expect("they are there");
                        black_box(all);
                    }
                }))
            });
        },
    );
    for (count, name) in TIERS {
        let cache = stage.runtime.block_on(async {
            let cache = stage.tiers(count, &format!("many{count}")).await;
            larder::scope(cache.clone(), user(7)).await;
            cache
        });
        group.bench_function(BenchmarkId::new("larder", name), |bench| {
            bench.iter_custom(|turns| {
                let cache = cache.clone();
                stage.runtime.block_on(by_many(turns, move || {
                    larder::scope(cache.clone(), async {
                        black_box(user(7).await);
                    })
                }))
            });
        });
    }
    group.finish();
}

/// How long it takes until each of the tasks has read so many times.
async fn by_many<R>(turns: u64, read: impl Fn() -> R + Clone + Send + Sync + 'static) -> Duration
where
    R: Future<Output = ()> + Send,
{
    let began = Instant::now();
    let tasks = (0..TASKS).map(|_| {
        let read = read.clone();
        tokio::spawn(async move {
            for _ in 0..turns {
                read().await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("it reads");
    }
    began.elapsed()
}

criterion_group!(benches, hit, promotion, fill, invalidation, many_readers);
criterion_main!(benches);
