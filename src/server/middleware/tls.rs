//! TLS, with a certificate that can be replaced while connections are open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};

use super::ServerSetupError;

/// Paths of certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// The certificate in use.
pub(super) struct Tls {
    files: TlsFiles,
    current: Arc<CertResolver>,
}

/// Provides the current certificate for new connections.
#[derive(Debug)]
struct CertResolver(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for CertResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    pub(super) fn open(files: TlsFiles) -> Result<Self, ServerSetupError> {
        let current = Arc::new(CertResolver(ArcSwap::from_pointee(read_certified_key(
            &files,
        )?)));
        Ok(Self { files, current })
    }

    /// Reads the files again.
    pub(super) fn read(&self) -> Result<CertifiedKey, ServerSetupError> {
        read_certified_key(&self.files)
    }

    /// Replaces the certificate of new connections; open ones are kept.
    pub(super) fn replace(&self, certificate: CertifiedKey) {
        self.current.0.store(Arc::new(certificate));
    }

    pub(super) fn server_config(&self) -> Result<ServerConfig, Error> {
        let resolver = Arc::clone(&self.current);
        Ok(
            ServerConfig::builder_with_provider(Arc::new(crypto_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(resolver),
        )
    }
}

fn crypto_provider() -> CryptoProvider {
    ring::default_provider()
}

/// Reads both files and checks that they match.
fn read_certified_key(files: &TlsFiles) -> Result<CertifiedKey, ServerSetupError> {
    let file_error = |path: &Path, reason: String| ServerSetupError::File {
        path: path.to_owned(),
        reason,
    };
    let path = &files.certificate;
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| file_error(path, e.to_string()))?;
    if chain.is_empty() {
        return Err(file_error(
            path,
            "it contains no PEM certificate".to_owned(),
        ));
    }
    let path = &files.key;
    let key = PrivateKeyDer::from_pem_file(path).map_err(|e| file_error(path, e.to_string()))?;
    CertifiedKey::from_der(chain, key, &crypto_provider()).map_err(|e| {
        let certificate = files.certificate.display();
        file_error(
            path,
            format!("it does not match the certificate {certificate}: {e}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_certificate_is_rejected() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, two) = (make(), make());
        let certificate = write("one.pem", one.cert.pem());
        let key = write("one.key", one.signing_key.serialize_pem());
        let other = write("two.key", two.signing_key.serialize_pem());
        let empty = write("empty", String::new());
        let open = |certificate: &Path, key: &Path| {
            read_certified_key(&TlsFiles {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            })
        };
        assert!(open(&certificate, &key).is_ok());
        for (certificate, key, expected) in [
            (&certificate, &other, "does not match"),
            (&empty, &key, "no PEM certificate"),
            (&certificate, &empty, "empty"),
            (&key, &key, "no PEM certificate"),
            (&folder.path().join("absent"), &key, "absent"),
        ] {
            let error = open(certificate, key).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
