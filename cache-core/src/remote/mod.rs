//! A store of bytes, as the cache uses it: within a time budget, validated, and with a journal of
//! what it could not take.

mod below;
mod budget;
mod journal;
mod many;
mod own_changes;
mod walk;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use self::below::Below;
pub(crate) use self::budget::Budget;
use self::journal::Journal;
pub(crate) use self::journal::Ticket;
pub(crate) use self::own_changes::OwnChanges;
pub(crate) use self::walk::{STEP, Walk};
use crate::cache::{Above, Invalidation};
use crate::codec;
use crate::envelope::{self, Envelope, Meta};
use crate::error::StoreError;
use crate::event::Bus;
use crate::generation::{EVERYTHING, namespace_scope};
use crate::key::{Key, Pattern};
use crate::layer::LayerSet;
use crate::slot::SlotHead;
use crate::store::{Claim, Lease, Nonce, OWN_SCOPE, Part, Reading, Scopes, Store};
use crate::tier::Guarded;

#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) store: Arc<dyn Store>,
    below: Arc<Below>,
    layers: LayerSet,
    above: Option<Arc<Above>>,
    budget: Duration,
    pub(crate) lease: Duration,
    journal: Arc<Journal>,
    pub(crate) bus: Option<Arc<Bus>>,
    /// Whether each entry has a scope to itself, the last one of its scopes.
    pub(crate) has_own_scopes: bool,
    /// Whether the last look failed: said once when it begins, and once when it ends.
    is_down: Arc<AtomicBool>,
    /// The same with fewer layers, by the numbers of their sets.
    views: Box<[OnceLock<Remote>; 16]>,
}

/// What a look at the store showed.
pub(crate) enum Sight {
    /// An entry that is valid and not expired. Its payload is still to be decoded.
    Entry(Found),
    /// Nothing usable.
    Nothing(Seen),
    /// The store must not be asked: an invalidation that covers the key is still on its way to it.
    Distrusted,
}

/// What age of an entry will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// Expired too, for as long as it is kept: a load has failed.
    Stale,
}

/// A usable entry's bytes.
pub(crate) struct Found {
    pub(crate) meta: Meta,
    pub(crate) seen: Seen,
    bytes: Vec<u8>,
    payload_at: usize,
}

impl Found {
    /// Unless it is a failure that is kept, which is no value to anyone but the function that failed.
    pub(crate) fn into_value(self) -> Option<Self> {
        self.is_value().then_some(self)
    }

    /// Whether it is no failure that is kept.
    pub(crate) fn is_value(&self) -> bool {
        codec::failure_in(self.meta.codec).is_none()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }

    /// Where the payload begins in the slot.
    pub(crate) fn payload_at(&self) -> usize {
        self.payload_at
    }

    /// The slot's bytes.
    pub(crate) fn slot(&self) -> &[u8] {
        &self.bytes
    }

    /// The names of the scopes that the entry is in.
    pub(crate) fn scopes(&self) -> Vec<String> {
        self.carried().map(|(name, _)| name.to_owned()).collect()
    }

    /// The same, with the generations that it carries.
    pub(crate) fn carried(&self) -> impl Iterator<Item = (&str, Nonce)> {
        let envelope = envelope::parse(&self.bytes).ok();
        envelope.into_iter().flat_map(|envelope| envelope.scopes)
    }
}

/// What was in the slot, and the generations of the scopes that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) identity: Option<Nonce>,
    token: Option<Nonce>,
    generations: Vec<Option<Nonce>>,
    /// Whether the last of them is the key's own.
    has_own_scope: bool,
    /// The slot held something that is not an entry of ours.
    pub(crate) is_corrupt: bool,
}

