//! OSCAL 1.1.3: what was found (`assessment-results.json`), and what the reference model implements
//! (`component-definition.json`), for whoever keeps controls rather than requirements.
//!
//! Which controls a row of the catalogue speaks for is data, `oscal/controls.json`. Ids are made from names (UUID v5),
//! so the same record is the same file; a record holds no wall clock, so every time that OSCAL demands is the epoch,
//! and says so. A simulation verifies a design: every finding says that it is about the reference model and no
//! deployment.

pub mod components;
pub mod results;

use serde::Deserialize;
use serde_json::{Value, json};
use sim::record::GateRecord;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The version of OSCAL that is written: read by every tool that reads 1.1 or 1.2.
const VERSION: &str = "1.1.3";
/// Whose words our properties are.
const NAMESPACE: &str = "urn:cellproof:oscal:1";
/// Stands for a time that nobody took.
const NO_TIME: &str = "1970-01-01T00:00:00Z";
const ABOUT_TIME: &str = "A record holds no wall clock, so that the same record is always the same file. Times are the \
                          epoch. When evidence was sealed stands in its seal.";

/// The map from the catalogue to rules.
#[derive(Debug, Deserialize)]
struct ControlMap {
    version: u32,
    about: String,
    nist: String,
    threats: Vec<Threat>,
}

/// A threat: what speaks for it, and what it touches.
#[derive(Debug, Deserialize)]
struct Threat {
    name: String,
    requirements: Vec<String>,
    nist: Vec<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Vec<String>>,
}

impl ControlMap {
    fn read() -> ControlMap {
        serde_json::from_str(include_str!("oscal/controls.json")).expect("the control map is tested")
    }

    /// NIST controls, each with the threats that touch it.
    fn controls(&self) -> BTreeMap<&str, Vec<&Threat>> {
        let mut controls: BTreeMap<&str, Vec<&Threat>> = BTreeMap::new();
        for threat in &self.threats {
            threat.nist.iter().for_each(|id| controls.entry(id).or_default().push(threat));
        }
        controls
    }
}

/// Rows of the catalogue that speak for any of these threats.
fn rows<'m>(threats: &[&'m Threat]) -> BTreeSet<&'m str> {
    threats.iter().flat_map(|threat| &threat.requirements).map(String::as_str).collect()
}

/// The id of something, by its name: the same name is the same id.
fn id(name: &[&str]) -> String {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE.as_bytes());
    Uuid::new_v5(&space, name.join("\n").as_bytes()).to_string()
}

/// A property in our words. Its value has no blanks around it and is not empty, as OSCAL demands.
fn property(name: &str, value: &str) -> Value {
    let value = match value.trim() {
        "" => "none",
        value => value,
    };
    json!({ "name": name, "ns": NAMESPACE, "value": value })
}

/// The same, with a remark.
fn remarked(name: &str, value: &str, remark: &str) -> Value {
    let mut property = property(name, value);
    if !remark.is_empty() {
        property["remarks"] = remark.into();
    }
    property
}

fn metadata(record: &GateRecord, title: &str, version: &str) -> Value {
    json!({
        "title": title,
        "last-modified": NO_TIME,
        "version": version,
        "oscal-version": VERSION,
        "props": [property("tool", &record.tool)],
        "remarks": ABOUT_TIME,
    })
}

/// The component that stands for the platform as a whole.
fn platform() -> String {
    id(&["component", "platform"])
}

fn pretty(root: &str, document: Value) -> String {
    let tree = json!({ root: document });
    serde_json::to_string_pretty(&tree).expect("a tree of values serialises") + "\n"
}

#[cfg(test)]
mod tests;
