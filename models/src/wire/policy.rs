//! The words of the policy protocol: the question an enforcement point asks, the decision it gets, the bundle by which
//! policy travels.
//!
//! A question keeps what is missing as missing: an enforcement point never fills a gap with a default, because the
//! default is where such systems have leaked.

mod filter;

pub use filter::{DataFilter, KindFilter};

use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use sim::Instant;
use std::fmt;
use std::sync::Arc;

/// How sensitive data is: one total order, whose names and integers agree everywhere (CLS-05). Combined data takes the
/// `max` of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Level {
    /// For everyone.
    Public = 0,
    /// For authenticated users.
    Internal = 1,
    /// By role.
    Confidential = 2,
    /// For named principals.
    Restricted = 3,
}

impl Level {
    /// In ascending order.
    pub const ALL: [Level; 4] = [Level::Public, Level::Internal, Level::Confidential, Level::Restricted];

    /// `public`, `internal`, `confidential` or `restricted`.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Public => "public",
            Level::Internal => "internal",
            Level::Confidential => "confidential",
            Level::Restricted => "restricted",
        }
    }
    /// 0 to 3.
    pub const fn rank(self) -> u8 {
        self as u8
    }
    /// The inverse of [`Level::name`]; names are lower case.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
    /// The inverse of [`Level::rank`].
    pub fn from_rank(rank: u64) -> Option<Level> {
        Level::ALL.into_iter().find(|level| u64::from(level.rank()) == rank)
    }
    /// The level of *data* whose label could not be read: unknown is most restrictive (CLS-04, CLS-05). Never for a
    /// clearance, where the most restrictive reading is [`Level::Public`].
    pub fn of_data(known: Option<Level>) -> Level {
        known.unwrap_or(Level::Restricted)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Level::from_name(&name).ok_or_else(|| serde::de::Error::custom("a level"))
    }
}

/// A question: may this principal touch this resource here? (Governance document, §3.2.) `None` is missing, null or of
/// the wrong type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Whether the subject is authenticated.
    pub authenticated: Option<bool>,
    /// The tenant that the verified token proves.
    pub tenant_id: Option<TenantId>,
    /// The tenant that owns the resource.
    pub resource_tenant: Option<TenantId>,
    /// The resource's kind: `audit`.
    pub kind: Option<Arc<str>>,
    /// The resource's level.
    pub classification: Option<Level>,
    /// The resource's label: `pii`.
    pub label: Option<Arc<str>>,
    /// The region in which the request is served.
    pub region: Option<Arc<str>>,
}

/// Why a question was answered with no.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Deny {
    /// A field is missing, null or of the wrong type; nothing else was judged.
    Malformed,
    /// The subject is not authenticated.
    Unauthenticated,
    /// The resource is another tenant's.
    TenantMismatch,
    /// The policy data knows no such tenant.
    UnknownTenant,
    /// The request is not served in the tenant's region.
    Residency,
    /// The tenant may not handle data of this label.
    Label,
    /// The tenant has no class for resources of this kind.
    UnknownKind,
    /// The resource is above the tenant's class for its kind.
    Classification,
    /// The enforcement point never had a policy.
    PolicyMissing,
    /// The policy is older than its bound.
    PolicyStale,
    /// The policy could not be evaluated, or gave a reason that has no code.
    PolicyError,
}

impl Deny {
    /// In ascending order.
    pub const ALL: [Deny; 11] = [
        Deny::Malformed,
        Deny::Unauthenticated,
        Deny::TenantMismatch,
        Deny::UnknownTenant,
        Deny::Residency,
        Deny::Label,
        Deny::UnknownKind,
        Deny::Classification,
        Deny::PolicyMissing,
        Deny::PolicyStale,
        Deny::PolicyError,
    ];

