//! What a write returned is put in the place of what was there, and never in the place of something
//! newer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Poll;

use larder::{Cache, cache_read, cache_write};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    what_was_written_is_read_without_a_load
    it_is_put_where_nothing_was
    it_carries_the_tags_of_the_function
    it_is_not_put_over_what_overtook_it_here
    it_is_not_put_over_what_overtook_it_in_another_process
    what_is_known_only_then_is_not_put_over_what_overtook_it_here
    a_thing_that_was_made_is_read_without_a_load
    of_two_writes_at_once_neither_leaves_the_older_value
    a_load_from_before_is_not_stored_over_it
    a_load_that_comes_first_is_not_served_after_it
    a_write_that_fails_puts_nothing
    a_write_that_is_dropped_at_any_await_leaves_nothing_behind
    a_write_that_panics_leaves_nothing_behind
    what_was_invalidated_inside_the_write_is_not_put
    what_is_not_kept_is_not_put
    what_else_the_write_names_is_invalidated
    it_is_not_put_over_what_was_counted_or_set_if_absent_meanwhile
    after_every_write_a_read_sees_it_or_what_is_newer
}

/// The row of a table, and who waits for what is done to it.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) version: AtomicU64,
    loads: AtomicU32,
}

impl Origin {
    pub(crate) fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }
}

/// Where a write, or a load, waits after it has been at the origin.
pub(crate) struct Pause {
    there: Semaphore,
    open: Semaphore,
}

impl Pause {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            there: Semaphore::new(0),
            open: Semaphore::new(0),
        })
    }

    pub(crate) async fn pass(&self) {
        self.there.add_permits(1);
        self.open.acquire().await.expect("it stays open").forget();
    }

    pub(crate) async fn is_there(&self) {
        self.there.acquire().await.expect("it stays open").forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) version: u64,
}

#[cache_read(key = "row:{id}", namespace = "shop", tags = ["row:{id}", "rows"], skip(origin, pause))]
pub(crate) async fn row(id: u64, origin: &Origin, pause: Option<&Pause>) -> Result<Row, ()> {
    origin.loads.fetch_add(1, Ordering::SeqCst);
    let version = origin.version.load(Ordering::SeqCst);
    if let Some(pause) = pause {
        pause.pass().await;
    }
    Ok(Row { id, version })
}

async fn write_row(id: u64, origin: &Origin, version: u64, pause: Option<&Pause>) -> Row {
    origin.version.store(version, Ordering::SeqCst);
    if let Some(pause) = pause {
        pause.pass().await;
    }
    Row { id, version }
}

#[cache_write(tags = ["row:{id}"], put = row(id))]
pub(crate) async fn write(
    id: u64,
    origin: &Origin,
    version: u64,
    pause: Option<&Pause>,
) -> Result<Row, ()> {
    Ok(write_row(id, origin, version, pause).await)
}

/// The same, where the entry is known only by what it returned.
#[cache_write(tags = ["row:{ret.id}"], put = row(ret.id))]
pub(crate) async fn make(
    number: u64,
    origin: &Origin,
    version: u64,
    pause: Option<&Pause>,
) -> Result<Row, ()> {
    Ok(write_row(number, origin, version, pause).await)
}

#[cache_write(tags = ["row:{id}"])]
async fn write_only(id: u64, origin: &Origin, version: u64) {
    origin.version.store(version, Ordering::SeqCst);
}

pub(crate) async fn read(cache: &Cache, origin: &Origin) -> u64 {
    let row = larder::scope(cache.clone(), row(7, origin, None)).await;
    row.expect("it is loaded").version
}

pub(crate) async fn peek(cache: &Cache) -> Option<u64> {
    let row = larder::scope(cache.clone(), row::peek(7)).await;
    row.expect("it answers").map(|row| row.version)
}

