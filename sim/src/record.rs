//! What a gate leaves behind: ids, findings, the four closed vocabularies of verdicts, and the records every report
//! is made from.
//!
//! A record is complete by itself: the requirement catalogue is copied into it, so a reader (a report, a verifier, an
//! auditor's script) needs nothing else. Seeds and other 64-bit numbers are strings, because JSON readers round them.

pub mod objective;
pub mod plan;
mod profile;
pub mod serving;

pub use objective::{AlertRecord, BudgetRecord, CALM, CanaryRecord, SWARM, SeedsRecord, SloBound, SloRecord};
pub use plan::PlanRecord;
pub use profile::{OpenRows, Profile};
pub use serving::{SERVING_WINDOW_NS, Serving, Spread};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Version of the serialised form; a reader refuses what it does not know.
pub const RECORD_VERSION: u32 = 1;

/// Where a fact can be seen from. An oracle names the vantages it judges by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// Bytes to and from a principal.
    Client,
    /// Durable contents.
    Store,
    /// Exported records.
    Log,
    /// Only the simulator knows. An oracle that needs it cannot judge a real deployment.
    Truth,
}

/// Verdict on a scenario. Only [`ScenarioVerdict::Held`] is green.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioVerdict {
    /// Every pass ran, every mark was reached, nothing was broken, every ablation was as declared.
    Held,
    /// A requirement was broken with its controls on, or an ablation differed from its declaration.
    Breach,
    /// A mark was never reached, so nothing was proved.
    Vacuous,
    /// A control was off, the attack went through, and no oracle noticed.
    Toothless,
    /// The same token gave two digests.
    Nondeterministic,
    /// Did not run, and why.
    Skipped(String),
}

/// Verdict on one control, ablated in one attack variant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AblationVerdict {
    /// With this control off, the attack succeeds.
    SoleBlocker,
    /// The attack succeeds only when this many controls are off together (the smallest such set that holds this one);
    /// `0` stands for "more than were searched".
    Redundant(u8),
    /// The attack's mark was hit and the control never consulted.
    NotInvolved,
    /// The off run never reached the mark before the control, so it proves nothing.
    Void,
}

/// Verdict on a service level objective.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SloVerdict {
    /// The whole confidence interval lies inside the objective.
    Met,
    /// The whole interval lies outside.
    Missed,
    /// The interval straddles the objective: more seeds are needed.
    Inconclusive,
    /// Nothing was measured. Never counts as met.
    NoData,
}

/// How far a certificate reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateLevel {
    /// Plan and configuration are pinned.
    Declared,
    /// The reference model passes the pinned profile.
    Simulated,
    /// Every check killed its mutants.
    Sensitive,
    /// A real deployment was judged and conforms.
    Conformant,
    /// Chaos drills ran on it.
    Drilled,
}

impl CertificateLevel {
    /// All levels; each stands on those before it.
    pub const ALL: [CertificateLevel; 5] = [
        CertificateLevel::Declared,
        CertificateLevel::Simulated,
        CertificateLevel::Sensitive,
        CertificateLevel::Conformant,
        CertificateLevel::Drilled,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            CertificateLevel::Declared => "declared",
            CertificateLevel::Simulated => "simulated",
            CertificateLevel::Sensitive => "sensitive",
            CertificateLevel::Conformant => "conformant",
            CertificateLevel::Drilled => "drilled",
        }
    }
}

/// How a verdict is said outside: exit code, JUnit element, SARIF `kind` and `level`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outward {
    /// Process exit code: 0 held, 1 broken, 3 inconclusive.
    pub exit: u8,
    /// JUnit element; `passed` is the empty test case.
    pub junit: &'static str,
    /// SARIF 2.1.0 `result.kind`.
    pub sarif_kind: &'static str,
    /// SARIF 2.1.0 `result.level`.
    pub sarif_level: &'static str,
}

const PASSED: Outward = Outward { exit: 0, junit: "passed", sarif_kind: "pass", sarif_level: "none" };
const FAILED: Outward = Outward { exit: 1, junit: "failure", sarif_kind: "fail", sarif_level: "error" };
const OPEN: Outward = Outward { exit: 3, junit: "error", sarif_kind: "open", sarif_level: "none" };
// What did not run would have applied: SARIF's `notApplicable` says something else.
const SKIPPED: Outward = Outward { exit: 3, junit: "skipped", sarif_kind: "open", sarif_level: "none" };

impl ScenarioVerdict {
    /// The one table that maps this vocabulary outward.
    pub fn outward(&self) -> Outward {
        match self {
            ScenarioVerdict::Held => PASSED,
            ScenarioVerdict::Breach => FAILED,
            ScenarioVerdict::Vacuous | ScenarioVerdict::Toothless | ScenarioVerdict::Nondeterministic => OPEN,
            ScenarioVerdict::Skipped(_) => SKIPPED,
        }
    }
}

