//! Information disclosure: a cross-tenant leak through the cache.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::cache::acl::ACL_PATTERN;
use models::cache::envelope::EPOCH_FENCE;
use models::cache::keys::{KEY_ENCODING, KEY_NAMESPACE};
use models::platform::Directory;
use models::wire::http::Method;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-cache-bleed",
    title: "No crafted name, shared key or former owner bleeds through the cache",
    threat: "A neighbour whose id begins with the victim's reads records that the victim has just put into the shared \
             cache: under the same name, under a page whose name is spelled like the victim's session, and under a \
             tenant id that somebody else owned before.",
    stride: Some('I'),
    requirements: &["CAC-01", "TEN-02"],
    variants: &[
        // Two layers: the library's namespace and the server's key patterns each stop it alone.
        Variant {
            name: "same-name",
            mark: "cache.same-name-asked",
            controls: &[layered(&KEY_NAMESPACE, &ACL_PATTERN), layered(&ACL_PATTERN, &KEY_NAMESPACE)],
        },
        // Sessions and public pages share the platform's own account, so no key pattern stands between them.
        Variant { name: "page", mark: "cache.crafted-page-asked", controls: &[sole(&KEY_ENCODING)] },
        Variant { name: "successor", mark: "cache.former-record-asked", controls: &[sole(&EPOCH_FENCE)] },
    ],
    canary: false,
    build,
};

/// When `gamma` is deleted and its id is given to somebody else.
const REBORN_AT: Instant = Instant(4_000_000_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.tenants("gamma", Duration::millis(60));
    // It asks to the last: what is on its way then is answered when the id is somebody else's.
    stage.leaves("gamma", REBORN_AT - Duration::millis(20));
    stage.reborn("gamma", REBORN_AT);
    stage.usual_weather();
    // The control plane counts epochs; here each service reads them off its clock, so clocks are not among the faults.
    stage.without("clock-skew");
    stage.without("clock-drift");
    stage.attacker("same-name", Some("acme-corp"), "CAC-01", false, |d| {
        let records: Vec<String> = (0..12).map(|i| format!("/v1/records/{i}")).collect();
        let asks: Vec<_> = records.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let mut intruder = neighbour(d, "cache.same-name-asked").asking(&asks);
        intruder.tries = 40;
        intruder.gap = Duration::millis(90);
        Box::new(intruder)
    });
    stage.attacker("page", Some("acme-corp"), "CAC-01", false, |d| {
        let asks = [
            (Method::Get, "/v1/pages/session%3Aacme%3Ahome", ""),
            (Method::Get, "/v1/pages/session%3Abeta%3Ahome", ""),
            (Method::Get, "/v1/pages/terms", ""),
        ];
        let mut intruder = neighbour(d, "cache.crafted-page-asked").asking(&asks);
        intruder.tries = 24;
        intruder.gap = Duration::millis(200);
        Box::new(intruder)
    });
    stage.successor("successor", "gamma", "CAC-01", |d| {
        let records: Vec<String> = (0..12).map(|i| format!("/v1/records/{i}")).collect();
        let asks: Vec<_> = records.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let mut intruder =
            Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "gamma", "EU", "cache.former-record-asked")
                .asking(&asks);
        intruder.wait = Duration::millis(4_200);
        intruder.tries = 30;
        intruder.gap = Duration::millis(60);
        Box::new(intruder)
    });
}

fn neighbour(d: &Directory, mark: &'static str) -> Intruder {
    Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark)
}
