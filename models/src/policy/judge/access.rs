//! Judging a policy of access (§3.2) against [`abac::decide`].
//!
//! What is demanded is what POL-01 demands: the outcome on every question; the codes TENANT_MISMATCH, RESIDENCY and
//! LABEL where they are the reason; *a* code for each other reason, of whatever name; no such code without a reason. A
//! policy that names only the first of several reasons is as good as one that names all.

use super::space::{FIELDS, Space};
use super::{Finding, Judge, Shown, Tally};
use crate::control::Controls;
use crate::policy::abac;
use crate::policy::data::PolicyData;
use crate::policy::subject::{Answers, Reading};
use crate::wire::policy::{Decision, Deny, Input};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The codes that the document names; others may be called anything.
const NAMED: [Deny; 3] = [Deny::TenantMismatch, Deny::Residency, Deny::Label];

/// Judges the rules `allow` and `deny` of one package.
#[derive(Clone, Debug)]
pub struct Access {
    space: Arc<Space>,
    data: Arc<PolicyData>,
    package: Vec<String>,
    /// Which of the two rules it has.
    rules: Vec<&'static str>,
}

/// One thing that can be wrong with a question, or with an answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Atom {
    /// A field is missing, null, of another type or of an unknown value: its index in [`FIELDS`].
    Gap(usize),
    /// The reference denies the whole question for this reason.
    Reason(Deny),
    /// The level is given by its name.
    LevelByName,
    /// The policy gives this code.
    Code(String),
}

/// How an answer differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Yes instead of no.
    LetsThrough,
    /// Yes and no at once.
    Contradicts,
    /// No instead of yes.
    Refuses,
    /// It fails instead of answering.
    Fails,
    /// It answers what no caller can read.
    Unreadable,
    /// A named code is missing.
    CodeMissing,
    /// A named code is given without its reason.
    CodeUnfounded,
    /// No, and not why.
    Silent,
    /// It has no rule for codes at all.
    NoCodes,
}

type Class = (Kind, BTreeSet<Atom>);

/// What a policy says to a question.
struct Said {
    allow: Option<bool>,
    codes: BTreeSet<String>,
    unreadable: Option<String>,
}

impl Access {
    /// A judge of `reading`'s package over `data`.
    pub fn new(reading: &Reading, data: &PolicyData) -> Access {
        Access {
            space: Arc::new(Space::new(data)),
            data: Arc::new(data.clone()),
            package: reading.package.clone(),
            rules: ["allow", "deny"].into_iter().filter(|rule| reading.rules.contains(*rule)).collect(),
        }
    }

    /// The questions.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The rules asked.
    pub fn rules(&self) -> &[&'static str] {
        &self.rules
    }

    /// Input that the policy looks at and that no question has: the document's shape does not know it.
    pub fn ungiven(reading: &Reading) -> Vec<String> {
        let known = |input: &str| {
            let shape = FIELDS.iter().map(|at| at[1..].replace('/', "."));
            // A whole part may be looked at, and so may what would lie inside a field.
            shape
                .into_iter()
                .any(|field| field == input || field.starts_with(&format!("{input}.")) || input.starts_with(&field))
        };
        reading.inputs.iter().filter(|input| !known(input)).cloned().collect()
    }

    fn has(&self, rule: &str) -> bool {
        self.rules.contains(&rule)
    }

    fn said(&self, subject: &mut dyn Answers, question: &Value) -> Result<Said, String> {
        let values = subject.ask(&self.package, &self.rules, question)?;
        let value = |rule: &str| self.rules.iter().position(|r| *r == rule).and_then(|i| values[i].as_ref());
        let mut unreadable = None;
        let codes = match value("deny").map_or_else(|| Ok(BTreeSet::new()), codes) {
            Ok(codes) => codes,
            Err(what) => {
                unreadable = Some(format!("deny is {what}"));
                BTreeSet::new()
            }
        };
        let allow = match value("allow") {
            None if !self.has("allow") => Some(codes.is_empty() && unreadable.is_none()),
            None => None,
            Some(Value::Bool(allow)) => Some(*allow),
            Some(other) => {
                unreadable = Some(format!("allow is {other}"));
                None
            }
        };
        Ok(Said { allow, codes, unreadable })
    }
}

impl Judge for Access {
    type Class = Class;

    fn len(&self) -> usize {
        self.space.len()
    }

