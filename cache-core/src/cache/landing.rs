//! Storing what was loaded or set: under its lease in the store, and in the process memory above it.

use std::sync::Arc;
use std::time::Duration;

use super::above::Pledge;
use super::lifetime::Lifetime;
use super::{Cache, Tally};
use crate::codec::{self, Encoded};
use crate::envelope;
use crate::error::Error;
use crate::generation::{Held, Reservation};
use crate::key::Key;
use crate::layer::LayerSet;
use crate::memory::{Ages, AnyResident, Resident};
use crate::remote::{Budget, Found, Remote};
use crate::slot::SlotHead;
use crate::stats::Count;
use crate::store::{Advance, Filled, Lease, Nonce, own_scope};
use crate::value::Local;

/// What a fill did.
pub(super) enum Fill {
    /// The entry is stored.
    Stored(Landing),
    /// The lease was gone: a delete, a set or its time limit overtook the load.
    Overtaken,
}

/// What the stored value may have its place above the store by. Dropped, it leaves none there.
pub(super) struct Landing {
    /// `None` where there is no process memory above.
    reservation: Option<Reservation>,
    /// What the entry carries, and its identity in the name of its own scope.
    carried: Vec<(String, Nonce)>,
    /// Whether it changes in place.
    is_number: bool,
}

