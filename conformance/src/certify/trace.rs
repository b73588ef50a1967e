//! A trace of a deployment, judged by the oracles of the simulation; and by itself, whether anything in it was
//! corrupted, dropped, duplicated or reordered.
//!
//! What is broken is a finding with its line. What could not be read, has no end, or is missing although the deployment
//! says that it is there, is never green.

use super::deployment::Deployment;
use super::deployment::trace::{OWN, Trace as Table};
use super::report::{Component, Finding, Limits, Proof};
use crate::trace::bench::{self, Verdicts};
use crate::trace::coverage::{self, Reach};
use crate::trace::read::{Trace, Where};
use crate::trace::seal::{self, Fault, Sealed};
use models::catalogue;
use reports::text::plural;
use scenarios::stage::Terms;
use serde_json::{Map, Value};
use sim::record;
use std::fs;
use std::path::Path;

/// What was recorded has to be repaired where it was recorded.
const REPAIR: &str = "-- find out who wrote the line and why; a trace that was repaired proves nothing";

/// Judges `table`. A trace that cannot be read is inconclusive.
pub fn judge(deployment: &Deployment, table: &Table) -> Component {
    let files: Vec<String> = table.file.iter().map(|file| file.get_ref().path.display().to_string()).collect();
    let limits = Limits { statement_timeout_ms: 0, lock_timeout_ms: 0, statements: 0 };
    let mut component = Component::new("trace", files.join(", "), limits);
    let mut trace = Trace::default();
    for file in &table.file {
        if let Err(why) = read(&mut trace, table, file.get_ref(), &deployment.home) {
            trace.mistakes.push(why);
        }
    }
    component.limits.statements = trace.lines.len() as u64;
    let sealed = seal::examine(&trace);
    let terms = table.terms();
    let verdicts = bench::judge(&trace, &terms, &table.routes());
    trace.mistakes.extend(verdicts.mistakes.iter().cloned());
    for fault in &sealed.faults {
        note(&mut component, contradiction(fault));
    }
    for (found, at) in &verdicts.findings {
        note(&mut component, broken(found, at.as_ref()));
    }
    open_ends(&mut component, table, &trace, &sealed, &verdicts);
    covered(&mut component, &terms, &sealed, &verdicts);
    match trace.mistakes.is_empty() {
        true => component.conclude(),
        false => {
            let why = format!(
                "{} cannot be read: {}",
                plural(trace.mistakes.len() as u64, "line"),
                trace.mistakes.join("; ")
            );
            component.unjudged(why).conclude()
        }
    }
}

/// One line is blamed once, for every row that it breaks.
fn note(component: &mut Component, finding: Finding) {
    let known = component.findings.iter_mut().find(|known| known.object == finding.object);
    if let Some(known) = known {
        let more = finding.requirements.iter().filter(|row| !known.requirements.contains(row));
        let more: Vec<&str> = more.copied().collect();
        known.requirements.extend(more);
    }
    component.find(finding);
}

fn read(trace: &mut Trace, table: &Table, file: &super::deployment::trace::File, home: &Path) -> Result<(), String> {
    let name = file.path.display().to_string();
    let bytes = fs::read(home.join(&file.path)).map_err(|e| format!("failed to read {name}: {e}"))?;
    let text =
        String::from_utf8(bytes).map_err(|e| format!("{name}: no UTF-8 at byte {}", e.utf8_error().valid_up_to()))?;
    if file.form == OWN {
        trace.own(&name, &text);
    } else {
        let form = table.form(&file.form).ok_or_else(|| format!("{name}: no form {}", file.form))?;
        let with: Map<String, Value> =
            file.with.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
        trace.other(&name, &text, &form, &with);
    }
    Ok(())
}

fn contradiction(fault: &Fault) -> Finding {
    let mut lines = vec![fault.at.to_string()];
    lines.extend(fault.against.iter().map(|other| format!("{other}, which it contradicts")));
    Finding {
        object: fault.at.to_string(),
        what: fault.what.clone(),
        requirements: fault.requirements.clone(),
        proof: Proof {
            tenant: None,
            connection: "fresh",
            statements: lines,
            saw: "what the lines say of each other".into(),
        },
        repair: vec![REPAIR.to_owned()],
        also: Vec::new(),
    }
}

