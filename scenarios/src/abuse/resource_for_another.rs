//! Abuse: a tenant orders a report on its neighbour, by a resource in its own namespace.
//!
//! The namespace is the tenant's own, so nothing forbids it to write there. What it writes is an order to a controller
//! with rights on all tenants, which acts for whoever is named in the spec; and for a default where nobody is.

use crate::actors::Applicant;
use crate::actors::applicant::Act;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::kube::admission::{TENANT_MATCH, TENANT_REQUIRED};
use models::kube::server::{EVERY_WRITE, FAIL_CLOSED};
use models::marker::Scanner;
use models::platform::kube::api;
use models::wire::http::Method;
use models::wire::kube::reports_of;
use serde_json::{Value, json};
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/resource-for-another",
    title: "A resource acts for the tenant that wrote it: without a tenant, or with another's, it is not written",
    threat: "Somebody holds the certificate of one tenant's connector and writes reports into its own namespace: with \
             the neighbour's id in the spec, with none, with something that is no id; as a change of a report that \
             was in order; and while the webhook that reviews them has no power. The controller reads what a report \
             asks for and writes it into its status, where its writer finds it.",
    stride: Some('E'),
    requirements: &["TEN-06"],
    variants: &[
        Variant { name: "missing", mark: "admission.no-tenant-written", controls: &[sole(&TENANT_REQUIRED)] },
        Variant { name: "foreign", mark: "admission.another-tenant-written", controls: &[sole(&TENANT_MATCH)] },
        Variant { name: "changed", mark: "admission.changed-to-another", controls: &[sole(&EVERY_WRITE)] },
        Variant { name: "unreviewed", mark: "admission.written-unreviewed", controls: &[sole(&FAIL_CLOSED)] },
        // Who names itself gets its report.
        Variant { name: "own", mark: "admission.own-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Whose certificate is misused, and whose records are wanted. The latter is also whom the controller takes for the
/// default.
const TENANT: &str = "acme-corp";
const VICTIM: &str = "acme";
/// Cell A's webhook has no power.
const DARK: (Instant, Instant) = (Instant(3_500_000_000), Instant(5_500_000_000));
/// Reviews that were asked for then are given up.
const DARK_AND_GIVEN_UP: (Instant, Instant) = (Instant(3_600_000_000), Instant(5_000_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.kube();
    stage.usual_weather();
    stage.fault("crash", Target::Node("cell-a/admission".into()), DARK.0, DARK.1, 0);
    let nothing = [json!({}), json!({"tenant_id": null}), json!({"tenant_id": ""}), json!({"tenant_id": [VICTIM]})];
    let missing = nothing.iter().enumerate().flat_map(|(n, spec)| order(&format!("missing-{n}"), spec)).collect();
    applicant(stage, "missing", true, missing, "admission.no-tenant-written", None);
    let foreign = order("foreign", &json!({"tenant_id": VICTIM}));
    applicant(stage, "foreign", true, foreign, "admission.another-tenant-written", None);
    let own = |name: &str| object(name, &json!({"tenant_id": TENANT}));
    let changed = vec![
        act(Method::Post, None, own("changed"), false),
        act(Method::Put, Some("changed"), object("changed", &json!({"tenant_id": VICTIM, "rows": 2})), true),
        act(Method::Get, Some("changed"), String::new(), false),
    ];
    applicant(stage, "changed", false, changed, "admission.changed-to-another", None);
    let unreviewed = order("unreviewed", &json!({"tenant_id": VICTIM}));
    applicant(stage, "unreviewed", true, unreviewed, "admission.written-unreviewed", Some(DARK_AND_GIVEN_UP));
    let honest = vec![
        act(Method::Post, None, own("own"), false),
        act(Method::Put, Some("own"), own("own"), false),
        act(Method::Get, Some("own"), String::new(), false),
    ];
    applicant(stage, "own", false, honest, "admission.own-written", None);
    stage.mark_when("admission.own-served", is_own_served);
}

fn object(name: &str, spec: &Value) -> String {
    json!({"metadata": {"name": name}, "spec": spec}).to_string()
}

fn act(method: Method, name: Option<&str>, object: String, is_the_point: bool) -> Act {
    let path = name.map_or_else(|| reports_of(TENANT), |name| format!("{}/{name}", reports_of(TENANT)));
    Act { method, path, object, is_the_point }
}

/// A report is written, and looked at.
fn order(name: &str, spec: &Value) -> Vec<Act> {
    vec![act(Method::Post, None, object(name, spec), true), act(Method::Get, Some(name), String::new(), false)]
}

/// Whether the tenant finds records in its report.
fn is_own_served(fact: &Fact) -> bool {
    let Fact::Answered(answer) = fact else { return false };
    let mut found = false;
    if *answer.principal == *"attacker/own" && answer.status == 200 {
        Scanner::shared().scan(&answer.body, |hit| found |= hit.marker.is_some());
    }
    found
}

fn applicant(
    stage: &mut Stage<'_>,
    name: &str,
    never: bool,
    acts: Vec<Act>,
    mark: &'static str,
    within: Option<(Instant, Instant)>,
) {
    stage.insider(name, TENANT, "TEN-06", never, move |d| {
        let mut applicant = Applicant::new(d.node(&api("cell-a")), acts.clone(), mark);
        if let Some((from, until)) = within {
            applicant.within = from..until;
        }
        Box::new(applicant)
    });
}
