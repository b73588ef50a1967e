//! What a judgement found, as data: one documented, versioned form (`reports/schemas/certify.schema.json`).
//!
//! A *finding* was executed and shown; a *suspicion* was read and not shown. Neither repeats what it read: whose rows
//! and how many is enough, and a report is mailed.

use super::asks;
use super::deployment::Mode;
use crate::exit::Exit;
use serde::Serialize;

pub use reports::assessment::{NotJudged, Verdict};

/// Version of the form.
const VERSION: u32 = 1;

/// The whole.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    version: u32,
    /// The deployment, as it calls itself.
    pub name: String,
    /// How far the judge went.
    pub mode: Mode,
    /// What became of it.
    pub verdict: Verdict,
    /// The tenants: who acted, and whose rows it must not see.
    pub tenants: [String; 2],
    /// What was judged.
    pub components: Vec<Component>,
    /// Components that the deployment does not name.
    pub not_tested: Vec<&'static str>,
}

/// One component.
#[derive(Clone, Debug, Serialize)]
pub struct Component {
    /// Which: `postgres`.
    pub component: &'static str,
    /// Where, and as whom.
    pub at: String,
    /// What answered, with its version.
    pub server: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why nothing could be judged, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How tenants were told apart and entered.
    pub tenancy: Vec<String>,
    /// What was shown.
    pub findings: Vec<Finding>,
    /// What was read and not shown.
    pub suspicions: Vec<Suspicion>,
    /// What was tried, and on how much.
    pub judged: Vec<Judged>,
    /// What was not, and why.
    pub not_judged: Vec<NotJudged>,
    /// What is worth knowing and breaks nothing.
    pub notes: Vec<String>,
    /// How the server was spared.
    pub limits: Limits,
}

/// Something that must not be possible, and was done.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The object that is to blame.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// What that breaks, the nearest first.
    pub requirements: Vec<&'static str>,
    /// How it was shown.
    pub proof: Proof,
    /// Statements that repair it, for whoever owns the object.
    pub repair: Vec<String>,
    /// Objects through which the same shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// What was executed, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Who acted; nobody, where no tenant was entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// On which connection.
    pub connection: &'static str,
    /// The statements, in order.
    pub statements: Vec<String>,
    /// What was seen.
    pub saw: String,
}

/// Something that looks wrong and was not shown.
#[derive(Clone, Debug, Serialize)]
pub struct Suspicion {
    /// The object.
    pub object: String,
    /// What is suspected.
    pub what: String,
    /// What it would break.
    pub requirements: Vec<&'static str>,
    /// Why it was not shown.
    pub why: String,
}

/// Something that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What.
    pub what: String,
    /// On how many objects.
    pub objects: usize,
    /// What it bears on.
    pub requirements: Vec<&'static str>,
}

/// How a server was spared.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    /// Longest time of a statement.
    pub statement_timeout_ms: u32,
    /// Longest wait for a lock.
    pub lock_timeout_ms: u32,
    /// Statements that were sent.
    pub statements: u64,
}

impl Component {
    /// A component of which nothing is known yet.
    pub fn new(component: &'static str, at: String, limits: Limits) -> Component {
        Component {
            component,
            at,
            server: String::new(),
            verdict: Verdict::Inconclusive,
            problem: None,
            tenancy: Vec::new(),
            findings: Vec::new(),
            suspicions: Vec::new(),
            judged: Vec::new(),
            not_judged: Vec::new(),
            notes: Vec::new(),
            limits,
        }
    }

    /// Nothing could be judged.
    pub fn unjudged(mut self, problem: impl Into<String>) -> Component {
        self.problem = Some(problem.into());
        self
    }

    /// Notes a finding. One object is blamed once.
    pub fn find(&mut self, finding: Finding) {
        match self.findings.iter_mut().find(|f| f.object == finding.object) {
            Some(known) => {
                if !known.also.contains(&finding.what) {
                    known.also.push(finding.what);
                }
            }
            None => self.findings.push(finding),
        }
    }

    /// Notes what looks wrong and was not shown. What was found is suspected no more.
    pub fn suspect(&mut self, object: &str, what: &str, requirements: &[&'static str], why: &str) {
        if self.findings.iter().any(|f| f.object == object) {
            return;
        }
        let (object, what, why) = (object.to_owned(), what.to_owned(), why.to_owned());
        self.suspicions.push(Suspicion { object, what, requirements: requirements.to_vec(), why });
    }

    /// Notes what was tried.
    pub fn judged(&mut self, what: &str, objects: usize, requirements: &[&'static str]) {
        self.judged.push(Judged { what: what.to_owned(), objects, requirements: requirements.to_vec() });
    }

    /// Notes what was not.
    pub fn not_judged(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let entry = NotJudged { what: what.into(), why: why.into() };
        if !self.not_judged.contains(&entry) {
            self.not_judged.push(entry);
        }
    }

    /// The verdict over what was found: a suspicion is never green.
    pub fn conclude(mut self) -> Component {
        self.verdict = match (&self.problem, self.findings.is_empty(), self.suspicions.is_empty()) {
            (_, false, _) => Verdict::Findings,
            (None, true, true) => Verdict::Clean,
            _ => Verdict::Inconclusive,
        };
        self
    }
}

impl Report {
    /// The whole of `components`.
    pub fn new(name: &str, mode: Mode, tenants: [String; 2], components: Vec<Component>) -> Report {
        let any = |verdict: Verdict| components.iter().any(|c| c.verdict == verdict);
        let verdict = match (any(Verdict::Findings), any(Verdict::Inconclusive) || components.is_empty()) {
            (true, _) => Verdict::Findings,
            (false, true) => Verdict::Inconclusive,
            (false, false) => Verdict::Clean,
        };
        let named = |name: &&str| components.iter().any(|c| c.component == *name);
        let not_tested = asks::COMPONENTS.iter().map(|(name, _)| *name).filter(|name| !named(name)).collect();
        Report { version: VERSION, name: name.to_owned(), mode, verdict, tenants, components, not_tested }
    }

    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self.verdict {
            Verdict::Clean => Exit::Held,
            Verdict::Findings => Exit::Broken,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }

    /// As one JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is JSON") + "\n"
    }
}
