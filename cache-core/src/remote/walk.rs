//! Going through a store's keys, some at a time.

use std::time::Duration;

use super::{Budget, Remote};
use crate::error::StoreError;
use crate::key::{Key, Pattern};
use crate::store::{Family, Scan, Store};

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
            .spend(remote.store.scan(Family::Slots, pattern, cursor, about))
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

/// Empties the slots of all keys that match one of the patterns, leases included, in one walk: for
/// deletions that are made up for.
pub(super) async fn empty(
    store: &dyn Store,
    patterns: &[Pattern],
    budget: Duration,
) -> Result<(), StoreError> {
    let walked = match patterns {
        [only] => only.clone(),
        _ => Pattern::everywhere(),
    };
    let mut cursor = None;
    loop {
        let mut budget = Budget::new(store.name(), budget);
        let scan = budget
            .spend(store.scan(Family::Slots, &walked, cursor.as_deref(), STEP))
            .await?;
        let is_meant = |key: &&String| patterns.iter().any(|one| one.matches_qualified(key));
        let keys: Vec<String> = scan.keys.iter().filter(is_meant).cloned().collect();
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
