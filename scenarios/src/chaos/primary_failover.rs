//! Chaos: a database primary is lost in two ways, and its standby takes over.
//!
//! In one cell it lives on, cut off from arbiter and standby, and half of the application still reaches it. In the
//! other it dies, at a moment when its standby had not yet received what it had just been asked to write.

use crate::actors::Habit;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::postgres::primary::{FENCING, SYNCHRONOUS_COMMIT};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/primary-failover",
    title: "An acknowledged write survives its primary, and a deposed primary serves nobody",
    threat: "Cell A's primary loses arbiter, standby and half of the application, and believes that it leads until \
             the cut heals; meanwhile the standby is promoted. Cell B's primary loses power behind a dead link to its \
             standby, and comes back when the standby has long taken over. Nothing that was acknowledged may be \
             missing, and no read may show what the other history has replaced.",
    stride: None,
    requirements: &["STO-04"],
    variants: &[
        Variant { name: "deposed-primary", mark: "failover.asked-deposed", controls: &[sole(&FENCING)] },
        Variant { name: "power-loss", mark: "failover.asked-unshipped", controls: &[sole(&SYNCHRONOUS_COMMIT)] },
    ],
    canary: false,
    build,
};

/// Cell A's primary is alone with one instance of the application.
const CUT: (Instant, Instant) = (Instant(2_000_000_000), Instant(4_600_000_000));
/// Nothing that cell B's primary writes reaches its standby. Shorter than what makes it go on alone.
const LAG: (Instant, Instant) = (Instant(2_000_000_000), Instant(2_500_000_000));
/// Then it loses power, until the standby has been promoted.
const DARK: (Instant, Instant) = (Instant(2_450_000_000), Instant(4_500_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(40));
    // A primary that leads no more shows by what it answers to those who ask for the last word.
    stage.habit("acme acme-corp", Habit::Edits);
    stage.tenants("beta delta", Duration::millis(30));
    // So many that what is lost is seldom written again before somebody looks.
    stage.records(40);
    let node = |role: &str| Target::Node(role.into());
    stage.usual_weather();
    // Each pair has lost one node already. Instead the clocks drift by which leases are measured, and the arbiter,
    // which stands for a quorum, is silent for a moment.
    stage.without("torn-write");
    let mut allow = |kind, role, length: (u64, u64), strength| {
        let length = (Duration::millis(length.0), Duration::millis(length.1));
        stage.allow(Allowance {
            kind,
            targets: vec![node(role)],
            length,
            strength,
            on_ppm: 300_000,
            takes_copy: false,
        });
    };
    allow("clock-drift", "cell-a/postgres-1", (1_500, 4_000), (200, 20_000));
    allow("clock-drift", "cell-b/arbiter", (1_500, 4_000), (200, 20_000));
    allow("crash", "cell-a/arbiter", (100, 400), (0, 0));
    allow("crash", "cell-b/arbiter", (100, 400), (0, 0));
    for other in ["cell-a/postgres-2", "cell-a/arbiter", "cell-a/app-2"] {
        stage.fault("partition", Target::link(node("cell-a/postgres-1"), node(other)), CUT.0, CUT.1, 0);
    }
    let wal = Target::link(node("cell-b/postgres-1"), node("cell-b/postgres-2"));
    stage.fault("partition", wal, LAG.0, LAG.1, 0);
    stage.fault("crash", node("cell-b/postgres-1"), DARK.0, DARK.1, 0);
    // The deposed primary was asked, and there was somebody who had deposed it.
    stage.mark_when_both(
        "failover.asked-deposed",
        |fact| reported(fact, "promoted", "cell-a/postgres-2"),
        |fact| reported(fact, "asked-without-lease", "cell-a/postgres-1"),
    );
    stage.mark_when_both(
        "failover.asked-unshipped",
        |fact| reported(fact, "promoted", "cell-b/postgres-2"),
        |fact| {
            matches!(fact, Fact::Answered(a) if a.what.starts_with("PUT") && (LAG.0..DARK.0).contains(&a.intended)
                && matches!(&*a.principal, "client/beta" | "client/delta"))
        },
    );
}

fn reported(fact: &Fact, code: &str, role: &str) -> bool {
    matches!(fact, Fact::Reported { what, about, .. } if *what == code && **about == *role)
}
