//! What the macros' expansions call: one function for each thing that an annotated function does.

use std::borrow::Borrow;
use std::future::Future;

use crate::Error;
use crate::cache::{Ask, AskMany, Invalidation, Mode, Targets, Untagged};
use crate::keep::Keep;
use crate::key::Key;
use crate::origin::{Attached, Detachable, Origin};
use crate::outcome::Outcome;
use crate::pairs::{self, Batch};
use crate::site::Site;
use crate::spec::Spec;
use crate::tag::Tags;
use crate::value::{LocalFor, ValueFor};

/// A read: the entry if there is one, else what `load` returns, stored as `keep` says.
#[inline]
pub fn read<O, S, K, L, F>(
    site: &'static Site,
    mode: Mode,
    spec: Spec<S>,
    _: O,
    keep: K,
    load: L,
) -> impl Future<Output = O::Returned>
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned>,
{
    let load = || yielding::<O::Returned, F>(load());
    answer::<O, S, K, _>(site, mode, spec, keep, Attached(load))
}

/// As [`read`], where the load owns what it uses: it may run in a task of its own.
#[inline]
pub fn read_detachable<O, S, K, L, F>(
    site: &'static Site,
    mode: Mode,
    spec: Spec<S>,
    _: O,
    keep: K,
    load: L,
) -> impl Future<Output = O::Returned>
where
    O: Outcome<Returned: Send, Failure: Send> + 'static,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep + Send + Sync + 'static,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned> + Send + 'static,
{
    let load = || yielding::<O::Returned, F>(load());
    answer::<O, S, K, _>(site, mode, spec, keep, Detachable(load))
}

/// As [`read`], where the key was made of the arguments: they may not have been encodable, and then
/// the function runs uncached.
#[inline]
pub async fn read_hashed<O, S, K, L, F>(
    site: &'static Site,
    mode: Mode,
    spec: Result<Spec<S>, Error>,
    outcome: O,
    keep: K,
    load: L,
) -> O::Returned
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned>,
{
    match spec {
        Ok(spec) => read(site, mode, spec, outcome, keep, load).await,
        Err(error) => {
            site.complain(&error);
            load().await
        }
    }
}

/// As [`read_hashed`] and [`read_detachable`].
#[inline]
pub async fn read_hashed_detachable<O, S, K, L, F>(
    site: &'static Site,
    mode: Mode,
    spec: Result<Spec<S>, Error>,
    outcome: O,
    keep: K,
    load: L,
) -> O::Returned
where
    O: Outcome<Returned: Send, Failure: Send> + 'static,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep + Send + Sync + 'static,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned> + Send + 'static,
{
    match spec {
        Ok(spec) => read_detachable(site, mode, spec, outcome, keep, load).await,
        Err(error) => {
            site.complain(&error);
            load().await
        }
    }
}

/// A read by a function that is not `async`: in process memory, where it stands still while it waits
/// for another caller's load.
#[inline]
pub fn read_blocking<O, S, K, L>(
    site: &'static Site,
    mode: Mode,
    spec: Spec<S>,
    _: O,
    keep: K,
    load: L,
) -> O::Returned
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep,
    L: FnOnce() -> O::Returned,
{
    match site.home() {
        Ok(home) => {
            let ask = Ask::<O, S, K>::new(mode, &spec, keep, home.tally(Some(site.counters())));
            let origin = Attached(|| async { load() });
            O::merge(home.answer_blocking(ask.blocking(), origin))
        }
        Err(_) => load(),
    }
}

/// As [`read_blocking`] and [`read_hashed`].
#[inline]
pub fn read_hashed_blocking<O, S, K, L>(
    site: &'static Site,
    mode: Mode,
    spec: Result<Spec<S>, Error>,
    outcome: O,
    keep: K,
    load: L,
) -> O::Returned
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep,
    L: FnOnce() -> O::Returned,
{
    match spec {
        Ok(spec) => read_blocking(site, mode, spec, outcome, keep, load),
        Err(error) => {
            site.complain(&error);
            load()
        }
    }
}

/// A read of many: the entries that there are, and what `load` returns of the items that are missing.
#[allow(
    clippy::too_many_arguments,
    reason = "all that an annotated function says, in one call"
)]
pub async fn read_many<B, T, P, G, K, L, F>(
    site: &'static Site,
    mode: Mode,
    items: &[T],
    spec: P,
    tags: G,
    _: B,
    keep: K,
    mut load: L,
) -> B::Returned
where
    B: Batch<T>,
    T: Again,
    P: Fn(&T) -> Spec<Untagged>,
    G: Fn(&T, &mut Tags),
    K: Fn(&pairs::Value<B, T>) -> Keep,
    L: FnMut(Vec<T>) -> F,
    F: Future<Output = B::Returned>,
{
    match site.home() {
        Ok(home) => {
            let tally = home.tally(Some(site.counters()));
            let ask = AskMany {
                mode,
                items,
                spec,
                tags,
                keep,
                tally,
            };
            B::merge(home.answer_many::<B, T, P, G, K, L, F>(ask, load).await)
        }
        Err(_) => load(items.to_vec()).await,
    }
}

