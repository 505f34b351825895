//! What happens to one slot in one step. Its bytes come from outside: what is no slot of ours is an
//! empty one, and no length or time in it is believed.

use std::ops::Range;
use std::time::Duration;

use super::step::{Change, Seen, Step};
use crate::clock::Clock;
use crate::slot::{self, SlotHead};
use crate::store::{
    Claim, Expected, Filled, Increment, Incremented, Lease, LeaseRequest, Leased, Nonce, Patch,
};

/// Leases that end later than this, or than ten times what is asked for, are none of ours: nobody
/// waits for them.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The longest that a lease keeps a slot whose entry is gone.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// A slot as it was seen, at a moment in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    seen: Seen<'a>,
    head: Option<SlotHead>,
    now: u64,
}

impl<'a> Slot<'a> {
    /// As it is now.
    pub(super) fn new(seen: Seen<'a>) -> Self {
        Self::at(seen, Clock::default().unix_millis())
    }

    fn at(seen: Seen<'a>, now: u64) -> Self {
        Self {
            seen,
            head: SlotHead::parse(seen.bytes),
            now,
        }
    }

    /// Takes a lease. The generations are not known here, and are left out.
    pub(super) fn lease(self, request: &LeaseRequest<'_>) -> Step<Leased> {
        let identity = self.identity();
        let granted = |token| {
            Leased::Granted(Lease {
                token,
                generations: Vec::new(),
                over: identity,
            })
        };
        if self.token() == Some(request.token) {
            // Asked a second time: the first answer did not arrive.
            return Step::Leave(granted(request.token));
        }
        let is_expected = match request.expected {
            Expected::Anything => true,
            Expected::NoEntry => identity.is_none(),
            Expected::Entry(expected) => identity == Some(expected),
        };
        if !is_expected {
            return Step::Leave(Leased::Changed);
        }
        let longest = request.lasts.saturating_mul(10).max(LONGEST_WAIT);
        match self.live_token(longest) {
            Some(held) if request.claim == Claim::Shared && !held.is_own() => {
                Step::Leave(granted(held))
            }
            Some(held) if request.claim != Claim::Replacing && !held.yields() => {
                Step::Leave(Leased::Held)
            }
            _ => Step::Put(
                self.under(request.token, request.lasts),
                granted(request.token),
            ),
        }
    }

    /// Lets a lease last longer.
    pub(super) fn renew(self, token: Nonce, lasts: Duration) -> Step<()> {
        if self.token() == Some(token) {
            Step::Put(self.under(token, lasts), ())
        } else {
            Step::Leave(())
        }
    }

    /// Gives a lease back.
    pub(super) fn release(self, token: Nonce) -> Step<()> {
        if self.token() != Some(token) {
            return Step::Leave(());
        }
        let change = match self.identity() {
            Some(_) => self.with_lease(Nonce::ZERO, 0, self.seen.left),
            None => Change::empty(),
        };
        Step::Put(change, ())
    }

    /// Stores an entry under its lease.
    pub(super) fn fill(self, token: Nonce, entry: &[u8], ttl: Option<Duration>) -> Step<Filled> {
        if self.token() == Some(token) {
            let bytes = entry.to_vec();
            return Step::Put(Change { bytes, ttl }, Filled::Stored);
        }
        let identity = SlotHead::parse(entry).and_then(|head| head.identity);
        Step::Leave(if identity.is_some() && self.identity() == identity {
            // Asked a second time, this very entry is there already.
            Filled::Stored
        } else {
            Filled::Overtaken
        })
    }

    /// Empties the slot, and gives what was in it.
    pub(super) fn take(self) -> Step<Option<Vec<u8>>> {
        if self.seen.bytes.is_empty() {
            Step::Leave(None)
        } else {
            Step::Put(Change::empty(), Some(self.seen.bytes.to_vec()))
        }
    }

    /// Removes an entry; a lease on it stays.
    pub(super) fn remove(self, identity: Nonce) -> Step<bool> {
        if self.identity() != Some(identity) {
            return Step::Leave(false);
        }
        let change = match (self.live_token(LONGEST_LEASE), self.lease_left()) {
            (Some(token), Some(left)) => Change {
                bytes: SlotHead::bare_lease(token, self.ends()),
                ttl: Some(left),
            },
            _ => Change::empty(),
        };
        Step::Put(change, true)
    }

    /// Changes bytes of an entry in place.
    pub(super) fn patch(self, patch: &Patch<'_>) -> Step<bool> {
        if self.identity() != Some(patch.identity) {
            return Step::Leave(false);
        }
        let mut bytes = self.seen.bytes.to_vec();
        for (at, change) in patch.bytes {
            let end = at.saturating_add(change.len());
            match bytes.get_mut(*at..end) {
                Some(place) => place.copy_from_slice(change),
                // Whoever saw the entry saw these places: this is another one.
                None => return Step::Leave(false),
            }
        }
        // Not before a lease that lies on it ends; who reads the entry looks at its own time.
        let lease = self.live_token(LONGEST_LEASE).and(self.lease_left());
        let ttl = patch.ttl.map(|ttl| ttl.max(lease.unwrap_or_default()));
        Step::Put(Change { bytes, ttl }, true)
    }

