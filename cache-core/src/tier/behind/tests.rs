//! With the clock paused: time passes only while all tasks wait for it.

use super::super::door::{Door, Mood};
use super::*;

fn queue(door: &Arc<Door>) -> Arc<Behind> {
    Behind::new(door.guarded(), false)
}

fn copy_of(bytes: usize) -> Copy {
    Copy {
        entry: vec![0; bytes].into(),
        ttl: None,
        cause: Cause::Fill,
    }
}

fn keys(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("key:{number}")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_done_in_the_background() {
    let door = Door::open();
    let behind = queue(&door);
    for key in keys(0..600) {
        behind.copy(&key, copy_of(10));
    }
    behind.empty(&keys(600..1_200));
    assert_eq!(behind.len(), 1_200);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((behind.len(), behind.dropped()), (0, 0));
    assert_eq!(*door.copied.lock(), keys(0..600));
    assert_eq!(*door.emptied.lock(), keys(600..1_200));
}

#[tokio::test(start_paused = true)]
async fn of_a_key_only_the_last_waits() {
    let door = Door::open();
    let behind = queue(&door);
    for size in 0..100 {
        behind.copy("key", copy_of(size));
    }
    behind.copy("emptied", copy_of(10));
    behind.empty(&["emptied".to_owned()]);
    behind.empty(&["copied".to_owned()]);
    behind.copy("copied", copy_of(10));
    assert_eq!(behind.len(), 3);
    behind.flush().await;
    assert_eq!((behind.len(), behind.dropped()), (0, 0));
    assert_eq!(*door.copied.lock(), ["key", "copied"]);
    assert_eq!(*door.emptied.lock(), ["emptied"]);
}

#[tokio::test(start_paused = true)]
async fn of_too_many_keys_the_oldest_go() {
    let door = Door::open();
    let behind = queue(&door);
    for key in keys(0..MOST_WAITING + 100) {
        behind.copy(&key, copy_of(10));
    }
    assert_eq!(behind.len(), MOST_WAITING as u64);
    assert_eq!(behind.dropped(), 100);
    behind.empty(&keys(10_000..10_000 + 2 * MOST_WAITING));
    assert_eq!(behind.len(), MOST_WAITING as u64);
    assert_eq!(behind.dropped(), 100 + MOST_WAITING as u64);
    behind.flush().await;
    assert!(door.copied.lock().is_empty());
    assert_eq!(door.emptied.lock().len(), MOST_WAITING);
}

#[tokio::test(start_paused = true)]
async fn of_too_many_bytes_the_oldest_go() {
    let door = Door::open();
    let behind = queue(&door);
    let half = MOST_BYTES / 2 - 100;
    for key in keys(0..3) {
        behind.copy(&key, copy_of(half));
    }
    assert_eq!((behind.len(), behind.dropped()), (2, 1));
    // One that would leave no room for any other is none to wait for.
    behind.copy("huge", copy_of(MOST_BYTES + 1));
    assert_eq!((behind.len(), behind.dropped()), (2, 2));
    behind.flush().await;
    assert_eq!(*door.copied.lock(), keys(1..3));
    assert_eq!(behind.waiting.lock().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_a_tier_takes_is_counted_and_not_tried_again() {
    let door = Door::open();
    let behind = queue(&door);
    door.set(Mood::TakesAtMost(100));
    for (times, size) in [(1, 101), (1, 101), (1, 200), (2, 100)] {
        behind.copy("key", copy_of(size));
        behind.flush().await;
        assert_eq!(door.calls(), times, "{size}");
    }
    assert_eq!(behind.dropped(), 3);
    assert_eq!(*door.copied.lock(), ["key"]);
    assert_eq!(behind.store.breaker(), Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn while_a_tier_is_away_keys_to_empty_wait_and_copies_do_not() {
    let door = Door::open();
    let behind = queue(&door);
    door.set(Mood::IsUnreachable);
    behind.copy("copied", copy_of(10));
    behind.empty(&["emptied".to_owned()]);
    // Nobody waits for a tier that is away.
    behind.flush().await;
    assert_eq!((behind.len(), behind.dropped()), (1, 1));
    tokio::time::sleep(LAST_PAUSE).await;
    assert_eq!(behind.store.breaker(), Breaker::Open);
    behind.copy("copied", copy_of(10));
    assert_eq!((behind.len(), behind.dropped()), (1, 2));

    door.set(Mood::Answers);
    tokio::time::sleep(2 * LAST_PAUSE).await;
    assert_eq!(behind.len(), 0);
    assert_eq!(*door.emptied.lock(), ["emptied"]);
    behind.copy("copied", copy_of(10));
    behind.flush().await;
    assert_eq!(*door.copied.lock(), ["copied"]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_is_dropped_loses_nothing() {
    let door = Door::open();
    let behind = queue(&door);
    door.set(Mood::IsSilent);
    behind.empty(&keys(0..3));
    let flush = tokio::time::timeout(Duration::from_millis(10), behind.flush()).await;
    assert!(flush.is_err());
    assert_eq!(behind.len(), 3);
    door.set(Mood::Answers);
    behind.flush().await;
    assert_eq!(*door.emptied.lock(), keys(0..3));
}

/// The one in which it began has ended, or stands still.
#[test]
fn a_flush_needs_no_other_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let builder = builder.enable_time().start_paused(true);
        builder.build().expect("a runtime is made")
    };
    let door = Door::open();
    let behind = queue(&door);
    door.set(Mood::IsSilent);
    let standing_still = runtime();
    standing_still.block_on(async {
        behind.empty(&keys(0..3));
        tokio::time::sleep(Duration::from_millis(1)).await;
    });
    assert_eq!(door.calls(), 1, "it is being worked off");
    door.set(Mood::Answers);
    runtime().block_on(behind.flush());
    assert_eq!(*door.emptied.lock(), keys(0..3));
    drop(standing_still);
}

#[tokio::test(start_paused = true)]
async fn nobody_works_for_a_stack_that_is_gone() {
    let door = Door::open();
    let behind = queue(&door);
    door.set(Mood::IsUnreachable);
    behind.empty(&keys(0..3));
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(behind);
    tokio::time::sleep(2 * LAST_PAUSE).await;
    assert_eq!(Arc::strong_count(&door), 1);
}
