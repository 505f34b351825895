//! The user's code runs in the middle of the cache's: tag functions, destructors, clones, weighers.
//! It may call the cache, and it may take its time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use std::future::IntoFuture as _;

use futures_util::FutureExt as _;
use larder::{Cache, MemoryLimit, Targets, cache_read};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::Semaphore;

use crate::stage::in_time;

/// Runs on a thread of its own, because what could go wrong blocks the thread.
async fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    in_time(tokio::task::spawn_blocking(test))
        .await
        .expect("it does not panic");
}

/// A value that calls the cache when it goes.
#[derive(Clone)]
struct Calling(Arc<Guard>);

struct Guard {
    cache: OnceLock<Cache>,
    number: u32,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(cache) = self.cache.get() {
            let others = (0..200).map(|other| format!("key:{}", (self.number + other) % 400));
            let targets = others.fold(Targets::default(), |targets, key| targets.key(key));
            cache
                .invalidate(targets)
                .now_or_never()
                .expect("process memory does not wait");
        }
    }
}

impl Serialize for Calling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Calling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        Ok(Self(Arc::new(Guard {
            cache: OnceLock::new(),
            number,
        })))
    }
}

#[tokio::test]
async fn a_destructor_may_call_the_cache() {
    on_a_thread(|| {
        let cache = Cache::builder().max_entries(10).build();
        for turn in 0..2 {
            for number in 0..400 {
                let value = || {
                    let guard = Guard {
                        cache: OnceLock::from(cache.clone()),
                        number,
                    };
                    Calling(Arc::new(guard))
                };
                let key = format!("key:{}", number % 50);
                if turn == 0 {
                    let load = cache.load(&key, || async { value() });
                    load.into_future().now_or_never().expect("it loads at once");
                } else {
                    let value = value();
                    let set = cache.set(&key, &value).into_future().now_or_never();
                    set.expect("it is set at once").expect("it is set");
                }
                let _ = cache.stats();
            }
        }
        cache
            .clear()
            .now_or_never()
            .expect("at once")
            .expect("it is cleared");
    })
    .await;
}

#[tokio::test]
async fn a_tag_function_may_call_the_cache() {
    fn tags(id: &u32) -> Vec<String> {
        // Every shard of every table is touched.
        let cache = larder::cache();
        (0..500).for_each(|other| {
            let delete = cache.invalidate_key(format!("key:{other}")).now_or_never();
            delete.expect("at once").expect("it is carried out");
        });
        vec![format!("tag:{id}")]
    }
    #[cache_read(key = "key:{id}", tags = tags)]
    async fn value(id: u32) -> u32 {
        id
    }
    on_a_thread(|| {
        for id in 0..50 {
            larder::scope(Cache::memory(), value(id))
                .now_or_never()
                .expect("at once");
        }
    })
    .await;
}

#[tokio::test]
async fn a_weigher_may_call_the_cache() {
    on_a_thread(|| {
        let cell: Arc<OnceLock<Cache>> = Arc::default();
        let limit = MemoryLimit::Weight(100, {
            let cell = Arc::clone(&cell);
            Arc::new(move |_, _| {
                if let Some(cache) = cell.get() {
                    for number in 0..200 {
                        let delete = cache.invalidate_key(format!("other:{number}"));
                        delete
                            .now_or_never()
                            .expect("at once")
                            .expect("it is carried out");
                    }
                }
                1
            })
        });
        let cache = cell.get_or_init(|| Cache::builder().memory_limit(limit).build());
        for number in 0..50_u32 {
            let load = cache.load(format!("key:{number}"), || async { number });
            assert_eq!(load.into_future().now_or_never(), Some(number));
        }
    })
    .await;
}

#[tokio::test]
async fn a_cache_without_room_keeps_nothing() {
    let none = || MemoryLimit::Weight(0, Arc::new(|_, _| 1));
    for limit in [MemoryLimit::Entries(0), none()] {
        let cache = Cache::builder().memory_limit(limit).build();
        for number in 0..1_000_u32 {
            cache
                .set(format!("key:{number}"), &number)
                .await
                .expect("it is no error");
        }
        for number in 0..1_000_u32 {
            assert_eq!(
                cache
                    .get::<u32>(format!("key:{number}"))
                    .await
                    .expect("it answers"),
                None
            );
        }
    }
}

#[tokio::test]
async fn a_limit_is_kept_to() {
    let cache = Cache::builder().max_entries(100).build();
    for number in 0..20_000_u32 {
        cache
            .load(format!("key:{number}"), || async { number })
            .await;
    }
    // moka counts in what was stored a little later; asked for the count, it does so now.
    assert_eq!(cache.stats().entries, Some(100));
    let mut found = 0;
    for number in 0..20_000_u32 {
        let value = cache
            .get::<u32>(format!("key:{number}"))
            .await
            .expect("it answers");
        found += u64::from(value.is_some());
    }
    assert_eq!(found, 100);
}

/// A panic beside a load says nothing about the load.
#[tokio::test]
async fn a_panic_elsewhere_in_the_leaders_task_is_not_the_loads() {
    in_time(async {
        let cache = Cache::memory();
        let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let loads = Arc::new(AtomicU32::new(0));
        let leader = tokio::spawn({
            let (cache, begun, go_on) = (cache.clone(), Arc::clone(&begun), Arc::clone(&go_on));
            async move {
                let load = cache.load("key", || async {
                    begun.add_permits(1);
                    std::future::pending::<u32>().await
                });
                let panicking = async {
                    go_on.acquire().await.expect("it stays open").forget();
                    panic!("something else");
                };
                tokio::join!(load.into_future(), panicking)
            }
        });
        begun.acquire().await.expect("it begins").forget();
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let (cache, loads) = (cache.clone(), Arc::clone(&loads));
                tokio::spawn(async move {
                    let load = cache.load("key", || async {
                        loads.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        7_u32
                    });
                    load.await
                })
            })
            .collect();
        while cache.stats().waits < 50 {
            tokio::task::yield_now().await;
        }
        go_on.add_permits(1);
        leader.await.expect_err("it panics");
        for caller in waiting {
            assert_eq!(caller.await.expect("it does not panic"), 7);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert_eq!(cache.stats().load_failures, 0);
    })
    .await;
}