/// A write that has been at the origin and is slow to come back.
pub(crate) async fn slow_write(
    cache: &Cache,
    origin: &Arc<Origin>,
    version: u64,
    pause: &Arc<Pause>,
) -> JoinHandle<Result<Row, ()>> {
    let (own, slow) = (Arc::clone(origin), Arc::clone(pause));
    let writing = async move { write(7, &own, version, Some(&slow)).await };
    let writing = tokio::spawn(larder::scope(cache.clone(), writing));
    pause.is_there().await;
    writing
}

pub(crate) async fn done<T>(task: JoinHandle<Result<T, ()>>) -> T {
    task.await.expect("it does not panic").expect("it succeeds")
}

async fn what_was_written_is_read_without_a_load(stage: Stage) {
    let origin = Origin::default();
    assert_eq!(read(&stage.cache, &origin).await, 0);
    for version in 1..=3 {
        let writing = write(7, &origin, version, None);
        let written = larder::scope(stage.cache.clone(), writing).await;
        assert_eq!(written.map(|row| row.version), Ok(version));
        assert_eq!(read(&stage.other, &origin).await, version);
        assert_eq!(read(&stage.cache, &origin).await, version);
    }
    assert_eq!(origin.loads(), 1);
    let reads = stage.cache.stats();
    assert_eq!((reads.overtaken, reads.errors), (0, 0));
}

async fn it_is_put_where_nothing_was(stage: Stage) {
    let origin = Origin::default();
    let writing = write(7, &origin, 1, None);
    larder::scope(stage.cache.clone(), writing)
        .await
        .expect("it succeeds");
    assert_eq!(read(&stage.other, &origin).await, 1);
    assert_eq!(origin.loads(), 0);
}

async fn it_carries_the_tags_of_the_function(stage: Stage) {
    for ends in [Overtaking::Tag, Overtaking::Shared, Overtaking::Namespace] {
        let origin = Arc::default();
        let writing = write(7, &origin, 1, None);
        larder::scope(stage.cache.clone(), writing)
            .await
            .expect("it succeeds");
        overtake(&stage.other, ends, &origin).await;
        assert_eq!(peek(&stage.cache).await, None, "{ends:?}");
    }
}

/// What is done while a slow write is at the origin: each leaves version 2.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Overtaking {
    Key,
    Deletion,
    Tag,
    Shared,
    Namespace,
    Pattern,
    Clear,
    Set,
    WriteAndPut,
    Write,
}

pub(crate) const ALL: [Overtaking; 10] = [
    Overtaking::Key,
    Overtaking::Deletion,
    Overtaking::Tag,
    Overtaking::Shared,
    Overtaking::Namespace,
    Overtaking::Pattern,
    Overtaking::Clear,
    Overtaking::Set,
    Overtaking::WriteAndPut,
    Overtaking::Write,
];

pub(crate) async fn overtake(by: &Cache, overtaking: Overtaking, origin: &Arc<Origin>) {
    origin.version.store(2, Ordering::SeqCst);
    let row_2 = Row { id: 7, version: 2 };
    let scoped = async {
        match overtaking {
            Overtaking::Key => row::invalidate(7).await.map(drop),
            Overtaking::Deletion => by.delete(row::key(7)).await.map(drop),
            Overtaking::Tag => by.invalidate_tags(["row:7"]).await.map(drop),
            Overtaking::Shared => by.invalidate_tags(["rows"]).await.map(drop),
            Overtaking::Namespace => by.invalidate_namespace("shop").await.map(drop),
            Overtaking::Pattern => {
                let pattern = larder::Pattern::new("row:*").in_namespace("shop");
                by.delete_by_pattern(pattern).await.map(drop)
            }
            Overtaking::Clear => by.clear().await.map(drop),
            Overtaking::Set => row::prime(7, &row_2).await,
            Overtaking::WriteAndPut => {
                write(7, origin, 2, None).await.expect("it succeeds");
                Ok(())
            }
            Overtaking::Write => {
                write_only(7, origin, 2).await;
                Ok(())
            }
        }
    };
    larder::scope(by.clone(), scoped)
        .await
        .expect("it is carried out");
}

async fn it_is_not_put_over_what_overtook_it_here(stage: Stage) {
    overtaken(&stage.cache, &stage.cache, &stage).await;
}

