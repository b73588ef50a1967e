//! Operations: tenants may only read for a while, because somebody has to rely on it that nothing changes.
//!
//! The control plane says so, and states when it is so. A service that has just started, one that does not hear the end
//! of it, and writes that were under way when it began are where such modes leak or stay.

use crate::actors::flood::Shot;
use crate::actors::{Flood, Intruder};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::machine::mode::{AUDIT_WRITES, MODE_KNOWN, READ_ONLY_DRAIN, WRITES_REFUSED};
use models::fact::{Answer, Fact};
use models::policy::mode::MODE_REPEAT;
use models::siem::machine::KEEPS_ALWAYS;
use models::wire::http::{Method, Reason};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "ops/read-only",
    title: "While tenants may only read nothing of theirs changes, logs go on, and then everybody writes again",
    threat: "The control plane declares that tenants may only read. They go on writing: records, and new ones. \
             Writes are under way when it begins, on a slow way to the database. A service loses power meanwhile, \
             comes back and is cut off from the control plane; another is cut off when the mode ends. Every write is \
             refused with 503, `read-only` and a Retry-After; events for audit topics are not, and decisions reach the \
             SIEM as ever.",
    stride: None,
    requirements: &["SRV-10"],
    variants: &[
        Variant { name: "writer", mark: "read-only.written", controls: &[sole(&WRITES_REFUSED)] },
        Variant { name: "under-way", mark: "read-only.under-way", controls: &[sole(&READ_ONLY_DRAIN)] },
        Variant { name: "restarted", mark: "read-only.started-meanwhile", controls: &[sole(&MODE_KNOWN)] },
        Variant { name: "auditor", mark: "read-only.audited", controls: &[sole(&AUDIT_WRITES)] },
        Variant { name: "watched", mark: "read-only.decided", controls: &[sole(&KEEPS_ALWAYS)] },
        Variant { name: "cut-off", mark: "read-only.end-unheard", controls: &[sole(&MODE_REPEAT)] },
    ],
    canary: false,
    build,
};

/// Tenants may only read.
const MODE: (Instant, Instant) = (Instant(3_000_000_000), Instant(5_500_000_000));
/// By then it is so, also where writes were under way.
const IN_FORCE: Instant = Instant(3_600_000_000);
/// Cell B's way to its database takes a while, when the mode begins.
const SLOW: (Instant, Instant) = (Instant(2_400_000_000), Instant(3_300_000_000));
/// How long, in microseconds: a service waits longer than that.
const SLOW_US: u64 = 300_000;
/// A service of cell A has no power, …
const CRASH: (Instant, Instant) = (Instant(3_700_000_000), Instant(3_900_000_000));
/// … and hears nothing of the control plane.
const DEAF: (Instant, Instant) = (Instant(3_650_000_000), Instant(5_400_000_000));
/// A service of cell B does not hear that the mode is over.
const UNHEARD: (Instant, Instant) = (Instant(5_300_000_000), Instant(6_000_000_000));

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    // Those who write on purpose have records and no honest traffic beside theirs.
    stage.leaves("acme-corp", stage.acts.traffic_from);
    stage.leaves("delta", stage.acts.traffic_from);
    stage.keeps_decisions();
    stage.read_only(MODE.0, MODE.1);
    let node = |role: &str| Target::Node(role.into());
    let mut cut = |one: &str, other: &str, (from, until): (Instant, Instant)| {
        stage.fault("partition", Target::link(node(one), node(other)), from, until, 0);
    };
    cut("cell-a/config", "cell-a/app-1", DEAF);
    cut("cell-b/config", "cell-b/app-1", UNHEARD);
    stage.fault("crash", node("cell-a/app-1"), CRASH.0, CRASH.1, 0);
    for app in ["cell-b/app-1", "cell-b/app-2"] {
        stage.fault("delay", Target::link(node(app), node("cell-b/postgres-1")), SLOW.0, SLOW.1, SLOW_US);
    }
    weather(stage);
    let put = |record: u32| (Method::Put, format!("/v1/records/{record}"), b"changed".to_vec());
    let create = (Method::Post, "/v1/records".to_owned(), b"acme-corp~950;new".to_vec());
    tenant(stage, "writer", ("acme-corp", "a"), (2_000, 70, 90), vec![put(3), create]);
    stage.mark_when("read-only.written", answered("writer", inside));
    tenant(stage, "under-way", ("delta", "b"), (2_500, 30, 30), vec![put(5), put(6)]);
    stage.mark_when(
        "read-only.under-way",
        answered("under-way", |answer| {
            answer.status == 200 && answer.intended < MODE.0 && answer.intended + answer.took > MODE.0
        }),
    );
    tenant(stage, "restarted", ("acme-corp", "a"), (4_000, 40, 40), vec![put(7), put(8)]);
    stage.mark_when("read-only.started-meanwhile", answered("restarted", inside));
    auditor(stage);
    stage.mark_when("read-only.audited", answered("auditor", inside));
    tenant(
        stage,
        "watched",
        ("acme-corp", "a"),
        (3_200, 20, 110),
        vec![(Method::Get, "/v1/records/1".into(), Vec::new())],
    );
    stage.mark_when("read-only.decided", answered("watched", |answer| answer.status == 200 && inside(answer)));
    tenant(stage, "cut-off", ("delta", "b"), (5_400, 60, 50), vec![put(9), put(10)]);
    stage.mark_when(
        "read-only.end-unheard",
        answered("cut-off", |answer| answer.intended > MODE.1 && answer.reason == Reason::ReadOnly.code()),
    );
}

