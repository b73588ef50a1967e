//! Keys that sign tokens: an issuer's, as the deployment names it, and a stranger's, made on the spot.

use crate::certify::deployment::gateway::Algorithm;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

/// What stands before the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410, section 4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key pair.
pub struct Key {
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed(Ed25519KeyPair),
}

fn curve(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Some(&ECDSA_P384_SHA384_FIXED_SIGNING),
        _ => None,
    }
}

impl Key {
    /// A key in PEM, PKCS#8.
    ///
    /// # Errors
    /// Says what the text is not; never what it holds.
    pub fn read(algorithm: Algorithm, pem: &str) -> Result<Key, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| "no private key in PKCS#8 (-----BEGIN PRIVATE KEY-----)".to_owned())?;
        let der = der.secret_pkcs8_der();
        let pair = match (curve(algorithm), algorithm) {
            (Some(curve), _) => EcdsaKeyPair::from_pkcs8(curve, der).map(Pair::Ec),
            (None, Algorithm::EdDSA) => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed),
            (None, _) => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
        };
        let pair = pair.map_err(|_| format!("a key of another kind than {algorithm:?}"))?;
        Ok(Key { algorithm, pair })
    }

    /// A key that nobody has.
    ///
    /// # Errors
    /// The library makes none.
    pub fn stranger(algorithm: Algorithm) -> Result<Key, String> {
        let pair = match (curve(algorithm), algorithm) {
            (Some(curve), _) => EcdsaKeyPair::generate(curve).map(Pair::Ec),
            (None, Algorithm::EdDSA) => Ed25519KeyPair::generate().map(Pair::Ed),
            (None, _) => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
        };
        Ok(Key { algorithm, pair: pair.map_err(|_| "failed to make a key".to_owned())? })
    }

    /// The algorithm's name in a token.
    pub fn name(&self) -> String {
        format!("{:?}", self.algorithm)
    }

    /// A signature.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let failed = |_| "failed to sign".to_owned();
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()).map_err(failed),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding = if self.algorithm == Algorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }

    /// The public half, as everybody may know it: `SubjectPublicKeyInfo`, DER.
    ///
    /// # Errors
    /// The library cannot write it.
    pub fn public_der(&self) -> Result<Vec<u8>, String> {
        let whole = |der: Result<PublicKeyX509Der<'static>, _>| match der {
            Ok(der) => Ok(der.as_ref().to_vec()),
            Err(aws_lc_rs::error::Unspecified) => Err("failed to write a public key".to_owned()),
        };
        match &self.pair {
            Pair::Ec(pair) => whole(pair.public_key().as_der()),
            Pair::Rsa(pair) => whole(pair.public_key().as_der()),
            Pair::Ed(pair) => Ok([&ED25519_SPKI, pair.public_key().as_ref()].concat()),
        }
    }

    /// The same in PEM, as it lies in files.
    ///
    /// # Errors
    /// As [`Key::public_der`].
    pub fn public_pem(&self) -> Result<String, String> {
        let text = STANDARD.encode(self.public_der()?);
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|c| std::str::from_utf8(c).ok()).collect();
        Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
    }

    /// The same as a JSON Web Key (RFC 7517).
    pub fn public_jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ec(pair) => {
                // An uncompressed point: 4, x, y.
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if self.algorithm == Algorithm::ES256 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Pair::Ed(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())}),
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
                let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "n": text(&modulus), "e": text(&exponent)})
            }
        }
    }
}
