//! Abuse: somebody wants a tenant's data served or kept outside the tenant's region.
//!
//! Everything that is shown is genuine: tokens, grants, a gateway's certificate. What is wrong is only where.

use crate::actors::{Call, Defector, Intruder, Pod, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::headers::RESIDENCY;
use models::platform::trust_domain;
use models::policy::abac::REGION_MATCH;
use models::wire::http::{Headers, Method};
use models::wire::svid::SpiffeId;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/residency-bypass",
    title: "No genuine token, grant or certificate takes a tenant's data out of its region",
    threat: "A principal of a tenant that is bound to one region goes with its genuine token to the door of the other. \
             Somebody with tenants in both regions logs in for the one, stays at its door, and selects the other. And \
             with the genuine certificate of a gateway abroad records of the tenant are created at the service there.",
    stride: None,
    requirements: &["POL-06"],
    variants: &[
        Variant { name: "door-abroad", mark: "residency.token-at-door-abroad", controls: &[sole(&RESIDENCY)] },
        Variant { name: "picker", mark: "residency.tenant-abroad-selected", controls: &[sole(&RESIDENCY)] },
        Variant { name: "gateway-abroad", mark: "residency.gateway-abroad-dialled", controls: &[sole(&REGION_MATCH)] },
    ],
    canary: false,
    build,
};

const GATEWAY: &str = "/ns/edge/sa/gateway";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    stage.attacker("door-abroad", Some("acme-corp"), "POL-06", true, |d| {
        let (idp, door) = (d.node("cell-a/idp"), d.node("edge-b"));
        let asks = [(Method::Get, "/v1/records/0", ""), (Method::Get, "/v1/records?limit=5", "")];
        Box::new(Intruder::new(idp, door, "acme-corp", "EU", "residency.token-at-door-abroad").asking(&asks))
    });
    stage.attacker("picker", Some("beta"), "POL-06", true, |d| {
        let (idp, door) = (d.node("cell-b/idp"), d.node("edge-b"));
        let picker = Intruder::new(idp, door, "beta", "US", "residency.tenant-abroad-selected");
        Box::new(picker.crafting(|token| Some(Headers { cookie_tenant: Some("acme".into()), ..bearer(token) })))
    });
    stage.grant("picker", "acme");
    gateway_abroad(stage);
}

/// A gateway of cell B that was broken into: it says to the service there for whom it asks, and is believed.
fn gateway_abroad(stage: &mut Stage<'_>) {
    let record = format!("acme~9100;{}", stage.own_marker("acme"));
    stage.enrol("gateway-abroad", "cell-b", GATEWAY, None);
    stage.attacker("gateway-abroad", None, "POL-06", true, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-b"), GATEWAY).expect("the path is written here");
        let (door, body) = (d.node("cell-b/app-1"), record.as_bytes().into());
        let call = Call { method: Method::Post, path: "/v1/records", tenant: Some("acme"), body };
        Box::new(Defector::new(d.node("cell-b/mesh-ca"), id, Duration::secs(600), move |identity| {
            Pod::calling(door, identity, call.clone(), "residency.gateway-abroad-dialled")
        }))
    });
}
