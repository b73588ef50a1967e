//! Tampering: somebody alters events on the link between cells, or publishes what is no event.
//!
//! The man in the middle computes whatever needs no key: each altered batch carries a fresh digest, and a signature
//! under a key of its own. Each batch is altered once and its repetition let through, so that with guards on the mirror
//! still delivers everything.

use crate::actors::Intruder;
use crate::actors::attacker::{Event, Kit, Script};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::crypto::{Key, key};
use models::fact::Fact;
use models::ids::Bytes;
use models::kafka::event::{REQUEST, TENANT, event_request};
use models::kafka::schema::{SCHEMA_VALIDATION, field_of};
use models::mesh::session::TRANSPORT_SEAL;
use models::mirror::batch::{BATCH_SIGNATURE, MirrorBatch, MirrorRecord, Signer};
use models::mirror::source::RESIDENCY_FILTER;
use models::platform::event_body;
use models::saas::is_bound_topic;
use models::wire::Wire;
use models::wire::http::Method;
use models::wire::kafka::TopicName;
use models::wire::mirror::MirrorWord;
use sim::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/tampering-intercell-events",
    title: "What is altered between cells is not applied, and what is no event is not kept",
    threat: "A man in the middle holds the network between two cells and rewrites mirrored events, keyless but for his \
             own key. A customer publishes bytes that are no event. And the mirror itself must not carry abroad what \
             is bound to its region.",
    stride: Some('T'),
    requirements: &["EVT-02", "EVT-05", "EVT-06"],
    variants: &[
        // Two layers: the link is sealed, and every batch is signed by its cell.
        Variant {
            name: "man-in-the-middle",
            mark: "tampering.batch-altered",
            controls: &[layered(&TRANSPORT_SEAL, &BATCH_SIGNATURE), layered(&BATCH_SIGNATURE, &TRANSPORT_SEAL)],
        },
        Variant { name: "malformed", mark: "tampering.no-event-sent", controls: &[sole(&SCHEMA_VALIDATION)] },
        Variant { name: "bound-topic", mark: "tampering.bound-event-kept", controls: &[sole(&RESIDENCY_FILTER)] },
    ],
    canary: false,
    build,
};

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    stage.attacker("man-in-the-middle", None, "EVT-06", true, |_| {
        Box::new(Rewriter { key: key("attacker/man-in-the-middle", 0), seen: BTreeSet::new() })
    });
    stage.position("cell-a/mirror-out", "cell-b/mirror-in", "man-in-the-middle");
    stage.attacker("malformed", Some("acme-corp"), "EVT-02", false, |d| {
        let asks = [
            (Method::Post, "/v1/events/telemetry", "{\"say\": \"I am no event\"}"),
            (Method::Post, "/v1/events/telemetry", "x"),
            (Method::Post, "/v1/events/audit", "\u{7f}ELF"),
        ];
        let door = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", "tampering.no-event-sent");
        Box::new(door.asking(&asks))
    });
    stage.mark_when("tampering.bound-event-kept", |fact| {
        matches!(fact, Fact::EventStored { place, topic, .. } if &*place.cell == "cell-a" && is_bound_topic(topic))
    });
}

/// The man in the middle.
struct Rewriter {
    key: Key,
    /// Batches that were altered: topic, and first offset.
    seen: BTreeSet<(TopicName, u64)>,
}

impl Signer for Rewriter {
    fn sign(&self, message: &[u8]) -> Bytes {
        self.key.sign(message).into()
    }
}

impl Script for Rewriter {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        let Event::Intercepted(from, to, word) = event else { return };
        let word = match word {
            Wire::Sealed(sealed) => match *sealed {
                (Wire::Mirror(said), seal) => {
                    let said = match *said {
                        MirrorWord::Batch(batch) => MirrorWord::Batch(self.meet(kit, batch)),
                        other => other,
                    };
                    Wire::Sealed(Box::new((Wire::Mirror(Box::new(said)), seal)))
                }
                other => Wire::Sealed(Box::new(other)),
            },
            other => other,
        };
        kit.out.send_as(from, to, word);
    }
}

impl Rewriter {
    /// Alters a batch that it meets for the first time.
    fn meet(&mut self, kit: &mut Kit<'_, '_>, batch: MirrorBatch) -> MirrorBatch {
        if batch.records.is_empty() || !self.seen.insert((batch.topic.clone(), batch.from)) {
            return batch;
        }
        if !kit.goes(self.seen.len() as u64) {
            return batch;
        }
        kit.mark("tampering.batch-altered");
        let records: Arc<[MirrorRecord]> = batch.records.iter().map(rewritten).collect();
        MirrorBatch { records, ..batch }.signed(self)
    }
}

/// The same event of the same tenant and request, saying something else: it fits its schema.
fn rewritten(record: &MirrorRecord) -> MirrorRecord {
    let mut altered = record.clone();
    let value = &record.record.value;
    let tenant = field_of(value, TENANT).and_then(|t| std::str::from_utf8(t).ok());
    if let (Some(tenant), Some(request), Some(_)) = (tenant, event_request(value), field_of(value, REQUEST)) {
        altered.record.value = event_body(tenant, request, "all debts are paid");
    }
    altered
}