/// Whether a request was meant for a time at which the mode is in force.
fn inside(answer: &Answer) -> bool {
    (IN_FORCE..MODE.1).contains(&answer.intended)
}

/// Whether a fact is such an answer to one of the players.
fn answered(name: &'static str, such: impl Fn(&Answer) -> bool + 'static) -> impl FnMut(&Fact) -> bool + 'static {
    let principal = format!("attacker/{name}");
    move |fact| matches!(fact, Fact::Answered(answer) if *answer.principal == *principal && such(answer))
}

/// A principal that asks for what it may, with a drawn one of these, from a time on, so often, so many milliseconds
/// apart.
fn tenant(
    stage: &mut Stage<'_>,
    name: &'static str,
    (tenant, cell): (&'static str, &'static str),
    (wait, tries, gap): (u64, u32, u64),
    asks: Vec<(Method, String, Vec<u8>)>,
) {
    stage.attacker(name, Some(tenant), "SRV-10", false, move |d| {
        let region = if cell == "a" { "EU" } else { "US" };
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let mut it = Intruder::new(idp, gateway, tenant, region, "read-only.asked");
        it.asks.clone_from(&asks);
        (it.wait, it.tries, it.gap) = (Duration::millis(wait), tries, Duration::millis(gap));
        Box::new(it)
    });
}

/// A principal that goes on saying what happens, in events for its tenant's audit topic.
fn auditor(stage: &mut Stage<'_>) {
    let filler = stage.own_marker("acme-corp");
    stage.attacker("auditor", Some("acme-corp"), "SRV-10", false, move |d| {
        let (idp, gateway) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut login = Intruder::new(idp, gateway, "acme-corp", "EU", "read-only.asked");
        login.wait = Duration::millis(3_200);
        let shot = Shot::Event { domain: "audit", filler: filler.clone() };
        Box::new(Flood { login, gap: Duration::millis(110), requests: 20, records: 1, shot })
    });
}

/// Faults that keep no write on its way for longer than its service waits for it: whoever gives up on a database does
/// not know what it will still do, and a mode at the service alone cannot know better.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let inside = |cell: &str| Target::link(Target::Group(cell.into()), Target::Group(cell.into()));
    let links = || vec![inside("cell-a"), inside("cell-b")];
    let mut allow = |kind, targets: Vec<Target>, strength| {
        let (length, on_ppm, takes_copy) = ((ms(1_500), ms(4_000)), 300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    allow("delay", links(), (300, 4_000));
    allow("duplicate", links(), (20_000, 200_000));
    allow("reorder", links(), (20_000, 200_000));
    allow("slow", vec![Target::Node("cell-a/cache".into())], (2, 5));
}
