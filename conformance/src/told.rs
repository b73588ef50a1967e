//! A run that was kept, as rows for the replay page: messages and facts in the order in which they happened, each with
//! what was decided, the controls that were asked, and the one that said no.
//!
//! Which control said no is read off the run: checks stand in a row and the first that fails ends it, so it is the last
//! one asked before the denial, among those of the component that denied. Where that is not so, [`EXCEPTIONS`] says it.

use models::fact::Fact;
use models::registry;
use models::saas::Saas;
use reports::replay::{Decided, Kind, Row, Told};
use scenarios::prove::Finished;
use sim::journal::{Entry, Step};
use sim::record::Vantage;
use sim::{Fact as _, Instant};

/// Denials of which the last control asked is not the one that said no: who denied, why, and the control; `None` where
/// no control did, because the question never came to be judged.
const EXCEPTIONS: &[(&str, &str, Option<&str>)] = &[
    ("gateway.edge", "REGION_UNAVAILABLE", Some("edge.residency-failover")),
    // A record that is refused goes to the dead letters, and their alarm is asked after that.
    ("kafka", "INVALID_RECORD", Some("kafka.schema-validation")),
    // A session that was accepted, and ended later.
    ("mesh", "expired", Some("mesh.svid-validity")),
    ("mesh", "possession", None),
    // Every rule is asked, and the first that denies gives the reason.
    ("policy", "TENANT_MISMATCH", Some("policy.tenant-match")),
    ("policy", "RESIDENCY", Some("policy.region-match")),
    ("policy", "LABEL", Some("policy.label")),
    ("policy", "POLICY_MISSING", None),
];

/// The run as rows, up to `until`. Timers and syncs are left out; what followed from them is there.
pub fn told(run: &Finished, tenants: &[String], until: Option<Instant>) -> Told {
    let mut rows = faults(run);
    let (steps, entries) = (&run.journal.steps, &run.journal.entries);
    let first = steps.first().map_or(entries.len(), |step| step.facts_before as usize);
    rows.extend(entries[..first].iter().map(|entry| of_fact(entry, None, tenants)));
    for (i, step) in steps.iter().enumerate() {
        let end = steps.get(i + 1).map_or(entries.len(), |next| next.facts_before as usize);
        let facts = &entries[step.facts_before as usize..end];
        if step.from.is_some() {
            rows.push(of_step(step, facts));
        }
        rows.extend(facts.iter().map(|entry| of_fact(entry, Some(step), tenants)));
    }
    rows.extend(findings(run, tenants));
    rows.retain(|row| until.is_none_or(|until| row.at_ns <= until.0));
    // A stable sort: at one instant a fault begins, then a message is handled, then facts follow, then what they prove.
    rows.sort_by_key(|row| row.at_ns);
    Told { record: run.record.clone(), nodes: run.roles.clone(), rows }
}

fn row(at: Instant, kind: Kind, what: String) -> Row {
    Row {
        at_ns: at.0,
        cause: 0,
        from: None,
        node: None,
        kind,
        what,
        decided: None,
        asked: Vec::new(),
        tenant: None,
        finding: None,
    }
}

fn faults(run: &Finished) -> Vec<Row> {
    let rows = run.record.faults.iter().flat_map(|fault| {
        let says = |at, verb| row(Instant(at), Kind::Fault, format!("{} {verb} on {}", fault.fault, fault.target));
        [says(fault.from_ns, "begins"), says(fault.until_ns, "ends")]
    });
    rows.collect()
}

fn findings(run: &Finished, tenants: &[String]) -> Vec<Row> {
    let rows = run.record.findings.iter().enumerate().map(|(i, finding)| Row {
        cause: u64::from_str_radix(&finding.cause, 16).unwrap_or(0),
        node: run.roles.iter().position(|role| *role == finding.node).map(|n| n as u32),
        tenant: finding.tenant.as_deref().and_then(|name| named(name, tenants)),
        finding: Some(i as u32),
        ..row(Instant(finding.at_ns), Kind::Broken, format!("BROKEN {}: {}", finding.requirement, finding.message))
    });
    rows.collect()
}

