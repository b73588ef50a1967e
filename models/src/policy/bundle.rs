//! Policy bundles: signing, verifying, loading (POL-02).
//!
//! Verification is Ed25519 by `aws-lc-rs`, over digests of what the bundle really contains. What the library cannot
//! know is ours: that a bundle is not older than one already seen, not from the future, and compiles.

use super::data::{DataError, PolicyData};
use super::rego::{Calls, PolicyError, REFERENCE, RegoPolicy};
use crate::wire::policy::{BundleContent, Manifest, SignedBundle};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sim::Instant;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A key that an enforcement point trusts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedKey {
    /// The name by which bundles refer to it.
    pub id: Arc<str>,
    /// Ed25519 public key (RFC 8032).
    pub public: [u8; 32],
}

/// The bundle server's signing key.
#[derive(Debug)]
pub struct Signer {
    id: Arc<str>,
    key: Ed25519KeyPair,
}

impl Signer {
    /// A signer whose key derives from a drawn seed, so that every run of a seed signs the same bytes.
    pub fn from_seed(id: impl Into<Arc<str>>, seed: &[u8; 32]) -> Signer {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed");
        Signer { id: id.into(), key }
    }

    /// What enforcement points must trust to accept this signer's bundles.
    pub fn trusted(&self) -> TrustedKey {
        let public = self.key.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        TrustedKey { id: Arc::clone(&self.id), public }
    }

    /// Signs `content` as `revision`, at `now` by the signer's clock. Signing the same revision again proves that it is
    /// still the newest.
    pub fn sign(&self, revision: u64, now: Instant, content: &Arc<BundleContent>) -> SignedBundle {
        let manifest = Manifest {
            revision,
            issued_at: now,
            policy_sha256: *content.policy_sha256(),
            data_sha256: *content.data_sha256(),
        };
        let signature = self.key.sign(&manifest.signed_bytes());
        SignedBundle {
            manifest,
            key_id: Arc::clone(&self.id),
            signature: Some(signature.as_ref().into()),
            content: Arc::clone(content),
        }
    }
}

/// The bundle of the reference policy over `data`.
pub fn reference_content(data: &PolicyData) -> Arc<BundleContent> {
    Arc::new(BundleContent::new(REFERENCE, data.to_json().to_string()))
}

/// Why a bundle was refused. What was in force stays in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It carries no signature.
    Unsigned,
    /// Nobody here trusts the key it names.
    UnknownKey,
    /// The signature is not that key's over this manifest.
    BadSignature,
    /// Policy or data are not what was signed.
    Tampered,
    /// Its revision is below one already seen, or the same with other content.
    RolledBack {
        /// The revision already seen.
        seen: u64,
        /// The revision offered.
        offered: u64,
    },
    /// It was signed later than now, beyond what honest clocks differ: it would stay fresh for ever.
    FromFuture,
    /// The policy does not compile.
    Policy(PolicyError),
    /// The data cannot be read.
    Data(DataError),
}

impl Refusal {
    /// Stable name, for facts and reports.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Unsigned => "UNSIGNED",
            Refusal::UnknownKey => "UNKNOWN_KEY",
            Refusal::BadSignature => "BAD_SIGNATURE",
            Refusal::Tampered => "TAMPERED",
            Refusal::RolledBack { .. } => "ROLLED_BACK",
            Refusal::FromFuture => "FROM_FUTURE",
            Refusal::Policy(_) => "DOES_NOT_COMPILE",
            Refusal::Data(_) => "BAD_DATA",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unsigned => f.write_str("the bundle is not signed"),
            Refusal::UnknownKey => f.write_str("the bundle names a key that is not trusted"),
            Refusal::BadSignature => f.write_str("the bundle's signature is wrong"),
            Refusal::Tampered => f.write_str("the bundle's content is not what was signed"),
            Refusal::RolledBack { seen, offered } => write!(f, "revision {offered} was offered after {seen}"),
            Refusal::FromFuture => f.write_str("the bundle was signed in the future"),
            Refusal::Policy(why) => why.fmt(f),
            Refusal::Data(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

/// A bundle's content, read and compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The data.
    pub data: Arc<PolicyData>,
    /// The policy, when it is not the reference policy: that one is decided natively, which is the same by test.
    pub rego: Option<RegoPolicy>,
}

/// Verifies and loads, each distinct bundle once per run, however many enforcement points receive it.
#[derive(Debug, Default)]
pub struct Loader {
    verified: BTreeMap<VerifyKey, bool>,
    loaded: BTreeMap<([u8; 32], [u8; 32]), Result<Loaded, Refusal>>,
    signatures: Calls,
    compilations: Calls,
}

type VerifyKey = ([u8; 32], crate::ids::Bytes, [u8; Manifest::SIGNED_LEN]);

/// Entries of each memo; an attacker who floods an agent with bundles must not fill memory.
const MEMO_MAX: usize = 1_024;

impl Loader {
    /// A loader that has seen nothing.
    pub fn new() -> Loader {
        Loader::default()
    }

    /// Real signature checks, and answers from the memo.
    pub fn signature_calls(&self) -> Calls {
        self.signatures
    }

    /// Real loads of a content, and answers from the memo.
    pub fn load_calls(&self) -> Calls {
        self.compilations
    }

    /// Whether the manifest is signed by a trusted key.
    pub(super) fn verify(&mut self, trusted: &[TrustedKey], bundle: &SignedBundle) -> Result<(), Refusal> {
        let Some(signature) = &bundle.signature else { return Err(Refusal::Unsigned) };
        let Some(key) = trusted.iter().find(|key| key.id == bundle.key_id) else { return Err(Refusal::UnknownKey) };
        let signed = bundle.manifest.signed_bytes();
        let memo_key = (key.public, Arc::clone(signature), signed);
        let genuine = if let Some(known) = self.verified.get(&memo_key) {
            self.signatures.hits += 1;
            *known
        } else {
            self.signatures.real += 1;
            let genuine = UnparsedPublicKey::new(&ED25519, &key.public).verify(&signed, signature).is_ok();
            if self.verified.len() == MEMO_MAX {
                self.verified.clear();
            }
            self.verified.insert(memo_key, genuine);
            genuine
        };
        if genuine { Ok(()) } else { Err(Refusal::BadSignature) }
    }

    /// Reads and compiles a content.
    pub(super) fn load(&mut self, content: &BundleContent) -> Result<Loaded, Refusal> {
        let key = (*content.policy_sha256(), *content.data_sha256());
        if let Some(known) = self.loaded.get(&key) {
            self.compilations.hits += 1;
            return known.clone();
        }
        self.compilations.real += 1;
        let loaded = load(content);
        if self.loaded.len() == MEMO_MAX {
            self.loaded.clear();
        }
        self.loaded.insert(key, loaded.clone());
        loaded
    }
}

fn load(content: &BundleContent) -> Result<Loaded, Refusal> {
    let data = Arc::new(PolicyData::from_json(content.data()).map_err(Refusal::Data)?);
    if **content.policy() == *REFERENCE {
        return Ok(Loaded { data, rego: None });
    }
    let rego = RegoPolicy::compile(content.policy(), &data).map_err(Refusal::Policy)?;
    Ok(Loaded { data, rego: Some(rego) })
}

/// Whether the content is what the manifest says.
pub(super) fn content_matches(bundle: &SignedBundle) -> bool {
    let (manifest, content) = (&bundle.manifest, &bundle.content);
    manifest.policy_sha256 == *content.policy_sha256() && manifest.data_sha256 == *content.data_sha256()
}