    /// Adds to a number in place.
    pub(super) fn increment(self, increment: &Increment) -> Step<Incremented> {
        let (kind, at) = (increment.kind, increment.at);
        let Some((number, complement)) = places(at, kind.width()) else {
            return Step::Leave(Incremented::Changed);
        };
        let read = |place| kind.read(self.seen.bytes.get::<Range<usize>>(place)?);
        let (Some(value), true) = (
            read(number.clone()).filter(|_| self.identity() == Some(increment.identity)),
            complement.end <= self.seen.bytes.len(),
        ) else {
            return Step::Leave(Incremented::Changed);
        };
        let Some(sum) = value.checked_add(increment.by) else {
            return Step::Leave(Incremented::Overflow);
        };
        let wide = sum.to_be_bytes();
        let written = &wide[wide.len() - kind.width()..];
        if kind.read(written) != Some(sum) {
            return Step::Leave(Incremented::Overflow);
        }
        let mut bytes = self.seen.bytes.to_vec();
        bytes[number].copy_from_slice(written);
        for (place, byte) in bytes[complement].iter_mut().zip(written) {
            *place = !byte;
        }
        let ttl = self.seen.left;
        Step::Put(Change { bytes, ttl }, Incremented::To(sum))
    }

    /// The identity of the entry.
    fn identity(&self) -> Option<Nonce> {
        self.head?.identity
    }

    /// The token of the lease, which may have ended.
    fn token(&self) -> Option<Nonce> {
        self.head?.token
    }

    /// When the lease ends.
    fn ends(&self) -> u64 {
        let place = self.seen.bytes.get(slot::LEASE_END..slot::KIND);
        let ends = place.and_then(|bytes| bytes.try_into().ok());
        ends.map_or(0, u64::from_be_bytes)
    }

    /// How long the lease still lasts.
    fn lease_left(&self) -> Option<Duration> {
        let left = self.ends().checked_sub(self.now)?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// The token of the lease, if it has not ended, and ends as soon as one of ours would.
    fn live_token(&self, longest: Duration) -> Option<Nonce> {
        let left = self.lease_left()?;
        self.token().filter(|_| left <= longest)
    }

    /// The slot under a lease from now on. It is kept until the lease ends.
    fn under(self, token: Nonce, lasts: Duration) -> Change {
        let millis = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        let ends = self.now.saturating_add(millis);
        match self.identity() {
            Some(_) => self.with_lease(token, ends, self.seen.left.map(|left| left.max(lasts))),
            None => Change {
                bytes: SlotHead::bare_lease(token, ends),
                ttl: Some(lasts),
            },
        }
    }

    /// The entry with another lease on it.
    fn with_lease(self, token: Nonce, ends: u64, ttl: Option<Duration>) -> Change {
        let mut bytes = self.seen.bytes.to_vec();
        // An entry was found in it, so it has a whole head.
        bytes[slot::TOKEN..slot::LEASE_END].copy_from_slice(&token.0);
        bytes[slot::LEASE_END..slot::KIND].copy_from_slice(&ends.to_be_bytes());
        Change { bytes, ttl }
    }
}

/// Where a number is, and where its complement.
fn places(at: usize, width: usize) -> Option<(Range<usize>, Range<usize>)> {
    let middle = at.checked_add(width)?;
    Some((at..middle, middle..middle.checked_add(width)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Number;

    const NOW: u64 = 1_720_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);
    const OURS: Nonce = Nonce([4; 16]);

    fn slot(bytes: &[u8]) -> Slot<'_> {
        let left = Some(Duration::from_secs(5));
        Slot::at(Seen { bytes, left }, NOW)
    }

    /// An entry with a lease on it that ends at `ends`, and a number behind its head.
    fn entry(token: Nonce, ends: u64) -> Vec<u8> {
        let mut bytes = SlotHead::bare_lease(token, ends);
        bytes[slot::IDENTITY..slot::TOKEN].copy_from_slice(&OURS.0);
        bytes[slot::KIND] = 1;
        bytes.extend_from_slice(&[0, 250, 255, 5]);
        bytes
    }

    fn request(claim: Claim, expected: Expected) -> LeaseRequest<'static> {
        LeaseRequest {
            token: Nonce::token(claim),
            claim,
            expected,
            lasts: MINUTE,
            scopes: &[],
            ttl: None,
        }
    }

    fn increment(at: usize, by: i64) -> Increment {
        Increment {
            identity: OURS,
            at,
            kind: Number::of(&0_u16).expect("a number").kind,
            by,
        }
    }

