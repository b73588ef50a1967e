//! Chaos: a cell goes ahead of another one with the configuration of a tenant's events, and its mirror carries what the
//! other one refuses.

use crate::actors::EventFlood;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::kafka::event::next_body;
use models::kafka::topic_name;
use models::mirror::sink::QUARANTINE;
use models::oracles::blast_radius::BlastRadius;
use models::platform::broker_roles;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/poison-event",
    title: "An event that another cell refuses holds up nobody else's on the way there",
    threat: "Cell A is configured ahead of cell B: it takes events of one tenant by the next version of their schema, \
             which cell B does not have yet. The mirror brings them to a log that will never take them, however often \
             it is asked. The events of all other tenants are on the same mirror, behind them, and cell B's readers \
             wait for them; the same tenant's own good events do as well.",
    stride: None,
    requirements: &["CEL-02", "EVT-02", "EVT-03", "EVT-04"],
    variants: &[Variant { name: "ahead", mark: "poison.refused-abroad", controls: &[sole(&QUARANTINE)] }],
    canary: false,
    build,
};

/// When the first event of the next version is published; others follow, one after another.
const FROM: Instant = Instant(2_000_000_000);
/// An event of somebody else is in the other cell by then: it takes a fraction of a second, and what the weather takes
/// away is asked for again.
const WITHIN: Duration = Duration::secs(5);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(60));
    stage.tenants("beta gamma", Duration::millis(120));
    stage.schema_ahead("gamma");
    weather(stage);
    let brokers = broker_roles(stage.config(), "cell-a");
    stage.insider("ahead", "gamma", "EVT-01", false, move |d| {
        let brokers = brokers.iter().map(|role| d.node(role)).collect();
        let topic = topic_name("gamma", "telemetry");
        let mut producer = EventFlood::new(brokers, "gamma", topic, "poison.kept-at-home");
        producer.wait = FROM.since(Instant::ZERO);
        (producer.batches, producer.events, producer.gap) = (12, 2, Duration::millis(300));
        producer.filler = "of the next version".into();
        producer.body = next_body;
        Box::new(producer)
    });
    stage.oracle(|cast| Box::new(BlastRadius::new(cast, ("cell-a".into(), "cell-b".into()), "gamma".into(), WITHIN)));
    stage.mark_when("poison.refused-abroad", |fact| {
        matches!(fact, Fact::Decided { by: "mirror", allowed: false, reason: "BAD_RECORD", .. })
    });
}

/// The usual, but what a producer that never asks again may lose is its own, and what the network says twice stands
/// twice: its events have no numbers.
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    for kind in ["duplicate", "swizzle-clog"] {
        stage.without(kind);
    }
    let line = Target::link(Target::Group("cell-a".into()), Target::Group("cell-b".into()));
    // Few messages pass between the cells, so what strikes them must strike often, and last.
    let (kind, length, strength) = ("loss", (Duration::millis(4_000), Duration::millis(5_500)), (200_000, 400_000));
    let on_ppm = 300_000;
    stage.allow(Allowance { kind, targets: vec![line], length, strength, on_ppm, takes_copy: false });
    let halves = ["cell-a/mirror-out", "cell-b/mirror-in"].map(|role| Target::Node(role.into()));
    let (kind, length, strength) = ("crash", (Duration::millis(200), Duration::millis(600)), (0, 0));
    stage.allow(Allowance { kind, targets: halves.into(), length, strength, on_ppm, takes_copy: false });
}