fn of_step(step: &Step, facts: &[Entry<Saas>]) -> Row {
    let own = facts.iter().filter(|entry| entry.node == step.node && entry.at == step.at);
    let decisions: Vec<Decided> = own.filter_map(|entry| decided(&entry.fact, &step.asked)).collect();
    // One denial among several decisions is what became of the message.
    let decided = decisions.iter().find(|decided| !decided.allowed).or(decisions.first()).cloned();
    Row {
        cause: step.cause,
        from: step.from.map(|node| node.0),
        node: Some(step.node.0),
        decided,
        asked: step.asked.clone(),
        ..row(step.at, Kind::Message, step.text.clone())
    }
}

fn of_fact(entry: &Entry<Saas>, step: Option<&Step>, tenants: &[String]) -> Row {
    let kind = match entry.fact.vantage() {
        Vantage::Client => Kind::Client,
        Vantage::Store => Kind::Store,
        Vantage::Log => Kind::Log,
        Vantage::Truth => Kind::Truth,
    };
    // A fact between two steps may come from a fault or a boot, of which no control was asked.
    let step = step.filter(|step| (step.node, step.at) == (entry.node, entry.at));
    let asked = step.map_or(&[][..], |step| &step.asked);
    let decided = decided(&entry.fact, asked);
    let is_decision = decided.is_some();
    Row {
        cause: entry.cause,
        node: Some(entry.node.0),
        // What a principal asks was asked of no control yet; a message that timers led to has no row of its own.
        asked: if is_decision || step.is_some_and(|step| step.from.is_none()) { asked.to_vec() } else { Vec::new() },
        decided,
        tenant: tenant(&entry.fact).and_then(|name| named(name, tenants)),
        ..row(entry.at, kind, what(&entry.fact))
    }
}

/// A principal's facts begin with its name, which stands beside them.
fn what(fact: &Fact) -> String {
    let principal = match fact {
        Fact::Asked { principal, .. } => &**principal,
        Fact::Answered(answer) => &*answer.principal,
        _ => "",
    };
    let said = fact.describe();
    said.strip_prefix(principal).map_or(said.as_str(), str::trim_start).to_owned()
}

fn decided(fact: &Fact, asked: &[u16]) -> Option<Decided> {
    let Fact::Decided { by, allowed, reason, subject } = fact else { return None };
    let control = if *allowed { None } else { blocker(by, reason, asked) };
    Some(Decided { allowed: *allowed, why: format!("{by}: {reason} ({subject})"), by: control })
}

/// The control that said no.
fn blocker(by: &str, reason: &str, asked: &[u16]) -> Option<u16> {
    let id = |slot: &u16| registry::ALL.get(*slot as usize).map_or("", |control| control.id);
    if let Some((.., control)) = EXCEPTIONS.iter().find(|(who, why, _)| (*who, *why) == (by, reason)) {
        return asked.iter().find(|slot| Some(id(slot)) == *control).copied();
    }
    let component = by.split(['.', '-']).next().unwrap_or(by);
    let is_own = |slot: &&u16| id(slot).split('.').next() == Some(component);
    asked.iter().rev().find(is_own).copied()
}

/// The tenant that a fact names.
fn tenant(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Asked { principal, .. } => Some(principal),
        Fact::Answered(answer) => answer.tenant.as_deref().or(Some(&answer.principal)),
        Fact::RowStored { tenant, .. }
        | Fact::EntryStored { tenant, .. }
        | Fact::EntryEvicted { tenant, .. }
        | Fact::DecisionKept { tenant, .. } => Some(tenant),
        Fact::EventStored { topic, .. } => Some(topic),
        Fact::ObjectStored { key, .. } | Fact::ObjectRemoved { key, .. } => Some(key),
        Fact::BundleRestored(restored) => Some(&restored.tenant),
        Fact::NodeStored { tenant, .. } | Fact::EdgeStored { tenant, .. } | Fact::AttemptKept { tenant, .. } => {
            Some(tenant)
        }
        Fact::Replicated(row) => Some(&row.tenant),
        Fact::GraphOpened { .. } => None,
        Fact::Decided { subject, .. } => Some(subject),
        Fact::Reported { about, .. } | Fact::Truth { about, .. } => Some(about),
    }
}

/// The tenant whose id is a part of a name: `client/acme`, `tenant.acme.orders`.
fn named(name: &str, tenants: &[String]) -> Option<u32> {
    let place = |part: &str| tenants.iter().position(|tenant| tenant == part).map(|i| i as u32);
    name.split(['/', '.', ':']).find_map(place)
}

#[cfg(test)]
mod tests;
