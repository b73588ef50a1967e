//! `assessment-results.json`: an observation for each row that was judged, a finding for each control that is decided.
//!
//! A control is satisfied when every row that speaks for it held, and not satisfied when one of them broke. Anything
//! else is no finding: the control is named in a property, with what is missing. Nothing is satisfied where no canary
//! failed, because then the judges may be blind.

use super::{ControlMap, NO_TIME, Threat, id, metadata, platform, pretty, property, remarked, rows};
use crate::certificate::conclude;
use crate::certificate::statement::RowStanding;
use crate::matrix;
use crate::plan::plan;
use crate::standing::{Standing, blamed};
use crate::verdict;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sim::record::GateRecord;
use std::collections::{BTreeMap, BTreeSet};

/// The record as assessment results. `digest` is the SHA-256 of `report.json`, in hex: which record it is.
pub fn render(record: &GateRecord, digest: &str) -> String {
    let map = ControlMap::read();
    let own = |name: &[&str]| id(&[&["assessment-results", digest][..], name].concat());
    let document = json!({
        "uuid": own(&[]),
        "metadata": metadata(record, "What a gate of cellproof found", &digest[..16]),
        "import-ap": {
            "href": format!("#{}", own(&["plan"])),
            "remarks": "The plan that was fixed before the first run, as a resource of this document.",
        },
        "results": [result(record, &map, &own)],
        "back-matter": { "resources": resources(record, &map, digest, &own) },
    });
    pretty("assessment-results", document)
}

type Own<'f> = dyn Fn(&[&str]) -> String + 'f;

fn result(record: &GateRecord, map: &ControlMap, own: &Own<'_>) -> Value {
    let standings = standings(record);
    let controls = map.controls();
    let blind = is_blind(record);
    let judged = controls.iter().map(|(control, threats)| (*control, threats, decide(&standings, threats, blind)));
    let (decided, open): (Vec<_>, Vec<_>) = judged.partition(|(_, _, decision)| decision.is_ok());
    let open = open.iter().filter_map(|(control, _, decision)| {
        decision.as_ref().err().map(|why| remarked("undetermined-control", control, why))
    });
    let findings = decided.iter().filter_map(|(control, threats, decision)| {
        decision.as_ref().ok().map(|satisfied| finding(control, threats, *satisfied, &standings, own))
    });
    let mut props = props(record, map);
    props.extend(open);
    props.extend(matrix::not_covered(record).into_iter().map(|row| property("not-covered", row)));
    let headline = verdict::headline(record);
    let mut result = json!({
        "uuid": own(&["result"]),
        "title": "A gate of the reference model",
        "description": format!("{} {}", headline.sentence, verdict::bound_sentence(record)),
        "start": NO_TIME,
        "props": props,
        "local-definitions": { "components": [reference()] },
        "reviewed-controls": reviewed(&controls.keys().copied().collect::<Vec<_>>()),
    });
    for (name, list) in [("observations", observations(record, &standings, own)), ("findings", findings.collect())] {
        if !list.is_empty() {
            result[name] = list.into();
        }
    }
    let assumptions: Vec<&str> =
        record.plan.iter().flat_map(|plan| &plan.assumptions).map(String::as_str).filter(|a| !a.is_empty()).collect();
    if !assumptions.is_empty() {
        result["remarks"] = assumptions.join("\n\n").into();
    }
    result
}

fn props(record: &GateRecord, map: &ControlMap) -> Vec<Value> {
    let headline = verdict::headline(record);
    vec![
        property("verdict", headline.word),
        property("exit", &headline.exit.to_string()),
        property("code", &record.code),
        property("configuration", &record.config),
        property("catalogue", &record.catalogue),
        property("seed-base", &record.seed_base),
        property("swarm-seeds", &record.seeds.to_string()),
        remarked("control-map", &map.version.to_string(), &map.about),
    ]
}

/// What is known of every row that was judged.
fn standings(record: &GateRecord) -> BTreeMap<&str, RowStanding> {
    let by_scenarios = matrix::requirements(record).into_iter().filter(|row| row.judged() > 0).map(|row| row.id);
    let by_objectives = record.slos.iter().map(|slo| slo.requirement.as_str());
    let broken = record.scenarios.iter().filter(|s| Standing::of(s) == Standing::Broken);
    let broken: BTreeSet<&str> = broken.flat_map(|s| blamed(record, s)).collect();
    let all: BTreeSet<&str> = by_scenarios.chain(by_objectives).chain(broken.iter().copied()).collect();
    let standing = |row: &str| match broken.contains(row) {
        true => RowStanding::Failed,
        false => conclude::standing(record, row, 0),
    };
    all.into_iter().map(|row| (row, standing(row))).collect()
}

/// Whether nothing shows that the judges would have noticed anything.
fn is_blind(record: &GateRecord) -> bool {
    let canaries: Vec<Standing> = record.scenarios.iter().filter(|s| s.canary).map(Standing::of).collect();
    canaries.is_empty() || canaries.iter().any(|standing| *standing != Standing::CanaryFailed)
}

