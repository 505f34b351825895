//! A lookup in a store of bytes, and the load behind a miss.
//!
//! Look; if there is nothing, join the flight that is under way or lead one: take a lease, load,
//! fill under the lease. A store that fails takes its time budget and is left out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::above::Pledge;
use super::background::outwait_flight;
use super::fetch::{Answer, Entered, Leader, LoadFailure, StoreHit, Visit, Waited, wait_for};
use super::landing::{Fill, Landing, count_fill};
use super::lifetime::Lifetime;
use super::{BoxFuture, Cache, Mode};
use crate::clock::Tick;
use crate::codec::{self, Coding, Encoded, Unreadable};
use crate::error::{Error, StoreError};
use crate::flight::{Caller, Ending, Flight, Leading, Moment};
use crate::freshness::Freshness;
use crate::key::Key;
use crate::memory::{Ages, AnyResident, Resident};
use crate::outcome::Outcome;
use crate::remote::{Age, Budget, Found, HeldLease, Remote, Seen, Sight};
use crate::spec::Ttl;
use crate::stats::Count;
use crate::store::{Claim, Expected, Lease, LeaseRequest, Leased, Nonce};
use crate::value::{Local, Value};

/// How often a caller that waits for another process's load looks again: soon at first, because
/// most loads are short.
pub(super) const FIRST_LOOK: Duration = Duration::from_millis(5);
pub(super) const LAST_LOOK: Duration = Duration::from_millis(100);

/// How many keys of a batch are leased, renewed or filled at the same time.
pub(super) const AT_ONCE: usize = 64;

pub(super) enum Role<'f> {
    Lead(Leading<'f>),
    Wait(Arc<Flight>),
    /// Wait for the end of this flight, but not for its value: while the store cannot be asked, its
    /// load may be from before an invalidation elsewhere. The next one is shared by all who queued,
    /// so that an outage does not let everyone load at once.
    Queue(Arc<Flight>),
}

/// A lease: what is loaded may be stored.
pub(super) struct Permit<'c> {
    remote: &'c Remote,
    held: HeldLease,
    pub(super) lease: Lease,
}

impl Permit<'_> {
    /// The token that it is held by.
    pub(super) fn token(&self) -> Nonce {
        self.held.token()
    }
}

/// What a leader is told.
pub(super) enum Answered<'c> {
    Permitted(Permit<'c>),
    /// The store cannot be used, or must not be: load, and store nothing.
    Unstored,
    /// The store does not answer.
    NotAtAll,
    /// Another entry turned up meanwhile: look again.
    LookAgain,
    /// Another process holds a lease that is its own, and would have to be waited for.
    Held,
}

impl<'c> Leader<'c> {
    /// Gives the lease back, if there is one: nothing is stored.
    async fn let_go(self) -> Leading<'c> {
        if let Some(permit) = self.permit {
            permit.held.give_back().await;
        }
        self.leading
    }
}

impl Leader<'_> {
    /// Keeps the lease from ending while the load runs; without an end of its own.
    pub(super) fn renewals<'v>(&'v self, visit: &'v Visit<'v>) -> Option<BoxFuture<'v, ()>> {
        let Permit { remote, held, .. } = self.permit.as_ref()?;
        let lease = vec![(visit.key.qualified(), held.token())];
        Some(Box::pin(renewals(remote, lease)))
    }
}

