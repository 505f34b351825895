// A store in a map: what a store must do and nothing else, to begin one's own from.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use larder_core::slot::{self, SlotHead};
use larder_core::store::{
    Advance, Capabilities, Claim, Expected, Family, Filled, Increment, Incremented, Lease,
    LeaseRequest, Leased, Nonce, OWN_SCOPE, Part, Patch, Reading, Scan, Scopes,
};
use larder_core::{Pattern, Store, StoreError};

/// A handle on a part of the map.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) space: Arc<Mutex<Space>>,
    pub(crate) capabilities: Capabilities,
}

#[derive(Debug, Default)]
pub(crate) struct Space {
    slots: BTreeMap<String, Vec<u8>>,
    generations: HashMap<String, Nonce>,
}

impl Shelf {
    /// The part of the map called `space`. A server would do this with a prefix.
    pub(crate) fn open(space: &str) -> Self {
        static SPACES: LazyLock<Mutex<HashMap<String, Arc<Mutex<Space>>>>> =
            LazyLock::new(Mutex::default);
        let mut spaces = SPACES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities.increment = true;
        Self {
            space: Arc::clone(spaces.entry(space.to_owned()).or_default()),
            capabilities,
        }
    }

    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Space {
    fn current(&self, scopes: &[String]) -> Vec<Option<Nonce>> {
        scopes
            .iter()
            .map(|scope| self.generations.get(scope).copied())
            .collect()
    }

    /// The slot, if this token is in it.
    fn held(&mut self, key: &str, token: Nonce) -> Option<&mut Vec<u8>> {
        let slot = self.slots.get_mut(key)?;
        (SlotHead::parse(slot)?.token == Some(token)).then_some(slot)
    }

    /// The slot, if this entry is in it.
    fn entry(&mut self, key: &str, identity: Nonce) -> Option<&mut Vec<u8>> {
        let slot = self.slots.get_mut(key)?;
        (SlotHead::parse(slot)?.identity == Some(identity)).then_some(slot)
    }
}

fn now() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

fn end_of(lasts: Duration) -> u64 {
    now().saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX))
}

/// Puts a token, and the end of its lease, into the head of a slot.
fn put_lease(slot: &mut [u8], token: Nonce, ends: u64) {
    slot[slot::TOKEN..slot::LEASE_END].copy_from_slice(&token.0);
    slot[slot::LEASE_END..slot::KIND].copy_from_slice(&ends.to_be_bytes());
}

/// The token in a slot, if its lease has not ended.
fn live_token(slot: &[u8]) -> Option<Nonce> {
    let ends = slot.get(slot::LEASE_END..slot::KIND)?.try_into().ok()?;
    (u64::from_be_bytes(ends) > now()).then_some(SlotHead::parse(slot)?.token?)
}

#[async_trait::async_trait]
impl Store for Shelf {
    fn name(&self) -> &str {
        "shelf"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        let space = self.space();
        Ok(Reading {
            slot: space.slots.get(key).cloned(),
            generations: match scopes {
                Scopes::Named(scopes) => space.current(scopes),
                // It does not look into entries, and is asked again.
                Scopes::Stored => Vec::new(),
            },
        })
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        Ok(self.space().current(scopes))
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        let mut space = self.space();
        let slot = space.slots.get(key).map(Vec::as_slice).unwrap_or_default();
        let identity = SlotHead::parse(slot).and_then(|head| head.identity);
        let is_expected = match (request.expected, identity) {
            (Expected::Anything, _) => true,
            (Expected::NoEntry, identity) => identity.is_none(),
            (Expected::Entry(expected), identity) => identity == Some(expected),
        };
        if !is_expected {
            return Ok(Leased::Changed);
        }
        let token = match live_token(slot) {
            _ if request.claim == Claim::Replacing => request.token,
            None => request.token,
            Some(token) if token == request.token => token,
            Some(token) if request.claim == Claim::Shared && !token.is_own() => token,
            Some(token) if token.yields() => request.token,
            Some(_) => return Ok(Leased::Held),
        };
        if token == request.token {
            let ends = end_of(request.lasts);
            match space.slots.get_mut(key).filter(|_| identity.is_some()) {
                Some(slot) => put_lease(slot, token, ends),
                None => {
                    let lease = SlotHead::bare_lease(token, ends);
                    space.slots.insert(key.to_owned(), lease);
                }
            }
        }
        for scope in request.scopes {
            space
                .generations
                .entry(scope.clone())
                .or_insert_with(Nonce::random);
        }
        let generations = space.current(request.scopes);
        Ok(Leased::Granted(Lease {
            token,
            generations,
            over: identity,
        }))
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        if let Some(slot) = self.space().held(key, token) {
            put_lease(slot, token, end_of(lasts));
        }
        Ok(())
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        let mut space = self.space();
        if let Some(slot) = space.held(key, token) {
            put_lease(slot, Nonce::ZERO, 0);
            if SlotHead::parse(slot).is_some_and(|head| head.identity.is_none()) {
                space.slots.remove(key);
            }
        }
        Ok(())
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        _scopes: &[String],
        _ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        // Nothing is ever evicted here: who reads refuses what has expired.
        match self.space().held(key, token) {
            Some(slot) => {
                *slot = entry.to_vec();
                Ok(Filled::Stored)
            }
            None => Ok(Filled::Overtaken),
        }
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let mut space = self.space();
        for scope in scopes {
            space.generations.remove(scope);
        }
        for key in keys {
            space.slots.remove(key);
        }
        Ok(())
    }

