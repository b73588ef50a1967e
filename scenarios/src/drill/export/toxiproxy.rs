//! Proxies and a timeline of calls to toxiproxy's HTTP API (version 2): one proxy in front of each node that is struck.
//!
//! A proxy stands in front of a service and knows nothing of its clients, so a broken link is told as its far end being
//! cut off from everybody.

use super::super::Drill;
use super::super::map::Map;
use super::{label, span};
use serde_json::{Value, json};
use sim::fault::{FaultSpec, Target};
use std::collections::BTreeSet;

/// Where the first proxy listens; the others follow.
const FIRST_PORT: usize = 21_000;

/// The plan, and what it cannot say.
pub fn timeline(drill: &Drill, map: &Map) -> (Value, Vec<String>) {
    let mut notes = vec!["each proxy's upstream must be set to the node's real address".to_owned()];
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut calls: Vec<(u64, String, Value)> = Vec::new();
    for (number, fault) in drill.story.faults.iter().enumerate() {
        let (from, lasts) = span(fault);
        let Some(deed) = deed(fault, &mut notes) else { continue };
        for name in struck(fault, map, &mut notes) {
            let toxic = format!("fault-{}", number + 1);
            match &deed {
                Deed::Down => {
                    calls.push((from, format!("POST /proxies/{name}"), json!({ "enabled": false })));
                    calls.push((from + lasts, format!("POST /proxies/{name}"), json!({ "enabled": true })));
                }
                Deed::Toxic(kind, attributes) => {
                    let body = json!({ "name": toxic, "type": kind, "attributes": attributes });
                    calls.push((from, format!("POST /proxies/{name}/toxics"), body));
                    calls.push((from + lasts, format!("DELETE /proxies/{name}/toxics/{toxic}"), Value::Null));
                }
            }
            names.insert(name);
        }
    }
    calls.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let proxy = |(i, name): (usize, &String)| {
        json!({
            "name": name,
            "listen": format!("127.0.0.1:{}", FIRST_PORT + i),
            "upstream": format!("{name}:443"),
            "enabled": true,
        })
    };
    let call = |(at, call, body): &(u64, String, Value)| match body {
        Value::Null => json!({ "at_ms": at, "call": call }),
        body => json!({ "at_ms": at, "call": call, "body": body }),
    };
    let plan = json!({
        "proxies": names.iter().enumerate().map(proxy).collect::<Vec<_>>(),
        "timeline": calls.iter().map(call).collect::<Vec<_>>(),
    });
    (plan, notes)
}

enum Deed {
    /// Connections are refused.
    Down,
    /// A toxic of this type.
    Toxic(&'static str, Value),
}

fn deed(fault: &FaultSpec, notes: &mut Vec<String>) -> Option<Deed> {
    let what = &fault.target;
    let stopped = Deed::Toxic("timeout", json!({ "timeout": 0 }));
    match fault.kind.as_str() {
        "crash" => Some(Deed::Down),
        "wipe" => {
            notes.push(format!("{what}: connections are refused, but its disk is kept"));
            Some(Deed::Down)
        }
        "pause" | "partition" | "partition-one-way" | "clog" | "swizzle-clog" => Some(stopped),
        // Milliseconds, of which there is at least one.
        "delay" => Some(Deed::Toxic("latency", json!({ "latency": fault.strength.div_ceil(1_000), "jitter": 0 }))),
        "slow" | "brown-out" => {
            notes.push(format!("{what}: {} times slower is told as so many milliseconds of latency", fault.strength));
            Some(Deed::Toxic("latency", json!({ "latency": fault.strength, "jitter": 0 })))
        }
        // Kilobytes per second.
        "bandwidth" => Some(Deed::Toxic("bandwidth", json!({ "rate": fault.strength.div_ceil(1_000) }))),
        kind => {
            notes.push(format!("{kind} on {what} is left out: a proxy of TCP streams has nothing like it"));
            None
        }
    }
}

/// Proxies in front of what a fault strikes.
fn struck(fault: &FaultSpec, map: &Map, notes: &mut Vec<String>) -> Vec<String> {
    let target = match &fault.target {
        Target::Link(from, to) => {
            // The far end, unless that is everybody.
            let end = if **to == Target::All { from } else { to };
            notes.push(format!("{}: {} is cut off from everybody, not only from the other end", fault.target, end));
            (**end).clone()
        }
        other => other.clone(),
    };
    map.struck(&target).into_iter().map(|i| label(&map.nodes[i].role)).collect()
}