async fn it_is_not_put_over_what_overtook_it_in_another_process(stage: Stage) {
    overtaken(&stage.cache, &stage.other, &stage).await;
}

async fn overtaken(cache: &Cache, by: &Cache, stage: &Stage) {
    for overtaking in ALL {
        for is_there in [true, false] {
            let origin = Arc::default();
            stage.cache.clear().await.expect("it is carried out");
            if is_there {
                read(cache, &origin).await;
            }
            let pause = Pause::new();
            let slow = slow_write(cache, &origin, 1, &pause).await;
            overtake(by, overtaking, &origin).await;
            pause.open();
            assert_eq!(done(slow).await.version, 1);
            for process in [cache, by] {
                let found = peek(process).await;
                assert_ne!(found, Some(1), "{overtaking:?}, {is_there}");
                assert_eq!(
                    read(process, &origin).await,
                    2,
                    "{overtaking:?}, {is_there}"
                );
            }
            // And the next write puts again.
            let next = write(7, &origin, 3, None);
            larder::scope(cache.clone(), next)
                .await
                .expect("it succeeds");
            assert_eq!(peek(by).await, Some(3), "{overtaking:?}, {is_there}");
        }
    }
}

async fn what_is_known_only_then_is_not_put_over_what_overtook_it_here(stage: Stage) {
    for overtaking in ALL {
        for is_there in [true, false] {
            let origin: Arc<Origin> = Arc::default();
            stage.cache.clear().await.expect("it is carried out");
            if is_there {
                read(&stage.cache, &origin).await;
            }
            let pause = Pause::new();
            let (own, slow) = (Arc::clone(&origin), Arc::clone(&pause));
            let making = async move { make(7, &own, 1, Some(&slow)).await };
            let making = tokio::spawn(larder::scope(stage.cache.clone(), making));
            pause.is_there().await;
            overtake(&stage.cache, overtaking, &origin).await;
            pause.open();
            done(making).await;
            assert_ne!(
                peek(&stage.cache).await,
                Some(1),
                "{overtaking:?}, {is_there}"
            );
            assert_eq!(
                read(&stage.cache, &origin).await,
                2,
                "{overtaking:?}, {is_there}"
            );
            assert_eq!(
                read(&stage.other, &origin).await,
                2,
                "{overtaking:?}, {is_there}"
            );
        }
    }
}

async fn a_thing_that_was_made_is_read_without_a_load(stage: Stage) {
    let origin = Origin::default();
    // Another row is there, under the tag that all share.
    let other = larder::scope(stage.other.clone(), row(8, &origin, None));
    other.await.expect("it is loaded");
    let making = make(7, &origin, 1, None);
    larder::scope(stage.cache.clone(), making)
        .await
        .expect("it succeeds");
    assert_eq!(peek(&stage.other).await, Some(1));
}

/// Both have been at the origin, the older first; each may be the last to come back.
async fn of_two_writes_at_once_neither_leaves_the_older_value(stage: Stage) {
    for newer_first in [true, false] {
        for here in [true, false] {
            let origin = Arc::default();
            read(&stage.cache, &origin).await;
            let (older, newer) = (Pause::new(), Pause::new());
            let second = if here { &stage.cache } else { &stage.other };
            let first = slow_write(&stage.cache, &origin, 1, &older).await;
            let second = slow_write(second, &origin, 2, &newer).await;
            let (first, second) = if newer_first {
                newer.open();
                done(second).await;
                older.open();
                (done(first).await, 2)
            } else {
                older.open();
                let first = done(first).await;
                newer.open();
                (first, done(second).await.version)
            };
            assert_eq!((first.version, second), (1, 2));
            assert_eq!(read(&stage.cache, &origin).await, 2);
            assert_eq!(read(&stage.other, &origin).await, 2);
        }
    }
}

