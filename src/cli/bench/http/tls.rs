//! HTTPS: whom to believe at the other end.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Which certificates of a service are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CertificateTrust<'a> {
    /// Those that lead to an authority on Mozilla's list.
    WebPkiRoots,
    /// Those that stand in a file in PEM, or lead to one that does.
    PemFile(&'a Path),
    /// All of them.
    SkipVerification,
}

/// How connections to a service that is believed so are made.
pub(super) fn client_config(trust: CertificateTrust<'_>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match trust {
        CertificateTrust::WebPkiRoots => {
            let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
            builder.with_root_certificates(roots.collect::<RootCertStore>())
        }
        CertificateTrust::PemFile(path) => builder.with_root_certificates(load_roots(path)?),
        CertificateTrust::SkipVerification => {
            let anybody = NoVerification(provider.signature_verification_algorithms);
            let builder = builder.dangerous();
            builder.with_custom_certificate_verifier(Arc::new(anybody))
        }
    };
    Ok(builder.with_no_client_auth())
}

fn load_roots(path: &Path) -> anyhow::Result<RootCertStore> {
    let name = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("--cacert {name} cannot be read"))?;
    ensure!(
        !certificates.is_empty(),
        "--cacert {name} holds no certificate in PEM"
    );
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .with_context(|| format!("--cacert {name} holds a certificate that cannot be used"))?;
    }
    Ok(roots)
}

/// Believes whatever certificate is shown, but not that somebody has its key who has not.
#[derive(Debug)]
struct NoVerification(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