impl Cache {
    pub(super) async fn enter_store<'c, O: Outcome>(
        &'c self,
        remote: &'c Remote,
        visit: &'c Visit<'c>,
        may_detach: bool,
    ) -> Entered<'c, O> {
        let (mode, tally) = (visit.mode, visit.tally);
        let mut budget = remote.budget();
        let mut has_missed = false;
        let mut has_queued = false;
        // What an early load is to replace.
        let mut old = None;
        if mode == Mode::Read
            && let Some(value) = self
                .checked_above::<O::Value>(
                    remote,
                    visit.key,
                    visit.freshness,
                    visit.layers,
                    &mut budget,
                )
                .await
        {
            tally.add(Count::Hit);
            return Entered::Done(Ok(value));
        }
        loop {
            let looked = self.shared.flights.moment();
            let pledge = self.pledge(visit.layers, visit.key, visit.scopes);
            let look = self.look_held::<O>(remote, visit, Age::Fresh, &mut budget);
            let seen = match look.await {
                Ok(Look::Held(held, found)) => match (mode, &held) {
                    (Mode::Read, _) => {
                        if !has_missed {
                            tally.add(Count::Hit);
                            self.shared.counters.add_below();
                        }
                        if let Ok(value) = &held {
                            self.promote(visit.key, pledge, &found, value);
                        }
                        return Entered::Hit(StoreHit {
                            remote,
                            held,
                            found,
                            budget,
                        });
                    }
                    // Someone else was first.
                    (Mode::Early, Ok(_)) if !self.is_due(visit.freshness, &found) => {
                        self.shared.background.replaced(visit.key.qualified());
                        return Entered::Done(held);
                    }
                    (Mode::Early | Mode::Refresh, _) => {
                        old = Some(held);
                        Some(found.seen)
                    }
                },
                Ok(Look::Nothing(seen)) => {
                    if seen.is_corrupt {
                        tally.add(Count::Corrupt);
                    }
                    Some(seen)
                }
                Ok(Look::Distrusted) => None,
                Err(error) => {
                    tally.add(Count::StoreError);
                    tracing::debug!(%error, key = %visit.key, "a lookup goes on without the store");
                    None
                }
            };
            if !has_missed && mode == Mode::Read {
                // Only where there may be something stale to be served meanwhile.
                if may_detach
                    && let Some(limit) = visit.freshness.load_timeout
                    && let Some(seen) = seen.as_ref().filter(|seen| seen.identity.is_some())
                {
                    let Some(flight) = self.joinable(visit, looked, seen) else {
                        return Entered::Slow(limit);
                    };
                    tally.add(Count::Miss);
                    let stale = self.stale_in_store::<O>(remote, visit);
                    let waiting = outwait_flight::<O>(&flight, limit, &tally, stale);
                    if let Some(answer) = waiting.await {
                        return Entered::Done(answer);
                    }
                    has_missed = true;
                    budget.refill();
                    continue;
                }
                has_missed = true;
                tally.add(Count::Miss);
            }
            match self.join_or_lead(visit, looked, seen.as_ref(), has_queued) {
                Role::Queue(flight) => {
                    has_queued = true;
                    flight.wait().await;
                }
                Role::Wait(flight) => match wait_for::<O>(&flight, &tally).await {
                    Waited::Landed(answer) => return Entered::Done(answer),
                    Waited::Absent | Waited::Abandoned => {}
                    Waited::OnOnesOwn => return Entered::Alone,
                },
                Role::Lead(leading) => {
                    let is_lost = seen.is_none();
                    let answered = self.permit(remote, visit, seen, &mut budget).await;
                    let is_unanswered = is_lost || matches!(answered, Answered::NotAtAll);
                    let permit = match answered {
                        Answered::Permitted(permit) => Some(permit),
                        // An early load that cannot be stored is of no use.
                        Answered::Unstored | Answered::NotAtAll
                            if mode == Mode::Early
                                && let Some(held) = old.take() =>
                        {
                            return Entered::Done(held);
                        }
                        Answered::Unstored | Answered::NotAtAll => None,
                        Answered::LookAgain => continue,
                        // It does what was to be done early.
                        Answered::Held => match old.take() {
                            Some(held) => return Entered::Done(held),
                            None => continue,
                        },
                    };
                    leading.begin_load(permit.as_ref().map(|permit| permit.lease.clone()));
                    return Entered::Lead(Leader {
                        leading,
                        permit,
                        pledge,
                        is_unanswered,
                    });
                }
            }
        }
    }

    /// Tells those who wait, and stores what was loaded.
    pub(super) async fn land_in_store<O: Outcome>(
        &self,
        visit: &Visit<'_>,
        mut leader: Leader<'_>,
        value: O::Value,
        ttl: Option<Ttl>,
    ) -> O::Value {
        let entry = self.passing(&leader.leading, visit.key.qualified(), value);
        // Those who wait go on now. The flight stays in the table until the fill is
        // done, so that an invalidation in between is noticed.
        leader
            .leading
            .flight()
            .end(Ending::Value(Arc::clone(&entry) as AnyResident));
        if let Some(ttl) = ttl
            && let Some(lifetime) = self.lifetime(ttl, visit.freshness)
        {
            let encode = |bytes| O::Coding::encode(&entry.value, bytes, self.shared.encoding);
            let pledge = leader.pledge.take();
            let filling = self.fill_under(visit, leader, lifetime, encode, pledge.as_ref());
            if let Some(landing) = filling.await {
                let value = || entry.value.clone();
                self.land_above(visit.key, pledge, landing, lifetime, value);
            }
        } else {
            self.remove_older(visit, &leader).await;
            leader.let_go().await.land(Ending::Abandoned, || {});
        }
        entry.value.clone()
    }

    /// What is returned and not kept is newer than what was: nobody may read that after it. An early load
    /// returns to nobody.
    async fn remove_older(&self, visit: &Visit<'_>, leader: &Leader<'_>) {
        if let Some(Permit { remote, lease, .. }) = &leader.permit
            && let Some(identity) = lease.over
            && visit.mode != Mode::Early
            && leader.leading.may_store()
        {
            let older = [(visit.key.qualified().to_owned(), identity)];
            let removed = remote.budget().spend(remote.store.remove(&older)).await;
            if let Err(error) = removed {
                visit.tally.add(Count::StoreError);
                tracing::debug!(%error, key = %visit.key, "an older entry was not removed");
            }
        }
    }

    /// What is served, and kept, when a load has failed.
    pub(super) async fn fail_in_store<O: Outcome>(
        &self,
        remote: &Remote,
        visit: &Visit<'_>,
        leader: Leader<'_>,
        failure: LoadFailure<O::Failure>,
    ) -> Answer<O> {
        if matches!(failure, LoadFailure::Returned(_))
            && !visit.freshness.stale_for.is_zero()
            && !leader.is_unanswered
            && let Some(value) = self.stale_in_store::<O>(remote, visit).await
        {
            let entry = self.passing(&leader.leading, visit.key.qualified(), value);
            let ending = Ending::Stale(Arc::clone(&entry) as AnyResident);
            leader.leading.land(ending, || {});
            // Who asked for a new value is told that there is none.
            if visit.mode == Mode::Read {
                visit.tally.add(Count::StaleServed);
                return Ok(entry.value.clone());
            }
            return Err(failure.or_panic());
        }
        leader
            .leading
            .flight()
            .end(Ending::Failed(failure.share::<O>()));
        if visit.mode == Mode::Read
            && let Some(negative) = failure.negative::<O>()
            && let Some(lifetime) = self.lifetime(visit.error_ttl, &Freshness::default())
        {
            let encode = |bytes| {
                let (bytes, codec, shape) =
                    O::Coding::encode(&negative, bytes, self.shared.encoding)?;
                Ok((bytes, codec::of_failure(codec), shape))
            };
            self.fill_under(visit, leader, lifetime, encode, None).await;
        } else {
            leader.let_go().await.land(Ending::Abandoned, || {});
        }
        Err(failure.or_panic())
    }

    /// A value on its way to those who wait for it.
    pub(super) fn passing<V: Local>(
        &self,
        leading: &Leading<'_>,
        key: &str,
        value: V,
    ) -> Arc<Resident<V>> {
        let ages = Ages {
            expires_at: Tick::NEVER,
            stale_for: Duration::ZERO,
        };
        let held = leading.flight().held().clone();
        Arc::new(Resident::new(
            key,
            self.shared.clock.tick(),
            ages,
            held,
            value,
        ))
    }

    /// Stores what a load brought, under its lease, and takes its flight out of the table.
    pub(super) async fn fill_under(
        &self,
        visit: &Visit<'_>,
        leader: Leader<'_>,
        lifetime: Lifetime,
        encode: impl FnOnce(Vec<u8>) -> Result<Encoded, Error>,
        pledge: Option<&Pledge>,
    ) -> Option<Landing> {
        let mut landing = None;
        let Leader {
            leading, permit, ..
        } = leader;
        let (key, scopes) = (visit.key, visit.scopes);
        if let Some(Permit {
            remote,
            held,
            lease,
        }) = permit
        {
            let is_overtaken = !leading.may_store() || remote.distrusts(key, scopes);
            let filled = if is_overtaken {
                Ok(Fill::Overtaken)
            } else {
                let budget = &mut remote.budget();
                self.fill(
                    remote, key, scopes, lifetime, encode, &lease, pledge, budget,
                )
                .await
            };
            count_fill(&visit.tally, key, &filled);
            if let Ok(Fill::Stored(stored)) = filled {
                if visit.mode == Mode::Early {
                    self.shared.background.replaced(key.qualified());
                }
                held.used();
                landing = Some(stored);
            }
        }
        leading.land(Ending::Abandoned, || {});
        landing
    }

    /// Gives the entry of a hit its ttl again, where it says so; the answer.
    pub(super) async fn renew_hit<O: Outcome>(
        &self,
        visit: &Visit<'_>,
        hit: StoreHit<'_, O>,
        ttl: Option<Ttl>,
    ) -> Answer<O> {
        let StoreHit {
            remote,
            held,
            found,
            mut budget,
        } = hit;
        if let Some(ttl) = ttl
            && let Some(lifetime) = self.lifetime(ttl, visit.freshness)
            && let Err(error) = self
                .renew(remote, visit.key, &found, lifetime.ttl, &mut budget)
                .await
        {
            tracing::debug!(%error, key = %visit.key, "an entry was not renewed");
        }
        held
    }

    /// Whether an entry is old enough to be loaded again early.
    pub(super) fn is_due(&self, freshness: &Freshness, found: &Found) -> bool {
        let now = self.shared.clock.unix_millis();
        let age = Duration::from_millis(now.saturating_sub(found.meta.times.created_at));
        // A failure that is kept is not loaded again early.
        codec::failure_in(found.meta.codec).is_none()
            && freshness.early_ttl.is_some_and(|early| age >= early)
    }

    /// The value that may be served when a load fails. Looked for then, so that it is not one that was
    /// invalidated meanwhile.
    pub(super) async fn stale_in_store<O: Outcome>(
        &self,
        remote: &Remote,
        visit: &Visit<'_>,
    ) -> Option<O::Value> {
        let budget = &mut remote.budget();
        let look = self.look_held::<O>(remote, visit, Age::Stale, budget);
        match look.await {
            Ok(Look::Held(held, _)) => held.ok(),
            Ok(Look::Nothing(_) | Look::Distrusted) | Err(_) => None,
        }
    }

    /// Looks at the store, and decodes a value or a failure that is kept.
    async fn look_held<O: Outcome>(
        &self,
        remote: &Remote,
        visit: &Visit<'_>,
        age: Age,
        budget: &mut Budget<'_>,
    ) -> Result<Look<Answer<O>>, StoreError> {
        let age = (age, self.shared.clock.unix_millis());
        let sight = remote
            .look(visit.key, Some(visit.scopes), age, budget)
            .await;
        remote.note(sight.as_ref().err());
        Ok(Look::of(sight?, read_held::<O>))
    }

    /// Looks at the store, and decodes a value.
    pub(super) async fn look<V: Value>(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
        budget: &mut Budget<'_>,
    ) -> Result<Look<V>, StoreError> {
        let now = self.shared.clock.unix_millis();
        let age = (Age::Fresh, now);
        let sight = remote.look(key, Some(scopes), age, budget).await;
        remote.note(sight.as_ref().err());
        Ok(Look::of(sight?, read))
    }

    /// The flight of this key, if a read may wait for it that has seen this.
    fn joinable(&self, visit: &Visit<'_>, looked: Moment, seen: &Seen) -> Option<Arc<Flight>> {
        let key = visit.key.qualified();
        let flight = self.shared.flights.lock(key).get(key).cloned()?;
        let may_join = flight.is_current() && flight.admits(looked, |lease| seen.confirms(lease));
        may_join.then_some(flight)
    }

    /// Waits for the flight of this key if the caller may, else starts one.
    pub(super) fn join_or_lead<'s>(
        &'s self,
        visit: &'s Visit<'s>,
        looked: Moment,
        seen: Option<&Seen>,
        has_queued: bool,
    ) -> Role<'s> {
        let (key, mode) = (visit.key.qualified(), visit.mode);
        let mut flights = self.shared.flights.lock(key);
        if let Some(flight) = flights.get(key) {
            let may_join = mode != Mode::Refresh
                && flight.is_current()
                && match seen {
                    Some(seen) => flight.admits(looked, |lease| seen.confirms(lease)),
                    // The store says nothing, so only a load that begins after this caller will do.
                    None => flight.admits(looked, |_| false),
                };
            if may_join {
                return Role::Wait(Arc::clone(flight));
            }
            if mode == Mode::Read && seen.is_none() && !has_queued && flight.is_current() {
                return Role::Queue(Arc::clone(flight));
            }
        }
        let held = self
            .shared
            .generations
            .hold(visit.scopes.iter().map(String::as_str));
        Role::Lead(Leading::start(
            &self.shared.flights,
            &mut flights,
            key,
            held,
            Caller::Task,
        ))
    }

    /// Takes a lease. With `lock`, waits while another process holds it.
    async fn permit<'c>(
        &self,
        remote: &'c Remote,
        visit: &Visit<'_>,
        seen: Option<Seen>,
        budget: &mut Budget<'_>,
    ) -> Answered<'c> {
        let mut pause = FIRST_LOOK;
        loop {
            match self
                .ask_for_lease(remote, visit, seen.as_ref(), budget)
                .await
            {
                Answered::Held if visit.mode != Mode::Early => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_LOOK);
                    // Waiting for a load is not the store's time.
                    budget.refill();
                }
                answered => return answered,
            }
        }
    }

    /// Asks for a lease once.
    pub(super) async fn ask_for_lease<'c>(
        &self,
        remote: &'c Remote,
        visit: &Visit<'_>,
        seen: Option<&Seen>,
        budget: &mut Budget<'_>,
    ) -> Answered<'c> {
        let Some(seen) = seen else {
            return Answered::Unstored;
        };
        let claim = match (visit.mode, visit.lock) {
            (Mode::Refresh, _) => Claim::Replacing,
            // One process is enough.
            (Mode::Read, true) | (Mode::Early, _) => Claim::Exclusive,
            (Mode::Read, false) => Claim::Shared,
        };
        let lifetime = self.lifetime(visit.ttl, visit.freshness);
        // Who loads early keeps other early loads away, but not those who need a value now: they may fill
        // under its token.
        let sharing = match visit.mode {
            Mode::Early => Claim::Shared,
            Mode::Read | Mode::Refresh => claim,
        };
        let held = HeldLease::ask(remote, visit.key, sharing);
        let request = LeaseRequest {
            token: held.token(),
            claim,
            expected: match claim {
                Claim::Replacing => Expected::Anything,
                Claim::Shared | Claim::Exclusive => seen.identity.into(),
            },
            lasts: remote.lease,
            scopes: visit.scopes,
            ttl: lifetime.and_then(Lifetime::kept),
        };
        let leasing = remote.store.lease(visit.key.qualified(), request);
        match budget.spend(leasing).await {
            Ok(Leased::Granted(lease)) => {
                let held = if lease.token == held.token() {
                    held
                } else {
                    // Someone else's token, which this load shares: not this one's to give back.
                    held.used();
                    HeldLease::shared(remote, lease.token)
                };
                Answered::Permitted(Permit {
                    remote,
                    held,
                    lease,
                })
            }
            Ok(Leased::Changed) => {
                held.used();
                Answered::LookAgain
            }
            Ok(Leased::Held) => {
                held.used();
                match claim {
                    // A lock, a set or a refresh is under way, and is not waited for; its value is
                    // the one to be stored.
                    Claim::Shared => Answered::Unstored,
                    Claim::Exclusive | Claim::Replacing => Answered::Held,
                }
            }
            Err(error) => {
                visit.tally.add(Count::StoreError);
                tracing::debug!(%error, key = %visit.key, "a load goes on without the store");
                Answered::NotAtAll
            }
        }
    }
}