    /// The code as policies and answers spell it.
    pub const fn code(self) -> &'static str {
        match self {
            Deny::Malformed => "MALFORMED",
            Deny::Unauthenticated => "UNAUTHENTICATED",
            Deny::TenantMismatch => "TENANT_MISMATCH",
            Deny::UnknownTenant => "UNKNOWN_TENANT",
            Deny::Residency => "RESIDENCY",
            Deny::Label => "LABEL",
            Deny::UnknownKind => "UNKNOWN_KIND",
            Deny::Classification => "CLASSIFICATION",
            Deny::PolicyMissing => "POLICY_MISSING",
            Deny::PolicyStale => "POLICY_STALE",
            Deny::PolicyError => "POLICY_ERROR",
        }
    }
    /// The inverse of [`Deny::code`].
    pub fn from_code(code: &str) -> Option<Deny> {
        Deny::ALL.into_iter().find(|deny| deny.code() == code)
    }
    /// The requirements that demand this denial.
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            Deny::TenantMismatch => &["POL-01", "TEN-02"],
            Deny::Residency => &["POL-01", "POL-06"],
            Deny::Classification => &["CLS-05", "POL-01"],
            Deny::PolicyMissing | Deny::PolicyStale => &["POL-02"],
            _ => &["POL-01"],
        }
    }
}

/// A set of reasons. Small enough to copy, so that a decision never allocates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Denies(u16);

impl Denies {
    /// No reason.
    pub const NONE: Denies = Denies(0);

    /// The set of one reason.
    pub const fn one(deny: Deny) -> Denies {
        Denies(1 << deny as u8)
    }
    /// Adds a reason.
    pub fn add(&mut self, deny: Deny) {
        self.0 |= 1 << deny as u8;
    }
    /// Whether `deny` is among the reasons.
    pub const fn contains(self, deny: Deny) -> bool {
        self.0 >> deny as u8 & 1 == 1
    }
    /// Whether there is no reason.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The reasons in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Deny> {
        Deny::ALL.into_iter().filter(move |deny| self.contains(*deny))
    }
}

impl TryFrom<u16> for Denies {
    type Error = &'static str;

    fn try_from(bits: u16) -> Result<Denies, &'static str> {
        if bits >> Deny::ALL.len() == 0 { Ok(Denies(bits)) } else { Err("a set of known reasons") }
    }
}

impl From<Denies> for u16 {
    fn from(denies: Denies) -> u16 {
        denies.0
    }
}

impl fmt::Debug for Denies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Deny::code)).finish()
    }
}

/// The answer to a question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// Whether the request may go on.
    pub allow: bool,
    /// Why not; every reason that was found, not only the first.
    pub denies: Denies,
}

impl Decision {
    /// Yes, without reservations.
    pub const ALLOW: Decision = Decision { allow: true, denies: Denies::NONE };

    /// No, for one reason.
    pub const fn deny(reason: Deny) -> Decision {
        Decision { allow: false, denies: Denies::one(reason) }
    }
    /// Yes if there is no reason against it.
    pub const fn from_denies(denies: Denies) -> Decision {
        Decision { allow: denies.is_empty(), denies }
    }
}

/// What a policy bundle contains, with the digests of what it really contains.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "(Arc<str>, Arc<str>)")]
pub struct BundleContent {
    policy: Arc<str>,
    data: Arc<str>,
    /// Never taken from whoever sent it.
    #[serde(skip_serializing)]
    policy_sha256: [u8; 32],
    #[serde(skip_serializing)]
    data_sha256: [u8; 32],
}

impl From<(Arc<str>, Arc<str>)> for BundleContent {
    fn from((policy, data): (Arc<str>, Arc<str>)) -> BundleContent {
        BundleContent::new(policy, data)
    }
}

impl BundleContent {
    /// Takes the Rego text and the JSON data, and hashes them: once, however many enforcement points receive them.
    pub fn new(policy: impl Into<Arc<str>>, data: impl Into<Arc<str>>) -> BundleContent {
        let (policy, data) = (policy.into(), data.into());
        let policy_sha256 = Sha256::digest(policy.as_bytes()).into();
        let data_sha256 = Sha256::digest(data.as_bytes()).into();
        BundleContent { policy, data, policy_sha256, data_sha256 }
    }
    /// The policy, in Rego.
    pub fn policy(&self) -> &Arc<str> {
        &self.policy
    }
    /// The data, in JSON.
    pub fn data(&self) -> &Arc<str> {
        &self.data
    }
    /// SHA-256 of the policy's text.
    pub fn policy_sha256(&self) -> &[u8; 32] {
        &self.policy_sha256
    }
    /// SHA-256 of the data's text.
    pub fn data_sha256(&self) -> &[u8; 32] {
        &self.data_sha256
    }
}

