//! Going through a store's keys, some at a time.

use std::time::Duration;

use super::{Budget, Remote};
use crate::error::StoreError;
use crate::key::{Key, Pattern};
use crate::store::{Scan, Store};

/// How many keys are looked at in one step: the server serves others in between, and no step holds
/// more than so many in memory.
pub(crate) const STEP: usize = 500;

/// A walk over the keys that match a pattern.
#[derive(Debug, Clone, Default)]
pub(crate) enum Walk {
    #[default]
    Beginning,
    At(String),
    Ended,
}

impl Walk {
    /// The next keys that match, or `None` at the end. A step may bring none.
    pub(crate) async fn step(
        &mut self,
        remote: &Remote,
        pattern: &Pattern,
        about: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Vec<Key>>, StoreError> {
        let cursor = match self {
            Self::Beginning => None,
            Self::At(cursor) => Some(cursor.as_str()),
            Self::Ended => return Ok(None),
        };
        let scan = budget
            .spend(remote.store.scan(pattern, cursor, about))
            .await?;
        let keys = matching(pattern, &scan);
        *self = match scan.next {
            Some(cursor) => Self::At(cursor),
            None => Self::Ended,
        };
        Ok(Some(keys))
    }
}

fn matching(pattern: &Pattern, scan: &Scan) -> Vec<Key> {
    scan.keys
        .iter()
        .filter(|key| pattern.matches_qualified(key))
        .filter_map(|key| Key::from_qualified(key))
        .collect()
}

/// Empties the slots of all keys that match, leases included: for a deletion that is made up for.
pub(super) async fn empty(
    store: &dyn Store,
    pattern: &Pattern,
    budget: Duration,
) -> Result<(), StoreError> {
    let mut cursor = None;
    loop {
        let mut budget = Budget::new(store.name(), budget);
        let scan = budget
            .spend(store.scan(pattern, cursor.as_deref(), STEP))
            .await?;
        let keys: Vec<String> = matching(pattern, &scan)
            .iter()
            .map(|key| key.qualified().to_owned())
            .collect();
        if !keys.is_empty() {
            budget.refill();
            budget.spend(store.invalidate(&[], &keys)).await?;
        }
        cursor = scan.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
