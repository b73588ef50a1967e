//! Chaos: the mesh CA of a cell is down when certificates are due, and clocks are wrong.
//!
//! In one cell the outage is shorter than the time for renewal: nobody may notice. In the other it outlives the
//! certificates: nobody is believed there any longer, and service comes back with the CA, without a restart. Both times
//! an intermediate is due as well. Before all that, two workloads were found to be broken into and taken back.

use crate::actors::{Defector, Pod};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::mesh::verify::REVOCATION;
use models::oracles::availability::Promise;
use models::platform::trust_domain;
use models::wire::svid::SpiffeId;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/ca-outage",
    title: "Certificates rotate around a CA that is down, and one that was taken back opens no door",
    threat: "Two gateway instances were broken into; their certificates are genuine, alive, and taken back. They go on \
             dialling a service at home and one in the other cell, and go on asking their CA for the next \
             certificate. Then both CAs lose power just before every certificate and an intermediate are due; clocks \
             are wrong. One CA is back in time. The other is not: there, nobody is served until it is back.",
    stride: None,
    requirements: &["IDN-06"],
    variants: &[
        Variant { name: "revoked-at-home", mark: "ca-outage.dialled-at-home", controls: &[sole(&REVOCATION)] },
        Variant { name: "revoked-abroad", mark: "ca-outage.dialled-abroad", controls: &[sole(&REVOCATION)] },
        // The longer outage was long enough: certificates died, and their holders were refused.
        Variant { name: "outlived", mark: "ca-outage.certificate-died", controls: &[] },
    ],
    canary: false,
    build,
};

/// Certificates live so long. Ends are whole seconds, so those of the first second all end at five.
const SVID: Duration = Duration::secs(4);
/// And are renewed so long before their end: from three and a half seconds on.
const RENEW_BEFORE: Duration = Duration::millis(1_500);
/// An intermediate is followed by the next at half of this.
const INTERMEDIATE: Duration = Duration::secs(7);
/// How often bundles are fetched; a workload of the other cell's learns of them after two of these.
const TRUST_BUNDLE: Duration = Duration::millis(500);
/// The two are taken back.
const REVOKED_AT: Instant = Instant(1_000_000_000);
/// What clocks may be wrong here, and a fetch late.
const SLACK: Duration = Duration::millis(700);
/// Cell A's CA is down, and back before certificates die.
const SHORT: (Instant, Instant) = (Instant(3_000_000_000), Instant(4_200_000_000));
/// Cell B's CA is down, and certificates die.
const LONG: (Instant, Instant) = (Instant(3_000_000_000), Instant(6_500_000_000));

const GATEWAY: &str = "/ns/edge/sa/gateway";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.platform(|platform| {
        platform.tokens.svid = SVID;
        platform.tokens.svid_renew_before = RENEW_BEFORE;
        platform.tokens.intermediate = INTERMEDIATE;
        platform.tokens.trust_bundle = TRUST_BUNDLE;
    });
    let node = |role: &str| Target::Node(role.into());
    stage.fault("crash", node("cell-a/mesh-ca"), SHORT.0, SHORT.1, 0);
    stage.fault("crash", node("cell-b/mesh-ca"), LONG.0, LONG.1, 0);
    // Who is ahead sees certificates die early, who is behind renews late.
    stage.fault("clock-skew", node("edge-a"), Instant(500_000_000), stage.acts.safety_until, 300);
    stage.fault("clock-lag", node("cell-a/app-2"), Instant(500_000_000), stage.acts.safety_until, 300);
    defector(stage, "revoked-at-home", "ca-outage.dialled-at-home", ("cell-a/app-1", "acme"), TRUST_BUNDLE);
    defector(stage, "revoked-abroad", "ca-outage.dialled-abroad", ("cell-b/app-1", "beta"), TRUST_BUNDLE * 2);
    weather(stage);
    stage.mark_when("ca-outage.certificate-died", |fact| {
        matches!(fact, Fact::Decided { by: "mesh", allowed: false, reason: "expired", .. })
    });
    stage.promise(Promise {
        requirement: "IDN-06",
        // Some ninety requests a tenant: one whose answer is on its way when a link ends must not convict.
        good_ppm: 960_000,
        p95: Duration::millis(1_500),
        window: (SHORT.0, stage.acts.traffic_until),
        tenants: vec!["acme".into(), "acme-corp".into()],
        refusal_is_kept: false,
    });
}

/// A gateway instance of cell A that was broken into. Until the news of that can have reached the door, it is one.
fn defector(
    stage: &mut Stage<'_>,
    name: &'static str,
    mark: &'static str,
    (door, tenant): (&'static str, &'static str),
    bound: Duration,
) {
    stage.enrol(name, "cell-a", GATEWAY, Some(REVOKED_AT));
    stage.renegade(name, tenant, "IDN-06", REVOKED_AT + bound + SLACK, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), GATEWAY).expect("the path is written here");
        let door = d.node(door);
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, SVID, move |identity| {
            let mut pod = Pod::new(door, identity, tenant, mark);
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(600), 20, Duration::millis(310));
            pod
        }))
    });
}

/// Faults that take nobody's service away: clocks of callers and called, and a slow way to the CAs. Nothing is lost on
/// it, or the news of a revocation might wait for the CA behind its outage.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let node = |role: &str| Target::Node(role.into());
    let group = |name: &str| Target::Group(name.into());
    let mut allow = |kind, targets: Vec<Target>, strength| {
        let (length, on_ppm, takes_copy) = ((ms(1_500), ms(4_000)), 300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    let links = || vec![Target::link(group("cell-a"), group("cell-a")), Target::link(group("cell-b"), group("cell-b"))];
    let to_ca = |cell: &str| Target::link(group(cell), node(&format!("{cell}/mesh-ca")));
    allow("delay", links(), (300, 4_000));
    allow("duplicate", links(), (20_000, 200_000));
    allow("reorder", links(), (20_000, 200_000));
    allow("delay", vec![to_ca("cell-a"), to_ca("cell-b")], (20_000, 150_000));
    allow("clock-skew", vec![node("cell-a/app-1"), node("cell-b/app-1"), node("cell-a/cache")], (50, 400));
    allow("clock-lag", vec![node("cell-a/policy"), node("cell-b/policy"), node("edge-b")], (50, 400));
    allow("clock-drift", vec![node("cell-a/mesh-ca"), node("cell-b/mesh-ca")], (200, 20_000));
}
