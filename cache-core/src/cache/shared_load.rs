//! A miss in process memory: one caller loads, the others wait for it.

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Ask, run};
use super::{Cache, Lifetime, Mode, scopes};
use crate::flight::{Ending, Flight, Leading};
use crate::memory::{AnyEntry, Entry, Memory};
use crate::stats::Count;
use crate::tag::Tags;
use crate::value::Outcome;

enum Role<'f> {
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
        loop {
            let role = {
                let mut flights = self.shared.flights.lock(key);
                // Again, now that nobody can land in between: the flight that this caller just
                // missed has stored its value.
                let landed = match mode {
                    Mode::Read => memory.get(key).and_then(|entry| entry.value::<O::Value>()),
                    Mode::Refresh => None,
                };
                if let Some(value) = landed {
                    return Ok(value);
                }
                match flights.get(key) {
                    Some(flight) if mode == Mode::Read && flight.is_current() => {
                        Role::Wait(Arc::clone(flight))
                    }
                    _ => {
                        let scopes = scopes(spec);
                        let held = self
                            .shared
                            .generations
                            .hold(scopes.iter().map(String::as_str));
                        Role::Lead(Leading::start(
                            &self.shared.flights,
                            &mut flights,
                            key,
                            held,
                        ))
                    }
                }
            };
            match role {
                Role::Wait(flight) => {
                    tally.add(Count::Wait);
                    match flight.wait().await {
                        Ending::Value(entry) => {
                            if let Some(value) = entry.value::<O::Value>() {
                                return Ok(value);
                            }
                        }
                        Ending::Failed(Some(failure)) => {
                            if let Some(failure) = O::shared(&failure) {
                                return Err(failure);
                            }
                        }
                        Ending::Failed(None) => {}
                        Ending::Abandoned => continue,
                    }
                    // The failure cannot be shared (or two functions share a key but not a type).
                    // All who waited load at once: one after the other they would wait for the sum.
                    return run(&tally, load, outcome).await;
                }
                Role::Lead(leading) => {
                    let value = match run(&tally, load, outcome).await {
                        Ok(value) => value,
                        Err(failure) => {
                            leading.land(Ending::Failed(O::share(&failure)), || {});
                            return Err(failure);
                        }
                    };
                    let lifetime = self.lifetime(spec.ttl);
                    let is_kept = keep(&value) && lifetime != Lifetime::None;
                    let entry = Arc::new(Entry {
                        key: key.into(),
                        expires_at: memory.expires_at(lifetime.ttl()),
                        held: leading.flight().held().clone(),
                        value,
                    });
                    let landed: AnyEntry = Arc::clone(&entry) as AnyEntry;
                    let stored = leading.land(Ending::Value(Arc::clone(&landed)), || {
                        if is_kept {
                            memory.insert(landed);
                        }
                    });
                    if is_kept && !stored {
                        tally.add(Count::Overtaken);
                    }
                    return Ok(entry.value.clone());
                }
            }
        }
    }
}