/// A look at the store, decoded.
pub(super) enum Look<T> {
    Held(T, Found),
    Nothing(Seen),
    Distrusted,
}

impl<T> Look<T> {
    pub(super) fn of(sight: Sight, decode: impl FnOnce(&Found) -> Result<T, Unreadable>) -> Self {
        match sight {
            Sight::Entry(found) => match decode(&found) {
                Ok(held) => Self::Held(held, found),
                Err(Unreadable) => {
                    let mut seen = found.seen;
                    // A failure is no value, and neither is it damaged.
                    seen.is_corrupt = codec::failure_in(found.meta.codec).is_none();
                    Self::Nothing(seen)
                }
            },
            Sight::Nothing(seen) => Self::Nothing(seen),
            Sight::Distrusted => Self::Distrusted,
        }
    }
}

/// What an entry holds for a function: a value, or a failure that is kept.
pub(super) fn read_held<O: Outcome>(found: &Found) -> Result<Answer<O>, Unreadable> {
    let meta = &found.meta;
    match codec::failure_in(meta.codec) {
        None => O::Coding::decode(found.payload(), meta.codec, meta.shape).map(Ok),
        Some(codec) => O::Coding::decode(found.payload(), codec, meta.shape)
            .map(|negative| Err(O::failure(negative))),
    }
}

pub(super) fn read<V: Value>(found: &Found) -> Result<V, Unreadable> {
    codec::decode(found.payload(), found.meta.codec, found.meta.shape)
}

/// Keeps the leases that a load has on keys from ending.
pub(super) async fn renewals(remote: &Remote, leases: Vec<(&str, Nonce)>) {
    loop {
        tokio::time::sleep(remote.lease / 3).await;
        let mut renewals = FuturesUnordered::new();
        for &(key, token) in &leases {
            if renewals.len() >= AT_ONCE {
                renewals.next().await;
            }
            renewals.push(renew(remote, key, token));
        }
        while renewals.next().await.is_some() {}
    }
}

/// One that fails is tried again in time; if none gets through, the fill is refused.
async fn renew(remote: &Remote, key: &str, token: Nonce) {
    let renewal = remote.store.renew(key, token, remote.lease);
    let _ = remote.budget().spend(renewal).await;
}
