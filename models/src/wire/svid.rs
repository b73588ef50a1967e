//! Words of workload identity: SPIFFE ids, certificate chains, trust bundles, the handshake and the sealed link.
//!
//! An id is text with strict grammar (SPIFFE-ID §2), because everything a lenient reader forgives (a port, an escape, a
//! dot segment, another case) is a second spelling of someone else's name.

use super::Code;
use super::tls::{Version, Versions};
use crate::ids::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sim::time::Duration;
use std::fmt;
use std::sync::Arc;

/// Longest id in bytes (SPIFFE-ID §2.3).
const ID_BYTES_MAX: usize = 2048;
/// Longest trust domain name in bytes (SPIFFE-ID §2.1).
const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// The one scheme, in the one spelling.
const SCHEME: &str = "spiffe://";

/// The name of a trust domain, such as `cell-a.test`.
pub type TrustDomain = Arc<str>;

/// Certificates in DER form, the leaf first, the root not included.
pub type Chain = Arc<[Bytes]>;

/// A valid SPIFFE id, such as `spiffe://cell-a.test/ns/data/sa/kafka/tenant/acme`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct SpiffeId {
    text: Arc<str>,
    path_at: usize,
}

/// Which rule of the SPIFFE-ID specification a text breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdFault {
    /// Longer than 2048 bytes.
    TooLong,
    /// Not `spiffe://`.
    Scheme,
    /// Empty, too long, or with a character outside `a-z 0-9 . - _`: a port, user info or upper case among them.
    TrustDomain,
    /// An empty segment, `.` or `..`, a final slash, or a character outside `a-z A-Z 0-9 . - _`: a query, a fragment or
    /// an escape among them.
    Path,
}

/// What a workload asks its mesh CA for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SvidRequest {
    /// Who asks, as attested by the node: namespace and service account of the pod.
    pub workload: Arc<str>,
    /// The id wanted.
    pub spiffe_id: SpiffeId,
    /// Name of the key to be certified.
    pub key: KeyName,
    /// How long the certificate shall live.
    pub lifetime: Duration,
}

/// Name of a key of the simulation: role and number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct KeyName {
    /// Whose.
    pub role: Arc<str>,
    /// Which one; rotations count up.
    pub index: u32,
}

/// An X.509-SVID with the name of its private key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Svid {
    /// The leaf and the intermediate that signed it.
    pub chain: Chain,
    /// The key that it certifies.
    pub key: KeyName,
    /// The id in it.
    pub id: SpiffeId,
    /// Serial number within the CA.
    pub serial: u64,
    /// Last second of its life, since the Unix epoch.
    pub not_after: u64,
}

/// Whom to believe in one trust domain (SPIFFE Trust Domain and Bundle).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TrustBundle {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Grows with every change; an older bundle never replaces a newer one.
    pub sequence: u64,
    /// How often to fetch it.
    pub refresh_hint: Duration,
    /// Root certificates in DER form.
    pub authorities: Vec<Bytes>,
    /// Revocation lists in DER form, one an issuing key.
    pub revoked: Vec<Bytes>,
}

/// Messages of the mesh's control plane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SvidWord {
    /// A workload asks for a certificate.
    Ask(Arc<SvidRequest>),
    /// It gets one.
    Issued(Arc<Svid>),
    /// It gets none, and why.
    Refused(#[serde(with = "super::codec::code")] Code),
    /// Anyone asks for the bundle.
    AskBundle,
    /// The bundle.
    Bundle(Arc<TrustBundle>),
}

/// Messages by which two peers open a link. The nonces are fresh; each proof is made over both and the prover's leaf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Handshake {
    /// The client begins.
    ClientHello {
        /// The client's nonce.
        nonce: u64,
        /// What it speaks.
        versions: Versions,
    },
    /// The server shows who it is.
    ServerProof {
        /// The server's nonce.
        nonce: u64,
        /// What is spoken from here on.
        version: Version,
        /// Its certificates.
        chain: Chain,
        /// Signature under the leaf's key.
        proof: Bytes,
    },
    /// The client shows who it is.
    ClientProof {
        /// Its certificates.
        chain: Chain,
        /// Signature under the leaf's key.
        proof: Bytes,
    },
    /// One of them hangs up, and why.
    Refused(#[serde(with = "super::codec::code")] Code),
}

/// What protects one message of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seal {
    /// Number of the message in its direction.
    pub sequence: u64,
    /// HMAC-SHA-256 over number and bytes, cut to 16 bytes.
    pub tag: [u8; 16],
}

