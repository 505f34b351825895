//! S3, and what speaks its language.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use larder_core::blobs::{Blob, Blobs, Name, When};
use larder_core::store::{Capabilities, Family, Scan};
use larder_core::{Clock, Pattern, StoreError};
use object_store::aws::{
    AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, S3ConditionalPut,
};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::{PutMode, StaticCredentialProvider, UpdateVersion};

use crate::connector::no_retries;
use crate::error::ConnectError;
use crate::keyspace::{Range, shown};
use crate::objects::{Listed, Objects, Page};
use crate::settings::Settings;
use crate::{address, keyspace};

/// A bucket of S3, or of a server that is compatible with it and has conditional writes (`If-Match`
/// and `If-None-Match` on `PutObject`), as a store.
///
/// Objects are called `prefix/version/slots/…` and `prefix/version/generations/…`. An object has no
/// end of its own in S3, so it is noted in it, and [`cleanup_expired`](Self::cleanup_expired) deletes
/// those that are over. The process needs permission to get, put, delete and list objects.
///
/// ```no_run
/// use larder_core::Cache;
/// use larder_object::S3Store;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = S3Store::builder("my-cache-bucket")
///     .endpoint("http://127.0.0.1:9000")
///     .prefix("shop")
///     .connect()
///     .await?;
/// let cache = Cache::builder().store(store).build();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct S3Store {
    objects: Arc<Objects<AmazonS3>>,
}

impl S3Store {
    /// Sets up a store in a bucket.
    pub fn builder(bucket: impl Into<String>) -> S3StoreBuilder {
        S3StoreBuilder {
            bucket: bucket.into(),
            endpoint: None,
            region: None,
            access_keys: None,
            settings: Settings::default(),
        }
    }

    /// Deletes every entry, lease and generation whose time is over, and says how many. It reads the
    /// first bytes of every object, so it is for once an hour or once a day. What somebody puts in
    /// the very moment that what was there before is deleted is lost, which costs a load.
    ///
    /// ```no_run
    /// # async fn run(store: larder_object::S3Store) {
    /// use std::time::Duration;
    ///
    /// tokio::spawn(async move {
    ///     let mut hourly = tokio::time::interval(Duration::from_secs(3_600));
    ///     loop {
    ///         hourly.tick().await;
    ///         if let Err(error) = store.cleanup_expired().await {
    ///             eprintln!("{error}");
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the server. What was deleted until then stays deleted; the next call goes on.
    ///
    /// # Cancellation
    /// Dropping the future leaves the rest for the next call.
    pub async fn cleanup_expired(&self) -> Result<u64, StoreError> {
        self.objects.cleanup_expired().await
    }

    /// The client, for what larder does not wrap.
    #[must_use]
    pub fn client(&self) -> &AmazonS3 {
        &self.objects.server
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("name", &self.objects.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Blobs for S3Store {
    /// The ETag, which is another one at each put because the bytes are.
    type Version = Option<String>;

    fn name(&self) -> &str {
        &self.objects.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities
    }

    async fn get(
        &self,
        names: &[Name<'_>],
    ) -> Result<Vec<Option<Blob<Self::Version>>>, StoreError> {
        self.objects.get(names).await
    }

    async fn put(
        &self,
        name: Name<'_>,
        bytes: &[u8],
        when: When<Self::Version>,
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        let mode = match when {
            When::Anything => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            When::Is(e_tag) => PutMode::Update(UpdateVersion {
                e_tag,
                version: None,
            }),
        };
        self.objects.put(name, bytes, mode, ttl).await
    }

    async fn delete(&self, names: &[Name<'_>]) -> Result<(), StoreError> {
        self.objects.delete(names).await
    }

    async fn list(
        &self,
        family: Family,
        pattern: &Pattern,
        cursor: Option<&str>,
        about: usize,
    ) -> Result<Scan, StoreError> {
        let range = Range::of(family, pattern);
        self.objects.list(&range, cursor, about).await
    }

    fn connection(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.clone()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let page = self.objects.server.page("", "", None, 1);
        page.await
            .map(drop)
            .map_err(|error| self.objects.failed(&error))
    }
}

#[async_trait]
impl Listed for AmazonS3 {
    async fn page(
        &self,
        folder: &str,
        beginning: &str,
        after: Option<&str>,
        about: usize,
    ) -> object_store::Result<Page> {
        let prefix = format!("{folder}{beginning}");
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions {
                offset: after.map(|after| format!("{folder}{after}")),
                max_keys: Some(about),
                page_token,
                ..PaginatedListOptions::default()
            };
            let found = self.list_paginated(Some(&prefix), options).await?;
            page_token = found.page_token;
            let objects: Vec<String> = found
                .result
                .objects
                .iter()
                .filter_map(|object| object.location.as_ref().strip_prefix(folder))
                .map(str::to_owned)
                .collect();
            // A page may be empty although it is not the last one.
            if !objects.is_empty() || page_token.is_none() {
                return Ok(Page {
                    objects,
                    has_more: page_token.is_some(),
                });
            }
        }
    }
}

/// Sets up an [`S3Store`].
#[derive(Clone)]
pub struct S3StoreBuilder {
    bucket: String,
    endpoint: Option<String>,
    region: Option<String>,
    access_keys: Option<(String, String)>,
    settings: Settings,
}

impl fmt::Debug for S3StoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3StoreBuilder")
            .field("store", &self.name())
            .field("prefix", &shown(&self.settings.keyspace.prefix))
            .field("version", &shown(&self.settings.keyspace.version))
            .finish_non_exhaustive()
    }
}

impl S3StoreBuilder {
    /// The server, `https://host:port`; Amazon's unless set here or in `AWS_ENDPOINT_URL_S3` or
    /// `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The region; `us-east-1` unless set here or in `AWS_REGION`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The access key and its secret. Unless set, they come from where Amazon's tools take them:
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a web identity, the container or the machine.
    #[must_use]
    pub fn access_keys(mut self, key: impl Into<String>, secret: impl Into<String>) -> Self {
        self.access_keys = Some((key.into(), secret.into()));
        self
    }

    /// The first part of every object's name; `larder` unless set. Applications that share a bucket
    /// each take their own.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.keyspace.prefix = prefix.into();
        self
    }

    /// The second part of every object's name; `v1` unless set. A new one starts with an empty cache.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.settings.keyspace.version = version.into();
        self
    }

