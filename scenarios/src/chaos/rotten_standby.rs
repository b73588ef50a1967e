//! Chaos: the log of a database's standby rots while it is down, and then its primary loses power.
//!
//! What the standby can still read of its log is the log of some earlier day, and nobody is there who would know
//! better. It knows itself: how far its log was safe stands beside the log.

use crate::actors::Habit;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::postgres::mark::SHORT_LOG;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/rotten-standby",
    title: "A standby that cannot read what it once kept does not lead, however long nobody else does",
    threat: "Bits flip in the log of cell A's standby while it is down, and before it is back its primary loses power. \
             For the arbiter it is in step with every commit: it was. If it led, everything since the damage would be \
             gone. It waits for the primary instead, and has its log from there.",
    stride: None,
    requirements: &["STO-04", "STO-09"],
    variants: &[Variant { name: "rotten-log", mark: "rotten-standby.alone", controls: &[sole(&SHORT_LOG)] }],
    canary: false,
    build,
};

/// The standby is down; shorter than what makes its primary go on alone.
const ROT: (Instant, Instant) = (Instant(3_000_000_000), Instant(3_300_000_000));
/// So many bits flip: of few, all might hit what no log is.
const BITS: u64 = 6;
/// The primary is down, until the standby would long have led in its place.
const DARK: (Instant, Instant) = (Instant(3_200_000_000), Instant(5_400_000_000));

/// What the longest opening of a circuit takes from the time in which service has to be back.
const CIRCUIT: Duration = Duration::secs(4);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(40));
    stage.habit("acme", Habit::Edits);
    stage.tenants("beta delta", Duration::millis(30));
    // A circuit may open for its longest just before the primary is back, on a clock that then leaps.
    stage.acts.recover_longer(CIRCUIT);
    // So many that what is lost is seldom written again before somebody looks.
    stage.records(40);
    stage.usual_weather();
    // One copy is bad and one is away already; and what cuts the two off from each other would make it longer.
    for kind in ["crash", "torn-write", "clog", "swizzle-clog", "loss", "reorder", "bandwidth"] {
        stage.without(kind);
    }
    let node = |role: &str| Target::Node(role.into());
    stage.fault("bit-rot", node("cell-a/postgres-2"), ROT.0, ROT.1, BITS);
    stage.fault("crash", node("cell-a/postgres-1"), DARK.0, DARK.1, 0);
    stage.mark_when(
        "rotten-standby.alone",
        |fact| matches!(fact, Fact::Reported { what: "recovering", about, .. } if **about == *"cell-a/postgres-2"),
    );
}
