//! Memcached: what must be said of it, and of it alone.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use larder_core::Store;
use larder_memcached::{ConnectError, MemcachedStore, MemcachedStoreBuilder};

use super::mistake::Mistakes;
use super::setting::Setting;
use super::store::{Adapter, Asked};

impl Adapter for MemcachedStoreBuilder {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Arc<dyn Store>, String>> {
        Box::pin(async move {
            match self.connect().await {
                Ok(store) => Ok(Arc::new(store) as Arc<dyn Store>),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn shares_keys_with(&self, other: &dyn Any) -> bool {
        let other = other.downcast_ref::<Self>();
        other.is_some_and(|other| self.shares_keys_with(other))
    }
}

/// The store that is asked for, unless it cannot be made, which is noted.
pub(super) fn set_up(asked: &Asked<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Adapter>> {
    let address = asked.address("memcached://localhost:11211", mistakes)?;
    let mut store = MemcachedStore::builder(&address.uris().first()?.0);
    for said in asked.effective {
        store = match &said.setting {
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            _ => store,
        };
    }
    for error in store.check() {
        match &error {
            ConnectError::Name { what, .. } => asked.note_unusable(what, &error, NAMES, mistakes),
            _ => asked.note_unusable(
                address.key,
                &error,
                "is not a memcached URL: it looks like `memcached://host:11211`",
                mistakes,
            ),
        }
    }
    Some(Box::new(store))
}

const NAMES: &str = "may have only letters, digits, `-`, `_` and `.`, at most 64 of them";
