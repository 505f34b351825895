//! Writes: the origin changes, and what depended on it is invalidated, however the write ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::future::FutureExt;
use futures_util::stream::{self, StreamExt};

use crate::cache::{Opened, Puts, Targets};
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

/// Runs a write and invalidates what it reaches before it returns. `is_ok` says whether the write
/// succeeded, and `add` the targets that depend on what it succeeded with.
pub async fn write<R>(
    site: &'static Site,
    when: When,
    targets: Targets,
    is_ok: impl FnOnce(&R) -> bool,
    add: impl FnOnce(&R, &mut Targets),
    body: impl Future<Output = R>,
) -> R {
    let Ok(home) = site.home() else {
        return body.await;
    };
    let mut writing = Writing {
        home,
        site,
        targets,
        puts: Puts::default(),
        is_due: when == When::Always,
    };
    let returned = body.await;
    writing.is_due |= is_ok(&returned);
    add(&returned, &mut writing.targets);
    writing.finish().await;
    returned
}

/// As [`write`], and puts what it returned into entries of the same cache. `add` gives the values.
pub async fn write_and_put<R>(
    site: &'static Site,
    when: When,
    targets: Targets,
    puts: Puts,
    is_ok: impl FnOnce(&R) -> bool,
    add: impl FnOnce(&R, &mut Targets, &mut Puts),
    body: impl Future<Output = R>,
) -> R {
    let Ok(home) = site.home() else {
        return body.await;
    };
    let mut writing = Writing {
        home,
        site,
        targets,
        puts,
        is_due: when == When::Always,
    };
    writing.reach_puts();
    let opened = writing
        .home
        .open_puts(&writing.puts, &writing.targets)
        .await;
    let returned = body.await;
    // Before the user's code runs, whose panic does not undo the write.
    writing.is_due |= is_ok(&returned);
    add(&returned, &mut writing.targets, &mut writing.puts);
    writing.finish_and_put(opened).await;
    returned
}

/// A write under way. Dropped in the middle, it invalidates without waiting.
struct Writing {
    home: Home,
    site: &'static Site,
    targets: Targets,
    puts: Puts,
    /// Whether it invalidates, if it were to end now.
    is_due: bool,
}

impl Writing {
    async fn finish(mut self) {
        if let Some(targets) = self.take_due() {
            // From its first poll on, the invalidation sees to itself.
            self.home
                .invalidate_counted(targets, Some(self.site.counters()))
                .await;
        }
    }

    async fn finish_and_put(mut self, opened: Opened) {
        if let Some(targets) = self.take_due() {
            let given = std::mem::take(&mut self.puts.given);
            let counters = self.site.counters();
            // As above.
            self.home
                .invalidate_and_put(targets, given, opened, counters)
                .await;
        }
    }

    /// What it invalidates, once.
    fn take_due(&mut self) -> Option<Targets> {
        if !std::mem::take(&mut self.is_due) {
            return None;
        }
        self.reach_puts();
        Some(std::mem::take(&mut self.targets))
    }

    /// The entries that are put are reached too.
    fn reach_puts(&mut self) {
        self.puts.only_in(&self.home, self.site);
        self.puts.reach(&mut self.targets);
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(targets) = self.take_due() {
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
