//! A lookup that may load: what annotated functions, `load` and `try_load` are.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::above::Pledge;
use super::background::outwait;
use super::layers::Stand;
use super::near::Place;
use super::shared_load::stale_in_memory;
use super::store_load::Permit;
use super::{BoxFuture, Cache, Mode, Tally};
use crate::flight::{Caller, Ending, Flight, Leading};
use crate::freshness::Freshness;
use crate::keep::Keep;
use crate::key::Key;
use crate::layer::LayerSet;
use crate::memory::{AnyResident, Memory};
use crate::origin::Origin;
use crate::outcome::{Outcome, SharedFailure};
use crate::remote::{Budget, Found, Remote};
use crate::spec::{Spec, Ttl};
use crate::stats::Count;
use crate::tag::Tags;

impl Cache {
    /// The value of `ask.spec.key`: from the store, from another caller's load, or from `origin`, whose
    /// value is then stored unless `keep` says no.
    ///
    /// Dropping the future at any point leaves nothing behind that others would wait for.
    #[inline]
    pub(crate) async fn answer<O, S, K, L>(&self, ask: Ask<'_, O, S, K>, origin: L) -> Answer<O>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let layers = self.meant(ask.spec.layers);
        let Some(stand) = self.stand(layers) else {
            ask.tally.add(Count::Miss);
            let result = run::<O, K, L>(&ask.tally, origin, None).await;
            return result.map_err(LoadFailure::or_panic);
        };
        let place = match stand {
            Stand::Memory(place) => Some(place),
            Stand::Store(_) => self.answering_above(&ask.spec.freshness, layers),
        };
        let (ask, origin) = match place {
            Some(place) => match self.hit(place, ask, origin) {
                Ok(held) => return held,
                Err(missed) => missed,
            },
            None => (ask, origin),
        };
        // Boxed, so that the future of a hit stays small: it is moved several times on its way.
        Box::pin(self.miss((stand, layers), ask, origin)).await
    }

    /// The same for a caller that is no future: it stands still while it waits for another one's load.
    /// Process memory only.
    pub(crate) fn answer_blocking<O, S, K, L>(&self, ask: Ask<'_, O, S, K>, origin: L) -> Answer<O>
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
            Err((ask, origin)) => {
                let layers = self.meant(ask.spec.layers);
                pollster::block_on(self.miss((Stand::Memory(place), layers), ask, origin))
            }
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
        let freshness = &ask.spec.freshness;
        if freshness.renews
            && let Some(ttl) = ask.ttl_of(value)
        {
            self.renew_in_memory(memory, entry, ttl, freshness);
        }
        if L::DETACHES
            && let Some(age) = freshness.early_ttl
            && memory.now() >= entry.created_at.after(age)
        {
            self.load_early(ask, origin);
        }
    }

    fn renew_in_memory(
        &self,
        memory: &Memory,
        entry: &AnyResident,
        ttl: Ttl,
        freshness: &Freshness,
    ) {
        if let Some(lifetime) = self.lifetime(ttl, freshness) {
            let expires_at = memory.expires_at(lifetime.ttl);
            entry.expires_at.renew(memory.now(), expires_at);
        }
    }

    /// What a lookup comes to that process memory did not answer. The only part of it that is made anew
    /// for each function; what comes before a load and after it is made for each type of value.
    async fn miss<O, S, K, L>(
        &self,
        (stand, layers): (Stand<'_>, LayerSet),
        mut ask: Ask<'_, O, S, K>,
        mut origin: L,
    ) -> Answer<O>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let scopes = self.scopes(ask.spec);
        let visit = ask.visit(&scopes, layers);
        let mut may_detach = L::DETACHES;
        loop {
            match self.enter::<O>(stand, &visit, may_detach).await {
                Entered::Done(answer) => return answer,
                Entered::Hit(hit) => {
                    let renewed = ask.renewed_ttl(&hit.held);
                    if L::DETACHES && self.is_due(visit.freshness, &hit.found) {
                        self.load_early(ask, origin);
                    }
                    return self.renew_hit(&visit, hit, renewed).await;
                }
                Entered::Alone => {
                    let result = run::<O, K, L>(&visit.tally, origin, None).await;
                    return result.map_err(LoadFailure::or_panic);
                }
                Entered::Slow(limit) => match self.load_detached(ask, origin) {
                    Ok(loading) => {
                        let stale = self.stale::<O>(stand, &visit);
                        return outwait::<O>(loading, limit, visit.tally, stale).await;
                    }
                    Err(attached) => {
                        (ask, origin) = attached;
                        may_detach = false;
                    }
                },
                Entered::Lead(leader) => {
                    let renewals = leader.renewals(&visit);
                    let result = run::<O, K, L>(&visit.tally, origin, renewals).await;
                    let ttl = match &result {
                        Ok(value) => ask.ttl_of(value),
                        Err(_) => None,
                    };
                    return self.land::<O>(stand, &visit, leader, result, ttl).await;
                }
            }
        }
    }