pub(crate) async fn slow_read(
    cache: &Cache,
    origin: &Arc<Origin>,
    pause: &Arc<Pause>,
) -> JoinHandle<Result<Row, ()>> {
    let (own, slow) = (Arc::clone(origin), Arc::clone(pause));
    let reading = async move { row(7, &own, Some(&slow)).await };
    let reading = tokio::spawn(larder::scope(cache.clone(), reading));
    pause.is_there().await;
    reading
}

async fn a_load_from_before_is_not_stored_over_it(stage: Stage) {
    #[cache_write(tags = ["row:{id}"], put = row(id))]
    async fn write_late(id: u64, origin: &Origin, pause: &Pause) -> Result<Row, ()> {
        pause.pass().await;
        Ok(write_row(id, origin, 1, None).await)
    }
    for reader in [&stage.cache, &stage.other] {
        for begins_before in [true, false] {
            let origin: Arc<Origin> = Arc::default();
            stage.cache.clear().await.expect("it is carried out");
            let (reads, writes) = (Pause::new(), Pause::new());
            let mut reading = None;
            if begins_before {
                reading = Some(slow_read(reader, &origin, &reads).await);
            }
            let (own, late) = (Arc::clone(&origin), Arc::clone(&writes));
            let writing = async move { write_late(7, &own, &late).await };
            let writing = tokio::spawn(larder::scope(stage.cache.clone(), writing));
            writes.is_there().await;
            let reading = match reading {
                Some(reading) => reading,
                None => slow_read(reader, &origin, &reads).await,
            };
            writes.open();
            done(writing).await;
            assert_eq!(peek(&stage.cache).await, Some(1));
            reads.open();
            assert_eq!(done(reading).await.version, 0);
            assert_eq!(peek(&stage.cache).await, Some(1));
            assert_eq!(peek(&stage.other).await, Some(1));
        }
    }
}

async fn a_load_that_comes_first_is_not_served_after_it(stage: Stage) {
    /// It names no tag, so that nothing but the put reaches the entry.
    #[cache_write(put = row(id))]
    async fn put_only(id: u64, origin: &Origin, pause: &Pause) -> Result<Row, ()> {
        Ok(write_row(id, origin, 1, Some(pause)).await)
    }
    for reader in [&stage.cache, &stage.other] {
        for names_tags in [true, false] {
            let origin: Arc<Origin> = Arc::default();
            stage.cache.clear().await.expect("it is carried out");
            let (reads, writes) = (Pause::new(), Pause::new());
            let reading = slow_read(reader, &origin, &reads).await;
            let writing = if names_tags {
                slow_write(&stage.cache, &origin, 1, &writes).await
            } else {
                let (own, slow) = (Arc::clone(&origin), Arc::clone(&writes));
                let writing = async move { put_only(7, &own, &slow).await };
                let writing = tokio::spawn(larder::scope(stage.cache.clone(), writing));
                writes.is_there().await;
                writing
            };
            // Readers are not kept waiting, and what they load is stored.
            reads.open();
            assert_eq!(done(reading).await.version, 0);
            assert_eq!(peek(reader).await, Some(0));
            writes.open();
            done(writing).await;
            for process in [&stage.cache, &stage.other] {
                assert_eq!(read(process, &origin).await, 1);
            }
        }
    }
}

async fn a_write_that_fails_puts_nothing(stage: Stage) {
    #[cache_write(tags = ["row:{id}"], put = row(id))]
    async fn fails(id: u64) -> Result<Row, ()> {
        let _ = id;
        Err(())
    }
    #[cache_write(tags = ["row:{id}"], put = row(id), invalidate = "on_ok")]
    async fn fails_without(id: u64) -> Result<Row, ()> {
        let _ = id;
        Err(())
    }
    let origin = Origin::default();
    read(&stage.cache, &origin).await;
    let failing = larder::scope(stage.cache.clone(), fails_without(7));
    assert_eq!(failing.await, Err(()));
    assert_eq!(peek(&stage.other).await, Some(0));
    let failing = larder::scope(stage.cache.clone(), fails(7));
    assert_eq!(failing.await, Err(()));
    assert_eq!(peek(&stage.cache).await, None);
    assert_eq!(peek(&stage.other).await, None);
}

