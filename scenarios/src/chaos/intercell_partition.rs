//! Chaos: the network between two cells fails while events are on their way.
//!
//! One bad stretch after another, each the condition under which one guard decides: slow acknowledgements, lost
//! acknowledgements of the mirror, a mirror that dies behind the partition, a leader that dies alone.

use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::{Answer, Fact};
use models::kafka::broker::ACKS_ALL;
use models::kafka::idempotence::IDEMPOTENT_PRODUCER;
use models::mirror::sink::DEDUPE;
use models::mirror::source::RESUME_OFFSET;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/intercell-partition",
    title: "After a partition between cells every acknowledged event is in both, once",
    threat: "The cells lose each other for seconds. Before, acknowledgements go missing one way; meanwhile the \
             mirror's sending half loses power and so does a leader of the event log, cut off from its \
             followers a second \
             earlier. Nothing acknowledged may be missing or doubled in either cell.",
    stride: None,
    requirements: &["EVT-03", "EVT-04"],
    variants: &[
        Variant { name: "slow-answers", mark: "partition.event-retried", controls: &[sole(&IDEMPOTENT_PRODUCER)] },
        Variant { name: "lost-answers", mark: "partition.mirror-behind", controls: &[sole(&DEDUPE)] },
        Variant { name: "restarted-mirror", mark: "partition.mirror-behind", controls: &[sole(&RESUME_OFFSET)] },
        Variant { name: "lonely-leader", mark: "partition.event-at-lonely-leader", controls: &[sole(&ACKS_ALL)] },
    ],
    canary: false,
    build,
};

/// Answers of one broker are late, so that producers ask again.
const SLOW: (Instant, Instant) = (Instant(1_200_000_000), Instant(2_200_000_000));
/// Nothing comes back from the other cell: what the mirror sends arrives, and its acknowledgements do not.
const ONE_WAY: (Instant, Instant) = (Instant(1_200_000_000), Instant(4_000_000_000));
/// Nothing passes between the cells.
const PARTITION: (Instant, Instant) = (Instant(4_000_000_000), Instant(6_200_000_000));
/// The mirror's sending half is down.
const MIRROR_DOWN: (Instant, Instant) = (Instant(4_800_000_000), Instant(5_300_000_000));
/// A broker reaches neither followers nor controller, and still its clients.
const LONELY: (Instant, Instant) = (Instant(4_200_000_000), Instant(5_200_000_000));
/// Then it loses power.
const LEADER_DOWN: (Instant, Instant) = (Instant(5_200_000_000), Instant(6_200_000_000));
/// Longer than the answer to a publication takes when nothing is sent again.
const RETRIED: Duration = Duration::millis(350);

fn build(stage: &mut Stage<'_>) {
    // Enough events that every stretch has some, and not so many that the verdict hangs on who is refused for load.
    stage.tenants("acme acme-corp", Duration::millis(40));
    stage.tenants("beta gamma", Duration::millis(120));
    let node = |role: &str| Target::Node(role.into());
    let (a, b) = (Target::Group("cell-a".into()), Target::Group("cell-b".into()));
    let leader = "cell-a/kafka-1";
    stage.fault("delay", Target::link(node(leader), Target::All), SLOW.0, SLOW.1, 350_000);
    stage.fault("partition-one-way", Target::link(b.clone(), a.clone()), ONE_WAY.0, ONE_WAY.1, 0);
    stage.fault("partition", Target::link(a, b), PARTITION.0, PARTITION.1, 0);
    for other in ["cell-a/kafka-2", "cell-a/kafka-3", "cell-a/kafka-controller"] {
        stage.fault("partition", Target::link(node(leader), node(other)), LONELY.0, LONELY.1, 0);
    }
    stage.fault("crash", node(leader), LEADER_DOWN.0, LEADER_DOWN.1, 0);
    stage.fault("crash", node("cell-a/mirror-out"), MIRROR_DOWN.0, MIRROR_DOWN.1, 0);
    stage.mark_when("partition.event-retried", |fact| published_in(fact, SLOW, |a| a.took >= RETRIED));
    stage.mark_when("partition.event-at-lonely-leader", |fact| published_in(fact, LONELY, |_| true));
    stage.mark_when(
        "partition.mirror-behind",
        |fact| matches!(fact, Fact::Reported { by: "mirror", what: "lag-ms", value, .. } if *value >= 500),
    );
}

/// Whether the fact answers a publication that was meant for this stretch, and the answer is such.
fn published_in(fact: &Fact, (from, until): (Instant, Instant), such: fn(&Answer) -> bool) -> bool {
    matches!(fact, Fact::Answered(a)
        if a.what.starts_with("POST /v1/events/") && (from..until).contains(&a.intended) && such(a))
}
