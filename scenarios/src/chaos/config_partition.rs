//! Chaos: the cells' control planes lose each other while a change of the policy is merged in one of them.
//!
//! The other cell goes on with what it has, and its config service would sign that for ever. So a bundle there is only
//! as new as the last news of the repository: past the bound its agents say no, somebody is told, and what was merged
//! meanwhile is in force soon after the two have found each other again.

use crate::actors::{Insider, Intruder, Wish};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::config::Tenants;
use models::fact::Fact;
use models::gitops::sync::{CATCH_UP, STALE, STALE_ALARM};
use models::oracles::availability::Promise;
use models::platform::Directory;
use models::platform::admin::first_files;
use models::policy::data::PolicyData;
use models::policy::service::SYNC_FRESHNESS;
use models::policy::suite::REFERENCE_TESTS;
use models::wire::admin::Proposal;
use models::wire::http::{Method, Reason};
use sim::fault::Target;
use sim::oracle::{Always, Seen, Sometimes};
use sim::record::{Finding, Vantage};
use sim::{Duration, Instant};
use std::marker::PhantomData;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/config-partition",
    title: "A cell without news of the control plane stops saying yes and is missed, and catches up by itself",
    threat: "The pipelines of the two cells lose each other. In the repository's cell a permission is withdrawn from \
             a tenant of the other cell, and another one is granted there. The principal who had it goes on asking. \
             Past the bound that cell serves nobody and says why (503), an alarm says that its configuration may be \
             old, and when the way is open again both changes come into force without a restart.",
    stride: None,
    requirements: &["CEL-03"],
    variants: &[
        Variant {
            name: "withdrawn",
            mark: "config.withdrawal-approved",
            controls: &[sole(&CATCH_UP), sole(&SYNC_FRESHNESS)],
        },
        Variant { name: "unseen", mark: "config.refused-past-bound", controls: &[sole(&STALE_ALARM)] },
        Variant { name: "granted", mark: "config.granted-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Nothing passes between the pipelines.
const CUT: (Instant, Instant) = (Instant(2_000_000_000), Instant(7_000_000_000));
/// The change is proposed, and merged when a colleague has approved it.
const PROPOSED: Duration = Duration::millis(2_300);
/// How old news of the repository may be.
const BOUND: Duration = Duration::millis(2_000);
/// What clocks are apart in this weather, and a look, an answer and a bundle on their way.
const SLACK: Duration = Duration::millis(1_500);
/// When nothing is in the way any longer, this is enough for both changes to be in force.
const RECOVERY: Duration = Duration::millis(2_000);
/// What is withdrawn from whom, and what is granted to whom: a record, and its label.
const WITHDRAWN: (&str, u32, &str) = ("delta", 904, "pii");
const GRANTED: (&str, u32, &str) = ("beta", 905, "health");

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.platform(|platform| {
        platform.ttls.policy_poll = Duration::millis(250);
        platform.ttls.policy_stale = BOUND;
    });
    stage.following_pipelines();
    stage.usual_weather();
    // What keeps news away for as long as the bound is what is planned here.
    for kind in ["loss", "swizzle-clog", "clog", "partition", "crash", "pause"] {
        stage.without(kind);
    }
    let pipeline = |cell: &str| Target::Node(format!("{cell}/gitops"));
    stage.fault("partition", Target::link(pipeline("cell-a"), pipeline("cell-b")), CUT.0, CUT.1, 0);
    for (tenant, record, label) in [WITHDRAWN, GRANTED] {
        stage.special(tenant, record, ("audit", 1, label));
    }
    // Before the cut it was permitted; from the bound on the cell says no, and later the change says so.
    stage.forbid(WITHDRAWN.0, WITHDRAWN.1, CUT.0 + BOUND + SLACK, "CEL-03");
    attackers(stage);
    stage.promise(Promise {
        requirement: "CEL-03",
        good_ppm: 990_000,
        p95: Duration::millis(1_500),
        window: (CUT.1 + RECOVERY, stage.acts.traffic_until),
        tenants: Vec::new(),
        refusal_is_kept: false,
    });
    let served = format!("GET /v1/records/{}", GRANTED.1);
    stage.mark_when(
        "config.granted-served",
        move |fact| matches!(fact, Fact::Answered(a) if *a.what == *served && a.status == 200),
    );
    stage.mark_when(
        "config.refused-past-bound",
        |fact| matches!(fact, Fact::Answered(a) if a.reason == Reason::PolicyUnavailable.code()),
    );
    alarm(stage);
}

fn attackers(stage: &mut Stage<'_>) {
    let mut tenants = stage.inputs.tenants.clone();
    change(&mut tenants);
    let files = first_files(&PolicyData::from_tenants(&tenants));
    let proposal = Proposal { author: "ann".into(), files, tests: REFERENCE_TESTS.into(), signature: "".into() };
    stage.attacker("withdrawn", Some(WITHDRAWN.0), "CEL-03", false, move |d| {
        let (wish, asker) = (Wish::files(proposal.clone()), asker(d, WITHDRAWN, "config.withdrawn-asked"));
        let mut insider = Insider::new(d.node("cell-a/gitops"), wish, &["bob"], "config.withdrawal-approved", asker);
        insider.wait = PROPOSED;
        Box::new(insider)
    });
    stage
        .attacker("granted", Some(GRANTED.0), "CEL-03", false, |d| Box::new(asker(d, GRANTED, "config.granted-asked")));
}

/// One tenant loses a label and another one gets one.
fn change(tenants: &mut Tenants) {
    for tenant in &mut tenants.tenants {
        match &*tenant.id {
            id if *id == *WITHDRAWN.0 => tenant.labels.retain(|label| **label != *WITHDRAWN.2),
            id if *id == *GRANTED.0 => tenant.labels.push(GRANTED.2.into()),
            _ => {}
        }
    }
}

/// A principal of the other cell that goes on asking for one record.
fn asker(d: &Directory, (tenant, record, _): (&str, u32, &str), mark: &'static str) -> Intruder {
    let path = format!("/v1/records/{record}");
    let asker = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), tenant, "US", mark);
    let mut asker = asker.asking(&[(Method::Get, &path, "")]);
    (asker.tries, asker.gap) = (90, Duration::millis(100));
    asker
}