    fn is_put<T>(step: &Step<T>) -> bool {
        matches!(step, Step::Put(..))
    }

    #[test]
    fn nothing_in_a_slot_makes_a_step_panic() {
        let whole = entry(Nonce([1; 16]), u64::MAX);
        let mut hostile: Vec<Vec<u8>> = (0..=whole.len()).map(|to| whole[..to].to_vec()).collect();
        hostile.extend([vec![0; 100], vec![0xff; 100], b"LRD2".to_vec()]);
        for bytes in hostile {
            let slot = slot(&bytes);
            for claim in [Claim::Shared, Claim::Exclusive, Claim::Replacing] {
                slot.lease(&request(claim, Expected::Anything));
            }
            slot.renew(Nonce([1; 16]), Duration::MAX);
            slot.release(Nonce([1; 16]));
            slot.fill(Nonce([1; 16]), b"", None);
            slot.take();
            slot.remove(OURS);
            for at in [0, slot::KIND, slot::KIND + 1, usize::MAX] {
                slot.increment(&increment(at, 1));
                slot.patch(&Patch {
                    identity: OURS,
                    bytes: &[(at, [0; 8])],
                    scopes: &[],
                    ttl: Some(MINUTE),
                });
            }
        }
    }

    #[test]
    fn an_end_that_no_lease_could_have_is_not_waited_for() {
        let lock = || request(Claim::Exclusive, Expected::Entry(OURS));
        for (ends, is_free) in [
            (NOW - 1, true),
            (NOW, true),
            (NOW + 1, false),
            (NOW + 600_000, false),
            (NOW + 600_001, true),
            (u64::MAX, true),
        ] {
            let bytes = entry(Nonce::token(Claim::Exclusive), ends);
            assert_eq!(is_put(&slot(&bytes).lease(&lock())), is_free, "{ends}");
        }
    }

    #[test]
    fn a_lease_leaves_the_entry_as_it_is_and_keeps_it_until_it_ends() {
        let bytes = entry(Nonce::ZERO, 0);
        let request = request(Claim::Shared, Expected::Entry(OURS));
        let Step::Put(change, Leased::Granted(lease)) = slot(&bytes).lease(&request) else {
            panic!("it is free");
        };
        assert_eq!((lease.token, lease.over), (request.token, Some(OURS)));
        assert_eq!(change.bytes, entry(request.token, NOW + 60_000));
        assert_eq!(change.ttl, Some(MINUTE), "longer than the entry has left");
        let Step::Put(change, ()) = slot(&change.bytes).release(request.token) else {
            panic!("it is held");
        };
        assert_eq!(change.bytes, bytes);
        assert_eq!(change.ttl, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_lease_on_a_removed_entry_stays_for_as_long_as_it_lasts() {
        let token = Nonce::token(Claim::Shared);
        let removed = |ends| match slot(&entry(token, ends)).remove(OURS) {
            Step::Put(change, true) => change,
            step => panic!("it is there: {step:?}"),
        };
        let left = removed(NOW + 3_000);
        assert_eq!(left.bytes, SlotHead::bare_lease(token, NOW + 3_000));
        assert_eq!(left.ttl, Some(Duration::from_secs(3)));
        assert_eq!(removed(NOW), Change::empty());
        assert_eq!(removed(u64::MAX), Change::empty());
    }

    #[test]
    fn a_fill_asked_for_twice_is_stored() {
        let token = Nonce::token(Claim::Shared);
        let bytes = entry(Nonce::ZERO, 0);
        let leased = SlotHead::bare_lease(token, NOW + 1);
        assert!(is_put(&slot(&leased).fill(token, &bytes, None)));
        let again = slot(&bytes).fill(token, &bytes, None);
        assert_eq!(again, Step::Leave(Filled::Stored));
        let overtaken = slot(&[]).fill(token, &bytes, None);
        assert_eq!(overtaken, Step::Leave(Filled::Overtaken));
    }

    #[test]
    fn a_number_is_changed_with_its_complement() {
        let bytes = entry(Nonce::ZERO, 0);
        let at = slot::KIND + 1;
        let Step::Put(change, to) = slot(&bytes).increment(&increment(at, 6)) else {
            panic!("it is a number");
        };
        assert_eq!(to, Incremented::To(256));
        assert_eq!(change.bytes[at..], [1, 0, 254, 255]);
        assert_eq!(change.ttl, Some(Duration::from_secs(5)));
        for by in [-251, 65_286, i64::MAX] {
            let step = slot(&bytes).increment(&increment(at, by));
            assert_eq!(step, Step::Leave(Incremented::Overflow), "{by}");
        }
        let step = slot(&bytes).increment(&increment(at + 1, 1));
        assert_eq!(step, Step::Leave(Incremented::Changed), "cut off");
    }
}
