//! A miss in process memory: one caller loads, the others wait for it.

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Ask, LoadFailure, Waited, run, wait_for};
use super::{Cache, Lifetime, Mode, scopes};
use crate::flight::{Ending, Flight, Leading};
use crate::generation::Held;
use crate::memory::{AnyResident, Memory, Resident};
use crate::stats::Count;
use crate::tag::Tags;
use crate::value::Outcome;

enum Role<'f> {
    Found(AnyResident),
    Lead(Leading<'f>),
    Wait(Arc<Flight>),
}

impl Cache {
    pub(super) async fn load_shared<O, S, K, L, F>(
        &self,
        memory: &Memory,
        ask: Ask<'_, O, S, K>,
        load: L,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> bool,
        L: FnOnce() -> F,
        F: Future<Output = O::Returned>,
    {
        let Ask {
            mode,
            spec,
            outcome,
            keep,
            tally,
        } = ask;
        let key = spec.key.qualified();
        if mode == Mode::Read {
            tally.add(Count::Miss);
        }
        let mut held = None;
        loop {
            let role = match self.enter::<O::Value>(memory, key, mode, &mut held) {
                Some(role) => role,
                None => {
                    // Outside the lock: tags are the user's code.
                    let scopes = scopes(spec);
                    let scopes = scopes.iter().map(String::as_str);
                    held = Some(self.shared.generations.hold(scopes));
                    continue;
                }
            };
            match role {
                Role::Found(entry) => {
                    if let Some(value) = entry.value::<O::Value>() {
                        return Ok(value);
                    }
                }
                Role::Wait(flight) => match wait_for::<O>(&flight, &tally).await {
                    Waited::Landed(result) => return result,
                    Waited::Abandoned => {}
                    Waited::OnOnesOwn => {
                        let result = run(&tally, load, outcome).await;
                        return result.map_err(LoadFailure::or_panic);
                    }
                },
                Role::Lead(leading) => {
                    let value = match run(&tally, load, outcome).await {
                        Ok(value) => value,
                        Err(failure) => {
                            leading.land(Ending::Failed(failure.share::<O>()), || {});
                            return Err(failure.or_panic());
                        }
                    };
                    let lifetime = self.lifetime(spec.ttl);
                    let is_kept = keep(&value) && lifetime != Lifetime::None;
                    let entry = Arc::new(Resident::new(
                        key,
                        memory.now(),
                        memory.expires_at(lifetime.ttl()),
                        leading.flight().held().clone(),
                        value,
                    ));
                    let landed = Arc::clone(&entry) as AnyResident;
                    let mut replaced = None;
                    let is_placed = leading.land(Ending::Value(Arc::clone(&landed)), || {
                        if is_kept {
                            replaced = memory.place(Arc::clone(&landed));
                        }
                    });
                    drop(replaced);
                    if is_kept && is_placed {
                        memory.admit(landed);
                    } else if is_kept {
                        tally.add(Count::Overtaken);
                    }
                    return Ok(entry.value.clone());
                }
            }
        }
    }

    /// Finds the entry, joins the flight, or starts one under `held`; `None` where that is needed
    /// first.
    fn enter<'c, V: 'static>(
        &'c self,
        memory: &Memory,
        key: &'c str,
        mode: Mode,
        held: &mut Option<Held>,
    ) -> Option<Role<'c>> {
        // Before the lock, so that it is dropped after it.
        let found;
        let mut flights = self.shared.flights.lock(key);
        if mode == Mode::Read {
            // Again, now that nobody can land in between: the flight that this caller just missed
            // has stored its value.
            found = memory.find(key);
            if let Some(entry) = &found
                && memory.is_usable(entry)
                && entry.holds::<V>()
            {
                return Some(Role::Found(Arc::clone(entry)));
            }
            if let Some(flight) = flights.get(key)
                && flight.is_current()
            {
                return Some(Role::Wait(Arc::clone(flight)));
            }
        }
        let held = held.take()?;
        Some(Role::Lead(Leading::start(
            &self.shared.flights,
            &mut flights,
            key,
            held,
        )))
    }
}
