//! S3, local files and HTTP: what must be said of them, and of them alone.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use larder_core::Store;
use larder_object::ConnectError;
#[cfg(feature = "file")]
use larder_object::{FileStore, FileStoreBuilder};
#[cfg(feature = "http")]
use larder_object::{HttpStore, HttpStoreBuilder};
#[cfg(feature = "s3")]
use larder_object::{S3Store, S3StoreBuilder};

use super::mistake::Mistakes;
#[cfg(feature = "s3")]
use super::setting::Secret;
use super::setting::Setting;
#[cfg(feature = "file")]
use super::setting::Size;
use super::store::{Adapter, Asked};

const NAMES: &str = "may have only letters, digits, `-`, `_` and `.`, and not begin with `.`";

/// What all three builders can do.
macro_rules! adapter {
    ($builder:ty) => {
        impl Adapter for $builder {
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
    };
}

#[cfg(feature = "file")]
adapter!(FileStoreBuilder);
#[cfg(feature = "http")]
adapter!(HttpStoreBuilder);
#[cfg(feature = "s3")]
adapter!(S3StoreBuilder);

/// The bucket that is asked for, unless it cannot be used, which is noted.
#[cfg(feature = "s3")]
pub(super) fn s3(asked: &Asked<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Adapter>> {
    let Setting::Bucket(bucket) = asked.needed("bucket", "my-cache-bucket", mistakes)? else {
        return None;
    };
    let mut store = S3Store::builder(bucket);
    let (mut key, mut secret) = (None, None);
    for said in asked.effective {
        store = match &said.setting {
            Some(Setting::Region(region)) => store.region(region),
            Some(Setting::Endpoint(endpoint)) => store.endpoint(&endpoint.0),
            Some(Setting::AccessKey(Secret(text))) => {
                key = Some(text);
                store
            }
            Some(Setting::SecretKey(Secret(text))) => {
                secret = Some(text);
                store
            }
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            Some(Setting::RootCertificates(path)) => match asked.pem(said, path, mistakes) {
                Some(pem) => store.root_certificates(pem),
                None => store,
            },
            _ => store,
        };
    }
    if let (Some(key), Some(secret)) = (key, secret) {
        store = store.access_keys(key, secret);
    }
    asked.note_half("access_key_id", "secret_access_key", mistakes);
    note_all(asked, store.check(), "endpoint", mistakes);
    Some(Box::new(store))
}

/// The folder that is asked for, unless it cannot be one, which is noted.
#[cfg(feature = "file")]
pub(super) fn file(asked: &Asked<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Adapter>> {
    let Setting::Path(path) = asked.needed("path", "/var/cache/shop", mistakes)? else {
        return None;
    };
    let mut store = FileStore::builder(path);
    for said in asked.effective {
        store = match &said.setting {
            Some(Setting::MaxSize(Size::Plain(bytes) | Size::Bytes(bytes))) => {
                store.max_size(*bytes)
            }
            Some(Setting::KeepOverReboots(kept)) => store.keep_over_reboots(*kept),
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            _ => store,
        };
    }
    note_all(asked, store.check(), "path", mistakes);
    Some(Box::new(store))
}

/// The web server that is asked for, unless it cannot be used, which is noted.
#[cfg(feature = "http")]
pub(super) fn http(asked: &Asked<'_>, mistakes: &mut Mistakes) -> Option<Box<dyn Adapter>> {
    let address = asked.address("https://cdn.example.org/cache", mistakes)?;
    let mut store = HttpStore::builder(&address.uris().first()?.0);
    for said in asked.effective {
        store = match &said.setting {
            Some(Setting::Prefix(prefix)) => store.prefix(prefix),
            Some(Setting::Version(version)) => store.version(version),
            Some(Setting::StartDegraded(allowed)) => store.start_degraded(*allowed),
            Some(Setting::RootCertificates(path)) => match asked.pem(said, path, mistakes) {
                Some(pem) => store.root_certificates(pem),
                None => store,
            },
            _ => store,
        };
    }
    note_all(asked, store.check(), address.key, mistakes);
    Some(Box::new(store))
}

/// Notes what the adapter finds wrong; `address` is the key of its URL.
fn note_all(
    asked: &Asked<'_>,
    errors: Vec<ConnectError>,
    address: &'static str,
    mistakes: &mut Mistakes,
) {
    for error in errors {
        let (key, what) = match &error {
            ConnectError::Name { what, .. } => (*what, NAMES),
            ConnectError::Bucket { .. } => ("bucket", "is no name of a bucket"),
            ConnectError::Certificates { .. } => ("root_certificates", "cannot be used"),
            ConnectError::Folder { reason, .. } if reason.contains("`max_size`") => {
                ("max_size", "is too small")
            }
            _ => (address, "cannot be used"),
        };
        asked.note_unusable(key, &error, what, mistakes);
    }
}
