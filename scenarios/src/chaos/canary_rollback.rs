//! Chaos: releases of the service, good and bad, each as a canary first.
//!
//! Ten minutes of the documents are a second here, so that a release is promoted or taken back while a run lasts: burn
//! rates are ratios, and what a window holds of requests is set by the load. Cell A has enough of them to judge a
//! canary by; cell B has not.

use crate::actors::{Intruder, Script, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::{Acts, Stage};
use models::app::machine::rollout::CANARY_PARTITIONS;
use models::app::release::{BY, CANARY, Defect, REVISION, Release, SERVED};
use models::fact::{Answer, Fact};
use models::gateway::machine::canary::{
    ALWAYS, BY as GATEWAY, CANARY_HEADER, HEADER, RECORDING_REDACTED, ROUTES, ROUTES_BACK,
};
use models::platform::Directory;
use models::platform::rollout::FIRST;
use models::rollout::analysis::{ANALYSIS, MINIMUM_SAMPLES, SOAK};
use models::rollout::checker::STORE;
use models::rollout::machine::{BY as CONTROLLER, ISOLATION_CHECK, RESTARTED};
use models::rollout::status::{CACHE_SWEEP, RESUMED, ROLLBACK_ORDER};
use models::wire::http::{Method, Reason};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/canary-rollback",
    title: "A bad release is found while it is a canary, and when it is taken back nothing of it stays",
    threat: "Releases are rolled out in both cells: a sound one; one that keeps what it has read in its memory by the \
             record's number, for whoever asks next; one that fails a part of its requests, and whose terms of service \
             lie in the cell's cache by then. In a cell that is hardly asked a failing one has no errors to show. \
             Somebody sends every request with a header that says canary. The controller loses power in the middle of \
             a rollback, while an instance does not hear it. No leaking release gets a client's request, no failing or \
             unasked one is promoted, and what was taken back is gone: routes, configuration, caches, in that order.",
    stride: None,
    requirements: &["CAC-03", "CEL-07", "ROL-01", "ROL-02"],
    variants: &[
        Variant { name: "failing", mark: "canary-rollback.failed", controls: &[sole(&ANALYSIS)] },
        Variant { name: "unasked", mark: "canary-rollback.few-asked", controls: &[sole(&MINIMUM_SAMPLES)] },
        Variant { name: "hasty", mark: "canary-rollback.stood", controls: &[sole(&SOAK)] },
        Variant { name: "leaking", mark: "canary-rollback.leak-deployed", controls: &[sole(&ISOLATION_CHECK)] },
        Variant { name: "recorded", mark: "canary-rollback.recorded", controls: &[sole(&RECORDING_REDACTED)] },
        Variant { name: "chooser", mark: "canary-rollback.chosen", controls: &[sole(&CANARY_HEADER)] },
        Variant { name: "events", mark: "canary-rollback.published", controls: &[sole(&CANARY_PARTITIONS)] },
        Variant { name: "reader", mark: "canary-rollback.terms-shown", controls: &[sole(&CACHE_SWEEP)] },
        Variant { name: "shuffled", mark: "canary-rollback.routed-back", controls: &[sole(&ROLLBACK_ORDER)] },
        Variant { name: "powerless", mark: "canary-rollback.restarted", controls: &[sole(&RESUMED)] },
    ],
    canary: false,
    build,
};

/// Releases of cell A: a sound one, …
const SOUND: Release = Release { revision: FIRST + 1, defect: None };
/// … one that leaks, …
const LEAKING: Release = Release { revision: FIRST + 2, defect: Some(Defect::KeepsForAll) };
/// … and one that fails.
const FAILING: Release = Release { revision: FIRST + 3, defect: Some(Defect::Fails(70)) };
/// Cell B's first fails, and nobody sees it.
const UNASKED: Release = Release { revision: FIRST + 1, defect: Some(Defect::Fails(70)) };

/// Fewer requests in a window than this say nothing of a canary. A second, which is the window here, brings twice as
/// many of them to the canary of cell A, and to that of cell B less than one.
const REQUESTS_MIN: u64 = 6;
/// Mean gap between the requests of a customer of cell A, of which there are two.
const BUSY: Duration = Duration::micros(8_000);
/// The same in cell B.
const QUIET: Duration = Duration::millis(160);

/// The last rollback of cell B begins about here. An instance does not hear of it, …
const UNHEARD: (Instant, Instant) = (Instant(5_450_000_000), Instant(6_500_000_000));
/// … and meanwhile the controller loses power.
const CRASH: (Instant, Instant) = (Instant(6_000_000_000), Instant(6_200_000_000));

/// So long after routes went back the terms of that release are served no more: two steps have to be kept by everybody,
/// and words may be late.
const BOUND: Duration = Duration::millis(1_200);

/// Traffic goes on for long enough after the last rollback to find what it has left behind.
const ACTS: Acts = Acts {
    traffic_from: Instant(800_000_000),
    safety_until: Instant(7_000_000_000),
    traffic_until: Instant(8_600_000_000),
    verify_from: Instant(9_000_000_000),
    end: Instant(11_000_000_000),
};

