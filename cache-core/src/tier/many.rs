//! Many slots at once.

use super::entry::{bare, identity, put_lease, spreadable};
use super::stack::Stack;
use crate::envelope;
use crate::error::StoreError;
use crate::store::{Nonce, Part, Store as _, own_scope};

impl Stack {
    /// The slots at the authority; where there is no entry, a copy that nothing has replaced. Whether its
    /// other generations are current is for the caller to see, as it is for all of them.
    pub(super) async fn slots_down(
        &self,
        keys: &[String],
        part: Part,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut slots = self.authority().slots(keys, part).await?;
        // A store that answers with fewer gives misses, and not other keys' entries.
        slots.resize(keys.len(), None);
        let counts = part == Part::Whole && self.has_copies();
        if counts {
            for slot in &slots {
                self.authority_level()
                    .looked_up(identity(slot.as_deref()).is_some());
            }
        }
        let mut missing = self.missing(keys, &slots).await?;
        for level in self.copies() {
            if missing.is_empty() {
                break;
            }
            let names: Vec<String> = missing.iter().map(|(at, _)| keys[*at].clone()).collect();
            let Ok(copies) = level.store.slots(&names, part).await else {
                continue;
            };
            let mut copies = copies.into_iter().chain(std::iter::repeat(None));
            missing.retain(|(at, current)| {
                let copy = copies.next().flatten();
                let copy = copy.filter(|copy| is_copy(&keys[*at], copy, *current));
                if counts {
                    level.looked_up(copy.is_some());
                }
                let Some(copy) = copy else {
                    return true;
                };
                let mut copy = bare(copy);
                put_lease(slots[*at].as_deref(), &mut copy);
                slots[*at] = Some(copy);
                false
            });
        }
        Ok(slots)
    }

    /// Which of the slots have no entry, though there may be a valid copy of one; with the identity that
    /// it must have.
    async fn missing(
        &self,
        keys: &[String],
        slots: &[Option<Vec<u8>>],
    ) -> Result<Vec<(usize, Nonce)>, StoreError> {
        let missing = slots.iter().enumerate();
        let missing: Vec<usize> = missing
            .filter(|(_, slot)| identity(slot.as_deref()).is_none())
            .map(|(at, _)| at)
            .collect();
        if missing.is_empty() || self.copies().next().is_none() {
            return Ok(Vec::new());
        }
        let own: Vec<String> = missing.iter().map(|at| own_scope(&keys[*at])).collect();
        let current = self.authority().generations(&own).await?;
        let missing = missing.into_iter().zip(current);
        Ok(missing
            .filter_map(|(at, current)| Some((at, current?)))
            .collect())
    }
}

/// Whether the slot has a copy of the key's current entry. Of one whose head is longer than what was read
/// only the identity is known; it is read as a whole later.
fn is_copy(key: &str, slot: &[u8], current: Nonce) -> bool {
    let is_spread = |slot| match envelope::parse(slot) {
        Ok(envelope) => spreadable(key, &envelope).is_some(),
        Err(envelope::Corrupt) => slot.len() >= crate::slot::HEAD,
    };
    identity(Some(slot)) == Some(current) && is_spread(slot)
}
