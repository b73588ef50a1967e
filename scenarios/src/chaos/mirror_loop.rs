//! Chaos: two mirrors face each other, and the line between them fails.
//!
//! Both cells keep a topic under the same name, so that consumers can move. What one mirror brings is therefore new to
//! the other one, and would go home, and come again, and so on for ever.

use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::mirror::source::LOOP_GUARD;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/mirror-loop",
    title: "Two mirrors that face each other carry every event over once, and none back",
    threat: "Events are mirrored both ways between two cells, under the same names. The cells lose each other for a \
             while, the mirror back dies behind the partition, and acknowledgements go missing. Nothing may be \
             missing in either cell afterwards, and nothing may have come back to where it was produced.",
    stride: None,
    requirements: &["EVT-03", "EVT-04"],
    variants: &[Variant { name: "there-and-back", mark: "loop.copy-abroad", controls: &[sole(&LOOP_GUARD)] }],
    canary: false,
    build,
};

/// Nothing passes between the cells.
const PARTITION: (Instant, Instant) = (Instant(2_600_000_000), Instant(4_800_000_000));
/// The sending half of the mirror back is down, and resumes while nothing passes.
const RETURN_DOWN: (Instant, Instant) = (Instant(3_100_000_000), Instant(3_700_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(40));
    stage.tenants("beta delta", Duration::millis(50));
    stage.mirror_both_ways();
    stage.usual_weather();
    // Inside a cell a connection keeps what it carries single; between the cells it is the mirrors' own business.
    stage.without("duplicate");
    let group = |name: &str| Target::Group(name.into());
    let line = |from: &str, to: &str| Target::link(group(from), group(to));
    let lines = || vec![line("cell-a", "cell-b"), line("cell-b", "cell-a")];
    stage.fault("partition", line("cell-a", "cell-b"), PARTITION.0, PARTITION.1, 0);
    stage.fault("crash", Target::Node("cell-b/mirror-out".into()), RETURN_DOWN.0, RETURN_DOWN.1, 0);
    // Few messages pass between the cells, so what strikes them must strike often, and outlast the partition.
    let long = (Duration::millis(4_000), Duration::millis(5_500));
    for kind in ["loss", "duplicate", "reorder"] {
        let (strength, on_ppm) = ((500_000, 800_000), 300_000);
        stage.allow(Allowance { kind, targets: lines(), length: long, strength, on_ppm, takes_copy: false });
    }
    // And the receiving half of each may die, and has to find out from its log how far it came.
    let sinks = ["cell-a/mirror-in", "cell-b/mirror-in"].map(|role| Target::Node(role.into()));
    let short = (Duration::millis(200), Duration::millis(1_500));
    let (kind, strength, on_ppm) = ("crash", (0, 0), 400_000);
    stage.allow(Allowance { kind, targets: sinks.into(), length: short, strength, on_ppm, takes_copy: false });
    // Under its own name in the other cell: from here on only its origin says that it is no news there.
    stage.mark_when("loop.copy-abroad", |fact| {
        matches!(fact, Fact::EventStored { place, topic, .. }
            if &*place.cell == "cell-b" && topic.starts_with("tenant.acme."))
    });
}
