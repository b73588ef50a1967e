//! Which levels a record supports, and what it shows of each row of a profile.
//!
//! - **declared**: code, configuration, catalogue, profile and plan are pinned in authentic evidence.
//! - **simulated**: every scenario of the gate held on as many seeds as the profile asks for, a canary failed, no
//!   objective is missed in the calm, and something of the profile was proved.
//! - **sensitive**: besides, every ablation came out as declared, every control of the platform was seen to block an
//!   attack, and somebody noticed: a check that cannot fail shows nothing.
//! - **conformant**: besides, every row of the profile that the catalogue marks with real components was asked of each
//!   of them in a real deployment, all of it, and nothing was found.
//! - **drilled**: the drills of a real deployment. Nothing here reads them yet, so it is never reached.
//!
//! What is found in a real deployment breaks the row, whatever the simulation shows of it.
//!
//! A row that nothing judged or that could not be decided is never passed. Whether the rest still counts without it is
//! the profile's to say.

use super::statement::{Level, Row, RowStanding};
use crate::assessment::Asked;
use crate::assessment::statement::Own;
use crate::matrix::runs;
use crate::standing::{Standing, as_declared, blamed};
use crate::text::plural;
use crate::verdict::bound_sentence;
use sim::record::{AblationRecord, AblationVerdict, CALM, CertificateLevel, GateRecord, OpenRows, Pass, Profile};
use sim::record::{ScenarioRecord, SloVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that a reason names.
const NAMED_MAX: usize = 6;

/// Of which real components a row is to be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probed {
    /// Digest of the edition of the catalogue that says so.
    pub catalogue: String,
    /// By row, in the catalogue's short forms: `pg`. A row that is not here can be shown in simulation only.
    pub rows: BTreeMap<String, Vec<String>>,
    /// What a component of an assessment (`postgres`) is in the catalogue's short forms.
    pub components: BTreeMap<String, Vec<String>>,
}

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
    probed: &'p Probed,
    rows: BTreeMap<&'p str, RowStanding>,
    /// What became of a row at a real component, by both.
    asked: BTreeMap<(String, &'p str), Asked>,
    /// Whether any real deployment was judged.
    is_assessed: bool,
    /// Why the level `simulated` is not reached.
    unproved: BTreeSet<String>,
    /// Why the level `sensitive` is not reached.
    untried: BTreeSet<String>,
    bound: String,
}

impl<'p> Judge<'p> {
    /// Nobody has shown anything yet.
    pub fn new(profile: &'p Profile, probed: &'p Probed) -> Judge<'p> {
        let (unproved, untried) = (BTreeSet::new(), BTreeSet::new());
        let (rows, asked) = (BTreeMap::new(), BTreeMap::new());
        Judge { profile, probed, rows, asked, is_assessed: false, unproved, untried, bound: String::new() }
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

    /// Reads what was found in a real deployment. What one judgement found, another one does not make good.
    pub fn hear(&mut self, own: &Own) {
        self.is_assessed = true;
        for component in &own.components {
            let short = self.probed.components.get(&component.component).map_or(&[][..], Vec::as_slice);
            for row in &component.rows {
                let named = self.probed.rows.get(&row.id).map_or(&[][..], Vec::as_slice);
                // Where the catalogue names none of them, what is broken or undecided still counts.
                let beside = short.first().filter(|_| row.asked >= Asked::Inconclusive);
                let meant: Vec<&String> = short.iter().filter(|probe| named.contains(probe)).collect();
                for probe in if meant.is_empty() { beside.into_iter().collect() } else { meant } {
                    let known = self.asked.entry((row.id.clone(), probe.as_str())).or_insert(row.asked);
                    *known = known.and(row.asked);
                }
            }
        }
    }

    /// What became of a row at each real component that the catalogue names for it, and where it is not clean besides.
    fn asked_of(&self, row: &str) -> BTreeMap<String, Asked> {
        let named = self.probed.rows.get(row).into_iter().flatten().map(|probe| (probe.clone(), Asked::NotJudged));
        let heard = self.asked.iter().filter(|((id, _), _)| id == row);
        named.chain(heard.map(|((_, probe), asked)| ((*probe).to_owned(), *asked))).collect()
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
        let shown = self.profile.rows.iter().map(|row| at_components(row, standing(row), self.asked_of(row)));
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
        self.unproved.extend(rows.iter().filter(|row| row.standing == RowStanding::Failed).map(failed));
        let (reached, levels) = levels(self.unproved, self.untried, unasked(&rows, self.is_assessed));
        Conclusion { reached, levels, rows, bound: self.bound }
    }
}

/// A row, with what the simulation shows of it and what became of it at real components.
fn at_components(id: &str, simulated: RowStanding, asked: BTreeMap<String, Asked>) -> Row {
    let mut row = Row { id: id.to_owned(), standing: simulated, asked };
    if row.asked.values().any(|asked| *asked == Asked::Findings) {
        row.standing = RowStanding::Failed;
    } else if row.is_clean() {
        row.standing = match simulated {
            RowStanding::Sensitive => RowStanding::Conformant,
            RowStanding::NotCovered => RowStanding::Assessed,
            other => other,
        };
    }
    row
}

fn failed(row: &Row) -> String {
    let at = row.asked.iter().filter(|(_, asked)| **asked == Asked::Findings);
    let at: Vec<&str> = at.map(|(probe, _)| probe.as_str()).collect();
    match at.is_empty() {
        true => format!("{}: failed", row.id),
        false => format!("{}: failed in the deployment, at {}", row.id, at.join(", ")),
    }
}

/// Why the level `conformant` is not reached, row by row.
fn unasked(rows: &[Row], is_assessed: bool) -> BTreeSet<String> {
    if !is_assessed {
        return BTreeSet::from(["no real deployment was judged".to_owned()]);
    }
    let open = rows.iter().filter(|row| !row.asked.is_empty() && !row.is_clean()).map(|row| {
        let at = row.asked.iter().filter(|(_, asked)| **asked != Asked::Clean);
        let at: Vec<String> = at.map(|(probe, asked)| format!("{probe} {}", asked.word())).collect();
        format!("{}: {}", row.id, at.join(", "))
    });
    let mut why: BTreeSet<String> = open.collect();
    if !rows.iter().any(Row::is_clean) {
        why.insert("no row of the profile is clean at every real component that the catalogue names for it".into());
    }
    why
}

fn levels(
    unproved: BTreeSet<String>,
    untried: BTreeSet<String>,
    unasked: BTreeSet<String>,
) -> (CertificateLevel, Vec<Level>) {
    let mut whys = BTreeMap::from([
        (CertificateLevel::Simulated, unproved),
        (CertificateLevel::Sensitive, untried),
        (CertificateLevel::Conformant, unasked),
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