/// Somebody is told within the bound that a cell's configuration may be old, and nobody is while news come through.
fn alarm(stage: &mut Stage<'_>) {
    let otherwise = finding(
        "cell-b/gitops",
        CUT.0 + BOUND + SLACK,
        0,
        format!("a cell was without news of the control plane for longer than {BOUND}, and nothing says so"),
    );
    stage.oracle(move |_| {
        Box::new(Sometimes {
            name: "config-alarm",
            vantages: &[Vantage::Log],
            check: |seen: &Seen<'_, models::saas::Saas>| is_alarm(seen) && seen.at <= CUT.0 + BOUND + SLACK,
            otherwise: otherwise.clone(),
            seen: false,
            words: PhantomData,
        })
    });
    stage.oracle(|_| {
        Box::new(Always { name: "config-alarm", vantages: &[Vantage::Log], check: false_alarm, words: PhantomData })
    });
}

fn is_alarm(seen: &Seen<'_, models::saas::Saas>) -> bool {
    matches!(seen.fact, Fact::Reported { by: "gitops", what: STALE, .. })
}

fn false_alarm(seen: &Seen<'_, models::saas::Saas>) -> Option<Finding> {
    let is_true = seen.role == "cell-b/gitops" && (CUT.0..CUT.1 + RECOVERY).contains(&seen.at);
    let message = || format!("{} called its configuration old, and news came through", seen.role);
    (is_alarm(seen) && !is_true).then(|| finding(seen.role, seen.at, seen.cause, message()))
}

fn finding(node: &str, at: Instant, cause: u64, message: String) -> Finding {
    Finding {
        requirement: "CEL-03".into(),
        oracle: "config-alarm".into(),
        vantage: Vantage::Log,
        tenant: None,
        node: node.into(),
        at_ns: at.0,
        cause: format!("{cause:016x}"),
        message,
    }
}