    async fn copy(
        &self,
        key: &str,
        entry: &[u8],
        _ttl: Option<Duration>,
    ) -> Result<(), StoreError> {
        // Like a fill, it leaves expired entries to their readers.
        self.space().slots.insert(key.to_owned(), entry.to_vec());
        Ok(())
    }

    async fn advance(
        &self,
        steps: &[Advance],
        _ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        let mut space = self.space();
        let mut current = Vec::new();
        for step in steps {
            if space.generations.get(&step.scope).copied() == step.from {
                space.generations.insert(step.scope.clone(), step.to);
            }
            current.push(space.generations.get(&step.scope).copied());
        }
        Ok(current)
    }

    async fn slots(
        &self,
        keys: &[String],
        _part: Part,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let space = self.space();
        Ok(keys
            .iter()
            .map(|key| space.slots.get(key).cloned())
            .collect())
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        Ok(Reading {
            slot: self.space().slots.remove(key),
            generations: Vec::new(),
        })
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let mut space = self.space();
        let mut removed = 0;
        for (key, identity) in entries {
            let Some(slot) = space.entry(key, *identity) else {
                continue;
            };
            match live_token(slot) {
                // The lease stays, with nothing under it.
                Some(_) => {
                    slot[slot::IDENTITY..slot::TOKEN].fill(0);
                    slot[slot::KIND] = 0;
                    slot.truncate(slot::KIND + 1);
                }
                None => {
                    space.slots.remove(key);
                }
            }
            removed += 1;
        }
        Ok(removed)
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        let mut space = self.space();
        let Some(slot) = space.entry(key, patch.identity) else {
            return Ok(false);
        };
        for (at, bytes) in patch.bytes {
            slot[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Ok(true)
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        if !self.capabilities.scan {
            return Err(self.unsupported("going through its keys"));
        }
        let space = self.space();
        let of_family: Vec<&str> = match family {
            Family::Slots => space.slots.keys().map(String::as_str).collect(),
            Family::OwnScopes => {
                let scopes = space.generations.keys();
                let mut keys: Vec<&str> = scopes
                    .filter_map(|scope| scope.strip_prefix(OWN_SCOPE))
                    .collect();
                keys.sort_unstable();
                keys
            }
        };
        let mut keys: Vec<String> = of_family
            .into_iter()
            .filter(|key| cursor.is_none_or(|cursor| *key > cursor))
            .filter(|key| key.starts_with(pattern.qualifier()))
            .take(about.max(1))
            .map(str::to_owned)
            .collect();
        keys.sort();
        let next = keys.last().cloned();
        Ok(Scan { keys, next })
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        if !self.capabilities.increment {
            return Err(self.unsupported("counting"));
        }
        let Increment {
            identity,
            at,
            kind,
            by,
        } = increment;
        let mut space = self.space();
        let Some(slot) = space.entry(key, identity) else {
            return Ok(Incremented::Changed);
        };
        let end = at + kind.width();
        let Some(number) = slot.get(at..end).and_then(|bytes| kind.read(bytes)) else {
            return Ok(Incremented::Changed);
        };
        let Some(sum) = number.checked_add(by) else {
            return Ok(Incremented::Overflow);
        };
        let wide = sum.to_be_bytes();
        let bytes = &wide[8 - kind.width()..];
        if kind.read(bytes) != Some(sum) {
            return Ok(Incremented::Overflow);
        }
        slot[at..end].copy_from_slice(bytes);
        let complement: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        slot[end..end + complement.len()].copy_from_slice(&complement);
        Ok(Incremented::To(sum))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
