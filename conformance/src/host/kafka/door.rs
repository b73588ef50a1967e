//! Listeners: clear text or TLS, by certificate or by password, as `server.properties` says it.

use super::config::{Config, Tls};
use crate::kafka::Stream;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Who comes without a name.
pub const ANONYMOUS: &str = "User:ANONYMOUS";

/// A listener.
#[derive(Clone)]
pub struct Door {
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub name: String,
    /// Where it listens.
    pub host: String,
    /// The first broker's port; 0 for any.
    pub port: u16,
    /// Whether a password is asked for.
    pub asks_password: bool,
    tls: Option<TlsAcceptor>,
}

/// The listeners of a cluster.
///
/// # Errors
/// Says what cannot be read.
pub fn all(config: &Config) -> Result<Vec<Door>, String> {
    config.property("listeners").split(',').map(|line| door(config, line.trim())).collect()
}

fn door(config: &Config, line: &str) -> Result<Door, String> {
    let wrong = || format!("listeners: {line:?} is none, expected SASL_SSL://HOST:PORT");
    let (name, place) = line.split_once("://").ok_or_else(wrong)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let (asks_password, has_tls) = match name {
        "PLAINTEXT" => (false, false),
        "SSL" => (false, true),
        "SASL_PLAINTEXT" => (true, false),
        "SASL_SSL" => (true, true),
        _ => return Err(wrong()),
    };
    let tls = match (has_tls, &config.tls) {
        (false, _) => None,
        (true, Some(files)) => Some(acceptor(config, files)?),
        (true, None) => return Err(format!("{line}: a listener with TLS, and no table [tls]")),
    };
    Ok(Door { name: name.to_owned(), host: host.to_owned(), port, asks_password, tls })
}

fn acceptor(config: &Config, files: &Tls) -> Result<TlsAcceptor, String> {
    let versions = versions(config.property("ssl.enabled.protocols"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions);
    let builder = builder.map_err(|e| format!("ssl.enabled.protocols: {e}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&config.home.join(&files.ca))? {
        roots.add(certificate).map_err(|e| format!("{}: no authority: {e}", files.ca.display()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match config.property("ssl.client.auth") {
        "required" => builder.with_client_cert_verifier(verifier.build().map_err(|e| e.to_string())?),
        "requested" => {
            let verifier = verifier.allow_unauthenticated().build().map_err(|e| e.to_string())?;
            builder.with_client_cert_verifier(verifier)
        }
        "none" => builder.with_no_client_auth(),
        other => return Err(format!("ssl.client.auth: {other:?}, expected required, requested or none")),
    };
    let key = config.home.join(&files.key);
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|e| format!("{}: no private key: {e}", key.display()))?;
    let chain = certificates(&config.home.join(&files.certificate))?;
    let made = builder.with_single_cert(chain, key);
    let made = made.map_err(|e| format!("{}: {e}", files.certificate.display()))?;
    Ok(TlsAcceptor::from(Arc::new(made)))
}

fn versions(listed: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let version = |name: &str| match name.trim() {
        "TLSv1.2" => Ok(&TLS12),
        "TLSv1.3" => Ok(&TLS13),
        other => Err(format!("ssl.enabled.protocols: {other:?}, expected TLSv1.2 or TLSv1.3")),
    };
    listed.split(',').map(version).collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |e| format!("{}: no certificate: {e}", path.display());
    CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)
}

impl Door {
    /// Lets a connection in; who it is, by its certificate.
    ///
    /// # Errors
    /// TLS failed.
    pub async fn admit(&self, stream: TcpStream) -> std::io::Result<(Box<dyn Stream>, Arc<str>)> {
        let Some(acceptor) = &self.tls else { return Ok((Box::new(stream), ANONYMOUS.into())) };
        let stream = acceptor.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let principal = shown.and_then(named).unwrap_or_else(|| ANONYMOUS.into());
        Ok((Box::new(stream), principal))
    }
}

/// The principal of a certificate: its subject, as Kafka writes it.
fn named(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(format!("User:{}", parsed.subject()).into())
}
