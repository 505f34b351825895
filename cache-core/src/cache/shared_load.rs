//! A miss in process memory: one caller loads, the others wait for it.

use std::sync::Arc;

use super::background::outwait;
use super::fetch::{Ask, LoadFailure, Waited, held, run, wait_for};
use super::lifetime::Lifetime;
use super::near::Place;
use super::{Cache, Mode, scopes};
use crate::flight::{Caller, Ending, Flight, Leading};
use crate::freshness::Freshness;
use crate::generation::Held;
use crate::keep::Keep;
use crate::memory::{AnyResident, Memory, Resident};
use crate::origin::Origin;
use crate::outcome::Outcome;
use crate::stats::Count;
use crate::tag::Tags;
use crate::value::Local;

enum Role<'f> {
    Found(AnyResident),
    Lead(Leading<'f>),
    Wait(Arc<Flight>),
    /// The flight cannot be waited for: load, and store nothing.
    Alone,
}

impl Cache {
    pub(super) async fn load_shared<O, S, K, L>(
        &self,
        place: Place<'_>,
        mut ask: Ask<'_, O, S, K>,
        mut origin: L,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let memory = place.memory;
        let (spec, mode, tally) = (ask.spec, ask.mode, ask.tally);
        let key = spec.key.qualified();
        if let Some(limit) = spec.freshness.load_timeout
            && mode == Mode::Read
            && stale::<O::Value>(memory, key).is_some()
        {
            match self.load_detached(ask, origin) {
                Ok(loading) => {
                    let stale = async { stale::<O::Value>(memory, key)?.value() };
                    return outwait::<O>(loading, limit, tally, stale).await;
                }
                Err(attached) => (ask, origin) = attached,
            }
        }
        if mode == Mode::Read {
            tally.add(Count::Miss);
        }
        let mut generations = None;
        loop {
            let role = match place.enter::<O>(key, mode, ask.caller, &mut generations) {
                Some(role) => role,
                None => {
                    // Outside the lock: tags are the user's code.
                    let scopes = scopes(spec);
                    let scopes = scopes.iter().map(String::as_str);
                    generations = Some(self.shared.generations.hold(scopes));
                    continue;
                }
            };
            match role {
                Role::Found(entry) => {
                    if let Some(held) = held::<O>(&entry) {
                        return held;
                    }
                }
                Role::Wait(flight) => match wait_for::<O>(&flight, &tally).await {
                    Waited::Landed(result) => return result,
                    Waited::Abandoned => {}
                    Waited::OnOnesOwn => {
                        let result = run::<O, K, L>(&tally, origin).await;
                        return result.map_err(LoadFailure::or_panic);
                    }
                },
                Role::Alone => {
                    let result = run::<O, K, L>(&tally, origin).await;
                    return result.map_err(LoadFailure::or_panic);
                }
                Role::Lead(leading) => {
                    let value = match run::<O, K, L>(&tally, origin).await {
                        Ok(value) => value,
                        Err(failure) => {
                            return self.fail_in_memory::<O>(memory, &ask, leading, failure);
                        }
                    };
                    let ttl = ask.ttl_of(&value);
                    let lifetime = ttl.and_then(|ttl| self.lifetime(ttl, &spec.freshness));
                    let entry = resident(memory, key, lifetime, &leading, value);
                    let landed = Arc::clone(&entry) as AnyResident;
                    let ending = Ending::Value(Arc::clone(&landed));
                    let is_kept = lifetime.is_some();
                    if !land(memory, leading, ending, is_kept.then_some(landed)) && is_kept {
                        tally.add(Count::Overtaken);
                    }
                    return Ok(entry.value.clone());
                }
            }
        }
    }

