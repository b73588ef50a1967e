//! Abuse: a tenant's principal asks for records of its own tenant whose label or level is not permitted to the tenant.
//!
//! They lie in the tenant's own rows (a partner's feed, an import, a contract that ended), so neither the tenant filter
//! nor row security stands between: what a record *is* decides, and only the policy knows what that means.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::policy::abac::{CLASSIFICATION, LABEL};
use models::wire::http::Method;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/label-and-level",
    title: "Nobody gets a record whose label or level is not permitted to its tenant, not even the tenant",
    threat: "A tenant's principal with a genuine token asks for records of its own tenant that it may not handle: by \
             number, by qualified reference, in lists and in reports. One carries a label that the tenant has no \
             permission for; others are above the tenant's class for their kind, by one level, by a level that no \
             table knows, or of a kind for which it has no class. A tenant that has the permission is served.",
    stride: None,
    requirements: &["POL-01", "CLS-05"],
    variants: &[
        Variant { name: "label", mark: "label.asked", controls: &[sole(&LABEL)] },
        Variant { name: "level", mark: "level.asked", controls: &[sole(&CLASSIFICATION)] },
        // What is denied to one tenant is served to another: the second question is no blanket refusal.
        Variant { name: "permitted", mark: "label.permitted-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Acme has no permission for health data.
const HEALTH: (u32, (&str, i64, &str)) = (900, ("audit", 2, "health"));
/// Acme may handle agents up to internal and audit data up to confidential, and has no class for documents. The last
/// level but one is none that anybody knows.
const TOO_HIGH: [(u32, (&str, i64, &str)); 4] = [
    (910, ("agents", 2, "confidential")),
    (911, ("audit", 3, "pii")),
    (912, ("audit", 9, "pii")),
    (913, ("documents", 0, "pii")),
];
/// Gamma has both, the permission and the class.
const PERMITTED: (u32, (&str, i64, &str)) = (920, ("documents", 2, "health"));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta gamma", Duration::millis(80));
    stage.usual_weather();
    stage.special("acme", HEALTH.0, HEALTH.1);
    stage.forbid("acme", HEALTH.0, Instant::ZERO, "POL-01");
    for (id, class) in TOO_HIGH {
        stage.special("acme", id, class);
        stage.forbid("acme", id, Instant::ZERO, "CLS-05");
    }
    stage.special("gamma", PERMITTED.0, PERMITTED.1);
    asker(stage, "label", "acme", "label.asked", &[HEALTH.0]);
    asker(stage, "level", "acme", "level.asked", &TOO_HIGH.map(|(id, _)| id));
    asker(stage, "permitted", "gamma", "permitted.asked", &[PERMITTED.0]);
    stage.mark_when("label.permitted-served", |fact| {
        matches!(fact, Fact::Answered(a) if *a.what == *"GET /v1/records/920" && a.status == 200 && !a.body.is_empty())
    });
}

/// A principal of `tenant` that asks for these records on every way there is.
fn asker(stage: &mut Stage<'_>, name: &'static str, tenant: &'static str, mark: &'static str, records: &[u32]) {
    let mut paths: Vec<String> = records.iter().map(|id| format!("/v1/records/{id}")).collect();
    paths.extend(records.iter().map(|id| format!("/v1/records/{tenant}~{id}")));
    paths.extend(["/v1/records?limit=100".into(), "/v1/search?q=all".into()]);
    stage.attacker(name, Some(tenant), "POL-01", false, move |d| {
        let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let mut asker = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", mark).asking(&asks);
        asker.tries = 40;
        asker.gap = Duration::millis(120);
        Box::new(asker)
    });
}