impl Seen {
    /// Whether a load that began under this lease is still what the store waits for: nothing was
    /// deleted, set or invalidated between its beginning and this look.
    pub(crate) fn confirms(&self, lease: &Lease) -> bool {
        // Of the key's own scope the token says enough, and a fill steps that before it is done.
        let own = usize::from(self.has_own_scope);
        let (seen, leased) = (&self.generations, &lease.generations);
        let is_same = seen.len() == leased.len()
            && seen
                .iter()
                .rev()
                .skip(own)
                .eq(leased.iter().rev().skip(own));
        // A generation that was missing when the lease was taken could have been ended again since
        // without a trace.
        self.token == Some(lease.token) && lease.generations.iter().all(Option::is_some) && is_same
    }
}

impl Remote {
    /// `above` is what process memory above depends on, if there is some.
    pub(crate) fn new(
        below: Below,
        layers: LayerSet,
        above: Option<Arc<Above>>,
        lease: Duration,
    ) -> Self {
        let budget = below.budget();
        let store = below.store(above.as_ref(), LayerSet::ALL);
        let bus = store.events().map(|log| Bus::new(log, budget));
        Self {
            budget,
            lease,
            journal: Journal::new(Arc::clone(&store), budget),
            bus,
            has_own_scopes: matches!(below, Below::Stack(_)),
            is_down: Arc::default(),
            views: Box::default(),
            below: Arc::new(below),
            layers,
            above,
            store,
        }
    }

    /// The same where it has only these layers; `None` where it has none of them.
    #[inline]
    pub(crate) fn within(&self, layers: LayerSet) -> Option<&Self> {
        let meant = self.layers.and(layers);
        if meant == self.layers {
            Some(self)
        } else if meant.is_empty() {
            None
        } else {
            Some(self.view(meant))
        }
    }

    #[cold]
    fn view(&self, layers: LayerSet) -> &Self {
        self.views[layers.number()].get_or_init(|| Self {
            store: self.below.store(self.above.as_ref(), layers),
            below: Arc::clone(&self.below),
            layers,
            above: self.above.clone(),
            budget: self.budget,
            lease: self.lease,
            journal: Arc::clone(&self.journal),
            bus: self.bus.clone(),
            has_own_scopes: self.has_own_scopes,
            is_down: Arc::clone(&self.is_down),
            views: Box::default(),
        })
    }

    /// The stores one by one, from the fastest to the slowest.
    pub(crate) fn stores(&self) -> Vec<Guarded> {
        self.below.stores()
    }

    /// The layers that it has.
    pub(crate) fn layers(&self) -> LayerSet {
        self.layers
    }

