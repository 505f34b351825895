//! What the macros' expansions call: one function for each thing that an annotated function does.

use std::future::Future;

use crate::Error;
use crate::cache::{Invalidation, Mode, Targets};
use crate::key::Key;
use crate::site::Site;
use crate::spec::Spec;
use crate::tag::Tags;
use crate::value::{Outcome, ValueFor};

/// A read: the entry if there is one, else what `load` returns, stored unless `keep` says no.
#[inline]
pub async fn read<O, S, K, L, F>(
    site: &'static Site,
    mode: Mode,
    spec: Spec<S>,
    outcome: O,
    keep: K,
    load: L,
) -> O::Returned
where
    O: Outcome,
    S: Fn(&mut Tags),
    K: Fn(&O::Value) -> bool,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned>,
{
    match site.home() {
        Ok(home) => {
            home.fetch(Some(site.counters()), mode, &spec, outcome, keep, load)
                .await
        }
        Err(_) => load().await,
    }
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
    K: Fn(&O::Value) -> bool,
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
