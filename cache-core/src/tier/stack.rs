//! Several stores as one.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::behind::{Cause, Copy};
use super::entry::{self, spreadable};
use super::guarded::Guarded;
use super::level::{Level, Tier};
use crate::clock::Clock;
use crate::envelope;
use crate::error::StoreError;
use crate::event::EventLog;
use crate::key::Pattern;
use crate::layer::{LayerName, LayerSet};
use crate::stats::TierStats;
use crate::store::{
    Advance, Capabilities, Family, Filled, Increment, Incremented, LeaseRequest, Leased, Nonce,
    Part, Patch, Reading, Scan, Scopes, Store, Usage, Watcher, own_scope,
};

/// Several stores as one: the tiers of a cache below process memory, from the fastest to the slowest.
///
/// One of them is the *authority*: the one that reaches furthest; of several of these the one that makes
/// its [steps](Capabilities::steps) best, and of several of these the last. It keeps the generations, the
/// leases and entries; the others keep copies of entries, which are served only while every generation
/// that they carry is current there. So a copy that an invalidation did not reach, or that came late, is
/// never served, and no tier but the authority needs leases.
///
/// - A **lookup** asks the tiers above the authority one after the other, and the authority for the
///   generations at the same time as the first; then the authority for the entry; then the tiers below.
///   What is found is copied into the tiers above, behind the caller's back.
/// - A **fill** is made at the authority, and then copied into the others behind the caller's back.
/// - An **invalidation** is made at the authority. The others empty the slots as soon as they take it, for
///   the sake of memory alone.
/// - **Numbers** are kept by the authority alone, because they change in place.
///
/// Each tier is [`Guarded`]. What fails in another tier than the authority is counted, and fails nobody's
/// call. Copies and keys that wait for a tier are bounded: beyond 4,096 keys or 16 MiB the oldest are
/// dropped. [`settle`](Store::settle) waits until none waits, or the tier does not take them.
///
/// An entry can be copied if one of its scopes is its [`own_scope`], with a generation that nothing had
/// before it; that is also its identity. Of other entries a stack has no copies.
///
/// Cancelling a call leaves each tier as it was, or as it would have become. Clones share everything.
#[derive(Debug, Clone)]
pub struct Stack {
    shared: Arc<Shared>,
    layers: LayerSet,
}

#[derive(Debug)]
struct Shared {
    /// From the fastest to the slowest.
    levels: Vec<Level>,
    authority: usize,
    name: String,
    clock: Clock,
}

/// Why stores cannot be made one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// There is none.
    #[error("there is no store to keep entries in: name one")]
    NoTier,
    /// None of them can keep generations and leases.
    #[error(
        "none of the layers {} can keep generations and leases: add one that is a server, a bucket or files of one's own",
        .layers.iter().map(|layer| format!("`{layer}`")).collect::<Vec<_>>().join(", ")
    )]
    NoAuthority {
        /// The layers that there are.
        layers: Vec<LayerName>,
    },
}

impl Stack {
    /// The tiers as one store, from the fastest to the slowest. The clock is the cache's.
    ///
    /// # Errors
    /// [`StackError`] where none of them can be the authority.
    pub fn new(tiers: Vec<Tier>, clock: Clock) -> Result<Self, StackError> {
        let authority = authority(&tiers)?;
        let names: Vec<String> = tiers
            .iter()
            .map(|tier| format!("{} {}", tier.layer, tier.store.name()))
            .collect();
        let levels = tiers.into_iter().enumerate();
        let levels = levels.map(|(at, tier)| Level::new(tier, at == authority));
        Ok(Self {
            shared: Arc::new(Shared {
                levels: levels.collect(),
                authority,
                name: names.join(" + "),
                clock,
            }),
            layers: LayerSet::ALL,
        })
    }

