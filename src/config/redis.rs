//! Redis, one server or several: what must be said of it, and of it alone.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use larder_core::Store;
use larder_redis::{ConnectError, RedisStore, RedisStoreBuilder};

use super::mistake::Mistakes;
use super::setting::{Provider, Rank, Said, Setting, Uri};
use super::store::{Adapter, Asked};

/// How long replicas may take unless it is said: well below a cache's time budget.
const WAIT_WITHIN: Duration = Duration::from_millis(100);

impl Adapter for RedisStoreBuilder {
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
    let address = asked.address(example(asked.provider), mistakes)?;
    let is_tls = address.uris().iter().all(is_tls);
    note_plain(asked, address, is_tls, mistakes);
    asked.note_half("client_certificate", "client_key", mistakes);
    if let Some(within) = asked.said("wait_within")
        && asked.said("wait_for_replicas").is_none()
    {
        mistakes.note(&within.place, || {
            "`wait_within` has no meaning without `wait_for_replicas`: say how many".to_owned()
        });
    }
    let store = builder(asked, address, is_tls, mistakes);
    for error in store.check() {
        match &error {
            ConnectError::Name { what, .. } => asked.note_unusable(
                what,
                &error,
                "may have only letters, digits, `-`, `_` and `.`",
                mistakes,
            ),
            ConnectError::Certificates { reason, .. } => {
                let keys = ["root_certificates", "client_certificate"];
                let said = keys.into_iter().find_map(|key| asked.said(key));
                let said = said.unwrap_or(address);
                // The address is someone else's setting, and may be hidden.
                mistakes.note(&said.place, || {
                    format!("`{}` cannot be used: {reason}", said.word)
                });
            }
            _ => asked.note_unusable(
                address.key,
                &error,
                "is not a Redis URL: it looks like `redis://user:password@host:6379/0`",
                mistakes,
            ),
        }
    }
    Some(Box::new(store))
}

fn example(provider: Provider) -> &'static str {
    match provider {
        Provider::RedisCluster => "redis://node1:6379,node2:6379,node3:6379",
        Provider::RedisSentinel => "redis-sentinel://host1:26379,host2:26379/name-of-the-primary",
        _ => "redis://localhost:6379/0",
    }
}

/// Notes what is for TLS, where there is none. Who overrides the address with one without TLS need not
/// take it away.
fn note_plain(asked: &Asked<'_>, address: &Said, is_tls: bool, mistakes: &mut Mistakes) {
    for key in ["root_certificates", "client_certificate", "client_key"] {
        if let Some(said) = asked.said(key)
            && said.rank >= address.rank.max(Rank::File)
            && !is_tls
        {
            mistakes.note(&said.place, || {
                format!(
                    "`{key}` has no meaning without TLS: its `{}` begins with `rediss://`",
                    address.word
                )
            });
        }
    }
}

/// The store, without the files that cannot be read, which is noted.
fn builder(
    asked: &Asked<'_>,
    address: &Said,
    is_tls: bool,
    mistakes: &mut Mistakes,
) -> RedisStoreBuilder {
    let urls = address.uris().iter().map(url);
    let mut store = match asked.provider {
        Provider::RedisCluster => RedisStore::cluster(urls),
        _ => RedisStore::builder(urls.collect::<String>()),
    };
    let (mut certificate, mut key) = (None, None);
    let (mut replicas, mut within) = (0, WAIT_WITHIN);
    for said in asked.effective {
        match &said.setting {
            Some(Setting::Prefix(prefix)) => store = store.prefix(prefix),
            Some(Setting::Version(version)) => store = store.version(version),
            Some(Setting::StartDegraded(allowed)) => store = store.start_degraded(*allowed),
            Some(Setting::WaitForReplicas(count)) => replicas = *count,
            Some(Setting::WaitWithin(limit)) => within = *limit,
            Some(Setting::RootCertificates(path)) if is_tls => {
                if let Some(pem) = asked.pem(said, path, mistakes) {
                    store = store.root_certificates(pem);
                }
            }
            Some(Setting::ClientCertificate(path)) if is_tls => {
                certificate = asked.pem(said, path, mistakes);
            }
            Some(Setting::ClientKey(path)) if is_tls => key = asked.pem(said, path, mistakes),
            _ => {}
        }
    }
    if let (Some(certificate), Some(key)) = (certificate, key) {
        store = store.client_certificate(certificate, key);
    }
    // More than there can be is no fewer than all.
    store.wait_for_replicas(u32::try_from(replicas).unwrap_or(u32::MAX), within)
}

// Input:  redis-sentinel://host/primary
// Output: redis+sentinel://host/primary
/// The URL as the adapter writes it.
fn url(uri: &Uri) -> String {
    match uri.0.split_once("-sentinel://") {
        Some((scheme @ ("redis" | "rediss"), rest)) => format!("{scheme}+sentinel://{rest}"),
        _ => uri.0.clone(),
    }
}

fn is_tls(uri: &Uri) -> bool {
    uri.0.starts_with("rediss")
}
