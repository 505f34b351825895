//! A lookup that may load: what annotated functions, `load` and `try_load` are.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::future::FutureExt as _;

use super::near::Place;
use super::{Backend, Cache, Mode, Tally};
use crate::flight::{Caller, Ending, Flight};
use crate::keep::Keep;
use crate::memory::{AnyResident, Memory};
use crate::origin::Origin;
use crate::outcome::{Outcome, SharedFailure};
use crate::spec::{Layers, Spec, Ttl};
use crate::stats::Count;
use crate::tag::Tags;

impl Cache {
    /// The value of `ask.spec.key`: from the store, from another caller's load, or from `origin`, whose
    /// value is then stored unless `keep` says no.
    ///
    /// Dropping the future at any point leaves nothing behind that others would wait for.
    #[inline]
    pub(crate) async fn answer<O, S, K, L>(
        &self,
        ask: Ask<'_, O, S, K>,
        origin: L,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let place = match (&self.shared.backend, ask.spec.layers) {
            (Backend::Memory(memory), _) => self.place(memory),
            (Backend::Remote(remote), Layers::All) => {
                return Box::pin(self.load_through(remote, ask, origin)).await;
            }
            (Backend::Remote(_) | Backend::Off, _) => match self.near() {
                Some(place) => place,
                None => {
                    ask.tally.add(Count::Miss);
                    let result = run::<O, K, L>(&ask.tally, origin).await;
                    return result.map_err(LoadFailure::or_panic);
                }
            },
        };
        match self.hit(place, ask, origin) {
            Ok(held) => held,
            // Boxed, so that the future of a hit stays small: it is moved several times on its way.
            Err((ask, origin)) => Box::pin(self.load_shared(place, ask, origin)).await,
        }
    }

    /// The same for a caller that is no future: it stands still while it waits for another one's load.
    /// Process memory only.
    pub(crate) fn answer_blocking<O, S, K, L>(
        &self,
        ask: Ask<'_, O, S, K>,
        origin: L,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let Some(place) = self.near() else {
            return pollster::block_on(self.answer(ask, origin));
        };
        match self.hit(place, ask, origin) {
            Ok(held) => held,
            Err((ask, origin)) => pollster::block_on(self.load_shared(place, ask, origin)),
        }
    }

    /// What process memory answers at once; gives everything back where it does not.
    #[inline]
    fn hit<'a, O, S, K, L>(
        &self,
        place: Place<'_>,
        ask: Ask<'a, O, S, K>,
        origin: L,
    ) -> Hit<O, (Ask<'a, O, S, K>, L)>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        if ask.mode == Mode::Read
            && let Some(entry) = place.memory.get(ask.spec.key.qualified())
            && let Some(held) = held::<O>(&entry)
        {
            ask.tally.add(Count::Hit);
            if ask.spec.freshness.watches_hits()
                && let Ok(value) = &held
            {
                self.hit_in_memory(place.memory, &entry, value, ask, origin);
            }
            return Ok(held);
        }
        Err((ask, origin))
    }

    /// What a hit does to its entry beside being served.
    #[cold]
    fn hit_in_memory<O, S, K, L>(
        &self,
        memory: &Memory,
        entry: &AnyResident,
        value: &O::Value,
        ask: Ask<'_, O, S, K>,
        origin: L,
    ) where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let now = memory.now();
        if ask.spec.freshness.renews
            && let Some(ttl) = ask.ttl_of(value)
            && let Some(lifetime) = self.lifetime(ttl, &ask.spec.freshness)
        {
            entry
                .expires_at
                .set_before(now, memory.expires_at(lifetime.ttl));
        }
        if let Some(age) = ask.spec.freshness.early_ttl
            && now >= entry.created_at.after(age)
        {
            self.load_early(ask, origin);
        }
    }
}

/// What is asked for, and how its answer is taken apart, judged and counted.
pub(crate) struct Ask<'a, O, S, K> {
    pub(super) mode: Mode,
    pub(super) spec: &'a Spec<S>,
    pub(super) keep: K,
    pub(super) tally: Tally<'a>,
    pub(super) caller: Caller,
    outcome: PhantomData<fn() -> O>,
}

/// What a lookup comes to.
type Answer<O> = Result<<O as Outcome>::Value, <O as Outcome>::Failure>;

/// An answer at once, or what it was to be made of.
type Hit<O, P> = Result<Answer<O>, P>;

impl<'a, O, S, K> Ask<'a, O, S, K> {
    #[inline]
    pub(crate) fn new(mode: Mode, spec: &'a Spec<S>, keep: K, tally: Tally<'a>) -> Self {
        Self {
            mode,
            spec,
            keep,
            tally,
            caller: Caller::Task,
            outcome: PhantomData,
        }
    }

    /// The same for a caller that is no future.
    #[inline]
    pub(crate) fn blocking(self) -> Self {
        Self {
            caller: Caller::Thread,
            ..self
        }
    }
}

impl<O: Outcome, S, K: Fn(&O::Value) -> Keep> Ask<'_, O, S, K> {
    /// How long this value is kept; `None` if it is not.
    pub(super) fn ttl_of(&self, value: &O::Value) -> Option<Ttl> {
        match (self.keep)(value) {
            Keep::Not => None,
            Keep::Usual => Some(self.spec.ttl),
            Keep::For(ttl) => Some(ttl),
        }
    }
}

/// What an entry holds for a function: a value, or a failure that is kept.
#[inline]
pub(super) fn held<O: Outcome>(entry: &AnyResident) -> Option<Result<O::Value, O::Failure>> {
    match entry.value::<O::Value>() {
        Some(value) => Some(Ok(value)),
        None => held_failure::<O>(entry),
    }
}

#[cold]
fn held_failure<O: Outcome>(entry: &AnyResident) -> Option<Result<O::Value, O::Failure>> {
    entry
        .value::<O::Negative>()
        .map(|negative| Err(O::failure(negative)))
}

/// Runs the origin, and counts.
pub(super) async fn run<O, K, L>(
    tally: &Tally<'_>,
    origin: L,
) -> Result<O::Value, LoadFailure<O::Failure>>
where
    O: Outcome,
    L: Origin<O, K>,
{
    tally.add(Count::Load);
    // A panic is held until those who wait have been told, and then goes on to the caller.
    let loading = AssertUnwindSafe(async { origin.load().await }).catch_unwind();
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

    /// What is kept of it, where failures are.
    pub(super) fn negative<O: Outcome<Failure = E>>(&self) -> Option<O::Negative> {
        match self {
            Self::Returned(failure) => O::negative(failure),
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
        Ending::Stale(entry) => match entry.value::<O::Value>() {
            Some(value) => {
                tally.add(Count::StaleServed);
                Waited::Landed(Ok(value))
            }
            None => Waited::OnOnesOwn,
        },
        Ending::Failed(failure) => match failure.as_ref().and_then(O::shared) {
            Some(failure) => Waited::Landed(Err(failure)),
            None => Waited::OnOnesOwn,
        },
        Ending::Abandoned => Waited::Abandoned,
    }
}
