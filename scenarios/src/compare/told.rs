//! What a run of a part told: everything that two engines must agree on, and when each request was under way.

use super::EDGE_NS;
use crate::scenario::Scenario;
use crate::stage::form::{ACTS, Part, Weather};
use models::fact::Fact;
use models::saas::Saas;
use serde::{Deserialize, Serialize};
use sim::control::Control;
use sim::record::{FaultFired, ScenarioVerdict};
use sim::world::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// A request, or another undertaking, from its first fact to its last.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Life {
    /// When its first fact was seen, in nanoseconds.
    pub from_ns: u64,
    /// When its last was.
    pub until_ns: u64,
    /// What each node decided, or was answered, by role.
    pub said: BTreeMap<String, BTreeSet<String>>,
}

/// What a run of a part told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The scenario.
    pub scenario: String,
    /// The part of its engine form.
    pub part: String,
    /// The weather.
    pub weather: Weather,
    /// The seed.
    pub seed: String,
    /// Controls that were off.
    pub off: Vec<String>,
    /// The engine.
    pub engine: String,
    /// Nodes that were there.
    pub nodes: usize,
    /// Inputs that machines handled.
    pub events: u64,
    /// Simulated time, in nanoseconds.
    pub simulated_ns: u64,
    /// Of this run alone: held, breach or vacuous.
    pub verdict: String,
    /// What was found, without when.
    pub findings: BTreeSet<String>,
    /// Marks, with how often each was reached.
    pub marks: BTreeMap<String, u64>,
    /// Mistakes of the run. That a fault of the script met nobody is none: a part may be quiet just then.
    pub mistakes: BTreeSet<String>,
    /// Faults that took part.
    pub faults: Vec<FaultFired>,
    /// Requests, by causal id.
    pub lives: BTreeMap<String, Life>,
    /// What hangs on a millisecond, by the keys of differences; only the kernel knows.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsteady: BTreeSet<String>,
}

impl Told {
    /// What it was a run of.
    pub fn address(&self) -> String {
        let off = if self.off.is_empty() { String::new() } else { format!(" without {}", self.off.join(", ")) };
        format!("{} ({}), {}, seed {}{off}", self.scenario, self.part, self.weather.name(), self.seed)
    }

    /// Whether a fault began or ended, or the run did, close to a life.
    pub(super) fn is_at_edge(&self, life: &Life) -> bool {
        let (from, until) = (life.from_ns.saturating_sub(EDGE_NS), life.until_ns + EDGE_NS);
        let edges = self.faults.iter().flat_map(|fault| [fault.from_ns, fault.until_ns]);
        edges.chain([ACTS.end.0]).any(|edge| (from..=until).contains(&edge))
    }
}

/// What a run of a part on an engine told.
pub fn tell(
    (scenario, part): (&Scenario, &Part),
    weather: Weather,
    (seed, off): (u64, &[&'static Control]),
    engine: &str,
    outcome: Outcome<Saas>,
) -> Told {
    let findings: BTreeSet<String> = outcome.findings.iter().map(found).collect();
    let unserved = outcome.pending.iter().map(|what| format!("not served: {}", without_numbers(what)));
    let idle = |error: &String| weather == Weather::Scripted && error.ends_with("was planned and never struck");
    let mistakes: BTreeSet<String> = outcome.errors.into_iter().filter(|error| !idle(error)).collect();
    let findings: BTreeSet<String> = findings.into_iter().chain(unserved).collect();
    let reached = |mark: &&&str| outcome.marks.contains_key(**mark);
    // What the script strikes may keep an attacker from its door; in the calm nothing does.
    let vacuous = weather == Weather::Calm && part.marks.iter().any(|mark| !reached(&mark));
    let verdict = match (findings.is_empty(), vacuous || !mistakes.is_empty()) {
        (false, _) => ScenarioVerdict::Breach,
        (true, true) => ScenarioVerdict::Vacuous,
        (true, false) => ScenarioVerdict::Held,
    };
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for entry in &outcome.journal.entries {
        let life = lives.entry(format!("{:016x}", entry.cause)).or_default();
        if life.said.is_empty() && life.until_ns == 0 {
            life.from_ns = entry.at.0;
        }
        life.from_ns = life.from_ns.min(entry.at.0);
        life.until_ns = life.until_ns.max(entry.at.0);
        if let Some(said) = said(&entry.fact) {
            life.said.entry(outcome.roles[entry.node.0 as usize].clone()).or_default().insert(said);
        }
    }
    lives.retain(|_, life| !life.said.is_empty());
    Told {
        scenario: scenario.name.into(),
        part: part.name.into(),
        weather,
        seed: seed.to_string(),
        off: off.iter().map(|control| control.id.into()).collect(),
        engine: engine.into(),
        nodes: part.roles().count(),
        events: outcome.events,
        simulated_ns: outcome.ended.0,
        verdict: verdict.to_string(),
        findings,
        marks: outcome.marks.into_iter().map(|(mark, n)| (mark.into(), n)).collect(),
        mistakes,
        faults: outcome.faults,
        lives,
        unsteady: BTreeSet::new(),
    }
}

/// A decision, or an answer as its principal sees it. Bodies are compared by what the oracles say of them; and so is
/// what a consumer was brought, because which of its polls brings an event is a matter of moments.
fn said(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Decided { by, allowed, reason, subject } => {
            Some(format!("{by} {} {subject}: {reason}", if *allowed { "allows" } else { "denies" }))
        }
        Fact::Answered(answer) if !answer.what.starts_with("CONSUME") => {
            let tenant = answer.tenant.as_deref().unwrap_or("-");
            let what = without_position(&answer.what);
            Some(format!("{} {} for {what}, tenant {tenant}", answer.status, answer.reason))
        }
        _ => None,
    }
}

/// What was asked of a log, without the position in it: that counts the events that were there by then.
fn without_position(what: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    what.rsplit_once('@').filter(|(_, at)| is_number(at)).map_or(what, |(what, _)| what)
}

/// A finding without the moment at which it was made.
fn found(finding: &sim::record::Finding) -> String {
    let tenant = finding.tenant.as_deref().unwrap_or("-");
    format!("{} by {}, tenant {tenant}", finding.requirement, finding.oracle)
}

/// What is pending, without counts and instants.
fn without_numbers(text: &str) -> String {
    text.split(' ').filter(|word| !word.chars().any(|c| c.is_ascii_digit())).collect::<Vec<_>>().join(" ")
}
