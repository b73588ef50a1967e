//! What an assessment says: an in-toto Statement v1 with the test-result predicate, about the report of a judgement.
//!
//! Members that the predicate does not know are ours, in one object: consumers of in-toto ignore what they do not know.
//! All members are written in one order, without blanks; times are text.

use crate::evidence::statement::{PAYLOAD_TYPE, Resource, STATEMENT, TEST_RESULT};
use crate::evidence::{SigningKey, Verdict as Result, envelope};
use serde::{Deserialize, Serialize};
use sim::chain::Digest;
use std::collections::BTreeMap;

/// Version of [`Own`].
pub const OWN_VERSION: u32 = 1;

/// Days that an assessment counts, at most: a deployment changes every day, and nobody would rely on the gate of the
/// month before last either. A profile whose certificates count for less takes nothing older than they count.
pub const VALID_DAYS: u16 = 30;

/// Seconds of a day.
pub const DAY_S: u64 = 86_400;

/// Name of the report, which is what an assessment is about.
pub const REPORT: &str = "certify.json";

/// What decides an assessment, by name: the code that judged, the deployment as it was written, the requirements.
pub const PINS: [&str; 3] = ["catalogue", "code", "deployment"];

/// JSON Schema (draft 2020-12) of the statement.
pub const SCHEMA: &str = include_str!("../../schemas/assessment.schema.json");

/// How far a judge may go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Reads catalogues and rows, in read-only transactions.
    #[default]
    Observe,
    /// Writes as well, in transactions that are rolled back.
    Rollback,
    /// For staging: floods a gateway as one of the tenants, and writes to marked topics of a Kafka, which are removed.
    Destructive,
}

/// What became of a component, or of the whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was tried was refused.
    Clean,
    /// Something that must not be possible was done.
    Findings,
    /// Neither was shown.
    Inconclusive,
}

/// What became of a row at a component; from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// All was tried of it that there is a probe for, and nothing was found.
    Clean,
    /// Nothing was found, and something of it was not tried.
    Partly,
    /// Nothing of it was tried.
    NotJudged,
    /// Something looks wrong and was not shown, or the component could not be judged.
    Inconclusive,
    /// It is broken.
    Findings,
}

/// An assessment, as it is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assessment {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub type_: String,
    /// The report, alone.
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
    /// The verdict; what is inconclusive is never encoded as passed.
    pub result: Result,
    /// What decides it, by digest ([`PINS`]).
    pub configuration: Vec<Resource>,
    /// Rows in which nothing was found, each with its component: `TEN-02 at postgres`.
    pub passed_tests: Vec<String>,
    /// Rows that were judged in part, or could not be decided.
    pub warned_tests: Vec<String>,
    /// Rows that are broken.
    pub failed_tests: Vec<String>,
    /// What in-toto has no word for.
    #[serde(rename = "cellproof_assessment")]
    pub own: Own,
}

/// What in-toto has no word for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Own {
    /// Version of this object.
    pub version: u32,
    /// What was judged: a URI for a deployment or an environment.
    pub resource: String,
    /// The deployment, as it calls itself.
    pub deployment: String,
    /// How far the judge went.
    pub mode: Mode,
    /// What judged: `cellproof 0.1.0`.
    pub tool: String,
    /// When (RFC 3339): the wall clock of the judge.
    pub judged_at: String,
    /// Last second in which it counts (RFC 3339).
    pub expires_at: String,
    /// How `cellproof certify` ended.
    pub exit: u8,
    /// What was judged.
    pub components: Vec<Component>,
    /// Components that the deployment does not name: nothing is said of them.
    pub not_tested: Vec<String>,
}

/// A component that the deployment names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Which: `postgres`.
    pub component: String,
    /// Where, and as whom; never with a secret.
    pub at: String,
    /// What answered, with its version; empty when nothing did.
    pub server: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it could not be judged, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Objects that are to blame for something that was shown.
    pub findings: u32,
    /// Objects of which something is suspected.
    pub suspicions: u32,
    /// Every row of the catalogue that was asked of it, in the catalogue's order.
    pub rows: Vec<Row>,
    /// What was not judged, and why.
    pub not_judged: Vec<NotJudged>,
}

/// A row of the catalogue, at a component.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Id of the requirement.
    pub id: String,
    /// What became of it.
    pub asked: Asked,
    /// Probes that bear on it.
    pub probes: u32,
    /// On how many objects they tried something; a probe without objects tried nothing.
    pub objects: u32,
    /// Findings that break it.
    pub findings: u32,
    /// Suspicions that would break it.
    pub suspicions: u32,
}