impl IdFault {
    /// Stable name, for answers and reports.
    pub const fn code(self) -> &'static str {
        match self {
            IdFault::TooLong => "too-long",
            IdFault::Scheme => "scheme",
            IdFault::TrustDomain => "trust-domain",
            IdFault::Path => "path",
        }
    }

    /// Where the rule stands in the SPIFFE-ID specification.
    pub const fn clause(self) -> &'static str {
        match self {
            IdFault::TooLong => "SPIFFE-ID 2.3",
            IdFault::Scheme => "SPIFFE-ID 2",
            IdFault::TrustDomain => "SPIFFE-ID 2.1",
            IdFault::Path => "SPIFFE-ID 2.2",
        }
    }
}

impl SpiffeId {
    /// Reads an id.
    ///
    /// # Errors
    /// The rule it breaks.
    pub fn parse(text: &str) -> Result<SpiffeId, IdFault> {
        if text.len() > ID_BYTES_MAX {
            return Err(IdFault::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(IdFault::Scheme)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !is_trust_domain(domain) {
            return Err(IdFault::TrustDomain);
        }
        if !path.is_empty() && !path[1..].split('/').all(is_segment) {
            return Err(IdFault::Path);
        }
        Ok(SpiffeId { text: text.into(), path_at: SCHEME.len() + domain.len() })
    }

    /// The id of `path` in `domain`; see [`SpiffeId::parse`].
    ///
    /// # Errors
    /// As for reading.
    pub fn new(domain: &str, path: &str) -> Result<SpiffeId, IdFault> {
        SpiffeId::parse(&format!("{SCHEME}{domain}{path}"))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Its trust domain.
    pub fn trust_domain(&self) -> &str {
        &self.text[SCHEME.len()..self.path_at]
    }
    /// Its path, with the leading slash; empty for a trust domain's own id.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..]
    }
    /// Kubernetes namespace and service account, when the path starts with `/ns/…/sa/…`.
    pub fn service(&self) -> Option<(&str, &str)> {
        let mut segments = self.path().split('/').skip(1);
        match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("ns"), Some(ns), Some("sa"), Some(sa)) => Some((ns, sa)),
            _ => None,
        }
    }
    /// The tenant boundary, when the path goes on with `/tenant/…` after the service.
    pub fn tenant(&self) -> Option<&str> {
        self.service()?;
        let mut segments = self.path().split('/').skip(5);
        match (segments.next(), segments.next(), segments.next()) {
            (Some("tenant"), Some(tenant), None) => Some(tenant),
            _ => None,
        }
    }
}

fn is_trust_domain(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= TRUST_DOMAIN_BYTES_MAX && name.bytes().all(legal)
}

fn is_segment(segment: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(legal)
}

impl TryFrom<Arc<str>> for SpiffeId {
    type Error = &'static str;

    fn try_from(text: Arc<str>) -> Result<SpiffeId, &'static str> {
        SpiffeId::parse(&text).map_err(|_| "a SPIFFE id")
    }
}
impl From<SpiffeId> for Arc<str> {
    fn from(id: SpiffeId) -> Arc<str> {
        id.text
    }
}
impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The JSON form of a bundle: a JWK set whose keys carry one certificate each (SPIFFE Trust Domain and Bundle §4.2).
#[derive(Serialize, Deserialize)]
struct BundleDocument {
    /// Absent in bundles of issuers that never change theirs (§4.1.1: SHOULD).
    #[serde(default)]
    spiffe_sequence: u64,
    #[serde(default = "hourly")]
    spiffe_refresh_hint: u64,
    keys: Vec<BundleKey>,
}

/// Only `use` and `x5c` are read: the certificate says everything else again.
#[derive(Serialize, Deserialize)]
struct BundleKey {
    #[serde(rename = "use", default)]
    for_use: String,
    kty: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    x5c: Vec<String>,
}

/// How often to ask somebody who gives no hint, in seconds.
const fn hourly() -> u64 {
    3_600
}

impl TrustBundle {
    /// The published JSON form. Revocation lists travel beside it: the format has no place for them.
    ///
    /// # Panics
    /// When an authority is no certificate: a bundle is made by its CA.
    pub fn to_json(&self) -> String {
        let key = |der: &Bytes| BundleKey {
            for_use: "x509-svid".to_owned(),
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: crate::crypto::base64url(&public_key_of(der).expect("an authority is a certificate")),
            x5c: vec![STANDARD.encode(der)],
        };
        let document = BundleDocument {
            spiffe_sequence: self.sequence,
            spiffe_refresh_hint: crate::crypto::whole_seconds(self.refresh_hint),
            keys: self.authorities.iter().map(key).collect(),
        };
        serde_json::to_string(&document).expect("a bundle is JSON")
    }

