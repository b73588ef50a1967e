//! A Chaos Mesh Workflow: all faults side by side, each after a wait of its own (`chaos-mesh.org/v1alpha1`).
//!
//! Pods are found by the labels `cellproof/role`, `cellproof/cell` and `cellproof/zone`, whose values are the names of
//! the platform's file with a dot for each slash.

use super::super::Drill;
use super::{label, span};
use serde_json::{Value, json};
use sim::fault::{FaultSpec, Target};

/// The workflow, and what it cannot say.
pub fn workflow(drill: &Drill) -> (Value, Vec<String>) {
    let mut notes = vec![
        "pods must carry the labels cellproof/role, cellproof/cell and cellproof/zone (a dot for each slash)".into(),
    ];
    let (mut children, mut templates) = (Vec::new(), Vec::new());
    for (number, fault) in drill.story.faults.iter().enumerate() {
        let Some((kind, key, body)) = strike(fault, &mut notes) else { continue };
        let name = format!("fault-{}", number + 1);
        let (from, lasts) = span(fault);
        templates.push(json!({
            "name": name,
            "templateType": "Serial",
            "deadline": ms(from + lasts),
            "children": [format!("{name}-wait"), format!("{name}-strike")],
        }));
        templates.push(json!({ "name": format!("{name}-wait"), "templateType": "Suspend", "deadline": ms(from) }));
        let mut template = json!({ "name": format!("{name}-strike"), "templateType": kind, "deadline": ms(lasts) });
        template[key] = body;
        templates.push(template);
        children.push(name);
    }
    let length = drill.story.length.0 / 1_000_000;
    let story = json!({ "name": "story", "templateType": "Parallel", "deadline": ms(length), "children": children });
    templates.insert(0, story);
    let workflow = json!({
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "Workflow",
        "metadata": { "name": format!("cellproof-drill-{}", drill.seed) },
        "spec": { "entry": "story", "templates": templates },
    });
    (workflow, notes)
}

fn ms(ms: u64) -> String {
    format!("{ms}ms")
}

/// The template type of a fault, the field that holds its settings, and those. `None` when there is nothing like it.
fn strike(fault: &FaultSpec, notes: &mut Vec<String>) -> Option<(&'static str, &'static str, Value)> {
    let pods = |body: Value| with(body, &selector(&fault.target));
    let pod_failure = json!({ "action": "pod-failure", "mode": "all" });
    match fault.kind.as_str() {
        "crash" => Some(("PodChaos", "podChaos", pods(pod_failure))),
        "wipe" => {
            notes.push(format!("{}: the pod fails, but its disk is kept: delete its claim to wipe it", fault.target));
            Some(("PodChaos", "podChaos", pods(pod_failure)))
        }
        "pause" => {
            notes.push(format!("{}: a hang is told as a partition from everybody", fault.target));
            let cut = json!({ "action": "partition", "mode": "all", "direction": "both" });
            Some(("NetworkChaos", "networkChaos", pods(cut)))
        }
        "slow" | "brown-out" => {
            let what = &fault.target;
            notes.push(format!("{what}: {} times slower is told as processors under full load", fault.strength));
            let load = json!({ "mode": "all", "stressors": { "cpu": { "workers": 4, "load": 100 } } });
            Some(("StressChaos", "stressChaos", pods(load)))
        }
        "clock-skew" => Some(("TimeChaos", "timeChaos", pods(offset(&format!("{}ms", fault.strength))))),
        "clock-lag" => Some(("TimeChaos", "timeChaos", pods(offset(&format!("-{}ms", fault.strength))))),
        kind => match network(kind, fault) {
            Some(body) => {
                if kind == "clog" || kind == "swizzle-clog" {
                    notes.push(format!("{}: messages are dropped, not held back", fault.target));
                }
                Some(("NetworkChaos", "networkChaos", ends(body, &fault.target)))
            }
            None => {
                notes.push(format!("{} on {} is left out: there is nothing like it", kind, fault.target));
                None
            }
        },
    }
}

fn offset(offset: &str) -> Value {
    json!({ "mode": "all", "timeOffset": offset })
}

/// The settings of a fault of the network. Shares are in percent, as text.
fn network(kind: &str, fault: &FaultSpec) -> Option<Value> {
    let percent = || format!("{}.{:04}", fault.strength / 10_000, fault.strength % 10_000);
    let share =
        |action: &str| json!({ "action": action, "mode": "all", action: { action: percent(), "correlation": "0" } });
    Some(match kind {
        "loss" | "duplicate" | "corrupt" => share(kind),
        "delay" => json!({
            "action": "delay",
            "mode": "all",
            "delay": { "latency": format!("{}us", fault.strength), "correlation": "0", "jitter": "0ms" },
        }),
        "reorder" => json!({
            "action": "delay",
            "mode": "all",
            "delay": {
                "latency": "5ms",
                "reorder": { "reorder": percent(), "correlation": "0", "gap": 1 },
            },
        }),
        // In Chaos Mesh `bps` are bytes per second.
        "bandwidth" => json!({
            "action": "bandwidth",
            "mode": "all",
            "bandwidth": { "rate": format!("{}bps", fault.strength), "limit": 20_971_520, "buffer": 10_000 },
        }),
        "partition" | "clog" | "swizzle-clog" => {
            json!({ "action": "partition", "mode": "all", "direction": "both" })
        }
        "partition-one-way" => json!({ "action": "partition", "mode": "all", "direction": "to" }),
        _ => return None,
    })
}

/// The settings with whom they are about: of a link both ends.
fn ends(body: Value, target: &Target) -> Value {
    match target {
        Target::Link(from, to) => {
            let mut body = with(body, &selector(from));
            if body["direction"].is_null() {
                body["direction"] = json!("to");
            }
            if **to != Target::All {
                body["target"] = json!({ "mode": "all", "selector": selector(to) });
            }
            body
        }
        other => with(body, &selector(other)),
    }
}

fn with(mut body: Value, selector: &Value) -> Value {
    body["selector"] = selector.clone();
    body
}

fn selector(target: &Target) -> Value {
    match target {
        Target::All => json!({ "expressionSelectors": [{ "key": "cellproof/role", "operator": "Exists" }] }),
        Target::Node(role) => json!({ "labelSelectors": { "cellproof/role": label(role) } }),
        Target::Zone(zone) => json!({ "labelSelectors": { "cellproof/zone": label(zone) } }),
        Target::Group(cell) => json!({ "labelSelectors": { "cellproof/cell": label(cell) } }),
        Target::Link(from, _) => selector(from),
    }
}
