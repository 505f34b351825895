//! A store with one defect.

use std::time::Duration;

use larder_core::store::{
    Advance, Capabilities, Claim, Expected, Family, Filled, Increment, Incremented, LeaseRequest,
    Leased, Nonce, Part, Patch, Reading, Scan, Scopes,
};
use larder_core::{Pattern, Store, StoreError};

use crate::shelf::Shelf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    FillsWithoutALease,
    SharesLocks,
    LeavesLeases,
    ExpectsNothing,
    KeepsGenerations,
    AdvancesFromAnything,
    AdvancesInWords,
    LetsNothingYield,
    ReusesGenerations,
    MixesGenerations,
    TakesTwice,
    RemovesAnything,
    PatchesAnything,
    SkipsKeys,
    PromisesTooMuch,
    CountsInAByte,
    CutsKeys,
    IgnoresCase,
}

#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) shelf: Shelf,
    pub(crate) defect: Defect,
}

impl Broken {
    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn key(&self, key: &str) -> String {
        match self.defect {
            Defect::CutsKeys => key.chars().take(250).collect(),
            Defect::IgnoresCase => key.to_lowercase(),
            _ => key.to_owned(),
        }
    }

    fn generations_of(&self, mut generations: Vec<Option<Nonce>>) -> Vec<Option<Nonce>> {
        if self.has(Defect::ReusesGenerations) {
            for generation in generations.iter_mut().flatten() {
                *generation = Nonce([7; 16]);
            }
        }
        if self.has(Defect::MixesGenerations) {
            generations.reverse();
        }
        generations
    }

    async fn identity(&self, key: &str) -> Result<Option<Nonce>, StoreError> {
        let slot = self.shelf.read(key, Scopes::Named(&[])).await?.slot;
        Ok(slot.and_then(|slot| larder_core::slot::SlotHead::parse(&slot)?.identity))
    }
}

#[async_trait::async_trait]
impl Store for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    fn capabilities(&self) -> Capabilities {
        self.shelf.capabilities()
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        let mut reading = self.shelf.read(&self.key(key), scopes).await?;
        reading.generations = self.generations_of(reading.generations);
        Ok(reading)
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        Ok(self.generations_of(self.shelf.generations(scopes).await?))
    }

    async fn lease(&self, key: &str, mut request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        if self.has(Defect::SharesLocks) && request.claim == Claim::Exclusive {
            request.claim = Claim::Shared;
            request.token = Nonce::token(Claim::Shared);
        }
        if self.has(Defect::LetsNothingYield) && request.token.yields() {
            request.token = Nonce::token(Claim::Shared);
        }
        if self.has(Defect::ExpectsNothing) {
            request.expected = Expected::Anything;
        }
        let mut leased = self.shelf.lease(&self.key(key), request).await?;
        if let Leased::Granted(lease) = &mut leased {
            lease.generations = self.generations_of(std::mem::take(&mut lease.generations));
        }
        Ok(leased)
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        self.shelf.renew(&self.key(key), token, lasts).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        self.shelf.release(&self.key(key), token).await
    }

    async fn fill(
        &self,
        key: &str,
        mut token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        if self.has(Defect::FillsWithoutALease) {
            token = Nonce::token(Claim::Replacing);
            let request = LeaseRequest {
                token,
                claim: Claim::Replacing,
                expected: Expected::Anything,
                lasts: Duration::from_secs(1),
                scopes: &[],
                ttl: None,
            };
            self.shelf.lease(key, request).await?;
        }
        self.shelf
            .fill(&self.key(key), token, entry, scopes, ttl)
            .await
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let scopes = if self.has(Defect::KeepsGenerations) {
            &[]
        } else {
            scopes
        };
        if self.has(Defect::LeavesLeases) {
            // Only entries go.
            for key in keys {
                if let Some(identity) = self.identity(key).await? {
                    self.shelf.remove(&[(key.clone(), identity)]).await?;
                }
            }
            return self.shelf.invalidate(scopes, &[]).await;
        }
        let keys: Vec<String> = keys.iter().map(|key| self.key(key)).collect();
        self.shelf.invalidate(scopes, &keys).await
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.shelf.copy(&self.key(key), entry, ttl).await
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        let mut steps = steps.to_vec();
        if self.has(Defect::AdvancesFromAnything) {
            let scopes: Vec<String> = steps.iter().map(|step| step.scope.clone()).collect();
            let current = self.shelf.generations(&scopes).await?;
            for (step, current) in steps.iter_mut().zip(current) {
                step.from = current;
            }
        }
        if self.has(Defect::AdvancesInWords) {
            return Ok(steps.iter().map(|step| Some(step.to)).collect());
        }
        self.shelf.advance(&steps, ttl).await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let keys: Vec<String> = keys.iter().map(|key| self.key(key)).collect();
        self.shelf.slots(&keys, part).await
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        if self.has(Defect::TakesTwice) {
            return self.shelf.read(key, Scopes::Stored).await;
        }
        let mut reading = self.shelf.take(&self.key(key)).await?;
        reading.generations = self.generations_of(reading.generations);
        Ok(reading)
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        let mut found = Vec::new();
        for (key, identity) in entries {
            let identity = if self.has(Defect::RemovesAnything) {
                self.identity(key).await?.unwrap_or(*identity)
            } else {
                *identity
            };
            found.push((self.key(key), identity));
        }
        self.shelf.remove(&found).await
    }

    async fn patch(&self, key: &str, mut patch: Patch<'_>) -> Result<bool, StoreError> {
        if self.has(Defect::PatchesAnything) {
            patch.identity = self.identity(key).await?.unwrap_or(patch.identity);
        }
        self.shelf.patch(&self.key(key), patch).await
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        if self.has(Defect::PromisesTooMuch) {
            return Err(self.unsupported("going through its keys"));
        }
        let mut scan = self.shelf.scan(family, pattern, cursor, about).await?;
        if self.has(Defect::SkipsKeys) {
            scan.keys.pop();
        }
        Ok(scan)
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        if self.has(Defect::PromisesTooMuch) {
            return Err(self.unsupported("counting"));
        }
        let by = if self.has(Defect::CountsInAByte) {
            increment.by % 256
        } else {
            increment.by
        };
        self.shelf
            .increment(&self.key(key), Increment { by, ..increment })
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.shelf.ping().await
    }
}
