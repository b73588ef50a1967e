//! The timeline of a drill as a file: what was drawn, or what was observed in a real one.
//!
//! JSON by the published schema (`reports/schemas/drill.schema.json`); YAML of the same shape is read as well. Times
//! are whole milliseconds since the drill began. A mistake is told with its line and column, and nothing runs.

use super::expect::Objective;
use super::incident::Kind;
use super::map::Map;
use super::story::{Incident, LENGTH_MAX_MS, Story, at};
use models::config::read::{Reader, Table};
use models::config::tree::{self, At, Node};
use models::config::{Inputs, Problems};
use serde::Serialize;
use serde_json::{Value, json};
use sim::fault::{FaultSpec, KINDS, Target};
use sim::record::SloVerdict;
use sim::{Instant, fault};
use std::sync::Arc;

/// Version of the format; a reader refuses what it does not know.
pub const VERSION: u64 = 1;

/// Strength of a fault, at most: every unit's useful range ends far below.
const STRENGTH_MAX: u64 = 1_000_000_000_000;

/// What was observed of an objective in a real drill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Observed {
    /// The tenant.
    pub tenant: String,
    /// The objective.
    pub objective: Objective,
    /// The verdict on it.
    pub verdict: SloVerdict,
}

/// A timeline that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// Decides everything that the timeline does not: who asks what and when.
    pub seed: u64,
    /// What happens.
    pub story: Story,
    /// What was observed of it, when it was.
    pub observed: Vec<Observed>,
}

impl Document {
    /// Reads a timeline for a platform.
    ///
    /// # Errors
    /// Every mistake: what the format does not know, a fault of no known kind, a target that the platform lacks, a
    /// stretch that ends before it begins, a tenant that does not take part.
    pub fn parse(file: &str, text: &str, inputs: &Inputs, map: &Map) -> Result<Document, Problems> {
        let tree = tree::from_yaml(file, text)?;
        let mut r = Reader::new(file);
        let Some(mut top) = r.table(&tree, "the drill") else { return r.finish(Document::empty()) };
        top.integer(&mut r, "version", VERSION..=VERSION);
        let seed = top.get(&mut r, "seed").and_then(|node| seed(&mut r, node)).unwrap_or(0);
        let length_ms = top.integer(&mut r, "length_ms", 1_000..=LENGTH_MAX_MS);
        let mut story = Story { incidents: Vec::new(), faults: Vec::new(), length: at(length_ms) };
        for node in top.list(&mut r, "incidents") {
            let Some(table) = r.table(node, "an incident") else { continue };
            read_incident(&mut r, table, length_ms, map, &mut story);
        }
        // What was expected and what came of it is worked out again: it follows from the rest.
        top.optional("expected");
        top.optional("outcome");
        let mut observed = Vec::new();
        if let Some(list) = top.optional("observed") {
            for node in r.list(list, "observed") {
                let Some(table) = r.table(node, "an observation") else { continue };
                observed.extend(read_observed(&mut r, table, inputs));
            }
        }
        top.finish(&mut r);
        r.finish(Document { seed, story, observed })
    }

    fn empty() -> Document {
        let story = Story { incidents: Vec::new(), faults: Vec::new(), length: Instant::ZERO };
        Document { seed: 0, story, observed: Vec::new() }
    }
}

/// A seed: text, because readers of JSON round what is larger than 2^53.
fn seed(r: &mut Reader, node: &At<Node>) -> Option<u64> {
    let text = r.text(node, "seed")?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        r.problem((node.line, node.column), format!("seed {text:?}"), "a whole number below 2^64, as text");
    }
    parsed
}

fn read_incident(r: &mut Reader, mut table: Table<'_>, length_ms: u64, map: &Map, story: &mut Story) {
    let names: Vec<Arc<str>> = Kind::ALL.iter().map(|kind| kind.name().into()).collect();
    let kind = table.optional("kind").and_then(|node| r.one_of(node, "kind", &names));
    let kind = kind.and_then(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name));
    let title = table.text(r, "title").to_string();
    let before = story.faults.len();
    for node in table.list(r, "faults") {
        let Some(fault) = r.table(node, "a fault") else { continue };
        story.faults.extend(read_fault(r, fault, length_ms, map));
    }
    table.finish(r);
    story.incidents.push(Incident { kind, title, faults: story.faults.len() - before });
}

fn read_fault(r: &mut Reader, mut table: Table<'_>, length_ms: u64, map: &Map) -> Option<FaultSpec> {
    let place = table.place();
    let kinds: Vec<Arc<str>> = KINDS.iter().map(|(name, _)| (*name).into()).collect();
    let kind = table.one_of(r, "kind", &kinds);
    let target = table.get(r, "target").and_then(|node| read_target(r, node, map));
    let from_ms = table.integer(r, "from_ms", 0..=length_ms);
    let until_ms = table.integer(r, "until_ms", 0..=length_ms);
    let strength = table.optional("strength").map_or(0, |node| r.integer(node, "strength", 0..=STRENGTH_MAX));
    table.finish(r);
    if from_ms >= until_ms {
        r.problem(place, format!("a fault from {from_ms} ms until {until_ms} ms"), "`until_ms` after `from_ms`");
    }
    let unit = KINDS.iter().find(|(name, _)| *name == &*kind).map_or("", |(_, unit)| unit);
    if strength == 0
        && !unit.is_empty()
        && !unit.contains("strength is ignored")
        && !unit.contains("which this numbers")
    {
        r.problem(place, format!("fault {kind:?} without strength"), format!("`strength`: {unit}"));
    }
    Some(FaultSpec { kind: kind.to_string(), target: target?, from: at(from_ms), until: at(until_ms), strength })
}