    /// Reads the published form of the bundle of `trust_domain`. Keys of another use are passed over (§4.2.2), and so
    /// are keys without a certificate; of several certificates the first counts (X.509-SVID §6.2).
    pub fn from_json(trust_domain: &str, json: &str) -> Option<TrustBundle> {
        let document: BundleDocument = serde_json::from_str(json).ok()?;
        let of_svids = document.keys.iter().filter(|k| k.for_use == "x509-svid");
        let certificates = of_svids.filter_map(|key| key.x5c.first());
        Some(TrustBundle {
            trust_domain: trust_domain.into(),
            sequence: document.spiffe_sequence,
            refresh_hint: Duration::secs(document.spiffe_refresh_hint),
            authorities: certificates.map(|der| STANDARD.decode(der).ok().map(Bytes::from)).collect::<Option<_>>()?,
            revoked: Vec::new(),
        })
    }
}

/// The last 32 bytes of an Ed25519 `SubjectPublicKeyInfo` are the key (RFC 8410 §4).
fn public_key_of(der: &Bytes) -> Option<[u8; 32]> {
    let der = rustls_pki_types::CertificateDer::from(&**der);
    let cert = webpki::EndEntityCert::try_from(&der).ok()?;
    cert.subject_public_key_info().last_chunk::<32>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<(&str, &str), IdFault>) {
        let read = SpiffeId::parse(text);
        let parts = read.as_ref().map(|id| (id.trust_domain(), id.path())).map_err(|fault| *fault);
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn only_the_canonical_spelling_of_an_id_is_an_id() {
        check("spiffe://cell-a.test", Ok(("cell-a.test", "")));
        check("spiffe://cell-a.test/ns/data/sa/kafka", Ok(("cell-a.test", "/ns/data/sa/kafka")));
        check("spiffe://a_b.test/A.b_c-9", Ok(("a_b.test", "/A.b_c-9")));
        for scheme in ["", "spiffe:/", "https://a.test", "SPIFFE://a.test", "spiffe:a.test", " spiffe://a.test"] {
            check(scheme, Err(IdFault::Scheme));
        }
        for domain in ["", "A.test", "a.test:443", "user@a.test", "a.test?q", "a.test#f", "ä.test", "a%2etest"] {
            check(&format!("spiffe://{domain}/x"), Err(IdFault::TrustDomain));
        }
        for path in ["/", "/a/", "//a", "/a//b", "/.", "/a/..", "/a/./b", "/a?q", "/a#f", "/a%2Fb", "/ä", "/a b", "/*"]
        {
            check(&format!("spiffe://a.test{path}"), Err(IdFault::Path));
        }
    }

    #[test]
    fn an_id_has_bounds_and_they_are_exact() {
        let domain = "d".repeat(255);
        check(&format!("spiffe://{domain}"), Ok((&domain, "")));
        check(&format!("spiffe://{domain}d"), Err(IdFault::TrustDomain));
        let path = format!("/{}", "p".repeat(2048 - "spiffe://a/".len()));
        check(&format!("spiffe://a{path}"), Ok(("a", &path)));
        check(&format!("spiffe://a{path}p"), Err(IdFault::TooLong));
    }

    #[test]
    fn service_and_tenant_are_read_from_their_places_only() {
        let read = |path: &str| {
            let id = SpiffeId::new("a.test", path).unwrap();
            let owned = |s: &str| s.to_owned();
            (id.service().map(|(ns, sa)| (owned(ns), owned(sa))), id.tenant().map(owned))
        };
        let kafka = Some(("data".to_owned(), "kafka".to_owned()));
        assert_eq!(read("/ns/data/sa/kafka"), (kafka.clone(), None));
        assert_eq!(read("/ns/data/sa/kafka/tenant/acme"), (kafka.clone(), Some("acme".to_owned())));
        assert_eq!(read("/ns/data/sa/kafka/tenant/acme/x"), (kafka, None));
        assert_eq!(read("/tenant/acme"), (None, None));
        assert_eq!(read("/ns/data/sa"), (None, None));
    }

    proptest! {
        #[test]
        fn an_id_that_was_read_is_written_back_byte_for_byte(
            text in "spiffe://[a-z.%:/ A-Z]{0,6}(/[a-zA-Z.%?#-]{0,3}){0,3}",
        ) {
            if let Ok(id) = SpiffeId::parse(&text) {
                prop_assert_eq!(id.as_str(), &text);
                prop_assert_eq!(SpiffeId::new(id.trust_domain(), id.path()), Ok(id.clone()));
                prop_assert!(id.path().split('/').skip(1).all(|s| !["", ".", ".."].contains(&s)));
            }
        }
    }
}
