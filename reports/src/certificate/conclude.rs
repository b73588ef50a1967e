//! Which levels a record supports, and what it shows of each row of a profile.
//!
//! - **declared**: code, configuration, catalogue, profile and plan are pinned in authentic evidence.
//! - **simulated**: every scenario of the gate held on as many seeds as the profile asks for, a canary failed, no
//!   objective is missed in the calm, and something of the profile was proved.
//! - **sensitive**: besides, every ablation came out as declared, every control of the platform was seen to block an
//!   attack, and somebody noticed: a check that cannot fail shows nothing.
//! - **conformant**, **drilled**: the traces and drills of a real deployment. Nothing here reads them yet, so they are
//!   never reached.
//!
//! A row that nothing judged or that could not be decided is never passed. Whether the rest still counts without it is
//! the profile's to say.

use super::statement::{Level, Row, RowStanding};
use crate::matrix::runs;
use crate::standing::{Standing, as_declared, blamed};
use crate::text::plural;
use crate::verdict::bound_sentence;
use sim::record::{AblationRecord, AblationVerdict, CALM, CertificateLevel, GateRecord, OpenRows, Pass, Profile};
use sim::record::{ScenarioRecord, SloVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that a reason names.
const NAMED_MAX: usize = 6;

/// What records support.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conclusion {
    /// The highest level of which nothing is missing, nor of those below it.
    pub reached: CertificateLevel,
    /// All levels in order.
    pub levels: Vec<Level>,
    /// Every row of the profile, in its order.
    pub rows: Vec<Row>,
    /// What the seeds bound.
    pub bound: String,
}

/// Reads records one by one, and keeps what they show.
pub struct Judge<'p> {
    profile: &'p Profile,
    rows: BTreeMap<&'p str, RowStanding>,
    /// Why the level `simulated` is not reached.
    unproved: BTreeSet<String>,
    /// Why the level `sensitive` is not reached.
    untried: BTreeSet<String>,
    bound: String,
}

