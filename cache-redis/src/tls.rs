//! TLS: whom to trust, and what to show.

use redis::{Client, ClientTlsConfig, ConnectionInfo, RedisResult, TlsCertificates};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Certificates as they were given, in PEM.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Whom to trust instead of whom the system trusts.
    pub(crate) roots: Option<Vec<u8>>,
    /// The client's own certificate, and its key.
    pub(crate) own: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// What is wrong with them, for addresses with TLS or without. The client takes a file without any
    /// certificate for one that trusts nobody.
    pub(crate) fn check(&self, has_tls: bool) -> Result<(), String> {
        if self.is_given() && !has_tls {
            return Err("without TLS they have no meaning: write `rediss://`".to_owned());
        }
        if let Some(roots) = &self.roots {
            certificates(roots)?;
        }
        if let Some((certificate, key)) = &self.own {
            certificates(certificate)?;
            PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| "there is no key in PEM format in the client's key".to_owned())?;
        }
        Ok(())
    }

    /// The server as it is to be connected to.
    pub(crate) fn apply(&self, server: ConnectionInfo) -> RedisResult<ConnectionInfo> {
        match self.given() {
            Some(certificates) => {
                let client = Client::build_with_tls(server, certificates)?;
                Ok(client.get_connection_info().clone())
            }
            None => Ok(server),
        }
    }

    /// As the client takes them, if there are any.
    pub(crate) fn given(&self) -> Option<TlsCertificates> {
        self.is_given().then(|| TlsCertificates {
            client_tls: self
                .own
                .clone()
                .map(|(client_cert, client_key)| ClientTlsConfig {
                    client_cert,
                    client_key,
                }),
            root_cert: self.roots.clone(),
        })
    }

    fn is_given(&self) -> bool {
        self.roots.is_some() || self.own.is_some()
    }
}

/// Whether there are certificates in a PEM file.
fn certificates(pem: &[u8]) -> Result<(), String> {
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
pub(crate) fn choose_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
