//! Operations in numbers, and operations that are dropped in the middle.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::join_all;

use crate::Outcome;

/// Runs the futures at the same time, each in a task of its own.
pub(crate) async fn at_once<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    join_all(tasks)
        .await
        .into_iter()
        .map(|task| task.expect("no task panics"))
        .collect()
}

/// Runs an operation again and again, and drops it one wait later each time, until it ends by
/// itself. Each time `before` prepares it, and `afterwards` sees whether everything can still be
/// used.
pub(crate) async fn dropped_at_every_await<F, T, E>(
    mut before: impl AsyncFnMut() -> Result<(), E>,
    mut operation: impl FnMut() -> F,
    mut afterwards: impl AsyncFnMut() -> Result<(), E>,
) -> Outcome
where
    F: IntoFuture<Output = Result<T, E>>,
    E: Error,
{
    let mut waits = 0;
    loop {
        before().await?;
        let outcome = at_most(waits, operation().into_future()).await;
        let has_ended = outcome.transpose()?.is_some();
        afterwards().await?;
        if has_ended {
            return Ok(());
        }
        // Walking through a large store waits thousands of times, and always for the same.
        waits += 1 + waits / 16;
    }
}

/// Gives up after so many polls that had to wait.
struct AtMost<F> {
    waits: usize,
    future: Pin<Box<F>>,
}

fn at_most<F: Future>(waits: usize, future: F) -> AtMost<F> {
    AtMost {
        waits,
        future: Box::pin(future),
    }
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