/// Whether a control is satisfied; or why that is not known.
fn decide(standings: &BTreeMap<&str, RowStanding>, threats: &[&Threat], blind: bool) -> Result<bool, String> {
    let of = |row: &&str| standings.get(row).copied().unwrap_or(RowStanding::NotCovered);
    let rows = rows(threats);
    if rows.iter().any(|row| of(row) == RowStanding::Failed) {
        return Ok(false);
    }
    let held = |row: &&&str| of(row) <= RowStanding::Simulated;
    let missing: Vec<String> =
        rows.iter().filter(|row| !held(row)).map(|row| format!("{row} is {}", word(of(row)))).collect();
    match (missing.is_empty(), blind) {
        (true, false) => Ok(true),
        (true, true) => Err("No canary failed, so the judges may be blind.".into()),
        (false, _) => Err(missing.join(", ") + "."),
    }
}

fn word(standing: RowStanding) -> &'static str {
    match standing {
        RowStanding::Conformant | RowStanding::Sensitive | RowStanding::Simulated => "held",
        RowStanding::Inconclusive => "inconclusive",
        // What was asked of a real deployment alone says nothing of the reference model.
        RowStanding::NotCovered | RowStanding::Assessed => "not covered",
        RowStanding::Failed => "broken",
    }
}

fn finding(
    control: &str,
    threats: &[&Threat],
    satisfied: bool,
    standings: &BTreeMap<&str, RowStanding>,
    own: &Own<'_>,
) -> Value {
    let (state, reason) = if satisfied { ("satisfied", "pass") } else { ("not-satisfied", "fail") };
    let names: Vec<&str> = threats.iter().map(|threat| threat.name.as_str()).collect();
    let judged = rows(threats).into_iter().filter(|row| standings.contains_key(row));
    let observations = judged.map(|row| json!({ "observation-uuid": own(&["observation", row]) }));
    let others = threats.iter().flat_map(|threat| &threat.others);
    let others: BTreeSet<(&str, &str)> =
        others.flat_map(|(rule, ids)| ids.iter().map(|id| (rule.as_str(), id.as_str()))).collect();
    let named = names.iter().map(|name| ("threat", *name));
    let props: Vec<Value> = named.chain(others).map(|(name, value)| property(name, value)).collect();
    json!({
        "uuid": own(&["finding", control]),
        "title": format!("{} in the reference model", control.to_uppercase()),
        "description": format!(
            "What a simulation of the reference model shows of this control against: {}. It verifies a design, and \
             says nothing about how a deployment is configured.",
            names.join(", ")
        ),
        "props": props,
        "target": {
            "type": "objective-id",
            "target-id": format!("{control}_obj"),
            "status": { "state": state, "reason": reason },
        },
        "related-observations": observations.collect::<Vec<_>>(),
    })
}

fn observations(record: &GateRecord, standings: &BTreeMap<&str, RowStanding>, own: &Own<'_>) -> Vec<Value> {
    let known = |row: &str| record.requirements.iter().find(|r| r.id == row);
    let text = |row: &str| known(row).map_or("Not in the catalogue.", |r| r.text.as_str());
    let observation = |(row, standing): (&&str, &RowStanding)| {
        let judges = record.scenarios.iter().filter(|s| !s.canary && s.requirements.iter().any(|id| id == *row));
        let scenarios = judges.map(|s| remarked("scenario", &s.name, Standing::of_requirement(record, s, row).word()));
        let objectives = record.slos.iter().filter(|slo| slo.requirement == **row).map(|slo| {
            let place = format!("{} in {}, {}", slo.tenant, slo.cell, slo.condition);
            remarked("objective", &place, &slo.verdict.to_string())
        });
        let own_props = [property("requirement", row), property("standing", word(*standing))];
        json!({
            "uuid": own(&["observation", row]),
            "title": row,
            "description": text(row),
            "props": own_props.into_iter().chain(scenarios).chain(objectives).collect::<Vec<_>>(),
            "methods": ["TEST"],
            "types": ["control-objective"],
            "subjects": [{ "subject-uuid": platform(), "type": "component" }],
            "relevant-evidence": [{
                "href": format!("#{}", own(&["record"])),
                "description": "The record of the gate, which this was made from.",
            }],
            "collected": NO_TIME,
        })
    };
    standings.iter().map(observation).collect()
}

fn reference() -> Value {
    json!({
        "uuid": platform(),
        "type": "software",
        "title": "The reference model of the platform",
        "description": "Models of every component, run in a deterministic simulation.",
        "status": { "state": "other", "remarks": "A model: nobody operates it." },
    })
}

fn reviewed(controls: &[&str]) -> Value {
    let included: Vec<Value> = controls.iter().map(|control| json!({ "control-id": control })).collect();
    let objectives: Vec<Value> =
        controls.iter().map(|control| json!({ "objective-id": format!("{control}_obj") })).collect();
    json!({
        "control-selections": [{ "include-controls": included }],
        "control-objective-selections": [{ "include-objectives": objectives }],
    })
}

fn resources(record: &GateRecord, map: &ControlMap, digest: &str, own: &Own<'_>) -> Value {
    let plan = serde_json::to_string(&plan(record)).expect("a tree of values serialises");
    json!([
        {
            "uuid": own(&["plan"]),
            "title": "The plan of the gate",
            "description": "Scenarios, controls, seeds and stop rule, fixed before the first run.",
            "base64": { "filename": "plan.json", "media-type": "application/json", "value": STANDARD.encode(plan) },
        },
        {
            "uuid": own(&["record"]),
            "title": "The record of the gate",
            "description": "report.json of the same gate, by its digest.",
            "props": [property("report.json-sha256", digest)],
        },
        {
            "uuid": own(&["catalogue"]),
            "title": map.nist,
            "description": "The catalogue that control ids and objective ids are of.",
        },
    ])
}
