//! Putting what a write returned into the cache, after its invalidation and before it returns.
//!
//! What a write puts counts as loaded when its body began. So it may be put only if nobody else has
//! begun since to invalidate the entry, by whatever covers it; else the write just invalidates, and
//! the next read loads. When in doubt, nothing is put.
//!
//! **In this process** a fence knows (see `fence`). The write opens it before its body. In process
//! memory it asks it with the key's shard of flights locked, and places the entry before it unlocks.
//! The entry holds generations that were taken after the write's own invalidation and before that
//! question: whoever ends one of them later has said so later, or was heard.
//!
//! **Across processes** the store knows. Before the body, the write takes a lease on the entry, whose
//! generations it learns by that: the lease is gone if the key is deleted or set, and a generation if
//! its scope is invalidated. At the end it
//!
//! 1. *advances* the generations of the entry's scopes that it invalidates: each from the one it
//!    learned to a new one, in one step, which is its own invalidation of that scope and fails if there
//!    was another;
//! 2. invalidates all else that it reaches;
//! 3. asks the fence and the journal, and fills under the lease, which is its own invalidation of the
//!    key and fails if there was another.
//!
//! Scopes that it does not invalidate are carried by the generation from before its body: if that has
//! ended, nobody is served the entry. What is invalidated after a step was taken undoes the step: it
//! takes the lease, or ends the new generation. What is invalidated by this process and has been heard
//! by neither the fence nor the journal in step 3 reaches the store later than step 1, so it does too.
//! If the fill is refused, the key is deleted instead.
//!
//! The lease is a shared one that yields to locks, so readers go on as if there were none. One that
//! loaded the old value under it stores it before the put, which is then refused, or is refused after
//! it.
//!
//! **An entry that is known only by what the write returned** cannot be leased before. In this process
//! the fence covers it all the same. For other processes the generations that can be known (of the
//! cache, of the function's namespace and tags without placeholders, of what the write names) are protected as above.
//! For the rest, the store must hold no trace: no entry, no lease, and no generation of its other scopes,
//! all of which is asked for by the steps that take them. So it is right for a thing that this write has
//! made and that no other process can know before it returns. What remains: if another process changed
//! the thing during this write's body, invalidated it only by what could not be known, and nobody has
//! read it through the store since, the older value is put.
//!
//! The whole invalidation is on a ticket from before the first await. Unless all of it took place, also
//! when the write is dropped on the way, it is queued, and undoes a put that went half the way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::{join, join_all};

use super::landing::Fill;
use super::layers::Stand;
use super::lifetime::Lifetime;
use super::near::Place;
use super::puts::{Given, Puts, Spot};
use super::{Backend, Cache, Invalidation, Targets, reached};
use crate::error::{Error, StoreError};
use crate::fence::Fence;
use crate::remote::{Budget, HeldLease, Remote, Ticket};
use crate::stats::{Count, Counters};
use crate::store::{Advance, Claim, Expected, Lease, LeaseRequest, Leased, Nonce};

/// What a write that puts holds while its body runs. Dropped, it leaves nothing behind.
pub(crate) struct Opened {
    fence: Fence,
    /// By their qualified keys, the entries that are known before the body; without a lease where
    /// there was none to be had.
    foreseen: HashMap<String, Option<HeldLease>>,
    /// The generations from before the body.
    known: HashMap<String, Nonce>,
    /// Whether they are all that can be known of entries that are not.
    knows_what_can_be: bool,
}

/// An entry that may still be put.
struct Candidate {
    given: Given,
    lifetime: Lifetime,
    held: HeldLease,
}

