//! WebDAV servers, and web servers that only read.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use larder_core::blobs::{Blob, Blobs, Name, When};
use larder_core::store::{Capabilities, Family, Scan};
use larder_core::{Clock, Pattern, StoreError};
use object_store::http::{HttpBuilder, HttpStore as WebDav};
use object_store::path::Path;
use object_store::{ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, PutMode};
use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;

use crate::address;
use crate::connector::no_retries;
use crate::error::ConnectError;
use crate::keyspace::{Range, shown};
use crate::objects::{Listed, Objects, Page};
use crate::settings::Settings;

/// A web server as a store of copies: a WebDAV server, or one that only reads, such as a CDN in front
/// of a bucket that an [`S3Store`](crate::S3Store) of another process fills.
///
/// HTTP has no conditional writes that servers agree on, so there are no leases and no generations
/// here ([`Capabilities::copies_only`]): it is a tier below a store that has them. On a server that
/// only reads, every copy is refused ([`StoreError::Refused`]), and so is every deletion; what it
/// serves is still never stale, because entries are valid by their generations. A server must answer
/// 404 for what it does not have.
///
/// ```no_run
/// use larder_object::HttpStore;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let copies = HttpStore::builder("https://dav.example.org/cache").prefix("shop").connect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpStore {
    objects: Arc<Objects<WebDav>>,
}

impl HttpStore {
    /// Sets up a store on the server at `url`: `https://user:password@host/path`.
    pub fn builder(url: impl Into<String>) -> HttpStoreBuilder {
        HttpStoreBuilder {
            url: url.into(),
            settings: Settings::default(),
        }
    }

    /// Deletes every copy whose time is over, and says how many. It reads the first bytes of every
    /// object, and needs a WebDAV server. What somebody puts in the very moment that what was there
    /// before is deleted is lost, which costs a load.
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
    pub fn client(&self) -> &WebDav {
        &self.objects.server
    }
}

impl fmt::Debug for HttpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStore")
            .field("name", &self.objects.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Blobs for HttpStore {
    /// What nothing is compared with.
    type Version = Option<String>;

    fn name(&self) -> &str {
        &self.objects.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.scan = true;
        capabilities.copies_only = true;
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
        match when {
            When::Anything => self.objects.put(name, bytes, PutMode::Overwrite, ttl).await,
            When::Absent | When::Is(_) => Err(StoreError::Unsupported {
                store: self.objects.name.to_string(),
                operation: "conditional writes",
            }),
        }
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
        // Nothing is called so. Whether there is a folder to look at depends on the server.
        match self.objects.server.head(&Path::from("!")).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.objects.failed(&error)),
        }
    }
}

#[async_trait]
impl Listed for WebDav {
    /// A server gives the whole folder at once.
    async fn page(
        &self,
        folder: &str,
        beginning: &str,
        after: Option<&str>,
        about: usize,
    ) -> object_store::Result<Page> {
        let listed = self.list_with_delimiter(Some(&Path::from(folder))).await?;
        let mut objects: Vec<String> = listed
            .objects
            .iter()
            .filter_map(|object| object.location.filename())
            .filter(|name| name.starts_with(beginning) && after.is_none_or(|after| *name > after))
            .map(str::to_owned)
            .collect();
        objects.sort_unstable();
        let has_more = objects.len() > about;
        objects.truncate(about);
        Ok(Page { objects, has_more })
    }
}

/// Sets up an [`HttpStore`].
#[derive(Clone)]
pub struct HttpStoreBuilder {
    url: String,
    settings: Settings,
}

impl fmt::Debug for HttpStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStoreBuilder")
            .field("url", &address::shown(&self.url))
            .field("prefix", &shown(&self.settings.keyspace.prefix))
            .field("version", &shown(&self.settings.keyspace.version))
            .finish_non_exhaustive()
    }
}

impl HttpStoreBuilder {
    /// The first part of every object's path; `larder` unless set.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.keyspace.prefix = prefix.into();
        self
    }

    /// The second part of every object's path; `v1` unless set. A new one starts with an empty cache.
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

    /// Starts even if the server cannot be reached: until it can, every lookup goes on without it.
    #[must_use]
    pub fn start_degraded(mut self, allowed: bool) -> Self {
        self.settings.start_degraded = allowed;
        self
    }

    /// Everything that is wrong, as far as it can be known without the server.
    ///
    /// ```
    /// use larder_object::HttpStore;
    ///
    /// let mistaken = HttpStore::builder("ftp://localhost").prefix("our shop");
    /// assert_eq!(mistaken.check().len(), 2);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<ConnectError> {
        let mut mistakes = self.settings.keyspace.check();
        mistakes.extend(address::parse(&self.url).err());
        mistakes.extend(self.settings.client(&address::shown(&self.url)).err());
        mistakes
    }

    /// Whether both would keep entries under the same names: at the same URL, with the same prefix
    /// and version. Names of machines are taken as they are written.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        let place = |builder: &Self| {
            let url = address::parse(&builder.url).ok().map(address::plain);
            (url, builder.settings.keyspace.base())
        };
        place(self) == place(other)
    }

    /// Makes the client, and checks that the server answers.
    ///
    /// # Errors
    /// [`ConnectError`]; with [`start_degraded`](Self::start_degraded) not for a server that cannot
    /// be reached.
    pub async fn connect(self) -> Result<HttpStore, ConnectError> {
        if let Some(mistake) = self.check().into_iter().next() {
            return Err(mistake);
        }
        let url = address::parse(&self.url)?;
        let name = address::shown(&self.url);
        let is_plain = url.scheme() == "http";
        let options = self.settings.client(&name)?.with_allow_http(is_plain);
        let server = HttpBuilder::new()
            .with_client_options(signed_in(options, &url))
            .with_url(address::plain(url))
            .with_retry(no_retries())
            .with_http_connector(self.settings.connector())
            .build()
            .map_err(|error| ConnectError::Settings {
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
        settings.greet(HttpStore { objects }).await
    }
}

/// Sends user and password of the URL with every request. The client itself would drop them.
fn signed_in(options: ClientOptions, url: &Url) -> ClientOptions {
    let user = percent_decode_str(url.username());
    let password = percent_decode_str(url.password().unwrap_or_default());
    let pair: Vec<u8> = user.chain([b':']).chain(password).collect();
    if pair.len() == 1 {
        return options;
    }
    let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
    match HeaderValue::try_from(basic) {
        Ok(mut value) => {
            value.set_sensitive(true);
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            options.with_default_headers(headers)
        }
        // Base64 is always a header.
        Err(_) => options,
    }
}
