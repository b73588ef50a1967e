//! Drills.
//!
//! Work in progress.

pub mod incident;
pub mod luck;
pub mod map;
pub mod story;

use crate::scenario::Scenario;
use crate::stage::{Acts, Stage};
use sim::{Duration, Instant};
use story::Story;

/// The drill, as a scenario: its faults are those of the story that the seed draws.
pub const SCENARIO: Scenario = Scenario {
    name: "drill/seeded",
    title: "A drawn fault story, and what it costs whom",
    threat: "Incidents strike the platform, alone or together, for longer than any attack lasts.",
    stride: None,
    requirements: &["SLO-01", "SLO-02", "CEL-01", "CEL-02", "ROL-07"],
    variants: &[],
    canary: false,
    build,
};

/// Mean time between two requests of an honest tenant.
const GAP: Duration = Duration::millis(15);
/// Honest tenants that take part, at most.
const TENANTS_MAX: usize = 8;

/// The tenants that take part.
pub fn tenants(stage: &Stage<'_>) -> Vec<String> {
    stage.inputs.tenants.tenants.iter().take(TENANTS_MAX).map(|t| t.id.to_string()).collect()
}

fn build(stage: &mut Stage<'_>) {
    let map = map::Map::of(stage.inputs);
    let story = story::draw(stage.draws, &map);
    set(stage, &story);
}

/// Sets the stage for a story.
pub fn set(stage: &mut Stage<'_>, story: &Story) {
    let ids = tenants(stage).join(" ");
    stage.tenants(&ids, GAP);
    for f in &story.faults {
        stage.fault(&f.kind, f.target.clone(), f.from, f.until, f.strength);
    }
    let acts = stage.acts;
    stage.acts = Acts {
        traffic_from: acts.traffic_from,
        safety_until: story.faults_end().max(Instant(1)),
        traffic_until: story.length,
        verify_from: story.length + Duration::millis(500),
        end: story.length + Duration::secs(5),
    };
}
