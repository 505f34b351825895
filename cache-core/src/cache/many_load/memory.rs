//! A batch in process memory.

use std::future::Future;
use std::sync::Arc;

use super::{AskMany, Round, Served, State, Untagged, WAITS, known};
use crate::cache::fetch::{LoadFailure, Waited, wait_for};
use crate::cache::near::Place;
use crate::cache::shared_load::{Role, land, resident, stale_in_memory};
use crate::cache::{Cache, Mode};
use crate::flight::{Caller, Ending, Leading};
use crate::keep::Keep;
use crate::memory::{AnyResident, Memory};
use crate::pairs::{Batch, Failure, Value};
use crate::spec::Spec;
use crate::stats::Count;
use crate::tag::Tags;

impl Cache {
    pub(super) async fn load_many_shared<B, T, P, G, K, L, F>(
        &self,
        place: Place<'_>,
        ask: &AskMany<'_, T, P, G, K>,
        round: &mut Round<'_, B, T, L>,
    ) -> Result<Vec<Option<Value<B, T>>>, Failure<B, T>>
    where
        B: Batch<T>,
        T: Clone,
        G: Fn(&T, &mut Tags),
        K: Fn(&Value<B, T>) -> Keep,
        L: FnMut(Vec<T>) -> F,
        F: Future<Output = B::Returned>,
    {
        let (wanted, memory, tally) = (round.wanted, place.memory, &ask.tally);
        let mut states: Vec<State<Value<B, T>>> = Vec::with_capacity(wanted.specs.len());
        // Those to be found, joined or led in the next round, and those to be loaded without that.
        let (mut open, mut alone) = (Vec::new(), Vec::new());
        for (entry, spec) in wanted.specs.iter().enumerate() {
            let held = self.held_of_many(memory, ask, spec);
            if held.is_none() {
                open.push(entry);
            }
            if ask.mode == Mode::Read {
                tally.add(if held.is_some() {
                    Count::Hit
                } else {
                    Count::Miss
                });
            }
            states.push(held.map_or(State::Open, |value| State::Known(Some(value))));
        }
        let mut waits = 0;
        while !(open.is_empty() && alone.is_empty()) {
            let (mut led, mut joined) = (Vec::new(), Vec::new());
            for entry in open.drain(..) {
                let key = wanted.specs[entry].key.qualified();
                let mut generations = None;
                let role = loop {
                    match place.enter::<B::One>(key, ask.mode, Caller::Task, &mut generations) {
                        Some(role) => break role,
                        None => {
                            // Outside the lock: tags are the user's code.
                            let item = wanted.item_of(entry);
                            let scopes = ask.scopes(self, &wanted.specs[entry].key, item);
                            let scopes = scopes.iter().map(String::as_str);
                            generations = Some(self.shared.generations.hold(scopes));
                        }
                    }
                };
                match role {
                    Role::Found(found) => match found.value() {
                        Some(value) => states[entry] = State::Known(Some(value)),
                        None => alone.push(entry),
                    },
                    Role::Lead(leading) => led.push((entry, leading)),
                    Role::Wait(flight) if waits < WAITS => joined.push((entry, flight)),
                    Role::Wait(_) | Role::Alone => alone.push(entry),
                }
            }
            if !(led.is_empty() && alone.is_empty()) {
                let entries = led.iter().map(|(entry, _)| *entry).chain(alone.clone());
                match round.run(tally, entries.collect(), None).await {
                    Ok(mut loaded) => {
                        for entry in alone.drain(..) {
                            states[entry] = State::Known(loaded.remove(&entry));
                        }
                        for (entry, leading) in led {
                            let value = loaded.remove(&entry).map(|value| {
                                let spec = &wanted.specs[entry];
                                (ask.lifetime(self, spec, &value), value)
                            });
                            let key = wanted.specs[entry].key.qualified();
                            let Some((lifetime, value)) = value else {
                                land(memory, leading, Ending::Absent, None);
                                states[entry] = State::Known(None);
                                continue;
                            };
                            let landed = resident(memory, key, lifetime, &leading, value);
                            let any = Arc::clone(&landed) as AnyResident;
                            let kept = lifetime.is_some().then(|| Arc::clone(&any));
                            if !land(memory, leading, Ending::Value(any), kept)
                                && lifetime.is_some()
                            {
                                tally.add(Count::Overtaken);
                            }
                            states[entry] = State::Known(Some(landed.value.clone()));
                        }
                    }
                    Err(failure) => {
                        let stale = self.fail_many_in_memory(
                            memory,
                            ask,
                            round,
                            led,
                            alone.is_empty(),
                            failure,
                        )?;
                        for (entry, value) in stale {
                            states[entry] = State::Known(Some(value));
                        }
                    }
                }
            }
            waits += usize::from(!joined.is_empty());
            for (entry, flight) in joined {
                match wait_for::<B::One>(&flight, tally).await {
                    Waited::Landed(Ok(value)) => states[entry] = State::Known(Some(value)),
                    Waited::Absent => states[entry] = State::Known(None),
                    Waited::Abandoned => open.push(entry),
                    // One key's failure is not the batch's.
                    Waited::Landed(Err(_)) | Waited::OnOnesOwn => alone.push(entry),
                }
            }
        }
        Ok(known(states))
    }

