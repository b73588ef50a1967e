//! Disclosure: somebody makes a link older than it needs to be, and reads what goes over it.
//!
//! Below TLS 1.3 there are suites and key exchanges that an attacker on the way can break (Logjam, FREAK, Lucky 13),
//! and whoever still takes them for the sake of old clients takes them from everybody.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::pod::Errand;
use crate::actors::{Intruder, Pod};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::ids::Bytes;
use models::kafka::topic_name;
use models::mesh::ca::{Ca, CaConfig, Window};
use models::mesh::forge;
use models::mesh::handshake::Identity;
use models::mesh::version::{EDGE_TLS_VERSION, KAFKA_TLS_VERSION};
use models::platform::{connector_path, event_body, trust_domain};
use models::wire::Wire;
use models::wire::kafka::{Acks, Produce, Record, Request};
use models::wire::svid::{Handshake, KeyName, SpiffeId};
use models::wire::tls::{Version, Versions};
use sim::{Duration, Instant, NodeId};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-tls-downgrade",
    title: "Nobody is served below TLS 1.3, neither at the edge nor by a broker",
    threat: "A tenant's client speaks nothing newer than TLS 1.2. Another one speaks both, falls back when it has to, \
             and somebody on its way takes 1.3 out of what it offers. Two connectors, a consumer and a producer, hold \
             genuine certificates and a library that is as old. All of them have a right to what they ask for, and \
             none of them to ask for it on such a link.",
    stride: Some('I'),
    requirements: &["IDN-07"],
    variants: &[
        Variant { name: "old-client", mark: "tls.old-client-at-edge", controls: &[sole(&EDGE_TLS_VERSION)] },
        Variant { name: "stripped", mark: "tls.offer-stripped", controls: &[sole(&EDGE_TLS_VERSION)] },
        Variant { name: "old-consumer", mark: "tls.old-consumer-at-broker", controls: &[sole(&KAFKA_TLS_VERSION)] },
        Variant { name: "old-producer", mark: "tls.old-producer-at-broker", controls: &[sole(&KAFKA_TLS_VERSION)] },
    ],
    canary: false,
    build,
};

const TENANT: &str = "acme";
/// As often as it takes: old clients try again, and so does whoever strips them.
const TRIES: u32 = 16;

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.connectors(TENANT);
    stage.tls_at_the_edge();
    stage.usual_weather();
    caller(stage, "old-client", true, Versions::Old, "tls.old-client-at-edge");
    caller(stage, "traveller", false, Versions::Both, "tls.traveller-said-hello");
    stage.attacker("stripped", None, "IDN-07", true, |_| Box::new(Between::default()));
    stage.position("attacker/traveller", "edge-a", "stripped");
    stage.position("edge-a", "attacker/traveller", "stripped");
    old_connector(stage, "old-consumer", "tls.old-consumer-at-broker", None);
    let own = stage.own_marker(TENANT);
    let event = event_body(TENANT, 7, &own);
    old_connector(stage, "old-producer", "tls.old-producer-at-broker", Some(event));
}

/// A client of the tenant with a genuine token, whose library speaks these versions.
fn caller(stage: &mut Stage<'_>, name: &str, never: bool, versions: Versions, mark: &'static str) {
    stage.attacker(name, Some(TENANT), "IDN-07", never, move |d| {
        let mut caller = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), TENANT, "EU", mark);
        (caller.tls, caller.tries) = (Some(versions), TRIES);
        Box::new(caller)
    });
}

/// A connector of the tenant whose library is from before 1.3; it reads the tenant's events, or adds one.
fn old_connector(stage: &mut Stage<'_>, name: &'static str, mark: &'static str, event: Option<Bytes>) {
    stage.attacker(name, Some(TENANT), "IDN-07", true, move |d| {
        let domain = trust_domain("cell-a");
        let id = SpiffeId::new(&domain, &connector_path(TENANT)).expect("paths are written here");
        let key = KeyName { role: format!("attacker/{name}").into(), index: 0 };
        let alive = Window::from(Instant::ZERO, Duration::secs(5), Duration::secs(600));
        let svid = forge::misissued(&mut Ca::new(Instant::ZERO, CaConfig::new(&domain)), &id, &key, alive);
        let (door, topic) = (d.node("cell-a/kafka-1"), topic_name(TENANT, "telemetry"));
        let mut pod = Pod::at_broker(door, Identity::new(&svid), topic.clone(), mark);
        pod.versions = Versions::Old;
        if let Some(event) = event.clone() {
            let records = [Record::new(event, Instant::ZERO)].into();
            let (partition, client, producer, acks) = (0, None, None, Acks::All);
            pod.errand =
                Errand::Broker(Request::Produce(Produce { topic, partition, client, producer, acks, records }));
        }
        Box::new(pod)
    });
}

/// Whoever holds both ways between a client and the edge. It reads what it can break, and nothing else.
#[derive(Default)]
struct Between {
    steps: u64,
    /// What it saw the edge choose.
    session: Option<Version>,
}

impl Between {
    /// Takes 1.3 out of an offer, unless nothing would be left.
    fn strip(&mut self, kit: &mut Kit<'_, '_>, versions: &mut Versions) {
        self.steps += 1;
        if *versions == Versions::Both && kit.goes(self.steps) {
            kit.mark("tls.offer-stripped");
            *versions = Versions::Old;
        }
    }

    fn pass(&mut self, kit: &mut Kit<'_, '_>, from: NodeId, to: NodeId, mut word: Wire) {
        match &mut word {
            Wire::Handshake(said) => match &mut **said {
                Handshake::ClientHello { versions, .. } => self.strip(kit, versions),
                Handshake::ServerProof { version, .. } => self.session = Some(*version),
                _ => {}
            },
            Wire::HttpAnswer(answer) if self.session == Some(Version::V12) && answer.status == 200 => {
                kit.received("an answer in a session of TLS 1.2", answer.body.clone());
            }
            _ => {}
        }
        kit.out.send_as(from, to, word);
    }
}

impl Script for Between {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        if let Event::Intercepted(from, to, word) = event {
            self.pass(kit, from, to, word);
        }
    }
}
