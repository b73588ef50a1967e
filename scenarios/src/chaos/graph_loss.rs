//! Chaos: a graph that is told late, twice, or by a disk that lies. What relations it holds is what their owners were
//! told, once everything has come to rest.

use crate::actors::Habit;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::store::OUTBOX;
use models::fact::Fact;
use models::graph::machine::REDELIVERED;
use models::graph::store::IDEMPOTENT_APPLY;
use models::graph::sync::{DRIFT, DRIFT_REPAIR};
use models::platform::graph::GraphPlan;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/graph-loss",
    title: "No relation is lost between the two stores that it is written to, and none appears",
    threat: "Cell A's graph loses power while the service goes on to commit relations, and then its answers are lost \
             for a while, so that nobody knows what it has applied. In cell B the disk of the graph says for a while \
             that it kept what it did not keep, and then loses power: what left the outbox by then is nowhere in the \
             graph. Relations come and go all the time, and each must end as its last change says.",
    stride: None,
    requirements: &["STO-06"],
    variants: &[
        Variant { name: "crash-between", mark: "graph-loss.graph-was-down", controls: &[sole(&OUTBOX)] },
        Variant { name: "redelivered", mark: "graph-loss.redelivered", controls: &[sole(&IDEMPOTENT_APPLY)] },
        Variant { name: "lost-sync", mark: "graph-loss.drifted", controls: &[sole(&DRIFT_REPAIR)] },
    ],
    canary: false,
    build,
};

/// Cell A's graph is down.
const DOWN: (Instant, Instant) = (Instant(2_000_000_000), Instant(3_600_000_000));
/// Its answers do not arrive.
const UNHEARD: (Instant, Instant) = (Instant(4_600_000_000), Instant(6_400_000_000));
/// Cell B's graph keeps nothing of what it syncs, and then loses power for a moment.
const LIE: (Instant, Instant) = (Instant(2_000_000_000), Instant(4_000_000_000));
/// Between two comparisons in cell B.
const COMPARE_EVERY: Duration = Duration::millis(900);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(40));
    stage.habit("acme acme-corp beta delta", Habit::Relates);
    // In cell A they are compared at night, long after the run: there the outbox has to do.
    stage.graph(GraphPlan { compare: vec![("cell-b".into(), COMPARE_EVERY)], replica: false });
    stage.graph_converges();
    stage.usual_weather();
    stage.allow(Allowance {
        kind: "crash",
        targets: ["cell-a/graph-sync", "cell-b/graph-sync", "cell-b/graph"].map(|r| Target::Node(r.into())).into(),
        length: (Duration::millis(200), Duration::millis(1_200)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
    let node = |role: &str| Target::Node(role.into());
    stage.fault("crash", node("cell-a/graph"), DOWN.0, DOWN.1, 0);
    let answers = Target::link(node("cell-a/graph"), node("cell-a/graph-sync"));
    stage.fault("partition-one-way", answers, UNHEARD.0, UNHEARD.1, 0);
    stage.fault("lost-sync", node("cell-b/graph"), LIE.0, LIE.1, 0);
    let mut opened = 0;
    stage.mark_when("graph-loss.graph-was-down", move |fact| {
        opened += u32::from(matches!(fact, Fact::GraphOpened { place } if *place.cell == *"cell-a"));
        opened > 1 && matches!(fact, Fact::GraphOpened { .. })
    });
    stage.mark_when(
        "graph-loss.redelivered",
        |fact| matches!(fact, Fact::Reported { what, about, .. } if *what == REDELIVERED && **about == *"cell-a"),
    );
    stage.mark_when("graph-loss.drifted", |fact| matches!(fact, Fact::Reported { what, .. } if *what == DRIFT));
}
