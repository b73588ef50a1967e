//! Mutual TLS 1.3 by rustls between two ends that each bring a certificate, a way to sign, and a view of the other.
//!
//! That the other end holds the key of what it shows is rustls' own check and has no off state; whether what it shows
//! is believed is the platform's. No session is resumed: who was believed once is asked again.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{NoServerSessionStorage, ServerConfig};
use tokio_rustls::rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, InvalidMessage, OtherError, SignatureAlgorithm, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use turmoil::net::TcpStream;

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// The listening end says it once it believes the other: in TLS 1.3 the speaking end is done before that.
const BELIEVED: u8 = 1;

/// Signs with an end's Ed25519 key.
pub type Sign = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// Judges the chain that the other end shows; an error says why it is not believed.
pub type Believe = Arc<dyn Fn(&[CertificateDer<'_>]) -> Result<(), String> + Send + Sync>;

/// What one end brings.
pub struct End {
    /// Its certificates in DER form, the leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub sign: Sign,
    /// Its judgement.
    pub believe: Believe,
}

impl End {
    fn shows(&self) -> Arc<SingleCertAndKey> {
        let key = Arc::new(Holder(self.sign.clone()));
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(self.chain.clone(), key)))
    }

    /// As the speaking end.
    ///
    /// # Panics
    /// Never: the provider has TLS 1.3.
    pub fn client(self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(PROVIDER.clone()).with_protocol_versions(&[&TLS13]);
        let builder = builder.expect("the provider has TLS 1.3").dangerous();
        let shown = self.shows();
        let verifier = Arc::new(Judge(self.believe));
        let mut config = builder.with_custom_certificate_verifier(verifier).with_client_cert_resolver(shown);
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Arc::new(config)
    }

    /// As the listening end.
    ///
    /// # Panics
    /// Never: the provider has TLS 1.3.
    pub fn server(self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(PROVIDER.clone()).with_protocol_versions(&[&TLS13]);
        let builder = builder.expect("the provider has TLS 1.3");
        let shown = self.shows();
        let mut config = builder.with_client_cert_verifier(Arc::new(Judge(self.believe))).with_cert_resolver(shown);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }
}

/// The speaking end's handshake.
///
/// # Errors
/// One end does not believe the other (rustls says so by [`ErrorKind::InvalidData`], and its alerts arrive as that), or
/// hangs up.
pub async fn connect(config: Arc<ClientConfig>, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
    let to = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let mut stream = TlsConnector::from(config).connect(to, stream).await?;
    match stream.read_u8().await? {
        BELIEVED => Ok(stream),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// The listening end's handshake.
pub async fn accept(config: Arc<ServerConfig>, stream: TcpStream) -> Option<server::TlsStream<TcpStream>> {
    let mut stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
    stream.write_u8(BELIEVED).await.ok()?;
    stream.flush().await.ok()?;
    Some(stream)
}

struct Holder(Sign);

impl SigningKey for Holder {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = || Box::new(Holder(self.0.clone())) as Box<dyn Signer>;
        offered.contains(&SignatureScheme::ED25519).then(signer)
    }
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Holder {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok((self.0)(message))
    }
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder")
    }
}

struct Judge(Believe);

impl Judge {
    fn judge(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Result<(), Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(leaf).chain(rest).cloned().collect();
        let refused = |why: String| Error::Other(OtherError(Arc::new(Unbelieved(why))));
        (self.0)(&chain).map_err(refused)
    }

    fn signed(
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &PROVIDER.signature_verification_algorithms)
    }
}

#[derive(Debug)]
struct Unbelieved(String);

impl fmt::Display for Unbelieved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unbelieved {}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

/// TLS 1.2 is not spoken, so nothing of it can be signed.
fn too_old() -> Error {
    Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion)
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(leaf, rest).map(|()| ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Judge::signed(message, leaf, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Judge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(leaf, rest).map(|()| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Judge::signed(message, leaf, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