impl Cache {
    /// Before the body of a write that puts.
    pub(crate) async fn open_puts(&self, puts: &Puts, targets: &Targets) -> Opened {
        let mut opened = Opened {
            fence: self.shared.fences.open(),
            foreseen: HashMap::new(),
            known: HashMap::new(),
            knows_what_can_be: false,
        };
        let Backend::Remote(remote) = &self.shared.backend else {
            return opened;
        };
        let spots = puts.spots.iter();
        let foreseen: Vec<_> = spots
            .filter(|spot| matches!(self.stand_of(spot), Some(Stand::Store(_))))
            .collect();
        let leases = foreseen.iter().map(|spot| self.lease(remote, spot));
        let beginning = self.begin_known(remote, puts, targets);
        let (leases, begun) = join(join_all(leases), beginning).await;
        opened.knows_what_can_be = begun.is_some();
        opened.known = begun.unwrap_or_default();
        for (spot, lease) in foreseen.into_iter().zip(leases) {
            let held = lease.map(|(held, generations)| {
                for (scope, generation) in spot.scopes.iter().zip(generations) {
                    // Of two that were learned the first: then nobody was between it and the end.
                    opened.known.entry(scope.clone()).or_insert(generation);
                }
                held
            });
            opened
                .foreseen
                .insert(spot.key.qualified().to_owned(), held);
        }
        opened
    }

    /// A lease that readers do not feel, and the generations of the entry's scopes.
    async fn lease(&self, remote: &Remote, spot: &Spot) -> Option<(HeldLease, Vec<Nonce>)> {
        let lifetime = self.lifetime(spot.ttl, &spot.freshness)?;
        let held = HeldLease::ask_yielding(remote, &spot.key);
        let request = LeaseRequest {
            token: held.token(),
            claim: Claim::Shared,
            expected: Expected::Anything,
            lasts: remote.lease,
            scopes: &spot.scopes,
            ttl: lifetime.kept(),
        };
        let leasing = remote.store.lease(spot.key.qualified(), request);
        let leased = remote.budget().spend(leasing).await;
        match self.counted(remote, leased) {
            Ok(Leased::Granted(lease)) => {
                let held = if lease.token == held.token() {
                    held
                } else {
                    held.used();
                    HeldLease::shared(remote, lease.token)
                };
                // One that is missing was ended in this very moment.
                let generations = lease.generations.into_iter().collect::<Option<_>>()?;
                Some((held, generations))
            }
            // A set, a refresh or a load with a lock is under way.
            Ok(Leased::Held | Leased::Changed) => {
                held.used();
                None
            }
            Err(_) => None,
        }
    }

    /// The generations that can be known of entries that cannot: begun where they are missing.
    async fn begin_known(
        &self,
        remote: &Remote,
        puts: &Puts,
        targets: &Targets,
    ) -> Option<HashMap<String, Nonce>> {
        if puts.expected.is_empty() {
            return None;
        }
        let mut known = targets.clone().everything();
        for (site, namespace) in &puts.expected {
            let tags = site.tag_templates().iter();
            known = known.tags(tags.filter(|template| !template.contains(['{', '<', '%'])));
            known = namespace
                .iter()
                .fold(known, |known, name| known.namespace(name));
        }
        let scopes: HashSet<String> = reached(&known).0.into_iter().collect();
        let steps = scopes.iter().map(|scope| Advance::new(scope, None));
        let steps: Vec<_> = steps.collect();
        // Nothing is stored under them yet; the fill lets them live longer.
        let beginning = remote.store.advance(&steps, Some(remote.lease));
        let begun = remote.budget().spend(beginning).await;
        let begun = self.counted(remote, begun).ok()?;
        let begun = steps.into_iter().zip(begun);
        begun
            .map(|(step, generation)| Some((step.scope, generation?)))
            .collect()
    }

    /// A write's invalidation, and what it puts.
    pub(crate) async fn invalidate_and_put(
        &self,
        targets: Targets,
        given: Vec<Given>,
        opened: Opened,
        site: &'static Counters,
    ) -> Invalidation {
        let (scopes, keys) = self.invalidate_here(&targets, Some(site), Some(&opened.fence));
        // Before anything of the user's runs, whose panic must not lose it.
        let ticket = match &self.shared.backend {
            Backend::Remote(remote) => Some((remote, remote.ticket(scopes, keys))),
            Backend::Off | Backend::Memory(_) => None,
        };
        let wanted = given.len();
        let (near, given): (Vec<_>, Vec<_>) = given
            .into_iter()
            .filter(|given| self.stand_of(&given.spot).is_some())
            .partition(|given| matches!(self.stand_of(&given.spot), Some(Stand::Memory(_))));
        let near = near.into_iter();
        let mut put = near
            .filter_map(|given| self.put_in_memory(given, &opened.fence))
            .count();
        let mut invalidation = Invalidation::Done;
        if let Some((remote, ticket)) = ticket {
            match self.put_in_store(remote, ticket, given, opened).await {
                Ok(stored) => put += stored,
                Err(_) => {
                    self.tally(Some(site)).add(Count::StoreError);
                    invalidation = Invalidation::Queued;
                }
            }
        }
        for _ in put..wanted {
            self.tally(Some(site)).add(Count::Overtaken);
        }
        if put < wanted {
            tracing::debug!(
                put,
                wanted,
                "a write has not put everything that it returned"
            );
        }
        invalidation
    }

