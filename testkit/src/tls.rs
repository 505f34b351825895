//! A certificate authority and a server certificate for loopback, made anew for every server.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The files that a server with TLS reads, and the authority that its clients must trust.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) ca_path: PathBuf,
    pub(crate) cert_path: PathBuf,
    pub(crate) key_path: PathBuf,
}

impl Certificates {
    /// Writes `ca.pem`, `cert.pem` (for 127.0.0.1 and localhost) and `key.pem` into `dir`.
    pub(crate) fn create_in(dir: &Path) -> Self {
        let (ca_pem, cert_pem, key_pem) = issue().expect("issue certificates for loopback");
        let write = |name: &str, pem: &str| {
            let path = dir.join(name);
            fs::write(&path, pem).expect("write a certificate into the server's folder");
            path
        };
        Self {
            ca_path: write("ca.pem", &ca_pem),
            cert_path: write("cert.pem", &cert_pem),
            key_path: write("key.pem", &key_pem),
            ca_pem,
        }
    }
}

/// The authority's certificate, the server's certificate and the server's key, as PEM.
fn issue() -> Result<(String, String, String), rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "larder testkit authority");
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let authority = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    leaf.distinguished_name
        .push(DnType::CommonName, "localhost");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let cert_pem = leaf.signed_by(&leaf_key, &authority)?.pem();
    Ok((ca_pem, cert_pem, leaf_key.serialize_pem()))
}