impl Cache {
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
        pledge: Option<&Pledge>,
        budget: &mut Budget<'_>,
    ) -> Result<Fill, Error> {
        if !envelope::admits(scopes) {
            return Err(Error::TooManyTags {
                key: key.full().to_owned(),
            });
        }
        // A generation that was missing can never be current again under this entry.
        let generations = lease.generations.iter().copied();
        let Some(mut generations) = generations.collect::<Option<Vec<Nonce>>>() else {
            return Ok(Fill::Overtaken);
        };
        let own = own_scope(key.qualified());
        let step = match (scopes.last(), generations.last_mut()) {
            (Some(last), Some(from)) if remote.has_own_scopes && *last == own => {
                let step = Advance {
                    scope: own,
                    from: Some(*from),
                    to: Nonce::random(),
                };
                *from = step.to;
                Some(step)
            }
            _ => None,
        };
        let times = lifetime.times(self.shared.clock.unix_millis());
        let mut is_number = false;
        let encode = |bytes| {
            let encoded = encode(bytes)?;
            is_number = codec::is_number(encoded.1);
            Ok::<_, Error>(encoded)
        };
        let entry = envelope::seal(key.qualified(), scopes, &generations, times, encode)?;
        let kept = lifetime.kept();
        if let Some(step) = step
            && !advance_own(remote, step, lease.token, kept, budget).await?
        {
            return Ok(Fill::Overtaken);
        }
        let above = self.shared.above.as_ref();
        if let (Some(above), Some(pledge)) = (above, pledge)
            && above.may_hear_of(pledge, remote.has_own_scopes || lease.token.is_own())
        {
            // Not of the fill's own lease after this, which would be taken for someone else's change.
            let _ = budget.spend(remote.store.hear()).await;
        }
        // From here on nobody keeps what was there before.
        let reservation = above.map(|above| above.reserve(key.qualified()));
        let fill = remote
            .store
            .fill(key.qualified(), lease.token, &entry, scopes, kept);
        Ok(match budget.spend(fill).await? {
            Filled::Stored => {
                let identity = SlotHead::parse(&entry).and_then(|head| head.identity);
                let slot = identity.map(|identity| (own_scope(key.qualified()), identity));
                let carried = scopes.iter().cloned().zip(generations);
                Fill::Stored(Landing {
                    reservation,
                    carried: carried.chain(slot).collect(),
                    is_number,
                })
            }
            Filled::Overtaken => Fill::Overtaken,
        })
    }

    /// Begins to hold what a value depends on that is read from the store after this, so that it may have
    /// its place above.
    pub(super) fn pledge(&self, layers: LayerSet, key: &Key, scopes: &[String]) -> Option<Pledge> {
        self.above(layers)?.pledge(key.qualified(), scopes)
    }

    /// Gives a value that this process has stored its place above the store.
    pub(super) fn land_above<V: Local>(
        &self,
        key: &Key,
        pledge: Option<Pledge>,
        landing: Landing,
        lifetime: Lifetime,
        value: impl FnOnce() -> V,
    ) {
        let Some(above) = &self.shared.above else {
            return;
        };
        let (Some(pledge), Some(reservation)) = (pledge, landing.reservation) else {
            return;
        };
        if !above.answers_at_once() && landing.is_number {
            return;
        }
        let carried = landing.carried.iter();
        let carried = carried.map(|(scope, nonce)| (scope.as_str(), *nonce));
        if let Some(held) = above.hold(pledge.of_own(&reservation), carried) {
            self.place_above(key, held, lifetime.ttl, Duration::ZERO, value());
            reservation.publish();
        }
    }

    /// Gives a value that was found in the store a place above it.
    pub(super) fn promote<V: Local>(
        &self,
        key: &Key,
        pledge: Option<Pledge>,
        found: &Found,
        value: &V,
    ) {
        let (Some(above), Some(pledge)) = (&self.shared.above, pledge) else {
            return;
        };
        // A number changes in place, by which its identity and generations stay.
        if !above.answers_at_once() && codec::is_number(found.meta.codec) {
            return;
        }
        let own = own_scope(key.qualified());
        let slot = found.seen.identity.map(|identity| (own.as_str(), identity));
        let Some(held) = above.hold(pledge, found.carried().chain(slot)) else {
            return;
        };
        let now = self.shared.clock.unix_millis();
        let times = &found.meta.times;
        let left = (times.expires_at != 0)
            .then(|| Duration::from_millis(times.expires_at.saturating_sub(now)));
        let age = Duration::from_millis(now.saturating_sub(times.created_at));
        self.place_above(key, held, left, age, value.clone());
        above.count_promotion();
    }

    fn place_above<V: Local>(
        &self,
        key: &Key,
        held: Held,
        left: Option<Duration>,
        age: Duration,
        value: V,
    ) {
        let (Some(above), Some(place)) = (&self.shared.above, self.beside()) else {
            return;
        };
        let kept = match (left, above.ttl) {
            (Some(left), Some(most)) => Some(left.min(most)),
            (left, most) => left.or(most),
        };
        let ages = Ages {
            expires_at: place.memory.expires_at(kept),
            stale_for: Duration::ZERO,
        };
        let created_at = place.memory.now().before(age);
        let entry = Resident::new(key.qualified(), created_at, ages, held, value);
        let entry: AnyResident = Arc::new(entry);
        drop(place.memory.place(Arc::clone(&entry)));
        place.memory.admit(entry);
    }
}

/// Steps the generation that an entry has to itself, so that every older copy of it ends; whether nobody
/// came before.
async fn advance_own(
    remote: &Remote,
    mut step: Advance,
    token: Nonce,
    ttl: Option<Duration>,
    budget: &mut Budget<'_>,
) -> Result<bool, Error> {
    loop {
        let steps = std::slice::from_ref(&step);
        let current = budget.spend(remote.store.advance(steps, ttl)).await?;
        let current = current.into_iter().next().flatten();
        if current == Some(step.to) {
            return Ok(true);
        }
        // Beside others that load under the same token, the first one fills. A token that is its holder's
        // own has come between another's step and its fill, which is refused.
        if !token.is_own() || current.is_none() || current == step.from {
            return Ok(false);
        }
        step.from = current;
    }
}

/// Counts what a fill did.
pub(super) fn count_fill(tally: &Tally<'_>, key: &Key, filled: &Result<Fill, Error>) {
    match filled {
        Ok(Fill::Stored(_)) => {}
        Ok(Fill::Overtaken) => tally.add(Count::Overtaken),
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