    fn ask(&self, n: usize, subject: &mut dyn Answers, tally: &mut Tally<Class>) {
        let question = self.space.question(n);
        let input = Input::from_json(&question);
        let native = abac::decide(&Controls::all_on(), &self.data, &input);
        let atoms = atoms(&question, &input, native);
        let mut note = |kind, about: BTreeSet<Atom>, why: Option<String>, said: String| {
            let hint = if about.len() == 1 { about.iter().find_map(|atom| how(atom, &question)) } else { None };
            tally.note((kind, about), why.or(hint), atoms.len(), &question, (answer_of(native), said));
        };
        let said = match self.said(subject, &question) {
            Ok(said) => said,
            Err(why) => {
                let about = BTreeSet::from([Atom::Code(why.clone())]);
                return note(Kind::Fails, about, None, format!("fails: {why}"));
            }
        };
        if let Some(what) = &said.unreadable {
            return note(Kind::Unreadable, BTreeSet::new(), None, what.clone());
        }
        let allow = said.allow == Some(true);
        let codes: BTreeSet<Atom> = said.codes.iter().cloned().map(Atom::Code).collect();
        let by_name = atoms.contains(&Atom::LevelByName).then_some(Atom::LevelByName);
        match (native.allow, allow) {
            (false, true) => note(Kind::LetsThrough, atoms.clone(), None, said.text()),
            (true, true) if !codes.is_empty() => note(Kind::Contradicts, codes, None, said.text()),
            (true, true) => {}
            (true, false) => note(Kind::Refuses, codes.into_iter().chain(by_name).collect(), None, said.text()),
            (false, false) => {
                for (kind, about) in self.code_faults(&input, native, &atoms, &said) {
                    note(kind, about, None, said.text());
                }
            }
        }
    }

    fn findings(&self, tally: Tally<Class>) -> Vec<Finding> {
        let classes = tally.into_classes();
        let is_explained = |(kind, about): &Class| {
            let by = |(other, less): &Class| other == kind && less != about && less.is_subset(about);
            matches!(kind, Kind::LetsThrough | Kind::Refuses | Kind::Silent | Kind::Contradicts)
                && classes.keys().any(by)
        };
        let kept = classes.iter().filter(|(class, _)| !is_explained(class));
        kept.map(|(class, shown)| finding(class, shown)).collect()
    }
}

impl Access {
    /// What is wrong with the codes of a denial that the reference shares.
    fn code_faults(&self, input: &Input, native: Decision, atoms: &BTreeSet<Atom>, said: &Said) -> Vec<Class> {
        if !self.has("deny") {
            return vec![(Kind::NoCodes, BTreeSet::new())];
        }
        let gaps = atoms.iter().any(|atom| matches!(atom, Atom::Gap(_)));
        let tenant = input.tenant_id.as_deref().is_some_and(|id| self.data.tenant(id).is_some());
        let mut faults = Vec::new();
        for named in NAMED {
            let given = said.codes.contains(named.code());
            let alone = native.denies.iter().eq([named]);
            if alone && !given {
                faults.push((Kind::CodeMissing, BTreeSet::from([Atom::Reason(named)])));
            }
            if given && !native.denies.contains(named) && !gaps && tenant {
                faults.push((Kind::CodeUnfounded, BTreeSet::from([Atom::Reason(named)])));
            }
        }
        if said.codes.is_empty() && faults.is_empty() {
            faults.push((Kind::Silent, atoms.clone()));
        }
        faults
    }
}

impl Said {
    fn text(&self) -> String {
        let outcome = match self.allow {
            Some(true) => "yes",
            Some(false) => "no",
            None => "no (allow is undefined)",
        };
        let codes: Vec<&str> = self.codes.iter().map(String::as_str).collect();
        if codes.is_empty() { outcome.to_owned() } else { format!("{outcome}: {}", codes.join(", ")) }
    }
}

/// The codes of a `deny` rule: a set, a list, or an object whose keys are the reasons (`deny[reason] if …`).
fn codes(deny: &Value) -> Result<BTreeSet<String>, String> {
    let reason = |reason: &Value| match reason {
        Value::String(code) => Ok(code.clone()),
        Value::Object(fields) => match fields.get("code") {
            Some(Value::String(code)) => Ok(code.clone()),
            _ => Err(format!("{reason}, which has no code")),
        },
        _ => Err(format!("{reason}, which is no code")),
    };
    match deny {
        Value::Array(reasons) => reasons.iter().map(reason).collect(),
        // The library writes a key that is no text as its JSON.
        Value::Object(table) => table
            .iter()
            .filter(|(_, holds)| **holds != Value::Bool(false))
            .map(|(key, _)| serde_json::from_str::<Value>(key).map_or_else(|_| Ok(key.clone()), |key| reason(&key)))
            .collect(),
        Value::Bool(false) => Ok(BTreeSet::new()),
        other => Err(format!("{other}, and no set of codes")),
    }
}