    pub(crate) fn budget(&self) -> Budget<'_> {
        Budget::new(self.store.name(), self.budget)
    }

    /// Whether the store can go through its keys.
    pub(crate) fn can_scan(&self) -> Result<(), StoreError> {
        if self.store.capabilities().scan {
            Ok(())
        } else {
            Err(self.store.unsupported("going through its keys"))
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.journal.len()
    }

    /// Waits until the store has taken every invalidation, and every event.
    pub(crate) async fn settled(&self) {
        self.journal.flush().await;
        self.store.settle().await;
        if let Some(bus) = &self.bus {
            bus.flush().await;
        }
    }

    /// Whether an invalidation that covers this is still on its way to the store.
    pub(crate) fn distrusts(&self, key: &Key, scopes: &[String]) -> bool {
        self.journal
            .covers(key.qualified(), scopes.iter().map(String::as_str))
    }

    /// Says that the store has gone, or is back.
    pub(crate) fn note(&self, failure: Option<&StoreError>) {
        match failure {
            Some(error) if !self.is_down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "the store fails: calls go on without it");
            }
            None if self.is_down.load(Ordering::Relaxed)
                && self.is_down.swap(false, Ordering::Relaxed) =>
            {
                tracing::info!(store = self.store.name(), "the store is back");
            }
            _ => {}
        }
    }

    /// Looks a key up: one round trip, whether its scopes are known or only the entry knows them.
    pub(crate) async fn look(
        &self,
        key: &Key,
        scopes: Option<&[String]>,
        (age, now): (Age, u64),
        budget: &mut Budget<'_>,
    ) -> Result<Sight, StoreError> {
        loop {
            let takings = self.journal.takings();
            if self.distrusts(key, scopes.unwrap_or_default()) {
                return Ok(Sight::Distrusted);
            }
            let sight = match scopes {
                Some(scopes) => {
                    let read = self.store.read(key.qualified(), Scopes::Named(scopes));
                    let reading = budget.spend(read).await?;
                    self.judge(key, scopes, reading, (age, now), budget).await?
                }
                None => {
                    let read = self.store.read(key.qualified(), Scopes::Stored);
                    let mut reading = budget.spend(read).await?;
                    let scopes = stored_scopes(key, &reading);
                    if reading.generations.len() != scopes.len() {
                        reading.generations = budget.spend(self.store.generations(&scopes)).await?;
                    }
                    self.judge(key, &scopes, reading, (age, now), budget)
                        .await?
                }
            };
            // An invalidation that was still on its way when this look began may have arrived
            // between the read and now: then what was read is from before it.
            if matches!(sight, Sight::Entry(_)) && self.journal.takings() != takings {
                continue;
            }
            return Ok(sight);
        }
    }

    /// Whether what was read may be served.
    async fn judge(
        &self,
        key: &Key,
        scopes: &[String],
        reading: Reading,
        (age, now): (Age, u64),
        budget: &mut Budget<'_>,
    ) -> Result<Sight, StoreError> {
        let mut seen = Seen {
            generations: reading.generations,
            has_own_scope: self.has_own_scopes,
            ..Seen::default()
        };
        let Some(slot) = reading.slot else {
            return Ok(Sight::Nothing(seen));
        };
        let Some(head) = SlotHead::parse(&slot) else {
            seen.is_corrupt = true;
            return Ok(Sight::Nothing(seen));
        };
        seen.identity = head.identity;
        seen.token = head.token;
        if seen.identity.is_none() {
            return Ok(Sight::Nothing(seen));
        }
        let Ok(envelope) = envelope::open(key.qualified(), &slot) else {
            seen.is_corrupt = true;
            return Ok(Sight::Nothing(seen));
        };
        let times = &envelope.meta.times;
        let is_young_enough = match age {
            Age::Fresh => times.is_fresh(now),
            Age::Stale => times.is_kept(now),
        };
        if !is_young_enough || !has_all_scopes(&envelope, key, scopes) {
            return Ok(Sight::Nothing(seen));
        }
        let names = envelope.scopes.iter().map(|(name, _)| *name);
        if self.journal.covers(key.qualified(), names) {
            return Ok(Sight::Distrusted);
        }
        if !self
            .is_current(key, &envelope, scopes, &seen.generations, budget)
            .await?
        {
            return Ok(Sight::Nothing(seen));
        }
        let meta = envelope.meta;
        let payload_at = slot.len() - envelope.payload.len();
        Ok(Sight::Entry(Found {
            meta,
            seen,
            bytes: slot,
            payload_at,
        }))
    }

    /// Whether every generation that the entry carries is still the current one. A missing one is
    /// not. That of its own scope has been checked where it was found.
    async fn is_current(
        &self,
        key: &Key,
        envelope: &Envelope<'_>,
        scopes: &[String],
        generations: &[Option<Nonce>],
        budget: &mut Budget<'_>,
    ) -> Result<bool, StoreError> {
        let mut unasked = Vec::new();
        for (at, (name, generation)) in envelope.scopes.iter().enumerate() {
            if self.is_own(key, name) {
                continue;
            }
            // Usually the entry lists what was asked for, in that order.
            let asked = match scopes.get(at) {
                Some(scope) if scope == name => Some(at),
                _ => scopes.iter().position(|scope| scope == name),
            };
            match asked {
                Some(asked) if generations.get(asked) == Some(&Some(*generation)) => {}
                Some(_) => return Ok(false),
                None => unasked.push((*name, *generation)),
            }
        }
        if unasked.is_empty() {
            return Ok(true);
        }
        let names: Vec<String> = unasked.iter().map(|(name, _)| (*name).to_owned()).collect();
        let current = budget.spend(self.store.generations(&names)).await?;
        Ok(unasked
            .iter()
            .zip(current)
            .all(|((_, carried), current)| current == Some(*carried)))
    }

    /// Whether the scope is the one that the key has to itself, for which its store sees.
    fn is_own(&self, key: &Key, scope: &str) -> bool {
        self.has_own_scopes && scope.strip_prefix(OWN_SCOPE) == Some(key.qualified())
    }

    /// Empties the key's slot and gives what was in it. What the store does not take now is kept and
    /// retried.
    pub(crate) async fn take(&self, key: &Key, now: u64) -> Result<Sight, StoreError> {
        let ticket = Ticket::new(&self.journal, Vec::new(), vec![key.qualified().to_owned()]);
        let takings = self.journal.takings();
        let mut budget = self.budget();
        let reading = budget.spend(self.store.take(key.qualified())).await;
        self.note(reading.as_ref().err());
        let mut reading = reading?;
        ticket.taken();
        let scopes = stored_scopes(key, &reading);
        if reading.generations.len() != scopes.len() {
            reading.generations = budget.spend(self.store.generations(&scopes)).await?;
        }
        let age = (Age::Fresh, now);
        let sight = self.judge(key, &scopes, reading, age, &mut budget).await?;
        // As in `look`: what was read may be from before an invalidation that has arrived since. It
        // cannot be read again, but it is gone.
        Ok(match sight {
            Sight::Entry(_) if self.journal.takings() != takings => Sight::Nothing(Seen::default()),
            sight => sight,
        })
    }

    /// Waits, within the budget, until the store has taken every invalidation: what is stored before
    /// would be deleted by them.
    pub(crate) async fn catch_up(&self, budget: &mut Budget<'_>) -> Result<(), StoreError> {
        let flushing = async {
            self.journal.flush().await;
            Ok(())
        };
        budget.spend(flushing).await
    }

    /// Whether a set that was overtaken needs no second try, because what overtook it has stored an
    /// entry or deleted the key. Waits for that while it is under way: giving up, it would leave the
    /// entry from before both.
    pub(crate) async fn outcome(
        &self,
        key: &Key,
        over: Option<Nonce>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, StoreError> {
        let Some(over) = over else {
            return Ok(true);
        };
        let name = [key.qualified().to_owned()];
        loop {
            let slots = budget.spend(self.store.slots(&name, Part::Head)).await?;
            let slot = slots.into_iter().next().flatten().unwrap_or_default();
            let Some(head) = SlotHead::parse(&slot) else {
                return Ok(true);
            };
            let is_other = head.identity != Some(over);
            if head.token.is_none() || is_other {
                return Ok(is_other);
            }
            let pause = async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(())
            };
            budget.spend(pause).await?;
        }
    }

    /// Deletes every key that matches, and counts the usable entries among them. What the store does
    /// not take now is kept and retried.
    pub(crate) async fn delete_matching(
        &self,
        pattern: &Pattern,
        now: u64,
    ) -> Result<u64, StoreError> {
        let ticket = Ticket::matching(&self.journal, pattern);
        let mut deleted = 0;
        let mut walk = Walk::default();
        while let Some(keys) = walk.step(self, pattern, STEP, &mut self.budget()).await? {
            if keys.is_empty() {
                continue;
            }
            let mut budget = self.budget();
            let sights = self.look_many(&keys, Part::Head, now, &mut budget).await?;
            let names: Vec<String> = keys.iter().map(|key| key.qualified().to_owned()).collect();
            budget.spend(self.store.invalidate(&[], &names)).await?;
            deleted += sights
                .found
                .iter()
                .flatten()
                .filter(|found| found.is_value())
                .count() as u64;
        }
        ticket.taken();
        Ok(deleted)
    }

    /// Ends the scopes' generations and empties the keys' slots; what the store does not take now is
    /// kept and retried. Cancelling it loses nothing.
    pub(crate) async fn invalidate(
        &self,
        scopes: Vec<String>,
        keys: Vec<String>,
    ) -> Result<Invalidation, StoreError> {
        self.carry_out(self.ticket(scopes, keys)).await
    }

    /// An invalidation that is kept and retried from now on, unless the store takes it.
    pub(crate) fn ticket(&self, scopes: Vec<String>, keys: Vec<String>) -> Ticket {
        Ticket::new(&self.journal, scopes, keys)
    }

    /// Tells the store.
    pub(crate) async fn carry_out(&self, ticket: Ticket) -> Result<Invalidation, StoreError> {
        match self
            .budget()
            .spend(self.store.invalidate(&ticket.scopes, &ticket.keys))
            .await
        {
            Ok(()) => {
                ticket.taken();
                Ok(Invalidation::Done)
            }
            Err(error) => {
                tracing::warn!(%error, "an invalidation is kept and retried");
                Err(error)
            }
        }
    }

    /// The same without waiting: for callers that are being dropped.
    pub(crate) fn invalidate_later(&self, scopes: Vec<String>, keys: Vec<String>) {
        drop(Ticket::new(&self.journal, scopes, keys));
    }
}

