//! `load` and `try_load`: a lookup that may load, in place.

use std::future::{Future, IntoFuture};

use super::fetch::Ask;
use super::named::{Named, entry_options};
use super::{BoxFuture, Cache, Mode};
use crate::keep::always;
use crate::key::Key;
use crate::origin::Attached;
use crate::outcome::{Fallible, Outcome, Plain};
use crate::value::Value;

impl Cache {
    /// The value of `key`, or what `load` returns, which is then stored. Of any number of callers
    /// one runs its `load`; the others wait for it. Awaiting the returned builder does it.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = Cache::memory();
    /// let answer: u32 = cache.load("answer", || async { 42 }).tags(["answers"]).await;
    /// assert_eq!(answer, 42);
    /// # }
    /// ```
    pub fn load<L>(&self, key: impl Into<Key>, load: L) -> Load<'_, L> {
        Load {
            cache: self,
            load,
            mode: Mode::Read,
            entry: Named::new(key.into()),
        }
    }

    /// As [`load`](Self::load), where the load can fail: only `Ok` is stored, and an `Err` goes to
    /// the caller whose load it was.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::num::ParseIntError> {
    /// let cache = Cache::memory();
    /// let answer: u32 = cache.try_load("answer", || async { "42".parse() }).await?;
    /// assert_eq!(answer, 42);
    /// # Ok(()) }
    /// ```
    pub fn try_load<L>(&self, key: impl Into<Key>, load: L) -> TryLoad<'_, L> {
        TryLoad {
            cache: self,
            load,
            mode: Mode::Read,
            entry: Named::new(key.into()),
        }
    }
}

/// Looks up or loads when awaited: see [`Cache::load`].
#[must_use = "nothing is loaded until it is awaited"]
pub struct Load<'c, L> {
    cache: &'c Cache,
    load: L,
    mode: Mode,
    entry: Named,
}

/// Looks up or loads when awaited: see [`Cache::try_load`].
#[must_use = "nothing is loaded until it is awaited"]
pub struct TryLoad<'c, L> {
    cache: &'c Cache,
    load: L,
    mode: Mode,
    entry: Named,
}

entry_options!(Load<'c, L>: entry.about; TryLoad<'c, L>: entry.about;);

macro_rules! load_options {
    ($($builder:ident)*) => {$(
        impl<L> $builder<'_, L> {
            /// Lets one load exclude loads of the same key in other processes too.
            pub fn lock(mut self) -> Self {
                self.entry.about.lock = true;
                self
            }

            /// Loads even if there is a usable entry, and puts the new value in its place; unless an
            /// invalidation overtakes the load, as a load and a `set` after it could not see.
            pub fn refresh(mut self) -> Self {
                self.mode = Mode::Refresh;
                self
            }
        }
    )*};
}

load_options!(Load TryLoad);

impl<'c, V, L, F> IntoFuture for Load<'c, L>
where
    V: Value,
    L: FnOnce() -> F + Send + 'c,
    F: Future<Output = V> + Send + 'c,
{
    type Output = V;
    type IntoFuture = BoxFuture<'c, V>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            cache,
            load,
            mode,
            entry,
        } = self;
        Box::pin(async move {
            let spec = entry.into_spec();
            let ask = Ask::<Plain<V>, _, _>::new(mode, &spec, always, cache.tally(None));
            Plain::<V>::merge(cache.answer(ask, Attached(load)).await)
        })
    }
}

impl<'c, V, E, L, F> IntoFuture for TryLoad<'c, L>
where
    V: Value,
    E: Send + 'c,
    L: FnOnce() -> F + Send + 'c,
    F: Future<Output = Result<V, E>> + Send + 'c,
{
    type Output = Result<V, E>;
    type IntoFuture = BoxFuture<'c, Result<V, E>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            cache,
            load,
            mode,
            entry,
        } = self;
        Box::pin(async move {
            let spec = entry.into_spec();
            let ask = Ask::<Fallible<V, E>, _, _>::new(mode, &spec, always, cache.tally(None));
            Fallible::<V, E>::merge(cache.answer(ask, Attached(load)).await)
        })
    }
}