    /// Up to the load: finds the entry, waits for a flight, or leads one.
    fn enter<'c, O: Outcome>(
        &'c self,
        stand: Stand<'c>,
        visit: &'c Visit<'c>,
        may_detach: bool,
    ) -> Pin<Box<impl Future<Output = Entered<'c, O>>>> {
        Box::pin(async move {
            match stand {
                Stand::Memory(place) => self.enter_memory(place, visit, may_detach).await,
                Stand::Store(remote) => self.enter_store(remote, visit, may_detach).await,
            }
        })
    }

    /// From the load on: tells those who wait, and stores.
    fn land<'c, O: Outcome>(
        &'c self,
        stand: Stand<'c>,
        visit: &'c Visit<'c>,
        leader: Leader<'c>,
        result: Result<O::Value, LoadFailure<O::Failure>>,
        ttl: Option<Ttl>,
    ) -> Pin<Box<impl Future<Output = Answer<O>>>> {
        Box::pin(async move {
            match (stand, result) {
                (Stand::Memory(place), Ok(value)) => {
                    Ok(self.land_in_memory(place.memory, visit, leader, value, ttl))
                }
                (Stand::Memory(place), Err(failure)) => {
                    self.fail_in_memory::<O>(place.memory, visit, leader, failure)
                }
                (Stand::Store(_), Ok(value)) => {
                    Ok(self.land_in_store::<O>(visit, leader, value, ttl).await)
                }
                (Stand::Store(remote), Err(failure)) => {
                    self.fail_in_store::<O>(remote, visit, leader, failure)
                        .await
                }
            }
        })
    }

    /// The value that may be served when a load fails or takes too long.
    fn stale<'c, O: Outcome>(
        &'c self,
        stand: Stand<'c>,
        visit: &'c Visit<'c>,
    ) -> Pin<Box<impl Future<Output = Option<O::Value>>>> {
        Box::pin(async move {
            match stand {
                Stand::Memory(place) => {
                    stale_in_memory::<O::Value>(place.memory, visit.key.qualified())?.value()
                }
                Stand::Store(remote) => self.stale_in_store::<O>(remote, visit).await,
            }
        })
    }
}

/// What came before a load.
pub(super) enum Entered<'c, O: Outcome> {
    Done(Answer<O>),
    /// An entry in a store.
    Hit(StoreHit<'c, O>),
    /// Load, and store nothing.
    Alone,
    /// There is something stale to be served if the load takes longer than this.
    Slow(Duration),
    /// Load, and land.
    Lead(Leader<'c>),
}

/// An entry that was found in a store.
pub(super) struct StoreHit<'c, O: Outcome> {
    pub(super) remote: &'c Remote,
    pub(super) held: Answer<O>,
    pub(super) found: Found,
    pub(super) budget: Budget<'c>,
}

/// The caller whose load it is, and what it loads under.
pub(super) struct Leader<'c> {
    pub(super) leading: Leading<'c>,
    /// In a store; without one, nothing is stored.
    pub(super) permit: Option<Permit<'c>>,
    /// What the value may have its place above the store by.
    pub(super) pledge: Option<Pledge>,
    /// Whether the store did not answer: then it is not asked again for this lookup.
    pub(super) is_unanswered: bool,
}

/// A lookup without what is different for each function.
pub(super) struct Visit<'a> {
    pub(super) mode: Mode,
    pub(super) caller: Caller,
    pub(super) key: &'a Key,
    pub(super) scopes: &'a [String],
    pub(super) ttl: Ttl,
    pub(super) lock: bool,
    pub(super) freshness: &'a Freshness,
    pub(super) error_ttl: Ttl,
    pub(super) layers: LayerSet,
    pub(super) tally: Tally<'a>,
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
pub(super) type Answer<O> = Result<<O as Outcome>::Value, <O as Outcome>::Failure>;

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

    /// The same without what is different for each function.
    fn visit<'v>(&self, scopes: &'v [String], layers: LayerSet) -> Visit<'v>
    where
        'a: 'v,
    {
        let spec = self.spec;
        Visit {
            mode: self.mode,
            caller: self.caller,
            key: &spec.key,
            scopes,
            ttl: spec.ttl,
            lock: spec.lock,
            freshness: &spec.freshness,
            error_ttl: spec.error_ttl,
            layers,
            tally: self.tally,
        }
    }
}

impl<O: Outcome, S, K: Fn(&O::Value) -> Keep> Ask<'_, O, S, K> {
    /// The ttl that a hit gives its entry again, where it does.
    fn renewed_ttl(&self, held: &Answer<O>) -> Option<Ttl> {
        let value = held.as_ref().ok().filter(|_| self.spec.freshness.renews)?;
        self.ttl_of(value)
    }

    /// How long this value is kept; `None` if it is not.
    pub(super) fn ttl_of(&self, value: &O::Value) -> Option<Ttl> {
        (self.keep)(value).ttl(self.spec.ttl)
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

/// Runs the origin, and counts. What is to be done `meanwhile` has no end.
pub(super) async fn run<O, K, L>(
    tally: &Tally<'_>,
    origin: L,
    meanwhile: Option<BoxFuture<'_, ()>>,
) -> Result<O::Value, LoadFailure<O::Failure>>
where
    O: Outcome,
    L: Origin<O, K>,
{
    attempt(tally, async { origin.load().await }, O::split, meanwhile).await
}

/// Runs a load, and counts it.
pub(super) async fn attempt<R, V, E>(
    tally: &Tally<'_>,
    loading: impl Future<Output = R>,
    split: impl FnOnce(R) -> Result<V, E>,
    mut meanwhile: Option<BoxFuture<'_, ()>>,
) -> Result<V, LoadFailure<E>> {
    tally.add(Count::Load);
    let mut loading = pin!(loading);
    let loaded = poll_fn(|context| {
        if let Some(meanwhile) = &mut meanwhile {
            let _ = meanwhile.as_mut().poll(context);
        }
        // A panic is held until those who wait have been told, and then goes on to the caller.
        match catch_unwind(AssertUnwindSafe(|| loading.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(returned)) => Poll::Ready(Ok(returned)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    });
    let result = match loaded.await {
        Ok(returned) => split(returned).map_err(LoadFailure::Returned),
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
    /// A batch did not bring it: an answer for another batch, and none for whoever asks for one key.
    Absent,
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
        Ending::Absent => Waited::Absent,
        Ending::Abandoned => Waited::Abandoned,
    }
}
