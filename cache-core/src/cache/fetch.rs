//! A lookup that may load: what annotated functions, `load` and `try_load` are.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::future::FutureExt as _;

use super::{Backend, Cache, Mode, Tally};
use crate::flight::{Ending, Flight};
use crate::spec::Spec;
use crate::stats::{Count, Counters};
use crate::tag::Tags;
use crate::value::{Outcome, SharedFailure};

impl Cache {
    /// The value of `spec.key`: from the store, from another caller's load, or from `load`, whose
    /// value is then stored unless `keep` says no.
    ///
    /// Dropping the future at any point leaves nothing behind that others would wait for.
    #[inline]
    pub(crate) async fn fetch<O, S, K, L, F>(
        &self,
        site: Option<&Counters>,
        mode: Mode,
        spec: &Spec<S>,
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
        let tally = self.tally(site);
        match &self.shared.backend {
            Backend::Memory(memory) => {
                if mode == Mode::Read {
                    let entry = memory.get(spec.key.qualified());
                    if let Some(value) = entry.and_then(|entry| entry.value::<O::Value>()) {
                        tally.add(Count::Hit);
                        return O::merge(Ok(value));
                    }
                }
                let ask = Ask {
                    mode,
                    spec,
                    outcome,
                    keep,
                    tally,
                };
                // Boxed, so that the future of a hit stays small: it is moved several times on its way.
                O::merge(Box::pin(self.load_shared(memory, ask, load)).await)
            }
            Backend::Remote(remote) => {
                let ask = Ask {
                    mode,
                    spec,
                    outcome,
                    keep,
                    tally,
                };
                O::merge(Box::pin(self.load_through(remote, ask, load)).await)
            }
            Backend::Off => {
                tally.add(Count::Miss);
                O::merge(
                    run(&tally, load, outcome)
                        .await
                        .map_err(LoadFailure::or_panic),
                )
            }
        }
    }
}

/// What is asked for, and how its answer is taken apart and counted.
pub(super) struct Ask<'a, O, S, K> {
    pub(super) mode: Mode,
    pub(super) spec: &'a Spec<S>,
    pub(super) outcome: O,
    pub(super) keep: K,
    pub(super) tally: Tally<'a>,
}

/// Runs the origin, and counts.
pub(super) async fn run<O, L, F>(
    tally: &Tally<'_>,
    load: L,
    _: O,
) -> Result<O::Value, LoadFailure<O::Failure>>
where
    O: Outcome,
    L: FnOnce() -> F,
    F: Future<Output = O::Returned>,
{
    tally.add(Count::Load);
    // A panic is held until those who wait have been told, and then goes on to the caller.
    let loading = AssertUnwindSafe(async { load().await }).catch_unwind();
    let result = match loading.await {
        Ok(returned) => O::split(returned).map_err(LoadFailure::Returned),
        Err(panic) => Err(LoadFailure::Panicked(panic)),
    };
    if result.is_err() {
        tally.add(Count::LoadFailure);
    }
    result
}

/// How a load failed.
pub(super) enum LoadFailure<E> {
    Returned(E),
    Panicked(Box<dyn Any + Send>),
}

impl<E> LoadFailure<E> {
    /// What those who wait are given of it.
    pub(super) fn share<O: Outcome<Failure = E>>(&self) -> Option<SharedFailure> {
        match self {
            Self::Returned(failure) => O::share(failure),
            Self::Panicked(_) => None,
        }
    }

    /// The load's own failure; its panic goes on.
    pub(super) fn or_panic(self) -> E {
        match self {
            Self::Returned(failure) => failure,
            Self::Panicked(panic) => resume_unwind(panic),
        }
    }
}

/// What waiting for another caller's load came to.
pub(super) enum Waited<V, E> {
    Landed(Result<V, E>),
    /// The leader is gone: someone has to take over.
    Abandoned,
    /// The failure cannot be shared (or two functions share a key but not a type). All who waited
    /// load at once: one after the other they would wait for the sum.
    OnOnesOwn,
}

/// Waits for a flight, and takes one's own copy of what it brings.
pub(super) async fn wait_for<O: Outcome>(
    flight: &Flight,
    tally: &Tally<'_>,
) -> Waited<O::Value, O::Failure> {
    tally.add(Count::Wait);
    match flight.wait().await {
        Ending::Value(entry) => match entry.value::<O::Value>() {
            Some(value) => Waited::Landed(Ok(value)),
            None => Waited::OnOnesOwn,
        },
        Ending::Failed(failure) => match failure.as_ref().and_then(O::shared) {
            Some(failure) => Waited::Landed(Err(failure)),
            None => Waited::OnOnesOwn,
        },
        Ending::Abandoned => Waited::Abandoned,
    }
}
