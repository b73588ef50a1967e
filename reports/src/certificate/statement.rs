//! What a certificate says: a SLSA verification summary (v1) about the configuration of a platform.
//!
//! Consumers of the summary ignore members that they do not know; ours has the form that SLSA asks vendors to use. One
//! order of members, no blanks; numbers of 64 bits are strings.

use crate::assessment::{Asked, Mode, NotJudged, Verdict};
use crate::evidence::statement::{Resource, STATEMENT};
use serde::{Deserialize, Serialize};
use sim::record::CertificateLevel;
use std::collections::BTreeMap;

/// The predicate's type.
pub const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// Who concludes: the rules of [`super::conclude`], in this version. Other rules are another verifier.
pub const VERIFIER: &str = "urn:cellproof:verifier:2";

/// Version of [`Own`].
pub const OWN_VERSION: u32 = 2;

/// Everything that decides a verdict, by name. A certificate that leaves one out is incomplete.
pub const PINS: [&str; 11] = [
    "catalogue",
    "code",
    "configuration",
    "controls",
    "mutants",
    "objectives",
    "plan",
    "platform",
    "profile",
    "tenants",
    "toolchain",
];

/// JSON Schema (draft 2020-12) of the statement.
pub const SCHEMA: &str = include_str!("../../schemas/certificate.schema.json");

/// A certificate, as it is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub type_: String,
    /// The configuration that it is about, alone.
    pub subject: Vec<Resource>,
    /// [`SUMMARY`].
    pub predicate_type: String,
    /// What was concluded.
    pub predicate: Summary,
}

/// What was concluded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// Who concluded.
    pub verifier: Verifier,
    /// When (RFC 3339): the wall clock of the certifier, never simulated time.
    pub time_verified: String,
    /// What may be trusted because of it: a deployment, an environment.
    pub resource_uri: String,
    /// The profile.
    pub policy: Policy,
    /// All evidence that was used, by the digest of its envelope.
    pub input_attestations: Vec<Resource>,
    /// Whether the profile's level is reached.
    pub verification_result: Outcome,
    /// The highest level that is reached, alone; `FAILED` when it is not enough.
    pub verified_levels: Vec<String>,
    /// What the summary has no word for.
    #[serde(rename = "cellproof_certificate")]
    pub own: Own,
}

/// Who concluded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    /// [`VERIFIER`].
    pub id: String,
    /// Versions of what concluded, by name.
    pub version: BTreeMap<String, String>,
}

/// The profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// `urn:cellproof:profile:gdpr:1`.
    pub uri: String,
    /// Its digest.
    pub digest: BTreeMap<String, String>,
}

/// Whether it is enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It is.
    Passed,
    /// It is not, whatever the reason.
    Failed,
}

/// Who stands behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Whoever runs the platform says so.
    SelfAttested,
    /// Somebody says so who does not run it.
    ThirdParty,
}

/// What the summary has no word for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Own {
    /// Version of this object.
    pub version: u32,
    /// Name of the profile.
    pub profile: String,
    /// Who stands behind it.
    pub assurance: Assurance,
    /// Last second in which it counts (RFC 3339).
    pub expires_at: String,
    /// The level that the profile demands.
    pub demanded: CertificateLevel,
    /// The level that is reached.
    pub reached: CertificateLevel,
    /// All levels in order, and why those that are not reached are not.
    pub levels: Vec<Level>,
    /// Every row of the profile.
    pub rows: Vec<Row>,
    /// The judgements of the real deployment that it rests on; their envelopes are among the evidence.
    pub assessments: Vec<Judgement>,
    /// What the seeds bound, and over what.
    pub bound: String,
    /// The seeds.
    pub seeds: Seeds,
    /// What decides the verdict, by name ([`PINS`]).
    pub pins: BTreeMap<String, String>,
}

/// A level.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Which.
    pub level: CertificateLevel,
    /// Whether it is reached.
    pub reached: bool,
    /// Why it is not.
    pub why: Vec<String>,
}

/// A row of the profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Id of the requirement.
    pub id: String,
    /// What was shown of it.
    pub standing: RowStanding,
    /// What became of it at each real component that the catalogue names for it (`pg`), and at those where it is broken
    /// or undecided besides; empty where the catalogue names none.
    pub asked: BTreeMap<String, Asked>,
}

