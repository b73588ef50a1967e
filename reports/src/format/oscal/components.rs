//! `component-definition.json`: what each component of the reference model does for which control.
//!
//! A component's controls are its switches: what is named here can be switched off, and the gate shows what then
//! happens.

use super::{ControlMap, id, metadata, pretty, property, remarked, rows};
use serde_json::{Value, json};
use sim::record::{ControlRecord, GateRecord};
use std::collections::BTreeMap;

/// The record's controls as a component definition. `digest` is the SHA-256 of `report.json`, in hex.
pub fn render(record: &GateRecord, digest: &str) -> String {
    let map = ControlMap::read();
    let own = |name: &[&str]| id(&[&["component-definition", digest][..], name].concat());
    let catalogue = own(&["catalogue"]);
    let mut parts: BTreeMap<&str, Vec<&ControlRecord>> = BTreeMap::new();
    for control in &record.controls {
        let component = control.id.split('.').next().unwrap_or(&control.id);
        parts.entry(component).or_default().push(control);
    }
    let components: Vec<Value> =
        parts.iter().map(|(name, controls)| component(name, controls, &map, &format!("#{catalogue}"))).collect();
    let mut document = json!({
        "uuid": own(&[]),
        "metadata": metadata(record, "Components of the reference model", &digest[..16]),
        "back-matter": { "resources": [{
            "uuid": catalogue,
            "title": map.nist,
            "description": "The catalogue that control ids are of.",
        }] },
    });
    if !components.is_empty() {
        document["components"] = components.into();
    }
    pretty("component-definition", document)
}

fn component(name: &str, controls: &[&ControlRecord], map: &ControlMap, catalogue: &str) -> Value {
    let switches: Vec<Value> =
        controls.iter().map(|control| remarked("control", &control.id, &format!("Off: {}.", control.off))).collect();
    let mut component = json!({
        "uuid": id(&["component", name]),
        "type": "software",
        "title": name,
        "description": format!("The component `{name}` of the reference model, with what can be switched off in it."),
        "props": switches,
    });
    let implemented: Vec<Value> = map
        .controls()
        .into_iter()
        .filter_map(|(control, threats)| {
            let rows = rows(&threats);
            let speaks = |c: &&&ControlRecord| c.upholds.iter().any(|row| rows.contains(row.as_str()));
            let by: Vec<&ControlRecord> = controls.iter().filter(speaks).copied().collect();
            (!by.is_empty()).then(|| requirement(name, control, &by))
        })
        .collect();
    if !implemented.is_empty() {
        component["control-implementations"] = json!([{
            "uuid": id(&["implementation", name]),
            "source": catalogue,
            "description": "As the reference model does it. A deployment may do it otherwise.",
            "implemented-requirements": implemented,
        }]);
    }
    component
}

fn requirement(component: &str, control: &str, by: &[&ControlRecord]) -> Value {
    let words: Vec<String> =
        by.iter().map(|c| format!("{} upholds {}; without it, {}.", c.id, c.upholds.join(", "), c.off)).collect();
    json!({
        "uuid": id(&["requirement", component, control]),
        "control-id": control,
        "description": words.join("\n\n"),
        "props": by.iter().map(|c| property("control", &c.id)).collect::<Vec<_>>(),
    })
}
