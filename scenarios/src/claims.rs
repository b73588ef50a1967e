//! What can be claimed of a row of the catalogue: which controls uphold it, which scenarios judge it, and what its
//! ablations are declared to show.
//!
//! A row is *modelled* when a scenario tries to break it and, with a control off that upholds it, does break it: that
//! row, and not another one which the same control upholds too. Where the row itself says *two layers*, a pair of them
//! must be declared. What is declared here, every gate holds against its runs; that the row itself is what breaks, the
//! test `claims` shows.

use crate::catalogue;
use crate::scenario::{Expectation, Scenario, Variant};
use models::catalogue::{Probe, Row};
use models::registry;
use serde::Serialize;
use sim::control::Control;
use sim::record::AblationVerdict;

/// How far a row has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// No scenario tries to break it.
    NotCovered,
    /// Scenarios try to break it, and no control of theirs that upholds it is declared to stop them.
    Judged,
    /// A control stands, is tried, and matters.
    Modelled,
    /// Besides, it is asked of every real component that the catalogue names for it; or the catalogue names none.
    Done,
}

impl State {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            State::NotCovered => "not covered",
            State::Judged => "judged",
            State::Modelled => "modelled",
            State::Done => "done",
        }
    }
}

/// An ablation that a scenario declares, with the row that it speaks for.
pub struct Ablation {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// The way of attack.
    pub variant: &'static Variant,
    /// What is switched off, and what that shows.
    pub expected: &'static Expectation,
}

impl Ablation {
    /// Whether what is declared is a breach, by this control alone or with its other layer.
    pub fn breaches(&self) -> bool {
        matches!(self.expected.verdict, AblationVerdict::SoleBlocker | AblationVerdict::Redundant(2))
    }

    /// What is off when it breaks.
    pub fn off(&self) -> Vec<&'static Control> {
        [self.expected.control].into_iter().chain(self.expected.partner).collect()
    }
}

/// The controls that say they uphold the row.
pub fn controls(requirement: &str) -> Vec<&'static Control> {
    registry::ALL.iter().copied().filter(|c| c.upholds.contains(&requirement)).collect()
}

/// The scenarios that judge the row; canaries judge nothing.
pub fn judges(requirement: &str) -> impl Iterator<Item = &'static Scenario> {
    let judging = move |s: &&Scenario| !s.canary && s.requirements.contains(&requirement);
    let all: Vec<&'static Scenario> = catalogue::ALL.iter().copied().filter(judging).collect();
    all.into_iter()
}

/// The ablations of those scenarios in which a control is off that upholds the row.
pub fn ablations(requirement: &str) -> Vec<Ablation> {
    let upholds = |c: &Control| c.upholds.contains(&requirement);
    let speaks = |e: &Expectation| upholds(e.control) || e.partner.is_some_and(upholds);
    let mut all = Vec::new();
    for scenario in judges(requirement) {
        for variant in scenario.variants {
            let own = variant.controls.iter().filter(|e| speaks(e));
            all.extend(own.map(|expected| Ablation { scenario, variant, expected }));
        }
    }
    all
}

/// How far the row has come, where it is asked of these real components.
pub fn state_with(row: &Row, asked: &[Probe]) -> State {
    match state(row) {
        State::Modelled if row.probes.iter().all(|probe| asked.contains(probe)) => State::Done,
        state => state,
    }
}

/// How far the row has come in the simulation: up to [`State::Modelled`].
pub fn state(row: &Row) -> State {
    let ablations = ablations(row.id);
    let layered = row.text.contains("two layers");
    let shows = |a: &Ablation| match a.expected.verdict {
        AblationVerdict::SoleBlocker => !layered,
        _ => a.breaches(),
    };
    match (judges(row.id).next(), ablations.iter().any(shows)) {
        (None, _) => State::NotCovered,
        (Some(_), false) => State::Judged,
        (Some(_), true) => State::Modelled,
    }
}