fn build(stage: &mut Stage<'_>) {
    stage.acts = ACTS;
    stage.tenants("acme acme-corp", BUSY);
    stage.tenants("beta delta", QUIET);
    stage.platform(|platform| platform.slos.canary.requests_min = REQUESTS_MIN);
    let (a, b): (Arc<str>, Arc<str>) = ("cell-a".into(), "cell-b".into());
    let at = |ms: u64| Instant::ZERO + Duration::millis(ms);
    let plan = [
        (a.clone(), at(1_200), SOUND),
        (a.clone(), at(3_600), LEAKING),
        (a, at(4_500), FAILING),
        (b.clone(), at(1_200), UNASKED),
        (b, at(5_000), LEAKING),
    ];
    stage.rollouts(plan.into(), BOUND);
    let node = |role: &str| Target::Node(role.into());
    stage.fault("partition", Target::link(node("cell-b/rollouts"), node("cell-b/app-2")), UNHEARD.0, UNHEARD.1, 0);
    stage.fault("crash", node("cell-b/rollouts"), CRASH.0, CRASH.1, 0);
    players(stage);
    marks(stage);
    weather(stage);
}

fn players(stage: &mut Stage<'_>) {
    let asker =
        |d: &Directory, tenant: &str, mark| Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", mark);
    // While the sound release is a canary.
    stage.attacker("chooser", Some("acme-corp"), "ROL-01", false, move |d| -> Box<dyn Script> {
        let says = |token: &Arc<str>| {
            let mut headers = bearer(token);
            headers.other.push((HEADER.into(), ALWAYS.into()));
            Some(headers)
        };
        let mut chooser = asker(d, "acme-corp", "canary-rollback.chosen").crafting(says);
        (chooser.wait, chooser.tries, chooser.gap) = (Duration::millis(1_900), 32, Duration::millis(30));
        Box::new(chooser)
    });
    // Once the failing release's configuration is everybody's: what is in the cache by then has an older one's terms.
    stage.attacker("reader", Some("acme"), "CAC-03", false, move |d| -> Box<dyn Script> {
        let page = [(Method::Get, "/v1/pages/terms", "")];
        let mut reader = asker(d, "acme", "canary-rollback.terms-asked").asking(&page);
        (reader.wait, reader.tries, reader.gap) = (Duration::millis(4_750), 110, Duration::millis(35));
        Box::new(reader)
    });
}

fn marks(stage: &mut Stage<'_>) {
    let gateway = |what: &'static str, cell: &'static str, release: Release| {
        let release = u64::from(release.revision);
        move |fact: &Fact| {
            matches!(fact, Fact::Reported { by: GATEWAY, what: said, about, value }
                if *said == what && **about == *cell && *value == release)
        }
    };
    stage.mark_when("canary-rollback.stood", gateway(ROUTES, "cell-a", SOUND));
    stage.mark_when("canary-rollback.few-asked", gateway(ROUTES, "cell-b", UNASKED));
    stage.mark_when("canary-rollback.routed-back", gateway(ROUTES_BACK, "cell-a", FAILING));
    stage.mark_when("canary-rollback.failed", |fact| {
        let Fact::Answered(answer) = fact else { return false };
        answer.reason == Reason::Internal.code() && answer.principal.starts_with("client/acme")
    });
    stage.mark_when("canary-rollback.leak-deployed", |fact| {
        let release = u64::from(LEAKING.revision);
        matches!(fact, Fact::Reported { by: BY, what: REVISION, about, value } if *value == release
            && about.starts_with("cell-a") && about.ends_with(CANARY))
    });
    stage.mark_when("canary-rollback.recorded", |fact| {
        matches!(fact, Fact::ObjectStored { place, body, .. } if place.store == STORE && body.starts_with(b"PUT "))
    });
    stage.mark_when("canary-rollback.terms-shown", {
        let shown = format!("terms of service, revision {}", FAILING.revision);
        move |fact| matches!(fact, Fact::Answered(answer) if *answer.body == *shown.as_bytes())
    });
    stage.mark_when("canary-rollback.restarted", |fact| {
        let release = u64::from(LEAKING.revision);
        matches!(fact, Fact::Reported { by: CONTROLLER, what: RESTARTED, value, .. } if *value == release)
    });
    let mut served = BTreeSet::new();
    stage.mark_when("canary-rollback.published", move |fact| match fact {
        Fact::Reported { by: BY, what: SERVED, value, .. } => {
            served.insert(*value);
            false
        }
        Fact::Answered(answer) => is_published(answer) && answer.trace.is_some_and(|trace| served.contains(&trace.1)),
        _ => false,
    });
}

fn is_published(answer: &Answer) -> bool {
    answer.reason == Reason::Accepted.code() && answer.what.starts_with("POST /v1/events/")
}

/// Faults that keep no word of a rollback on its way for longer than its bound allows for; what its controller says and
/// hears may be lost, because it is said again.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let inside = |cell: &str| Target::link(Target::Group(cell.into()), Target::Group(cell.into()));
    let links = || vec![inside("cell-a"), inside("cell-b")];
    let node = |role: &str| Target::Node(role.into());
    let said = || {
        let from = |cell: &str| Target::link(node(&format!("{cell}/rollouts")), Target::Group(cell.into()));
        vec![from("cell-a"), from("cell-b")]
    };
    let mut allow = |kind, targets: Vec<Target>, length, strength| {
        let (on_ppm, takes_copy) = (300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    let long = (ms(1_500), ms(4_000));
    allow("delay", links(), long, (300, 4_000));
    allow("duplicate", links(), long, (20_000, 200_000));
    allow("reorder", links(), long, (20_000, 200_000));
    allow("loss", said(), long, (20_000, 60_000));
    allow("slow", vec![node("cell-a/cache"), node("cell-a/postgres-1")], long, (2, 5));
    allow("pause", vec![node("cell-a/rollouts"), node("cell-b/checker")], (ms(100), ms(400)), (0, 0));
    allow("crash", vec![node("cell-a/rollouts"), node("cell-a/checker")], (ms(100), ms(400)), (0, 0));
}
