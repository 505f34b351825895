//! Process memory above a store: the layer that answers first.
//!
//! An entry there holds generations of its own, beside those of the store: one for each scope that it
//! carries, one for its slot (in the name of the scope that a key has to itself, whether or not the store
//! knows of that), and one for the connection by which the store tells of changes. What is
//! heard ends the one that it is about. So what is stored here needs no lock: it was
//! [pledged](Above::pledge) before the store was read, and if anything changed since then, what it holds
//! has ended, and it is never served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join;

use crate::envelope;
use crate::error::StoreError;
use crate::generation::{Generations, Held, Reservation};
use crate::key::Pattern;
use crate::layer::Coherence;
use crate::memory::AnyResident;
use crate::store::{Nonce, OWN_SCOPE, Part, Store, Watcher, own_scope};

/// The scope of the connection by which the store tells of changes.
const LINK: &str = "link";
/// Where in what an entry holds the generation of its slot is.
const SLOT: usize = 1;

/// What process memory above a store depends on.
#[derive(Debug)]
pub(crate) struct Above {
    generations: Arc<Generations>,
    coherence: Coherence,
    /// Whether changes are heard of; always so where they are not listened for.
    is_heard: AtomicBool,
    /// How long an entry is kept at most.
    pub(super) ttl: Option<Duration>,
    promotions: AtomicU64,
}

/// What a value that is about to be read from the store will hold here.
#[derive(Debug)]
pub(crate) struct Pledge(Held);

/// The same while its scopes are not known.
pub(crate) struct EarlyPledge<'a> {
    above: &'a Above,
    link_and_slot: Held,
    ends: u64,
}

impl Above {
    pub(crate) fn new(coherence: Coherence, ttl: Option<Duration>) -> Self {
        Self {
            generations: Arc::new(Generations::new()),
            is_heard: AtomicBool::new(coherence != Coherence::Push),
            coherence,
            ttl,
            promotions: AtomicU64::new(0),
        }
    }

    /// Whether an entry is served without asking the store.
    #[inline]
    pub(super) fn answers_at_once(&self) -> bool {
        self.coherence != Coherence::Strict
    }

    /// Begins to hold what a value depends on that is read from the store after this; `None` while
    /// changes are not heard of.
    pub(super) fn pledge(&self, key: &str, scopes: &[String]) -> Option<Pledge> {
        let slot = own_scope(key);
        let scopes = scopes.iter().map(String::as_str);
        let scopes = scopes.filter(|scope| *scope != slot);
        let held = self
            .generations
            .hold([LINK, &slot].into_iter().chain(scopes));
        // After the link's generation was taken: whoever loses or regains the connection ends that.
        self.is_heard
            .load(Ordering::Acquire)
            .then_some(Pledge(held))
    }

