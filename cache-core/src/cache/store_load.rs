//! A lookup in a store of bytes, and the load behind a miss.
//!
//! Look; if there is nothing, join the flight that is under way or lead one: take a lease, load,
//! fill under the lease. A store that fails takes its time budget and is left out.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::background::outwait;
use super::fetch::{Ask, LoadFailure, Waited, run, wait_for};
use super::lifetime::Lifetime;
use super::{Cache, Mode, Tally, scopes};
use crate::clock::Tick;
use crate::codec::{self, Coding, Encoded, Unreadable};
use crate::envelope;
use crate::error::{Error, StoreError};
use crate::flight::{Caller, Ending, Flight, Leading, Moment};
use crate::freshness::Freshness;
use crate::keep::Keep;
use crate::key::Key;
use crate::memory::{Ages, AnyResident, Resident};
use crate::origin::Origin;
use crate::outcome::Outcome;
use crate::remote::{Age, Budget, Found, HeldLease, Remote, Seen, Sight};
use crate::spec::Spec;
use crate::stats::Count;
use crate::store::{Claim, Expected, Filled, Lease, LeaseRequest, Leased, Nonce};
use crate::tag::Tags;
use crate::value::{Local, Value};

/// How often a caller that waits for another process's load looks again: soon at first, because
/// most loads are short.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// The caller whose load it is, and what it loads under.
struct Leader<'a, 'f> {
    remote: &'a Remote,
    scopes: &'a [String],
    leading: Leading<'f>,
    permit: Option<(HeldLease, Lease)>,
}

enum Role<'f> {
    Lead(Leading<'f>),
    Wait(Arc<Flight>),
    /// Wait for the end of this flight, but not for its value: while the store cannot be asked, its
    /// load may be from before an invalidation elsewhere. The next one is shared by all who queued,
    /// so that an outage does not let everyone load at once.
    Queue(Arc<Flight>),
}

/// What a leader may load under.
enum Permit {
    /// A lease: what is loaded may be stored.
    Leased(HeldLease, Lease),
    /// The store cannot be used, or must not be: load, and store nothing.
    Unstored,
    /// Another entry turned up meanwhile: look again.
    LookAgain,
    /// Another process does what was to be done early.
    Taken,
}

impl Cache {
    pub(super) async fn load_through<O, S, K, L>(
        &self,
        remote: &Remote,
        mut ask: Ask<'_, O, S, K>,
        mut origin: L,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        let (spec, mode, tally) = (ask.spec, ask.mode, ask.tally);
        let key = spec.key.qualified();
        let scopes = scopes(spec);
        let mut budget = remote.budget();
        let mut has_missed = false;
        let mut has_queued = false;
        // What an early load is to replace.
        let mut old = None;
        loop {
            let looked = self.shared.flights.moment();
            let look = self.look_held::<O>(remote, &spec.key, &scopes, Age::Fresh, &mut budget);
            let seen = match look.await {
                Ok(Look::Held(held, found)) => match (mode, &held) {
                    (Mode::Read, _) => {
                        if !has_missed {
                            tally.add(Count::Hit);
                        }
                        if spec.freshness.watches_hits()
                            && let Ok(value) = &held
                        {
                            self.hit_in_store(remote, &found, value, ask, origin, &mut budget)
                                .await;
                        }
                        return held;
                    }
                    // Someone else was first.
                    (Mode::Early, Ok(_)) if !self.is_due(spec, &found) => return held,
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
                    tracing::debug!(%error, key = %spec.key, "a lookup goes on without the store");
                    None
                }
            };
            if !has_missed && mode == Mode::Read {
                // Only where there may be something stale to be served meanwhile.
                if let Some(limit) = spec.freshness.load_timeout
                    && seen.as_ref().is_some_and(|seen| seen.identity.is_some())
                {
                    match self.load_detached(ask, origin) {
                        Ok(loading) => {
                            let stale = self.stale_in_store::<O>(remote, &spec.key, &scopes);
                            return outwait::<O>(loading, limit, tally, stale).await;
                        }
                        Err(attached) => (ask, origin) = attached,
                    }
                }
                has_missed = true;
                tally.add(Count::Miss);
            }
            match self.join_or_lead(key, &scopes, mode, looked, seen.as_ref(), has_queued) {
                Role::Queue(flight) => {
                    has_queued = true;
                    flight.wait().await;
                }
                Role::Wait(flight) => match wait_for::<O>(&flight, &tally).await {
                    Waited::Landed(result) => return result,
                    Waited::Abandoned => {}
                    Waited::OnOnesOwn => {
                        let result = run::<O, K, L>(&tally, origin).await;
                        return result.map_err(LoadFailure::or_panic);
                    }
                },
                Role::Lead(leading) => {
                    let permit = self
                        .permit(remote, mode, spec, &scopes, seen, &mut budget, &tally)
                        .await;
                    let permit = match permit {
                        Permit::Leased(held, lease) => {
                            leading.begin_load(Some(lease.clone()));
                            Some((held, lease))
                        }
                        Permit::Unstored => {
                            leading.begin_load(None);
                            None
                        }
                        Permit::LookAgain => continue,
                        Permit::Taken => match old.take() {
                            Some(held) => return held,
                            None => continue,
                        },
                    };
                    let loading = run::<O, K, L>(&tally, origin);
                    let result = match &permit {
                        Some((held, _)) => renewing(remote, key, held.token(), loading).await,
                        None => loading.await,
                    };
                    // Looking for something stale takes time, too.
                    budget.refill();
                    let leader = Leader {
                        remote,
                        scopes: &scopes,
                        leading,
                        permit,
                    };
                    return match result {
                        Ok(value) => self.land_loaded(&ask, leader, value, &mut budget).await,
                        Err(failure) => self.land_failed(&ask, leader, failure, &mut budget).await,
                    };
                }
            }
        }
    }

