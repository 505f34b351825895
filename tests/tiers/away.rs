//! A tier that is down, slow or cut off.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use larder::LayerName::{L2, L3};
use larder::store::Store as _;
use larder_core::Breaker;

use crate::stage::{KEY, MINUTE, Stage, in_time, look, stats};

const BUDGET: Duration = Duration::from_millis(50);

/// Waits for something that another task brings about.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    while !is_so().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_tier_costs_its_time_budget_and_then_nothing() {
    in_time(async {
        let mut stage = Stage::local_and_shared().await;
        stage.budgets[0] = BUDGET;
        let stack = stage.stack().await;
        stage.fill(&stack, &["tag"], "value").await;
        stage.servers[0].pause();
        let mut lookups = 0;
        while stats(&stack, L2).breaker == Breaker::Closed {
            let found = look(&stack, &["tag"]).await.expect("the authority answers");
            assert_eq!(found.as_deref(), Some("value"));
            lookups += 1;
            assert!(lookups <= 5, "it is left alone after five failures");
        }
        // From now on it is not asked at all.
        let began = Instant::now();
        for _ in 0..100 {
            let found = look(&stack, &["tag"]).await.expect("the authority answers");
            assert_eq!(found.as_deref(), Some("value"));
        }
        assert!(began.elapsed() < 100 * BUDGET, "{:?}", began.elapsed());
        let dropped = stats(&stack, L2).dropped_copies;
        stage.fill(&stack, &["tag"], "new").await;
        assert!(stats(&stack, L2).dropped_copies > dropped);
        assert_eq!(stats(&stack, L2).waiting, 0);

        stage.servers[0].resume();
        until(async || stats(&stack, L2).breaker == Breaker::Closed).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("new"));
    })
    .await;
}

/// It comes back with what it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalidation_that_a_tier_missed_holds_when_it_is_back() {
    in_time(async {
        for keys in [vec![], vec![KEY.to_owned()]] {
            let stage = Stage::local_and_shared().await;
            let stack = stage.stack().await;
            stage.fill(&stack, &["tag"], "old").await;
            stage.servers[0].kill();
            let scopes = ["tag:tag".to_owned()];
            stack.invalidate(&scopes, &keys).await.expect("it is taken");
            assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
            stage.servers[0].restart().await;
            let back = stage.stack().await;
            assert!(keys.len() == 1 || stage.slot(0).await.is_some());
            assert_eq!(look(&back, &["tag"]).await.expect("it answers"), None);
            assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
            assert_eq!(stats(&back, L2).hits, 0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_emptied_in_a_tier_as_soon_as_it_takes_it() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        stage.fill(&stack, &[], "old").await;
        stage.servers[0].kill();
        let keys = [KEY.to_owned()];
        stack.invalidate(&[], &keys).await.expect("it is taken");
        // Nobody waits for a tier that is away.
        stack.settle().await;
        assert_eq!(stats(&stack, L2).waiting, 1);
        stage.servers[0].restart().await;
        until(async || stage.slot(0).await.is_none()).await;
        until(async || stats(&stack, L2).waiting == 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_authority_nothing_is_served() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        stage.fill(&stack, &["tag"], "value").await;
        stage.servers[1].kill();
        look(&stack, &["tag"]).await.expect_err("nobody can tell");
        let named = stack.invalidate(&["tag:tag".to_owned()], &[]).await;
        named.expect_err("it is not taken");
        stack.ping().await.expect_err("it cannot be used");
        stage.servers[1].restart().await;
        until(async || stack.ping().await.is_ok()).await;
        let found = look(&stack, &["tag"]).await.expect("it answers");
        assert_eq!(found.as_deref(), Some("value"));
        assert_eq!(stats(&stack, L3).breaker, Breaker::Closed);
    })
    .await;
}

/// Polls a call so many times and drops it; whether it had ended.
async fn dropped_after(polls: usize, mut call: Pin<Box<dyn Future<Output = ()> + '_>>) -> bool {
    let mut left = polls;
    std::future::poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if left == 0 || polled.is_ready() {
            return Poll::Ready(polled.is_ready());
        }
        left -= 1;
        Poll::Pending
    })
    .await
}

#[tokio::test]
async fn a_call_may_be_dropped_anywhere() {
    in_time(async {
        let stage = Stage::local_and_shared().await;
        let stack = stage.stack().await;
        for polls in 0.. {
            stage.fill(&stack, &["tag"], "old").await;
            let fill = Box::pin(async {
                let seal = |sealed: crate::sealed::Sealed<'_>| sealed.value("new");
                stage.fill_with(&stack, &["tag"], MINUTE, seal).await;
            });
            let has_filled = dropped_after(polls, fill).await;
            let look_up = Box::pin(async {
                look(&stack, &["tag"]).await.expect("it answers");
            });
            let has_looked = dropped_after(polls, look_up).await;
            // Where the step was taken and the fill was not, there is nothing.
            let found = look(&stack, &["tag"]).await.expect("it answers");
            assert!(!has_filled || found.as_deref() == Some("new"));
            stack.flush().await;
            assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), found);

            let keys = [KEY.to_owned()];
            let invalidation = Box::pin(async {
                stack.invalidate(&[], &keys).await.expect("it is taken");
            });
            if dropped_after(polls, invalidation).await {
                stack.flush().await;
                assert_eq!(look(&stack, &["tag"]).await.expect("it answers"), None);
                assert_eq!(stage.slot(0).await, None);
                if has_filled && has_looked {
                    return;
                }
            }
        }
    })
    .await;
}
