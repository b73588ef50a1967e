//! Elevation: a compromised pod with a genuine certificate of its own calls an admin API.
//!
//! What it calls replaces the policy of its cell, so whoever gets through decides what everybody may do. Between them
//! stand two layers that share nothing: the mesh lets nobody in from outside the admin namespace, and the API asks for
//! a role.

use crate::actors::{Call, Defector, Pod};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::mesh::verify::SPIFFE_ID;
use models::platform::admin::{AUDITOR, OPERATOR, first_files};
use models::platform::trust_domain;
use models::policy::admin::ADMIN_RBAC;
use models::policy::data::PolicyData;
use models::wire::admin::POLICY_PATH;
use models::wire::http::Method;
use models::wire::svid::SpiffeId;
use sim::Duration;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/elevation-pod-to-admin",
    title: "A compromised pod calls no admin API, and an auditor replaces nothing there",
    threat: "An instance of the service was broken into. With its genuine certificate it dials the config service of \
             its cell and calls the admin API that replaces the policy. So does the workload of an auditor, which may \
             read there and no more. An operator is served.",
    stride: Some('E'),
    requirements: &["IDN-08"],
    variants: &[
        Variant {
            name: "app-pod",
            mark: "elevation.app-pod-dialled",
            controls: &[layered(&SPIFFE_ID, &ADMIN_RBAC), layered(&ADMIN_RBAC, &SPIFFE_ID)],
        },
        Variant { name: "auditor", mark: "elevation.auditor-dialled", controls: &[sole(&ADMIN_RBAC)] },
        // Who has the role is served: neither layer is a blanket refusal.
        Variant { name: "operator", mark: "elevation.operator-served", controls: &[] },
    ],
    canary: false,
    build,
};

const APP: &str = "/ns/apps/sa/orchestrator";
const LIFETIME: Duration = Duration::secs(600);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    // What is put there is what is there already: getting through is the breach, and the others stay undisturbed.
    let files = first_files(&PolicyData::from_tenants(&stage.inputs.tenants));
    let files: Arc<[u8]> = serde_json::to_vec(&files).expect("files are JSON").into();
    pod(stage, "app-pod", APP, None, &files, "elevation.app-pod-dialled");
    pod(stage, "auditor", AUDITOR, None, &files, "elevation.auditor-dialled");
    pod(stage, "operator", OPERATOR, Some("acme"), &files, "elevation.operator-dialled");
    stage.mark_when(
        "elevation.operator-served",
        |fact| matches!(fact, Fact::Answered(a) if *a.principal == *"attacker/operator" && a.status == 200),
    );
}

/// A workload of cell A that dials the config service there, enrolled under an id with this path. Who is entitled to
/// nothing must not be served at all.
fn pod(
    stage: &mut Stage<'_>,
    name: &'static str,
    path: &'static str,
    entitled: Option<&str>,
    body: &Arc<[u8]>,
    mark: &'static str,
) {
    stage.enrol(name, "cell-a", path, None);
    let body = body.clone();
    stage.attacker(name, entitled, "IDN-08", entitled.is_none(), move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), path).expect("the path is written here");
        let (door, body) = (d.node("cell-a/config"), body.clone());
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, LIFETIME, move |identity| {
            let call = Call { method: Method::Put, path: POLICY_PATH, tenant: None, body: body.clone() };
            let mut pod = Pod::calling(door, identity, call, mark);
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(1_500), 14, Duration::millis(390));
            pod
        }))
    });
}
