//! Dropping a caller at any await leaves nothing that others would wait for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use larder::Cache;

use crate::stage::{Stage, on_every_store};

on_every_store! {
    a_leader_may_be_dropped_at_every_await
    an_invalidation_may_be_dropped_at_every_await
}

/// Gives up after so many polls that had to wait.
struct AtMost<F> {
    waits: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for AtMost<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.waits -= 1;
                Poll::Pending
            }
        }
    }
}

fn at_most<F: Future>(waits: usize, future: F) -> AtMost<F> {
    AtMost {
        waits,
        future: Box::pin(future),
    }
}

async fn value_of(cache: &Cache, key: &str, loads: &AtomicUsize) -> String {
    cache
        .load(key, || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            "value".to_owned()
        })
        .tags(["one", "two"])
        .lock()
        .await
}

async fn a_leader_may_be_dropped_at_every_await(stage: Stage) {
    for waits in 0.. {
        let key = format!("key:{waits}");
        let loads = Arc::new(AtomicUsize::new(0));
        let mut leader = at_most(waits, value_of(&stage.cache, &key, &loads));
        // The leader starts first, so that the others find its flight.
        let ended = poll_fn(|context| Poll::Ready(Pin::new(&mut leader).poll(context))).await;
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let (cache, key, loads) = (stage.cache.clone(), key.clone(), Arc::clone(&loads));
                tokio::spawn(async move { value_of(&cache, &key, &loads).await })
            })
            .collect();
        let outcome = match ended {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => (&mut leader).await,
        };
        drop(leader);
        for caller in waiting {
            assert_eq!(caller.await.expect("it does not panic"), "value");
        }
        assert!(
            loads.load(Ordering::SeqCst) <= 2,
            "the leader's load and one more"
        );
        // Nor is anyone in another process kept waiting.
        stage
            .cache
            .invalidate_key(&*key)
            .await
            .expect("it is carried out");
        assert_eq!(value_of(&stage.other, &key, &loads).await, "value");
        if outcome.is_some() {
            assert!(waits > 0, "the load waits at least once");
            return;
        }
    }
}

async fn an_invalidation_may_be_dropped_at_every_await(stage: Stage) {
    for waits in 0.. {
        stage
            .cache
            .set("key", &1_u32)
            .tags(["tag"])
            .await
            .expect("it is stored");
        let outcome = at_most(waits, stage.cache.invalidate_tags(["tag"])).await;
        // In this process it holds at once, in others as soon as the store has taken it.
        assert_eq!(
            stage.cache.get::<u32>("key").await.expect("it answers"),
            None
        );
        stage.cache.settle().await;
        assert_eq!(
            stage.other.get::<u32>("key").await.expect("it answers"),
            None
        );
        if outcome.is_some() {
            return;
        }
    }
}
