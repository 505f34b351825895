//! Warming: filling a cache before it is asked.

use std::future::{Future, IntoFuture};
use std::pin::pin;

use futures_util::stream::{self, StreamExt as _};

use super::named::{About, entry_options};
use super::{BoxFuture, Cache};
use crate::error::Error;
use crate::key::Key;
use crate::value::Value;

type Iter<'a, T> = Box<dyn Iterator<Item = T> + Send + 'a>;

/// How many at once unless set.
const USUAL_CONCURRENCY: usize = 8;

/// Runs calls that fill a cache, a bounded number at once, and gives what they returned in their
/// order. Awaiting the returned builder does it.
///
/// The calls are ordinary calls of annotated functions. An iterator makes them as their turn comes,
/// so only those are in memory that run.
///
/// ```
/// use larder::cache_read;
///
/// #[cache_read(key = "user:{id}")]
/// async fn get_user(id: u64) -> String { format!("user {id}") }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let users = larder::warm((1..=100).map(get_user))
///     .concurrency(4)
///     .progress(|done, of| println!("{done} of {of:?}"))
///     .await;
/// assert_eq!(users[6], "user 7");
/// # }
/// ```
pub fn warm<'a, F>(calls: impl IntoIterator<Item = F, IntoIter: Send + 'a>) -> Warm<'a, F>
where
    F: Future<Output: Send> + Send + 'a,
{
    Warm {
        calls: Box::new(calls.into_iter()),
        pace: Pace::default(),
    }
}

/// Runs calls when awaited: see [`warm`].
#[must_use = "nothing is warmed until it is awaited"]
pub struct Warm<'a, F> {
    calls: Iter<'a, F>,
    pace: Pace<'a>,
}

impl Cache {
    /// Stores each value under its key, a bounded number at once, taking them from the iterator as
    /// their turn comes: for more than fits into memory. Awaiting the returned builder does it; its
    /// options hold for all of them. One that fails does not stop the others. Of a key that comes
    /// twice either value may stay.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = Cache::memory();
    /// let squares = (0..1_000_u64).map(|n| (format!("square:{n}"), n * n));
    /// let warmed = cache.warm(squares).tags(["squares"]).concurrency(16).await;
    /// assert_eq!(warmed.stored, 1_000);
    /// # }
    /// ```
    pub fn warm<'c, K: Into<Key>, T: Value>(
        &'c self,
        entries: impl IntoIterator<Item = (K, T), IntoIter: Send + 'c>,
    ) -> WarmEntries<'c, T> {
        let entries = entries.into_iter();
        WarmEntries {
            cache: self,
            entries: Box::new(entries.map(|(key, value)| (key.into(), value))),
            about: About::default(),
            pace: Pace::default(),
        }
    }
}

/// Stores values when awaited: see [`Cache::warm`].
#[must_use = "nothing is warmed until it is awaited"]
pub struct WarmEntries<'c, T> {
    cache: &'c Cache,
    entries: Iter<'c, (Key, T)>,
    about: About,
    pace: Pace<'c>,
}

/// What [`Cache::warm`] came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Warmed {
    /// How many values were stored.
    pub stored: usize,
    /// How many were not.
    pub failed: usize,
    /// The first failure.
    pub error: Option<Error>,
}

/// How many at once, and who is told.
struct Pace<'a> {
    concurrency: usize,
    progress: Option<Progress<'a>>,
}

/// Told how many are done, and of how many if that is known.
type Progress<'a> = Box<dyn FnMut(usize, Option<usize>) + Send + 'a>;

impl Default for Pace<'_> {
    fn default() -> Self {
        Self {
            concurrency: USUAL_CONCURRENCY,
            progress: None,
        }
    }
}

impl Pace<'_> {
    /// Runs `calls` and hands over what each gives, with its number, as they end: one that takes long
    /// keeps no other from starting.
    async fn run<F: Future>(mut self, calls: Iter<'_, F>, mut done: impl FnMut(usize, F::Output)) {
        let (least, most) = calls.size_hint();
        let total = most.filter(|most| *most == least);
        let numbered = calls
            .enumerate()
            .map(|(number, call)| async move { (number, call.await) });
        let mut running = pin!(stream::iter(numbered).buffer_unordered(self.concurrency));
        let mut count = 0;
        while let Some((number, output)) = running.next().await {
            done(number, output);
            count += 1;
            if let Some(progress) = &mut self.progress {
                progress(count, total);
            }
        }
    }
}

macro_rules! pace_options {
    ($($builder:ident<$lifetime:lifetime, $parameter:ident>)*) => {$(
        impl<$lifetime, $parameter> $builder<$lifetime, $parameter> {
            /// How many run at once; 8 unless set, and at least one.
            pub fn concurrency(mut self, at_once: usize) -> Self {
                self.pace.concurrency = at_once.max(1);
                self
            }

            /// Is told after each one how many are done, and of how many if the iterator knows.
            pub fn progress(
                mut self,
                progress: impl FnMut(usize, Option<usize>) + Send + $lifetime,
            ) -> Self {
                self.pace.progress = Some(Box::new(progress));
                self
            }
        }
    )*};
}

pace_options!(Warm<'a, F> WarmEntries<'a, T>);
entry_options!(WarmEntries<'c, V>: about;);

impl<'a, F: Future<Output: Send> + Send + 'a> IntoFuture for Warm<'a, F> {
    type Output = Vec<F::Output>;
    type IntoFuture = BoxFuture<'a, Vec<F::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { calls, pace } = self;
        Box::pin(async move {
            let mut outputs = Vec::new();
            pace.run(calls, |number, output| outputs.push((number, output)))
                .await;
            outputs.sort_unstable_by_key(|(number, _)| *number);
            outputs.into_iter().map(|(_, output)| output).collect()
        })
    }
}

impl<'c, T: Value> IntoFuture for WarmEntries<'c, T> {
    type Output = Warmed;
    type IntoFuture = BoxFuture<'c, Warmed>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            cache,
            entries,
            about,
            pace,
        } = self;
        Box::pin(async move {
            let mut warmed = Warmed::default();
            let sets = entries.map(|(key, value)| {
                let spec = about.spec(key);
                async move { cache.prime(&spec, &value).await }
            });
            pace.run(Box::new(sets), |_, set| match set {
                Ok(()) => warmed.stored += 1,
                Err(error) => {
                    warmed.failed += 1;
                    warmed.error.get_or_insert(error);
                }
            })
            .await;
            warmed
        })
    }
}