    /// Trusts these certificates (PEM) instead of the system's.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.root_certificates = Some(pem.into());
        self
    }

    /// How many bytes an entry may have; 64 MiB unless set. What is larger is not stored, and what
    /// turns out to be larger is not read.
    #[must_use]
    pub fn max_entry_size(mut self, bytes: u64) -> Self {
        self.settings.max_entry_size = bytes;
        self
    }

    /// The clock by which objects end; the system's unless set. For tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Starts even if the server cannot be reached: until it can, every lookup loads.
    #[must_use]
    pub fn start_degraded(mut self, allowed: bool) -> Self {
        self.settings.start_degraded = allowed;
        self
    }

    /// Everything that is wrong, as far as it can be known without the server.
    ///
    /// ```
    /// use larder_object::S3Store;
    ///
    /// let mistaken = S3Store::builder("My Bucket").endpoint("localhost:9000").prefix("our shop");
    /// assert_eq!(mistaken.check().len(), 3);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<ConnectError> {
        let mut mistakes = self.settings.keyspace.check();
        if !is_bucket(&self.bucket) {
            mistakes.push(ConnectError::Bucket {
                bucket: shown(&self.bucket),
            });
        }
        mistakes.extend(self.endpoint.as_deref().and_then(|url| endpoint(url).err()));
        mistakes.extend(self.settings.client(&self.name()).err());
        mistakes
    }

    /// Whether both would keep entries under the same names: in the same bucket at the same endpoint,
    /// with the same prefix and version. Names of machines are taken as they are written.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        let place = |builder: &Self| {
            let keyspace = builder.settings.keyspace.base();
            (builder.bucket.clone(), builder.endpoint.clone(), keyspace)
        };
        place(self) == place(other)
    }

    /// Makes the client, and checks that the bucket answers.
    ///
    /// # Errors
    /// [`ConnectError`]; with [`start_degraded`](Self::start_degraded) not for a server that cannot
    /// be reached.
    pub async fn connect(self) -> Result<S3Store, ConnectError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let name = self.name();
        // Endpoint, region and keys from the environment, unless they are given.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_retry(no_retries())
            .with_http_connector(self.settings.connector())
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        if let Some(url) = &self.endpoint {
            // The one that goes before every other.
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint(url)?);
        }
        let is_plain = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .into_iter()
            .find_map(|key| builder.get_config_value(&key))
            .is_some_and(|url| url.starts_with("http:"));
        let options = self.settings.client(&name)?.with_allow_http(is_plain);
        builder = builder.with_client_options(options);
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some((key, secret)) = &self.access_keys {
            // As a whole: a session token from the environment belongs to other keys.
            let credential = AwsCredential {
                key_id: key.clone(),
                secret_key: secret.clone(),
                token: None,
            };
            let provider = StaticCredentialProvider::new(credential);
            builder = builder.with_credentials(Arc::new(provider));
        }
        let server = builder.build().map_err(|error| ConnectError::Settings {
            store: name.clone(),
            reason: error.to_string(),
        })?;
        let settings = &self.settings;
        let objects = Arc::new(Objects::new(
            server,
            name,
            &settings.keyspace,
            settings.clock.clone(),
            settings.max_entry_size,
        ));
        settings.greet(S3Store { objects }).await
    }

    /// `s3://bucket`, or the bucket's URL at another server.
    fn name(&self) -> String {
        let bucket = keyspace::shown(&self.bucket);
        match &self.endpoint {
            Some(url) => format!("{}/{bucket}", address::shown(url)),
            None => format!("s3://{bucket}"),
        }
    }
}

/// The endpoint as the client takes it.
fn endpoint(url: &str) -> Result<String, ConnectError> {
    let parsed = address::parse(url)?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(ConnectError::Url {
            url: address::shown(url),
            reason: "keys belong into `access_keys`, or into the environment".to_owned(),
        });
    }
    Ok(address::plain(parsed))
}

fn is_bucket(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (3..=63).contains(&name.len())
        && name.chars().all(is_plain)
        && is_edge(name.chars().next())
        && is_edge(name.chars().last())
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let builder = S3Store::builder("larder")
            .endpoint("http://ada:hunter2@localhost:9000")
            .access_keys("the-key", "hunter2");
        let shown = format!("{builder:?} {:?}", builder.check());
        assert!(
            !shown.contains("hunter2") && !shown.contains("the-key"),
            "{shown}"
        );
    }

    #[test]
    fn a_bucket_is_named_as_s3_wants_it() {
        for name in ["abc", "my-cache.bucket-1", &"a".repeat(63)] {
            assert!(is_bucket(name), "{name}");
        }
        for name in [
            "",
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            "a..b",
            "a/b",
            &"a".repeat(64),
        ] {
            assert!(!is_bucket(name), "{name}");
        }
    }
}
