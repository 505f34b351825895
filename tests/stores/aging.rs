//! How entries age: early loads, stale values, renewal, and what is kept at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::aio::ConnectionManager;
use futures_util::future::join_all;
use larder::{Cache, Ttl, cache_read};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    an_old_entry_is_served_and_loaded_again_once
    an_early_load_is_not_stored_when_an_invalidation_overtakes_it
    an_early_load_that_fails_leaves_the_entry_and_waits_a_while
    another_process_does_not_load_early_too
    a_flood_of_old_entries_is_no_flood_of_loads
    a_hit_gives_the_whole_ttl_again
    a_stale_value_is_served_when_the_load_fails
    a_stale_value_goes_to_all_who_wait
    a_stale_value_is_never_one_that_was_invalidated
    a_refresh_that_fails_says_so
    a_load_that_panics_is_not_covered_up
    a_slow_load_goes_on_while_something_stale_is_served
    a_slow_load_is_waited_for_when_there_is_nothing_stale
    what_is_stale_is_not_cleaned_up_before_its_time
    ttls_come_out_apart_and_never_longer
    a_value_says_how_long_it_is_kept
    a_value_that_is_not_to_be_kept_is_not
    an_error_is_kept_for_its_own_time
    a_kept_error_is_ended_by_an_invalidation
    a_kept_error_is_no_value_for_others
    nothing_leaves_process_memory_that_is_to_stay_there
    every_invalidation_reaches_what_stays_in_process_memory
}

const SECOND: Duration = Duration::from_secs(1);

/// An origin that counts, and fails or stands still when it is told to.
#[derive(Clone, Default)]
struct Origin(Arc<Inside>);

struct Inside {
    loads: AtomicUsize,
    fails: AtomicBool,
    /// Loads that may go on; without limit unless it stands still.
    may_go_on: Semaphore,
}

impl Default for Inside {
    fn default() -> Self {
        Self {
            loads: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            may_go_on: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl Origin {
    async fn load(&self) -> Result<usize, String> {
        let number = self.0.loads.fetch_add(1, Ordering::SeqCst) + 1;
        self.0
            .may_go_on
            .acquire()
            .await
            .expect("it is open")
            .forget();
        if self.0.fails.load(Ordering::SeqCst) {
            Err(format!("load {number} fails"))
        } else {
            Ok(number)
        }
    }

    fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }

    fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    fn stand_still(&self) {
        self.0.may_go_on.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn go_on(&self) {
        self.0.may_go_on.add_permits(1_000_000);
    }

    /// Until so many loads have begun.
    async fn has_begun(&self, loads: usize) {
        while self.loads() < loads {
            tokio::task::yield_now().await;
        }
    }
}

async fn on<T>(cache: &Cache, test: impl Future<Output = T>) -> T {
    larder::scope(cache.clone(), test).await
}

#[cache_read(key = "early:{id}", ttl = 60, early_ttl = 40, tags = ["early"], skip(origin))]
async fn early(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn an_old_entry_is_served_and_loaded_again_once(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(early(&origin, 7).await, Ok(1));
        stage.clock.advance(39 * SECOND);
        assert_eq!(early(&origin, 7).await, Ok(1));
        stage.cache.settle().await;
        assert_eq!(origin.loads(), 1);

        stage.clock.advance(SECOND);
        origin.stand_still();
        let hits = join_all((0..100).map(|_| early(&origin, 7))).await;
        assert!(hits.iter().all(|hit| *hit == Ok(1)));
        origin.has_begun(2).await;
        origin.go_on();
        stage.cache.settle().await;
        assert_eq!(origin.loads(), 2);

        // A new ttl, from the early load on.
        stage.clock.advance(39 * SECOND);
        assert_eq!(early(&origin, 7).await, Ok(2));
        stage.cache.settle().await;
        assert_eq!(origin.loads(), 2);
    })
    .await;
    let stats = stage.cache.stats();
    assert_eq!((stats.misses, stats.loads), (1, 2));
}

async fn an_early_load_is_not_stored_when_an_invalidation_overtakes_it(stage: Stage) {
    let origin = Origin::default();
    for (id, invalidate) in [(1, true), (2, false)] {
        on(&stage.cache, async {
            let first = early(&origin, id).await.expect("it loads");
            stage.clock.advance(50 * SECOND);
            origin.stand_still();
            assert_eq!(early(&origin, id).await, Ok(first));
            origin.has_begun(first + 1).await;
            let other = &stage.other;
            if invalidate {
                other.invalidate_tags(["early"]).await.expect("it is taken");
            } else {
                other
                    .delete(format!("early:{id}"))
                    .await
                    .expect("it is taken");
            }
            origin.go_on();
            stage.cache.settle().await;
            assert_eq!(origin.loads(), first + 1);
            assert_eq!(early(&origin, id).await, Ok(first + 2));
        })
        .await;
    }
}

async fn an_early_load_that_fails_leaves_the_entry_and_waits_a_while(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(early(&origin, 7).await, Ok(1));
        stage.clock.advance(50 * SECOND);
        origin.fail(true);
        for _ in 0..3 {
            assert_eq!(early(&origin, 7).await, Ok(1));
            stage.cache.settle().await;
        }
        assert_eq!(origin.loads(), 2);
        stage.clock.advance(SECOND);
        origin.fail(false);
        assert_eq!(early(&origin, 7).await, Ok(1));
        stage.cache.settle().await;
        assert_eq!(early(&origin, 7).await, Ok(3));
    })
    .await;
    assert_eq!(stage.cache.stats().load_failures, 1);
    assert_eq!(stage.cache.stats().stale_served, 0);
}

