//! Connecting: URL, prefix and version.

use std::fmt;
use std::time::Duration;

use larder_core::StoreError;
use larder_core::blobs::Blobs as _;

use crate::address::{self, name_shown, shown};
use crate::keyspace::Keyspace;
use crate::pool::Connections;
use crate::store::MemcachedStore;

/// How long the server may take to answer for the first time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How many characters a prefix or version may have: a key has 250 with all that is in it.
const LONGEST_NAME: usize = 64;

/// How many connections there are at most, unless the builder says so.
const CONNECTIONS: usize = 16;

/// Why a [`MemcachedStore`] could not be made.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a memcached server.
    #[error("`{url}` is not a memcached URL ({reason}): it looks like `memcached://host:11211`")]
    Url {
        /// The URL, as far as it may be shown.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The prefix or version is too long, or has characters that would be taken for structure.
    #[error(
        "the {what} `{text}` may have only letters, digits, `-`, `_` and `.`, at most {LONGEST_NAME} of them"
    )]
    Name {
        /// `prefix` or `version`.
        what: &'static str,
        /// What was given, as far as it may be shown: `…` where it looks like an address.
        text: String,
    },
    /// The server does not answer.
    #[error(
        "{0}; start it, or allow a start without it (`start_degraded`, CACHE_START_DEGRADED=true)"
    )]
    Unreachable(#[source] StoreError),
    /// The server is there and cannot be used: it is too old, or none of memcached's.
    #[error(transparent)]
    Refused(StoreError),
}

/// Sets up a [`MemcachedStore`].
#[derive(Clone)]
pub struct MemcachedStoreBuilder {
    url: String,
    prefix: String,
    version: String,
    connections: usize,
    start_degraded: bool,
}

impl fmt::Debug for MemcachedStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStoreBuilder")
            .field("url", &shown(&self.url))
            .field("prefix", &name_shown(&self.prefix))
            .field("version", &name_shown(&self.version))
            .finish_non_exhaustive()
    }
}

impl MemcachedStoreBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "larder".to_owned(),
            version: "v1".to_owned(),
            connections: CONNECTIONS,
            start_degraded: false,
        }
    }

    /// The first part of every key; `larder` unless set. Applications that share a server each take
    /// their own.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The second part of every key; `v1` unless set. A new one starts with an empty cache.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// How many connections there are at most; 16 unless set, at least one. Each does one thing at a
    /// time, so this is how many calls are under way at once; others wait.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// Starts even if the server cannot be reached: until it can, every lookup loads.
    #[must_use]
    pub fn start_degraded(mut self, allowed: bool) -> Self {
        self.start_degraded = allowed;
        self
    }

    /// Everything that is wrong, as far as it can be known without the server.
    ///
    /// ```
    /// use larder_memcached::MemcachedStore;
    ///
    /// let mistaken = MemcachedStore::builder("memcached://localhost:port").prefix("our shop");
    /// assert_eq!(mistaken.check().len(), 2);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<ConnectError> {
        let mut mistakes = self.misnamed();
        mistakes.extend(self.address().err());
        mistakes
    }

    /// Whether both would keep entries under the same keys: at the same address, with the same prefix
    /// and version. Names of machines are taken as they are written.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        (&self.prefix, &self.version) == (&other.prefix, &other.version)
            && address::parse(&self.url).is_ok_and(|here| address::parse(&other.url) == Ok(here))
    }

    /// Connects, and checks that the server answers.
    ///
    /// # Errors
    /// [`ConnectError`]; with [`start_degraded`](Self::start_degraded) not for a server that cannot be
    /// reached.
    pub async fn connect(self) -> Result<MemcachedStore, ConnectError> {
        if let Some(error) = self.misnamed().into_iter().next() {
            return Err(error);
        }
        let store = MemcachedStore::new(
            Connections::pool(self.address()?, self.connections),
            Keyspace::new(&self.prefix, &self.version),
            shown(&self.url),
        );
        if !self.start_degraded {
            let answer = tokio::time::timeout(ANSWERS_WITHIN, store.ping()).await;
            let answer = answer.unwrap_or_else(|_| {
                Err(StoreError::Timeout {
                    store: store.name().to_owned(),
                    budget: ANSWERS_WITHIN,
                })
            });
            answer.map_err(|error| match error {
                StoreError::Refused { .. } => ConnectError::Refused(error),
                other => ConnectError::Unreachable(other),
            })?;
        }
        Ok(store)
    }

    fn address(&self) -> Result<String, ConnectError> {
        address::parse(&self.url).map_err(|reason| ConnectError::Url {
            url: shown(&self.url),
            reason,
        })
    }

    fn misnamed(&self) -> Vec<ConnectError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        [("prefix", &self.prefix), ("version", &self.version)]
            .into_iter()
            .filter(|(_, text)| {
                let fits = (1..=LONGEST_NAME).contains(&text.len());
                !fits || !text.chars().all(is_plain)
            })
            .map(|(what, text)| ConnectError::Name {
                what,
                text: name_shown(text),
            })
            .collect()
    }
}
