//! What changes an entry that was seen, wherever in a stack it lies.
//!
//! The identity of an entry is the generation of its own scope. So a step of this generation from the
//! identity to another is what ends an entry in all tiers at once, and of several callers that want to end
//! it one takes the step.

use std::time::Duration;

use futures_util::future::try_join;

use super::entry::{identity, left};
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
        let mut reading = authority.take(key).await?;
        let mut look = Look::new(self, key, Scopes::Stored);
        let taken = match identity(reading.slot.as_deref()) {
            Some(taken) => Some(taken),
            None => self.find_copy(&mut look, &mut reading).await?,
        };
        let own = own_scope(key);
        if let Some(taken) = taken
            && look.current_identity().await? == Some(taken)
            && self.end(&[(key.to_owned(), taken)]).await? != [true]
        {
            // Another caller has it.
            reading = Reading::default();
        }
        // Whatever else was there: a copy in a tier that does not answer, for example.
        authority.invalidate(&[own], &[]).await?;
        self.empty_copies(&[key.to_owned()]);
        Ok(reading)
    }

    /// The identity of the current entry, which only another tier than the authority has; and the entry.
    async fn find_copy(
        &self,
        look: &mut Look<'_>,
        reading: &mut Reading,
    ) -> Result<Option<Nonce>, StoreError> {
        let Some(current) = look.current_identity().await? else {
            return Ok(None);
        };
        let Some(slot) = look.copy_with(current).await? else {
            return Ok(None);
        };
        *reading = look.reading(slot);
        Ok(Some(current))
    }

    /// Ends each of these entries in all tiers, if it is the current one; which of them were.
    async fn end(&self, entries: &[(String, Nonce)]) -> Result<Vec<bool>, StoreError> {
        let steps: Vec<Advance> = entries
            .iter()
            .map(|(key, identity)| Advance {
                scope: own_scope(key),
                from: Some(*identity),
                to: Nonce::random(),
            })
            .collect();
        let current = self
            .authority()
            .advance(&steps, Some(Duration::ZERO))
            .await?;
        let taken = steps.iter().zip(current);
        Ok(taken
            .map(|(step, current)| current == Some(step.to))
            .collect())
    }

    /// Removes those of the entries that are still there, in whatever tier. How many were.
    pub(super) async fn remove_all(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let authority = self.authority();
        if !self.has_copies() || entries.is_empty() {
            return authority.remove(entries).await;
        }
        let ended = self.end(entries).await?;
        let entries = entries.iter().cloned().zip(ended);
        let (ended, others): (Vec<_>, Vec<_>) = entries.partition(|(_, is_ended)| *is_ended);
        let bare = |entries: Vec<((String, Nonce), bool)>| -> Vec<(String, Nonce)> {
            entries.into_iter().map(|(entry, _)| entry).collect()
        };
        let (ended, others) = (bare(ended), bare(others));
        // What has no scope of its own is at the authority alone.
        let removing = try_join(authority.remove(&ended), authority.remove(&others));
        let (_, removed) = removing.await?;
        if !ended.is_empty() {
            let own: Vec<String> = ended.iter().map(|(key, _)| own_scope(key)).collect();
            authority.invalidate(&own, &[]).await?;
            let keys: Vec<String> = ended.iter().map(|(key, _)| key.clone()).collect();
            self.empty_copies(&keys);
        }
        Ok(ended.len() as u64 + removed)
    }

    /// Changes fields of an entry in place. Where it is to live shorter than its copies know, it becomes
    /// another entry in its own scope, so that they end: they may lie where this process does not reach.
    pub(super) async fn patch_all(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        let authority = self.authority();
        if !self.has_copies() {
            return authority.patch(key, patch).await;
        }
        if !self.holds(key, patch.identity).await? {
            return Ok(false);
        }
        let name = [key.to_owned()];
        let slots = authority.slots(&name, Part::Whole).await?;
        let Some(mut slot) = slots.into_iter().next().flatten() else {
            return Ok(false);
        };
        let Ok(before) = envelope::open(key, &slot).map(|envelope| envelope.meta.times) else {
            return authority.patch(key, patch).await;
        };
        for (at, bytes) in patch.bytes {
            match slot.get_mut(*at..at.saturating_add(bytes.len())) {
                Some(changed) => changed.copy_from_slice(bytes),
                None => return Ok(false),
            }
        }
        let next = Nonce::random();
        let (Ok(after), Ok(succession)) = (
            envelope::parse(&slot).map(|envelope| envelope.meta.times),
            envelope::succeed(key, &slot, next),
        ) else {
            return authority.patch(key, patch).await;
        };
        let now = self.now();
        // Forever is longest.
        let ends = |ttl: Option<Duration>| ttl.unwrap_or(Duration::MAX);
        if ends(left(&after, now)) >= ends(left(&before, now)) {
            return authority.patch(key, patch).await;
        }
        let step = Advance {
            scope: own_scope(key),
            from: Some(patch.identity),
            to: next,
        };
        if authority.advance(&[step], patch.ttl).await? != [Some(next)] {
            return Ok(false);
        }
        let mut bytes = patch.bytes.to_vec();
        bytes.extend(succession);
        let patch = Patch {
            bytes: &bytes,
            ..patch
        };
        let is_patched = authority.patch(key, patch).await?;
        self.empty_copies(&name);
        Ok(is_patched)
    }

    /// Whether the authority has this entry; where only another tier had it, it is put back first.
    async fn holds(&self, key: &str, wanted: Nonce) -> Result<bool, StoreError> {
        let name = [key.to_owned()];
        let slots = self.authority().slots(&name, Part::Head).await?;
        match identity(slots.first().and_then(Option::as_deref)) {
            Some(there) => Ok(there == wanted),
            None => {
                let mut look = Look::new(self, key, Scopes::Stored);
                let Some(entry) = look.copy_with(wanted).await? else {
                    return Ok(false);
                };
                let times = envelope::parse(&entry).map(|envelope| envelope.meta.times);
                let ttl = times.ok().and_then(|times| left(&times, self.now()));
                let ttl = self.authority_level().keeps(ttl);
                restore(self.authority(), key, &entry, ttl).await
            }
        }
    }
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
