//! Chaos: disks that lie. Bits flip in the logs of a database and of a broker while they are down, and another disk has
//! said that it kept what it did not.

use crate::actors::Habit;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::kafka::frame::RECORD_CHECKSUM;
use models::postgres::primary::REJOIN_CHECK;
use models::postgres::wal::WAL_CHECKSUM;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/disk-faults",
    title: "What a disk has changed or lost is noticed, and never served",
    threat: "Cell A's database primary and one of its brokers lose power, and bits of their logs flip before they are \
             back; the broker then leads again, while the other cell has yet to read its events. Cell B's primary \
             loses power after its disk has said for a while that it kept what it did not keep. When the successors \
             of both have long led, bits flip there too. At each moment one copy is bad and the others are good: \
             nothing changed may be served, and nothing acknowledged be missing.",
    stride: None,
    requirements: &["EVT-03", "EVT-04", "EVT-06", "STO-04", "STO-09"],
    variants: &[
        Variant { name: "rotten-log", mark: "disk-faults.rotten-log", controls: &[sole(&WAL_CHECKSUM)] },
        Variant { name: "lost-sync", mark: "disk-faults.lost-sync", controls: &[sole(&REJOIN_CHECK)] },
        Variant { name: "rotten-events", mark: "disk-faults.rotten-events", controls: &[sole(&RECORD_CHECKSUM)] },
    ],
    canary: false,
    build,
};

/// Cell A's primary is down, and comes back before anybody has taken its place.
const ROT: (Instant, Instant) = (Instant(3_500_000_000), Instant(3_700_000_000));
/// One bit flips there: of two, one mostly hits what no checksum is needed for, a length or a position.
const DATABASE_BITS: u64 = 1;
/// So many flip in the broker's log, where each event is a record of its own.
const BROKER_BITS: u64 = 12;
/// Cell B's primary keeps nothing of what it syncs, and then loses power for a moment.
const LIE: (Instant, Instant) = (Instant(1_000_000_000), Instant(2_000_000_000));
/// The successors of both are down, when the first have caught up with them.
const ROT_LATER: (Instant, Instant) = (Instant(5_800_000_000), Instant(5_950_000_000));
/// The other cell reads nothing.
const PARTITION: (Instant, Instant) = (Instant(1_000_000_000), Instant(5_200_000_000));
/// A broker of cell A is down, and bits of its log flip.
const ROTTEN_BROKER: (Instant, Instant) = (Instant(3_200_000_000), Instant(3_500_000_000));
/// Then the broker that leads in its place.
const NEXT_BROKER: (Instant, Instant) = (Instant(4_400_000_000), Instant(6_200_000_000));
/// The mirror forgets what it has read and could not deliver: it will read that again.
const MIRROR_DOWN: (Instant, Instant) = (Instant(4_200_000_000), Instant(5_000_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme", Duration::millis(15));
    stage.habit("acme", Habit::Publishes);
    stage.tenants("acme-corp", Duration::millis(20));
    stage.tenants("beta delta", Duration::millis(30));
    // So many that what is damaged is seldom written again before somebody looks.
    stage.records(200);
    stage.usual_weather();
    // The copies that may be bad are bad already; and what cuts the good one off would make it a bad one.
    for kind in ["crash", "torn-write", "clog", "swizzle-clog", "loss", "reorder", "bandwidth"] {
        stage.without(kind);
    }
    let node = |role: &str| Target::Node(role.into());
    stage.fault("bit-rot", node("cell-a/postgres-1"), ROT.0, ROT.1, DATABASE_BITS);
    stage.fault("bit-rot", node("cell-a/postgres-2"), ROT_LATER.0, ROT_LATER.1, DATABASE_BITS);
    stage.fault("bit-rot", node("cell-b/postgres-2"), ROT_LATER.0, ROT_LATER.1, DATABASE_BITS);
    stage.fault("lost-sync", node("cell-b/postgres-1"), LIE.0, LIE.1, 0);
    let cells = Target::link(Target::Group("cell-a".into()), Target::Group("cell-b".into()));
    stage.fault("partition", cells, PARTITION.0, PARTITION.1, 0);
    stage.fault("bit-rot", node("cell-a/kafka-1"), ROTTEN_BROKER.0, ROTTEN_BROKER.1, BROKER_BITS);
    stage.fault("crash", node("cell-a/kafka-2"), NEXT_BROKER.0, NEXT_BROKER.1, 0);
    stage.fault("crash", node("cell-a/mirror-out"), MIRROR_DOWN.0, MIRROR_DOWN.1, 0);
    stage.mark_when("disk-faults.rotten-log", |fact| recovers(fact, "cell-a/postgres-1"));
    stage.mark_when("disk-faults.lost-sync", |fact| recovers(fact, "cell-b/postgres-1"));
    stage.mark_when("disk-faults.rotten-events", |fact| recovers(fact, "cell-a/kafka-1"));
}

/// Whether the fact says that this node takes up what its disk kept.
fn recovers(fact: &Fact, role: &str) -> bool {
    matches!(fact, Fact::Reported { what: "recovering", about, .. } if **about == *role)
}
