//! TLS 1.3 towards a deployment, with its own authority and, where it asks for one, a client certificate; and what a
//! gateway must not take: TLS 1.2, no certificate, a stranger's.

use super::deployment::Tls;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sim::chain::Digest;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// Which certificate a client shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// Its own, if it has one.
    Own,
    /// None.
    Nobody,
    /// One that it signed itself, with the same right.
    Stranger,
}

/// What a client shows and believes. Relative files start at `home`.
///
/// # Errors
/// Says which file does not hold what it should.
pub fn client(tls: &Tls, home: &Path) -> Result<ClientConfig, String> {
    client_as(tls, home, Identity::Own, &TLS13)
}

/// The same as somebody else, or in another version.
///
/// # Errors
/// As [`client`].
pub fn client_as(
    tls: &Tls,
    home: &Path,
    identity: Identity,
    version: &'static SupportedProtocolVersion,
) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&home.join(&tls.ca))? {
        roots.add(certificate).map_err(|e| format!("{}: no authority: {e}", tls.ca.display()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .map_err(|e| format!("failed to set TLS up: {e}"))?
        .with_root_certificates(roots);
    let (chain, secret) = match (identity, &tls.certificate, &tls.key) {
        (Identity::Own, Some(certificate), Some(key)) => own(&home.join(certificate), &home.join(key))?,
        (Identity::Stranger, ..) => stranger()?,
        _ => return Ok(builder.with_no_client_auth()),
    };
    let named = tls.certificate.as_deref().unwrap_or(Path::new("a certificate of nobody"));
    builder.with_client_auth_cert(chain, secret).map_err(|e| format!("{}: {e}", named.display()))
}

/// How tokens name a certificate that they are bound to (RFC 8705, section 3.1): the digest of the first one in a file.
///
/// # Errors
/// There is none.
pub fn thumbprint(certificate: &Path) -> Result<String, String> {
    let chain = certificates(certificate)?;
    let first = chain.first().ok_or_else(|| format!("{}: no certificate in it", certificate.display()))?;
    Ok(URL_SAFE_NO_PAD.encode(Digest::of(first).as_ref()))
}

type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own(certificate: &Path, key: &Path) -> Result<Shown, String> {
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| format!("{}: no private key: {e}", key.display()))?;
    Ok((chain, secret))
}

/// A certificate that nobody but its holder signed.
fn stranger() -> Result<Shown, String> {
    let failed = |e: rcgen::Error| format!("failed to make a certificate: {e}");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(failed)?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(str::to_owned)?;
    Ok((vec![made.cert.der().clone()], key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |e| format!("{}: no certificate: {e}", path.display());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(format!("{}: no certificate in it", path.display())) } else { Ok(found) }
}
