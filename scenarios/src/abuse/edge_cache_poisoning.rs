//! Abuse: a cache at the edge, which remediation switches on when the platform is slow, and everything that somebody
//! could hope to get out of it, or to put into it.
//!
//! What stands behind a gateway is asked no more once the gateway answers itself. So everything that the service and
//! its policy would have decided has to be in the key, and everything that changes an answer has to take it away.

use crate::actors::tenants_file::changed;
use crate::actors::{Insider, Intruder, Wish, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::gateway::edge_cache::{
    EMPTIED, KEYED_CLEARANCE, KEYED_REGION, KEYED_REVISION, KEYED_TENANT, PRIVATE_KEPT_OUT, PURGED, UNKEYED_DROPPED,
};
use models::gateway::headers::RESIDENCY;
use models::oracles::freshness::Freshness;
use models::oracles::sharing::Sharing;
use models::platform::Directory;
use models::policy::suite::REFERENCE_TESTS;
use models::wire::admin::TenantsProposal;
use models::wire::http::Method;
use sim::fault::Target;
use sim::{Duration, Instant};
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/edge-cache-poisoning",
    title: "What a gateway answers from its own cache is what the service would have answered, to this caller and now",
    threat: "Remediation switches a cache on at the gateways, off, and on again. A neighbour asks for paths that the \
             victim has just read; somebody with a lower clearance for what a colleague got; somebody for a session, \
             after others; somebody plants an address in a page that all get, by a header that is in no key. A \
             permission is withdrawn, and a tenant moves to another region while the policy of its old cell is cut \
             off from the news: both go on asking where they were served. And whoever changes a record reads it again.",
    stride: None,
    requirements: &["CAC-03", "CAC-05", "TEN-02"],
    variants: &[
        Variant { name: "same-path", mark: "edge-cache.path-asked", controls: &[sole(&KEYED_TENANT)] },
        Variant { name: "clearance", mark: "edge-cache.clearance-asked", controls: &[sole(&KEYED_CLEARANCE)] },
        Variant { name: "withdrawn", mark: "edge-cache.withdrawal-approved", controls: &[sole(&KEYED_REVISION)] },
        // The gateway of the old region refuses who lives elsewhere, and has nothing of its in store.
        Variant {
            name: "moved",
            mark: "edge-cache.move-approved",
            controls: &[layered(&KEYED_REGION, &RESIDENCY), layered(&RESIDENCY, &KEYED_REGION)],
        },
        Variant { name: "private", mark: "edge-cache.session-asked", controls: &[sole(&PRIVATE_KEPT_OUT)] },
        Variant { name: "poisoned", mark: "edge-cache.page-asked", controls: &[sole(&UNKEYED_DROPPED)] },
        Variant { name: "switched", mark: "edge-cache.on-again", controls: &[sole(&EMPTIED)] },
        Variant { name: "after-write", mark: "edge-cache.shared", controls: &[sole(&PURGED)] },
    ],
    canary: false,
    build,
};

const ON: Instant = Instant(1_200_000_000);
const OFF: Instant = Instant(5_200_000_000);
const ON_AGAIN: Instant = Instant(6_000_000_000);

/// How long an entry of the cell's own cache lives, and for how long one may be stale: its life, and what a pause or a
/// clogged link holds up at worst.
const ENTRY_LIFE: Duration = Duration::millis(500);
const STALE_MAX: Duration = Duration::millis(1_800);

/// Whose permission is withdrawn, for which label, and a record that carries it.
const WITHDRAWN: (&str, &str, u32) = ("acme-corp", "internal", 904);
/// Who moves, and where to.
const MOVES: (&str, &str) = ("delta", "EU");
/// The record that its principal goes on asking for. Of only one: what was not kept in time would be fetched from the
/// new cell, and with the answer the gateway would learn of that cell's policy.
const STAYS: u32 = 0;
/// When both are proposed, and when everybody must have heard of it. The caches are on all that time.
const PROPOSED: Duration = Duration::millis(1_900);
const HEARD: Instant = Instant(4_300_000_000);
/// The policy of the old cell hears nothing of the move.
const CUT: (Instant, Instant) = (Instant(1_000_000_000), Instant(5_500_000_000));

/// What is planted in a page.
const PLANTED: &str = "https://evil.example";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme", Duration::millis(30));
    stage.tenants("acme-corp beta", Duration::millis(80));
    stage.others_idle();
    stage.records(24);
    stage.platform(|platform| {
        platform.ttls.cache_entry = ENTRY_LIFE;
        platform.ttls.policy_poll = Duration::millis(250);
    });
    stage.edge_cache(&[(ON, true), (OFF, false), (ON_AGAIN, true)]);
    stage.pipelines();
    stage.usual_weather();
    // What the network loses for seconds on its way to a gateway or an agent is heard of seconds later.
    for kind in ["loss", "swizzle-clog"] {
        stage.without(kind);
    }
    stage.oracle(|cast| Box::new(Freshness::new(cast, STALE_MAX)));
    stage.oracle(|cast| Box::new(Sharing::new(cast, vec![(PLANTED.into(), "attacker/poisoner".into())])));
    neighbours(stage);
    sessions(stage);
    pages(stage);
    withdrawal(stage);
    removal(stage);
    stage.mark_when("edge-cache.on-again", |fact| {
        matches!(fact, Fact::Reported { by: "gateway.edge-cache", what: "switched-on", value: 3, .. })
    });
    stage.mark_when("edge-cache.shared", |fact| matches!(fact, Fact::Decided { by: "gateway.edge-cache", .. }));
}