fn broken(found: &record::Finding, at: Option<&Where>) -> Finding {
    let object = at.map_or_else(|| format!("the trace, by {}: {}", found.oracle, found.message), Where::to_string);
    let requirements = catalogue::row(&found.requirement).map(|row| row.id).into_iter().collect();
    Finding {
        object,
        what: found.message.clone(),
        requirements,
        proof: Proof {
            tenant: None,
            connection: "fresh",
            statements: at.map(Where::to_string).into_iter().collect(),
            saw: format!(
                "the oracle {} of the simulation, by {} facts",
                found.oracle,
                format!("{:?}", found.vantage).to_lowercase()
            ),
        },
        repair: vec!["-- see `cellproof list requirements` for the controls that uphold it".to_owned()],
        also: Vec::new(),
    }
}

fn open_ends(component: &mut Component, table: &Table, trace: &Trace, sealed: &Sealed, verdicts: &Verdicts) {
    let is_own = |name: &str| {
        trace.lines.iter().any(|read| {
            trace.ordered.contains(&read.at.file) && read.line.seal.as_ref().is_some_and(|seal| seal.stream == name)
        })
    };
    let mut elsewhere = 0_u64;
    for name in &sealed.open {
        if name.starts_with("the file ") || is_own(name) {
            component.suspect(name, "nobody stated its end", &["SRV-07"], "a tail that is cut off leaves no trace");
        } else {
            elsewhere += 1;
        }
    }
    if elsewhere > 0 {
        component
            .notes
            .push(format!("of {} nobody stated the end: a lost tail does not show", plural(elsewhere, "stream")));
    }
    if sealed.bare > 0 {
        let streams = plural(sealed.bare as u64, "stream");
        component
            .notes
            .push(format!("{streams} numbered without digests: a changed value shows only where it contradicts"));
    }
    for held in &table.holds {
        let (kind, requirement) = held.needs();
        if !trace.lines.iter().any(|read| read.line.what.kind() == kind) {
            let why = "the deployment says that the trace holds them";
            component.suspect(&format!("events {kind}"), "there are none", &[requirement], why);
        }
    }
    for owed in &verdicts.pending {
        component.suspect(owed, "it was owed when the trace ended", &[], "it may still have come");
    }
    for (file, lines) in &trace.foreign {
        component.notes.push(format!("{} of {file} not known to its form", plural(*lines, "line")));
    }
}

fn covered(component: &mut Component, terms: &Terms, sealed: &Sealed, verdicts: &Verdicts) {
    let streams = sealed.chained + sealed.numbered;
    component.judged("streams that are chained or numbered with sums", streams, &["EVT-07", "POL-04", "EVT-03"]);
    component.judged("requests that were received, answered and audited", sealed.triples, &["SRV-07", "POL-04"]);
    if sealed.pairs > 0 {
        component.judged("requests that were received and answered, and not audited", sealed.pairs, &["SRV-07"]);
    }
    for row in coverage::COVERAGE {
        if let Some(why) = row.lacks(|kind| verdicts.facts.contains_key(kind), terms) {
            component.not_judged(row.requirement, why);
            continue;
        }
        let partly = if row.reach == Reach::Partly { " (partly)" } else { "" };
        let facts = row.needs.iter().map(|kind| verdicts.facts[kind]).min().unwrap_or_default();
        component.judged(&format!("{}{partly}: {}", row.requirement, row.what), facts, &[row.requirement]);
        if !row.open.is_empty() {
            component.not_judged(format!("{} in full", row.requirement), row.open);
        }
    }
    let others = catalogue::rows().len() - coverage::COVERAGE.len();
    component
        .not_judged(format!("{others} more rows"), "no event of a trace speaks of them: `cellproof trace --coverage`");
}
