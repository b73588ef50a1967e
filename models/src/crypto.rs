//! Keys of the simulation, and the count of real calls into the cryptographic libraries.
//!
//! Every key is a pure function of its name: Ed25519 from SHA-256 of (role, index). Anyone who reads this file owns
//! them all, which is the point: a sweep of thousands of seeds shares them, and the same inputs give the same bytes.
//! They must never leave a simulation. Ed25519 because it signs without entropy.

pub mod memo;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use sha2::{Digest, Sha256};
use sim::time::Duration;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Prefix of what is hashed into a private key. It names the purpose, so that no other use of SHA-256 can meet it.
const KEY_DOMAIN: &[u8] = b"cellproof simulation key, worthless outside a simulation\0";

/// How many derived keys the process remembers, about 1 KiB each. A platform names a few dozen workloads and one client
/// a tenant; beyond the bound keys are derived anew (some 60 µs), never refused.
const KEYS_REMEMBERED_MAX: usize = 4096;

type KeysByName = BTreeMap<Arc<str>, BTreeMap<u32, Key>>;

/// An Ed25519 key pair of the simulation. Cloning shares it.
#[derive(Clone)]
pub struct Key(Arc<KeyParts>);

struct KeyParts {
    role: Arc<str>,
    index: u32,
    public: [u8; 32],
    pkcs8: Vec<u8>,
    signer: Ed25519KeyPair,
    certifier: rcgen::KeyPair,
}

/// How many calls of one kind went to the real library, and how many were answered from a memo of such calls.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Calls that ran the library.
    pub real: u64,
    /// Calls answered by the memo: same bytes, same key.
    pub hits: u64,
}

/// What a run asked of the real libraries. A control that is decided by a library and shows no real call is *void*.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct LibraryCalls {
    /// Tokens signed (`jsonwebtoken`).
    pub jwt_sign: Tally,
    /// Token signatures verified (`jsonwebtoken`).
    pub jwt_verify: Tally,
    /// Certificates and revocation lists issued (`rcgen`).
    pub x509_issue: Tally,
    /// Certification paths and handshake signatures verified (`rustls-webpki`).
    pub x509_verify: Tally,
}

/// The key called `role`, number `index` (rotations and replicas count up). Equal names, equal keys, everywhere.
pub fn key(role: &str, index: u32) -> Key {
    // A process-wide cache is allowed here and nowhere else: it remembers a pure function, so no run can see it.
    static KEYS: OnceLock<Mutex<KeysByName>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = keys.get(role).and_then(|by_index| by_index.get(&index)) {
        return key.clone();
    }
    let key = Key::derive(role, index);
    if keys.values().map(BTreeMap::len).sum::<usize>() < KEYS_REMEMBERED_MAX {
        keys.entry(key.0.role.clone()).or_default().insert(index, key.clone());
    }
    key
}

/// SHA-256, the digest of everything here: thumbprints, serials, client secrets.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Unpadded base64url (RFC 4648 §5), the encoding of JOSE.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of strict, unpadded base64url; `None` for anything else, non-zero trailing bits included.
pub fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Whole seconds of a span, rounded down: the unit of token and certificate times.
pub fn whole_seconds(span: Duration) -> u64 {
    span.as_nanos() / 1_000_000_000
}

impl Key {
    fn derive(role: &str, index: u32) -> Key {
        let mut hash = Sha256::new();
        hash.update(KEY_DOMAIN);
        hash.update((role.len() as u64).to_le_bytes());
        hash.update(role.as_bytes());
        hash.update(index.to_le_bytes());
        let seed: [u8; 32] = hash.finalize().into();
        let signer = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are an Ed25519 seed");
        let pkcs8 = signer.to_pkcs8v1().expect("an Ed25519 key has a PKCS #8 form").as_ref().to_vec();
        let der = PrivatePkcs8KeyDer::from(pkcs8.as_slice());
        let certifier = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)
            .expect("rcgen reads the PKCS #8 form that the same library wrote");
        let public = signer.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Key(Arc::new(KeyParts { role: role.into(), index, public, pkcs8, signer, certifier }))
    }

    /// The role in the key's name.
    pub fn role(&self) -> &Arc<str> {
        &self.0.role
    }
    /// The number in the key's name.
    pub fn index(&self) -> u32 {
        self.0.index
    }
    /// The public half, 32 bytes as in RFC 8032.
    pub fn public(&self) -> &[u8; 32] {
        &self.0.public
    }
    /// The private half as PKCS #8 v1, as the libraries take it.
    pub fn pkcs8(&self) -> &[u8] {
        &self.0.pkcs8
    }
    /// An Ed25519 signature, 64 bytes; the same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.signer.sign(message).as_ref().to_vec()
    }
    /// The same key as `rcgen` takes it.
    pub fn certifier(&self) -> &rcgen::KeyPair {
        &self.0.certifier
    }
}

impl fmt::Debug for Key {
    /// The name only: private halves never reach a log, worthless as they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}/{})", self.0.role, self.0.index)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.public == other.0.public
    }
}
impl Eq for Key {}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.real += other.real;
        self.hits += other.hits;
    }
}

impl AddAssign for LibraryCalls {
    fn add_assign(&mut self, other: LibraryCalls) {
        self.jwt_sign += other.jwt_sign;
        self.jwt_verify += other.jwt_verify;
        self.x509_issue += other.x509_issue;
        self.x509_verify += other.x509_verify;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_its_whole_name_and_on_nothing_else() {
        assert_eq!(Key::derive("idp", 1).public(), key("idp", 1).public());
        assert_eq!(Key::derive("idp", 1).pkcs8(), key("idp", 1).pkcs8());
        assert_ne!(key("idp", 1), key("idp", 2));
        assert_ne!(key("idp", 1), key("id", 1));
    }

    #[test]
    fn a_signature_has_no_entropy_in_it() {
        assert_eq!(key("a", 0).sign(b"m"), Key::derive("a", 0).sign(b"m"));
    }

    #[test]
    fn a_key_never_prints_its_private_half() {
        assert_eq!(format!("{:?}", key("mesh/kafka", 3)), "Key(mesh/kafka/3)");
    }

    #[test]
    fn base64url_is_strict() {
        assert_eq!(base64url_decode(&base64url(&[0, 255, 254])), Some(vec![0, 255, 254]));
        assert_eq!(base64url_decode("AA=="), None);
        assert_eq!(base64url_decode("AB"), None, "trailing bits would give one value two spellings");
        assert_eq!(base64url_decode("A+"), None);
    }
    #[test]
    fn hex_keeps_leading_zeros() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }
}
