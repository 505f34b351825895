//! What a write puts into a store that other processes use: what comes between its steps, and what is
//! known of an entry only when it has returned.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder::{Cache, Clock, Invalidation, Targets, cache_read, cache_write};
use larder_redis::RedisStore;
use larder_testkit::RedisServer;
use tokio::sync::Semaphore;

use crate::meddled::Meddled;
use crate::put::{
    ALL, Origin, Overtaking, Pause, Row, done, make, overtake, peek, read, row, slow_read,
    slow_write, write,
};
use crate::stage::{Stage, cache_on, in_time};

async fn meddled(server: &RedisServer) -> Meddled {
    let store = RedisStore::builder(server.url()).connect().await;
    Meddled::with(store.expect("it is there"))
}

fn cache_of(store: Meddled) -> Cache {
    Cache::builder()
        .store(store)
        .time_budget(Duration::from_secs(10))
        .build()
}

/// Not even an entry that nobody is served any more.
async fn leave_no_trace(cache: &Cache) {
    let row = Targets::default().tag("row:7").key(row::key(7));
    cache.invalidate(row).await;
}

/// Something in another process comes between the last question and the fill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_between_the_steps_and_the_fill_undoes_the_put() {
    in_time(async {
        let server = RedisServer::start().await;
        let other = cache_on(&server.url(), &Clock::hand_wound()).await;
        for overtaking in ALL {
            for is_known in [true, false] {
                let origin: Arc<Origin> = Arc::default();
                leave_no_trace(&other).await;
                let mut store = meddled(&server).await;
                let (there, open) = (Arc::clone(&store.there), Arc::new(Semaphore::new(0)));
                store.open = Some(Arc::clone(&open));
                let cache = cache_of(store);
                let own = Arc::clone(&origin);
                let writing = async move {
                    if is_known {
                        write(7, &own, 1, None).await
                    } else {
                        make(7, &own, 1, None).await
                    }
                };
                let writing = tokio::spawn(larder::scope(cache.clone(), writing));
                there.acquire().await.expect("it comes").forget();
                overtake(&other, overtaking, &origin).await;
                open.add_permits(1);
                done(writing).await;
                assert_ne!(peek(&other).await, Some(1), "{overtaking:?}, {is_known}");
                assert_eq!(read(&other, &origin).await, 2, "{overtaking:?}, {is_known}");
                assert_ne!(peek(&cache).await, Some(1), "{overtaking:?}, {is_known}");
            }
        }
    })
    .await;
}

/// Something in this process comes after the first question, and before there is anything in the
/// store that it could take away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_before_the_lease_of_nothing_is_heard_of_before_the_fill() {
    in_time(async {
        let server = RedisServer::start().await;
        let origin: Arc<Origin> = Arc::default();
        let mut store = meddled(&server).await;
        let (there, open) = (Arc::clone(&store.there), Arc::new(Semaphore::new(0)));
        store.open = Some(Arc::clone(&open));
        store.holds_locks = true;
        let cache = cache_of(store);
        let own = Arc::clone(&origin);
        let making = async move { make(7, &own, 1, None).await };
        let making = tokio::spawn(larder::scope(cache.clone(), making));
        there.acquire().await.expect("it comes").forget();
        overtake(&cache, Overtaking::Key, &origin).await;
        open.add_permits(2);
        done(making).await;
        assert_eq!(peek(&cache).await, None);
    })
    .await;
}

/// Where another process has left a trace, nobody knows whether what it did came later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_only_then_is_not_put_where_there_is_a_trace() {
    in_time(async {
        let stage = Stage::redis().await;
        let origin: Arc<Origin> = Arc::default();
        let making = || async {
            let making = make(7, &origin, 1, None);
            larder::scope(stage.cache.clone(), making)
                .await
                .expect("it succeeds");
        };
        // Without one, it is.
        making().await;
        assert_eq!(peek(&stage.other).await, Some(1));
        // An entry.
        making().await;
        assert_eq!(peek(&stage.other).await, None);
        // A generation, under which there was an entry.
        read(&stage.other, &origin).await;
        overtake(&stage.other, Overtaking::Key, &origin).await;
        making().await;
        assert_eq!(peek(&stage.other).await, None);
        // An entry whose tag has ended since.
        leave_no_trace(&stage.other).await;
        read(&stage.other, &origin).await;
        overtake(&stage.other, Overtaking::Tag, &origin).await;
        making().await;
        assert_eq!(peek(&stage.other).await, None);
        // The lease of a load whose tag has ended since.
        leave_no_trace(&stage.other).await;
        let pause = Pause::new();
        let reading = slow_read(&stage.other, &origin, &pause).await;
        overtake(&stage.other, Overtaking::Tag, &origin).await;
        making().await;
        assert_eq!(peek(&stage.other).await, None);
        pause.open();
        done(reading).await;
        assert_eq!(peek(&stage.other).await, None);
    })
    .await;
}

