//! Chaos: every clock is wrong, each in its own way, while tokens and certificates live for seconds.
//!
//! In cell A the provider is ahead and the gateway behind: a new token has not begun yet where it is shown. In cell B
//! it is the other way round: a token ends at the gateway while its holder counts on it. Certificates are due while the
//! CA of cell A is away; it is back for a moment, and away again when the old ones end.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::gateway::token::{CLOCK_LEEWAY, JWT_EXPIRY};
use models::oracles::availability::Promise;
use models::oracles::genuine::Genuine;
use models::platform::sidecar::identity::RENEW_EARLY;
use models::platform::trust_domain;
use models::wire::svid::SpiffeId;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/clock-skew",
    title: "Clocks that differ refuse nobody who is genuine, and lengthen nobody's token beyond the stated bound",
    threat: "Providers, gateways, CAs and services disagree about the time by up to two seconds, some of them more and \
             more. Tokens live for four seconds and certificates as well, so everybody meets every end of both. \
             Somebody keeps a token of its own beyond its end and comes with it where the clock is behind.",
    stride: None,
    requirements: &["IDN-01", "IDN-02", "IDN-06"],
    variants: &[
        Variant { name: "apart", mark: "clock-skew.token-from-ahead", controls: &[sole(&CLOCK_LEEWAY)] },
        Variant { name: "due", mark: "clock-skew.certificate-renewed", controls: &[sole(&RENEW_EARLY)] },
        Variant { name: "kept", mark: "clock-skew.old-token-shown", controls: &[sole(&JWT_EXPIRY)] },
    ],
    canary: false,
    build,
};

const SECOND: Duration = Duration::secs(1);
/// How far ahead and behind those clocks are that decide about tokens: together less than the leeway.
const AHEAD_MS: u64 = 1_100;
const BEHIND_MS: u64 = 700;
/// What all other clocks may be wrong, in milliseconds: certificates are dated back by more.
const OTHERS_MS: u64 = 300;
/// Tokens are good for so long after their end, by the clock of who looks.
const LEEWAY: Duration = Duration::secs(2);
/// Certificates live so long, and are renewed so long before their end: from three and a half seconds on.
const SVID: Duration = Duration::secs(4);
const RENEW_BEFORE: Duration = Duration::millis(1_500);
/// Cell A's CA is away when certificates become due, and back in time.
const DUE: (Instant, Instant) = (Instant(3_000_000_000), Instant(4_200_000_000));
/// And away again when the first certificates end, at five seconds; those of the second generation are not due yet.
const ENDING: (Instant, Instant) = (Instant(4_800_000_000), Instant(6_900_000_000));
/// The thief's token lives so long, is fetched in the first second, and is good nowhere any longer at the latest then.
const KEPT: Duration = Duration::secs(1);
const USELESS: Instant = Instant(6_500_000_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.platform(|platform| {
        platform.tokens.access = SECOND * 4;
        platform.tokens.leeway = LEEWAY;
        platform.tokens.svid = SVID;
        platform.tokens.svid_renew_before = RENEW_BEFORE;
    });
    clocks(stage);
    let away = |stage: &mut Stage<'_>, (from, until)| {
        stage.fault("crash", Target::Node("cell-a/mesh-ca".into()), from, until, 0);
    };
    away(stage, DUE);
    away(stage, ENDING);
    // The gateway's second certificate: nobody else has its id.
    let gateway = SpiffeId::new(&trust_domain("cell-a"), "/ns/edge/sa/gateway").expect("the path is written here");
    let mut issued = 0;
    stage.mark_when("clock-skew.certificate-renewed", move |fact| {
        let of_gateway = matches!(fact, Fact::Decided { by: "mesh-ca", allowed: true, subject, .. }
            if **subject == *gateway.as_str());
        issued += u32::from(of_gateway);
        of_gateway && issued > 1
    });
    // Who is served in cell A showed a token of the provider that is ahead to the gateway that is behind.
    stage.mark_when(
        "clock-skew.token-from-ahead",
        |fact| matches!(fact, Fact::Answered(answer) if *answer.principal == *"client/acme"),
    );
    stage.attacker("kept", Some("acme-corp"), "IDN-02", true, |d| {
        let (idp, door) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut thief = Intruder::new(idp, door, "acme-corp", "EU", "clock-skew.old-token-shown");
        (thief.lifetime, thief.gap) = (KEPT, Duration::millis(150));
        thief.wait = USELESS.since(Instant::ZERO);
        Box::new(thief)
    });
    stage.oracle(|_| Box::new(Genuine { requirement: "IDN-01" }));
    stage.promise(Promise {
        requirement: "IDN-06",
        good_ppm: 960_000,
        p95: Duration::millis(1_200),
        window: (DUE.0, stage.acts.traffic_until),
        tenants: vec!["acme".into(), "acme-corp".into()],
        refusal_is_kept: false,
    });
}

/// Whose clock is wrong, and the other faults: those that take nobody's service away.
fn clocks(stage: &mut Stage<'_>) {
    let node = |role: &str| Target::Node(role.into());
    let (from, until) = (Instant::ZERO, stage.acts.safety_until);
    for (ahead, behind) in [("cell-a/idp", "edge-a"), ("edge-b", "cell-b/idp")] {
        stage.fault("clock-skew", node(ahead), from, until, AHEAD_MS);
        stage.fault("clock-lag", node(behind), from, until, BEHIND_MS);
    }
    stage.usual_weather();
    for kind in ["loss", "bandwidth", "clog", "swizzle-clog", "crash", "pause", "slow", "torn-write", "clock-skew"] {
        stage.without(kind);
    }
    let cells = ["app-1", "app-2", "policy", "cache", "postgres-1", "kafka-1", "mesh-ca"];
    for kind in ["clock-skew", "clock-lag"] {
        for cell in ["cell-a", "cell-b"] {
            stage.allow(Allowance {
                kind,
                targets: cells.iter().map(|role| node(&format!("{cell}/{role}"))).collect(),
                length: (Duration::millis(1_500), Duration::millis(4_000)),
                strength: (20, OTHERS_MS),
                on_ppm: 500_000,
                takes_copy: false,
            });
        }
    }
}