/// The scopes that the entry lists that was read, if it is one.
fn stored_scopes(key: &Key, reading: &Reading) -> Vec<String> {
    let slot = reading.slot.as_deref().unwrap_or_default();
    match envelope::open(key.qualified(), slot) {
        Ok(envelope) => envelope
            .scopes
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        Err(envelope::Corrupt) => Vec::new(),
    }
}

/// An entry must be in every scope that this program knows for it: one that was stored before a tag
/// was added to the code would not be reached by it.
fn has_all_scopes(envelope: &Envelope<'_>, key: &Key, scopes: &[String]) -> bool {
    let lists = |wanted: &str| envelope.scopes.iter().any(|(name, _)| *name == wanted);
    lists(EVERYTHING)
        && key
            .namespace()
            .is_none_or(|namespace| lists(&namespace_scope(namespace)))
        && scopes.iter().all(|scope| lists(scope))
}

/// A lease that is being asked for or held. Dropped before it was used up, it is given back, so that
/// a cancelled or failed load keeps nobody waiting.
pub(crate) struct HeldLease {
    store: Arc<dyn Store>,
    key: String,
    token: Nonce,
    budget: Duration,
    is_used: bool,
}

impl HeldLease {
    pub(crate) fn ask(remote: &Remote, key: &Key, claim: Claim) -> Self {
        Self {
            store: Arc::clone(&remote.store),
            key: key.qualified().to_owned(),
            token: Nonce::token(claim),
            budget: remote.budget,
            is_used: false,
        }
    }