impl fmt::Display for ScenarioVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScenarioVerdict::Held => f.write_str("held"),
            ScenarioVerdict::Breach => f.write_str("breach"),
            ScenarioVerdict::Vacuous => f.write_str("vacuous"),
            ScenarioVerdict::Toothless => f.write_str("toothless"),
            ScenarioVerdict::Nondeterministic => f.write_str("nondeterministic"),
            ScenarioVerdict::Skipped(why) => write!(f, "skipped ({why})"),
        }
    }
}

impl fmt::Display for AblationVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AblationVerdict::SoleBlocker => f.write_str("sole blocker"),
            AblationVerdict::Redundant(0) => f.write_str("redundant, depth > 2"),
            AblationVerdict::Redundant(n) => write!(f, "redundant-{n}"),
            AblationVerdict::NotInvolved => f.write_str("not involved"),
            AblationVerdict::Void => f.write_str("void"),
        }
    }
}

impl fmt::Display for SloVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SloVerdict::Met => "MET",
            SloVerdict::Missed => "MISSED",
            SloVerdict::Inconclusive => "INCONCLUSIVE",
            SloVerdict::NoData => "NO_DATA",
        })
    }
}

impl fmt::Display for Vantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Vantage::Client => "client",
            Vantage::Store => "store",
            Vantage::Log => "log",
            Vantage::Truth => "truth",
        })
    }
}

/// One row of the requirement catalogue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Requirement {
    /// `TEN-02`.
    pub id: String,
    /// `TEN`.
    pub group: String,
    /// The promise, in the catalogue's words.
    pub text: String,
}

/// What an oracle found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The requirement that is broken.
    pub requirement: String,
    /// The oracle that says so.
    pub oracle: String,
    /// Where the convicting fact was seen.
    pub vantage: Vantage,
    /// The tenant that is harmed, by id.
    pub tenant: Option<String>,
    /// The node at which the fact was observed, by role.
    pub node: String,
    /// When, in nanoseconds of simulated time.
    pub at_ns: u64,
    /// Causal id of the request that led to it, as 16 hex digits.
    pub cause: String,
    /// One sentence: what happened, and what should have.
    pub message: String,
}

/// A fault of the plan, and how often it struck.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultFired {
    /// `partition`, `crash`, `clock-skew`, …
    pub fault: String,
    /// Role, link or cell.
    pub target: String,
    /// Start, in nanoseconds of simulated time.
    pub from_ns: u64,
    /// End, in nanoseconds of simulated time.
    pub until_ns: u64,
    /// How often it changed anything. Zero is an error.
    pub fired: u64,
}

/// Which pass of a proof a run belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pass {
    /// Guards on, no faults.
    Calm,
    /// Guards on, faults drawn from the seed.
    Swarm,
    /// One control (or a pair) off.
    Ablation,
    /// Only the other tenants' value bytes differ from the calm run.
    Value,
    /// The other tenants are absent.
    Presence,
    /// Swarm runs that an exploration kept. Names what is counted of them; such a run itself is of the swarm.
    Corpus,
}

impl Pass {
    /// The pass as it stands in a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Pass::Calm => "calm",
            Pass::Swarm => "swarm",
            Pass::Ablation => "ablation",
            Pass::Value => "value",
            Pass::Presence => "presence",
            Pass::Corpus => "corpus",
        }
    }
    /// The inverse of [`Pass::as_str`], for passes that a run can be of.
    pub fn parse(s: &str) -> Option<Pass> {
        [Pass::Calm, Pass::Swarm, Pass::Ablation, Pass::Value, Pass::Presence].into_iter().find(|p| p.as_str() == s)
    }
}

/// One run, whole.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// `stride/disclosure-cache-bleed`.
    pub scenario: String,
    /// Which pass.
    pub pass: Pass,
    /// `kernel`, `turmoil` or `madsim`.
    pub engine: String,
    /// The seed, in decimal.
    pub seed: String,
    /// Controls that were off.
    pub ablations: Vec<String>,
    /// The line that replays this run.
    pub token: String,
    /// Digest of all facts, 64 hex digits (BLAKE3).
    pub digest: String,
    /// Inputs handled by machines.
    pub events: u64,
    /// Simulated time, in nanoseconds.
    pub simulated_ns: u64,
    /// Facts emitted.
    pub facts: u64,
    /// Requests of honest tenants: sent.
    pub requests_sent: u64,
    /// Requests of honest tenants: answered well.
    pub requests_good: u64,
    /// What the oracles found.
    pub findings: Vec<Finding>,
    /// Marks reached, with how often.
    pub marks: BTreeMap<String, u64>,
    /// The plan's faults, with how often they struck.
    pub faults: Vec<FaultFired>,
    /// Controls that were asked for.
    pub consulted: Vec<String>,
    /// Calls of real libraries: name → (real calls, memo hits).
    pub library_calls: BTreeMap<String, (u64, u64)>,
    /// What was still owed to honest tenants at the end of the liveness act, and why. Empty is good.
    pub pending: Vec<String>,
    /// Mistakes of the run itself: a fault that never fired, an override that was never used.
    pub errors: Vec<String>,
    /// Per tenant and cell.
    pub serving: Vec<Serving>,
}