async fn another_process_does_not_load_early_too(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, early(&origin, 7)).await.expect("it loads");
    stage.clock.advance(50 * SECOND);
    origin.stand_still();
    assert_eq!(on(&stage.cache, early(&origin, 7)).await, Ok(1));
    origin.has_begun(2).await;
    // Its own early load ends at once, because it finds the lease.
    assert_eq!(on(&stage.other, early(&origin, 7)).await, Ok(1));
    if stage.server.is_some() {
        stage.other.settle().await;
    }
    assert_eq!(origin.loads(), 2);
    origin.go_on();
    stage.cache.settle().await;
    assert_eq!(on(&stage.other, early(&origin, 7)).await, Ok(2));
    assert_eq!(origin.loads(), 2);
}

async fn a_flood_of_old_entries_is_no_flood_of_loads(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        join_all((0..1_000).map(|id| early(&origin, id))).await;
        stage.clock.advance(50 * SECOND);
        origin.stand_still();
        join_all((0..1_000).map(|id| early(&origin, id))).await;
        origin.has_begun(1_256).await;
        origin.go_on();
        stage.cache.settle().await;
        assert_eq!(origin.loads(), 1_256);
    })
    .await;
}

#[cache_read(key = "session:{id}", ttl = 60, refresh, skip(origin))]
async fn session(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn a_hit_gives_the_whole_ttl_again(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        for _ in 0..10 {
            assert_eq!(session(&origin, 7).await, Ok(1));
            stage.clock.advance(59 * SECOND);
        }
        assert_eq!(
            stage.cache.ttl("session:7").await.expect("it answers"),
            Some(Ttl::For(SECOND))
        );
        stage.clock.advance(SECOND);
        assert_eq!(session(&origin, 7).await, Ok(2));
    })
    .await;
}

#[cache_read(key = "price:{id}", ttl = 60, stale_for = 600, tags = ["prices"], skip(origin))]
async fn price(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn a_stale_value_is_served_when_the_load_fails(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(price(&origin, 7).await, Ok(1));
        stage.clock.advance(60 * SECOND);
        origin.fail(true);
        assert_eq!(price(&origin, 7).await, Ok(1));
        assert_eq!(
            stage
                .cache
                .get::<usize>("price:7")
                .await
                .expect("it answers"),
            None
        );
        assert_eq!(price::peek(7).await.expect("it answers"), None);
        stage.clock.advance(599 * SECOND);
        assert_eq!(price(&origin, 7).await, Ok(1));
        origin.fail(false);
        assert_eq!(price(&origin, 7).await, Ok(4));
        origin.fail(true);
        stage.clock.advance(660 * SECOND);
        assert_eq!(price(&origin, 7).await, Err("load 5 fails".to_owned()));
    })
    .await;
    assert_eq!(stage.cache.stats().stale_served, 2);
    assert_eq!(stage.cache.stats().load_failures, 3);
}