    /// A lease that keeps nobody from loading, whether or not with a lock.
    pub(crate) fn ask_yielding(remote: &Remote, key: &Key) -> Self {
        let mut held = Self::ask(remote, key, Claim::Shared);
        held.token = Nonce::yielding_token();
        held
    }

    /// A lease under someone else's token: used beside its holder, who gives it back.
    pub(crate) fn shared(remote: &Remote, token: Nonce) -> Self {
        Self {
            store: Arc::clone(&remote.store),
            key: String::new(),
            token,
            budget: remote.budget,
            is_used: true,
        }
    }

    pub(crate) fn token(&self) -> Nonce {
        self.token
    }

    /// Gives it back now, so that whoever loads next does not share what is about to go.
    pub(crate) async fn give_back(mut self) {
        if !self.is_used {
            let release = self.store.release(&self.key, self.token);
            let _ = tokio::time::timeout(self.budget, release).await;
            self.is_used = true;
        }
    }

    /// The fill consumed it, or it never was ours.
    pub(crate) fn used(mut self) {
        self.is_used = true;
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        // Without a runtime the lease ends by its time limit.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let store = Arc::clone(&self.store);
        let key = std::mem::take(&mut self.key);
        let (token, budget) = (self.token, self.budget);
        runtime.spawn(async move {
            let _ = tokio::time::timeout(budget, store.release(&key, token)).await;
        });
    }
}
