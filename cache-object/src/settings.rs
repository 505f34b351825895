//! What the stores on a server have in common in their setup.

use std::future::Future;
use std::time::Duration;

use larder_core::{Clock, Store, StoreError};
use object_store::{Certificate, ClientOptions};

use crate::connector::{CONNECT_WITHIN, Connector, options};
use crate::error::ConnectError;
use crate::keyspace::Keyspace;
use crate::objects::longest_object;

/// How large an entry may be, unless said otherwise: 64 MiB.
pub(crate) const MAX_ENTRY_SIZE: u64 = 64 << 20;

/// How long a page of a list may be.
const LONGEST_PAGE: u64 = 16 << 20;

/// After how long without an answer a server counts as one that is not there, at the start.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) keyspace: Keyspace,
    pub(crate) root_certificates: Option<Vec<u8>>,
    pub(crate) max_entry_size: u64,
    pub(crate) start_degraded: bool,
    pub(crate) clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keyspace: Keyspace::default(),
            root_certificates: None,
            max_entry_size: MAX_ENTRY_SIZE,
            start_degraded: false,
            clock: Clock::default(),
        }
    }
}

impl Settings {
    /// How the client connects to `store`.
    pub(crate) fn client(&self, store: &str) -> Result<ClientOptions, ConnectError> {
        let Some(pem) = &self.root_certificates else {
            return Ok(options());
        };
        let unusable = |reason| ConnectError::Certificates {
            store: store.to_owned(),
            reason,
        };
        let certificates = Certificate::from_pem_bundle(pem)
            .map_err(|_| unusable("they are not in PEM format".to_owned()))?;
        if certificates.is_empty() {
            let reason = "there is no certificate in PEM format in it";
            return Err(unusable(reason.to_owned()));
        }
        let trusting = certificates.into_iter();
        // Instead of the system's, as with the other stores.
        Ok(trusting.fold(
            options().with_no_system_certificates(true),
            ClientOptions::with_root_certificate,
        ))
    }

    /// What makes the client's connections.
    pub(crate) fn connector(&self) -> Connector {
        let longest = longest_object(self.max_entry_size).max(LONGEST_PAGE);
        Connector {
            longest_answer: usize::try_from(longest).unwrap_or(usize::MAX),
        }
    }

    /// Checks that a store answers, unless it may be started without.
    pub(crate) async fn greet<S: Store>(&self, store: S) -> Result<S, ConnectError> {
        if !self.start_degraded {
            within(store.name(), store.ping()).await?;
        }
        Ok(store)
    }
}

async fn within(
    store: &str,
    answer: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let budget = CONNECT_WITHIN + ANSWERS_WITHIN;
    tokio::time::timeout(budget, answer)
        .await
        .unwrap_or_else(|_| {
            Err(StoreError::Timeout {
                store: store.to_owned(),
                budget,
            })
        })
}
