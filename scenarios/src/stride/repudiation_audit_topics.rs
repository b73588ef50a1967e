//! Repudiation: somebody wants something not to have happened, and edits the audit topics.
//!
//! A tenant asks its brokers to delete its own records; an administrator with root on all brokers edits what lies on
//! their disks. Against the one there is a rule, against the other only somebody else who remembers.

use crate::actors::Snoop;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::kafka::broker::AUDIT_IMMUTABLE;
use models::kafka::tamper::Edit;
use models::kafka::topic_name;
use models::wire::kafka::Request;
use models::witness::book::{COMPLETENESS, HASH_CHAIN};
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/repudiation-audit-topics",
    title: "What was audited cannot be deleted, and what is edited behind the brokers' backs is noticed",
    threat: "A tenant denies what it did and has its connector delete its own audit records. An administrator with \
             root on every broker swaps two events of one tenant, erases one of another, and cuts the last ones of a \
             third, on all replicas at once, checksums included.",
    stride: Some('R'),
    requirements: &["EVT-07"],
    variants: &[
        Variant { name: "delete-by-request", mark: "repudiation.delete-heard", controls: &[sole(&AUDIT_IMMUTABLE)] },
        Variant { name: "swap", mark: "repudiation.swapped", controls: &[sole(&HASH_CHAIN)] },
        Variant { name: "truncate", mark: "repudiation.truncated", controls: &[sole(&COMPLETENESS)] },
        // Either check of the witness notices a gap, so no single control stands alone before it; and a run without
        // both lets the others through as well, which would prove nothing about this one.
        Variant { name: "erase", mark: "repudiation.erased", controls: &[] },
    ],
    canary: false,
    build,
};

/// Whoever cuts the end of a log does so when nothing more is coming.
const LEAVES: Instant = Instant(5_000_000_000);
/// When, and what happened before. The witness has looked at that, if late.
const EDITED: (Instant, Instant) = (Instant(6_500_000_000), Instant(4_500_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp gamma", Duration::millis(40));
    stage.tenants("beta", Duration::millis(120));
    stage.leaves("gamma", LEAVES);
    stage.connectors("acme acme-corp beta gamma");
    stage.witnesses();
    stage.usual_weather();
    // Brokers that are down, or whose clocks differ, would not be edited alike; and what the network doubles or delays
    // for seconds is no question for a witness.
    for kind in ["crash", "torn-write", "clock-drift", "duplicate", "loss", "swizzle-clog"] {
        stage.without(kind);
    }
    let audit = |tenant: &str| topic_name(tenant, "audit");
    stage.tamper("cell-a", audit("acme"), EDITED, Edit::Swap(0));
    stage.tamper("cell-a", audit("acme-corp"), EDITED, Edit::Erase(0));
    stage.tamper("cell-a", audit("gamma"), EDITED, Edit::Truncate(1));
    let edited = |what: &'static str| move |fact: &Fact| matches!(fact, Fact::Truth { what: w, .. } if *w == what);
    stage.mark_when("repudiation.swapped", edited("log-swapped"));
    stage.mark_when("repudiation.erased", edited("log-erased"));
    stage.mark_when("repudiation.truncated", edited("log-truncated"));
    stage.insider("delete-by-request", "beta", "EVT-07", true, |d| {
        let brokers = (1..=3).map(|i| d.node(&format!("cell-b/kafka-{i}"))).collect();
        Box::new(Snoop::new(brokers, "repudiation.delete-heard", |_, _| {
            let (topic, partition, before) = (topic_name("beta", "audit"), 0, u64::MAX);
            Request::DeleteRecords { topic, partition, before }
        }))
    });
}