impl<'p> Judge<'p> {
    /// Nobody has shown anything yet.
    pub fn new(profile: &'p Profile) -> Judge<'p> {
        let (unproved, untried) = (BTreeSet::new(), BTreeSet::new());
        Judge { profile, rows: BTreeMap::new(), unproved, untried, bound: String::new() }
    }

    /// Reads a record. What one record does not show, another one does not make good.
    pub fn read(&mut self, record: &GateRecord) {
        self.bound = bound_sentence(record);
        self.proof(record);
        self.sense(record);
        for row in &self.profile.rows {
            let standing = standing(record, row, self.profile.seeds_min);
            let worst = self.rows.entry(row).or_insert(standing);
            *worst = standing.max(*worst);
        }
    }

    fn proof(&mut self, record: &GateRecord) {
        let canaries: Vec<Standing> = record.scenarios.iter().filter(|s| s.canary).map(Standing::of).collect();
        if canaries.is_empty() || canaries.iter().any(|standing| *standing != Standing::CanaryFailed) {
            self.unproved.insert("no canary failed, so the judges may be blind".into());
        }
        if counted(record).next().is_none() {
            self.unproved.insert("no scenario ran".into());
        }
        for s in counted(record) {
            let (standing, swarm) = (Standing::of(s), runs(s, Pass::Swarm));
            if standing != Standing::Held {
                self.unproved.insert(format!("{}: {}", s.name, standing.word()));
            } else if swarm < self.profile.seeds_min {
                self.unproved.insert(format!("{}: {swarm} of {} seeds", s.name, self.profile.seeds_min));
            } else if s.passes.iter().all(|p| p.compared == 0) {
                self.unproved.insert(format!("{}: nothing was run twice and compared", s.name));
            }
        }
        let missed = record.slos.iter().filter(|slo| slo.condition == CALM && slo.verdict == SloVerdict::Missed);
        self.unproved.extend(missed.map(|slo| format!("{}: {} is missed", slo.requirement, slo.objective)));
    }

    fn sense(&mut self, record: &GateRecord) {
        for s in counted(record) {
            if s.ablations.is_empty() {
                self.untried.insert(format!("{}: no control was switched off", s.name));
            }
            for a in s.ablations.iter().filter(|a| !as_declared(a) || a.observed == AblationVerdict::Void) {
                self.untried.insert(format!("{}: without {} it is {}", s.name, a.control, a.observed));
            }
        }
        let blocks = |control: &str| {
            let by = |a: &&AblationRecord| a.control == control || a.partner.as_deref() == Some(control);
            counted(record).flat_map(|s| &s.ablations).filter(by).any(noticed)
        };
        let idle = record.controls.iter().filter(|control| !blocks(&control.id));
        self.untried.extend(idle.map(|control| format!("{}: not seen to block anything", control.id)));
        if record.controls.is_empty() {
            self.untried.insert("the platform has no controls".into());
        }
    }

    /// What was shown.
    pub fn finish(mut self) -> Conclusion {
        let standing = |row: &String| self.rows.get(row.as_str()).copied().unwrap_or(RowStanding::NotCovered);
        let shown = self.profile.rows.iter().map(|row| Row { id: row.clone(), standing: standing(row) });
        let rows: Vec<Row> = shown.collect();
        let beyond =
            |worst: RowStanding| rows.iter().filter(move |row| row.standing > worst).map(|row| row.id.as_str());
        let refused = self.profile.open == OpenRows::Refused;
        for (why, worst) in [(&mut self.unproved, RowStanding::Simulated), (&mut self.untried, RowStanding::Sensitive)]
        {
            let open: Vec<&str> = beyond(worst).collect();
            if open.len() == rows.len() {
                why.insert(format!("no row of the profile is {}", worst.word()));
            } else if refused && !open.is_empty() {
                why.insert(format!("{} of {} rows are not {}: {}", open.len(), rows.len(), worst.word(), named(&open)));
            }
        }
        self.unproved.extend(beyond(RowStanding::NotCovered).map(|row| format!("{row}: failed")));
        let (reached, levels) = levels(self.unproved, self.untried);
        Conclusion { reached, levels, rows, bound: self.bound }
    }
}

fn levels(unproved: BTreeSet<String>, untried: BTreeSet<String>) -> (CertificateLevel, Vec<Level>) {
    let mut whys = BTreeMap::from([
        (CertificateLevel::Simulated, unproved),
        (CertificateLevel::Sensitive, untried),
        (CertificateLevel::Conformant, BTreeSet::from(["no trace of a real deployment was judged".into()])),
        (CertificateLevel::Drilled, BTreeSet::from(["no drill on a real deployment was judged".into()])),
    ]);
    let (mut reached, mut levels): (_, Vec<Level>) = (CertificateLevel::Declared, Vec::new());
    for level in CertificateLevel::ALL {
        let mut why = whys.remove(&level).unwrap_or_default();
        if let Some(below) = levels.last().filter(|below| !below.reached) {
            why.insert(format!("it is not {}", below.level.as_str()));
        }
        let is_reached = why.is_empty();
        if is_reached {
            reached = level;
        }
        levels.push(Level { level, reached: is_reached, why: why.into_iter().collect() });
    }
    (reached, levels)
}

fn named(rows: &[&str]) -> String {
    let more = rows.len().saturating_sub(NAMED_MAX);
    let shown = rows[..rows.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {}", plural(more as u64, "other")) }
}

fn counted(record: &GateRecord) -> impl Iterator<Item = &ScenarioRecord> {
    record.scenarios.iter().filter(|s| !s.canary)
}

/// What a record shows of a row: the worst that any scenario or objective shows of it.
pub fn standing(record: &GateRecord, row: &str, seeds_min: u64) -> RowStanding {
    let by_scenarios = counted(record).filter(|s| s.requirements.iter().any(|id| id == row)).map(|s| {
        match Standing::of_requirement(record, s, row) {
            Standing::Held if runs(s, Pass::Swarm) >= seeds_min => RowStanding::Simulated,
            Standing::Broken => RowStanding::Failed,
            _ => RowStanding::Inconclusive,
        }
    });
    let objectives = record.slos.iter().filter(|slo| slo.condition == CALM && slo.requirement == row);
    let by_objectives = objectives.map(|slo| match slo.verdict {
        SloVerdict::Met => RowStanding::Simulated,
        SloVerdict::Missed => RowStanding::Failed,
        SloVerdict::Inconclusive | SloVerdict::NoData => RowStanding::Inconclusive,
    });
    // A scenario may break what it was not written to judge.
    let beside = counted(record).filter(|s| Standing::of(s) == Standing::Broken && blamed(record, s).contains(row));
    let by_accident = beside.map(|_| RowStanding::Failed);
    match by_scenarios.chain(by_objectives).chain(by_accident).max() {
        None => RowStanding::NotCovered,
        Some(RowStanding::Simulated) if is_sensitive(record, row) => RowStanding::Sensitive,
        Some(standing) => standing,
    }
}

/// Whether something that judges this row was seen to notice: it was convicted with a control off, or a control that
/// upholds it was seen to block.
fn is_sensitive(record: &GateRecord, row: &str) -> bool {
    let upheld = |control: &str| {
        record.controls.iter().any(|c| c.id == control && c.upholds.iter().any(|requirement| requirement == row))
    };
    counted(record).flat_map(|s| &s.ablations).filter(|a| noticed(a)).any(|a| {
        let convicted = a.finding.as_ref().is_some_and(|finding| finding.requirement == row);
        convicted || upheld(&a.control)
    })
}

/// Whether an ablation was as declared, let something through, and was noticed.
fn noticed(a: &AblationRecord) -> bool {
    let blocks = matches!(a.observed, AblationVerdict::SoleBlocker | AblationVerdict::Redundant(_));
    blocks && as_declared(a) && a.finding.is_some()
}