/// A pass of a scenario, summed over its seeds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PassRecord {
    /// Which pass.
    pub pass: Pass,
    /// Runs that were made.
    pub runs: u64,
    /// Runs with at least one finding.
    pub breaches: u64,
    /// Runs that were made twice and compared.
    pub compared: u64,
    /// Runs of a corpus that no longer are what they were kept for: a fault did not strike, or nothing asked for an
    /// override.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stale: u64,
    /// Inputs handled by machines, over all runs.
    pub events: u64,
    /// Requests of honest tenants, over all runs.
    pub requests: u64,
    /// Simulated time, in nanoseconds, over all runs.
    #[serde(default)]
    pub simulated_ns: u64,
    /// Service of honest tenants per tenant and cell, folded over all runs; windows are relative to a run's start.
    #[serde(default)]
    pub serving: Vec<Serving>,
    /// Faults that struck, over all runs: name → times.
    pub faults: BTreeMap<String, u64>,
    /// One-sided upper 95 % confidence bound (Clopper–Pearson) on the probability that a seed breaches. Runs of a
    /// corpus were chosen, and bound nothing: 1.
    pub breach_bound_95: f64,
    /// Runs worth keeping whole: the first that failed, otherwise the first.
    pub kept: Vec<RunRecord>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One control, ablated in one scenario.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AblationRecord {
    /// The control.
    pub control: String,
    /// The attack variant that the verdict is about.
    pub variant: String,
    /// What the scenario declared beforehand.
    pub expected: AblationVerdict,
    /// What was observed.
    pub observed: AblationVerdict,
    /// The other control of the smallest breaching set, when `observed` is `Redundant(2)`.
    pub partner: Option<String>,
    /// How many seeds it took to see the breach.
    pub seeds_to_breach: Option<u32>,
    /// Runs that were made for this verdict.
    pub runs: u32,
    /// The first convicting finding.
    pub finding: Option<Finding>,
    /// Token of the breaching run.
    pub token: Option<String>,
}

/// A pair of runs that must look alike to one tenant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NonInterference {
    /// `value` or `presence`.
    pub mode: Pass,
    /// The tenant whose view is compared.
    pub tenant: String,
    /// Facts in the view.
    pub facts: u64,
    /// Whether the views agree.
    pub alike: bool,
    /// The first difference, in words.
    pub difference: Option<String>,
    /// Token of the second run.
    pub token: String,
}

/// A scenario, proved or not.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// `stride/disclosure-cache-bleed`.
    pub name: String,
    /// One line.
    pub title: String,
    /// The threat, in sentences.
    pub threat: String,
    /// STRIDE letter, if it is one: `I`.
    pub stride: Option<String>,
    /// Requirements it judges.
    pub requirements: Vec<String>,
    /// The verdict.
    pub verdict: ScenarioVerdict,
    /// Why, one sentence a line, when not held.
    pub why: Vec<String>,
    /// The line that replays the failure, when not held.
    pub replay: Option<String>,
    /// Whether the scenario is a canary: it must fail, and its breach does not count.
    pub canary: bool,
    /// Marks it must reach.
    pub marks_declared: Vec<String>,
    /// Passes with guards on.
    pub passes: Vec<PassRecord>,
    /// Controls off, one by one (and in pairs).
    pub ablations: Vec<AblationRecord>,
    /// Pairs that must look alike.
    pub non_interference: Vec<NonInterference>,
}

/// A control, as reports show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ControlRecord {
    /// `cache.key-namespace`.
    pub id: String,
    /// Requirements it upholds.
    pub upholds: Vec<String>,
    /// What the system does without it.
    pub off: String,
}

/// Everything one `gate` (or `run`) found: the source of every report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GateRecord {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// `cellproof 0.1.0`.
    pub tool: String,
    /// Digest of the code that ran, hex.
    pub code: String,
    /// Digest of `platform.toml` and `tenants.yaml`, hex.
    pub config: String,
    /// Digest of the requirement catalogue, hex.
    pub catalogue: String,
    /// What else decides the verdict, by name: digests of the platform, the tenants, the objectives, the controls, the
    /// mutants, the plan, and the version of the toolchain.
    #[serde(default)]
    pub pins: BTreeMap<String, String>,
    /// The command that produced it, as one would type it.
    pub command: String,
    /// First seed of the plan, in decimal.
    pub seed_base: String,
    /// What a verifier gave, so that nobody could choose the seeds ([`crate::seed::base`]); empty when nothing was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nonce: String,
    /// Swarm seeds per scenario.
    pub seeds: u64,
    /// What was fixed before the first run. Absent in records that were made before it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRecord>,
    /// The requirement catalogue.
    pub requirements: Vec<Requirement>,
    /// The controls of the reference platform.
    pub controls: Vec<ControlRecord>,
    /// The scenarios.
    pub scenarios: Vec<ScenarioRecord>,
    /// Objectives per tenant and cell.
    pub slos: Vec<SloRecord>,
    /// Serving figures behind the objectives, folded over the runs of each condition: (condition, figures).
    pub serving: Vec<(String, Serving)>,
    /// Rows of the catalogue that no scenario judges.
    pub not_covered: Vec<String>,
    /// The process exit code.
    pub exit: u8,
}
