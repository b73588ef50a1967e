//! Abuse: an adversary floods the event backbone with synthetic events, to exhaust its storage.
//!
//! Both ways in are tried: the brokers themselves, with the certificate of a tenant's own connector, and the front
//! door, where the number of requests is within its limits and their size is the attack. The flooded topics are those
//! that never drop anything.

use crate::actors::flood::Shot;
use crate::actors::{EventFlood, Flood, Intruder};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::kafka::dead_letters::DEAD_LETTER_ALARM;
use models::kafka::quota::QUOTA;
use models::kafka::topic_name;
use models::oracles::availability::Promise;
use models::oracles::dead_letters::DeadLetters;
use models::oracles::storage::Storage;
use models::saas::is_dead_letter_topic;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/event-flood",
    title: "A flood of events is throttled: storage stays bounded, and the neighbours are served",
    threat: "A tenant publishes synthetic events as fast as it can, at the brokers with its connector's certificate, \
             and another one large ones through the front door, to fill the storage that all tenants of a cell share. \
             Each may hold so much, and produces at its own rate; the others' events must be taken as before. A third \
             flood is of no events at all: each is refused and kept for whoever asks why, and somebody must be told.",
    stride: Some('D'),
    requirements: &["EVT-02", "EVT-08", "TEN-05"],
    variants: &[
        Variant { name: "at-the-brokers", mark: "flood.at-the-brokers", controls: &[sole(&QUOTA)] },
        Variant { name: "through-the-door", mark: "flood.through-the-door", controls: &[sole(&QUOTA)] },
        Variant { name: "malformed", mark: "flood.dead-letter-kept", controls: &[sole(&DEAD_LETTER_ALARM)] },
    ],
    canary: false,
    build,
};

const FROM: Instant = Instant(2_000_000_000);
const UNTIL: Instant = Instant(6_500_000_000);
/// What a tenant may produce in a second at one broker, and hold. A small cell: what is measured is who gets the room.
const BYTES_PER_S: u64 = 16 << 10;
const HELD_MAX: u64 = 512 << 10;

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(70));
    stage.tenants("beta", Duration::millis(70));
    // The flooding tenants have topics and no honest traffic of their own.
    stage.tenants("delta gamma", Duration::millis(120));
    stage.leaves("gamma", stage.acts.traffic_from);
    stage.leaves("delta", stage.acts.traffic_from);
    stage.connectors("acme acme-corp beta");
    stage.platform(|platform| {
        platform.limits.kafka_bytes_per_s = BYTES_PER_S;
        platform.limits.kafka_retained_bytes = HELD_MAX;
    });
    stage.usual_weather();
    // What breaks the promise by itself, with or without a flood, would say nothing about the flood. And a flooder does
    // not number its events, so what a network doubles stands twice.
    for kind in ["loss", "swizzle-clog", "crash", "duplicate"] {
        stage.without(kind);
    }
    let node = |role: &str| Target::Node(role.into());
    let targets = vec![node("cell-a/kafka-2"), node("cell-b/kafka-2"), node("cell-a/cache")];
    let (length, strength) = ((Duration::millis(1_500), Duration::millis(4_000)), (0, 0));
    stage.allow(Allowance { kind: "crash", targets, length, strength, on_ppm: 300_000, takes_copy: true });
    stage.promise(Promise {
        requirement: "TEN-05",
        // One request in eight publishes an event: when none of these is served, one tenth is missing.
        good_ppm: 950_000,
        p95: Duration::millis(1_500),
        window: (FROM, UNTIL),
        tenants: vec!["acme".into(), "acme-corp".into(), "beta".into()],
        refusal_is_kept: false,
    });
    stage.oracle(|cast| Box::new(Storage::new(cast, HELD_MAX)));
    stage.oracle(|cast| Box::new(DeadLetters::new(cast)));
    stage.insider("at-the-brokers", "gamma", "EVT-08", false, |d| {
        let brokers = (1..=3).map(|i| d.node(&format!("cell-a/kafka-{i}"))).collect();
        Box::new(EventFlood::new(brokers, "gamma", topic_name("gamma", "audit"), "flood.at-the-brokers"))
    });
    stage.attacker("through-the-door", Some("delta"), "EVT-08", false, |d| {
        let login = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), "delta", "US", "flood.through-the-door");
        let shot = Shot::Event { domain: "audit", filler: "x".repeat(8_000) };
        Box::new(Flood { login, gap: Duration::millis(12), requests: 300, records: 12, shot })
    });
    stage.attacker("malformed", Some("gamma"), "EVT-02", false, |d| {
        let login = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "gamma", "EU", "flood.garbage-sent");
        let shot = Shot::Garbage("telemetry");
        Box::new(Flood { login, gap: Duration::millis(12), requests: 300, records: 12, shot })
    });
    stage.mark_when(
        "flood.dead-letter-kept",
        |fact| matches!(fact, Fact::EventStored { topic, .. } if is_dead_letter_topic(topic)),
    );
}