async fn a_stale_value_goes_to_all_who_wait(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(price(&origin, 7).await, Ok(1));
        stage.clock.advance(60 * SECOND);
        origin.fail(true);
        origin.stand_still();
        let callers = join_all((0..100).map(|_| price(&origin, 7)));
        let going_on = async {
            while stage.cache.stats().waits < 99 {
                tokio::task::yield_now().await;
            }
            origin.go_on();
        };
        let (served, ()) = futures_util::future::join(callers, going_on).await;
        assert!(served.iter().all(|served| *served == Ok(1)));
        assert_eq!(origin.loads(), 2);
    })
    .await;
    assert_eq!(stage.cache.stats().stale_served, 100);
}

async fn a_stale_value_is_never_one_that_was_invalidated(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(price(&origin, 7).await, Ok(1));
        assert_eq!(price(&origin, 8).await, Ok(2));
        stage.clock.advance(60 * SECOND);
        origin.fail(true);
        let other = &stage.other;
        other.delete("price:8").await.expect("it is taken");
        assert!(price(&origin, 8).await.is_err());

        // While the load is under way, too.
        origin.stand_still();
        let reading = price(&origin, 7);
        let invalidating = async {
            origin.has_begun(4).await;
            other
                .invalidate_tags(["prices"])
                .await
                .expect("it is taken");
            origin.go_on();
        };
        let (read, ()) = futures_util::future::join(reading, invalidating).await;
        assert_eq!(read, Err("load 4 fails".to_owned()));
    })
    .await;
    assert_eq!(stage.cache.stats().stale_served, 0);
}

async fn a_refresh_that_fails_says_so(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(price(&origin, 7).await, Ok(1));
        origin.fail(true);
        assert!(price::refresh(&origin, 7).await.is_err());
        assert_eq!(price(&origin, 7).await, Ok(1));
    })
    .await;
}

#[cache_read(key = "panics", ttl = 60, stale_for = 600, skip(panics))]
async fn panicking(panics: bool) -> u8 {
    assert!(!panics, "the origin panics");
    1
}

async fn a_load_that_panics_is_not_covered_up(stage: Stage) {
    on(&stage.cache, panicking(false)).await;
    stage.clock.advance(60 * SECOND);
    let cache = stage.cache.clone();
    let task = tokio::spawn(async move { on(&cache, panicking(true)).await });
    assert!(task.await.expect_err("it panics").is_panic());
}

#[cache_read(
    key = "slow:{id}", ttl = 60, stale_for = 600, load_timeout = "1ms", tags = ["slow"], skip(origin)
)]
async fn slow(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn a_slow_load_goes_on_while_something_stale_is_served(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(slow(&origin, 7).await, Ok(1));
        stage.clock.advance(60 * SECOND);
        origin.stand_still();
        let served = join_all((0..10).map(|_| slow(&origin, 7))).await;
        assert!(served.iter().all(|served| *served == Ok(1)));
        assert_eq!(stage.cache.stats().stale_served, 10);
        origin.has_begun(2).await;
        origin.go_on();
        stage.cache.settle().await;
        assert_eq!(origin.loads(), 2);
        assert_eq!(slow(&origin, 7).await, Ok(2));

        // What was invalidated is waited for.
        stage.clock.advance(60 * SECOND);
        origin.stand_still();
        stage
            .other
            .invalidate_tags(["slow"])
            .await
            .expect("it is taken");
        let going_on = async {
            origin.has_begun(3).await;
            origin.go_on();
        };
        let (read, ()) = futures_util::future::join(slow(&origin, 7), going_on).await;
        assert_eq!(read, Ok(3));
    })
    .await;
}

async fn a_slow_load_is_waited_for_when_there_is_nothing_stale(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        origin.stand_still();
        let going_on = async {
            origin.has_begun(1).await;
            origin.go_on();
        };
        let (read, ()) = futures_util::future::join(slow(&origin, 7), going_on).await;
        assert_eq!(read, Ok(1));
    })
    .await;
}

async fn what_is_stale_is_not_cleaned_up_before_its_time(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(price(&origin, 7).await, Ok(1));
        stage.clock.advance(61 * SECOND);
        assert_eq!(stage.cache.cleanup_expired().await.expect("it is done"), 0);
        origin.fail(true);
        assert_eq!(price(&origin, 7).await, Ok(1));
        stage.clock.advance(600 * SECOND);
        assert_eq!(stage.cache.cleanup_expired().await.expect("it is done"), 1);
    })
    .await;
}