/// What is signed about a bundle. The server signs the same revision anew from time to time, so that an old bundle
/// cannot be passed off as fresh by holding back what came after it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Counts the changes of the policy; never goes down.
    pub revision: u64,
    /// When it was signed, by the signer's clock.
    pub issued_at: Instant,
    /// SHA-256 of the policy's text.
    pub policy_sha256: [u8; 32],
    /// SHA-256 of the data's text.
    pub data_sha256: [u8; 32],
}

impl Manifest {
    /// Length of [`Manifest::signed_bytes`].
    pub const SIGNED_LEN: usize = DOMAIN.len() + 8 + 8 + 32 + 32;

    /// The bytes under the signature: a domain line, then revision and time (big-endian), then the two digests. All
    /// parts are of fixed length, so that no two manifests share their bytes.
    pub fn signed_bytes(&self) -> [u8; Manifest::SIGNED_LEN] {
        let mut bytes = [0; Manifest::SIGNED_LEN];
        let mut at = 0;
        let (revision, issued_at) = (self.revision.to_be_bytes(), self.issued_at.as_nanos().to_be_bytes());
        for part in [DOMAIN.as_slice(), &revision, &issued_at, &self.policy_sha256, &self.data_sha256] {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        bytes
    }
}

const DOMAIN: &[u8; 27] = b"cellproof policy bundle v1\n";

/// A bundle as it travels. Whoever holds it has proved nothing yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedBundle {
    /// What the signature is about.
    pub manifest: Manifest,
    /// Which key is said to have signed.
    pub key_id: Arc<str>,
    /// Ed25519 (RFC 8032) over [`Manifest::signed_bytes`]; absent in an unsigned bundle.
    pub signature: Option<Bytes>,
    /// The files.
    pub content: Arc<BundleContent>,
}

/// One entry of the decision log (POL-04): digests and codes only, so that it may leave the region (ROL-06).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, by the enforcement point's clock.
    pub at: Instant,
    /// SHA-256 of the question's canonical JSON.
    pub input_sha256: [u8; 32],
    /// The policy's revision; 0 when there was none.
    pub revision: u64,
    /// The answer.
    pub decision: Decision,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_integers_of_levels_agree_and_unknown_data_is_restricted() {
        for (rank, level) in Level::ALL.into_iter().enumerate() {
            assert_eq!(Level::from_rank(rank as u64), Some(level));
            assert_eq!(Level::from_name(level.name()), Some(level));
        }
        assert!(Level::ALL.is_sorted());
        assert_eq!((Level::from_rank(4), Level::from_name("Public")), (None, None));
        assert_eq!(Level::of_data(None), Level::Restricted);
    }

    #[test]
    fn a_set_of_reasons_holds_each_code_once_in_order() {
        let mut denies = Denies::one(Deny::Label);
        denies.add(Deny::Residency);
        denies.add(Deny::Label);
        assert_eq!(denies.iter().collect::<Vec<_>>(), [Deny::Residency, Deny::Label]);
        assert!(Deny::ALL.is_sorted());
        for deny in Deny::ALL {
            assert_eq!(Deny::from_code(deny.code()), Some(deny));
        }
    }

    #[test]
    fn every_field_of_a_manifest_is_under_the_signature() {
        let base = Manifest { revision: 1, issued_at: Instant(2), policy_sha256: [3; 32], data_sha256: [4; 32] };
        let changed = [
            Manifest { revision: 9, ..base.clone() },
            Manifest { issued_at: Instant(9), ..base.clone() },
            Manifest { policy_sha256: [9; 32], ..base.clone() },
            Manifest { data_sha256: [9; 32], ..base.clone() },
        ];
        assert!(changed.iter().all(|m| m.signed_bytes() != base.signed_bytes()));
    }
}
