//! Spoofing: a compromised pod passes itself off as the gateway and calls the service behind it.
//!
//! What the gateway is for (tokens, tenants, limits) it leaves out: past the mesh, the service believes the tenant
//! header of whoever got in.

use crate::actors::Pod;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::mesh::ca::{Ca, CaConfig, Window};
use models::mesh::forge;
use models::mesh::handshake::Identity;
use models::mesh::verify::{SPIFFE_ID, SVID_CHAIN, SVID_VALIDITY, TRUST_DOMAIN};
use models::platform::trust_domain;
use models::wire::svid::{KeyName, SpiffeId, Svid};
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/spoofing-rogue-workload",
    title: "A pod inside the cluster is not the gateway, whatever certificate it shows",
    threat: "A pod in the cell's network was broken into. It dials the service directly, says which tenant it is, and \
             shows a certificate: one that it signed itself, one that was good once, one for this cell's gateway out \
             of the other cell's authority, and the genuine one of another service.",
    stride: Some('S'),
    requirements: &["IDN-05", "IDN-08"],
    variants: &[
        Variant { name: "self-signed", mark: "rogue.self-signed-shown", controls: &[sole(&SVID_CHAIN)] },
        Variant { name: "dead-svid", mark: "rogue.dead-svid-shown", controls: &[sole(&SVID_VALIDITY)] },
        Variant { name: "other-domain", mark: "rogue.other-domain-shown", controls: &[sole(&TRUST_DOMAIN)] },
        Variant { name: "other-service", mark: "rogue.other-service-shown", controls: &[sole(&SPIFFE_ID)] },
    ],
    canary: false,
    build,
};

const GATEWAY: &str = "/ns/edge/sa/gateway";
const CACHE: &str = "/ns/data/sa/cache";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    let alive = || Window::from(Instant::ZERO, Duration::secs(5), Duration::secs(600));
    let dead = || Window::from(Instant::ZERO, Duration::secs(5), Duration::ZERO);
    pod(stage, "self-signed", "rogue.self-signed-shown", move |key| {
        forge::self_signed(&id("cell-a", GATEWAY), key, alive())
    });
    pod(stage, "dead-svid", "rogue.dead-svid-shown", move |key| {
        forge::misissued(&mut authority("cell-a"), &id("cell-a", GATEWAY), key, dead())
    });
    pod(stage, "other-domain", "rogue.other-domain-shown", move |key| {
        forge::misissued(&mut authority("cell-b"), &id("cell-a", GATEWAY), key, alive())
    });
    pod(stage, "other-service", "rogue.other-service-shown", move |key| {
        forge::misissued(&mut authority("cell-a"), &id("cell-a", CACHE), key, alive())
    });
}

fn id(cell: &str, path: &str) -> SpiffeId {
    SpiffeId::new(&trust_domain(cell), path).expect("paths of workloads are written here")
}

/// A cell's authority with its own keys: what it would have signed.
fn authority(cell: &str) -> Ca {
    Ca::new(Instant::ZERO, CaConfig::new(&trust_domain(cell)))
}

/// A pod at the door of the first service instance. Any success is a breach: it holds nothing that entitles it.
fn pod(stage: &mut Stage<'_>, name: &'static str, mark: &'static str, show: impl Fn(&KeyName) -> Svid + 'static) {
    stage.attacker(name, None, "IDN-05", true, move |d| {
        let svid = show(&KeyName { role: format!("attacker/{name}").into(), index: 0 });
        Box::new(Pod::new(d.node("cell-a/app-1"), Identity::new(&svid), "acme", mark))
    });
}
