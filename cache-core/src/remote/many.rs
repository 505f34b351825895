//! Many keys at once: their slots in one round trip, the generations of all in another.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join;

use super::{Age, Budget, Found, Remote, Seen, Sight, has_all_scopes};
use crate::envelope::{self, Envelope};
use crate::error::StoreError;
use crate::key::Key;
use crate::slot::{self, SlotHead};
use crate::store::{Nonce, OWN_SCOPE, Part, Reading};

/// What a look at many keys showed.
pub(crate) struct Sights {
    /// For each key its usable entry. Where only heads were asked for, the payload may be missing.
    pub(crate) found: Vec<Option<Found>>,
    /// Entries that can never be served again: key and identity.
    pub(crate) dead: Vec<(String, Nonce)>,
    /// How many slots held something that is not an entry of ours.
    pub(crate) corrupt: usize,
}

impl Remote {
    /// Looks many keys up. What only the head is wanted of is not checked against its sum.
    pub(crate) async fn look_many(
        &self,
        keys: &[Key],
        part: Part,
        now: u64,
        budget: &mut Budget<'_>,
    ) -> Result<Sights, StoreError> {
        loop {
            let takings = self.journal.takings();
            let slots = self.slots(keys, part, budget).await?;
            let mut corrupt = 0;
            let envelopes: Vec<Option<Envelope<'_>>> = keys
                .iter()
                .zip(&slots)
                .map(|(key, slot)| {
                    let slot = slot.as_deref()?;
                    let opened = match part {
                        Part::Whole => envelope::open(key.qualified(), slot),
                        Part::Head => envelope::parse(slot),
                    };
                    if opened.is_err() && !slot::is_bare_lease(slot) {
                        corrupt += 1;
                    }
                    opened.ok()
                })
                .collect();
            let current = self.current(&envelopes, budget).await?;
            let mut dead = Vec::new();
            let usable: Vec<Option<_>> = keys
                .iter()
                .zip(&envelopes)
                .zip(&slots)
                .map(|((key, envelope), slot)| {
                    let envelope = envelope.as_ref()?;
                    let times = &envelope.meta.times;
                    if !times.is_kept(now)
                        || !is_current(key, envelope, |scope| self.is_own(key, scope), &current)
                    {
                        dead.push((key.qualified().to_owned(), envelope.identity));
                        return None;
                    }
                    if !times.is_fresh(now) {
                        return None;
                    }
                    let scopes = envelope.scopes.iter().map(|(scope, _)| *scope);
                    if self.journal.covers(key.qualified(), scopes) {
                        return None;
                    }
                    let slot_len = slot.as_deref().unwrap_or_default().len();
                    Some((
                        envelope.meta,
                        envelope.identity,
                        slot_len - envelope.payload.len(),
                    ))
                })
                .collect();
            drop(envelopes);
            // As in `look`: an invalidation may have arrived between the reads and now.
            if self.journal.takings() != takings && usable.iter().any(Option::is_some) {
                continue;
            }
            let found = usable
                .into_iter()
                .zip(slots)
                .map(|(usable, slot)| {
                    let (meta, identity, payload_at) = usable?;
                    Some(Found {
                        meta,
                        seen: Seen {
                            identity: Some(identity),
                            ..Seen::default()
                        },
                        bytes: slot?,
                        payload_at,
                    })
                })
                .collect();
            return Ok(Sights {
                found,
                dead,
                corrupt,
            });
        }
    }

