//! Why a store could not be made.

use larder_core::StoreError;

/// Why a store could not be made. Shows addresses without what is secret in them.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of an HTTP server.
    #[error("`{url}` is no address of a server ({reason}): it looks like `https://host/path`")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bucket cannot be called so.
    #[error(
        "`{bucket}` is no name of a bucket: it has 3 to 63 lowercase letters, digits, `-` and `.`"
    )]
    Bucket {
        /// What was given, as far as it may be shown.
        bucket: String,
    },
    /// The prefix or version has characters that would be taken for structure.
    #[error(
        "the {what} `{text}` may have only letters, digits, `-`, `_` and `.`, and not begin with `.`"
    )]
    Name {
        /// `prefix` or `version`.
        what: &'static str,
        /// What was given, as far as it may be shown: `…` where it looks like an address.
        text: String,
    },
    /// The certificates cannot be used.
    #[error("the certificates for `{store}` cannot be used: {reason}")]
    Certificates {
        /// The store's name.
        store: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The folder cannot be one.
    #[error("`{path}` cannot hold a cache: {reason}")]
    Folder {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The settings, or what the environment adds to them, do not fit together.
    #[error("`{store}` cannot be set up: {reason}")]
    Settings {
        /// The store's name.
        store: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The server does not answer, or the folder cannot be used.
    #[error(
        "{0}; start it, or allow a start without it (`start_degraded`, CACHE_START_DEGRADED=true)"
    )]
    Unreachable(#[source] StoreError),
    /// The server is there and says no: a wrong key, a bucket that it does not have.
    #[error(transparent)]
    Refused(StoreError),
}

impl From<StoreError> for ConnectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { .. } => Self::Refused(error),
            other => Self::Unreachable(other),
        }
    }
}
