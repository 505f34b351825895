//! A miss in process memory: one caller loads, the others wait for it.

use std::sync::Arc;

use super::background::outwait_flight;
use super::fetch::{Answer, Entered, Leader, LoadFailure, Visit, Waited, held, wait_for};
use super::lifetime::Lifetime;
use super::near::Place;
use super::{Cache, Mode};
use crate::flight::{Caller, Ending, Flight, Leading};
use crate::freshness::Freshness;
use crate::generation::Held;
use crate::memory::{AnyResident, Memory, Resident};
use crate::outcome::Outcome;
use crate::spec::Ttl;
use crate::stats::Count;
use crate::value::Local;

pub(super) enum Role<'f> {
    Found(AnyResident),
    Lead(Leading<'f>),
    Wait(Arc<Flight>),
    /// The flight cannot be waited for: load, and store nothing.
    Alone,
}

impl Cache {
    pub(super) async fn enter_memory<'c, O: Outcome>(
        &'c self,
        place: Place<'c>,
        visit: &'c Visit<'c>,
        may_detach: bool,
    ) -> Entered<'c, O> {
        let key = visit.key.qualified();
        if visit.mode == Mode::Read {
            if may_detach
                && let Some(limit) = visit.freshness.load_timeout
                && stale_in_memory::<O::Value>(place.memory, key).is_some()
            {
                let flight = place.flights.lock(key).get(key).cloned();
                let Some(flight) = flight.filter(|flight| flight.is_current()) else {
                    return Entered::Slow(limit);
                };
                visit.tally.add(Count::Miss);
                let stale = async { stale_in_memory::<O::Value>(place.memory, key)?.value() };
                let waiting = outwait_flight::<O>(&flight, limit, &visit.tally, stale);
                return match waiting.await {
                    Some(answer) => Entered::Done(answer),
                    None => self.enter_missed(place, visit).await,
                };
            }
            visit.tally.add(Count::Miss);
        }
        self.enter_missed(place, visit).await
    }

    /// The same once it is known that there is nothing usable.
    async fn enter_missed<'c, O: Outcome>(
        &'c self,
        place: Place<'c>,
        visit: &'c Visit<'c>,
    ) -> Entered<'c, O> {
        let key = visit.key.qualified();
        let mut generations = None;
        loop {
            let role = match place.enter::<O>(key, visit.mode, visit.caller, &mut generations) {
                Some(role) => role,
                None => {
                    let scopes = visit.scopes.iter().map(String::as_str);
                    generations = Some(self.shared.generations.hold(scopes));
                    continue;
                }
            };
            match role {
                Role::Found(entry) => {
                    if let Some(held) = held::<O>(&entry) {
                        return Entered::Done(held);
                    }
                }
                Role::Wait(flight) => match wait_for::<O>(&flight, &visit.tally).await {
                    Waited::Landed(answer) => return Entered::Done(answer),
                    Waited::Absent | Waited::Abandoned => {}
                    Waited::OnOnesOwn => return Entered::Alone,
                },
                Role::Alone => return Entered::Alone,
                Role::Lead(leading) => {
                    // Nobody else can land now; but someone may have, since the hit that asked for this.
                    if visit.mode == Mode::Early
                        && let Some(age) = visit.freshness.early_ttl
                        && let Some(entry) = place.memory.peek(key)
                        && place.memory.now() < entry.created_at.after(age)
                        && let Some(held) = held::<O>(&entry)
                    {
                        self.shared.background.replaced(key);
                        return Entered::Done(held);
                    }
                    return Entered::Lead(Leader {
                        leading,
                        permit: None,
                        pledge: None,
                        is_unanswered: false,
                    });
                }
            }
        }
    }

    /// Tells those who wait, and stores what was loaded.
    pub(super) fn land_in_memory<V: Local>(
        &self,
        memory: &Memory,
        visit: &Visit<'_>,
        leader: Leader<'_>,
        value: V,
        ttl: Option<Ttl>,
    ) -> V {
        let Leader { leading, .. } = leader;
        let lifetime = ttl.and_then(|ttl| self.lifetime(ttl, visit.freshness));
        let key = visit.key.qualified();
        let entry = resident(memory, key, lifetime, &leading, value);
        let landed = Arc::clone(&entry) as AnyResident;
        let ending = Ending::Value(Arc::clone(&landed));
        if lifetime.is_none() {
            // What is returned and not kept is newer than what was: nobody may read that after it. An
            // early load returns to nobody.
            let mut older = None;
            leading.land(ending, || {
                if visit.mode != Mode::Early {
                    older = memory.take(key);
                }
            });
            if let Some(older) = older {
                memory.dismiss(&older);
            }
        } else if !land(memory, leading, ending, Some(landed)) {
            visit.tally.add(Count::Overtaken);
        } else if visit.mode == Mode::Early {
            self.shared.background.replaced(key);
        }
        entry.value.clone()
    }

    /// What is served, and kept, when a load has failed.
    pub(super) fn fail_in_memory<O: Outcome>(
        &self,
        memory: &Memory,
        visit: &Visit<'_>,
        leader: Leader<'_>,
        failure: LoadFailure<O::Failure>,
    ) -> Answer<O> {
        let Leader { leading, .. } = leader;
        let key = visit.key.qualified();
        let may_be_stale =
            matches!(failure, LoadFailure::Returned(_)) && !visit.freshness.stale_for.is_zero();
        if may_be_stale && let Some(entry) = stale_in_memory::<O::Value>(memory, key) {
            land(memory, leading, Ending::Stale(Arc::clone(&entry)), None);
            // Who asked for a new value is told that there is none.
            return match entry.value() {
                Some(value) if visit.mode == Mode::Read => {
                    visit.tally.add(Count::StaleServed);
                    Ok(value)
                }
                _ => Err(failure.or_panic()),
            };
        }
        let negative = match visit.mode {
            Mode::Read => failure.negative::<O>(),
            Mode::Refresh | Mode::Early => None,
        };
        let kept = negative.and_then(|negative| {
            let lifetime = self.lifetime(visit.error_ttl, &Freshness::default())?;
            let (ages, held) = (lifetime.ages(memory), leading.flight().held().clone());
            Some(
                Arc::new(Resident::failure(key, memory.now(), ages, held, negative)) as AnyResident,
            )
        });
        land(memory, leading, Ending::Failed(failure.share::<O>()), kept);
        Err(failure.or_panic())
    }
}

impl<'c> Place<'c> {
    /// Finds the entry, joins the flight, or starts one under these generations; `None` where they are
    /// needed first.
    pub(super) fn enter<O: Outcome>(
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
pub(super) fn stale_in_memory<V: Local>(memory: &Memory, key: &str) -> Option<AnyResident> {
    memory
        .find(key)
        .filter(|entry| memory.is_kept(entry) && entry.holds::<V>())
}

/// What was loaded, as process memory holds it.
pub(super) fn resident<V: Local>(
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
pub(super) fn land(
    memory: &Memory,
    leading: Leading<'_>,
    ending: Ending,
    kept: Option<AnyResident>,
) -> bool {
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
