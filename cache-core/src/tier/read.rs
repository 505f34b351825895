//! Looking for an entry, tier by tier.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{join, try_join};

use super::behind::{Cause, Copy};
use super::entry::{bare, identity, left, listed, names, put_lease, spreadable};
use super::level::Level;
use super::stack::Stack;
use crate::envelope::{self, Envelope};
use crate::error::StoreError;
use crate::store::{Nonce, Part, Reading, Scopes, Store as _, own_scope};

/// What an entry is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// It may be served.
    Fresh,
    /// It may be served when a load fails.
    Stale,
    /// It may not: it has expired, was invalidated, or is no entry of ours.
    Nothing,
}

/// Where an entry was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Authority,
    Copy,
}

impl Stack {
    /// Looks for an entry from the fastest tier to the slowest.
    ///
    /// The entry is asked for in one tier after the other and not in all at once: what a fast tier is for
    /// is that the slower ones need not send the value, and a miss in it costs little beside them.
    pub(super) async fn read_down(
        &self,
        key: &str,
        scopes: Scopes<'_>,
    ) -> Result<Reading, StoreError> {
        let mut look = Look::new(self, key, scopes);
        if !self.has_copies() {
            return look.at_authority().await;
        }
        let mut stale = None;
        let mut above = self.above();
        if let Some(first) = above.next() {
            let (slot, learned) = {
                let copy = first.slot(key);
                join(copy, look.learn_current()).await
            };
            learned?;
            if let Some(slot) = look.copy_of(first, slot, &mut stale).await? {
                return look.reading(Some(slot)).await;
            }
            for level in above {
                // No copy anywhere can be valid; a tier that is not asked has missed nothing.
                if look.is_hopeless() {
                    break;
                }
                let slot = level.slot(key).await;
                if let Some(slot) = look.copy_of(level, slot, &mut stale).await? {
                    self.promote(level, key, &slot);
                    return look.reading(Some(slot)).await;
                }
            }
        }

        let reading = look.at_authority().await?;
        let slot = reading.slot.as_deref();
        let worth = look.worth(slot, Place::Authority).await?;
        self.authority_level().looked_up(worth == Worth::Fresh);
        if worth == Worth::Fresh {
            if let Some(slot) = slot {
                self.promote(self.authority_level(), key, slot);
            }
            return Ok(reading);
        }

        for level in self.below() {
            look.learn_current().await?;
            if look.is_hopeless() {
                break;
            }
            let slot = level.slot(key).await;
            if let Some(mut slot) = look.copy_of(level, slot, &mut stale).await? {
                self.promote(level, key, &slot);
                put_lease(reading.slot.as_deref(), &mut slot);
                return look.reading(Some(slot)).await;
            }
        }
        match stale {
            // With the lease that is held meanwhile, by which callers know what load to wait for.
            Some(mut slot) if worth == Worth::Nothing => {
                put_lease(reading.slot.as_deref(), &mut slot);
                look.reading(Some(slot)).await
            }
            _ => Ok(reading),
        }
    }

    /// Copies what was found in a tier into those above it, the authority included, behind the caller's
    /// back. They keep it for as long as it has still to live, and no longer than they keep any.
    fn promote(&self, found: &Level, key: &str, slot: &[u8]) {
        let Ok(envelope) = envelope::parse(slot) else {
            return;
        };
        if spreadable(key, &envelope).is_none() {
            return;
        }
        let left = left(&envelope.meta.times, self.now());
        let mut entry: Option<Arc<[u8]>> = None;
        for level in self.higher_than(found) {
            let entry = entry.get_or_insert_with(|| bare(slot.to_vec()).into());
            let copy = Copy {
                entry: Arc::clone(entry),
                ttl: level.keeps(left),
                cause: Cause::Promotion,
            };
            level.behind.copy(key, copy);
        }
    }
}

