//! What changes an entry that was seen, wherever in a stack it lies.
//!
//! The identity of an entry is the generation of its own scope. So a step of this generation from the
//! identity to another is what ends an entry in all tiers at once, and of several callers that want to end
//! it one takes the step.

use std::time::Duration;

use futures_util::future::try_join;

use super::entry::{identity, left, spreadable};
use super::read::Look;
use super::stack::Stack;
use crate::envelope;
use crate::error::StoreError;
use crate::store::{
    Advance, Claim, Expected, Filled, LeaseRequest, Leased, Nonce, Part, Patch, Reading, Scopes,
    Store, own_scope,
};

/// How long the lease lasts under which an entry is put back: it is filled at once.
const PUTTING_BACK: Duration = Duration::from_secs(1);

impl Stack {
    /// Takes a lease at the authority. The entry that is expected may be one that the authority no longer
    /// has: then it must still be the current one.
    pub(super) async fn lease_over(
        &self,
        key: &str,
        request: LeaseRequest<'_>,
    ) -> Result<Leased, StoreError> {
        let authority = self.authority();
        let mut leased = authority.lease(key, request).await?;
        if leased == Leased::Changed
            && let Expected::Entry(seen) = request.expected
            && self.is_elsewhere(key, seen).await?
        {
            let expected = Expected::NoEntry;
            let request = LeaseRequest {
                expected,
                ..request
            };
            leased = authority.lease(key, request).await?;
        }
        if self.has_copies()
            && let Leased::Granted(lease) = &mut leased
        {
            // If there is an entry in another tier, this is its identity.
            let own = own_scope(key);
            let own = request.scopes.iter().position(|scope| *scope == own);
            let own = own.and_then(|own| lease.generations.get(own).copied().flatten());
            lease.over = lease.over.or(own);
        }
        Ok(leased)
    }

    /// Whether this entry is the current one, though the authority does not have it.
    async fn is_elsewhere(&self, key: &str, seen: Nonce) -> Result<bool, StoreError> {
        if !self.has_copies() {
            return Ok(false);
        }
        let own = [own_scope(key)];
        let reading = self.authority().read(key, Scopes::Named(&own)).await?;
        let is_current = reading.generations == [Some(seen)];
        Ok(is_current && identity(reading.slot.as_deref()).is_none())
    }

    /// Empties the slot of a key everywhere, and gives what was in it, or in a valid copy.
    pub(super) async fn take_all(&self, key: &str) -> Result<Reading, StoreError> {
        let authority = self.authority();
        if !self.has_copies() {
            return authority.take(key).await;
        }
        let mut look = Look::new(self, key, Scopes::Stored);
        // Before the slot is emptied: then whoever finds a copy may end it, and have taken the entry.
        let current = look.own_generation().await?;
        let slot = authority.take(key).await?.slot;
        let was_there = identity(slot.as_deref()).is_some();
        let slot = match current {
            Some(current) if !was_there => look.copy_with(current).await?.or(slot),
            _ => slot,
        };
        let taken = identity(slot.as_deref());
        // Before it is ended: whoever gets it must see that it was valid.
        let mut reading = look.reading(slot).await?;
        match taken {
            Some(taken) if current == Some(taken) => {
                let ended = self.end(&[(key.to_owned(), taken)]).await?;
                let is_ours = match ended[..] {
                    [Ended::Now] => true,
                    // By someone who found nothing.
                    [Ended::Unknown] => was_there,
                    _ => false,
                };
                if !is_ours {
                    reading = Reading::default();
                }
            }
            Some(_) => {}
            // A copy may be in a tier that does not answer.
            None if current.is_some() => authority.invalidate(&[own_scope(key)], &[]).await?,
            None => {}
        }
        self.empty_copies(&[key.to_owned()]);
        Ok(reading)
    }

    /// Ends each of these entries in all tiers, if it is the current one.
    async fn end(&self, entries: &[(String, Nonce)]) -> Result<Vec<Ended>, StoreError> {
        let steps: Vec<Advance> = entries
            .iter()
            .map(|(key, identity)| Advance {
                scope: own_scope(key),
                from: Some(*identity),
                to: Nonce::random(),
            })
            .collect();
        let advancing = self.authority().advance(&steps, Some(Duration::ZERO));
        let current = advancing.await?;
        let ended = steps.iter().zip(current).map(|(step, current)| {
            if current == Some(step.to) {
                Ended::Now
            } else if current.is_some() {
                Ended::Before
            } else {
                Ended::Unknown
            }
        });
        Ok(ended.collect())
    }

    /// Removes those of the entries that are still there, in whatever tier. How many were.
    pub(super) async fn remove_all(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let authority = self.authority();
        if !self.has_copies() || entries.is_empty() {
            return authority.remove(entries).await;
        }
        let (mut counted, mut slots, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, ended) in entries.iter().zip(self.end(entries).await?) {
            match ended {
                Ended::Now => {
                    counted.push(entry.0.clone());
                    slots.push(entry.clone());
                }
                // Whoever ended it counts it, also where the slot is still to be emptied.
                Ended::Before => slots.push(entry.clone()),
                Ended::Unknown => others.push(entry.clone()),
            }
        }
        let removing = try_join(authority.remove(&slots), authority.remove(&others));
        let (_, removed) = removing.await?;
        if !counted.is_empty() {
            let own: Vec<String> = counted.iter().map(|key| own_scope(key)).collect();
            authority.invalidate(&own, &[]).await?;
            self.empty_copies(&counted);
        }
        Ok(counted.len() as u64 + removed)
    }

