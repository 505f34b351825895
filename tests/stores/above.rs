//! Process memory above a store: it answers first, and never what the store no longer has.
//!
//! The store is a real Redis; of its changes the tests tell themselves, at the moment that they are about.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use larder::store::Watcher;
use larder::{Cache, Clock, Key, Layer, LayerName};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::meddled::Meddled;
use crate::stage::{cache_on, in_time};

/// Something that the store tells of.
type Change = &'static dyn Fn(&dyn Watcher);

/// A cache with process memory above a server, and another process that has only the server.
struct Above {
    cache: Cache,
    other: Cache,
    watcher: Arc<dyn Watcher>,
    /// Has a permit for each read that the server answered.
    reads: Arc<Semaphore>,
    /// Has a permit for each fill that is about to be sent.
    fills: Arc<Semaphore>,
    clock: Clock,
    _server: RedisServer,
}

impl Above {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(meddle: impl FnOnce(&mut Meddled)) -> Self {
        let server = RedisServer::start().await;
        let clock = Clock::hand_wound();
        let store = RedisStore::builder(server.url()).connect().await;
        let mut store = Meddled::with(store.expect("the server is there"));
        meddle(&mut store);
        let (reads, fills) = (Arc::clone(&store.read), Arc::clone(&store.there));
        let watcher = Arc::clone(&store.watcher);
        let cache = Cache::builder()
            .layer(LayerName::L1, Layer::memory().ttl(Duration::from_secs(60)))
            .layer(LayerName::L2, Layer::store(store))
            .clock(clock.clone())
            .time_budget(Duration::from_secs(10))
            .build();
        let watcher = Arc::clone(watcher.get().expect("the cache watches its store"));
        watcher.regained();
        Self {
            cache,
            other: cache_on(&server.url(), &clock).await,
            watcher,
            reads,
            fills,
            clock,
            _server: server,
        }
    }

    async fn load(&self, value: &str) -> String {
        let value = value.to_owned();
        let load = self.cache.load("user:7", || async move { value });
        load.tags(["users"]).await
    }

    fn tell_of_slot(&self) {
        self.watcher.slot_changed(Key::new("user:7").qualified());
    }
}

