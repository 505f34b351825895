//! A store that a cache or a layer keeps its entries in: which one, and how it is opened.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use larder_core::Store;

use super::key;
#[cfg(feature = "memcached")]
use super::memcached;
use super::mistake::{Mistakes, Place};
use super::nearest::shown;
#[cfg(any(feature = "file", feature = "http", feature = "s3"))]
use super::object;
use super::plan::Plan;
#[cfg(feature = "redis")]
use super::redis;
use super::setting::{Provider, Rank, Said, Uri};
use super::words::Words;

/// A store that can be opened.
pub(super) struct StorePlan {
    #[cfg(test)]
    provider: Provider,
    adapter: Box<dyn Adapter>,
    /// Where it was said where it is.
    place: Place,
    /// Whether it is on this machine.
    pub(super) is_local: bool,
}

/// A store of one kind, set up.
pub(super) trait Adapter: Any + Send {
    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be used, without anything secret.
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Arc<dyn Store>, String>>;

    /// Whether both would keep entries under the same keys.
    fn shares_keys_with(&self, other: &dyn Any) -> bool;
}

/// What is asked of an adapter.
pub(super) struct Asked<'a> {
    pub(super) provider: Provider,
    pub(super) effective: &'a [&'a Said],
    /// Who says where it is.
    pub(super) whereabouts: &'a Said,
}

/// Sets a store up as it is asked for, unless it cannot be, which is noted.
type SetUp = fn(&Asked<'_>, &mut Mistakes) -> Option<Box<dyn Adapter>>;

/// The function of an adapter, where its feature is on.
macro_rules! with_feature {
    ($feature:literal, $set_up:path) => {{
        #[cfg(feature = $feature)]
        let set_up: Option<SetUp> = Some($set_up);
        #[cfg(not(feature = $feature))]
        let set_up: Option<SetUp> = None;
        ($feature, set_up)
    }};
}

/// Who sets up such stores, and the feature that it is behind.
fn adapter(provider: Provider) -> Option<(&'static str, Option<SetUp>)> {
    Some(match provider {
        Provider::Memory | Provider::Off => return None,
        Provider::Redis | Provider::RedisCluster | Provider::RedisSentinel => {
            with_feature!("redis", redis::set_up)
        }
        Provider::Memcached => with_feature!("memcached", memcached::set_up),
        Provider::S3 => with_feature!("s3", object::s3),
        Provider::File => with_feature!("file", object::file),
        Provider::Http => with_feature!("http", object::http),
    })
}

/// The store that the settings ask for, unless they cannot be used, which is noted.
pub(super) fn store(asked: &Asked<'_>, mistakes: &mut Mistakes) -> Option<StorePlan> {
    let whereabouts = asked.whereabouts;
    let (feature, set_up) = adapter(asked.provider)?;
    let Some(set_up) = set_up else {
        mistakes.note(&whereabouts.place, || {
            format!(
                "`{}` wants `{}`, which {}",
                whereabouts.word,
                asked.provider.name(),
                key::needs_feature(feature)
            )
        });
        return None;
    };
    Some(StorePlan {
        #[cfg(test)]
        provider: asked.provider,
        adapter: set_up(asked, mistakes)?,
        place: whereabouts.place.clone(),
        is_local: asked.is_local(),
    })
}

impl<'a> Asked<'a> {
    pub(super) fn said(&self, key: &str) -> Option<&'a Said> {
        self.effective.iter().find(|said| said.key == key).copied()
    }

    fn is_local(&self) -> bool {
        match self.provider {
            Provider::File => true,
            Provider::S3 => self
                .said("endpoint")
                .is_some_and(|said| said.uris().iter().all(Uri::is_local)),
            _ => ["uri", "urls"]
                .iter()
                .filter_map(|key| self.said(key))
                .flat_map(Said::uris)
                .all(Uri::is_local),
        }
    }
}

impl StorePlan {
    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be used, without anything secret.
    pub(super) async fn open(self) -> Result<Arc<dyn Store>, String> {
        self.adapter.open().await
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn shares_keys_with(&self, other: &Self) -> bool {
        let other: &dyn Any = &*other.adapter;
        self.adapter.shares_keys_with(other)
    }
}

/// Notes caches and layers that would keep their entries under each other's keys.
pub(super) fn note_shared_keys(plans: &[Plan], mistakes: &mut Mistakes) {
    let stores = plans.iter().flat_map(|plan| {
        let stores = plan.stores();
        stores.map(move |(layer, store)| {
            let called = match layer {
                None => format!("cache `{}`", plan.name),
                Some(layer) => format!("layer `{layer}` of cache `{}`", plan.name),
            };
            (called, store)
        })
    });
    let stores: Vec<_> = stores.collect();
    for (at, (called, store)) in stores.iter().enumerate() {
        let mut before = stores[..at].iter();
        if let Some((twin, _)) = before.find(|(_, other)| other.shares_keys_with(store)) {
            mistakes.note(&store.place, || {
                format!(
                    "{twin} and {called} would share their keys: they have the same server, database, prefix and version; give {called} a `prefix` of its own"
                )
            });
        }
    }
}

/// Notes addresses that are no store's.
pub(super) fn note_strange_addresses(words: &Words<'_>, mistakes: &mut Mistakes) {
    let is_http = words.provider(Rank::Code) == Some(Provider::Http);
    for said in words.effective() {
        if !matches!(said.key, "uri" | "urls") {
            continue;
        }
        for uri in said.uris() {
            if uri.provider().is_none() && !(is_http && is_web(uri)) {
                mistakes.note(&said.place, || no_store(said, uri, is_http));
            }
        }
    }
}

fn is_web(uri: &Uri) -> bool {
    matches!(uri.scheme(), Some("http" | "https"))
}

fn no_store(said: &Said, uri: &Uri, is_http: bool) -> String {
    let begins = match uri.scheme() {
        Some(scheme) if !said.is_hidden => {
            format!("begins with `{}://`, which is no store", shown(scheme))
        }
        _ => "is no store's address".to_owned(),
    };
    let word = said.word;
    if is_http {
        return format!("`{word}` {begins}: `http` has `http://` or `https://`");
    }
    format!("`{word}` {begins}: use `redis://`, `rediss://`, `memcached://` or `memory`")
}