/// Something that was not judged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotJudged {
    /// What, with the rows that it bears on.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Mode {
    /// The word in deployments and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Observe => "observe",
            Mode::Rollback => "rollback",
            Mode::Destructive => "destructive",
        }
    }
}

impl Asked {
    /// How it is said to people, of a component.
    pub fn word(self) -> &'static str {
        match self {
            Asked::Clean => "clean",
            Asked::Partly => "judged in part",
            Asked::NotJudged => "not judged",
            Asked::Inconclusive => "inconclusive",
            Asked::Findings => "broken",
        }
    }

    /// What two judgements of one kind of component say together: what one found or left undecided the other does not
    /// make good, and what one judged the other need not judge again.
    pub fn and(self, other: Asked) -> Asked {
        let worst = self.max(other);
        if worst >= Asked::Inconclusive { worst } else { self.min(other) }
    }
}

impl Row {
    /// Whether what it counts allows what it says; `is_open` where its component could not be judged to the end.
    pub(super) fn is_consistent(&self, is_open: bool) -> bool {
        match self.asked {
            Asked::Findings => self.findings > 0,
            _ if self.findings > 0 => false,
            Asked::Inconclusive => true,
            _ if self.suspicions > 0 || is_open => false,
            Asked::NotJudged => self.objects == 0,
            Asked::Clean | Asked::Partly => self.objects > 0 && self.probes > 0,
        }
    }
}

impl Component {
    /// The verdict over what is counted: a suspicion is never green.
    pub fn concluded(&self) -> Verdict {
        match (&self.problem, self.findings, self.suspicions) {
            (_, 1.., _) => Verdict::Findings,
            (None, 0, 0) => Verdict::Clean,
            _ => Verdict::Inconclusive,
        }
    }
}

impl Own {
    /// How a judgement ends that found this.
    pub fn concluded(&self) -> u8 {
        let any = |verdict: Verdict| self.components.iter().any(|c| c.verdict == verdict);
        match (any(Verdict::Findings), any(Verdict::Inconclusive) || self.components.is_empty()) {
            (true, _) => 1,
            (false, true) => 3,
            (false, false) => 0,
        }
    }

    /// Rows with their components: in which nothing was found, that are open, that are broken.
    pub fn tests(&self) -> [Vec<String>; 3] {
        let of = |wanted: &[Asked]| {
            let rows = self.components.iter().flat_map(|c| c.rows.iter().map(move |row| (c, row)));
            let wanted = rows.filter(|(_, row)| wanted.contains(&row.asked));
            wanted.map(|(c, row)| format!("{} at {}", row.id, c.component)).collect()
        };
        [of(&[Asked::Clean]), of(&[Asked::Partly, Asked::NotJudged, Asked::Inconclusive]), of(&[Asked::Findings])]
    }
}

impl Assessment {
    /// The one way to write it.
    ///
    /// # Panics
    /// Never: a tree of text and numbers serialises.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tree of text and numbers serialises")
    }

    /// A pin, by name; nothing when it does not have it.
    pub fn pin(&self, name: &str) -> Option<&String> {
        self.predicate.configuration.iter().find(|pin| pin.name == name).and_then(|pin| pin.digest.get("sha256"))
    }

    /// The kinds and versions that it is made of.
    pub(super) fn is_known(&self) -> bool {
        let kinds = (self.type_.as_str(), self.predicate_type.as_str(), self.predicate.own.version);
        kinds == (STATEMENT, TEST_RESULT, OWN_VERSION)
    }
}

/// The assessment on what was found, as the report in these bytes says it in full; `pins` by name ([`PINS`]).
pub fn assessment(own: Own, report: &[u8], pins: &BTreeMap<&str, String>) -> Assessment {
    let [passed_tests, warned_tests, failed_tests] = own.tests();
    let configuration = pins.iter().map(|(name, digest)| Resource::sha256(name, digest.clone())).collect();
    let result = Result::of_exit(own.exit);
    Assessment {
        type_: STATEMENT.into(),
        subject: vec![Resource::sha256(REPORT, Digest::of(report).to_string())],
        predicate_type: TEST_RESULT.into(),
        predicate: Predicate { result, configuration, passed_tests, warned_tests, failed_tests, own },
    }
}

/// Signs an assessment.
pub fn issue(assessment: &Assessment, key: &SigningKey) -> Vec<u8> {
    envelope::seal(PAYLOAD_TYPE, &assessment.bytes(), key)
}
