//! Abuse: an insider wants the policy to permit what it does not, and has everything but the consent of others.
//!
//! Everything that it does is signed and genuine. What stops it is that a change needs somebody else who is somebody
//! else, that a policy shows what it does before it is relied upon, and that what runs is compared with what was
//! merged.

use crate::actors::{Call, Defector, Insider, Intruder, Pod, Wish};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::gitops::machine::DRIFT;
use models::gitops::review::{APPROVER_IDENTITY, BUNDLE_TESTS, FOUR_EYES};
use models::platform::admin::{OPERATOR, first_files};
use models::platform::{Directory, trust_domain};
use models::policy::data::PolicyData;
use models::policy::suite::REFERENCE_TESTS;
use models::wire::admin::{POLICY_PATH, PolicyFiles, Proposal};
use models::wire::http::Method;
use models::wire::svid::SpiffeId;
use sim::{Duration, Instant};
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/insider-disables-policy",
    title: "Nobody changes the policy alone, by a second name, without tests, or behind the pipeline's back",
    threat: "A member of the platform team signs proposals that permit a tenant one label more each: approved by \
             nobody but herself, by her account for the on-call, by the release robot that she answers for, and, by a \
             colleague who looks at nothing, without a test. With the operator's certificate the policy is replaced at \
             the config service itself. A principal of the tenant waits for each to take effect. A change that was \
             reviewed and tested takes effect.",
    stride: None,
    requirements: &["POL-03", "POL-07"],
    variants: &[
        Variant { name: "alone", mark: "insider.alone-proposed", controls: &[sole(&FOUR_EYES)] },
        Variant { name: "alias", mark: "insider.alias-approved", controls: &[sole(&APPROVER_IDENTITY)] },
        Variant { name: "robot", mark: "insider.robot-approved", controls: &[sole(&APPROVER_IDENTITY)] },
        Variant { name: "untested", mark: "insider.untested-approved", controls: &[sole(&BUNDLE_TESTS)] },
        Variant { name: "by-hand", mark: "insider.replaced-by-hand", controls: &[sole(&DRIFT)] },
        // Who goes the way that there is gets what was agreed.
        Variant { name: "reviewed", mark: "insider.reviewed-served", controls: &[] },
    ],
    canary: false,
    build,
};

const TENANT: &str = "acme-corp";
/// What is replaced by hand is found and undone within this: a look of the pipeline's, its way there and back, and the
/// next bundle.
const UNDONE_WITHIN: Duration = Duration::millis(2_000);
/// When the operator's certificate is used, for the last time.
const BY_HAND: (Instant, Instant) = (Instant(3_000_000_000), Instant(3_800_000_000));
/// The reviewed change is proposed when the others have been tried: what is merged last is what is deployed.
const REVIEWED_AT: Duration = Duration::millis(7_300);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.platform(|platform| platform.ttls.policy_poll = Duration::millis(300));
    stage.pipelines();
    stage.usual_weather();
    // What the network loses for seconds between a pipeline and its config service is found seconds later.
    for kind in ["loss", "swizzle-clog"] {
        stage.without(kind);
    }
    insider(stage, "alone", ("ann", &[], true), (901, "health"), "insider.alone-proposed");
    insider(stage, "alias", ("ann", &["ann-oncall"], true), (902, "pii"), "insider.alias-approved");
    insider(stage, "robot", ("ann", &["release-bot"], true), (903, "financial"), "insider.robot-approved");
    insider(stage, "untested", ("ann", &["bob"], false), (904, "legal"), "insider.untested-approved");
    insider(stage, "reviewed", ("ann", &["bob"], true), (905, "press"), "insider.reviewed-approved");
    by_hand(stage, (906, "payroll"));
    stage.mark_when(
        "insider.reviewed-served",
        |fact| matches!(fact, Fact::Answered(a) if *a.what == *"GET /v1/records/905" && a.status == 200),
    );
    stage.mark_when("insider.replaced-by-hand", is_replaced_by_hand);
}

fn is_replaced_by_hand(fact: &Fact) -> bool {
    let Fact::Reported { by: "policy.config", what: "replaced", about, .. } = fact else { return false };
    about.ends_with(OPERATOR)
}

/// The files that permit the tenant one label more.
fn with_label(stage: &Stage<'_>, label: &str) -> PolicyFiles {
    let mut tenants = stage.inputs.tenants.clone();
    let of_tenant = tenants.tenants.iter_mut().filter(|tenant| *tenant.id == *TENANT);
    of_tenant.for_each(|tenant| tenant.labels.push(label.into()));
    first_files(&PolicyData::from_tenants(&tenants))
}

/// Somebody who goes through the pipeline, and the tenant's principal that waits for what comes of it.
fn insider(
    stage: &mut Stage<'_>,
    name: &'static str,
    (author, approvers, is_tested): (&'static str, &'static [&'static str], bool),
    (record, label): (u32, &'static str),
    mark: &'static str,
) {
    let breach = if is_tested { "POL-03" } else { "POL-07" };
    stage.special(TENANT, record, ("audit", 1, label));
    if name != "reviewed" {
        stage.forbid(TENANT, record, Instant::ZERO, breach);
    }
    let tests: Arc<str> = if is_tested { REFERENCE_TESTS.into() } else { "".into() };
    let files = with_label(stage, label);
    stage.attacker(name, Some(TENANT), breach, false, move |d| {
        let proposal =
            Proposal { author: author.into(), files: files.clone(), tests: tests.clone(), signature: "".into() };
        let mut insider =
            Insider::new(d.node("cell-a/gitops"), Wish::files(proposal), approvers, mark, asker(d, record));
        if name == "reviewed" {
            insider.wait = REVIEWED_AT;
        }
        Box::new(insider)
    });
}

/// A principal of the tenant that goes on asking for one record.
fn asker(d: &Directory, record: u32) -> Intruder {
    let path = format!("/v1/records/{record}");
    let asker = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), TENANT, "EU", "insider.record-asked");
    let mut asker = asker.asking(&[(Method::Get, &path, "")]);
    (asker.tries, asker.gap) = (64, Duration::millis(120));
    asker
}

/// Somebody with the operator's genuine certificate, and another principal that waits.
fn by_hand(stage: &mut Stage<'_>, (record, label): (u32, &'static str)) {
    stage.special(TENANT, record, ("audit", 1, label));
    stage.forbid(TENANT, record, BY_HAND.1 + UNDONE_WITHIN, "POL-03");
    stage.attacker("by-hand", Some(TENANT), "POL-03", false, move |d| Box::new(asker(d, record)));
    let files: Arc<[u8]> = serde_json::to_vec(&with_label(stage, label)).expect("files are JSON").into();
    stage.enrol("operator", "cell-a", OPERATOR, None);
    stage.attacker("operator", None, "POL-03", false, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), OPERATOR).expect("the path is written here");
        let (door, files) = (d.node("cell-a/config"), files.clone());
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, Duration::secs(600), move |identity| {
            let call = Call { method: Method::Put, path: POLICY_PATH, tenant: None, body: files.clone() };
            let mut operator = Pod::calling(door, identity, call, "insider.operator-dialled");
            (operator.wait, operator.tries) = (BY_HAND.0.since(Instant::ZERO), 2);
            operator.gap = Duration::millis(390);
            operator
        }))
    });
}
