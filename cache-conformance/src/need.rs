//! What a check needs of a store, and what one that has it not must answer.

use std::fmt::Debug;

use futures_util::TryStreamExt as _;
use larder_core::{Error, Key, StoreError};

use crate::{Outcome, Subject};

/// What a store must be able to do for a check. Process memory can do all but be a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// No more than the contract.
    Contract,
    /// The store itself, without a cache in front of it: a check of the port.
    Port,
    /// Going through the keys: [`Capabilities::scan`](larder_core::store::Capabilities::scan).
    Scan,
    /// Counting in place:
    /// [`Capabilities::increment`](larder_core::store::Capabilities::increment).
    Increment,
}

impl Need {
    /// Whether the subject says that it can do this.
    pub(crate) fn is_met_by(self, subject: &Subject) -> bool {
        let Some(capabilities) = subject.capabilities() else {
            return true;
        };
        match self {
            Self::Contract | Self::Port => true,
            Self::Scan => capabilities.scan,
            Self::Increment => capabilities.increment,
        }
    }

    /// Checks that every operation that needs this says that the store cannot do it, and does
    /// nothing: so no check is skipped in silence.
    pub(crate) async fn is_refused_by(self, s: &Subject) -> Outcome {
        s.cache
            .set("key", &7_i64)
            .tags(["tag"])
            .namespace("space")
            .await?;
        let cache = &s.cache;
        match self {
            Self::Contract | Self::Port => {}
            Self::Scan => {
                is_unsupported("keys", cache.keys("*").try_collect::<Vec<_>>().await);
                is_unsupported("count", cache.count("*").await);
                is_unsupported("entries", cache.entries::<i64>("*", None, 10).await);
                is_unsupported("delete_by_pattern", cache.delete_by_pattern("*").await);
                is_unsupported(
                    "delete_by_namespace",
                    cache.delete_by_namespace("space").await,
                );
                is_unsupported("delete_by_tags", cache.delete_by_tags(["tag"]).await);
                is_unsupported("survey", cache.survey().await);
            }
            Self::Increment => {
                let increment = cache.increment("key", 1).namespace("space");
                is_unsupported("increment", increment.await);
                let decrement = cache.decrement("key", 1).namespace("space");
                is_unsupported("decrement", decrement.await);
            }
        }
        let key = Key::new("key").in_namespace("space");
        assert_eq!(
            s.other.get(&key).await?,
            Some(7_i64),
            "nothing has happened"
        );
        Ok(())
    }
}

fn is_unsupported<T: Debug>(operation: &str, outcome: Result<T, Error>) {
    assert!(
        matches!(outcome, Err(Error::Store(StoreError::Unsupported { .. }))),
        "`{operation}` needs what the store cannot do, and gives {outcome:?}"
    );
}