#[cache_read(key = "apart:{id}", ttl = 100, jitter = "20%")]
async fn apart(id: u64) -> u64 {
    id
}

async fn ttls_come_out_apart_and_never_longer(stage: Stage) {
    let mut ttls = BTreeSet::new();
    on(&stage.cache, async {
        for id in 0..50 {
            apart(id).await;
            let ttl = stage.cache.ttl(format!("apart:{id}")).await;
            let Some(Ttl::For(ttl)) = ttl.expect("it answers") else {
                panic!("it has a ttl");
            };
            assert!((80 * SECOND..=100 * SECOND).contains(&ttl), "{ttl:?}");
            ttls.insert(ttl);
        }
    })
    .await;
    assert!(ttls.len() > 25);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Token {
    text: String,
    lasts: u64,
}

#[cache_read(key = "token:{lasts}", ttl_of = |token| Duration::from_secs(token.lasts))]
async fn token(lasts: u64) -> Result<Token, String> {
    let text = "secret".to_owned();
    Ok(Token { text, lasts })
}

async fn a_value_says_how_long_it_is_kept(stage: Stage) {
    on(&stage.cache, async {
        for lasts in [0, 5, 5_000] {
            token(lasts).await.expect("it loads");
            let ttl = stage.cache.ttl(format!("token:{lasts}")).await;
            let expected = (lasts > 0).then(|| Ttl::For(Duration::from_secs(lasts)));
            assert_eq!(ttl.expect("it answers"), expected);
        }
        // Its tags live as long.
        stage.clock.advance(4_999 * SECOND);
        assert!(stage.cache.exists("token:5000").await.expect("it answers"));
    })
    .await;
}

fn is_even(number: &usize) -> bool {
    number.is_multiple_of(2)
}

#[cache_read(key = "even", cache_if = is_even, skip(origin))]
async fn even(origin: &Origin) -> Result<usize, String> {
    origin.load().await
}

#[cache_read(key = "long", cache_if = |text| text.len() > 3, skip(text))]
async fn long(text: &str) -> String {
    text.to_owned()
}

async fn a_value_that_is_not_to_be_kept_is_not(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        for expected in [1, 2, 2, 2] {
            assert_eq!(even(&origin).await, Ok(expected));
        }
        assert_eq!(long("abc").await, "abc");
        assert_eq!(long("abcd").await, "abcd");
        assert_eq!(long("ab").await, "abcd");
    })
    .await;
}

#[cache_read(key = "found:{id}", ttl = 60, cache_err = "5s", tags = ["found"], skip(origin))]
async fn found(origin: &Origin, id: u64) -> Result<usize, String> {
    origin.load().await
}

async fn an_error_is_kept_for_its_own_time(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        origin.fail(true);
        for _ in 0..3 {
            assert_eq!(found(&origin, 7).await, Err("load 1 fails".to_owned()));
        }
        stage.clock.advance(Duration::from_millis(4_999));
        assert_eq!(found(&origin, 7).await, Err("load 1 fails".to_owned()));
        stage.clock.advance(Duration::from_millis(1));
        origin.fail(false);
        assert_eq!(found(&origin, 7).await, Ok(2));
        // An error does not take a value's place.
        origin.fail(true);
        assert!(found::refresh(&origin, 7).await.is_err());
        assert_eq!(found(&origin, 7).await, Ok(2));
    })
    .await;
    assert_eq!(on(&stage.other, found(&origin, 7)).await, Ok(2));
    let stats = stage.cache.stats();
    assert_eq!((stats.corrupt, stats.loads), (0, 3));
}

