//! Redis: what must be said of it, and of it alone.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use larder_core::Store;
use larder_redis::{ConnectError, RedisStore, RedisStoreBuilder};

use super::file;
use super::mistake::Mistakes;
use super::setting::{Rank, Said, Setting, Uri};
use super::store::{Adapter, Asked};

/// All authorities that a system trusts are a quarter of this.
const MOST_CERTIFICATES: u64 = 1024 * 1024;

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
    let address = asked.address("redis://localhost:6379/0", mistakes)?;
    let uri = address.uris().first()?;
    note_plain(asked, address, uri, mistakes);
    let store = builder(asked, uri, mistakes);
    for error in store.check() {
        let key = match &error {
            ConnectError::Name { what, .. } => what,
            ConnectError::Certificates { .. } => "root_certificates",
            _ => address.key,
        };
        let said = asked.said(key).unwrap_or(address);
        mistakes.note(&said.place, || unusable(said, &error));
    }
    Some(Box::new(store))
}

/// Notes what is for TLS, where there is none.
fn note_plain(asked: &Asked<'_>, address: &Said, uri: &Uri, mistakes: &mut Mistakes) {
    for key in ["root_certificates", "client_certificate", "client_key"] {
        // Who overrides the address with one without TLS need not take them away.
        if let Some(said) = asked.said(key)
            && said.rank >= address.rank.max(Rank::File)
            && !is_tls(uri)
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
fn builder(asked: &Asked<'_>, uri: &Uri, mistakes: &mut Mistakes) -> RedisStoreBuilder {
    let mut store = RedisStore::builder(&uri.0);
    for said in asked.effective {
        store = match &said.setting {
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            Some(Setting::RootCertificates(path)) if is_tls(uri) => {
                match pem(said, path, mistakes) {
                    Some(pem) => store.root_certificates(pem),
                    None => store,
                }
            }
            _ => store,
        };
    }
    store
}

fn pem(said: &Said, path: &Path, mistakes: &mut Mistakes) -> Option<Vec<u8>> {
    file::bytes(path, MOST_CERTIFICATES)
        .map_err(|error| {
            mistakes.note(&said.place, || {
                format!("`{}` cannot be read: {error}", said.word)
            });
        })
        .ok()
}

fn is_tls(uri: &Uri) -> bool {
    uri.0.starts_with("rediss:")
}

/// What is wrong with a setting, without its value if a variable gave that.
fn unusable(said: &Said, error: &ConnectError) -> String {
    match (said.key, error) {
        // The address is someone else's setting, and may be hidden.
        (_, ConnectError::Certificates { reason, .. }) => {
            format!("`root_certificates` cannot be used: {reason}")
        }
        _ if !said.is_hidden => error.to_string(),
        ("uri" | "urls", _) => format!(
            "`{}` is not a Redis URL: it looks like `redis://user:password@host:6379/0`; what variables put into it is not shown",
            said.word
        ),
        (key, _) => format!(
            "`{key}` may have only letters, digits, `-`, `_` and `.`; what variables put into it is not shown"
        ),
    }
}
