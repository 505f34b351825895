//! What a stack must know of an entry's bytes.

use std::time::Duration;

use crate::codec;
use crate::envelope::{self, Envelope, Times};
use crate::slot::{self, SlotHead};
use crate::store::{Nonce, OWN_SCOPE};

/// The entry, if it may lie in several stores: it is known by the generation of its own scope, and is no
/// number, which changes in place where the leases are and nowhere else.
pub(super) fn spreadable<'e>(key: &str, envelope: &'e Envelope<'e>) -> Option<&'e Envelope<'e>> {
    let is_own = |(scope, generation): &(&str, Nonce)| {
        scope.strip_prefix(OWN_SCOPE) == Some(key) && *generation == envelope.identity
    };
    let is_spreadable =
        envelope.scopes.iter().any(is_own) && !codec::is_number(envelope.meta.codec);
    is_spreadable.then_some(envelope)
}

/// The identity of the entry in a slot; `None` where there is none.
pub(super) fn identity(slot: Option<&[u8]>) -> Option<Nonce> {
    SlotHead::parse(slot?)?.identity
}

/// How long a store has to keep an entry from now on; `None`: forever.
pub(super) fn left(times: &Times, now: u64) -> Option<Duration> {
    let ends = times.expires_at.saturating_add(times.stale_for);
    (times.expires_at != 0).then(|| Duration::from_millis(ends.saturating_sub(now)))
}

/// The entry without the lease that lies on it.
pub(super) fn bare(mut slot: Vec<u8>) -> Vec<u8> {
    if let Some(lease) = slot.get_mut(slot::TOKEN..slot::KIND) {
        lease.fill(0);
    }
    slot
}

/// Puts the lease that lies on one slot on another.
pub(super) fn put_lease(from: Option<&[u8]>, to: &mut [u8]) {
    let lease = slot::TOKEN..slot::KIND;
    if let Some(from) = from.filter(|slot| SlotHead::parse(slot).is_some())
        && let (Some(from), Some(to)) = (from.get(lease.clone()), to.get_mut(lease))
    {
        to.copy_from_slice(from);
    }
}

/// The scopes that the entry in a slot lists; none where there is no sound one.
pub(super) fn listed(key: &str, slot: Option<&[u8]>) -> Vec<String> {
    match slot.map(|slot| envelope::open(key, slot)) {
        Some(Ok(envelope)) => names(&envelope),
        _ => Vec::new(),
    }
}

pub(super) fn names(envelope: &Envelope<'_>) -> Vec<String> {
    let names = envelope.scopes.iter();
    names.map(|(name, _)| (*name).to_owned()).collect()
}
