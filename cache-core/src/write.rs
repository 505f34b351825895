//! Writes: the origin changes, and what depended on it is invalidated, however the write ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};

use crate::cache::{Given, Opened, Puts, Targets};
use crate::caches::Home;
use crate::site::Site;

/// When a write invalidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// However it ends: `Ok`, `Err`, panic, or dropped in the middle.
    Always,
    /// Only when it returns `Ok`.
    OnOk,
}

/// Runs a write and invalidates what it reaches before it returns. `judge` says whether the write
/// succeeded, and adds the targets that depend on what was returned.
pub async fn write<R>(
    site: &'static Site,
    when: When,
    targets: Targets,
    judge: impl FnOnce(&R, &mut Targets) -> bool,
    body: impl Future<Output = R>,
) -> R {
    let Ok(home) = site.home() else {
        return body.await;
    };
    let mut writing = Writing {
        home,
        site,
        targets: (when == When::Always).then_some(targets.clone()),
    };
    let returned = body.await;
    let mut reached = targets;
    let is_ok = judge(&returned, &mut reached);
    writing.targets = (is_ok || when == When::Always).then_some(reached);
    writing.finish().await;
    returned
}

/// As [`write`], and puts what it returned into entries of the same cache. `judge` gives the values.
pub async fn write_and_put<R>(
    site: &'static Site,
    when: When,
    mut targets: Targets,
    mut puts: Puts,
    judge: impl FnOnce(&R, &mut Targets, &mut Puts) -> bool,
    body: impl Future<Output = R>,
) -> R {
    let Ok(home) = site.home() else {
        return body.await;
    };
    puts.only_in(&home, site);
    puts.reach(&mut targets);
    let mut writing = Writing {
        home,
        site,
        targets: (when == When::Always).then(|| targets.clone()),
    };
    let opened = writing.home.open_puts(&puts, &targets).await;
    let returned = body.await;
    let mut reached = targets;
    let is_ok = judge(&returned, &mut reached, &mut puts);
    puts.only_in(&writing.home, site);
    puts.reach(&mut reached);
    writing.targets = (is_ok || when == When::Always).then_some(reached);
    writing.finish_and_put(puts.given, opened).await;
    returned
}

/// A write under way. Dropped in the middle, it invalidates without waiting.
struct Writing {
    home: Home,
    site: &'static Site,
    targets: Option<Targets>,
}

impl Writing {
    async fn finish(mut self) {
        if let Some(targets) = self.targets.take() {
            // From its first poll on, the invalidation sees to itself.
            self.home
                .invalidate_counted(targets, Some(self.site.counters()))
                .await;
        }
    }

    async fn finish_and_put(mut self, given: Vec<Given>, opened: Opened) {
        if let Some(targets) = self.targets.take() {
            let counters = self.site.counters();
            // As above.
            self.home
                .invalidate_and_put(targets, given, opened, counters)
                .await;
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(targets) = self.targets.take() {
            self.home
                .invalidate_later(&targets, Some(self.site.counters()));
        }
    }
}

/// A call that a write makes after it has invalidated.
pub type Recache<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs the calls, at most `max_concurrency` at once. One that panics is reported; none fails the
/// write.
pub async fn recache(site: &'static Site, max_concurrency: usize, calls: Vec<Recache<'_>>) {
    stream::iter(calls)
        .for_each_concurrent(max_concurrency.max(1), |call| async move {
            if AssertUnwindSafe(call).catch_unwind().await.is_err() {
                tracing::error!(function = site.function(), "a recache panicked");
            }
        })
        .await;
}

/// What a write succeeded with: the value inside `Ok`, or whatever it returned. By method lookup, so
/// that aliases of `Result` are seen through.
#[doc(hidden)]
#[macro_export]
macro_rules! __succeeded {
    ($returned:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{AnswersPlain as _, AnswersResult as _};
        (&&$crate::__private::Answer($returned)).success()
    }};
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Answer<'a, R>(pub &'a R);

#[doc(hidden)]
pub trait AnswersResult<'a> {
    type Success;
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, T, E> AnswersResult<'a> for &Answer<'a, Result<T, E>> {
    type Success = T;
    fn success(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

#[doc(hidden)]
pub trait AnswersPlain<'a> {
    type Success;
    fn success(&self) -> Option<&'a Self::Success>;
}

impl<'a, R> AnswersPlain<'a> for Answer<'a, R> {
    type Success = R;
    fn success(&self) -> Option<&'a R> {
        Some(self.0)
    }
}

/// What is in `Some`, or whatever else it is: a tag that names a field of what was returned is left out
/// where that is `None`. By method lookup, as above.
#[doc(hidden)]
#[macro_export]
macro_rules! __present {
    ($succeeded:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{HoldsMaybe as _, HoldsPlain as _};
        (&&$crate::__private::Answer($succeeded)).present()
    }};
}

#[doc(hidden)]
pub trait HoldsMaybe<'a> {
    type Present;
    fn present(&self) -> Option<&'a Self::Present>;
}

impl<'a, T> HoldsMaybe<'a> for &Answer<'a, Option<T>> {
    type Present = T;
    fn present(&self) -> Option<&'a T> {
        self.0.as_ref()
    }
}

#[doc(hidden)]
pub trait HoldsPlain<'a> {
    type Present;
    fn present(&self) -> Option<&'a Self::Present>;
}

impl<'a, R> HoldsPlain<'a> for Answer<'a, R> {
    type Present = R;
    fn present(&self) -> Option<&'a R> {
        Some(self.0)
    }
}