#[tokio::test]
async fn a_value_is_read_from_the_store_once() {
    in_time(async {
        let above = Above::new().await;
        above
            .other
            .set("user:7", &"Ada".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        assert_eq!(above.load("Bob").await, "Ada");
        let reads = above.reads.available_permits();
        assert_eq!(above.load("Bob").await, "Ada");
        assert_eq!(
            above.cache.get("user:7").await.expect("it answers"),
            Some("Ada".to_owned())
        );
        assert_eq!(
            above.reads.available_permits(),
            reads,
            "process memory answered"
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_loaded_or_set_is_there_at_once() {
    in_time(async {
        let above = Above::new().await;
        assert_eq!(above.load("Ada").await, "Ada");
        above
            .cache
            .set("user:8", &"Eve".to_owned())
            .await
            .expect("it is set");
        let reads = above.reads.available_permits();
        assert_eq!(above.load("Bob").await, "Ada");
        assert_eq!(
            above.cache.get("user:8").await.expect("it answers"),
            Some("Eve".to_owned())
        );
        assert_eq!(above.reads.available_permits(), reads);
    })
    .await;
}

#[tokio::test]
async fn a_direct_lookup_is_kept_as_well() {
    in_time(async {
        let above = Above::new().await;
        above
            .other
            .set("user:7", &"Ada".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        for _ in 0..2 {
            assert_eq!(
                above.cache.get("user:7").await.expect("it answers"),
                Some("Ada".to_owned())
            );
        }
        assert_eq!(above.reads.available_permits(), 1);
        above
            .other
            .invalidate_tags(["users"])
            .await
            .expect("it is invalidated");
        above.watcher.generation_changed("tag:users");
        assert_eq!(
            above
                .cache
                .get::<String>("user:7")
                .await
                .expect("it answers"),
            None
        );
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_heard_ends_what_it_is_about() {
    in_time(async {
        let above = Above::new().await;
        let changes: [Change; 6] = [
            &|watcher| watcher.slot_changed(Key::new("user:7").qualified()),
            &|watcher| watcher.generation_changed("tag:users"),
            &|watcher| watcher.generation_changed("all"),
            &|watcher| watcher.everything_changed(),
            &|watcher| watcher.lost(),
            &|watcher| {
                watcher.lost();
                watcher.regained();
            },
        ];
        for (at, change) in changes.into_iter().enumerate() {
            above.watcher.regained();
            above.load("Ada").await;
            let reads = above.reads.available_permits();
            above.load("Ada").await;
            assert_eq!(above.reads.available_permits(), reads, "before change {at}");
            change(&*above.watcher);
            above.load("Ada").await;
            assert_eq!(
                above.reads.available_permits(),
                reads + 1,
                "after change {at}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn another_change_leaves_it_alone() {
    in_time(async {
        let above = Above::new().await;
        above.load("Ada").await;
        let reads = above.reads.available_permits();
        above.watcher.slot_changed(Key::new("user:8").qualified());
        above.watcher.generation_changed("tag:orders");
        above.load("Ada").await;
        assert_eq!(above.reads.available_permits(), reads);
    })
    .await;
}

#[tokio::test]
async fn while_changes_are_not_heard_the_store_is_asked() {
    in_time(async {
        let above = Above::new().await;
        above.watcher.lost();
        above.load("Ada").await;
        above
            .other
            .set("user:7", &"Bob".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        assert_eq!(above.load("Eve").await, "Bob");
        above
            .other
            .set("user:7", &"Cyd".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        assert_eq!(above.load("Eve").await, "Cyd");
    })
    .await;
}

/// A read whose answer is on its way while something changes is served to its caller and not kept.
#[tokio::test]
async fn what_changes_while_it_is_read_is_not_kept() {
    in_time(async {
        let changes: [&dyn Fn(&Above); 4] = [
            &Above::tell_of_slot,
            &|above| above.watcher.generation_changed("tag:users"),
            &|above| above.watcher.everything_changed(),
            &|above| {
                above.watcher.lost();
                above.watcher.regained();
            },
        ];
        for change in changes {
            let answers = Arc::new(Semaphore::new(0));
            let above = Above::with(|store| store.answers = Some(Arc::clone(&answers))).await;
            above
                .other
                .set("user:7", &"Ada".to_owned())
                .tags(["users"])
                .await
                .expect("it is set");
            let change = async {
                above.reads.acquire().await.expect("it stays open").forget();
                change(&above);
                answers.add_permits(100);
            };
            let (read, ()) = tokio::join!(above.load("Bob"), change);
            assert_eq!(read, "Ada");
            above
                .other
                .set("user:7", &"Cyd".to_owned())
                .tags(["users"])
                .await
                .expect("it is set");
            assert_eq!(above.load("Bob").await, "Cyd");
        }
    })
    .await;
}

/// This process invalidates, and someone reads the store before that has heard of it.
#[tokio::test]
async fn what_is_read_before_the_store_took_an_own_change_is_not_kept() {
    in_time(async {
        for by_key in [false, true] {
            let gate = Arc::new(Semaphore::new(0));
            let above = Above::with(|store| store.invalidations = Some(Arc::clone(&gate))).await;
            above
                .other
                .set("user:7", &"Ada".to_owned())
                .tags(["users"])
                .await
                .expect("it is set");
            let invalidation = async {
                let invalidated = if by_key {
                    above.cache.invalidate_key("user:7").await
                } else {
                    above.cache.invalidate_tags(["users"]).await
                };
                invalidated.expect("it is invalidated");
            };
            let read = async {
                // This process has forgotten it, and the store has not.
                assert_eq!(above.load("Bob").await, "Ada");
                gate.add_permits(100);
            };
            tokio::join!(biased; invalidation, read);
            assert_eq!(above.load("Bob").await, "Bob");
        }
    })
    .await;
}

/// The same for a set whose value is on its way to the store, and a reader that is slow.
#[tokio::test]
async fn what_is_read_before_the_store_took_an_own_set_is_not_kept() {
    in_time(async {
        let (fills, answers) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let above = Above::with(|store| {
            store.open = Some(Arc::clone(&fills));
            store.answers = Some(Arc::clone(&answers));
        });
        let above = above.await;
        above
            .other
            .set("user:7", &"Ada".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        let bob = "Bob".to_owned();
        let setting = above.cache.set("user:7", &bob).into_future();
        let set = async {
            setting.await.expect("it is set");
            answers.add_permits(100);
        };
        let answer = async {
            above.fills.acquire().await.expect("it stays open").forget();
            let reading = above.load("Cyd");
            let filling = async {
                above.reads.acquire().await.expect("it stays open").forget();
                fills.add_permits(100);
            };
            let (read, ()) = tokio::join!(reading, filling);
            assert_eq!(read, "Ada");
        };
        tokio::join!(set, answer);
        assert_eq!(above.load("Cyd").await, "Bob");
    })
    .await;
}

/// Another process's change that the store leaves out, because this process has changed the same
/// generation right after it, shows when this process learns the generation.
#[tokio::test]
async fn a_generation_that_changed_unheard_shows_at_the_next_load() {
    in_time(async {
        let above = Above::new().await;
        above.load("Ada").await;
        above
            .other
            .invalidate_tags(["users"])
            .await
            .expect("it is invalidated");
        // Nothing is kept of it, but its lease begins the generation that was ended.
        let failing = above
            .cache
            .try_load("user:8", || async { Err::<String, _>("down") });
        failing.tags(["users"]).await.expect_err("it fails");
        assert_eq!(above.load("Bob").await, "Bob");
    })
    .await;
}

#[tokio::test]
async fn its_own_ttl_is_a_cap() {
    in_time(async {
        let above = Above::new().await;
        above.load("Ada").await;
        let reads = above.reads.available_permits();
        above.clock.advance(Duration::from_secs(61));
        assert_eq!(above.load("Bob").await, "Ada", "the store still has it");
        assert_eq!(above.reads.available_permits(), reads + 1);
        // What is left of the entry's own ttl counts from when it was stored.
        above.clock.advance(Duration::from_secs(220));
        assert_eq!(above.load("Bob").await, "Ada");
        above.clock.advance(Duration::from_secs(30));
        assert_eq!(above.load("Bob").await, "Bob");
    })
    .await;
}

#[tokio::test]
async fn what_one_does_oneself_shows_at_once() {
    in_time(async {
        let above = Above::new().await;
        let cache = &above.cache;
        above.load("Ada").await;
        cache
            .set("user:7", &"Bob".to_owned())
            .await
            .expect("it is set");
        assert_eq!(above.load("Cyd").await, "Bob");
        cache.delete("user:7").await.expect("it is deleted");
        assert_eq!(above.load("Cyd").await, "Cyd");
        cache
            .delete_by_pattern("user:*")
            .await
            .expect("they are deleted");
        assert_eq!(above.load("Dan").await, "Dan");
        cache.clear().await.expect("it is cleared");
        assert_eq!(above.load("Eve").await, "Eve");
        for n in 1..4 {
            assert_eq!(cache.increment("visits", 1).await.expect("it counts"), n);
            let visits = cache.get::<i64>("visits").await.expect("it answers");
            assert_eq!(visits, Some(n));
        }
        cache
            .set_ttl("user:7", Duration::from_secs(5))
            .await
            .expect("it answers");
        above.clock.advance(Duration::from_secs(6));
        assert_eq!(above.load("Fay").await, "Fay");
        assert_eq!(
            cache
                .get_and_delete::<String>("user:7")
                .await
                .expect("it answers"),
            Some("Fay".to_owned())
        );
        assert_eq!(
            cache.get::<String>("user:7").await.expect("it answers"),
            None
        );
    })
    .await;
}

/// A set, while the older value is on its way to a reader of this process.
#[tokio::test]
async fn a_set_is_not_hidden_by_an_older_value_that_is_being_read() {
    in_time(async {
        let answers = Arc::new(Semaphore::new(0));
        let above = Above::with(|store| store.answers = Some(Arc::clone(&answers))).await;
        above
            .other
            .set("user:7", &"Ada".to_owned())
            .tags(["users"])
            .await
            .expect("it is set");
        let set = async {
            above.reads.acquire().await.expect("it stays open").forget();
            above
                .cache
                .set("user:7", &"Bob".to_owned())
                .await
                .expect("it is set");
            answers.add_permits(100);
        };
        let (read, ()) = tokio::join!(above.load("Cyd"), set);
        assert_eq!(read, "Ada");
        assert_eq!(above.load("Cyd").await, "Bob");
    })
    .await;
}