    /// The value that process memory has, with what a hit does to its entry.
    fn held_of_many<T, P, G, K, V>(
        &self,
        memory: &Memory,
        ask: &AskMany<'_, T, P, G, K>,
        spec: &Spec<Untagged>,
    ) -> Option<V>
    where
        K: Fn(&V) -> Keep,
        V: crate::value::Local,
    {
        if ask.mode != Mode::Read {
            return None;
        }
        let entry = memory.get(spec.key.qualified())?;
        let value: V = entry.value()?;
        if spec.freshness.renews
            && let Some(lifetime) = ask.lifetime(self, spec, &value)
        {
            let expires_at = memory.expires_at(lifetime.ttl);
            entry.expires_at.renew(memory.now(), expires_at);
        }
        Some(value)
    }

    /// What is served when a load has failed: what is stale, if there is something for every entry.
    fn fail_many_in_memory<B, T, P, G, K, L>(
        &self,
        memory: &Memory,
        ask: &AskMany<'_, T, P, G, K>,
        round: &Round<'_, B, T, L>,
        mut led: Vec<(usize, Leading<'_>)>,
        led_all: bool,
        failure: LoadFailure<Failure<B, T>>,
    ) -> Served<B, T>
    where
        B: Batch<T>,
    {
        let is_returned = matches!(failure, LoadFailure::Returned(_));
        if led_all && is_returned && ask.mode == Mode::Read {
            let stale = led.iter().map(|(entry, _)| {
                let key = round.wanted.specs[*entry].key.qualified();
                let found = stale_in_memory::<Value<B, T>>(memory, key)?;
                found.value().map(|value| (*entry, value, found))
            });
            if let Some(stale) = stale.collect::<Option<Vec<_>>>() {
                let served = led.into_iter().zip(stale);
                return Ok(served
                    .map(|((_, leading), (entry, value, found))| {
                        land(memory, leading, Ending::Stale(found), None);
                        ask.tally.add(Count::StaleServed);
                        (entry, value)
                    })
                    .collect());
            }
        }
        share_failure::<B, T>(&mut led, led_all, &failure);
        Err(failure.or_panic())
    }
}

/// Tells those who wait of a failure, if it is that of one key: of more, nobody knows whose it is, and
/// another caller takes over.
pub(super) fn share_failure<B: Batch<T>, T>(
    led: &mut Vec<(usize, Leading<'_>)>,
    led_all: bool,
    failure: &LoadFailure<Failure<B, T>>,
) {
    if led_all
        && led.len() == 1
        && let Some((_, leading)) = led.pop()
    {
        leading.land(Ending::Failed(failure.share::<B::One>()), || {});
    }
}
