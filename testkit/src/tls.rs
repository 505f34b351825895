//! A certificate authority, a server certificate for loopback and a client certificate.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// An authority with what it signed: for servers, which may share it, and for their clients. As PEM.
pub(crate) struct Authority {
    pub(crate) ca_pem: String,
    cert_pem: String,
    key_pem: String,
    pub(crate) client_cert_pem: String,
    pub(crate) client_key_pem: String,
}

/// The files that a server with TLS reads.
pub(crate) struct Certificates {
    pub(crate) ca_path: PathBuf,
    pub(crate) cert_path: PathBuf,
    pub(crate) key_path: PathBuf,
}

impl Authority {
    pub(crate) fn create() -> Self {
        issue().expect("issue certificates for loopback")
    }

    /// Writes `ca.pem`, `cert.pem` (for 127.0.0.1 and localhost) and `key.pem` into `dir`.
    pub(crate) fn write_into(&self, dir: &Path) -> Certificates {
        let write = |name: &str, pem: &str| {
            let path = dir.join(name);
            fs::write(&path, pem).expect("write a certificate into the server's folder");
            path
        };
        Certificates {
            ca_path: write("ca.pem", &self.ca_pem),
            cert_path: write("cert.pem", &self.cert_pem),
            key_path: write("key.pem", &self.key_pem),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn issue() -> Result<Authority, rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "larder testkit authority");
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let authority = Issuer::new(ca, ca_key);

    let sign = |names: Vec<String>, name: &str, usages| {
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.extended_key_usages = usages;
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let cert = leaf.signed_by(&key, &authority)?;
        Ok::<_, rcgen::Error>((cert.pem(), key.serialize_pem()))
    };
    let (cert_pem, key_pem) = sign(
        vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        "localhost",
        // Servers of a cluster are each other's clients.
        vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ],
    )?;
    let (client_cert_pem, client_key_pem) = sign(
        Vec::new(),
        "client",
        vec![ExtendedKeyUsagePurpose::ClientAuth],
    )?;
    Ok(Authority {
        ca_pem,
        cert_pem,
        key_pem,
        client_cert_pem,
        client_key_pem,
    })
}
