//! Abuse: tokens of somebody's login lie in two hands, and nothing about them is wrong.
//!
//! They are alive, genuine, meant for this gateway, and bound to nobody or to a key of which there is a copy too. Only
//! how they are used gives it away: by a second client, at two places at once, or twice.

use crate::actors::session::{Burglar, Owner, Uses};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::token::TOKEN_REVOCATION;
use models::sentinel::machine::{SESSION_END, SESSION_REVOCATION};
use models::sentinel::watch::{IMPOSSIBLE_TRAVEL, SECOND_CLIENT};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/session-theft",
    title: "Who uses a copy of somebody's login is noticed by that, and is out within a second",
    threat: "Of four logins somebody has a copy: of an access token, which he uses from his own machine; of a token \
             and of the key of its machine, which he uses at another gateway of the region; of a refresh token, which \
             he uses before its owner does; and of both tokens, where he goes on with the second when the first is \
             taken back. The owners work on. The sentinel that notices all this loses power.",
    stride: None,
    requirements: &["IDN-02"],
    variants: &[
        Variant {
            name: "copied-access",
            mark: "session-theft.access-used",
            controls: &[sole(&SECOND_CLIENT), sole(&TOKEN_REVOCATION)],
        },
        Variant {
            name: "copied-machine",
            mark: "session-theft.used-at-two-places",
            controls: &[sole(&IMPOSSIBLE_TRAVEL)],
        },
        Variant { name: "first-refresh", mark: "session-theft.refresh-used-first", controls: &[sole(&SESSION_END)] },
        Variant { name: "copied-both", mark: "session-theft.both-used", controls: &[sole(&SESSION_REVOCATION)] },
        // Whoever is thrown out with the thief logs in anew, and is served.
        Variant { name: "back", mark: "session-theft.owner-back", controls: &[] },
    ],
    canary: false,
    build,
};

const fn ms(n: u64) -> Instant {
    Instant(n * 1_000_000)
}

/// Copies are used from here on.
const USED_AT: Instant = ms(4_000);
/// Whoever uses one is noticed at once, and out a second later: twice the time in which news go around.
const BOUND: Duration = Duration::millis(1_000);
/// Somebody who uses a refresh token first is noticed when its owner uses it, who does so every second.
const BOUND_OF_REFRESH: Duration = Duration::millis(2_300);
/// The sentinel has no power, when it knows of all four.
const SENTINEL_DOWN: (Instant, Instant) = (ms(6_350), ms(6_600));
/// Nobody is at two gateways of a region within so long.
const TRAVEL: Duration = Duration::secs(900);

fn build(stage: &mut Stage<'_>) {
    stage.acts.safety_until = ms(7_000);
    stage.acts.traffic_until = ms(11_500);
    stage.acts.verify_from = ms(12_000);
    stage.acts.end = ms(14_500);
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.sentinels(TRAVEL);
    stage.platform(|platform| {
        let mut other = platform.edges[0].clone();
        other.id = "edge-c".into();
        platform.edges.push(other);
    });
    stage.fault("crash", Target::Node("cell-a/sentinel".into()), SENTINEL_DOWN.0, SENTINEL_DOWN.1, 0);
    for (name, owner, uses, edge, mark) in [
        ("copied-access", "owner-1", Uses::Access, "edge-a", "session-theft.access-used"),
        ("copied-machine", "owner-2", Uses::Access, "edge-c", "session-theft.used-at-two-places"),
        ("first-refresh", "owner-3", Uses::Refresh, "edge-a", "session-theft.refresh-used-first"),
        ("copied-both", "owner-4", Uses::Both, "edge-a", "session-theft.both-used"),
    ] {
        own(stage, owner, uses == Uses::Refresh);
        let loot = stage.loot.clone();
        let bound = if uses == Uses::Refresh { BOUND_OF_REFRESH } else { BOUND };
        stage.renegade(name, "acme", "IDN-02", USED_AT + bound, move |d| {
            let mut burglar = Burglar::new((d.node("cell-a/idp"), d.node(edge)), loot.clone(), owner, uses);
            (burglar.wait, burglar.mark) = (USED_AT.since(Instant::ZERO), mark);
            Box::new(burglar)
        });
    }
    // With the key of the machine he is nobody else to a gateway.
    stage.copies_machine("copied-machine", "owner-2");
    stage.copies_machine("first-refresh", "owner-3");
    weather(stage);
}

fn own(stage: &mut Stage<'_>, name: &'static str, refreshes: bool) {
    let loot = stage.loot.clone();
    stage.attacker(name, Some("acme"), "IDN-02", false, move |d| {
        let mut owner = Owner::new((d.node("cell-a/idp"), d.node("edge-a")), "acme", loot.clone(), name);
        (owner.refreshes, owner.back) = (refreshes, "session-theft.owner-back");
        Box::new(owner)
    });
}

/// Faults that hold up no word for as long as the bound.
fn weather(stage: &mut Stage<'_>) {
    let span = Duration::millis;
    let node = |role: &str| Target::Node(role.into());
    let inside = || Target::link(Target::Group("cell-a".into()), Target::Group("cell-a".into()));
    let mut allow = |kind, targets: Vec<Target>, strength| {
        let (length, on_ppm, takes_copy) = ((span(1_500), span(4_000)), 300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    allow("delay", vec![inside()], (300, 4_000));
    allow("duplicate", vec![inside()], (20_000, 200_000));
    allow("reorder", vec![inside()], (20_000, 200_000));
    allow("slow", vec![node("cell-a/sentinel"), node("cell-a/idp")], (2, 5));
}
