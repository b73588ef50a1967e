//! Keys that sign evidence: Ed25519, or ECDSA on P-256 where FIPS 186-5 modules are asked for.
//!
//! Private keys are PKCS#8 in PEM, public keys SubjectPublicKeyInfo in PEM (RFC 7468). A key's id is the start of the
//! SHA-256 of its SubjectPublicKeyInfo, so that nobody has to agree on names.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sim::chain::Digest;
use std::fmt;

/// How a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032): the default.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, signatures in ASN.1.
    P256,
}

/// What stands before the key itself in the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410, §4).
const ED25519_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The same for an uncompressed point on P-256 (RFC 5480, §2).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// Why a text holds no key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAKey(&'static str);

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NotAKey {}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// A key that signs. It has no text form but the one that [`SigningKey::generate`] returns.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

impl SigningKey {
    /// A new key from the system's randomness, and its PEM.
    ///
    /// # Panics
    /// When the system has no randomness to give.
    pub fn generate(algorithm: Algorithm) -> (SigningKey, String) {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
            Algorithm::P256 => EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        };
        let document = document.expect("the system gives randomness");
        let pem = pem(PRIVATE, document.as_ref());
        let key = SigningKey::parse(&pem).expect("what was generated is a key");
        (key, pem)
    }

    /// Reads a private key.
    ///
    /// # Errors
    /// The text is no PEM of a private key, or the key is of another kind.
    pub fn parse(text: &str) -> Result<SigningKey, NotAKey> {
        let der = unpem(PRIVATE, text).ok_or(NotAKey("not a PEM file with one PRIVATE KEY"))?;
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(&der) {
            let public = PublicKey { algorithm: Algorithm::Ed25519, raw: pair.public_key().as_ref().to_vec() };
            return Ok(SigningKey { pair: Pair::Ed25519(pair), public });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &der);
        let pair = pair.map_err(|_| NotAKey("neither an Ed25519 nor a P-256 key"))?;
        let public = PublicKey { algorithm: Algorithm::P256, raw: pair.public_key().as_ref().to_vec() };
        Ok(SigningKey { pair: Pair::P256(pair), public })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs bytes. Ed25519 gives the same signature each time, P-256 does not.
    ///
    /// # Panics
    /// When the system has no randomness to give, which P-256 needs.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Pair::P256(pair) => {
                pair.sign(&SystemRandom::new(), bytes).expect("the system gives randomness").as_ref().to_vec()
            }
        }
    }
}

/// A key that verifies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    raw: Vec<u8>,
}

impl PublicKey {
    /// Reads a public key.
    ///
    /// # Errors
    /// The text is no PEM of a public key, or the key is of another kind.
    pub fn parse(text: &str) -> Result<PublicKey, NotAKey> {
        let der = unpem(PUBLIC, text).ok_or(NotAKey("not a PEM file with one PUBLIC KEY"))?;
        let known = [(Algorithm::Ed25519, ED25519_PREFIX, 32), (Algorithm::P256, P256_PREFIX, 65)];
        let found = known.into_iter().find_map(|(algorithm, prefix, len)| {
            let raw = der.strip_prefix(prefix).filter(|raw| raw.len() == len)?;
            Some(PublicKey { algorithm, raw: raw.to_vec() })
        });
        found.ok_or(NotAKey("neither an Ed25519 nor a P-256 key"))
    }

    fn der(&self) -> Vec<u8> {
        let prefix = if self.algorithm == Algorithm::Ed25519 { ED25519_PREFIX } else { P256_PREFIX };
        [prefix, &self.raw].concat()
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        pem(PUBLIC, &self.der())
    }

    /// Its id: 32 hex digits.
    pub fn id(&self) -> String {
        Digest::of(&self.der()).to_string()[..32].to_owned()
    }

    /// The key itself, when it is one of Ed25519.
    pub fn ed25519(&self) -> Option<&[u8; 32]> {
        let raw = self.raw.as_slice().try_into().ok();
        raw.filter(|_| self.algorithm == Algorithm::Ed25519)
    }

    /// Whether this key signed these bytes.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => UnparsedPublicKey::new(&signature::ED25519, &self.raw).verify(bytes, signature),
            Algorithm::P256 => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, &self.raw).verify(bytes, signature)
            }
        }
        .is_ok()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The bytes of the one block of this label.
fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_signs_for_its_public_half_alone() {
        for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
            let (key, text) = SigningKey::generate(algorithm);
            let again = SigningKey::parse(&text).expect("a key");
            let public = PublicKey::parse(&key.public().pem()).expect("a key");
            assert_eq!((&public, public.id().len()), (again.public(), 32));
            let signature = again.sign(b"evidence");
            assert!(public.verifies(b"evidence", &signature));
            assert!(!public.verifies(b"evidencf", &signature));
            let (other, _) = SigningKey::generate(algorithm);
            assert!(!other.public().verifies(b"evidence", &signature));
            assert_ne!(other.public().id(), public.id());
            assert!(!format!("{key:?}").contains(&text[30..60]), "a key never shows itself");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_reason() {
        let (key, private) = SigningKey::generate(Algorithm::Ed25519);
        assert!(PublicKey::parse(&private).is_err_and(|e| e.to_string().contains("one PUBLIC KEY")));
        assert!(SigningKey::parse(&key.public().pem()).is_err_and(|e| e.to_string().contains("one PRIVATE KEY")));
        assert!(PublicKey::parse(&pem(PUBLIC, b"short")).is_err_and(|e| e.to_string().contains("neither")));
        assert!(SigningKey::parse("").is_err());
    }
}