    /// Looks many keys up, each with the scopes that are known of it, as [`look`](Self::look) would: one
    /// round trip in time. A further one only where an entry is in scopes that are not known.
    pub(crate) async fn look_all(
        &self,
        asked: &[(&Key, &[String])],
        age: (Age, u64),
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Sight>, StoreError> {
        loop {
            let takings = self.journal.takings();
            let trusted: Vec<_> = asked
                .iter()
                .map(|(key, scopes)| (!self.distrusts(key, scopes)).then_some((*key, *scopes)))
                .collect();
            let mut readings = self.read_all(&trusted, budget).await?.into_iter();
            let mut sights = Vec::with_capacity(asked.len());
            for trusted in &trusted {
                let Some((key, known)) = trusted else {
                    sights.push(Sight::Distrusted);
                    continue;
                };
                let (scopes, reading) = readings.next().unwrap_or_default();
                let mut sight = self.judge(key, &scopes, reading, age, budget).await?;
                // What a lease is compared with are the generations of the scopes that are known.
                if let Sight::Entry(Found { seen, .. }) | Sight::Nothing(seen) = &mut sight {
                    seen.generations.truncate(known.len());
                }
                sights.push(sight);
            }
            // As in `look`: an invalidation may have arrived between the reads and now.
            let has_found = sights.iter().any(|sight| matches!(sight, Sight::Entry(_)));
            if has_found && self.journal.takings() != takings {
                continue;
            }
            return Ok(sights);
        }
    }

    /// What is in the slots, and the generations of the scopes that are known of each and of those that
    /// its entry lists beside them.
    async fn read_all(
        &self,
        asked: &[Option<(&Key, &[String])>],
        budget: &mut Budget<'_>,
    ) -> Result<Vec<(Vec<String>, Reading)>, StoreError> {
        let asked: Vec<_> = asked.iter().copied().flatten().collect();
        let names: Vec<String> = asked
            .iter()
            .map(|(key, _)| key.qualified().to_owned())
            .collect();
        let known: BTreeSet<&String> = asked.iter().flat_map(|(_, scopes)| *scopes).collect();
        let known: Vec<String> = known.into_iter().cloned().collect();
        let slots = self.store.slots(&names, Part::Whole);
        let generations = self.store.generations(&known);
        let (mut slots, generations) = budget.spend(try_join(slots, generations)).await?;
        // A store that answers with fewer gives misses, and not other keys' entries.
        slots.resize(asked.len(), None);
        let mut current: HashMap<String, Option<Nonce>> =
            known.into_iter().zip(generations).collect();
        let listed: Vec<Vec<String>> = asked
            .iter()
            .zip(&slots)
            .map(|((_, known), slot)| listed_beside(known, slot.as_deref()))
            .collect();
        let unknown: BTreeSet<&String> = listed
            .iter()
            .flatten()
            .filter(|scope| !current.contains_key(*scope))
            .collect();
        if !unknown.is_empty() {
            let unknown: Vec<String> = unknown.into_iter().cloned().collect();
            let generations = budget.spend(self.store.generations(&unknown)).await?;
            current.extend(unknown.into_iter().zip(generations));
        }
        let readings = asked.iter().zip(listed).zip(slots);
        let readings = readings.map(|(((_, known), listed), slot)| {
            let scopes: Vec<String> = known.iter().cloned().chain(listed).collect();
            let generations = scopes
                .iter()
                .map(|scope| current.get(scope).copied().flatten())
                .collect();
            (scopes, Reading { slot, generations })
        });
        Ok(readings.collect())
    }

    /// The slots; those whose head is longer than usual are read whole.
    async fn slots(
        &self,
        keys: &[Key],
        part: Part,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let names: Vec<String> = keys.iter().map(|key| key.qualified().to_owned()).collect();
        let mut slots = budget.spend(self.store.slots(&names, part)).await?;
        // A store that answers with fewer gives misses, and not other keys' entries.
        slots.resize(keys.len(), None);
        if part == Part::Head {
            let is_cut = |slot: &Option<Vec<u8>>| {
                slot.as_deref().is_some_and(|slot| {
                    slot.len() >= slot::HEAD
                        && SlotHead::parse(slot).is_some_and(|head| head.identity.is_some())
                        && envelope::parse(slot).is_err()
                })
            };
            let cut: Vec<usize> = (0..keys.len()).filter(|at| is_cut(&slots[*at])).collect();
            if !cut.is_empty() {
                let names: Vec<String> = cut.iter().map(|at| names[*at].clone()).collect();
                let whole = budget.spend(self.store.slots(&names, Part::Whole)).await?;
                for (at, slot) in cut.into_iter().zip(whole) {
                    slots[at] = slot;
                }
            }
        }
        Ok(slots)
    }

    /// The current generation of every scope that one of these lists.
    async fn current(
        &self,
        envelopes: &[Option<Envelope<'_>>],
        budget: &mut Budget<'_>,
    ) -> Result<HashMap<String, Option<Nonce>>, StoreError> {
        let mut current: HashMap<String, Option<Nonce>> = HashMap::new();
        for envelope in envelopes.iter().flatten() {
            for (scope, _) in &envelope.scopes {
                let is_own = self.has_own_scopes && scope.starts_with(OWN_SCOPE);
                if !is_own && !current.contains_key(*scope) {
                    current.insert((*scope).to_owned(), None);
                }
            }
        }
        let scopes: Vec<String> = current.keys().cloned().collect();
        let generations = budget.spend(self.store.generations(&scopes)).await?;
        current.extend(scopes.into_iter().zip(generations));
        Ok(current)
    }
}

/// The scopes that an entry lists and that are not known of its key.
fn listed_beside(known: &[String], slot: Option<&[u8]>) -> Vec<String> {
    let Some(Ok(envelope)) = slot.map(envelope::parse) else {
        return Vec::new();
    };
    let listed = envelope.scopes.iter().map(|(scope, _)| *scope);
    listed
        .filter(|listed| !known.iter().any(|scope| scope == listed))
        .map(str::to_owned)
        .collect()
}

/// Whether nothing that the entry carries has been invalidated.
fn is_current(
    key: &Key,
    envelope: &Envelope<'_>,
    is_own: impl Fn(&str) -> bool,
    current: &HashMap<String, Option<Nonce>>,
) -> bool {
    let is_current = |(scope, carried): &(&str, Nonce)| {
        is_own(scope) || current.get(*scope) == Some(&Some(*carried))
    };
    has_all_scopes(envelope, key, &[]) && envelope.scopes.iter().all(is_current)
}
