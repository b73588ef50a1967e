//! From proved scenarios to the record of a gate: objectives, coverage, and the exit code.
//!
//! The record carries the catalogue and the controls with it, so whoever reads it needs nothing else. The exit code is
//! decided here and nowhere else.

use crate::catalogue as all;
use crate::code::code;
use crate::objectives;
use crate::prove::{Settings, merge_serving};
use crate::scenario::Expectation;
use models::catalogue;
use models::config::Inputs;
use models::crypto::hex;
use models::registry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sim::record::{CALM, ControlRecord, GateRecord, Pass, RECORD_VERSION, ScenarioRecord, ScenarioVerdict};
use sim::record::{SWARM, Serving, SloRecord, SloVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// What must be there, besides scenarios that held.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Demand {
    /// A canary must have failed: a gate without one might be blind.
    pub canary: bool,
    /// What tenants were promised must have been measured in the calm, for every tenant that a scenario serves.
    pub objectives: bool,
    /// Rows of the catalogue that some scenario must judge.
    pub rows: Vec<String>,
}

/// Puts the record together. `command` is what was typed.
pub fn assemble(settings: &Settings, scenarios: Vec<ScenarioRecord>, command: &str, demand: &Demand) -> GateRecord {
    let not_covered = not_covered(&scenarios);
    let serving = by_condition(&scenarios);
    let slos = objectives::judged(&settings.inputs, &serving);
    let unmeasured = objectives::unmeasured(&slos, &serving);
    let exit = exit(&scenarios, &slos, (&not_covered, &unmeasured), demand);
    GateRecord {
        version: RECORD_VERSION,
        tool: concat!("cellproof ", env!("CARGO_PKG_VERSION")).into(),
        code: code(),
        config: settings.inputs.digest(),
        catalogue: catalogue::digest(),
        pins: pins(&settings.inputs),
        command: command.into(),
        seed_base: settings.seed_base.to_string(),
        nonce: settings.nonce.clone(),
        seeds: settings.swarm_seeds,
        plan: Some(objectives::plan(settings)),
        requirements: catalogue::requirements(),
        controls: controls(),
        scenarios,
        slos,
        serving,
        not_covered,
        exit,
    }
}

/// What decides a verdict besides code, configuration and catalogue, or is a part of them: by name, as a digest or a
/// version. Known without a run, so that whoever holds an old record can say which of its inputs have changed.
pub fn pins(inputs: &Inputs) -> BTreeMap<String, String> {
    let digest = |json: serde_json::Result<Vec<u8>>| hex(&Sha256::digest(json.expect("plain data has a JSON form")));
    let expected = all::ALL.iter().flat_map(|s| s.variants.iter().map(move |v| (s.name, v)));
    let mutants: Vec<_> = expected
        .flat_map(|(name, variant)| {
            let of = move |e: &Expectation| (name, variant.name, e.control.id, e.verdict, e.partner.map(|p| p.id));
            variant.controls.iter().map(of)
        })
        .collect();
    let own = [
        ("controls", digest(serde_json::to_vec(&controls()))),
        ("mutants", digest(serde_json::to_vec(&mutants))),
        ("toolchain", env!("CELLPROOF_TOOLCHAIN").to_owned()),
    ];
    own.into_iter().chain(inputs.parts()).map(|(name, pin)| (name.to_owned(), pin)).collect()
}

/// The exit code: 1 before 3 before 0 (usage, 2, never gets this far). Gaps are rows of the catalogue that no
/// scenario judged, and objectives without a measurement.
fn exit(
    scenarios: &[ScenarioRecord],
    slos: &[SloRecord],
    (not_covered, unmeasured): (&[String], &[&SloRecord]),
    demand: &Demand,
) -> u8 {
    let counted = || scenarios.iter().filter(|s| !s.canary);
    let missed = slos.iter().any(|slo| slo.condition == CALM && slo.verdict == SloVerdict::Missed);
    if missed || counted().any(|s| s.verdict == ScenarioVerdict::Breach) {
        return 1;
    }
    let nothing = counted().next().is_none();
    let open = counted().any(|s| s.verdict != ScenarioVerdict::Held);
    let canaries = || scenarios.iter().filter(|s| s.canary);
    let blind = canaries().any(|s| s.verdict != ScenarioVerdict::Breach);
    let no_canary = demand.canary && canaries().next().is_none();
    let unjudged = demand.rows.iter().any(|row| not_covered.contains(row));
    let gaps = unjudged || demand.objectives && !unmeasured.is_empty();
    if nothing || open || blind || no_canary || gaps { 3 } else { 0 }
}

/// Controls of the reference platform, as reports show them.
pub fn controls() -> Vec<ControlRecord> {
    let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    registry::ALL
        .iter()
        .map(|c| ControlRecord { id: c.id.into(), upholds: own(c.upholds), off: c.off.into() })
        .collect()
}

/// Rows of the catalogue that no scenario judged. One that did not run, and a canary, judge nothing.
fn not_covered(scenarios: &[ScenarioRecord]) -> Vec<String> {
    let ran = |s: &&ScenarioRecord| !s.canary && !matches!(s.verdict, ScenarioVerdict::Skipped(_));
    let judged: BTreeSet<&str> =
        scenarios.iter().filter(ran).flat_map(|s| &s.requirements).map(String::as_str).collect();
    catalogue::rows().iter().filter(|row| !judged.contains(row.id)).map(|row| row.id.to_owned()).collect()
}

/// Group of scenarios with scripted faults.
const DRILLS: &str = "chaos/";

/// Service by condition: all calm runs, all swarm runs, then the calm runs under each attack. Canaries serve nobody.
fn by_condition(scenarios: &[ScenarioRecord]) -> Vec<(String, Serving)> {
    let mut conditions: Vec<(String, Vec<Serving>)> = Vec::new();
    for (name, pass) in [(CALM, Pass::Calm), (SWARM, Pass::Swarm)] {
        let mut sum = Vec::new();
        // A drill breaks things in every pass: what it measures is its own condition, never the calm.
        let ordinary = of_pass(scenarios, pass).filter(|(scenario, _)| !scenario.starts_with(DRILLS));
        ordinary.for_each(|(_, serving)| merge_serving(&mut sum, serving));
        conditions.push((name.into(), sum));
    }
    conditions.extend(of_pass(scenarios, Pass::Calm).map(|(name, serving)| (name.into(), serving.to_vec())));
    conditions.into_iter().flat_map(|(name, all)| all.into_iter().map(move |s| (name.clone(), s))).collect()
}

fn of_pass(scenarios: &[ScenarioRecord], pass: Pass) -> impl Iterator<Item = (&str, &[Serving])> {
    let passes = scenarios.iter().filter(|s| !s.canary).flat_map(|s| s.passes.iter().map(|p| (s.name.as_str(), p)));
    passes.filter(move |(_, p)| p.pass == pass).map(|(name, p)| (name, p.serving.as_slice()))
}

#[cfg(test)]
mod tests;
