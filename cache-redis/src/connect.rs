//! Connecting: URL, TLS, prefix and version.

use std::time::Duration;

use larder_core::{Store as _, StoreError};

use crate::address::{Address, name_shown, secrets, shown};
use crate::connection::{Acknowledgement, Connection};
use crate::store::{Keyspace, RedisStore};
use crate::tls::Tls;

/// How long a connection may take to be made. Longer than one call's time budget: the call goes on
/// without the store, and the connection is there for the next one.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// After how long without an answer from the other machine the connection counts as lost.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// Why a [`RedisStore`] could not be made. Shows the URL without what is secret in it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a Redis server.
    #[error(
        "`{url}` is not a Redis URL ({reason}): it looks like `redis://user:password@host:6379/0`, or `rediss://` with TLS"
    )]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The prefix or version has characters that would be taken for structure.
    #[error("the {what} `{text}` may have only letters, digits, `-`, `_` and `.`")]
    Name {
        /// `prefix` or `version`.
        what: &'static str,
        /// What was given, as far as it may be shown: `…` where it looks like an address.
        text: String,
    },
    /// The certificates cannot be used.
    #[error("the certificates for `{url}` cannot be used: {reason}")]
    Certificates {
        /// The URL.
        url: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The server does not answer, or refuses.
    #[error(
        "{0}; start it, or allow a start without it (`start_degraded`, CACHE_START_DEGRADED=true)"
    )]
    Unreachable(#[source] StoreError),
    /// The server is there and says no: a wrong password, a database that it does not have.
    #[error(transparent)]
    Refused(StoreError),
}

/// Sets up a [`RedisStore`].
#[derive(Clone)]
pub struct RedisStoreBuilder {
    urls: Vec<String>,
    is_cluster: bool,
    prefix: String,
    version: String,
    tls: Tls,
    acknowledgement: Option<Acknowledgement>,
    start_degraded: bool,
}

impl std::fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("url", &shown(&self.urls))
            .field("prefix", &name_shown(&self.prefix))
            .field("version", &name_shown(&self.version))
            .finish_non_exhaustive()
    }
}

impl RedisStoreBuilder {
    pub(crate) fn new(urls: Vec<String>, is_cluster: bool) -> Self {
        Self {
            urls,
            is_cluster,
            prefix: "larder".to_owned(),
            version: "v1".to_owned(),
            tls: Tls::default(),
            acknowledgement: None,
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

    /// Trusts these certificates (PEM) for `rediss://`, instead of the system's.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(pem.into());
        self
    }

    /// Shows this certificate, with its key (both PEM), to servers that ask for one (`rediss://`).
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.own = Some((certificate.into(), key.into()));
        self
    }

    /// Lets an invalidation count only when this many replicas of each server have it (`WAIT`), so that it
    /// is not lost when a primary is, right after it. None unless set.
    ///
    /// Where fewer have it within the time, in milliseconds at least, the invalidation is kept and tried
    /// again, and this process trusts nothing that it covers: `Invalidation::Queued`. Give it less time than
    /// the cache gives the store (its time budget), which otherwise ends first.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::cluster(["redis://a:6379", "redis://b:6379"])
    ///     .wait_for_replicas(1, Duration::from_millis(50));
    /// assert!(store.check().is_empty());
    /// ```
    #[must_use]
    pub fn wait_for_replicas(mut self, count: u32, within: Duration) -> Self {
        self.acknowledgement = (count > 0).then_some(Acknowledgement {
            replicas: count,
            within,
        });
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
    /// use larder_redis::RedisStore;
    ///
    /// let mistaken = RedisStore::builder("redis://localhost:port").prefix("our shop");
    /// assert_eq!(mistaken.check().len(), 2);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<ConnectError> {
        let mut mistakes = self.misnamed();
        mistakes.extend(
            self.address()
                .and_then(|address| self.secured(&address))
                .err(),
        );
        mistakes
    }

    fn misnamed(&self) -> Vec<ConnectError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        [("prefix", &self.prefix), ("version", &self.version)]
            .into_iter()
            .filter(|(_, text)| text.is_empty() || !text.chars().all(is_plain))
            .map(|(what, text)| ConnectError::Name {
                what,
                text: name_shown(text),
            })
            .collect()
    }

    /// Whether both would keep entries under the same keys: in the same database at the same
    /// address, with the same prefix and version. Names of machines are taken as they are written; of the
    /// servers of a cluster, or sentinels, one that both name is enough.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        (&self.prefix, &self.version) == (&other.prefix, &other.version)
            && match (self.address(), other.address()) {
                (Ok(here), Ok(there)) => here.is_same_place(&there),
                _ => false,
            }
    }

    /// Connects, and checks that the server answers.
    ///
    /// # Errors
    /// [`ConnectError`]; with [`start_degraded`](Self::start_degraded) not for a server that cannot
    /// be reached.
    pub async fn connect(self) -> Result<RedisStore, ConnectError> {
        if let Some(error) = self.misnamed().into_iter().next() {
            return Err(error);
        }
        let address = self.address()?;
        let store = RedisStore::new(
            self.connection(&address)?,
            shown(&self.urls),
            secrets(&self.urls),
            Keyspace::new(&self.prefix, &self.version),
            address.is_local(),
        );
        if !self.start_degraded {
            let answer = tokio::time::timeout(CONNECT_WITHIN + SILENCE, store.ping()).await;
            let answer = answer.unwrap_or_else(|_| {
                Err(StoreError::Timeout {
                    store: store.name().to_owned(),
                    budget: CONNECT_WITHIN + SILENCE,
                })
            });
            answer.map_err(|error| match error {
                StoreError::Refused { .. } => ConnectError::Refused(error),
                other => ConnectError::Unreachable(other),
            })?;
        }
        Ok(store)
    }

    fn address(&self) -> Result<Address, ConnectError> {
        Address::parse(&self.urls, self.is_cluster).map_err(|mistaken| ConnectError::Url {
            url: shown(&[mistaken.url.to_owned()]),
            reason: without(&secrets(&self.urls), mistaken.reason),
        })
    }

    /// Whether the certificates can be used at this address.
    fn secured(&self, address: &Address) -> Result<(), ConnectError> {
        let checked = self.tls.check(address.has_tls());
        checked.map_err(|reason| ConnectError::Certificates {
            url: shown(&self.urls),
            reason,
        })
    }

    /// What the commands go through.
    fn connection(&self, address: &Address) -> Result<Connection, ConnectError> {
        self.secured(address)?;
        Connection::open(address, &self.tls, self.acknowledgement).map_err(|error| {
            ConnectError::Url {
                url: shown(&self.urls),
                reason: redacted(&error, &secrets(&self.urls)),
            }
        })
    }
}

/// What the client says, without anything secret in it.
pub(crate) fn redacted(error: &redis::RedisError, secrets: &[String]) -> String {
    without(secrets, error.to_string())
}

fn without(secrets: &[String], mut text: String) -> String {
    for secret in secrets {
        text = text.replace(secret, "…");
    }
    text
}