/// A lookup that is under way, and what it knows of the generations. They were all asked for after it
/// began; so an entry under them was valid then.
pub(super) struct Look<'a> {
    stack: &'a Stack,
    key: &'a str,
    own: String,
    scopes: Scopes<'a>,
    now: u64,
    known: BTreeMap<String, Option<Nonce>>,
    /// The identity that an entry of the key has if it is valid, once that is known: that of the entry in the
    /// authority's slot, and if there is none, the generation of the key's own scope.
    current: Option<Option<Nonce>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(stack: &'a Stack, key: &'a str, scopes: Scopes<'a>) -> Self {
        Self {
            stack,
            key,
            own: own_scope(key),
            scopes,
            now: stack.now(),
            known: BTreeMap::new(),
            current: None,
        }
    }

    /// The scopes whose generations every copy must carry: those that the caller names, and its own.
    fn asked(&self) -> Vec<String> {
        let mut asked = match self.scopes {
            Scopes::Named(scopes) => scopes.to_vec(),
            Scopes::Stored => Vec::new(),
        };
        if !asked.contains(&self.own) {
            asked.push(self.own.clone());
        }
        asked
    }

    fn learn(&mut self, scopes: Vec<String>, generations: Vec<Option<Nonce>>) {
        // A store that answers with fewer says that the others are missing.
        let generations = generations.into_iter().chain(std::iter::repeat(None));
        self.known.extend(scopes.into_iter().zip(generations));
    }

    /// Asks for those generations of these scopes that are not known.
    async fn learn_all(&mut self, scopes: Vec<String>) -> Result<(), StoreError> {
        let unknown = scopes.into_iter();
        let unknown: Vec<String> = unknown
            .filter(|scope| !self.known.contains_key(scope))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let generations = self.stack.authority().generations(&unknown).await?;
        self.learn(unknown, generations);
        Ok(())
    }

    /// Learns what a copy must have to be valid: one round trip in time.
    async fn learn_current(&mut self) -> Result<(), StoreError> {
        if self.current.is_some() {
            return Ok(());
        }
        let (key, asked) = ([self.key.to_owned()], self.asked());
        let authority = self.stack.authority();
        let slots = authority.slots(&key, Part::Head);
        let (slots, generations) = try_join(slots, authority.generations(&asked)).await?;
        self.learn(asked, generations);
        let slot = slots.into_iter().next().flatten();
        self.learn_slot(slot.as_deref());
        Ok(())
    }

    /// Learns from the authority's slot and the key's own generation. The slot has the last word, because a
    /// fill changes it in one step; the generation is for when the entry had to go for others.
    fn learn_slot(&mut self, slot: Option<&[u8]>) {
        let own = self.known.get(&self.own).copied().flatten();
        self.current = Some(identity(slot).or(own));
    }

    /// Whether something is missing that every copy would have to carry.
    fn is_hopeless(&self) -> bool {
        let is_missing = |scope: &String| self.known.get(scope) == Some(&None);
        let named = match self.scopes {
            Scopes::Named(scopes) => scopes,
            Scopes::Stored => &[],
        };
        let mut shared = named.iter().filter(|scope| **scope != self.own);
        self.current == Some(None) || shared.any(is_missing)
    }

    /// What the authority has, as it would answer without the others.
    async fn at_authority(&mut self) -> Result<Reading, StoreError> {
        let authority = self.stack.authority();
        let Scopes::Named(scopes) = self.scopes else {
            let mut reading = authority.read(self.key, Scopes::Stored).await?;
            let listed = listed(self.key, reading.slot.as_deref());
            if reading.generations.len() != listed.len() {
                reading.generations = authority.generations(&listed).await?;
            }
            self.learn(listed, reading.generations.clone());
            if identity(reading.slot.as_deref()).is_some() {
                self.learn_slot(reading.slot.as_deref());
            }
            return Ok(reading);
        };
        if !self.stack.has_copies() {
            return authority.read(self.key, self.scopes).await;
        }
        let asked = self.asked();
        let mut reading = authority.read(self.key, Scopes::Named(&asked)).await?;
        self.learn(asked, reading.generations.clone());
        self.learn_slot(reading.slot.as_deref());
        reading.generations.truncate(scopes.len());
        Ok(reading)
    }

    /// The copy that a tier has, if it may be served. One that may be when a load fails is put aside. A
    /// tier that does not answer has none.
    async fn copy_of(
        &mut self,
        level: &Level,
        slot: Result<Option<Vec<u8>>, StoreError>,
        stale: &mut Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let slot = slot.unwrap_or_else(|error| {
            tracing::debug!(%error, "a lookup goes on without this tier");
            None
        });
        let worth = self.worth(slot.as_deref(), Place::Copy).await?;
        level.looked_up(worth == Worth::Fresh);
        let slot = slot.map(bare);
        match worth {
            Worth::Fresh => return Ok(slot),
            Worth::Stale => *stale = stale.take().or(slot),
            Worth::Nothing => {}
        }
        Ok(None)
    }

    /// What the entry in a slot is good for.
    async fn worth(&mut self, slot: Option<&[u8]>, place: Place) -> Result<Worth, StoreError> {
        let Some(Ok(envelope)) = slot.map(|slot| envelope::open(self.key, slot)) else {
            return Ok(Worth::Nothing);
        };
        let times = &envelope.meta.times;
        let is_in_place = place == Place::Authority || spreadable(self.key, &envelope).is_some();
        if !is_in_place || !times.is_kept(self.now) || !self.lists_all(&envelope) {
            return Ok(Worth::Nothing);
        }
        // Before more is asked for: almost every copy that is not valid is known by this.
        if place == Place::Copy {
            self.learn_current().await?;
            if self.current != Some(Some(envelope.identity)) {
                return Ok(Worth::Nothing);
            }
        }
        let shared = names(&envelope).into_iter();
        let shared = shared.filter(|scope| *scope != self.own).collect();
        self.learn_all(shared).await?;
        let is_current = |(scope, generation): &(&str, Nonce)| {
            *scope == self.own || self.known.get(*scope) == Some(&Some(*generation))
        };
        Ok(if !envelope.scopes.iter().all(is_current) {
            Worth::Nothing
        } else if times.is_fresh(self.now) {
            Worth::Fresh
        } else {
            Worth::Stale
        })
    }

    /// Whether the entry is in every scope that the caller names.
    fn lists_all(&self, envelope: &Envelope<'_>) -> bool {
        let Scopes::Named(scopes) = self.scopes else {
            return true;
        };
        let lists = |wanted: &String| envelope.scopes.iter().any(|(name, _)| name == wanted);
        scopes.iter().all(lists)
    }

    /// What is in a slot, with the generations that were asked for.
    pub(super) async fn reading(&mut self, slot: Option<Vec<u8>>) -> Result<Reading, StoreError> {
        let scopes = match self.scopes {
            Scopes::Named(scopes) => scopes.to_vec(),
            Scopes::Stored => listed(self.key, slot.as_deref()),
        };
        self.learn_all(scopes.clone()).await?;
        let known = |scope: &String| match self.current {
            Some(current) if *scope == self.own => current,
            _ => self.known.get(scope).copied().flatten(),
        };
        let generations = scopes.iter().map(known).collect();
        Ok(Reading { slot, generations })
    }

    /// The first copy of this entry that a tier has, whatever its age.
    pub(super) async fn copy_with(
        &mut self,
        identity: Nonce,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let stack = self.stack;
        for level in stack.copies() {
            let Ok(Some(slot)) = level.slot(self.key).await else {
                continue;
            };
            let is_meant = super::entry::identity(Some(&slot)) == Some(identity);
            if is_meant && self.worth(Some(&slot), Place::Copy).await? != Worth::Nothing {
                return Ok(Some(bare(slot)));
            }
        }
        Ok(None)
    }

    /// The generation of the key's own scope: the identity of its entry, if the authority has none.
    pub(super) async fn own_generation(&mut self) -> Result<Option<Nonce>, StoreError> {
        self.learn_all(vec![self.own.clone()]).await?;
        Ok(self.known.get(&self.own).copied().flatten())
    }
}