/// The spec of an item, whose tags are written by someone else.
#[must_use]
pub fn untagged(key: Key) -> Spec<Untagged> {
    Spec::new(key, |_| {})
}

#[inline]
async fn answer<O, S, K, L>(
    site: &'static Site,
    mode: Mode,
    spec: Spec<S>,
    keep: K,
    origin: L,
) -> O::Returned
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> Keep,
    L: Origin<O, K>,
{
    match site.home() {
        Ok(home) => {
            let ask = Ask::<O, S, K>::new(mode, &spec, keep, home.tally(Some(site.counters())));
            O::merge(home.answer(ask, origin).await)
        }
        Err(_) => origin.load().await,
    }
}

/// The same future, of which is known what it yields without another look at it. Whether a caller's
/// future is `Send` is asked with all lifetimes forgotten, `'static` too: then what a body yields and what
/// a read returns would be two types, where either has a lifetime or a trait object in it.
fn yielding<T, F: Future<Output = T>>(future: F) -> impl Future<Output = T> {
    future
}

/// The future that a function's body gives, known to yield what the function declares.
pub fn future_of<T, F: Future<Output = T>>(body: impl FnOnce() -> F) -> impl Future<Output = T> {
    body()
}

/// One's own copy of an argument that the tags or a recache need, and the function's body too.
pub fn again<T: Again>(argument: &T) -> T {
    argument.clone()
}

/// What [`again`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is used by the attribute and by the function's body: it must be `Clone`",
    label = "cannot be cloned",
    note = "derive `Clone` for `{Self}`, or take it by reference"
)]
pub trait Again: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {}

/// A load's own copy of an argument that is only lent to the function.
pub fn own<T: Own + ?Sized>(argument: &T) -> T::Owned {
    argument.to_owned()
}

/// What a load of its own lends to the function's body.
pub fn lend<T: ?Sized, O: Borrow<T>>(owned: &O) -> &T {
    owned.borrow()
}

/// What [`own`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is borrowed, and a load in the background needs its own: it must be `Clone`",
    label = "cannot be cloned",
    note = "derive `Clone` for `{Self}`, or lend an `Arc` of it"
)]
pub trait Own: ToOwned {}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> Own for T {}

/// The entry if there is one; never loads.
pub async fn peek<'c, V: ValueFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
) -> Result<Option<V>, Error> {
    let value = site.home()?.peek::<V::Stored, S>(&spec).await?;
    Ok(value.map(V::restore))
}

/// Stores a value without a load.
pub async fn prime<'c, V: ValueFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
    value: &V,
) -> Result<(), Error> {
    site.home()?.prime(&spec, value.stored()).await
}

/// Makes the entry unusable, and every load of it that is under way.
pub async fn invalidate(site: &'static Site, key: Key) -> Result<Invalidation, Error> {
    let targets = Targets::default().key(key);
    Ok(site
        .home()?
        .invalidate_counted(targets, Some(site.counters()))
        .await)
}

/// Makes the entries unusable, and every load of them that is under way.
pub async fn invalidate_many(site: &'static Site, keys: Vec<Key>) -> Result<Invalidation, Error> {
    let home = site.home()?;
    let targets = keys.into_iter().fold(Targets::default(), Targets::key);
    Ok(home
        .invalidate_counted(targets, Some(site.counters()))
        .await)
}

/// [`peek`] for a function that uses process memory only.
pub fn peek_near<'c, V: LocalFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
) -> Result<Option<V>, Error> {
    let value = site.home()?.peek_near::<V::Stored>(&spec.key);
    Ok(value.map(V::restore))
}

/// [`prime`] for a function that uses process memory only.
pub fn prime_near<'c, V: LocalFor<'c>, S: Fn(&mut Tags)>(
    site: &'static Site,
    spec: Spec<S>,
    value: &V,
) -> Result<(), Error> {
    site.home()?.prime_near(&spec, value.stored())
}

/// [`invalidate`] for a function that uses process memory only.
pub fn invalidate_near(site: &'static Site, key: Key) -> Result<Invalidation, Error> {
    site.home()?.invalidate_near(&key, site.counters());
    Ok(Invalidation::Done)
}

/// [`invalidate_many`] for a function that uses process memory only.
pub fn invalidate_many_near(site: &'static Site, keys: Vec<Key>) -> Result<Invalidation, Error> {
    let home = site.home()?;
    for key in &keys {
        home.invalidate_near(key, site.counters());
    }
    Ok(Invalidation::Done)
}
