//! Connecting: URL, TLS, prefix and version.

use std::time::Duration;

use larder_core::{Store as _, StoreError};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo as _, TlsCertificates};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::address::{name_shown, secrets, shown};
use crate::store::{Keyspace, RedisStore};

/// How long a connection may take to be made. Longer than one call's time budget: the call goes on
/// without the store, and the connection is there for the next one.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// After how long without an answer from the other machine the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(5);

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
    url: String,
    prefix: String,
    version: String,
    root_certificates: Option<Vec<u8>>,
    start_degraded: bool,
}

impl std::fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("url", &shown(&self.url))
            .field("prefix", &name_shown(&self.prefix))
            .field("version", &name_shown(&self.version))
            .finish_non_exhaustive()
    }
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "larder".to_owned(),
            version: "v1".to_owned(),
            root_certificates: None,
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
        self.root_certificates = Some(pem.into());
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
        mistakes.extend(self.client().err());
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
    /// address, with the same prefix and version. Names of machines are taken as they are written.
    #[must_use]
    pub fn shares_keys_with(&self, other: &Self) -> bool {
        let place = |builder: &Self| {
            let info = builder.url.as_str().into_connection_info().ok()?;
            Some((info.addr().to_string(), info.redis_settings().db()))
        };
        (&self.prefix, &self.version) == (&other.prefix, &other.version)
            && place(self).is_some_and(|here| place(other) == Some(here))
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
        let (client, connection) = self.connection()?;
        let store = RedisStore::new(
            client,
            connection,
            shown(&self.url),
            secrets(&self.url),
            Keyspace::new(&self.prefix, &self.version),
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

    fn client(&self) -> Result<Client, ConnectError> {
        let unusable = |error: redis::RedisError| ConnectError::Url {
            url: shown(&self.url),
            reason: redacted(&error, &secrets(&self.url)),
        };
        let info = self.url.as_str().into_connection_info().map_err(unusable)?;
        let tcp = TcpSettings::default().set_nodelay(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let tcp = tcp.set_user_timeout(SILENCE);
        let info = info.set_tcp_settings(tcp);
        match &self.root_certificates {
            Some(pem) => {
                // The client takes a file without any for one that trusts nobody.
                readable(pem).map_err(|reason| ConnectError::Certificates {
                    url: shown(&self.url),
                    reason,
                })?;
                choose_crypto();
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: Some(pem.clone()),
                };
                Client::build_with_tls(info, certificates).map_err(|error| {
                    ConnectError::Certificates {
                        url: shown(&self.url),
                        reason: redacted(&error, &secrets(&self.url)),
                    }
                })
            }
            None => {
                if self.url.starts_with("rediss") {
                    choose_crypto();
                }
                Client::open(info).map_err(unusable)
            }
        }
    }

    /// What connects, and what the commands go through.
    fn connection(&self) -> Result<(Client, ConnectionManager), ConnectError> {
        // No retries inside a call: one that meets a dead server fails at once, and the next one
        // tries again. No response timeout: the caller has a time budget.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None);
        let client = self.client()?;
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config);
        let connection = connection.map_err(|error| ConnectError::Url {
            url: shown(&self.url),
            reason: redacted(&error, &secrets(&self.url)),
        })?;
        Ok((client, connection))
    }
}

/// Whether there are certificates in a PEM file.
fn readable(pem: &[u8]) -> Result<(), String> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        certificate.map_err(|error| error.to_string())?;
        count += 1;
    }
    match count {
        0 => Err("there is no certificate in PEM format in it".to_owned()),
        _ => Ok(()),
    }
}

/// rustls panics at the first connection if it has no crypto provider, or two to choose from. An
/// application that has chosen one keeps it.
fn choose_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What the client says, without anything secret in it.
pub(crate) fn redacted(error: &redis::RedisError, secrets: &[String]) -> String {
    let mut text = error.to_string();
    for secret in secrets {
        text = text.replace(secret, "…");
    }
    text
}
