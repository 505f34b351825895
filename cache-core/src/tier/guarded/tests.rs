//! With the clock paused: time passes only while all tasks wait for it.

use super::super::breaker::MOST_FAILURES;
use super::super::door::{BUDGET, Door, Mood};
use super::*;

async fn ask(guarded: &Guarded) -> Result<(), StoreError> {
    guarded.generations(&[]).await.map(drop)
}

/// Lets the store fail until it is left alone.
async fn open(door: &Door, guarded: &Guarded, mood: Mood) {
    door.set(mood);
    for _ in 0..MOST_FAILURES {
        assert_eq!(guarded.breaker(), Breaker::Closed);
        ask(guarded).await.expect_err("it does not answer");
    }
    assert_eq!(guarded.breaker(), Breaker::Open);
}

/// Waits until the store has been probed so often, and the answer is known.
async fn probed(door: &Door, times: usize) {
    while door.pings.lock().len() < times {
        door.pinged.notified().await;
    }
    tokio::time::sleep(BUDGET + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_costs_its_time_budget_and_no_more() {
    let door = Door::open();
    let guarded = door.guarded();
    door.set(Mood::IsSilent);
    let began = Instant::now();
    let error = ask(&guarded).await.expect_err("it is silent");
    assert_eq!(began.elapsed(), BUDGET);
    assert_eq!(error.to_string(), "`door` did not answer within 100ms");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_left_alone() {
    for mood in [Mood::IsSilent, Mood::IsUnreachable] {
        let door = Door::open();
        let guarded = door.guarded();
        open(&door, &guarded, mood).await;
        let began = Instant::now();
        for _ in 0..100 {
            let error = ask(&guarded).await.expect_err("it is left alone");
            assert!(matches!(error, StoreError::LeftAlone { .. }), "{error}");
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(door.calls(), MOST_FAILURES);
        assert_eq!(guarded.errors(), u64::from(MOST_FAILURES) + 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let door = Door::open();
    let guarded = door.guarded();
    door.set(Mood::Refuses);
    for _ in 0..10 * MOST_FAILURES {
        let error = ask(&guarded).await.expect_err("it refuses");
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    }
    assert_eq!(guarded.breaker(), Breaker::Closed);
    // It also ends being left alone: the store is there again.
    open(&door, &guarded, Mood::IsUnreachable).await;
    door.set(Mood::Refuses);
    probed(&door, 1).await;
    assert_eq!(guarded.breaker(), Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn only_failures_in_a_row_count() {
    let door = Door::open();
    let guarded = door.guarded();
    for _ in 0..3 {
        door.set(Mood::IsUnreachable);
        for _ in 1..MOST_FAILURES {
            ask(&guarded).await.expect_err("it is away");
        }
        door.set(Mood::Answers);
        ask(&guarded).await.expect("it answers");
    }
    assert_eq!(guarded.breaker(), Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_is_probed_in_the_background_after_growing_pauses() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsUnreachable).await;
    let mut before = Instant::now();
    let mut longest = FIRST_PAUSE;
    for times in 1..=10 {
        while door.pings.lock().len() < times {
            door.pinged.notified().await;
        }
        let pause = before.elapsed();
        // Timers go by milliseconds.
        let spread = longest / 2..=longest + Duration::from_millis(1);
        assert!(spread.contains(&pause), "{pause:?} of {longest:?}");
        before = Instant::now();
        longest = (longest * 2).min(LAST_PAUSE);
    }
    assert_eq!(longest, LAST_PAUSE);
    assert_eq!(door.calls(), MOST_FAILURES, "no caller's call is a probe");
}

#[tokio::test(start_paused = true)]
async fn while_it_is_probed_calls_fail_at_once() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsSilent).await;
    while door.pings.lock().is_empty() {
        door.pinged.notified().await;
    }
    assert_eq!(guarded.breaker(), Breaker::HalfOpen);
    ask(&guarded).await.expect_err("it is left alone");
    tokio::time::sleep(BUDGET + Duration::from_millis(1)).await;
    assert_eq!(guarded.breaker(), Breaker::Open);
    assert_eq!(door.calls(), MOST_FAILURES);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_again_is_used_again() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsUnreachable).await;
    probed(&door, 2).await;
    assert_ne!(guarded.breaker(), Breaker::Closed);
    door.set(Mood::Answers);
    probed(&door, 3).await;
    assert_eq!(guarded.breaker(), Breaker::Closed);
    ask(&guarded).await.expect("it answers");
    // And left alone again, when it goes again.
    open(&door, &guarded, Mood::IsUnreachable).await;
    probed(&door, 4).await;
    assert_ne!(guarded.breaker(), Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_ping_asks_the_store_and_ends_its_being_left_alone() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsUnreachable).await;
    let error = guarded.ping().await.expect_err("it is away");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert_eq!(guarded.breaker(), Breaker::Open);
    door.set(Mood::Answers);
    guarded.ping().await.expect("it answers");
    assert_eq!(guarded.breaker(), Breaker::Closed);
}

/// A caller's time limit may be the same as the store's, and come first.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_after_nearly_all_of_its_time_was_not_answered() {
    let door = Door::open();
    let guarded = door.guarded();
    door.set(Mood::IsSilent);
    for _ in 0..10 * MOST_FAILURES {
        let dropped = tokio::time::timeout(BUDGET / 2, ask(&guarded)).await;
        assert!(dropped.is_err());
    }
    assert_eq!(guarded.breaker(), Breaker::Closed, "it still had time");
    for _ in 0..MOST_FAILURES {
        let nearly = BUDGET - Duration::from_millis(1);
        let dropped = tokio::time::timeout(nearly, ask(&guarded)).await;
        assert!(dropped.is_err());
    }
    assert_eq!(guarded.breaker(), Breaker::Open);
}

/// The runtime in which it was probed ended with the test that used it, for example.
#[test]
fn probing_goes_on_in_another_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let builder = builder.enable_time().start_paused(true);
        builder.build().expect("a runtime is made")
    };
    let door = Door::open();
    let guarded = door.guarded();
    runtime().block_on(open(&door, &guarded, Mood::IsUnreachable));
    door.set(Mood::Answers);
    runtime().block_on(async {
        ask(&guarded).await.expect_err("it is left alone");
        probed(&door, 1).await;
        ask(&guarded).await.expect("it answers");
    });
}

#[tokio::test(start_paused = true)]
async fn nobody_probes_a_store_that_is_no_longer_used() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsUnreachable).await;
    drop(guarded);
    tokio::time::sleep(LAST_PAUSE).await;
    assert!(door.pings.lock().is_empty());
    assert_eq!(Arc::strong_count(&door), 1);
}

#[tokio::test(start_paused = true)]
async fn its_statistics_say_how_it_does() {
    let door = Door::open();
    let guarded = door.guarded();
    open(&door, &guarded, Mood::IsUnreachable).await;
    let [tier] = &guarded.tiers()[..] else {
        panic!("there is one store");
    };
    assert_eq!((tier.name.as_str(), tier.breaker), ("door", Breaker::Open));
    assert_eq!(tier.errors, u64::from(MOST_FAILURES));
}
