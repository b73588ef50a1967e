//! Chaos: the keys that sign tokens follow each other under load, and one that was retired is found in a backup.
//!
//! Tokens live for two seconds here, so every client meets every rotation; and gateways fetch keys often enough to know
//! each before they meet it.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::gateway::token::keys::JWKS_REPLACE;
use models::idp::forge;
use models::idp::keys::{KEY_ANNOUNCEMENT, KEY_RETIREMENT, SigningKey};
use models::oracles::genuine::Genuine;
use models::platform::{self, ISSUER};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/key-rotation",
    title: "Signing keys follow each other without an outage, and a retired one opens no door",
    threat: "The providers rotate the keys that sign tokens while everybody works, each on its own clock. Nobody with \
             a genuine token may be refused for it. The first key lies in a backup; after it was retired somebody \
             finds it there, signs tokens for a tenant with it, and comes with them as often as it takes.",
    stride: None,
    requirements: &["IDN-04"],
    variants: &[
        Variant { name: "followed", mark: "rotation.key-announced", controls: &[sole(&KEY_ANNOUNCEMENT)] },
        Variant {
            name: "retired",
            mark: "rotation.retired-key-shown",
            controls: &[sole(&KEY_RETIREMENT), sole(&JWKS_REPLACE)],
        },
    ],
    canary: false,
    build,
};

const SECOND: Duration = Duration::secs(1);
/// A new key is announced every so often, the first at two seconds.
const SIGNING_KEY: Duration = Duration::secs(2);
/// A key is published for so long after its successor signs: as long as a token lives, with its leeway.
const RETIRED: Duration = Duration::secs(3);
/// Keys that were not fetched for so long open nothing, and a key is announced so long before it signs.
const JWKS: Duration = SECOND;
/// The first key is announced its successor, which then signs; its own time is over; the gateways fetch again, late.
const FORGOTTEN: Instant = Instant(7_000_000_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.platform(|platform| {
        platform.tokens.access = SECOND * 2;
        platform.tokens.leeway = SECOND;
        platform.tokens.signing_key = SIGNING_KEY;
        platform.tokens.retired_key = RETIRED;
        platform.ttls.jwks = JWKS;
    });
    weather(stage);
    stage.mark_when("rotation.key-announced", |fact| {
        matches!(fact, Fact::Reported { by: "idp", what: "key-announced", .. })
    });
    stage.attacker("retired", Some("acme-corp"), "IDN-04", true, |d| {
        let first = SigningKey::new(&platform::idp_key_role(ISSUER), 0, Instant::ZERO);
        let mut thief =
            Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", "rotation.retired-key-shown");
        thief.lifetime = SECOND * 2;
        thief.wait = FORGOTTEN.since(Instant::ZERO);
        thief.gap = Duration::millis(150);
        Box::new(thief.crafting_at(move |token, now| {
            let claims = forge::renewed(&forge::claims_of(token)?, now.unix_seconds());
            Some(bearer(&forge::signed_by(&first, &claims)))
        }))
    });
    stage.oracle(|_| Box::new(Genuine { requirement: "IDN-04" }));
}

/// The usual faults, but for clocks at the doors: tokens live for two seconds here, and honest clocks differ by less.
/// Nor is the way to the provider closed for as long as fetched keys are good: that would be an outage (IDN-09).
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    stage.without("clock-skew");
    stage.without("swizzle-clog");
    for (kind, role) in [("clock-skew", "edge-b"), ("clock-skew", "cell-b/idp"), ("clock-lag", "cell-a/idp")] {
        stage.allow(Allowance {
            kind,
            targets: vec![Target::Node(role.into())],
            length: (Duration::millis(1_500), Duration::millis(4_000)),
            strength: (20, 200),
            on_ppm: 300_000,
            takes_copy: false,
        });
    }
}