    /// Tells those who wait, and stores what was loaded.
    async fn land_loaded<O, S, K>(
        &self,
        ask: &Ask<'_, O, S, K>,
        leader: Leader<'_, '_>,
        value: O::Value,
        budget: &mut Budget<'_>,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
    {
        let entry = self.passing(&leader.leading, ask.spec.key.qualified(), value);
        // Those who wait go on now. The flight stays in the table until the fill is
        // done, so that an invalidation in between is noticed.
        leader
            .leading
            .flight()
            .end(Ending::Value(Arc::clone(&entry) as AnyResident));
        if let Some(ttl) = ask.ttl_of(&entry.value)
            && let Some(lifetime) = self.lifetime(ttl, &ask.spec.freshness)
        {
            let encode = |bytes| O::Coding::encode(&entry.value, bytes, self.shared.encoding);
            self.fill_under(ask, leader, lifetime, encode, budget).await;
        } else {
            leader.leading.land(Ending::Abandoned, || {});
        }
        Ok(entry.value.clone())
    }

    /// What is served, and kept, when a load has failed.
    async fn land_failed<O, S, K>(
        &self,
        ask: &Ask<'_, O, S, K>,
        leader: Leader<'_, '_>,
        failure: LoadFailure<O::Failure>,
        budget: &mut Budget<'_>,
    ) -> Result<O::Value, O::Failure>
    where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
    {
        let key = &ask.spec.key;
        if matches!(failure, LoadFailure::Returned(_))
            && !ask.spec.freshness.stale_for.is_zero()
            && let Some(value) = self
                .stale_in_store::<O>(leader.remote, key, leader.scopes)
                .await
        {
            let entry = self.passing(&leader.leading, key.qualified(), value);
            let ending = Ending::Stale(Arc::clone(&entry) as AnyResident);
            leader.leading.land(ending, || {});
            // Who asked for a new value is told that there is none.
            if ask.mode == Mode::Read {
                ask.tally.add(Count::StaleServed);
                return Ok(entry.value.clone());
            }
            return Err(failure.or_panic());
        }
        leader
            .leading
            .flight()
            .end(Ending::Failed(failure.share::<O>()));
        if ask.mode == Mode::Read
            && let Some(negative) = failure.negative::<O>()
            && let Some(lifetime) = self.lifetime(ask.spec.error_ttl, &Freshness::default())
        {
            let encode = |bytes| {
                let (bytes, codec, shape) =
                    O::Coding::encode(&negative, bytes, self.shared.encoding)?;
                Ok((bytes, codec::of_failure(codec), shape))
            };
            self.fill_under(ask, leader, lifetime, encode, budget).await;
        } else {
            leader.leading.land(Ending::Abandoned, || {});
        }
        Err(failure.or_panic())
    }

    /// A value on its way to those who wait for it.
    fn passing<V: Local>(&self, leading: &Leading<'_>, key: &str, value: V) -> Arc<Resident<V>> {
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
    async fn fill_under<O, S, K>(
        &self,
        ask: &Ask<'_, O, S, K>,
        leader: Leader<'_, '_>,
        lifetime: Lifetime,
        encode: impl FnOnce(Vec<u8>) -> Result<Encoded, Error>,
        budget: &mut Budget<'_>,
    ) {
        let Leader {
            remote,
            scopes,
            leading,
            permit,
        } = leader;
        let key = &ask.spec.key;
        if let Some((held, lease)) = permit {
            let is_overtaken = !leading.may_store() || remote.distrusts(key, scopes);
            let filled = if is_overtaken {
                Ok(Filled::Overtaken)
            } else {
                self.fill(remote, key, scopes, lifetime, encode, &lease, budget)
                    .await
            };
            count_fill(&ask.tally, key, &filled);
            if matches!(filled, Ok(Filled::Stored)) {
                held.used();
            }
        }
        leading.land(Ending::Abandoned, || {});
    }

    /// What a hit does to its entry beside being served.
    #[cold]
    async fn hit_in_store<O, S, K, L>(
        &self,
        remote: &Remote,
        found: &Found,
        value: &O::Value,
        ask: Ask<'_, O, S, K>,
        origin: L,
        budget: &mut Budget<'_>,
    ) where
        O: Outcome,
        S: Fn(&mut Tags),
        K: Fn(&O::Value) -> Keep,
        L: Origin<O, K>,
    {
        if ask.spec.freshness.renews
            && let Some(ttl) = ask.ttl_of(value)
            && let Some(lifetime) = self.lifetime(ttl, &ask.spec.freshness)
            && let Err(error) = self
                .renew(remote, &ask.spec.key, found, lifetime.ttl, budget)
                .await
        {
            tracing::debug!(%error, key = %ask.spec.key, "an entry was not renewed");
        }
        if self.is_due(ask.spec, found) {
            self.load_early(ask, origin);
        }
    }

    /// Whether an entry is old enough to be loaded again early.
    fn is_due<S>(&self, spec: &Spec<S>, found: &Found) -> bool {
        let now = self.shared.clock.unix_millis();
        let age = Duration::from_millis(now.saturating_sub(found.meta.times.created_at));
        spec.freshness.early_ttl.is_some_and(|early| age >= early)
    }

    /// The value that may be served when a load fails. Looked for then, so that it is not one that was
    /// invalidated meanwhile.
    async fn stale_in_store<O: Outcome>(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
    ) -> Option<O::Value> {
        let budget = &mut remote.budget();
        let look = self.look_held::<O>(remote, key, scopes, Age::Stale, budget);
        match look.await {
            Ok(Look::Held(held, _)) => held.ok(),
            Ok(Look::Nothing(_) | Look::Distrusted) | Err(_) => None,
        }
    }

    /// Looks at the store, and decodes a value or a failure that is kept.
    async fn look_held<O: Outcome>(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
        age: Age,
        budget: &mut Budget<'_>,
    ) -> Result<Look<Result<O::Value, O::Failure>>, StoreError> {
        let now = self.shared.clock.unix_millis();
        let sight = remote.look(key, Some(scopes), (age, now), budget).await;
        remote.note(sight.as_ref().err());
        Ok(Look::of(sight?, |found| {
            let meta = &found.meta;
            match codec::failure_in(meta.codec) {
                None => O::Coding::decode(found.payload(), meta.codec, meta.shape).map(Ok),
                Some(codec) => O::Coding::decode(found.payload(), codec, meta.shape)
                    .map(|negative| Err(O::failure(negative))),
            }
        }))
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

    /// Waits for the flight of this key if the caller may, else starts one.
    #[allow(
        clippy::too_many_arguments,
        reason = "one step of one lookup, with all it knows"
    )]
    fn join_or_lead<'s>(
        &'s self,
        key: &'s str,
        scopes: &[String],
        mode: Mode,
        looked: Moment,
        seen: Option<&Seen>,
        has_queued: bool,
    ) -> Role<'s> {
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
            .hold(scopes.iter().map(String::as_str));
        Role::Lead(Leading::start(
            &self.shared.flights,
            &mut flights,
            key,
            held,
            Caller::Task,
        ))
    }

    /// Takes a lease. With `lock`, waits while another process holds it.
    #[allow(
        clippy::too_many_arguments,
        reason = "one step of one lookup, with all it knows"
    )]
    async fn permit<S: Fn(&mut Tags)>(
        &self,
        remote: &Remote,
        mode: Mode,
        spec: &Spec<S>,
        scopes: &[String],
        seen: Option<Seen>,
        budget: &mut Budget<'_>,
        tally: &Tally<'_>,
    ) -> Permit {
        let Some(seen) = seen else {
            return Permit::Unstored;
        };
        let claim = match (mode, spec.lock) {
            (Mode::Refresh, _) => Claim::Replacing,
            // One process is enough.
            (Mode::Read, true) | (Mode::Early, _) => Claim::Exclusive,
            (Mode::Read, false) => Claim::Shared,
        };
        let lifetime = self.lifetime(spec.ttl, &spec.freshness);
        let mut pause = FIRST_LOOK;
        loop {
            let held = HeldLease::ask(remote, &spec.key, claim);
            let request = LeaseRequest {
                token: held.token(),
                claim,
                expected: match claim {
                    Claim::Replacing => Expected::Anything,
                    Claim::Shared | Claim::Exclusive => seen.identity.into(),
                },
                lasts: remote.lease,
                scopes,
                ttl: lifetime.and_then(Lifetime::kept),
            };
            match budget
                .spend(remote.store.lease(spec.key.qualified(), request))
                .await
            {
                Ok(Leased::Granted(lease)) => {
                    if lease.token != held.token() {
                        // Someone else's token, which this load shares: not this one's to give back.
                        held.used();
                        return Permit::Leased(HeldLease::shared(remote, lease.token), lease);
                    }
                    return Permit::Leased(held, lease);
                }
                Ok(Leased::Changed) => {
                    held.used();
                    return Permit::LookAgain;
                }
                Ok(Leased::Held) if claim == Claim::Shared => {
                    // A lock, a set or a refresh is under way, and is not waited for; its value is
                    // the one to be stored.
                    held.used();
                    return Permit::Unstored;
                }
                Ok(Leased::Held) if mode == Mode::Early => {
                    held.used();
                    return Permit::Taken;
                }
                Ok(Leased::Held) => {
                    held.used();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_LOOK);
                    // Waiting for a load is not the store's time.
                    budget.refill();
                }
                Err(error) => {
                    tally.add(Count::StoreError);
                    tracing::debug!(%error, key = %spec.key, "a load goes on without the store");
                    return Permit::Unstored;
                }
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one step of one lookup, with all it knows"
    )]
    pub(super) async fn fill(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
        lifetime: Lifetime,
        encode: impl FnOnce(Vec<u8>) -> Result<Encoded, Error>,
        lease: &Lease,
        budget: &mut Budget<'_>,
    ) -> Result<Filled, Error> {
        if !envelope::admits(scopes) {
            return Err(Error::TooManyTags {
                key: key.full().to_owned(),
            });
        }
        // A generation that was missing can never be current again under this entry.
        let Some(generations) = lease
            .generations
            .iter()
            .copied()
            .collect::<Option<Vec<Nonce>>>()
        else {
            return Ok(Filled::Overtaken);
        };
        let times = lifetime.times(self.shared.clock.unix_millis());
        let entry = envelope::seal(key.qualified(), scopes, &generations, times, encode)?;
        let kept = lifetime.kept();
        let fill = remote
            .store
            .fill(key.qualified(), lease.token, &entry, scopes, kept);
        Ok(budget.spend(fill).await?)
    }
}