    /// The same for an entry whose scopes are known only when it is read.
    pub(super) fn pledge_early(&self, key: &str) -> Option<EarlyPledge<'_>> {
        let ends = self.generations.ends();
        let Pledge(link_and_slot) = self.pledge(key, &[])?;
        Some(EarlyPledge {
            above: self,
            link_and_slot,
            ends,
        })
    }

    /// What an entry holds that was read under a pledge, and carries these generations; `None` if it may
    /// not be kept.
    pub(super) fn hold<'s>(
        &self,
        pledge: Pledge,
        carried: impl IntoIterator<Item = (&'s str, Nonce)>,
    ) -> Option<Held> {
        let is_confirmed = self.generations.confirm(&pledge.0, carried);
        (is_confirmed && pledge.0.is_current()).then_some(pledge.0)
    }

    /// This process is about to store another value under this key: until that has its place here, none
    /// has.
    pub(super) fn reserve(&self, key: &str) -> Reservation {
        self.generations.reserve(&own_scope(key))
    }

    /// Whether what this process has done to the slot since the pledge may still be told of: its lease has
    /// not been yet, or more was done than that.
    pub(super) fn may_hear_of(&self, pledge: &Pledge, has_done_more: bool) -> bool {
        self.coherence == Coherence::Push && (has_done_more || pledge.0.is_current_at(SLOT))
    }

    /// What changed is not served from here any more.
    pub(crate) fn forget(&self, scopes: &[String], keys: &[String]) {
        for scope in scopes {
            self.generations.end(scope);
        }
        for key in keys {
            self.forget_key(key);
        }
    }

    pub(crate) fn forget_key(&self, key: &str) {
        self.generations.end(&own_scope(key));
    }

    pub(super) fn forget_matching(&self, pattern: &Pattern) {
        self.generations.end_all(|scope| {
            scope
                .strip_prefix(OWN_SCOPE)
                .is_some_and(|key| pattern.matches_qualified(key))
        });
    }

    pub(super) fn forget_everything(&self) {
        self.generations.end(LINK);
    }

    /// Learns what the store says the generations of these scopes are: a change that was hidden by one of
    /// this process's own shows by that.
    pub(crate) fn learn(&self, scopes: &[String], generations: &[Option<Nonce>]) {
        for (scope, generation) in scopes.iter().zip(generations) {
            match generation {
                Some(generation) => self.generations.learn(scope, *generation),
                None => self.generations.end(scope),
            }
        }
    }

    /// Whether an entry here is still the one that the store has, and valid there: one round trip, without
    /// the value.
    pub(super) async fn is_current(
        &self,
        entry: &AnyResident,
        store: &dyn Store,
        now: u64,
    ) -> Result<bool, StoreError> {
        if !is_above(entry) {
            // Of process memory alone: the store has never heard of it.
            return Ok(true);
        }
        let mut held = entry.held.stored(SLOT);
        let Some((_, Some(identity))) = held.next() else {
            return Ok(false);
        };
        let (scopes, known): (Vec<String>, Vec<Option<Nonce>>) =
            held.map(|(scope, nonce)| (scope.to_owned(), nonce)).unzip();
        let key = [entry.key.to_string()];
        let heads = store.slots(&key, Part::Head);
        let (heads, current) = try_join(heads, store.generations(&scopes)).await?;
        self.learn(&scopes, &current);
        let head = heads.into_iter().next().flatten();
        let there = head.as_deref().map(envelope::parse);
        Ok(match there {
            Some(Ok(there)) => {
                there.identity == identity
                    && there.meta.times.is_fresh(now)
                    && current == known
                    && entry.held.is_current()
            }
            Some(Err(envelope::Corrupt)) | None => false,
        })
    }

    pub(super) fn count_promotion(&self) {
        self.promotions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn promotions(&self) -> u64 {
        self.promotions.load(Ordering::Relaxed)
    }
}

/// Whether an entry of process memory is one that the store has, too.
pub(super) fn is_above(entry: &AnyResident) -> bool {
    entry.held.scopes().next() == Some(LINK)
}

impl Pledge {
    /// The same for a value that this process stores itself.
    pub(super) fn of_own(self, reservation: &Reservation) -> Self {
        Self(self.0.with(SLOT, reservation.generation()))
    }
}

impl EarlyPledge<'_> {
    /// The pledge for an entry with these scopes, unless anything at all changed since.
    pub(super) fn complete(self, key: &str, scopes: &[String]) -> Option<Pledge> {
        let pledge = self.above.pledge(key, scopes)?;
        let is_same = self.link_and_slot.is_current() && self.above.generations.ends() == self.ends;
        is_same.then_some(pledge)
    }
}

impl Watcher for Above {
    fn slot_changed(&self, key: &str) {
        self.forget_key(key);
    }

    fn generation_changed(&self, scope: &str) {
        self.generations.end(scope);
    }

    fn everything_changed(&self) {
        self.forget_everything();
    }

    fn lost(&self) {
        self.is_heard.store(false, Ordering::Release);
        self.generations.end(LINK);
    }

    fn regained(&self) {
        // First what was pledged before, so that none of it counts as heard of.
        self.generations.end(LINK);
        self.is_heard.store(true, Ordering::Release);
    }
}