fn asker(d: &Directory, tenant: &str, mark: &'static str) -> Intruder {
    Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", mark)
}

/// Who asks for the paths that the victim reads.
fn neighbours(stage: &mut Stage<'_>) {
    let reader = |tenant: &'static str, clearance: &'static str, mark: &'static str| {
        move |d: &Directory| -> Box<dyn crate::actors::Script> {
            let paths: Vec<String> = (0..12).map(|i| format!("/v1/records/{i}")).collect();
            let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
            let mut reader = asker(d, tenant, mark).asking(&asks);
            (reader.clearance, reader.tries, reader.gap) = (clearance, 40, Duration::millis(90));
            Box::new(reader)
        }
    };
    let same_path = reader("acme-corp", "confidential", "edge-cache.path-asked");
    stage.attacker("same-path", Some("acme-corp"), "CAC-05", false, same_path);
    // What its tenant's records usually are is above what it is cleared for.
    let clearance = reader("acme", "internal", "edge-cache.clearance-asked");
    stage.attacker("clearance", Some("acme"), "CAC-05", true, clearance);
}

/// Two of one tenant ask for their sessions in turn.
fn sessions(stage: &mut Stage<'_>) {
    for (name, mark) in [("private", "edge-cache.session-asked"), ("colleague", "edge-cache.colleague-asked")] {
        stage.attacker(name, Some("acme"), "CAC-05", false, move |d| {
            let mut asker = asker(d, "acme", mark).asking(&[(Method::Get, "/v1/whoami", "")]);
            (asker.wait, asker.tries, asker.gap) = (Duration::millis(1_000), 60, Duration::millis(70));
            Box::new(asker)
        });
    }
}

/// One writes its own address into the page that it gets, and another gets the page after it.
fn pages(stage: &mut Stage<'_>) {
    let page = [(Method::Get, "/v1/pages/terms", "")];
    stage.attacker("poisoner", Some("acme"), "CAC-05", false, move |d| {
        let plant = |token: &Arc<str>| {
            let mut headers = bearer(token);
            headers.other.push(("x-forwarded-prefix".into(), PLANTED.into()));
            Some(headers)
        };
        let mut poisoner = asker(d, "acme", "edge-cache.planted").asking(&page).crafting(plant);
        (poisoner.wait, poisoner.tries, poisoner.gap) = (Duration::millis(1_000), 90, Duration::millis(40));
        Box::new(poisoner)
    });
    stage.attacker("poisoned", Some("acme"), "CAC-05", false, move |d| {
        let mut reader = asker(d, "acme", "edge-cache.page-asked").asking(&page);
        (reader.wait, reader.tries, reader.gap) = (Duration::millis(1_600), 40, Duration::millis(90));
        Box::new(reader)
    });
}

/// A permission is withdrawn, and somebody goes on asking for what it was for.
fn withdrawal(stage: &mut Stage<'_>) {
    let (tenant, label, record) = WITHDRAWN;
    stage.special(tenant, record, ("audit", 1, label));
    stage.forbid(tenant, record, HEARD, "CAC-05");
    let file = changed(&stage.inputs.tenants, tenant, |t| t.labels.retain(|known| **known != *label));
    stage.attacker("withdrawn", Some(tenant), "CAC-05", false, move |d| {
        let path = format!("/v1/records/{record}");
        let asker = asker(d, tenant, "edge-cache.withdrawn-asked").asking(&[(Method::Get, &path, "")]);
        Box::new(insider(d, ("cell-a", file.clone()), "edge-cache.withdrawal-approved", asker))
    });
}

/// A tenant moves to another region, and somebody goes on asking where it was.
fn removal(stage: &mut Stage<'_>) {
    let (tenant, region) = MOVES;
    let node = |role: &str| Target::Node(role.into());
    stage.fault("partition", Target::link(node("cell-b/config"), node("cell-b/policy")), CUT.0, CUT.1, 0);
    stage.forbid(tenant, STAYS, HEARD, "CAC-03");
    let file = changed(&stage.inputs.tenants, tenant, |t| t.region = region.into());
    stage.attacker("moved", Some(tenant), "CAC-05", false, move |d| {
        let asker = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), tenant, "US", "edge-cache.moved-asked");
        let asker = asker.asking(&[(Method::Get, &format!("/v1/records/{STAYS}"), "")]);
        Box::new(insider(d, ("cell-b", file.clone()), "edge-cache.move-approved", asker))
    });
}

/// A member of the platform team that proposes a version of the tenants file, and a colleague approves it. Whoever it
/// is about goes on asking.
fn insider(d: &Directory, (cell, file): (&str, String), mark: &'static str, mut asker: Intruder) -> Insider {
    let (author, tests) = ("ann".into(), REFERENCE_TESTS.into());
    let proposal = TenantsProposal { author, file: file.into(), tests, signature: "".into() };
    (asker.wait, asker.tries, asker.gap) = (Duration::millis(1_400), 64, Duration::millis(90));
    let pipeline = d.node(&format!("{cell}/gitops"));
    let mut insider = Insider::new(pipeline, Wish::tenants(proposal), &["bob"], mark, asker);
    insider.wait = PROPOSED;
    insider
}
