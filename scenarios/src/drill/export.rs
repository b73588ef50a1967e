//! A drill's story as a plan for tools that break real platforms.
//!
//! No tool can do everything that a simulation does. What a plan cannot say is told in a note beside it; nothing is
//! left out in silence.

mod chaos_mesh;
mod toxiproxy;

use super::Drill;
use super::map::Map;
use serde_json::Value;
use sim::fault::FaultSpec;

/// A kind of plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The documented timeline, which `--import` reads.
    Json,
    /// A Workflow for Chaos Mesh, as `kubectl apply` takes it.
    ChaosMesh,
    /// Proxies and a timeline of calls to toxiproxy's HTTP API.
    Toxiproxy,
}

/// A plan, and what it could not say.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The plan.
    pub value: Value,
    /// What it leaves out or does otherwise, a sentence each, each once.
    pub notes: Vec<String>,
}

/// Writes a drill's story as a plan.
pub fn plan(format: Format, drill: &Drill, map: &Map) -> Plan {
    let (value, mut notes) = match format {
        Format::Json => (super::document::write(drill), Vec::new()),
        Format::ChaosMesh => chaos_mesh::workflow(drill),
        Format::Toxiproxy => toxiproxy::timeline(drill, map),
    };
    notes.sort();
    notes.dedup();
    Plan { value, notes }
}

/// Milliseconds from the start of the drill until a fault begins, and how long it lasts.
fn span(fault: &FaultSpec) -> (u64, u64) {
    (fault.from.0 / 1_000_000, fault.until.since(fault.from).as_millis())
}

/// A role as a name of which tools for Kubernetes approve: no slash.
fn label(role: &str) -> String {
    role.replace('/', ".")
}
