//! What a seal says: an in-toto Statement v1 with the test-result predicate, about one payload file.
//!
//! Members that the predicate does not know are ours, in one object: consumers of in-toto ignore what they do not know.
//! All members are written in one order, without blanks; numbers of 64 bits are strings.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The payload type of the envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The statement's type.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The predicate's type.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Verdict of a seal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// All that ran held.
    Passed,
    /// Nothing broke and too little was proved. Never encoded as passed.
    Warned,
    /// A requirement is broken.
    Failed,
}

impl Verdict {
    /// The verdict of a gate that ended so.
    pub fn of_exit(exit: u8) -> Verdict {
        match exit {
            0 => Verdict::Passed,
            1 => Verdict::Failed,
            _ => Verdict::Warned,
        }
    }
}

/// Something with a digest (a ResourceDescriptor).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Digests, by algorithm, in lower-case hex.
    pub digest: BTreeMap<String, String>,
}

impl Resource {
    /// A resource by its SHA-256, in lower-case hex.
    pub fn sha256(name: &str, digest: String) -> Resource {
        Resource { name: name.into(), digest: BTreeMap::from([("sha256".to_owned(), digest)]) }
    }
}

/// A seal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seal {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub type_: String,
    /// The payload file, alone.
    pub subject: Vec<Resource>,
    /// [`TEST_RESULT`].
    pub predicate_type: String,
    /// What was found.
    pub predicate: Predicate,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// The verdict.
    pub result: Verdict,
    /// What was tested, by digest: code, platform and tenants, catalogue.
    pub configuration: Vec<Resource>,
    /// Scenarios that held.
    pub passed_tests: Vec<String>,
    /// Scenarios that proved nothing.
    pub warned_tests: Vec<String>,
    /// Scenarios in which a requirement broke.
    pub failed_tests: Vec<String>,
    /// What in-toto has no word for.
    pub cellproof: Own,
}

/// What in-toto has no word for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Own {
    /// Version of this object.
    pub version: u32,
    /// For whom the bundle was made.
    pub tenant: String,
    /// What made it.
    pub tool: String,
    /// When it was sealed, in seconds since 1970.
    pub sealed_at: u64,
    /// Until when it counts.
    pub expires_at: u64,
    /// What the verifier gave, so that nobody could have picked the seeds or run before; empty when nothing was given.
    pub nonce: String,
    /// Exit code of the gate.
    pub exit: u8,
}

/// Version of [`Own`].
pub const OWN_VERSION: u32 = 2;

impl Seal {
    /// The one way to write it.
    ///
    /// # Panics
    /// Never: a tree of text and numbers serialises.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tree of text and numbers serialises")
    }
}
