//! `results.sarif`: SARIF 2.1.0, for whatever shows findings beside code.
//!
//! The rules are the requirements of the catalogue, and four rules of proof. A result is written for all that is broken
//! (`fail`) and for all that is not known to hold (`open`: a scenario that proved nothing, a row that nothing judges,
//! an objective without a verdict), because a reader takes a rule without a result for one that is kept. Nothing is
//! ever written as `pass`. A fingerprint names what a result is about and nothing of the run, so the same result keeps
//! its identity over runs, whatever seed showed it.

mod document;

use crate::matrix;
use crate::slo;
use crate::standing::{self, Standing, as_declared, blamed};
use crate::text::{clip, count, plural, replay_command};
use crate::verdict;
use document::{
    Artifact, Automation, Driver, Invocation, Location, Log, Logical, Notification, Outcome, Physical, Rule, Run, Tags,
    Text, Tool,
};
use sim::chain::Digest;
use sim::record::{
    AblationRecord, CALM, Finding, GateRecord, NonInterference, Outward, ScenarioRecord, ScenarioVerdict, SloRecord,
    SloVerdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// The schema of the standard, with its errata.
pub const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Results of one run that GitHub takes; more are refused as a whole.
pub const RESULTS_MAX: usize = 25_000;
/// Characters of a reason that a message repeats.
const REASON_MAX: usize = 600;
/// Reasons that a message repeats.
const REASONS_MAX: usize = 5;
/// What the results are sorted under by GitHub. The same for every gate, so that a later one closes what it mended.
const CATEGORY: &str = "cellproof/gate";

const VERDICT: &str = "proof.verdict";
const CANARY: &str = "proof.canary";
const ABLATION: &str = "proof.ablation";
const ALIKE: &str = "proof.non-interference";

/// Rules of proof: what has to be so for a verdict on a requirement to mean anything.
const PROOF: [(&str, &str); 4] = [
    (VERDICT, "Every scenario comes to a verdict about the requirements that it judges."),
    (CANARY, "A scenario that must fail fails: otherwise the judges see nothing."),
    (ABLATION, "Each control that is switched off shows what the scenario declared beforehand."),
    (ALIKE, "One tenant's view does not depend on what other tenants do or hold."),
];

/// The record as SARIF.
pub fn render(record: &GateRecord) -> String {
    within(record, RESULTS_MAX)
}

/// The same with at most so many results; what was left out is counted.
fn within(record: &GateRecord, max: usize) -> String {
    let mut found = merged(found(record));
    let left_out = found.len().saturating_sub(max);
    found.truncate(max);
    let rules = rules(record, &found);
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(i, rule)| (rule.id.as_str(), i)).collect();
    let results = found.into_iter().map(|f| f.outcome(&index)).collect();
    let (name, version) = record.tool.split_once(' ').unwrap_or((&record.tool, ""));
    let run = Run {
        automation_details: Automation { id: format!("{CATEGORY}/{}", &identity(record)[..16]) },
        invocations: [invocation(record, left_out)],
        properties: properties(record),
        results,
        tool: Tool { driver: Driver { name: name.into(), version: version.into(), rules } },
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    serde_json::to_string_pretty(&log).expect("a tree of text and numbers serialises") + "\n"
}

/// What tells one gate from another: code, inputs and seeds, as 64 hex digits.
fn identity(record: &GateRecord) -> String {
    let seeds = record.seeds.to_string();
    let parts = [&record.code, &record.config, &record.catalogue, &record.seed_base, &seeds, &record.nonce];
    let text: Vec<&str> = parts.iter().map(|part| part.as_str()).chain([record.command.as_str()]).collect();
    Digest::of(text.join("\n").as_bytes()).to_string()
}

fn properties(record: &GateRecord) -> BTreeMap<&'static str, String> {
    let bound = verdict::bound_sentence(record);
    let pins = [("code", &record.code), ("configuration", &record.config), ("catalogue", &record.catalogue)];
    let seeds = record.seeds.to_string();
    let more = [("seedBase", &record.seed_base), ("swarmSeedsPerScenario", &seeds), ("bound", &bound)];
    pins.into_iter().chain(more).map(|(name, value)| (name, value.clone())).collect()
}

fn invocation(record: &GateRecord, left_out: usize) -> Invocation {
    let headline = verdict::headline(record);
    let mut notifications = Vec::new();
    if left_out > 0 {
        let left = plural(left_out as u64, "result");
        let most = count(RESULTS_MAX as u64);
        let text = format!("{left} left out, because no more than {most} are taken: see report.json");
        notifications.push(Notification { level: "warning", message: Text { text } });
    }
    Invocation {
        command_line: record.command.clone(),
        execution_successful: matches!(headline.exit, 0 | 1),
        exit_code: headline.exit,
        exit_code_description: format!("{}: {}", headline.word, headline.sentence),
        tool_execution_notifications: notifications,
    }
}