    /// The same stack, narrowed to some of its layers: entries are neither looked for in the others nor
    /// copied into them. The authority is always asked, and keeps what is filled: it has the leases.
    #[must_use]
    pub fn only(&self, layers: LayerSet) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            layers: self.layers.and(layers),
        }
    }

    /// The layer that keeps the generations and leases.
    #[must_use]
    pub fn authority_layer(&self) -> LayerName {
        self.shared.levels[self.shared.authority].layer
    }

    /// How long a lookup may take: all tiers, and the authority twice. A cache on the stack needs as much.
    #[must_use]
    pub fn time_budget(&self) -> Duration {
        let all = self.shared.levels.iter();
        let all: Duration = all.map(|level| level.store.time_budget()).sum();
        all + self.authority().time_budget()
    }

    /// Waits until no copy and no key to be emptied waits for a tier, or the tier does not take them.
    pub async fn flush(&self) {
        join_all(self.shared.levels.iter().map(|level| level.behind.flush())).await;
    }

    /// The stores, from the fastest to the slowest.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &Guarded> {
        self.shared.levels.iter().map(|level| &level.store)
    }

    pub(super) fn authority(&self) -> &Guarded {
        &self.authority_level().store
    }

    pub(super) fn authority_level(&self) -> &Level {
        &self.shared.levels[self.shared.authority]
    }

    /// The tiers with copies above the authority, the fastest first.
    pub(super) fn above(&self) -> impl Iterator<Item = &Level> {
        self.among(&self.shared.levels[..self.shared.authority])
    }

    /// The same below it.
    pub(super) fn below(&self) -> impl Iterator<Item = &Level> {
        self.among(&self.shared.levels[self.shared.authority + 1..])
    }

    /// All tiers with copies that entries are looked for in.
    pub(super) fn copies(&self) -> impl Iterator<Item = &Level> {
        self.above().chain(self.below())
    }

    /// The tiers that are asked before this one, the authority included.
    pub(super) fn higher_than(&self, found: &Level) -> impl Iterator<Item = &Level> {
        let authority = self.authority_level().layer;
        let levels = self.shared.levels.iter();
        levels
            .take_while(move |level| !std::ptr::eq(*level, found))
            .filter(move |level| level.layer == authority || self.layers.contains(level.layer))
    }

    fn among<'s>(&'s self, levels: &'s [Level]) -> impl Iterator<Item = &'s Level> {
        let layers = self.layers;
        levels
            .iter()
            .filter(move |level| layers.contains(level.layer))
    }

    /// Whether entries may have copies at all, in whatever layer.
    pub(super) fn has_copies(&self) -> bool {
        self.shared.levels.len() > 1
    }

    pub(super) fn now(&self) -> u64 {
        self.shared.clock.unix_millis()
    }

    /// Has the slots of these keys emptied in all tiers with copies, soon.
    pub(super) fn empty_copies(&self, keys: &[String]) {
        for (at, level) in self.shared.levels.iter().enumerate() {
            if at != self.shared.authority && !keys.is_empty() {
                level.behind.empty(keys);
            }
        }
    }

    /// Copies what was filled, if it may lie in several stores.
    fn spread(&self, key: &str, entry: &[u8], ttl: Option<Duration>) {
        if !self.has_copies() {
            return;
        }
        let is_spreadable =
            envelope::parse(entry).is_ok_and(|envelope| spreadable(key, &envelope).is_some());
        if !is_spreadable {
            return;
        }
        let entry: Arc<[u8]> = entry.into();
        for level in self.copies() {
            let copy = Copy {
                entry: Arc::clone(&entry),
                ttl: level.keeps(ttl),
                cause: Cause::Fill,
            };
            level.behind.copy(key, copy);
        }
    }

    /// Lets the authority keep an entry no longer than it keeps any. Its generations were to outlive the
    /// entry wherever it lies, so this is a step of its own.
    pub(super) async fn cap(&self, key: &str, identity: Nonce, ttl: Option<Duration>) {
        let keeps = self.authority_level().keeps(ttl);
        if keeps == ttl {
            return;
        }
        let patch = Patch {
            identity,
            bytes: &[],
            scopes: &[],
            ttl: keeps,
        };
        // A failure is counted there; then the entry is kept for longer.
        let _ = self.authority().patch(key, patch).await;
    }
}

/// Which tier keeps generations and leases.
fn authority(tiers: &[Tier]) -> Result<usize, StackError> {
    if tiers.is_empty() {
        return Err(StackError::NoTier);
    }
    let able = tiers.iter().enumerate();
    let able = able.filter(|(_, tier)| !tier.store.capabilities().copies_only);
    let best = able.max_by_key(|(at, tier)| {
        let steps = tier.store.capabilities().steps;
        (tier.reach, std::cmp::Reverse(steps), *at)
    });
    best.map(|(at, _)| at)
        .ok_or_else(|| StackError::NoAuthority {
            layers: tiers.iter().map(|tier| tier.layer).collect(),
        })
}

#[async_trait]
impl Store for Stack {
    fn name(&self) -> &str {
        &self.shared.name
    }

    /// What the authority can do.
    fn capabilities(&self) -> Capabilities {
        self.authority().capabilities()
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        self.read_down(key, scopes).await
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.authority().generations(scopes).await
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        self.lease_over(key, request).await
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        self.authority().renew(key, token, lasts).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        self.authority().release(key, token).await
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        let authority = self.authority();
        let filled = authority.fill(key, token, entry, scopes, ttl).await?;
        if filled == Filled::Stored {
            self.spread(key, entry, ttl);
            if let Some(identity) = entry::identity(Some(entry)) {
                self.cap(key, identity, ttl).await;
            }
        }
        Ok(filled)
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.authority().copy(key, entry, ttl).await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let own = keys.iter().map(|key| own_scope(key));
        let scopes: Vec<String> = scopes.iter().cloned().chain(own).collect();
        self.authority().invalidate(&scopes, keys).await?;
        self.empty_copies(keys);
        Ok(())
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        self.authority().advance(steps, ttl).await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.slots_down(keys, part).await
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        self.take_all(key).await
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        self.remove_all(entries).await
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        self.patch_all(key, patch).await
    }

    /// Every key that an entry may be found under, in whatever tier: each has left its own generation at
    /// the authority.
    async fn scan(
        &self,
        _: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let family = Family::OwnScopes;
        self.authority().scan(family, pattern, cursor, about).await
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        self.authority().increment(key, increment).await
    }

    async fn usage(&self, keys: &[String]) -> Result<Vec<Usage>, StoreError> {
        self.authority().usage(keys).await
    }

    async fn sizes(&self, keys: &[String]) -> Result<Vec<Option<u64>>, StoreError> {
        self.authority().sizes(keys).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        self.authority().connection()
    }

    async fn hear(&self) -> Result<(), StoreError> {
        self.authority().hear().await
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.authority().watch(watcher)
    }

    fn tiers(&self) -> Vec<TierStats> {
        self.shared.levels.iter().map(Level::stats).collect()
    }

    fn events(&self) -> Option<Arc<dyn EventLog>> {
        self.authority().events()
    }

    async fn settle(&self) {
        self.flush().await;
        join_all(self.shared.levels.iter().map(|level| level.store.settle())).await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.authority().ping().await
    }
}

#[cfg(test)]
mod tests;