async fn a_write_that_is_dropped_at_any_await_leaves_nothing_behind(stage: Stage) {
    #[cache_write(tags = ["row:{id}"], put = row(id), keys = ["another"])]
    async fn write(id: u64, origin: &Origin, version: u64) -> Result<Row, ()> {
        origin.version.store(version, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(Row { id, version })
    }
    let origin = Origin::default();
    for polls in 1..100_000 {
        let version = 2 * polls;
        let before = read(&stage.cache, &origin).await;
        let has_ended = larder::scope(stage.cache.clone(), async {
            let writing = write(7, &origin, version);
            tokio::pin!(writing);
            for _ in 0..polls {
                let poll = std::future::poll_fn(|context| {
                    Poll::Ready(writing.as_mut().poll(context).is_ready())
                });
                if poll.await {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            false
        })
        .await;
        let here = peek(&stage.cache).await;
        assert!(
            [None, Some(version)].contains(&here),
            "{polls}: {here:?}, {before}"
        );
        stage.cache.settle().await;
        let there = peek(&stage.other).await;
        assert!([None, Some(version)].contains(&there), "{polls}: {there:?}");
        // Nothing keeps the next one from being put.
        origin.version.store(version + 1, Ordering::SeqCst);
        let next = write(7, &origin, version + 1);
        larder::scope(stage.cache.clone(), next)
            .await
            .expect("it succeeds");
        assert_eq!(read(&stage.other, &origin).await, version + 1);
        if has_ended {
            return;
        }
    }
}

async fn a_write_that_panics_leaves_nothing_behind(stage: Stage) {
    #[cache_write(put = row(id))]
    async fn panics(id: u64) -> Result<Row, ()> {
        panic!("the origin of {id} panics");
    }
    let origin = Origin::default();
    read(&stage.cache, &origin).await;
    let panicking = tokio::spawn(larder::scope(stage.cache.clone(), panics(7)));
    assert!(panicking.await.expect_err("it panics").is_panic());
    assert_eq!(peek(&stage.cache).await, None);
    stage.cache.settle().await;
    assert_eq!(peek(&stage.other).await, None);
    let next = write(7, &origin, 1, None);
    larder::scope(stage.cache.clone(), next)
        .await
        .expect("it succeeds");
    assert_eq!(peek(&stage.other).await, Some(1));
}

async fn what_was_invalidated_inside_the_write_is_not_put(stage: Stage) {
    #[cache_write(put = row(id))]
    async fn write_twice(id: u64, origin: &Origin) -> Result<Row, ()> {
        let first = write_row(id, origin, 1, None).await;
        write_only(id, origin, 2).await;
        Ok(first)
    }
    let origin = Origin::default();
    read(&stage.cache, &origin).await;
    let writing = write_twice(7, &origin);
    larder::scope(stage.cache.clone(), writing)
        .await
        .expect("it succeeds");
    assert_eq!(read(&stage.cache, &origin).await, 2);
    assert_eq!(read(&stage.other, &origin).await, 2);
}

#[cache_read(key = "found:{id}", cache_none = false)]
async fn found(id: u64) -> Option<u64> {
    Some(id)
}

async fn what_is_not_kept_is_not_put(stage: Stage) {
    #[cache_write(put = found(id))]
    async fn set(id: u64, value: Option<u64>) -> Result<Option<u64>, ()> {
        let _ = id;
        Ok(value)
    }
    #[cache_write(put = found(*ret))]
    async fn set_some(value: u64) -> u64 {
        value
    }
    larder::scope(stage.cache.clone(), async {
        assert_eq!(found(7).await, Some(7));
        set(7, Some(8)).await.expect("it succeeds");
        assert_eq!(found::peek(7).await.expect("it answers"), Some(Some(8)));
        set(7, None).await.expect("it succeeds");
        assert_eq!(found::peek(7).await.expect("it answers"), None);
        set_some(9).await;
        assert_eq!(found::peek(9).await.expect("it answers"), Some(Some(9)));
    })
    .await;
}

async fn what_else_the_write_names_is_invalidated(stage: Stage) {
    #[cache_write(tags = ["row:{id}", "reports"], keys = ["named"], put = row(id))]
    async fn write(id: u64, origin: &Origin) -> Result<Row, ()> {
        Ok(write_row(id, origin, 1, None).await)
    }
    let origin = Origin::default();
    read(&stage.cache, &origin).await;
    let (cache, other) = (&stage.cache, &stage.other);
    cache.set("named", &1_u8).await.expect("it is stored");
    let tagged = cache.set("tagged", &1_u8).tags(["reports"]);
    tagged.await.expect("it is stored");
    let writing = write(7, &origin);
    larder::scope(cache.clone(), writing)
        .await
        .expect("it succeeds");
    for process in [cache, other] {
        assert_eq!(peek(process).await, Some(1));
        for key in ["named", "tagged"] {
            assert_eq!(
                process.get::<u8>(key).await.expect("it answers"),
                None,
                "{key}"
            );
        }
    }
}

async fn it_is_not_put_over_what_was_counted_or_set_if_absent_meanwhile(stage: Stage) {
    #[cache_read(key = "count:{id}")]
    async fn count(id: u64) -> i64 {
        let _ = id;
        0
    }
    #[cache_write(put = count(id))]
    async fn reset(id: u64, cache: &Cache, counts: bool) -> i64 {
        let key = count::key(id);
        if counts {
            cache.increment(key, 1).await.expect("it counts");
        } else {
            let is_set = cache.set_if_absent(key, &1_i64).await;
            assert!(is_set.expect("it is stored"));
        }
        0
    }
    for counts in [true, false] {
        larder::scope(stage.cache.clone(), reset(7, &stage.cache, counts)).await;
        let count = larder::scope(stage.cache.clone(), count::peek(7)).await;
        assert_eq!(count.expect("it answers"), None, "{counts}");
    }
}

/// Many write and read one row at once, from two processes. Whoever reads after a write returned must
/// see that write or a later one.
async fn after_every_write_a_read_sees_it_or_what_is_newer(stage: Stage) {
    const TASKS: u64 = 8;
    const ROUNDS: u64 = 150;

    /// Takes the next version, and some time before and after.
    async fn take_version(origin: &Origin, random: &mut fastrand::Rng) -> u64 {
        for _ in 0..random.u8(0..4) {
            tokio::task::yield_now().await;
        }
        let version = origin.version.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..random.u8(0..4) {
            tokio::task::yield_now().await;
        }
        version
    }
    #[cache_write(tags = ["row:{id}"], put = row(id))]
    async fn known(id: u64, origin: &Origin, random: &mut fastrand::Rng) -> Result<Row, ()> {
        let version = take_version(origin, random).await;
        Ok(Row { id, version })
    }
    #[cache_write(tags = ["rows"], keys = ["row:{id}"], namespace = "shop")]
    async fn plain(id: u64, origin: &Origin, random: &mut fastrand::Rng) -> u64 {
        let _ = id;
        take_version(origin, random).await
    }

    let origin: Arc<Origin> = Arc::default();
    let tasks = (0..TASKS).map(|task| {
        let cache = if task % 2 == 0 {
            &stage.cache
        } else {
            &stage.other
        };
        let origin = Arc::clone(&origin);
        let working = async move {
            let mut random = fastrand::Rng::with_seed(task);
            for _ in 0..ROUNDS {
                let least = match random.u8(0..6) {
                    0 | 1 => known(7, &origin, &mut random).await.map(|row| row.version),
                    2 => Ok(plain(7, &origin, &mut random).await),
                    _ => Ok(0),
                };
                let seen = row(7, &origin, None).await.map(|row| row.version);
                assert!(seen >= least, "{seen:?} after {least:?} was written");
            }
        };
        tokio::spawn(larder::scope(cache.clone(), working))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it sees what was written");
    }
    let last = origin.version.load(Ordering::SeqCst);
    assert_eq!(read(&stage.cache, &origin).await, last);
    assert_eq!(read(&stage.other, &origin).await, last);
}
