//! Judging somebody's policy: does it answer as the reference does, and where not, what does that break?
//!
//! A policy is asked about a whole small space of questions, not about examples. What it answers otherwise falls into
//! classes, one for each thing that is wrong with it, and each class is shown by its simplest question. Judging is cut
//! into ranges that may be judged anywhere and are merged, so that threads change no result.

pub mod access;
pub mod remediation;
pub mod space;

use super::data::PolicyData;
use super::subject::{Answers, Reading};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// What is asked of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Duty {
    /// May this tenant do that (§3.2)? It has `allow` or `deny`.
    Access,
    /// What is to be done about the platform's health (§3.7)? It has `action`.
    Remediation,
}

/// A class of answers that differ from the reference's.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// What the policy does, in one sentence.
    pub what: String,
    /// The requirements that it breaks, the nearest first.
    pub requirements: Vec<&'static str>,
    /// The simplest question that shows it.
    pub question: Value,
    /// What the reference says.
    pub reference: String,
    /// What the policy says.
    pub policy: String,
    /// How many questions show it.
    pub questions: u64,
}

/// A judge of one duty: asks its questions, and tells its findings.
pub trait Judge: Clone + Send + Sync {
    /// What a range of questions shows, keyed by class.
    type Class: Ord + Clone + Send;

    /// How many questions there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks question `n`, and puts what differs into `tally`.
    fn ask(&self, n: usize, subject: &mut dyn Answers, tally: &mut Tally<Self::Class>);

    /// The findings of a whole tally; a class that another one explains is left out.
    fn findings(&self, tally: Tally<Self::Class>) -> Vec<Finding>;
}

/// What differs, by class.
#[derive(Clone, Debug)]
pub struct Tally<K> {
    classes: BTreeMap<K, Shown>,
}

/// One class as it was seen.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// Questions that show it.
    pub questions: u64,
    /// Further words about it, collected.
    pub notes: Vec<String>,
    /// How far the shown question is from a sound one.
    distance: usize,
    /// The question, with its text for comparison.
    question: (usize, String, Value),
    /// The reference's answer to it.
    pub reference: String,
    /// The policy's.
    pub policy: String,
}

impl<K> Default for Tally<K> {
    fn default() -> Tally<K> {
        Tally { classes: BTreeMap::new() }
    }
}

impl<K: Ord> Tally<K> {
    /// Notes a question that shows `class`; `distance` counts what is wrong with the question.
    pub fn note(
        &mut self,
        class: K,
        note: Option<String>,
        distance: usize,
        question: &Value,
        answers: (String, String),
    ) {
        let text = question.to_string();
        let shown = Shown {
            questions: 1,
            notes: note.into_iter().collect(),
            distance,
            question: (text.len(), text, question.clone()),
            reference: answers.0,
            policy: answers.1,
        };
        self.add(class, shown);
    }

    /// Takes over what another range showed.
    pub fn merge(&mut self, other: Tally<K>) {
        for (class, shown) in other.classes {
            self.add(class, shown);
        }
    }

    /// The classes, in order.
    pub fn into_classes(self) -> BTreeMap<K, Shown> {
        self.classes
    }

    fn add(&mut self, class: K, shown: Shown) {
        let Some(known) = self.classes.get_mut(&class) else {
            self.classes.insert(class, shown);
            return;
        };
        let questions = known.questions + shown.questions;
        let mut notes = std::mem::take(&mut known.notes);
        notes.extend(shown.notes.iter().filter(|note| !notes.contains(note)).cloned().collect::<Vec<_>>());
        notes.sort();
        if shown.simplicity() < known.simplicity() {
            *known = shown;
        }
        (known.questions, known.notes) = (questions, notes);
    }
}

impl Shown {
    /// The question that shows it.
    pub fn question(&self) -> &Value {
        &self.question.2
    }

    /// Few things wrong, then short, then first in order of text.
    fn simplicity(&self) -> (usize, usize, &str) {
        (self.distance, self.question.0, &self.question.1)
    }
}

/// What there is to ask of a package.
pub fn duties(reading: &Reading) -> Vec<Duty> {
    let has = |rule: &str| reading.rules.contains(rule);
    let access = (has("allow") || has("deny")).then_some(Duty::Access);
    let remediation = (has("action") || has("actions")).then_some(Duty::Remediation);
    access.into_iter().chain(remediation).collect()
}

/// Asks a range of a judge's questions.
pub fn ask<J: Judge>(judge: &J, subject: &mut dyn Answers, range: Range<usize>) -> Tally<J::Class> {
    let mut tally = Tally::default();
    for n in range {
        judge.ask(n, subject, &mut tally);
    }
    tally
}

/// Asks everything on this thread.
pub fn judge<J: Judge>(judge: &J, subject: &mut dyn Answers) -> Vec<Finding> {
    let tally = ask(judge, subject, 0..judge.len());
    judge.findings(tally)
}

/// The data that a policy is judged by, in any of the shapes in use: `{"tenants": {…}}`, or the table alone as in the
/// document's `tenants.json`. The second value is what the policy sees as `data`.
///
/// # Errors
/// What is missing or of the wrong type.
pub fn data(text: &str) -> Result<(PolicyData, Value), super::data::DataError> {
    let value: Value = serde_json::from_str(text).map_err(|e| super::data::DataError::NotJson(e.to_string()))?;
    let whole = if value.get("tenants").is_some() { value } else { serde_json::json!({ "tenants": value }) };
    Ok((PolicyData::from_json(&whole.to_string())?, whole))
}
