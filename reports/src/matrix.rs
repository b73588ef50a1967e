//! Views of a record that several formats share: requirement × scenario, control × scenario, and totals.
//!
//! Nothing that the record holds may vanish: a requirement or a control that a scenario names and the catalogue does
//! not know still gets a row, marked as unknown.

use crate::standing::Standing;
pub use crate::standing::{as_declared, blamed};
use sim::record::{AblationRecord, AblationVerdict, GateRecord, Pass, ScenarioRecord, SloVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// A requirement against all scenarios.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequirementRow<'a> {
    /// `TEN-02`.
    pub id: &'a str,
    /// `TEN`.
    pub group: &'a str,
    /// The promise.
    pub text: &'a str,
    /// One per scenario, in the record's order; `None` where the scenario does not judge it.
    pub cells: Vec<Option<Standing>>,
}

impl RequirementRow<'_> {
    /// Scenarios that judge the requirement, canaries apart.
    pub fn judged(&self) -> usize {
        let canary = |s: &Standing| matches!(s, Standing::CanaryFailed | Standing::CanarySilent);
        self.cells.iter().flatten().filter(|s| !canary(s)).count()
    }

    /// Scenarios in which it held.
    pub fn held(&self) -> usize {
        self.cells.iter().flatten().filter(|s| **s == Standing::Held).count()
    }
}

/// Requirements that at least one scenario judges, in catalogue order.
pub fn requirements(record: &GateRecord) -> Vec<RequirementRow<'_>> {
    let judged: BTreeSet<&str> = record.scenarios.iter().flat_map(|s| &s.requirements).map(String::as_str).collect();
    let known = record.requirements.iter().map(|r| (r.id.as_str(), r.group.as_str(), r.text.as_str()));
    let ids: BTreeSet<&str> = record.requirements.iter().map(|r| r.id.as_str()).collect();
    let unknown = judged.iter().filter(|id| !ids.contains(*id)).map(|id| (*id, "unknown", "Not in the catalogue."));
    let row = |(id, group, text)| RequirementRow { id, group, text, cells: requirement_cells(record, id) };
    known.filter(|(id, ..)| judged.contains(id)).chain(unknown).map(row).collect()
}

fn requirement_cells(record: &GateRecord, id: &str) -> Vec<Option<Standing>> {
    let cell =
        |s: &ScenarioRecord| s.requirements.iter().any(|r| r == id).then(|| Standing::of_requirement(record, s, id));
    record.scenarios.iter().map(cell).collect()
}

/// Rows of the catalogue that nothing speaks for: those that the record lists, and any other that no scenario (a canary
/// is none) judges and no objective measures. In catalogue order, then what the catalogue does not know.
pub fn not_covered(record: &GateRecord) -> Vec<&str> {
    let listed: BTreeSet<&str> = record.not_covered.iter().map(String::as_str).collect();
    let judged = record.scenarios.iter().filter(|s| !s.canary).flat_map(|s| &s.requirements);
    let measured = record.slos.iter().filter(|s| s.verdict != SloVerdict::NoData).map(|s| &s.requirement);
    let covered: BTreeSet<&str> = judged.chain(measured).map(String::as_str).collect();
    let open = |id: &&str| listed.contains(id) || !covered.contains(id);
    let known: Vec<&str> = record.requirements.iter().map(|r| r.id.as_str()).collect();
    let unknown = listed.iter().copied().filter(|id| !known.contains(id));
    known.iter().copied().filter(open).chain(unknown).collect()
}

/// A control against all scenarios.
#[derive(Clone, PartialEq, Debug)]
pub struct ControlRow<'a> {
    /// `cache.key-namespace`.
    pub id: &'a str,
    /// Requirements it upholds.
    pub upholds: &'a [String],
    /// What the system does without it.
    pub off: &'a str,
    /// Per scenario, in the record's order: its ablations, one per attack variant, mismatches first.
    pub cells: Vec<Vec<&'a AblationRecord>>,
}

impl ControlRow<'_> {
    /// `cache` of `cache.key-namespace`.
    pub fn component(&self) -> &str {
        self.id.split('.').next().unwrap_or(self.id)
    }

    /// Attack variants that this control alone stops.
    pub fn sole(&self) -> usize {
        self.cells.iter().flatten().filter(|a| a.observed == AblationVerdict::SoleBlocker).count()
    }

    /// Attack variants in which it was switched off at all.
    pub fn ablated(&self) -> usize {
        self.cells.iter().map(Vec::len).sum()
    }
}

/// Every control, in the record's order.
pub fn controls(record: &GateRecord) -> Vec<ControlRow<'_>> {
    let known = record.controls.iter().map(|c| (c.id.as_str(), c.upholds.as_slice(), c.off.as_str()));
    let ids: BTreeSet<&str> = record.controls.iter().map(|c| c.id.as_str()).collect();
    let ablated = record.scenarios.iter().flat_map(|s| &s.ablations).map(|a| a.control.as_str());
    let unknown: BTreeSet<&str> = ablated.filter(|id| !ids.contains(id)).collect();
    let unknown = unknown.into_iter().map(|id| (id, [].as_slice(), "Not in the list of controls."));
    known
        .chain(unknown)
        .map(|(id, upholds, off)| ControlRow { id, upholds, off, cells: control_cells(record, id) })
        .collect()
}

