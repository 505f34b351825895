//! A lookup in a store of bytes, and the load behind a miss.
//!
//! Look; if there is nothing, join the flight that is under way or lead one: take a lease, load,
//! fill under the lease. A store that fails takes its time budget and is left out.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::fetch::{Ask, LoadFailure, Waited, run, wait_for};
use super::{Cache, Lifetime, Mode, Tally, scopes};
use crate::clock::Tick;
use crate::codec;
use crate::envelope;
use crate::error::{Error, StoreError};
use crate::flight::{Ending, Flight, Leading, Moment};
use crate::key::Key;
use crate::memory::{AnyResident, Resident};
use crate::remote::{Budget, Found, HeldLease, Remote, Seen, Sight};
use crate::spec::Spec;
use crate::stats::Count;
use crate::store::{Claim, Expected, Filled, Lease, LeaseRequest, Leased, Nonce};
use crate::tag::Tags;
use crate::value::{Outcome, Value};

/// How often a caller that waits for another process's load looks again: soon at first, because
/// most loads are short.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(100);

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
}

impl Cache {
    pub(super) async fn load_through<O, S, K, L, F>(
        &self,
        remote: &Remote,
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
        let scopes = scopes(spec);
        let mut budget = remote.budget();
        let mut has_missed = false;
        let mut has_queued = false;
        loop {
            let looked = self.shared.flights.moment();
            let seen = match self
                .look::<O::Value>(remote, &spec.key, &scopes, &mut budget)
                .await
            {
                Ok(Look::Value(value, seen)) => {
                    if mode == Mode::Read {
                        if !has_missed {
                            tally.add(Count::Hit);
                        }
                        return Ok(value);
                    }
                    Some(seen)
                }
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
                        let result = run(&tally, load, outcome).await;
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
                    };
                    let loading = run(&tally, load, outcome);
                    let result = match &permit {
                        Some((held, _)) => renewing(remote, key, held.token(), loading).await,
                        None => loading.await,
                    };
                    let value = match result {
                        Ok(value) => value,
                        Err(failure) => {
                            leading.land(Ending::Failed(failure.share::<O>()), || {});
                            return Err(failure.or_panic());
                        }
                    };
                    let entry = Arc::new(Resident::new(
                        key,
                        self.shared.clock.tick(),
                        Tick::NEVER,
                        leading.flight().held().clone(),
                        value,
                    ));
                    // Those who wait go on now. The flight stays in the table until the fill is
                    // done, so that no one loads in between.
                    leading
                        .flight()
                        .end(Ending::Value(Arc::clone(&entry) as AnyResident));
                    let lifetime = self.lifetime(spec.ttl);
                    if let Some((held, lease)) = permit
                        && keep(&entry.value)
                        && lifetime != Lifetime::None
                    {
                        let is_overtaken =
                            !leading.may_store() || remote.distrusts(&spec.key, &scopes);
                        let filled = if is_overtaken {
                            Ok(Filled::Overtaken)
                        } else {
                            self.fill(
                                remote,
                                &spec.key,
                                &scopes,
                                &entry.value,
                                lifetime,
                                &lease,
                                &mut budget,
                            )
                            .await
                        };
                        count_fill(&tally, &spec.key, &filled);
                        if matches!(filled, Ok(Filled::Stored)) {
                            held.used();
                        }
                    }
                    leading.land(Ending::Abandoned, || {});
                    return Ok(entry.value.clone());
                }
            }
        }
    }

    /// Looks at the store, and decodes.
    pub(super) async fn look<V: Value>(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
        budget: &mut Budget<'_>,
    ) -> Result<Look<V>, StoreError> {
        let now = self.shared.clock.unix_millis();
        let sight = remote.look(key, Some(scopes), now, budget).await;
        remote.note(sight.as_ref().err());
        Ok(Look::decode(sight?))
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
            let may_join = mode == Mode::Read
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
            (Mode::Read, true) => Claim::Exclusive,
            (Mode::Read, false) => Claim::Shared,
        };
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
                ttl: self.lifetime(spec.ttl).ttl(),
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
    pub(super) async fn fill<V: Value>(
        &self,
        remote: &Remote,
        key: &Key,
        scopes: &[String],
        value: &V,
        lifetime: Lifetime,
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
        let now = self.shared.clock.unix_millis();
        let ttl = lifetime.ttl();
        let expires_at = self.expires_at(lifetime);
        let entry = envelope::seal(
            key.qualified(),
            scopes,
            &generations,
            now,
            expires_at,
            |bytes| codec::encode(value, bytes, self.shared.encoding),
        )?;
        let fill = remote
            .store
            .fill(key.qualified(), lease.token, &entry, scopes, ttl);
        Ok(budget.spend(fill).await?)
    }
}

/// A look at the store, decoded.
pub(super) enum Look<V> {
    Value(V, Seen),
    Nothing(Seen),
    Distrusted,
}

impl<V: Value> Look<V> {
    pub(super) fn decode(sight: Sight) -> Self {
        match sight {
            Sight::Entry(found) => match read::<V>(&found) {
                Ok(value) => Self::Value(value, found.seen),
                Err(codec::Unreadable) => {
                    let mut seen = found.seen;
                    seen.is_corrupt = true;
                    Self::Nothing(seen)
                }
            },
            Sight::Nothing(seen) => Self::Nothing(seen),
            Sight::Distrusted => Self::Distrusted,
        }
    }
}

pub(super) fn read<V: Value>(found: &Found) -> Result<V, codec::Unreadable> {
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

/// Milliseconds, at least one: a store that counts in these must not see zero.
pub(super) fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)
}
