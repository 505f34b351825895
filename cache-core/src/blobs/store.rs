//! The whole contract of a store, over blobs.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join;

use super::change::{change, change_slot};
use super::slot_step::Slot;
use super::{Blobs, Name, When, generation_step};
use crate::error::StoreError;
use crate::key::Pattern;
use crate::slot;
use crate::store::{
    Advance, Capabilities, Family, Filled, Increment, Incremented, LeaseRequest, Leased, Nonce,
    Part, Patch, Reading, Scan, Scopes, Store,
};

/// What compares blobs, compares their versions. Leases end by the clocks of the processes that share
/// the store: one whose clock is ahead may end another's early, which costs a load.
#[async_trait]
impl<B: Blobs> Store for B {
    fn name(&self) -> &str {
        Blobs::name(self)
    }

    fn capabilities(&self) -> Capabilities {
        let blobs = Blobs::capabilities(self);
        Capabilities {
            increment: !blobs.copies_only,
            ..blobs
        }
    }

    async fn read(&self, key: &str, scopes: Scopes<'_>) -> Result<Reading, StoreError> {
        let scopes = match scopes {
            Scopes::Named(scopes) => scopes,
            // Looking into the entry would be a second round trip here, too.
            Scopes::Stored => &[],
        };
        let mut names = vec![Name::Slot(key)];
        if compares(self) {
            names.extend(scopes.iter().map(|scope| Name::Generation(scope)));
        }
        let mut found = self.get(&names).await?.into_iter();
        let slot = found.next().flatten().map(|blob| blob.bytes);
        let mut generations: Vec<_> = found
            .map(|blob| generation_step::current(&blob?.bytes))
            .collect();
        generations.resize(scopes.len(), None);
        Ok(Reading {
            slot: slot.filter(|bytes| !bytes.is_empty()),
            generations,
        })
    }

    async fn generations(&self, scopes: &[String]) -> Result<Vec<Option<Nonce>>, StoreError> {
        if scopes.is_empty() || !compares(self) {
            return Ok(vec![None; scopes.len()]);
        }
        let found = self.get(&generations(scopes)).await?;
        Ok(found
            .into_iter()
            .map(|blob| generation_step::current(&blob?.bytes))
            .collect())
    }

    async fn lease(&self, key: &str, request: LeaseRequest<'_>) -> Result<Leased, StoreError> {
        must_compare(self, "leases")?;
        let names = generations(request.scopes);
        let (leased, generations) = try_join(
            change_slot(self, key, |slot| slot.lease(&request)),
            change(self, &names, |_, seen| {
                generation_step::begin(seen, request.ttl)
            }),
        )
        .await?;
        Ok(match leased {
            Leased::Granted(mut lease) => {
                lease.generations = generations.into_iter().map(Some).collect();
                Leased::Granted(lease)
            }
            other => other,
        })
    }

    async fn renew(&self, key: &str, token: Nonce, lasts: Duration) -> Result<(), StoreError> {
        must_compare(self, "leases")?;
        change_slot(self, key, |slot| slot.renew(token, lasts)).await
    }

    async fn release(&self, key: &str, token: Nonce) -> Result<(), StoreError> {
        must_compare(self, "leases")?;
        change_slot(self, key, |slot| slot.release(token)).await
    }

    async fn fill(
        &self,
        key: &str,
        token: Nonce,
        entry: &[u8],
        scopes: &[String],
        ttl: Option<Duration>,
    ) -> Result<Filled, StoreError> {
        must_compare(self, "fills")?;
        let names = generations(scopes);
        let (filled, _) = try_join(
            change_slot(self, key, |slot| slot.fill(token, entry, ttl)),
            change(self, &names, |_, seen| generation_step::keep(seen, ttl)),
        )
        .await?;
        Ok(filled)
    }

    async fn copy(&self, key: &str, entry: &[u8], ttl: Option<Duration>) -> Result<(), StoreError> {
        self.put(Name::Slot(key), entry, When::Anything, ttl)
            .await
            .map(drop)
    }

    async fn invalidate(&self, scopes: &[String], keys: &[String]) -> Result<(), StoreError> {
        let mut names = slots(keys);
        if compares(self) {
            names.extend(generations(scopes));
        }
        if names.is_empty() {
            return Ok(());
        }
        self.delete(&names).await
    }

    async fn advance(
        &self,
        steps: &[Advance],
        ttl: Option<Duration>,
    ) -> Result<Vec<Option<Nonce>>, StoreError> {
        must_compare(self, "generations")?;
        let names: Vec<_> = steps
            .iter()
            .map(|step| Name::Generation(&step.scope))
            .collect();
        change(self, &names, |at, seen| {
            generation_step::advance(seen, &steps[at], ttl)
        })
        .await
    }

    async fn slots(&self, keys: &[String], part: Part) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.get(&slots(keys)).await?;
        Ok(found
            .into_iter()
            .map(|blob| {
                let mut bytes = blob?.bytes;
                if part == Part::Head {
                    bytes.truncate(slot::HEAD);
                    bytes.shrink_to_fit();
                }
                Some(bytes).filter(|bytes| !bytes.is_empty())
            })
            .collect())
    }

    async fn take(&self, key: &str) -> Result<Reading, StoreError> {
        must_compare(self, "taking")?;
        Ok(Reading {
            slot: change_slot(self, key, |slot| slot.take()).await?,
            generations: Vec::new(),
        })
    }

    async fn remove(&self, entries: &[(String, Nonce)]) -> Result<u64, StoreError> {
        must_compare(self, "removing what was seen")?;
        let names: Vec<_> = entries.iter().map(|(key, _)| Name::Slot(key)).collect();
        let removed = change(self, &names, |at, seen| {
            Slot::new(seen).remove(entries[at].1)
        })
        .await?;
        Ok(removed.into_iter().map(u64::from).sum())
    }

    async fn patch(&self, key: &str, patch: Patch<'_>) -> Result<bool, StoreError> {
        must_compare(self, "changes in place")?;
        let names = generations(patch.scopes);
        let (is_changed, _) = try_join(
            change_slot(self, key, |slot| slot.patch(&patch)),
            change(self, &names, |_, seen| {
                generation_step::keep(seen, patch.ttl)
            }),
        )
        .await?;
        Ok(is_changed)
    }

    async fn scan(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        self.list(family, pattern, cursor, about).await
    }

    async fn increment(&self, key: &str, increment: Increment) -> Result<Incremented, StoreError> {
        must_compare(self, "counting")?;
        change_slot(self, key, |slot| slot.increment(&increment)).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        Blobs::connection(self)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Blobs::ping(self).await
    }
}

fn slots(keys: &[String]) -> Vec<Name<'_>> {
    keys.iter().map(|key| Name::Slot(key)).collect()
}

fn generations(scopes: &[String]) -> Vec<Name<'_>> {
    scopes.iter().map(|scope| Name::Generation(scope)).collect()
}

fn compares<B: Blobs>(blobs: &B) -> bool {
    !Blobs::capabilities(blobs).copies_only
}

fn must_compare<B: Blobs>(blobs: &B, operation: &'static str) -> Result<(), StoreError> {
    if compares(blobs) {
        return Ok(());
    }
    Err(StoreError::Unsupported {
        store: Blobs::name(blobs).to_owned(),
        operation,
    })
}