/// What is wrong with a question: its gaps, or else the reference's reasons.
fn atoms(question: &Value, input: &Input, native: Decision) -> BTreeSet<Atom> {
    let read = [
        input.authenticated.is_some(),
        input.tenant_id.is_some(),
        input.resource_tenant.is_some(),
        input.kind.is_some(),
        input.classification.is_some(),
        input.label.is_some(),
        input.region.is_some(),
    ];
    let gaps: BTreeSet<Atom> = (0..FIELDS.len()).filter(|i| !read[*i]).map(Atom::Gap).collect();
    if !gaps.is_empty() {
        return gaps;
    }
    let named = question.pointer(FIELDS[4]).is_some_and(Value::is_string).then_some(Atom::LevelByName);
    native.denies.iter().map(Atom::Reason).chain(named).collect()
}

/// In which way a field is no value.
fn how(atom: &Atom, question: &Value) -> Option<String> {
    let Atom::Gap(field) = atom else { return None };
    let how = match question.pointer(FIELDS[*field]) {
        None => "missing",
        Some(Value::Null) => "null",
        Some(Value::Number(_) | Value::String(_)) if *field == 4 => "unknown",
        Some(_) => "of another type",
    };
    Some(how.to_owned())
}

fn answer_of(decision: Decision) -> String {
    let codes: Vec<&str> = decision.denies.iter().map(Deny::code).collect();
    if decision.allow { "yes".to_owned() } else { format!("no: {}", codes.join(", ")) }
}

fn finding((kind, about): &Class, shown: &Shown) -> Finding {
    let because = words(about, &shown.notes);
    let what = match kind {
        Kind::LetsThrough => format!("lets through what must be denied: {because}"),
        Kind::Contradicts => format!("allows and gives a reason against it at once: {because}"),
        Kind::Refuses if about.is_empty() => "refuses what is permitted, and says not why".to_owned(),
        Kind::Refuses => format!("refuses what is permitted: {because}"),
        Kind::Fails => format!("fails instead of answering: {because}"),
        Kind::Unreadable => "answers what no caller can read".to_owned(),
        Kind::CodeMissing => format!("denies without the code {because}, which is the only reason"),
        Kind::CodeUnfounded => format!("gives the code {because} without that reason"),
        Kind::Silent => format!("denies and says not why: {because}"),
        Kind::NoCodes => "has no rule `deny`: no denial says why".to_owned(),
    };
    Finding {
        what,
        requirements: requirements(*kind, about),
        question: shown.question().clone(),
        reference: shown.reference.clone(),
        policy: shown.policy.clone(),
        questions: shown.questions,
    }
}

fn words(about: &BTreeSet<Atom>, notes: &[String]) -> String {
    let notes = if notes.is_empty() { "no value".to_owned() } else { notes.join(" or ") };
    let word = |atom: &Atom| match atom {
        Atom::Gap(field) => {
            let name = FIELDS[*field][1..].replace('/', ".");
            if about.len() == 1 { format!("{name} is {notes}") } else { format!("{name} is no value") }
        }
        Atom::Reason(deny) => deny.code().to_owned(),
        Atom::LevelByName => "the level is given by name".to_owned(),
        Atom::Code(code) => code.clone(),
    };
    about.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The nearest requirement first; POL-01, which all of them break, last.
fn requirements(kind: Kind, about: &BTreeSet<Atom>) -> Vec<&'static str> {
    let of = |atom: &Atom| -> &'static [&'static str] {
        match atom {
            Atom::Gap(1 | 2) => &["TEN-02"],
            Atom::Gap(4) | Atom::LevelByName => &["CLS-05"],
            Atom::Gap(6) => &["POL-06"],
            Atom::Reason(deny) => deny.requirements(),
            Atom::Gap(_) | Atom::Code(_) => &[],
        }
    };
    let about = if matches!(kind, Kind::Fails | Kind::Silent) { &BTreeSet::new() } else { about };
    let nearest: BTreeMap<&str, ()> =
        about.iter().flat_map(of).filter(|id| **id != "POL-01").map(|id| (*id, ())).collect();
    nearest.into_keys().chain(["POL-01"]).collect()
}