/// A judgement of the real deployment, as far as a certificate repeats it: neither addresses nor counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judgement {
    /// The deployment, as it calls itself.
    pub deployment: String,
    /// How far the judge went.
    pub mode: Mode,
    /// When (RFC 3339).
    pub judged_at: String,
    /// What was judged.
    pub components: Vec<Component>,
    /// Components that the deployment does not name.
    pub not_tested: Vec<String>,
}

/// A component of a judgement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Which: `postgres`.
    pub component: String,
    /// What answered, with its version.
    pub server: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was not judged of it, and why.
    pub not_judged: Vec<NotJudged>,
}

/// What was shown of a row; from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowStanding {
    /// It is sensitive, and nothing was found at any real component that the catalogue names for it.
    Conformant,
    /// It held, and what judges it was seen to notice when a control was missing.
    Sensitive,
    /// It held.
    Simulated,
    /// No simulation judged it, and nothing was found at any real component that the catalogue names for it.
    Assessed,
    /// It was judged, and could not be decided.
    Inconclusive,
    /// No simulation judged it.
    NotCovered,
    /// It broke, in simulation or at a real component.
    Failed,
}

/// The seeds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// The first, in decimal.
    pub base: String,
    /// Swarm seeds for each scenario, in decimal.
    pub count: String,
    /// What a verifier gave for the first to come from; empty when nothing was given.
    pub nonce: String,
    /// One minus the confidence of every bound and interval.
    pub alpha: String,
}

impl Certificate {
    /// The one way to write it.
    ///
    /// # Panics
    /// Never: a tree of text serialises.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tree of text serialises")
    }

    /// The kinds and versions that it is made of.
    pub(super) fn is_known(&self) -> bool {
        let kinds = (self.type_.as_str(), self.predicate_type.as_str(), self.predicate.verifier.id.as_str());
        kinds == (STATEMENT, SUMMARY, VERIFIER) && self.predicate.own.version == OWN_VERSION
    }
}

/// The value of `verifiedLevels` for a level. Names that begin with `SLSA_` belong to SLSA.
fn level_name(level: CertificateLevel) -> String {
    format!("CELLPROOF_L{}_{}", level as u8, level.as_str().to_uppercase())
}

impl Own {
    /// What a verifier of such summaries reads of it: the result, and the value of `verifiedLevels`.
    pub fn outcome(&self) -> (Outcome, Vec<String>) {
        match self.reached >= self.demanded {
            true => (Outcome::Passed, vec![level_name(self.reached)]),
            false => (Outcome::Failed, vec!["FAILED".into()]),
        }
    }
}

impl Row {
    /// Whether nothing was found at any real component, and it was asked of all that the catalogue names.
    pub fn is_clean(&self) -> bool {
        !self.asked.is_empty() && self.asked.values().all(|asked| *asked == Asked::Clean)
    }

    /// Whether its standing goes together with what became of it at real components.
    pub(super) fn is_consistent(&self) -> bool {
        let is_broken = self.asked.values().any(|asked| *asked == Asked::Findings);
        match self.standing {
            RowStanding::Conformant | RowStanding::Assessed => self.is_clean(),
            RowStanding::Sensitive | RowStanding::NotCovered => !is_broken && !self.is_clean(),
            RowStanding::Simulated | RowStanding::Inconclusive => !is_broken,
            RowStanding::Failed => true,
        }
    }
}

impl RowStanding {
    /// How it is said to people.
    pub fn word(self) -> &'static str {
        match self {
            RowStanding::Conformant => "conformant",
            RowStanding::Sensitive => "sensitive",
            RowStanding::Simulated => "simulated",
            RowStanding::Assessed => "assessed only",
            RowStanding::Inconclusive => "inconclusive",
            RowStanding::NotCovered => "not covered",
            RowStanding::Failed => "failed",
        }
    }

    /// All of them, from best to worst.
    pub const ALL: [RowStanding; 7] = [
        RowStanding::Conformant,
        RowStanding::Sensitive,
        RowStanding::Simulated,
        RowStanding::Assessed,
        RowStanding::Inconclusive,
        RowStanding::NotCovered,
        RowStanding::Failed,
    ];
}