/// What can be known before the body is protected as if all were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_only_then_is_not_put_over_what_reached_it_by_what_was_known() {
    in_time(async {
        let stage = Stage::redis().await;
        for overtaking in [
            Overtaking::Shared,
            Overtaking::Namespace,
            Overtaking::Clear,
            Overtaking::Set,
            Overtaking::WriteAndPut,
        ] {
            let origin: Arc<Origin> = Arc::default();
            leave_no_trace(&stage.other).await;
            let pause = Pause::new();
            let (own, slow) = (Arc::clone(&origin), Arc::clone(&pause));
            let making = async move { make(7, &own, 1, Some(&slow)).await };
            let making = tokio::spawn(larder::scope(stage.cache.clone(), making));
            pause.is_there().await;
            overtake(&stage.other, overtaking, &origin).await;
            pause.open();
            done(making).await;
            assert_eq!(read(&stage.cache, &origin).await, 2, "{overtaking:?}");
            assert_eq!(read(&stage.other, &origin).await, 2, "{overtaking:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_keeps_no_load_with_a_lock_waiting() {
    #[cache_read(key = "locked:{id}", lock)]
    async fn locked(id: u64) -> Result<Row, ()> {
        Ok(Row { id, version: 0 })
    }
    #[cache_write(put = locked(id))]
    async fn write_locked(id: u64, pause: Arc<Pause>) -> Result<Row, ()> {
        pause.pass().await;
        Ok(Row { id, version: 1 })
    }
    in_time(async {
        let stage = Stage::redis().await;
        let pause = Pause::new();
        let writing = larder::scope(stage.cache.clone(), write_locked(7, Arc::clone(&pause)));
        let writing = tokio::spawn(writing);
        pause.is_there().await;
        let reading = larder::scope(stage.other.clone(), locked(7)).await;
        assert_eq!(reading.map(|row| row.version), Ok(0));
        pause.open();
        done(writing).await;
        let read = larder::scope(stage.other.clone(), locked::peek(7)).await;
        assert_eq!(
            read.expect("it answers"),
            None,
            "what was loaded meanwhile is gone"
        );
        // And while nobody loads, it is put.
        let pause = Pause::new();
        pause.open();
        let writing = larder::scope(stage.cache.clone(), write_locked(7, pause));
        writing.await.expect("it succeeds");
        let read = larder::scope(stage.other.clone(), locked::peek(7)).await;
        assert_eq!(read.expect("it answers").map(|row| row.version), Some(1));
    })
    .await;
}

/// Two processes, of which the one that began first comes back last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_another_process_is_not_undone_by_a_slower_one() {
    in_time(async {
        let stage = Stage::redis().await;
        let origin = Arc::default();
        let pause = Pause::new();
        let slow = slow_write(&stage.cache, &origin, 1, &pause).await;
        overtake(&stage.other, Overtaking::WriteAndPut, &origin).await;
        assert_eq!(peek(&stage.other).await, Some(2));
        pause.open();
        done(slow).await;
        assert_eq!(stage.cache.stats().overtaken, 1);
        assert_eq!(read(&stage.other, &origin).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_during_an_outage_puts_nothing_and_is_not_undone_by_its_end() {
    in_time(async {
        let stage = Stage::on(RedisServer::builder().append_only().start().await).await;
        let origin = Arc::default();
        let pause = Pause::new();
        assert_eq!(read(&stage.cache, &origin).await, 0);
        let slow = slow_write(&stage.cache, &origin, 1, &pause).await;
        stage.server().kill();
        pause.open();
        assert_eq!(done(slow).await.version, 1);
        let during = write(7, &origin, 2, None);
        let during = larder::scope(stage.cache.clone(), during).await;
        assert_eq!(during.map(|row| row.version), Ok(2));
        assert!(stage.cache.stats().queued_invalidations > 0);

        // The entry is on the server's disk, and comes back with it.
        stage.server().restart().await;
        stage.cache.settle().await;
        let other = cache_on(&stage.server().url(), &stage.clock).await;
        for process in [&stage.cache, &other] {
            assert_eq!(read(process, &origin).await, 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_put_under_an_invalidation_that_is_on_its_way() {
    #[cache_write(put = row(id))]
    async fn only_put(id: u64) -> Result<Row, ()> {
        Ok(Row { id, version: 1 })
    }
    in_time(async {
        let server = RedisServer::start().await;
        let store = meddled(&server).await;
        store.loses_invalidations.store(true, Ordering::SeqCst);
        let cache = cache_of(store);
        let queued = cache.invalidate_tags(["rows"]).await;
        assert_eq!(queued.ok(), Some(Invalidation::Queued));
        larder::scope(cache, only_put(7))
            .await
            .expect("it succeeds");
        let other = cache_on(&server.url(), &Clock::hand_wound()).await;
        assert_eq!(peek(&other).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_process_memory_get_theirs_there() {
    #[cache_read(key = "near:{id}", layer = "l1")]
    async fn near(id: u64) -> Result<Row, ()> {
        Ok(Row { id, version: 0 })
    }
    #[cache_write(put = near(id))]
    async fn write_near(id: u64, pause: Arc<Pause>) -> Result<Row, ()> {
        pause.pass().await;
        Ok(Row { id, version: 1 })
    }
    async fn version() -> Option<u64> {
        near::peek(7)
            .await
            .expect("it answers")
            .map(|row| row.version)
    }
    in_time(async {
        let stage = Stage::redis().await;
        let cache = stage.cache.clone();
        larder::scope(cache.clone(), async move {
            let pause = Pause::new();
            pause.open();
            write_near(7, pause).await.expect("it succeeds");
            assert_eq!(version().await, Some(1));

            let pause = Pause::new();
            let writing = larder::scope(cache, write_near(7, Arc::clone(&pause)));
            let writing = tokio::spawn(writing);
            pause.is_there().await;
            near::prime(7, &Row { id: 7, version: 2 })
                .await
                .expect("it is stored");
            pause.open();
            done(writing).await;
            assert_eq!(version().await, None);
        })
        .await;
    })
    .await;
}