    /// What is served, and kept, when a load has failed.
    fn fail_in_memory<O: Outcome>(
        &self,
        memory: &Memory,
        ask: &Ask<'_, O, impl Fn(&mut Tags), impl Fn(&O::Value) -> Keep>,
        leading: Leading<'_>,
        failure: LoadFailure<O::Failure>,
    ) -> Result<O::Value, O::Failure> {
        let key = ask.spec.key.qualified();
        let is_returned = matches!(failure, LoadFailure::Returned(_));
        if is_returned && let Some(entry) = stale::<O::Value>(memory, key) {
            land(memory, leading, Ending::Stale(Arc::clone(&entry)), None);
            // Who asked for a new value is told that there is none.
            return match entry.value() {
                Some(value) if ask.mode == Mode::Read => {
                    ask.tally.add(Count::StaleServed);
                    Ok(value)
                }
                _ => Err(failure.or_panic()),
            };
        }
        let negative = match ask.mode {
            Mode::Read => failure.negative::<O>(),
            Mode::Refresh | Mode::Early => None,
        };
        let kept = negative.and_then(|negative| {
            let lifetime = self.lifetime(ask.spec.error_ttl, &Freshness::default())?;
            Some(resident(memory, key, Some(lifetime), &leading, negative) as AnyResident)
        });
        land(memory, leading, Ending::Failed(failure.share::<O>()), kept);
        Err(failure.or_panic())
    }
}

impl<'c> Place<'c> {
    /// Finds the entry, joins the flight, or starts one under these generations; `None` where they are
    /// needed first.
    fn enter<O: Outcome>(
        self,
        key: &'c str,
        mode: Mode,
        caller: Caller,
        generations: &mut Option<Held>,
    ) -> Option<Role<'c>> {
        let Self { memory, flights } = self;
        // Before the lock, so that it is dropped after it.
        let found;
        let mut locked = flights.lock(key);
        if mode == Mode::Read {
            // Again, now that nobody can land in between: the flight that this caller just missed
            // has stored its value.
            found = memory.find(key);
            if let Some(entry) = &found
                && memory.is_usable(entry)
                && (entry.holds::<O::Value>() || entry.holds::<O::Negative>())
            {
                return Some(Role::Found(Arc::clone(entry)));
            }
        }
        if mode != Mode::Refresh
            && let Some(flight) = locked.get(key)
            && flight.is_current()
        {
            // A thread that stands still must not wait for a task that it may be the one to run.
            return Some(match (caller, flight.leader()) {
                (Caller::Thread, Caller::Task) => Role::Alone,
                _ => Role::Wait(Arc::clone(flight)),
            });
        }
        let generations = generations.take()?;
        Some(Role::Lead(Leading::start(
            flights,
            &mut locked,
            key,
            generations,
            caller,
        )))
    }
}

/// The entry that may be served when a load fails.
fn stale<V: Local>(memory: &Memory, key: &str) -> Option<AnyResident> {
    memory
        .find(key)
        .filter(|entry| memory.is_kept(entry) && entry.holds::<V>())
}

/// What was loaded, as process memory holds it.
fn resident<V: Local>(
    memory: &Memory,
    key: &str,
    lifetime: Option<Lifetime>,
    leading: &Leading<'_>,
    value: V,
) -> Arc<Resident<V>> {
    // One that is not kept goes to those who wait, and no further.
    let ages = lifetime.unwrap_or(Lifetime::FOREVER).ages(memory);
    let held = leading.flight().held().clone();
    Arc::new(Resident::new(key, memory.now(), ages, held, value))
}

/// Ends the flight, and stores what is to be kept, unless an invalidation overtook the load; whether it
/// did not.
fn land(memory: &Memory, leading: Leading<'_>, ending: Ending, kept: Option<AnyResident>) -> bool {
    let mut replaced = None;
    let is_current = leading.land(ending, || {
        replaced = kept
            .as_ref()
            .and_then(|entry| memory.place(Arc::clone(entry)));
    });
    // Outside the lock: destructors are the user's code.
    drop(replaced);
    if is_current && let Some(entry) = kept {
        memory.admit(entry);
    }
    is_current
}
