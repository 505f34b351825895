//! A batch in a store of bytes: one look, leases side by side, one load, fills side by side.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::memory::share_failure;
use super::{AskMany, Round, Served, State, Untagged, WAITS, known};
use crate::cache::above::Pledge;
use crate::cache::fetch::{Leader, LoadFailure, Visit, Waited, wait_for};
use crate::cache::get::WHOLE_AT_ONCE;
use crate::cache::lifetime::Lifetime;
use crate::cache::store_load::{
    AT_ONCE, Answered, FIRST_LOOK, LAST_LOOK, Look, Permit, Role, read_held, renewals,
};
use crate::cache::{BoxFuture, Cache, Mode, Tally};
use crate::codec::Coding;
use crate::flight::{Caller, Ending, Leading};
use crate::keep::Keep;
use crate::layer::LayerSet;
use crate::memory::{AnyResident, Resident};
use crate::outcome::Outcome;
use crate::pairs::{Batch, Failure, Value};
use crate::remote::{Age, Budget, Found, Remote, Seen};
use crate::spec::Spec;
use crate::stats::Count;
use crate::tag::Tags;
use crate::value::Local;

/// What a batch looks at, and what it pays for that.
struct Sightings<'a, 'r> {
    remote: &'r Remote,
    /// One for each entry.
    visits: &'a [Visit<'a>],
    budget: Budget<'r>,
}

/// An entry that this batch loads, and what it loads under.
struct Led<'f> {
    entry: usize,
    leading: Leading<'f>,
    permit: Option<Permit<'f>>,
    pledge: Option<Pledge>,
}

/// What became of the leases that a batch asked for.
#[derive(Default)]
struct Leases<'f> {
    led: Vec<Led<'f>>,
    /// Something else is in the slot now: it is no longer led, but looked for again.
    changed: Vec<usize>,
    /// Another process has the lock: it is no longer led, so that nobody is waited for meanwhile.
    held_back: Vec<usize>,
}