    /// Where the entry is.
    fn stand_of(&self, spot: &Spot) -> Option<Stand<'_>> {
        self.stand(self.meant(spot.layers))
    }

    /// Places the entry, unless something has overtaken it.
    fn put_in_memory(&self, given: Given, fence: &Fence) -> Option<()> {
        let Given { spot, value } = given;
        let lifetime = self.lifetime(spot.ttl, &spot.freshness)?;
        let Place { memory, flights } = self.near()?;
        let key = spot.key.qualified();
        let entry = value.resident(self, memory, &spot, lifetime);
        let mut locked = flights.lock(key);
        if fence.is_breached(key, &spot.scopes) {
            drop(locked);
            return None;
        }
        locked.revoke(key);
        let replaced = memory.place(Arc::clone(&entry));
        drop(locked);
        drop(replaced);
        memory.admit(entry);
        Some(())
    }

    /// Invalidates in the store and puts what may be put; how many that was. Unless it returns `Ok`,
    /// the whole invalidation is queued.
    async fn put_in_store(
        &self,
        remote: &Remote,
        ticket: Ticket,
        given: Vec<Given>,
        mut opened: Opened,
    ) -> Result<usize, StoreError> {
        let mut budget = remote.budget();
        let mut candidates = Vec::new();
        for given in given {
            let candidate = self.candidate(remote, given, &mut opened, &mut budget);
            candidates.extend(candidate.await);
        }
        if candidates.is_empty() {
            remote.carry_out(ticket).await?;
            return Ok(0);
        }

        let steps = steps(&candidates, &ticket.scopes, &opened.known);
        let ttls = candidates.iter().map(|candidate| candidate.lifetime.kept());
        // The longest; `None` is forever.
        let ttl = ttls
            .collect::<Option<Vec<_>>>()
            .and_then(|ttls| ttls.into_iter().max());
        let answers = budget.spend(remote.store.advance(&steps, ttl)).await?;
        let mut advanced = HashSet::new();
        for (at, step) in steps.into_iter().enumerate() {
            if answers.get(at) == Some(&Some(step.to)) {
                opened.known.insert(step.scope.clone(), step.to);
                advanced.insert(step.scope);
            } else {
                opened.known.remove(&step.scope);
            }
        }
        candidates.retain(|candidate| {
            let scopes = &candidate.given.spot.scopes;
            scopes.iter().all(|scope| opened.known.contains_key(scope))
        });

        let is_put = |key: &String| candidates.iter().any(|one| one.key() == key);
        let keys = ticket.keys.iter().filter(|key| !is_put(key));
        let keys: Vec<String> = keys.cloned().collect();
        let scopes = ticket.scopes.iter();
        let scopes = scopes.filter(|scope| !advanced.contains(*scope));
        let scopes: Vec<String> = scopes.cloned().collect();
        if !keys.is_empty() || !scopes.is_empty() {
            budget
                .spend(remote.store.invalidate(&scopes, &keys))
                .await?;
        }

        let mut put = 0;
        let mut refused = Vec::new();
        for candidate in candidates {
            if self
                .fill_put(remote, &candidate, &opened, &mut budget)
                .await?
            {
                candidate.held.used();
                put += 1;
            } else {
                refused.push(candidate.key().to_owned());
            }
        }
        if !refused.is_empty() {
            budget.spend(remote.store.invalidate(&[], &refused)).await?;
        }
        ticket.taken();
        Ok(put)
    }

    /// The lease for an entry, if nothing has overtaken it so far.
    async fn candidate(
        &self,
        remote: &Remote,
        given: Given,
        opened: &mut Opened,
        budget: &mut Budget<'_>,
    ) -> Option<Candidate> {
        let spot = &given.spot;
        let key = spot.key.qualified();
        let lifetime = self.lifetime(spot.ttl, &spot.freshness)?;
        if opened.fence.is_breached(key, &spot.scopes) || remote.distrusts(&spot.key, &spot.scopes)
        {
            return None;
        }
        let held = match opened.foreseen.get_mut(key) {
            Some(held) => held.take()?,
            None if opened.knows_what_can_be => self.lease_of_nothing(remote, spot, budget).await?,
            None => return None,
        };
        Some(Candidate {
            given,
            lifetime,
            held,
        })
    }

    /// A lease on a slot in which there is nothing.
    async fn lease_of_nothing(
        &self,
        remote: &Remote,
        spot: &Spot,
        budget: &mut Budget<'_>,
    ) -> Option<HeldLease> {
        let claim = Claim::Exclusive;
        let held = HeldLease::ask(remote, &spot.key, claim);
        let request = LeaseRequest {
            token: held.token(),
            claim,
            expected: Expected::NoEntry,
            lasts: remote.lease,
            scopes: &[],
            ttl: None,
        };
        let leasing = remote.store.lease(spot.key.qualified(), request);
        let leased = budget.spend(leasing).await;
        match self.counted(remote, leased) {
            Ok(Leased::Granted(_)) => Some(held),
            Ok(Leased::Held | Leased::Changed) => {
                held.used();
                None
            }
            Err(_) => None,
        }
    }

    /// Fills, unless something has overtaken it; whether it did.
    async fn fill_put(
        &self,
        remote: &Remote,
        candidate: &Candidate,
        opened: &Opened,
        budget: &mut Budget<'_>,
    ) -> Result<bool, StoreError> {
        let Given { spot, value } = &candidate.given;
        let key = spot.key.qualified();
        if opened.fence.is_breached(key, &spot.scopes) || remote.distrusts(&spot.key, &spot.scopes)
        {
            return Ok(false);
        }
        let generations = spot.scopes.iter();
        let lease = Lease {
            token: candidate.held.token(),
            generations: generations
                .map(|scope| opened.known.get(scope).copied())
                .collect(),
            over: None,
        };
        let encode = |bytes| value.encode(bytes, self.shared.encoding);
        let lifetime = candidate.lifetime;
        let remote = match self.stand_of(spot) {
            Some(Stand::Store(narrowed)) => narrowed,
            Some(Stand::Memory(_)) | None => remote,
        };
        let filling = self.fill(
            remote,
            &spot.key,
            &spot.scopes,
            lifetime,
            encode,
            &lease,
            None,
            budget,
        );
        match filling.await {
            Ok(filled) => Ok(matches!(filled, Fill::Stored(_))),
            Err(Error::Store(error)) => Err(error),
            Err(error) => {
                // A mistake in the program, not in the weather: it will be so every time.
                tracing::warn!(%error, key = %spot.key, "what a write returned cannot be stored");
                Ok(false)
            }
        }
    }
}

impl Candidate {
    fn key(&self) -> &str {
        self.given.spot.key.qualified()
    }
}

/// The steps that make the entries' scopes this write's own: those that it invalidates, and those of
/// which there must be no trace.
fn steps(
    candidates: &[Candidate],
    reached: &[String],
    known: &HashMap<String, Nonce>,
) -> Vec<Advance> {
    let scopes = candidates.iter().flat_map(|one| &one.given.spot.scopes);
    let scopes: HashSet<&String> = scopes
        .filter(|scope| reached.contains(scope) || !known.contains_key(*scope))
        .collect();
    scopes
        .into_iter()
        .map(|scope| Advance::new(scope, known.get(scope).copied()))
        .collect()
}

impl Advance {
    fn new(scope: &str, from: Option<Nonce>) -> Self {
        Self {
            scope: scope.to_owned(),
            from,
            to: Nonce::random(),
        }
    }
}