fn read_target(r: &mut Reader, node: &At<Node>, map: &Map) -> Option<Target> {
    if node.value == Node::Text("all".into()) {
        return Some(Target::All);
    }
    if matches!(node.value, Node::Text(_)) {
        let expected = "\"all\", or a table with `node`, `zone`, `group`, or `from` and `to`";
        r.problem((node.line, node.column), node.value.describe(), expected);
        return None;
    }
    let mut table = r.table(node, "a target")?;
    let named = |names: Vec<&str>| -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = names.into_iter().map(Arc::from).collect();
        names.sort();
        names.dedup();
        names
    };
    let mut found = Vec::new();
    if let Some(node) = table.optional("node") {
        let roles = named(map.nodes.iter().map(|n| n.role.as_str()).collect());
        found.extend(r.one_of(node, "node", &roles).map(|name| Target::Node(name.into())));
    }
    if let Some(node) = table.optional("zone") {
        let zones = named(map.nodes.iter().map(|n| n.zone.as_str()).collect());
        found.extend(r.one_of(node, "zone", &zones).map(|name| Target::Zone(name.into())));
    }
    if let Some(node) = table.optional("group") {
        let groups = named(map.nodes.iter().map(|n| n.group.as_str()).collect());
        found.extend(r.one_of(node, "group", &groups).map(|name| Target::Group(name.into())));
    }
    if let (Some(from), Some(to)) = (table.optional("from"), table.optional("to")) {
        found.extend(read_target(r, from, map).zip(read_target(r, to, map)).map(|(from, to)| Target::link(from, to)));
    }
    let (place, count) = (table.place(), found.len());
    table.finish(r);
    if count > 1 {
        r.problem(place, "a target of several kinds", "one of `node`, `zone`, `group`, or `from` and `to`");
    }
    found.pop()
}

fn read_observed(r: &mut Reader, mut table: Table<'_>, inputs: &Inputs) -> Option<Observed> {
    let tenants: Vec<Arc<str>> = super::taking_part(inputs).iter().map(|t| t.id.clone()).collect();
    let tenant = table.one_of(r, "tenant", &tenants).to_string();
    let names: Vec<Arc<str>> = Objective::ALL.iter().map(|o| o.requirement().into()).collect();
    let objective = table.one_of(r, "objective", &names);
    let verdicts = [SloVerdict::Met, SloVerdict::Missed, SloVerdict::Inconclusive, SloVerdict::NoData];
    let names: Vec<Arc<str>> = verdicts.iter().map(|v| v.to_string().into()).collect();
    let verdict = table.one_of(r, "verdict", &names);
    table.finish(r);
    let objective = Objective::ALL.into_iter().find(|o| o.requirement() == &*objective)?;
    let verdict = verdicts.into_iter().find(|v| v.to_string() == *verdict)?;
    Some(Observed { tenant, objective, verdict })
}

/// A target as it is written.
fn target(target: &Target) -> Value {
    match target {
        Target::All => json!("all"),
        Target::Node(name) => json!({ "node": name }),
        Target::Zone(name) => json!({ "zone": name }),
        Target::Group(name) => json!({ "group": name }),
        Target::Link(from, to) => json!({ "from": self::target(from), "to": self::target(to) }),
    }
}

fn ms(at: Instant) -> u64 {
    at.0 / 1_000_000
}

fn fault(fault: &fault::FaultSpec) -> Value {
    json!({
        "kind": fault.kind,
        "target": target(&fault.target),
        "from_ms": ms(fault.from),
        "until_ms": ms(fault.until),
        "strength": fault.strength,
    })
}

/// Incidents as they are written, each with its own faults.
pub fn incidents(story: &Story) -> Value {
    let mut faults = story.faults.iter();
    let written = story.incidents.iter().map(|incident| {
        let own: Vec<Value> = faults.by_ref().take(incident.faults).map(fault).collect();
        let mut value = json!({ "title": incident.title, "faults": own });
        if let Some(kind) = incident.kind {
            value["kind"] = json!(kind.name());
        }
        value
    });
    Value::Array(written.collect())
}

/// A drill as a file, without what came of it: read back, it is the same drill.
pub fn write(drill: &super::Drill) -> Value {
    let mut value = json!({
        "version": VERSION,
        "seed": drill.seed.to_string(),
        "length_ms": ms(drill.story.length),
        "incidents": incidents(&drill.story),
        "expected": drill.expectations,
    });
    if !drill.observed.is_empty() {
        value["observed"] = json!(drill.observed);
    }
    value
}