/// A look at the store, decoded.
pub(super) enum Look<T> {
    Held(T, Found),
    Nothing(Seen),
    Distrusted,
}

impl<T> Look<T> {
    fn of(sight: Sight, decode: impl FnOnce(&Found) -> Result<T, Unreadable>) -> Self {
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

pub(super) fn read<V: Value>(found: &Found) -> Result<V, Unreadable> {
    codec::decode(found.payload(), found.meta.codec, found.meta.shape)
}

/// Runs the load, and keeps its lease from ending meanwhile.
async fn renewing<T>(
    remote: &Remote,
    key: &str,
    token: Nonce,
    loading: impl Future<Output = T>,
) -> T {
    let renewals = async {
        loop {
            tokio::time::sleep(remote.lease / 3).await;
            // One that fails is tried again in time; if none gets through, the fill is refused.
            let _ = remote
                .budget()
                .spend(remote.store.renew(key, token, remote.lease))
                .await;
        }
    };
    match select(pin!(loading), pin!(renewals)).await {
        Either::Left((loaded, _)) => loaded,
        Either::Right(((), _)) => unreachable!("renewals never end"),
    }
}

fn count_fill(tally: &Tally<'_>, key: &Key, filled: &Result<Filled, Error>) {
    match filled {
        Ok(Filled::Stored) => {}
        Ok(Filled::Overtaken) => tally.add(Count::Overtaken),
        Err(error @ Error::Encode { .. }) => {
            // A mistake in the program, not in the weather: it will be so every time.
            tally.add(Count::StoreError);
            tracing::warn!(%error, %key, "a loaded value cannot be stored");
        }
        Err(error) => {
            tally.add(Count::StoreError);
            tracing::debug!(%error, %key, "a loaded value was not stored");
        }
    }
}
