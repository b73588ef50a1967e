//! TLS 1.3 towards a deployment, with its own authority and, where it asks for one, a client certificate.

use super::deployment::Tls;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What a client shows and believes. Relative files start at `home`.
///
/// # Errors
/// Says which file does not hold what it should.
pub fn client(tls: &Tls, home: &Path) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&home.join(&tls.ca))? {
        roots.add(certificate).map_err(|e| format!("{}: no authority: {e}", tls.ca.display()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| format!("failed to set TLS 1.3 up: {e}"))?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(&home.join(certificate))?;
    let path = home.join(key);
    let secret = PrivateKeyDer::from_pem_file(&path).map_err(|e| format!("{}: no private key: {e}", path.display()))?;
    builder.with_client_auth_cert(chain, secret).map_err(|e| format!("{}: {e}", certificate.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |e| format!("{}: no certificate: {e}", path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(format!("{}: no certificate in it", path.display())) } else { Ok(found) }
}