impl<T, P, G, K> AskMany<'_, T, P, G, K> {
    fn visit<'v>(
        &'v self,
        spec: &'v Spec<Untagged>,
        scopes: &'v [String],
        layers: LayerSet,
    ) -> Visit<'v> {
        Visit {
            mode: self.mode,
            caller: Caller::Task,
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

impl Cache {
    pub(super) async fn load_many_through<B, T, P, G, K, L, F>(
        &self,
        remote: &Remote,
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
        let (wanted, tally, mode) = (round.wanted, &ask.tally, ask.mode);
        let specs = &wanted.specs;
        let scopes: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(entry, spec)| ask.scopes(self, &spec.key, wanted.item_of(entry)))
            .collect();
        let visits = specs.iter().zip(&scopes);
        let visits: Vec<_> = visits
            .map(|(spec, scopes)| ask.visit(spec, scopes, self.meant(spec.layers)))
            .collect();
        let mut sightings = Sightings {
            remote,
            visits: &visits,
            budget: remote.budget(),
        };
        let mut states: Vec<State<Value<B, T>>> = specs.iter().map(|_| State::Open).collect();
        let mut has_queued = vec![false; specs.len()];
        // Those to be looked for, joined or led in the next round, and those to be loaded without that.
        let (mut open, mut alone): (Vec<usize>, _) = ((0..specs.len()).collect(), Vec::new());
        let (mut waits, mut pause, mut is_first) = (0, FIRST_LOOK, true);
        if mode == Mode::Read {
            for (entry, state) in states.iter_mut().enumerate() {
                if let Some(value) = self.held_above(&visits[entry], &mut sightings).await {
                    tally.add(Count::Hit);
                    *state = State::Known(Some(value));
                }
            }
            open.retain(|entry| matches!(states[*entry], State::Open));
        }
        while !(open.is_empty() && alone.is_empty()) {
            let looked = self.shared.flights.moment();
            let visited = open.iter().map(|entry| &visits[*entry]);
            let pledges = visited.map(|visit| self.pledge(visit.layers, visit.key, visit.scopes));
            let pledges: Vec<_> = pledges.collect();
            let looks = self.look_for_all::<B::One>(&open, Age::Fresh, &mut sightings, tally);
            let (mut leading, mut joined, mut queued) = (Vec::new(), Vec::new(), Vec::new());
            let mut renewed = Vec::new();
            for ((entry, look), pledge) in looks.await.into_iter().zip(pledges) {
                let spec = &specs[entry];
                let seen = match look {
                    Look::Held(Ok(value), found) if mode == Mode::Read => {
                        if is_first {
                            tally.add(Count::Hit);
                            self.shared.counters.add_below();
                        }
                        self.promote(&spec.key, pledge, &found, &value);
                        if spec.freshness.renews
                            && let Some(lifetime) = ask.lifetime(self, spec, &value)
                        {
                            renewed.push((entry, found, lifetime));
                        }
                        states[entry] = State::Known(Some(value));
                        continue;
                    }
                    Look::Held(_, found) => Some(found.seen),
                    Look::Nothing(seen) => Some(seen),
                    Look::Distrusted => None,
                };
                if is_first && mode == Mode::Read {
                    tally.add(Count::Miss);
                }
                match self.join_or_lead(&visits[entry], looked, seen.as_ref(), has_queued[entry]) {
                    Role::Lead(lead) => leading.push((entry, lead, seen, pledge)),
                    _ if waits >= WAITS => alone.push(entry),
                    Role::Wait(flight) => joined.push((entry, flight)),
                    Role::Queue(flight) => queued.push((entry, flight)),
                }
            }
            self.renew_all(renewed, &mut sightings).await;
            let leased = self.lease_all(leading, &mut sightings, tally).await;
            let (mut led, held_back) = (leased.led, leased.held_back);
            open = leased.changed;
            for Led {
                leading, permit, ..
            } in &led
            {
                leading.begin_load(permit.as_ref().map(|permit| permit.lease.clone()));
            }
            if !(led.is_empty() && alone.is_empty()) {
                let entries = led.iter().map(|led| led.entry);
                let entries: Vec<_> = entries.chain(alone.iter().copied()).collect();
                let leases = led.iter().filter_map(|led| {
                    let token = led.permit.as_ref()?.token();
                    Some((specs[led.entry].key.qualified(), token))
                });
                let renewals: BoxFuture<'_, ()> = Box::pin(renewals(remote, leases.collect()));
                let result = round.run(tally, entries, Some(renewals)).await;
                sightings.budget.refill();
                match result {
                    Ok(mut loaded) => {
                        for entry in alone.drain(..) {
                            states[entry] = State::Known(loaded.remove(&entry));
                        }
                        for (entry, value) in self
                            .land_all::<B, _, _, _, _>(ask, led, loaded, &mut sightings)
                            .await
                        {
                            states[entry] = State::Known(value);
                        }
                    }
                    Err(failure) => {
                        let led_all = alone.is_empty();
                        let stale = self
                            .fail_all::<B, _, _, _, _>(
                                ask,
                                &mut led,
                                led_all,
                                failure,
                                &mut sightings,
                            )
                            .await?;
                        for (entry, value) in stale {
                            states[entry] = State::Known(Some(value));
                        }
                    }
                }
            }
            waits += usize::from(!(joined.is_empty() && queued.is_empty()));
            for (entry, flight) in joined {
                match wait_for::<B::One>(&flight, tally).await {
                    Waited::Landed(Ok(value)) => states[entry] = State::Known(Some(value)),
                    Waited::Absent => states[entry] = State::Known(None),
                    Waited::Abandoned => open.push(entry),
                    // One key's failure is not the batch's.
                    Waited::Landed(Err(_)) | Waited::OnOnesOwn => alone.push(entry),
                }
            }
            for (entry, flight) in queued {
                flight.wait().await;
                has_queued[entry] = true;
                open.push(entry);
            }
            if !held_back.is_empty() {
                // Another process has a lock; what it stores is looked for again, without holding
                // anything meanwhile.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_LOOK);
                open.extend(held_back);
            }
            is_first = false;
            // Waiting for a load is not the store's time.
            sightings.budget.refill();
        }
        Ok(known(states))
    }

    /// Looks for these entries, many at once, and decodes them. Where the store does not answer, none is
    /// trusted.
    async fn look_for_all<O: Outcome>(
        &self,
        entries: &[usize],
        age: Age,
        sightings: &mut Sightings<'_, '_>,
        tally: &Tally<'_>,
    ) -> Vec<(usize, Look<Result<O::Value, O::Failure>>)> {
        let Sightings {
            remote,
            visits,
            budget,
        } = sightings;
        let mut looks = Vec::with_capacity(entries.len());
        for entries in entries.chunks(WHOLE_AT_ONCE) {
            let asked: Vec<_> = entries
                .iter()
                .map(|entry| (visits[*entry].key, visits[*entry].scopes))
                .collect();
            let now = self.shared.clock.unix_millis();
            let sights = remote.look_all(&asked, (age, now), budget).await;
            remote.note(sights.as_ref().err());
            match sights {
                Ok(sights) => {
                    for (entry, sight) in entries.iter().zip(sights) {
                        let look = Look::of(sight, read_held::<O>);
                        if let Look::Nothing(Seen {
                            is_corrupt: true, ..
                        }) = &look
                        {
                            tally.add(Count::Corrupt);
                        }
                        looks.push((*entry, look));
                    }
                }
                Err(error) => {
                    tally.add(Count::StoreError);
                    tracing::debug!(%error, "a lookup of many keys goes on without the store");
                    looks.extend(entries.iter().map(|entry| (*entry, Look::Distrusted)));
                }
            }
        }
        looks
    }

    /// Gives the entries that were hit their whole ttl again.
    async fn renew_all(
        &self,
        renewed: Vec<(usize, Found, Lifetime)>,
        sightings: &mut Sightings<'_, '_>,
    ) {
        let (remote, visits) = (sightings.remote, sightings.visits);
        let renewing = async {
            let mut running = FuturesUnordered::new();
            for (entry, found, lifetime) in &renewed {
                if running.len() >= AT_ONCE {
                    running.next().await;
                }
                running.push(self.renew_one(remote, &visits[*entry], found, *lifetime));
            }
            while running.next().await.is_some() {}
            Ok(())
        };
        if let Err(error) = sightings.budget.spend(renewing).await {
            tracing::debug!(%error, "some entries were not renewed");
        }
    }

    async fn renew_one(
        &self,
        remote: &Remote,
        visit: &Visit<'_>,
        found: &Found,
        lifetime: Lifetime,
    ) {
        let budget = &mut remote.budget();
        let renewing = self.renew(remote, visit.key, found, lifetime.ttl, budget);
        if let Err(error) = renewing.await {
            tracing::debug!(%error, key = %visit.key, "an entry was not renewed");
        }
    }

    /// Takes a lease on each entry, or leads without.
    async fn lease_all<'f>(
        &self,
        leading: Vec<(usize, Leading<'f>, Option<Seen>, Option<Pledge>)>,
        sightings: &mut Sightings<'_, 'f>,
        tally: &Tally<'_>,
    ) -> Leases<'f> {
        let (remote, visits) = (sightings.remote, sightings.visits);
        let mut permits = HashMap::with_capacity(leading.len());
        let leasing = async {
            let mut running = FuturesUnordered::new();
            for (entry, _, seen, _) in &leading {
                if running.len() >= AT_ONCE {
                    permits.extend(running.next().await);
                }
                let visit = &visits[*entry];
                running.push(async move {
                    let budget = &mut remote.budget();
                    let leased = self.ask_for_lease(remote, visit, seen.as_ref(), budget);
                    (*entry, leased.await)
                });
            }
            while let Some(leased) = running.next().await {
                permits.extend([leased]);
            }
            Ok(())
        };
        if let Err(error) = sightings.budget.spend(leasing).await {
            tally.add(Count::StoreError);
            tracing::debug!(%error, "a load of many keys goes on without some of its leases");
        }
        let mut leases = Leases::default();
        for (entry, leading, _, pledge) in leading {
            let led = |permit| {
                leases.led.push(Led {
                    entry,
                    leading,
                    permit,
                    pledge,
                });
            };
            match permits.remove(&entry) {
                Some(Answered::Permitted(permit)) => led(Some(permit)),
                Some(Answered::Unstored | Answered::NotAtAll) | None => led(None),
                Some(Answered::LookAgain) => leases.changed.push(entry),
                Some(Answered::Held) => leases.held_back.push(entry),
            }
        }
        leases
    }

    /// Tells those who wait, and stores what was loaded.
    async fn land_all<B, T, P, G, K>(
        &self,
        ask: &AskMany<'_, T, P, G, K>,
        led: Vec<Led<'_>>,
        mut loaded: HashMap<usize, Value<B, T>>,
        sightings: &mut Sightings<'_, '_>,
    ) -> Vec<(usize, Option<Value<B, T>>)>
    where
        B: Batch<T>,
        K: Fn(&Value<B, T>) -> Keep,
    {
        let visits = sightings.visits;
        let mut values = Vec::with_capacity(led.len());
        let mut fills = Vec::with_capacity(led.len());
        for Led {
            entry,
            leading,
            permit,
            pledge,
        } in led
        {
            let Some(value) = loaded.remove(&entry) else {
                leading.land(Ending::Absent, || {});
                values.push((entry, None));
                continue;
            };
            let visit = &visits[entry];
            let landed = self.passing(&leading, visit.key.qualified(), value);
            // Those who wait go on now. The flight stays in the table until the fill is done, so that an
            // invalidation in between is noticed.
            leading
                .flight()
                .end(Ending::Value(Arc::clone(&landed) as AnyResident));
            values.push((entry, Some(landed.value.clone())));
            let ttl = (ask.keep)(&landed.value).ttl(visit.ttl);
            match ttl.and_then(|ttl| self.lifetime(ttl, visit.freshness)) {
                Some(lifetime) => {
                    let leader = Leader {
                        leading,
                        permit,
                        pledge,
                        is_unanswered: false,
                    };
                    fills.push((visit, leader, lifetime, landed));
                }
                None => {
                    leading.land(Ending::Abandoned, || {});
                }
            }
        }
        let filling = async {
            let mut running = FuturesUnordered::new();
            for (visit, leader, lifetime, landed) in fills {
                if running.len() >= AT_ONCE {
                    running.next().await;
                }
                running.push(self.fill_one::<B::One>(visit, leader, lifetime, landed));
            }
            while running.next().await.is_some() {}
            Ok(())
        };
        if let Err(error) = sightings.budget.spend(filling).await {
            ask.tally.add(Count::StoreError);
            tracing::debug!(%error, "some of many loaded values were not stored");
        }
        values
    }

    async fn fill_one<O: Outcome>(
        &self,
        visit: &Visit<'_>,
        mut leader: Leader<'_>,
        lifetime: Lifetime,
        landed: Arc<Resident<O::Value>>,
    ) {
        let encode = |bytes| O::Coding::encode(&landed.value, bytes, self.shared.encoding);
        let pledge = leader.pledge.take();
        let filling = self.fill_under(visit, leader, lifetime, encode, pledge.as_ref());
        if let Some(landing) = filling.await {
            let value = || landed.value.clone();
            self.land_above(visit.key, pledge, landing, lifetime, value);
        }
    }

    /// What process memory above the store has of an entry.
    async fn held_above<V: Local>(
        &self,
        visit: &Visit<'_>,
        sightings: &mut Sightings<'_, '_>,
    ) -> Option<V> {
        let (key, freshness, layers) = (visit.key, visit.freshness, visit.layers);
        if let Some(place) = self.answering_above(freshness, layers) {
            return place.memory.get(key.qualified())?.value();
        }
        let Sightings { remote, budget, .. } = sightings;
        self.checked_above(remote, key, freshness, layers, budget)
            .await
    }

    /// What is served when a load has failed: what is stale, if there is something for every entry.
    async fn fail_all<B, T, P, G, K>(
        &self,
        ask: &AskMany<'_, T, P, G, K>,
        led: &mut Vec<Led<'_>>,
        led_all: bool,
        failure: LoadFailure<Failure<B, T>>,
        sightings: &mut Sightings<'_, '_>,
    ) -> Served<B, T>
    where
        B: Batch<T>,
    {
        let tally = &ask.tally;
        let may_serve = |led: &Led<'_>| !sightings.visits[led.entry].freshness.stale_for.is_zero();
        if led_all
            && ask.mode == Mode::Read
            && matches!(failure, LoadFailure::Returned(_))
            && led.iter().all(may_serve)
        {
            let entries: Vec<usize> = led.iter().map(|led| led.entry).collect();
            let looks = self.look_for_all::<B::One>(&entries, Age::Stale, sightings, tally);
            let stale = looks.await.into_iter().map(|(entry, look)| match look {
                Look::Held(Ok(value), _) => Some((entry, value)),
                Look::Held(Err(_), _) | Look::Nothing(_) | Look::Distrusted => None,
            });
            if let Some(stale) = stale.collect::<Option<Vec<_>>>() {
                for (Led { leading, .. }, (entry, value)) in led.drain(..).zip(&stale) {
                    let key = sightings.visits[*entry].key.qualified();
                    let passing = self.passing(&leading, key, value.clone());
                    leading.land(Ending::Stale(passing as AnyResident), || {});
                    tally.add(Count::StaleServed);
                }
                return Ok(stale);
            }
        }
        let mut leading: Vec<_> = led
            .drain(..)
            .map(|Led { entry, leading, .. }| (entry, leading))
            .collect();
        share_failure::<B, T>(&mut leading, led_all, &failure);
        Err(failure.or_panic())
    }
}
