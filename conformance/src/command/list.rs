//! `cellproof list`: what there is, as a table or as a JSON array of objects.

use crate::args::{List, Topic};
use crate::certify::asks;
use crate::exit::{Done, Exit};
use crate::terminal::{clip, columns, say, width};
use models::registry;
use scenarios::catalogue;
use scenarios::claims::{self, Ablation};
use serde_json::{Value, json};

/// Columns of a terminal.
const COLUMNS: usize = 100;

/// Shows a list.
pub fn list(args: &List) -> Done {
    if args.json {
        let items = objects(args.topic);
        say(&format!("{}\n", serde_json::to_string_pretty(&items).expect("plain values serialise")));
    } else {
        say(&table(args.topic));
    }
    Ok(Exit::Held)
}

/// The list as objects, the same rows in the same order.
pub fn objects(topic: Topic) -> Vec<Value> {
    match topic {
        Topic::Scenarios => catalogue::ALL.iter().map(|s| scenario(s)).collect(),
        Topic::Controls => {
            registry::ALL.iter().map(|c| json!({"id": c.id, "upholds": c.upholds, "off": c.off})).collect()
        }
        Topic::Requirements => models::catalogue::rows().iter().map(requirement).collect(),
        Topic::Faults => sim::fault::KINDS.iter().map(|(kind, what)| json!({"fault": kind, "what": what})).collect(),
        Topic::Marks => {
            let variants = catalogue::ALL.iter().flat_map(|s| s.variants.iter().map(move |v| (s, v)));
            variants.map(|(s, v)| json!({"mark": v.mark, "variant": v.name, "scenario": s.name})).collect()
        }
        #[cfg(feature = "planted")]
        Topic::Planted => models::planted::ALL.iter().map(|d| planted(d)).collect(),
    }
}

/// A defect. Its scenario is where an experiment looks.
#[cfg(feature = "planted")]
fn planted(d: &sim::planted::Defect) -> Value {
    json!({"name": d.name, "conditions": d.conditions, "scenario": d.scenario, "says": d.says})
}

fn scenario(s: &scenarios::scenario::Scenario) -> Value {
    let expectation = |e: &scenarios::scenario::Expectation| {
        let partner = e.partner.map(|p| p.id);
        json!({"control": e.control.id, "expected": e.verdict, "partner": partner})
    };
    let variant = |v: &scenarios::scenario::Variant| {
        let controls: Vec<Value> = v.controls.iter().map(expectation).collect();
        json!({"name": v.name, "mark": v.mark, "controls": controls})
    };
    json!({
        "name": s.name,
        "title": s.title,
        "threat": s.threat,
        "stride": s.stride,
        "requirements": s.requirements,
        "canary": s.canary,
        "variants": s.variants.iter().map(variant).collect::<Vec<_>>(),
    })
}

/// What can be claimed of a row: how far it has come, by which controls, scenarios and ablations, on which real
/// components it is to be asked, and of which of them `certify` asks it.
fn requirement(row: &models::catalogue::Row) -> Value {
    let probes: Vec<&str> = row.probes.iter().map(|p| p.as_str()).collect();
    let asked = asks::probes(row);
    let state = claims::state_with(row, &asked);
    let asked: Vec<&str> = asked.iter().map(|p| p.as_str()).collect();
    let controls: Vec<&str> = claims::controls(row.id).iter().map(|c| c.id).collect();
    let scenarios: Vec<&str> = claims::judges(row.id).map(|s| s.name).collect();
    let ablation = |a: &Ablation| {
        let (control, partner) = (a.expected.control.id, a.expected.partner.map(|p| p.id));
        let (scenario, variant) = (a.scenario.name, a.variant.name);
        json!({"scenario": scenario, "variant": variant, "control": control, "partner": partner,
            "expected": a.expected.verdict})
    };
    let ablations: Vec<Value> = claims::ablations(row.id).iter().map(ablation).collect();
    json!({"id": row.id, "group": row.group, "text": row.text, "state": state, "controls": controls,
        "scenarios": scenarios, "ablations": ablations, "probes": probes, "probed": asked})
}

fn table(topic: Topic) -> String {
    let rows: Vec<Vec<String>> = match topic {
        Topic::Scenarios => {
            let canary = |s: &scenarios::scenario::Scenario| if s.canary { " (must fail)" } else { "" };
            let row = |s: &&scenarios::scenario::Scenario| vec![s.name.into(), format!("{}{}", s.title, canary(s))];
            catalogue::ALL.iter().map(row).collect()
        }
        Topic::Controls => {
            registry::ALL.iter().map(|c| vec![c.id.into(), c.upholds.join(" "), format!("off: {}", c.off)]).collect()
        }
        Topic::Requirements => {
            let state = |r: &models::catalogue::Row| claims::state_with(r, &asks::probes(r)).as_str();
            let row = |r: &models::catalogue::Row| vec![r.id.into(), state(r).into(), r.text.into()];
            models::catalogue::rows().iter().map(row).collect()
        }
        Topic::Faults => sim::fault::KINDS.iter().map(|(kind, what)| vec![(*kind).into(), (*what).into()]).collect(),
        Topic::Marks => {
            let variants = catalogue::ALL.iter().flat_map(|s| s.variants.iter().map(move |v| (s, v)));
            variants.map(|(s, v)| vec![v.mark.into(), v.name.into(), s.name.into()]).collect()
        }
        #[cfg(feature = "planted")]
        Topic::Planted => {
            models::planted::ALL.iter().map(|d| vec![d.name.into(), d.conditions.to_string(), d.says.into()]).collect()
        }
    };
    if rows.is_empty() {
        return "none\n".into();
    }
    columns(&fitting(rows), &[]).into_iter().map(|line| line + "\n").collect()
}

/// The last column gives way to the others.
fn fitting(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let last = rows[0].len() - 1;
    let before: usize = (0..last).map(|c| rows.iter().map(|r| width(&r[c])).max().unwrap_or(0) + 2).sum();
    let room = COLUMNS.saturating_sub(before).max(20);
    rows.iter_mut().for_each(|row| row[last] = clip(&row[last], room));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_as_many_objects_as_lines_and_fits() {
        for topic in [Topic::Scenarios, Topic::Controls, Topic::Requirements, Topic::Faults, Topic::Marks] {
            let (objects, table) = (objects(topic), table(topic));
            assert_eq!(objects.len(), table.lines().filter(|line| *line != "none").count(), "{topic:?}");
            assert!(table.lines().all(|line| width(line) <= COLUMNS), "{topic:?}");
        }
    }
}