/// The whole catalogue, what results speak of and it does not know, and the rules of proof.
fn rules(record: &GateRecord, found: &[Found]) -> Vec<Rule> {
    let rule = |id: &str, text: &str, tag: &str| Rule {
        id: id.into(),
        short_description: Text { text: text.into() },
        properties: Tags { tags: vec![tag.into()] },
    };
    let catalogue = record.requirements.iter().map(|r| rule(&r.id, &r.text, &r.group));
    let mut rules: Vec<Rule> = catalogue.chain(PROOF.map(|(id, text)| rule(id, text, "proof"))).collect();
    let known: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let unknown: BTreeSet<&str> = found.iter().map(|f| f.rule.as_str()).filter(|id| !known.contains(id)).collect();
    let unknown: Vec<Rule> = unknown.into_iter().map(|id| rule(id, "Not in the catalogue.", "unknown")).collect();
    rules.extend(unknown);
    rules
}

/// A result before it knows the others.
struct Found {
    rule: String,
    kind: &'static str,
    level: &'static str,
    text: String,
    place: String,
    times: u64,
    about: BTreeMap<&'static str, String>,
}

impl Found {
    fn new(rule: &str, outward: Outward, text: String, place: String, about: &[(&'static str, &str)]) -> Found {
        let about = about.iter().filter(|(_, value)| !value.is_empty());
        let about = about.map(|(name, value)| (*name, (*value).to_owned())).collect();
        let (kind, level) = (outward.sarif_kind, outward.sarif_level);
        Found { rule: rule.into(), kind, level, text, place, times: 1, about }
    }

    /// What it is about, and nothing of the run that showed it.
    fn fingerprint(&self) -> String {
        let about = self.about.iter().map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<String> = [self.rule.clone()].into_iter().chain(about).collect();
        Digest::of(parts.join("\n").as_bytes()).to_string()
    }

    fn outcome(self, index: &BTreeMap<&str, usize>) -> Outcome {
        let fingerprint = self.fingerprint();
        // GitHub matches by the second, which is otherwise made of a line of code; there is none here.
        let own = ("cellproof/v1", fingerprint.clone());
        let theirs = ("primaryLocationLineHash", format!("{}:1", &fingerprint[..16]));
        Outcome {
            rule_index: index[self.rule.as_str()],
            rule_id: self.rule,
            kind: self.kind,
            level: self.level,
            message: Text { text: self.text },
            locations: [Location {
                physical_location: Physical { artifact_location: Artifact { uri: "report.json" } },
                logical_locations: [Logical { fully_qualified_name: self.place }],
            }],
            partial_fingerprints: [own, theirs].into(),
            occurrence_count: self.times,
            properties: self.about,
        }
    }
}

/// Everything that is broken or open, in the order of the record.
fn found(record: &GateRecord) -> Vec<Found> {
    let of_scenario = |s: &ScenarioRecord| {
        let counts = Standing::of(s) != Standing::CanaryFailed;
        let parts = s.ablations.iter().filter(|a| !as_declared(a)).map(|a| ablation(s, a));
        let pairs = s.non_interference.iter().filter(|pair| !pair.alike).map(|pair| unlike(s, pair));
        let parts: Vec<Found> = parts.chain(pairs).filter(|_| counts).collect();
        scenario(record, s).into_iter().chain(parts)
    };
    let scenarios = record.scenarios.iter().flat_map(of_scenario);
    let objectives = record.slos.iter().filter(|slo| slo.verdict != SloVerdict::Met).map(objective);
    let uncovered = matrix::not_covered(record).into_iter().map(uncovered);
    scenarios.chain(objectives).chain(uncovered).collect()
}

/// Results about the same thing become one, with the worst of their kinds; what failed comes first.
fn merged(all: Vec<Found>) -> Vec<Found> {
    let mut kept: Vec<Found> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for one in all {
        match places.get(&one.fingerprint()) {
            Some(at) if weight(&kept[*at]) <= weight(&one) => kept[*at].times += one.times,
            Some(at) => kept[*at] = Found { times: one.times + kept[*at].times, ..one },
            None => {
                places.insert(one.fingerprint(), kept.len());
                kept.push(one);
            }
        }
    }
    kept.sort_by_key(weight);
    kept
}

fn weight(found: &Found) -> u8 {
    match (found.kind, found.level) {
        ("fail", "error") => 0,
        ("fail", _) => 1,
        _ => 2,
    }
}

/// One result for each requirement that a scenario breaks or leaves open.
fn scenario(record: &GateRecord, s: &ScenarioRecord) -> Vec<Found> {
    let whole = Standing::of(s);
    if whole.outward().exit == 0 {
        return Vec::new();
    }
    let mut ids: BTreeSet<&str> = s.requirements.iter().map(String::as_str).collect();
    if whole == Standing::Broken {
        ids.extend(blamed(record, s));
    }
    if s.canary || ids.is_empty() {
        ids = BTreeSet::from([if s.canary { CANARY } else { VERDICT }]);
    }
    ids.into_iter().flat_map(|id| judged(record, s, id)).collect()
}

/// What a scenario says of one requirement: once, or for each oracle that found it broken.
fn judged(record: &GateRecord, s: &ScenarioRecord, id: &str) -> Vec<Found> {
    let standing = Standing::of_requirement(record, s, id);
    let named = s.passes.iter().flat_map(|p| &p.kept).flat_map(|run| run.findings.iter().map(move |f| (f, &run.token)));
    let findings: Vec<(&Finding, &String)> =
        named.filter(|(f, _)| standing == Standing::Broken && f.requirement == id).collect();
    let outward = standing.outward();
    if findings.is_empty() {
        let about = [("scenario", s.name.as_str())];
        return vec![Found::new(id, outward, reasons(s, standing), s.name.clone(), &about)];
    }
    let finding = |(f, token): (&Finding, &String)| {
        let text = format!("{} is broken in {}. {}\n{}", id, s.name, f.message, replay_command(token));
        let tenant = f.tenant.as_deref().unwrap_or_default();
        let about = [("scenario", s.name.as_str()), ("oracle", &f.oracle), ("tenant", tenant)];
        Found::new(id, outward, text, s.name.clone(), &about)
    };
    findings.into_iter().map(finding).collect()
}

/// Why a scenario did not hold, in the words of the record, and the command that shows it.
fn reasons(s: &ScenarioRecord, standing: Standing) -> String {
    let mut text = format!("{}: {}. {}", s.name, standing.word(), standing.meaning());
    if let ScenarioVerdict::Skipped(why) = &s.verdict {
        text += &format!("\n{}", clip(why, REASON_MAX));
    }
    for why in s.why.iter().take(REASONS_MAX) {
        text += &format!("\n{}", clip(why, REASON_MAX));
    }
    if let Some(line) = &s.replay {
        text += &format!("\n{}", replay_command(line));
    }
    text
}

fn ablation(s: &ScenarioRecord, a: &AblationRecord) -> Found {
    let outward = standing::of_ablation(a).outward();
    let mut text = format!(
        "Without {} in {}: {} was declared and {} observed.",
        a.control,
        place(s, &a.variant),
        a.expected,
        a.observed
    );
    if let Some(partner) = &a.partner {
        text += &format!(" The attack succeeds without {partner} as well.");
    }
    if let Some(token) = &a.token {
        text += &format!("\n{}", replay_command(token));
    }
    let about = [("scenario", s.name.as_str()), ("control", &a.control), ("variant", &a.variant)];
    Found::new(ABLATION, outward, text, place(s, &a.control), &about)
}

fn unlike(s: &ScenarioRecord, pair: &NonInterference) -> Found {
    let mode = pair.mode.as_str();
    let difference = clip(pair.difference.as_deref().unwrap_or("the views differ"), REASON_MAX);
    let text = format!(
        "What {} sees in {} depends on others ({mode}). {difference}\n{}",
        pair.tenant,
        s.name,
        replay_command(&pair.token)
    );
    let about = [("scenario", s.name.as_str()), ("mode", mode), ("tenant", &pair.tenant)];
    Found::new(ALIKE, ScenarioVerdict::Breach.outward(), text, place(s, &pair.tenant), &about)
}

fn place(s: &ScenarioRecord, part: &str) -> String {
    if part.is_empty() { s.name.clone() } else { format!("{}/{part}", s.name) }
}

/// An objective that was missed, or has no verdict. A promise is made for the calm: what is missed under an attack is
/// a warning, as it is for the gate.
fn objective(slo: &SloRecord) -> Found {
    let broken = ScenarioVerdict::Breach.outward();
    let outward = match slo.verdict {
        SloVerdict::Missed if slo.condition == CALM => broken,
        SloVerdict::Missed => Outward { sarif_level: "warning", ..broken },
        _ => ScenarioVerdict::Vacuous.outward(),
    };
    let measured = slo::interval(slo).map_or_else(|| "nothing was measured".into(), |i| format!("95 % interval {i}"));
    let text = format!(
        "{} for {} in {}, {}: {}. {}, of {}.",
        slo.objective,
        slo.tenant,
        slo.cell,
        slo.condition,
        slo.verdict,
        measured,
        slo::rests_on(slo)
    );
    let about = [("condition", slo.condition.as_str()), ("tenant", &slo.tenant), ("cell", &slo.cell)];
    Found::new(&slo.requirement, outward, text, format!("{}/{}/{}", slo.condition, slo.cell, slo.tenant), &about)
}

fn uncovered(id: &str) -> Found {
    let text = format!("Nothing judges {id}: no scenario speaks for it, and no objective measures it.");
    Found::new(id, ScenarioVerdict::Vacuous.outward(), text, "catalogue".into(), &[("coverage", "none")])
}

#[cfg(test)]
mod tests;
