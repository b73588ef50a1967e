//! What a judgement found, as data: one documented, versioned form (`reports/schemas/policy.schema.json`).

use super::gather::Data;
use models::policy::judge::Finding;
use models::policy::subject::{Loaded, Reading, Unusable};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Version of the form.
const VERSION: u32 = 1;

/// What became of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It answers as the reference does.
    Agrees,
    /// It does not, somewhere.
    Disagrees,
    /// It does not parse or compile.
    DoesNotCompile,
    /// It calls a builtin that is not there.
    NeedsBuiltin,
    /// It offers no rule that could be asked.
    NothingToAsk,
}

/// The whole.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    version: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// Where the data comes from.
    pub data: String,
    /// The files.
    pub modules: Vec<File>,
    /// What was asked, a package and duty each.
    pub packages: Vec<Asked>,
    /// Why nothing was asked, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its path.
    pub file: String,
    /// Its package.
    pub package: String,
    /// The dialects in which it parses; it is asked in the first.
    pub dialects: Vec<&'static str>,
}

/// What one package was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The package.
    pub package: String,
    /// What of: `access` (§3.2) or `remediation` (§3.7).
    pub duty: &'static str,
    /// Rules that were asked.
    pub rules: Vec<Rule>,
    /// Texts beside `code` in it.
    pub codes: Vec<String>,
    /// How many questions.
    pub questions: usize,
    /// How many of them are the product of every field's values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combinations: Option<usize>,
    /// Tenants of whom every combination was asked.
    pub tenants: Vec<String>,
    /// Classes of disagreement.
    pub findings: Vec<Shown>,
    /// What is demanded and could not be asked.
    pub unasked: Vec<String>,
}

/// A rule that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// As it is addressed.
    pub name: String,
    /// Its default, as JSON, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A class of disagreement.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// What the policy does.
    pub what: String,
    /// What that breaks, the nearest first.
    pub requirements: Vec<&'static str>,
    /// The simplest input that shows it.
    pub input: Value,
    /// The reference's answer.
    pub reference: String,
    /// The policy's.
    pub policy: String,
    /// How many questions show it.
    pub questions: u64,
}

/// Why nothing could be asked.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when no place is known.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong, and what was expected.
    pub why: String,
    /// The builtin that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builtin: Option<String>,
}

impl Report {
    /// An empty report.
    pub fn new(data: &Data) -> Report {
        let (modules, packages) = (Vec::new(), Vec::new());
        let (verdict, data) = (Verdict::Agrees, data.from.clone());
        Report { version: VERSION, verdict, data, modules, packages, problem: None }
    }

    /// As one JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is JSON") + "\n"
    }

    /// Notes the files.
    pub fn modules(&mut self, modules: &[Loaded]) {
        let file = |m: &Loaded| File {
            file: m.file.clone(),
            package: m.reading.package_name(),
            dialects: [(m.v1, "v1"), (m.v0, "v0")].into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect(),
        };
        self.modules = modules.iter().map(file).collect();
    }

    /// Nothing could be asked.
    pub fn unusable(mut self, unusable: Unusable) -> Report {
        self.verdict = match &unusable {
            Unusable::DoesNotCompile { .. } => Verdict::DoesNotCompile,
            Unusable::NeedsBuiltin { .. } => Verdict::NeedsBuiltin,
        };
        self.problem = Some(unusable.into());
        self.packages.clear();
        self
    }

    /// The verdict over what was asked.
    pub fn conclude(mut self, modules: &[Loaded]) -> Report {
        if self.packages.is_empty() {
            let rules: Vec<&str> = modules.iter().flat_map(|m| m.reading.rules.iter().map(String::as_str)).collect();
            let has = if rules.is_empty() { "no rules".to_owned() } else { format!("only {}", rules.join(", ")) };
            let why = format!("has {has}; expected a rule `allow` or `deny` (access), or `action` (remediation)");
            let file = modules.first().map(|m| m.file.clone()).unwrap_or_default();
            self.problem = Some(Problem { file, line: 0, column: 0, why, builtin: None });
            self.verdict = Verdict::NothingToAsk;
        } else if self.packages.iter().any(|p| !p.findings.is_empty()) {
            self.verdict = Verdict::Disagrees;
        }
        self
    }
}

impl Asked {
    /// What was asked of `reading`'s package, and what was found.
    pub fn new(duty: &'static str, reading: &Reading, rules: &[&str], found: Vec<Finding>, questions: usize) -> Asked {
        let rule = |rule: &&str| Rule {
            name: format!("data.{}.{rule}", reading.package_name()),
            default: reading.defaults.get(*rule).cloned(),
        };
        let shown = |f: Finding| Shown {
            what: f.what,
            requirements: f.requirements,
            input: f.question,
            reference: f.reference,
            policy: f.policy,
            questions: f.questions,
        };
        Asked {
            package: reading.package_name(),
            duty,
            rules: rules.iter().map(rule).collect(),
            codes: reading.codes.iter().cloned().collect(),
            questions,
            combinations: None,
            tenants: Vec::new(),
            findings: found.into_iter().map(shown).collect(),
            unasked: Vec::new(),
        }
    }
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Problem {
        let (place, why, builtin) = match unusable {
            Unusable::DoesNotCompile { place, why } => (place, why, None),
            Unusable::NeedsBuiltin { place, name } => {
                (place, format!("calls the builtin `{name}`, which is not available here"), Some(name))
            }
        };
        Problem { file: place.file, line: place.line, column: place.column, why, builtin }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.why),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.why),
        }
    }
}