async fn a_kept_error_is_ended_by_an_invalidation(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        origin.fail(true);
        assert!(found(&origin, 7).await.is_err());
        stage
            .other
            .invalidate_tags(["found"])
            .await
            .expect("it is taken");
        origin.fail(false);
        assert_eq!(found(&origin, 7).await, Ok(2));

        // An error of a load that was overtaken is not kept either.
        found::invalidate(7).await.expect("it is taken");
        origin.fail(true);
        origin.stand_still();
        let invalidating = async {
            origin.has_begun(3).await;
            stage
                .other
                .invalidate_tags(["found"])
                .await
                .expect("it is taken");
            origin.fail(true);
            origin.go_on();
        };
        let (read, ()) = futures_util::future::join(found(&origin, 7), invalidating).await;
        assert!(read.is_err());
        origin.fail(false);
        assert_eq!(found(&origin, 7).await, Ok(4));
    })
    .await;
}

#[cache_read(key = "found:{id}", ttl = 60, tags = ["found"])]
async fn found_text(id: u64) -> Result<String, String> {
    Ok(format!("text {id}"))
}

async fn a_kept_error_is_no_value_for_others(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        origin.fail(true);
        assert!(found(&origin, 7).await.is_err());
        assert_eq!(found::peek(7).await.expect("it answers"), None);
        assert_eq!(
            stage
                .cache
                .get::<String>("found:7")
                .await
                .expect("it answers"),
            None
        );
        // The error is a text too, and no text is found.
        assert_eq!(found_text(7).await, Ok("text 7".to_owned()));
    })
    .await;
    assert_eq!(stage.cache.stats().corrupt, 0);
}

/// It is not `Serialize`.
#[derive(Debug, Clone, PartialEq)]
struct Connection(Arc<usize>);

#[cache_read(key = "connection:{id}", layer = "l1", ttl = 60, tags = ["connections"], namespace = "n", skip(origin))]
async fn connection(origin: &Origin, id: u64) -> Result<Connection, String> {
    origin
        .load()
        .await
        .map(|number| Connection(Arc::new(number)))
}

fn cache_connection(cache: &Cache) -> ConnectionManager {
    cache.connection().expect("the cache is on Redis")
}

fn numbered(number: usize) -> Result<Connection, String> {
    Ok(Connection(Arc::new(number)))
}

async fn nothing_leaves_process_memory_that_is_to_stay_there(stage: Stage) {
    let origin = Origin::default();
    on(&stage.cache, async {
        assert_eq!(connection(&origin, 7).await, numbered(1));
        assert_eq!(connection(&origin, 7).await, numbered(1));
        assert_eq!(
            connection::peek(7).await.expect("it answers"),
            numbered(1).ok()
        );
        connection::prime(8, &Connection(Arc::new(80)))
            .await
            .expect("it is kept");
        assert_eq!(connection(&origin, 8).await, numbered(80));
        stage.clock.advance(60 * SECOND);
        assert_eq!(connection(&origin, 7).await, numbered(2));
        let callers = join_all((0..100).map(|_| connection(&origin, 9))).await;
        assert!(callers.iter().all(|caller| *caller == numbered(3)));
    })
    .await;
    if stage.server.is_some() {
        let mut redis: ConnectionManager = cache_connection(&stage.cache);
        let keys: u64 = ::redis::cmd("DBSIZE")
            .query_async(&mut redis)
            .await
            .expect("it answers");
        assert_eq!(keys, 0);
    }
}

async fn every_invalidation_reaches_what_stays_in_process_memory(stage: Stage) {
    let origin = Origin::default();
    let cache = &stage.cache;
    on(cache, async {
        for number in 1..=8 {
            assert_eq!(connection(&origin, 7).await, numbered(number));
            let key = connection::key(7);
            match number {
                1 => drop(connection::invalidate(7).await.expect("it is taken")),
                2 => drop(
                    cache
                        .invalidate_tags(["connections"])
                        .await
                        .expect("it is taken"),
                ),
                3 => drop(cache.invalidate_namespace("n").await.expect("it is taken")),
                4 => drop(cache.delete(&key).await.expect("it is taken")),
                5 => drop(cache.clear().await.expect("it is taken")),
                6 => drop(
                    cache
                        .delete_by_pattern(larder::Pattern::new("connection:*").in_namespace("n"))
                        .await
                        .expect("it is taken"),
                ),
                7 => drop(
                    cache
                        .delete_by_tags(["connections"])
                        .await
                        .expect("it is taken"),
                ),
                _ => assert_eq!(connection::refresh(&origin, 7).await, numbered(9)),
            }
        }
        assert_eq!(connection(&origin, 7).await, numbered(9));
    })
    .await;
}
