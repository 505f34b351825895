//! Redis: what must be said of it, and of it alone.

use larder_redis::{ConnectError, RedisStore, RedisStoreBuilder};

use super::file;
use super::mistake::{Mistakes, Place};
use super::plan::{self, Store};
use super::setting::{Provider, Said, Setting, Uri};

/// All authorities that a system trusts are a quarter of this.
const MOST_CERTIFICATES: u64 = 1024 * 1024;

/// A Redis store that can be connected to.
pub(super) struct Plan {
    pub(super) store: RedisStoreBuilder,
    /// Where it was said where it is.
    place: Place,
}

/// The store that the settings ask for, unless they cannot be used, which is noted. `whereabouts` is
/// the one that says that it is Redis.
pub(super) fn redis(
    effective: &[&Said],
    whereabouts: &Said,
    mistakes: &mut Mistakes,
) -> Option<Store> {
    let said = |key: &str| effective.iter().find(|said| said.key == key).copied();
    let Some(address) = said("uri") else {
        mistakes.note(&whereabouts.place, || {
            "`provider` is `redis`, which needs a `uri`, like `redis://localhost:6379/0`".to_owned()
        });
        return None;
    };
    let uri = address.uri()?;
    match uri.provider()? {
        Provider::Redis => {}
        Provider::Memory | Provider::Off => {
            mistakes.note(&address.place, || {
                "`uri` is process memory's, but `provider` is `redis`: leave one of them out"
                    .to_owned()
            });
            return None;
        }
    }
    if let Some(above) = said("compress_above")
        && said("compression").is_none()
    {
        mistakes.note(&above.place, || {
            "`compress_above` has no meaning without `compression`: say which one".to_owned()
        });
    }
    if let Some(certificates) = said("root_certificates")
        && certificates.rank >= address.rank
        && !is_tls(uri)
    {
        mistakes.note(&certificates.place, || {
            "`root_certificates` has no meaning without TLS: its `uri` begins with `rediss://`"
                .to_owned()
        });
    }
    let store = store(uri, effective, mistakes);
    for error in store.check() {
        let key = match &error {
            ConnectError::Name { what, .. } => what,
            ConnectError::Certificates { .. } => "root_certificates",
            _ => "uri",
        };
        let said = said(key).unwrap_or(address);
        mistakes.note(&said.place, || unusable(said, &error));
    }
    Some(Store::Redis(Box::new(Plan {
        store,
        place: whereabouts.place.clone(),
    })))
}

/// Notes caches that would keep their entries under each other's keys.
pub(super) fn note_shared_keys(plans: &[plan::Plan], mistakes: &mut Mistakes) {
    for (at, plan) in plans.iter().enumerate() {
        let Store::Redis(redis) = &plan.store else {
            continue;
        };
        let twin = plans[..at].iter().find(|other| match &other.store {
            Store::Redis(other) => other.store.shares_keys_with(&redis.store),
            Store::Memory | Store::Off => false,
        });
        if let Some(twin) = twin {
            mistakes.note(&redis.place, || {
                format!(
                    "caches `{}` and `{}` would share their keys: they have the same server, database, prefix and version; give `{}` a `prefix` of its own",
                    twin.name, plan.name, plan.name
                )
            });
        }
    }
}

/// The store, without the certificates if they cannot be read, which is noted.
fn store(uri: &Uri, said: &[&Said], mistakes: &mut Mistakes) -> RedisStoreBuilder {
    let mut store = RedisStore::builder(&uri.0);
    for said in said {
        store = match &said.setting {
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            // Who overrides the address with one without TLS need not take them away.
            Some(Setting::RootCertificates(path)) if is_tls(uri) => {
                match file::bytes(path, MOST_CERTIFICATES) {
                    Ok(pem) => store.root_certificates(pem),
                    Err(error) => {
                        mistakes.note(&said.place, || {
                            format!("`root_certificates` cannot be read: {error}")
                        });
                        store
                    }
                }
            }
            _ => store,
        };
    }
    store
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
        ("uri", _) => "`uri` is not a Redis URL: it looks like `redis://user:password@host:6379/0`; what variables put into it is not shown".to_owned(),
        (key, _) => format!(
            "`{key}` may have only letters, digits, `-`, `_` and `.`; what variables put into it is not shown"
        ),
    }
}