    /// Changes fields of an entry in place, and sees to it that no tier keeps it for too long.
    pub(super) async fn patch_all(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        let Some(identity) = self.patch_everywhere(key, patch).await? else {
            return Ok(false);
        };
        self.cap(key, identity, patch.ttl).await;
        Ok(true)
    }

    /// Changes fields of an entry in place; the identity that it then has. Where it is to live shorter than its copies know, it becomes
    /// another entry in its own scope, so that they end: they may lie where this process does not reach.
    async fn patch_everywhere(
        &self,
        key: &str,
        patch: Patch<'_>,
    ) -> Result<Option<Nonce>, StoreError> {
        let authority = self.authority();
        if !self.has_copies() {
            let is_patched = authority.patch(key, patch).await?;
            return Ok(is_patched.then_some(patch.identity));
        }
        let head = match self.at_authority(key, Part::Head).await? {
            Some(head) if identity(Some(&head)).is_some() => head,
            _ => match self.put_back(key, patch.identity).await? {
                Some(entry) => entry,
                None => return Ok(None),
            },
        };
        if identity(Some(&head)) != Some(patch.identity) {
            return Ok(None);
        }
        if !self.shortens(key, &head, &patch) {
            let is_patched = authority.patch(key, patch).await?;
            return Ok(is_patched.then_some(patch.identity));
        }
        let Some(mut whole) = self.at_authority(key, Part::Whole).await? else {
            return Ok(None);
        };
        let next = Nonce::random();
        let succession = apply(&patch, &mut whole)
            .and_then(|()| envelope::succeed(key, &whole, next).ok())
            .filter(|_| identity(Some(&whole)) == Some(patch.identity));
        let Some(succession) = succession else {
            return Ok(None);
        };
        // From the moment of the patch on the slot ends the copies; the step does when the slot has gone.
        let step = Advance {
            scope: own_scope(key),
            from: Some(patch.identity),
            to: next,
        };
        authority.advance(&[step], patch.ttl).await?;
        let mut bytes = patch.bytes.to_vec();
        bytes.extend(succession);
        let patch = Patch {
            bytes: &bytes,
            ..patch
        };
        let is_patched = authority.patch(key, patch).await?;
        self.empty_copies(&[key.to_owned()]);
        Ok(is_patched.then_some(next))
    }

    async fn at_authority(&self, key: &str, part: Part) -> Result<Option<Vec<u8>>, StoreError> {
        let slots = self.authority().slots(&[key.to_owned()], part).await?;
        Ok(slots.into_iter().next().flatten())
    }

    /// Whether there may be copies of an entry that would outlive the change. `false` for what has none.
    fn shortens(&self, key: &str, head: &[u8], patch: &Patch<'_>) -> bool {
        let now = self.now();
        // Forever is longest.
        let lives = |slot: &[u8]| -> Option<Duration> {
            let times = envelope::parse(slot).ok()?.meta.times;
            Some(left(&times, now).unwrap_or(Duration::MAX))
        };
        let may_have_copies =
            envelope::parse(head).is_ok_and(|envelope| spreadable(key, &envelope).is_some());
        let mut changed = head.to_vec();
        may_have_copies
            && match (apply(patch, &mut changed), lives(head), lives(&changed)) {
                (Some(()), Some(before), Some(after)) => after < before,
                _ => true,
            }
    }

    /// Puts an entry back that is the current one, though the authority no longer has it.
    async fn put_back(&self, key: &str, wanted: Nonce) -> Result<Option<Vec<u8>>, StoreError> {
        let mut look = Look::new(self, key, Scopes::Stored);
        let Some(entry) = look.copy_with(wanted).await? else {
            return Ok(None);
        };
        let times = envelope::parse(&entry).map(|envelope| envelope.meta.times);
        let ttl = times.ok().and_then(|times| left(&times, self.now()));
        let ttl = self.authority_level().keeps(ttl);
        let is_back = restore(self.authority(), key, &entry, ttl).await?;
        Ok(is_back.then_some(entry))
    }
}

/// What became of an entry that was to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It was the current one, and is no more.
    Now,
    /// It was not: another caller ended it, or replaced it.
    Before,
    /// Its key has no current one. It may be without a scope of its own.
    Unknown,
}

/// Makes the changes of a patch; `None` where they are not in the slot.
fn apply(patch: &Patch<'_>, slot: &mut [u8]) -> Option<()> {
    for (at, bytes) in patch.bytes {
        let changed = slot.get_mut(*at..at.checked_add(bytes.len())?)?;
        changed.copy_from_slice(bytes);
    }
    Some(())
}

/// Puts an entry back into the authority's slot, if there is neither an entry nor a lease in it; whether
/// that was done. Its generations are there already, or it is not valid.
pub(super) async fn restore(
    authority: &dyn Store,
    key: &str,
    entry: &[u8],
    ttl: Option<Duration>,
) -> Result<bool, StoreError> {
    let token = Nonce::token(Claim::Exclusive);
    let request = LeaseRequest {
        token,
        claim: Claim::Exclusive,
        expected: Expected::NoEntry,
        lasts: PUTTING_BACK,
        scopes: &[],
        ttl,
    };
    if !matches!(authority.lease(key, request).await?, Leased::Granted(_)) {
        return Ok(false);
    }
    let filled = authority.fill(key, token, entry, &[], ttl).await;
    if filled.is_err() {
        // The lease ends by itself, if this fails too.
        let _ = authority.release(key, token).await;
    }
    Ok(filled? == Filled::Stored)
}