fn control_cells<'a>(record: &'a GateRecord, id: &str) -> Vec<Vec<&'a AblationRecord>> {
    let cell = |s: &'a ScenarioRecord| {
        let mut found: Vec<&AblationRecord> = s.ablations.iter().filter(|a| a.control == id).collect();
        found.sort_by_key(|a| as_declared(a));
        found
    };
    record.scenarios.iter().map(cell).collect()
}

/// Ablations that came out as declared, and all of them.
pub fn declared(scenario: &ScenarioRecord) -> (usize, usize) {
    (scenario.ablations.iter().filter(|a| as_declared(a)).count(), scenario.ablations.len())
}

/// Pairs that looked alike, and all of them.
pub fn alike(scenario: &ScenarioRecord) -> (usize, usize) {
    (scenario.non_interference.iter().filter(|n| n.alike).count(), scenario.non_interference.len())
}

/// Runs of one pass.
pub fn runs(scenario: &ScenarioRecord, pass: Pass) -> u64 {
    scenario.passes.iter().filter(|p| p.pass == pass).map(|p| p.runs).sum()
}

/// Requests of honest tenants, over all passes.
pub fn requests(scenario: &ScenarioRecord) -> u64 {
    scenario.passes.iter().map(|p| p.requests).sum()
}

/// Faults that struck, over all passes: name → times.
pub fn faults(scenario: &ScenarioRecord) -> BTreeMap<&str, u64> {
    let mut total = BTreeMap::new();
    for (name, times) in scenario.passes.iter().flat_map(|p| &p.faults) {
        *total.entry(name.as_str()).or_insert(0) += times;
    }
    total
}

/// Marks with the most often they were reached in one kept run: the declared ones first, then any others.
pub fn marks(scenario: &ScenarioRecord) -> Vec<(&str, u64)> {
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    for (mark, times) in scenario.passes.iter().flat_map(|p| &p.kept).flat_map(|run| &run.marks) {
        let best = most.entry(mark).or_insert(0);
        *best = (*best).max(*times);
    }
    let declared = scenario.marks_declared.iter().map(|m| (m.as_str(), most.get(m.as_str()).copied().unwrap_or(0)));
    let mut all: Vec<(&str, u64)> = declared.collect();
    all.extend(most.iter().filter(|(m, _)| !scenario.marks_declared.iter().any(|d| d == *m)).map(|(m, n)| (*m, *n)));
    all
}

/// Figures of the whole gate. Canaries are counted apart.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Scenarios that are no canaries.
    pub scenarios: u64,
    /// Of these: held.
    pub held: u64,
    /// Of these: broken.
    pub broken: u64,
    /// Of these: vacuous, toothless or nondeterministic.
    pub open: u64,
    /// Of these: skipped.
    pub skipped: u64,
    /// Canaries.
    pub canaries: u64,
    /// Canaries that failed as they must.
    pub canaries_failed: u64,
    /// Ablations.
    pub ablations: u64,
    /// Ablations that came out as declared.
    pub ablations_declared: u64,
    /// Non-interference pairs.
    pub pairs: u64,
    /// Pairs that looked alike.
    pub pairs_alike: u64,
    /// Runs of all kinds.
    pub runs: u64,
    /// Inputs handled by machines.
    pub events: u64,
    /// Requests of honest tenants.
    pub requests: u64,
    /// Requirements in the catalogue.
    pub catalogue: u64,
    /// Requirements that some scenario judges.
    pub judged: u64,
    /// Requirements that held in every scenario that judges them.
    pub proved: u64,
    /// Objectives: met, missed, inconclusive, no data.
    pub slos: [u64; 4],
}

/// Figures of the whole gate.
pub fn totals(record: &GateRecord) -> Totals {
    let mut t = Totals { catalogue: record.requirements.len() as u64, ..Totals::default() };
    for s in &record.scenarios {
        let standing = Standing::of(s);
        if s.canary {
            t.canaries += 1;
            t.canaries_failed += u64::from(standing == Standing::CanaryFailed);
            continue;
        }
        t.scenarios += 1;
        match standing {
            Standing::Held => t.held += 1,
            Standing::Broken => t.broken += 1,
            Standing::Skipped => t.skipped += 1,
            _ => t.open += 1,
        }
        t.ablations += s.ablations.len() as u64;
        t.ablations_declared += declared(s).0 as u64;
        t.pairs += s.non_interference.len() as u64;
        t.pairs_alike += alike(s).0 as u64;
        let ablation_runs: u64 = s.ablations.iter().map(|a| u64::from(a.runs)).sum();
        t.runs += s.passes.iter().map(|p| p.runs).sum::<u64>() + ablation_runs + s.non_interference.len() as u64;
        t.events += s.passes.iter().map(|p| p.events).sum::<u64>();
        t.requests += requests(s);
    }
    for row in requirements(record).iter().filter(|row| row.judged() > 0) {
        t.judged += 1;
        t.proved += u64::from(row.held() == row.judged());
    }
    for slo in &record.slos {
        t.slos[slo_index(slo.verdict)] += 1;
    }
    t
}

/// Where a verdict stands in [`Totals::slos`].
pub fn slo_index(verdict: SloVerdict) -> usize {
    match verdict {
        SloVerdict::Met => 0,
        SloVerdict::Missed => 1,
        SloVerdict::Inconclusive => 2,
        SloVerdict::NoData => 3,
    }
}
