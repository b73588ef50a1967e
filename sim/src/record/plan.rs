//! What was fixed before the first run, so that no number can have been chosen after it was seen.

use serde::{Deserialize, Serialize};

/// Seeds, confidence and stop rule of a gate, and what its numbers rest on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlanRecord {
    /// First seed of every range, in decimal.
    pub seed_first: String,
    /// Calm seeds per scenario: what objectives are judged by.
    pub calm_seeds: u64,
    /// Swarm seeds per scenario: what bounds a breach.
    pub swarm_seeds: u64,
    /// Swarm seeds without which a scenario proves nothing.
    pub swarm_seeds_min: u64,
    /// One minus the confidence of each interval and bound.
    pub alpha: f64,
    /// Fewer events than this are no measurement of an objective.
    pub events_min: u64,
    /// When the gate ends, in one sentence.
    pub stop_rule: String,
    /// What every number of the record rests on, one sentence each.
    pub assumptions: Vec<String>,
}
