//! Abuse: a tenant's own credentials at the brokers are tried on its neighbour's events.
//!
//! The neighbour's name begins with the tenant's, which is all that a prefix without its separator looks at. The
//! neighbour's connector restarts meanwhile, and finds out whether somebody moved its place.

use crate::actors::connector::group_of;
use crate::actors::{Pod, Snoop};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::kafka::acl::ACL_PREFIX;
use models::kafka::offsets::OFFSETS_TOPIC;
use models::kafka::topic_name;
use models::mesh::ca::Window;
use models::mesh::forge;
use models::mesh::handshake::Identity;
use models::mesh::verify::SVID_CHAIN;
use models::platform::{Directory, event_body, trust_domain};
use models::wire::kafka::{Acks, Fetch, Produce, Record, Request, TopicName};
use models::wire::svid::{KeyName, SpiffeId};
use sim::fault::Target;
use sim::seed::below;
use sim::{Duration, Instant, NodeId};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/event-snooping",
    title: "Who may read and write one tenant's events may do neither with its neighbour's",
    threat: "Somebody holds the certificate of one tenant's connector and asks the brokers for a tenant whose name \
             begins with the first one's: produces to its topics, reads them, asks what there is, and moves the place \
             at which its connector goes on. And a pod that was broken into signs itself a certificate of the service, \
             which may read everything.",
    stride: Some('I'),
    requirements: &["EVT-01", "IDN-10", "TEN-02"],
    variants: &[
        Variant { name: "produce", mark: "snoop.produce-heard", controls: &[sole(&ACL_PREFIX)] },
        Variant { name: "consume", mark: "snoop.consume-heard", controls: &[sole(&ACL_PREFIX)] },
        Variant { name: "describe", mark: "snoop.describe-heard", controls: &[sole(&ACL_PREFIX)] },
        Variant { name: "offset-commit", mark: "snoop.commit-heard", controls: &[sole(&ACL_PREFIX)] },
        Variant { name: "self-made-service", mark: "snoop.self-made-shown", controls: &[sole(&SVID_CHAIN)] },
    ],
    canary: false,
    build,
};

const TENANT: &str = "acme";
const VICTIM: &str = "acme-corp";
/// The victim's connector is down, and then goes on where its group is said to stand.
const VICTIM_DOWN: (Instant, Instant) = (Instant(4_000_000_000), Instant(5_500_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.connectors("acme acme-corp");
    stage.usual_weather();
    stage.fault("crash", Target::Node(format!("connector/{VICTIM}")), VICTIM_DOWN.0, VICTIM_DOWN.1, 0);
    let own = stage.own_marker(TENANT);
    snoop(stage, "produce", "snoop.produce-heard", move |draw, _| {
        let records = [Record::new(event_body(VICTIM, draw, &own), Instant::ZERO)].into();
        let (topic, client, producer) = (topic(draw), None, None);
        Request::Produce(Produce { topic, partition: 0, client, producer, acks: Acks::All, records })
    });
    snoop(stage, "consume", "snoop.consume-heard", |draw, _| {
        let topic = if below(draw, 8) == 0 { OFFSETS_TOPIC.into() } else { topic(draw) };
        Request::Fetch(Fetch { topic, partition: 0, offset: 0, bytes_max: 1 << 16, wait: Duration::ZERO })
    });
    snoop(stage, "describe", "snoop.describe-heard", |draw, _| match below(draw, 4) {
        0 => Request::Metadata { topics: Some(vec![topic(draw)]) },
        1 => Request::ListOffsets { topic: topic(draw), partition: 0 },
        2 => Request::FindCoordinator { group: group_of(VICTIM).into() },
        _ => Request::OffsetFetch { group: group_of(VICTIM).into(), topic: topic(draw), partition: 0 },
    });
    // It says that the victim has read everything there is, again and again.
    snoop(stage, "offset-commit", "snoop.commit-heard", |draw, end| {
        let (topic, partition) = (topic_name(VICTIM, "telemetry"), 0);
        match below(draw, 2) {
            0 => Request::ListOffsets { topic, partition },
            _ => Request::OffsetCommit { group: group_of(VICTIM).into(), topic, partition, offset: end },
        }
    });
    stage.attacker("self-made-service", None, "IDN-10", true, |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), "/ns/apps/sa/orchestrator").expect("paths are written here");
        let key = KeyName { role: "attacker/self-made-service".into(), index: 0 };
        let svid = forge::self_signed(&id, &key, Window::from(Instant::ZERO, Duration::secs(5), Duration::secs(600)));
        let (door, topic) = (d.node("cell-a/kafka-1"), topic_name(TENANT, "telemetry"));
        Box::new(Pod::at_broker(door, Identity::new(&svid), topic, "snoop.self-made-shown"))
    });
}

/// One of the victim's topics.
fn topic(draw: u64) -> TopicName {
    topic_name(VICTIM, if below(draw.rotate_left(32), 2) == 0 { "telemetry" } else { "audit" })
}

/// A snoop behind the tenant's certificate. What it asks for is never its own, so any success is a breach.
fn snoop(
    stage: &mut Stage<'_>,
    name: &'static str,
    mark: &'static str,
    errand: impl Fn(u64, u64) -> Request + Clone + 'static,
) {
    stage.insider(name, TENANT, "EVT-01", true, move |d| Box::new(Snoop::new(brokers(d), mark, errand.clone())));
}

fn brokers(d: &Directory) -> Vec<NodeId> {
    (1..=3).map(|i| d.node(&format!("cell-a/kafka-{i}"))).collect()
}
