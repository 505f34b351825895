//! What a listener took last: an event that was published on several logs is handled once.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

use crate::store::Nonce;

/// How many events are remembered; one that comes again after as many others is handled again.
const MOST: usize = 1_000;

/// Shared by the followers of one listener.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<Nonce>,
    in_order: VecDeque<Nonce>,
}

impl Seen {
    /// Whether this event comes for the first time, as far as is remembered. From now on it does not.
    pub(crate) fn is_new(&self, id: Nonce) -> bool {
        let mut ids = self.0.lock();
        if !ids.known.insert(id) {
            return false;
        }
        ids.in_order.push_back(id);
        if ids.in_order.len() > MOST
            && let Some(oldest) = ids.in_order.pop_front()
        {
            ids.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_last_is_remembered_and_no_more() {
        let id = |number: usize| Nonce((number as u128).to_be_bytes());
        let seen = Seen::default();
        assert!((0..=MOST).all(|number| seen.is_new(id(number))));
        assert!((1..=MOST).all(|number| !seen.is_new(id(number))));
        assert!(seen.is_new(id(0)));
        let ids = seen.0.lock();
        assert_eq!((ids.known.len(), ids.in_order.len()), (MOST, MOST));
    }
}
