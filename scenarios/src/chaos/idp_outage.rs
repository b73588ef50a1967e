//! Chaos: the identity provider is away, answers late, or answers garbage, and a stolen key is taken back meanwhile.
//!
//! What a gateway knows of keys is good for a stated time and no longer. The default of this platform is to refuse
//! then: a key that nobody can confirm might be the one that was taken back.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::gateway::token::JWKS_STALE;
use models::idp::forge;
use models::idp::keys::SigningKey;
use models::luck;
use models::oracles::availability::Promise;
use models::platform::{self, ISSUER};
use models::saas::Saas;
use models::wire::Wire;
use models::wire::http::Reason;
use models::wire::oidc::OidcAnswer;
use sim::fault::Target;
use sim::oracle::{Always, Seen};
use sim::record::{Finding, Vantage};
use sim::seed::below;
use sim::swarm::Allowance;
use sim::{Duration, Instant};
use std::marker::PhantomData;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/idp-outage",
    title: "While nobody can ask the identity provider nobody is let in, and afterwards everybody by themselves",
    threat: "The key that signs tokens is found to be stolen and taken back. Before the news can reach any gateway, \
             the provider of one cell loses power and comes back behind a proxy that answers garbage, and the answers \
             of the other cell's take seconds. The thief goes on signing. When the bound on fetched keys is over \
             nobody is served, thief or not; when the provider can be asked again, all but the thief are, without a \
             restart.",
    stride: None,
    requirements: &["IDN-09"],
    variants: &[
        Variant { name: "unheard", mark: "idp-outage.stolen-key-shown", controls: &[sole(&JWKS_STALE)] },
        Variant { name: "late", mark: "idp-outage.stolen-key-shown-to-late", controls: &[sole(&JWKS_STALE)] },
        Variant { name: "broken-proxy", mark: "idp-outage.garbage-answered", controls: &[] },
    ],
    canary: false,
    build,
};

/// A fetched key set is good for so long; gateways fetch at half of it.
const JWKS: Duration = Duration::millis(1_500);
/// Answers of cell B's provider take so long meanwhile, in microseconds. None overtakes another, so the last of them
/// still hold up those behind them a little after [`BACK_AT`].
const LATE: (Instant, Instant, u64) = (Instant(2_000_000_000), Instant(3_600_000_000), 2_500_000);
/// The key is taken back, between two fetches.
const STOLEN_AT: Instant = Instant(2_200_000_000);
/// Cell A's provider loses power.
const DOWN_AT: Instant = Instant(2_300_000_000);
/// It is there again, behind a proxy that answers garbage.
const GARBAGE_FROM: Instant = Instant(5_000_000_000);
/// Both providers can be asked again.
const BACK_AT: Instant = Instant(6_000_000_000);
/// What a fetch may be late, and a request be on its way.
const SLACK: Duration = Duration::millis(400);
/// From here on until [`BACK_AT`] nobody is served.
const CLOSED_FROM: Instant = Instant(DOWN_AT.0 + JWKS.0 + SLACK.0);
/// Then keys are fetched, and tokens of the lost key replaced, within this.
const RECOVERY: Duration = Duration::millis(1_300);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.platform(|platform| platform.ttls.jwks = JWKS);
    let node = |role: &str| Target::Node(role.into());
    stage.signing_key_stolen(STOLEN_AT);
    stage.fault("crash", node("cell-a/idp"), DOWN_AT, GARBAGE_FROM, 0);
    stage.fault("delay", Target::link(node("cell-b/idp"), node("edge-b")), LATE.0, LATE.1, LATE.2);
    stage.attacker("broken-proxy", None, "IDN-09", true, |_| Box::new(BrokenProxy::default()));
    stage.position("cell-a/idp", "edge-a", "broken-proxy");
    thief(stage, "unheard", ("acme-corp", "EU", "a"), "idp-outage.stolen-key-shown");
    thief(stage, "late", ("delta", "US", "b"), "idp-outage.stolen-key-shown-to-late");
    weather(stage);
    stage.promise(Promise {
        requirement: "IDN-09",
        good_ppm: 990_000,
        p95: Duration::millis(1_500),
        window: (BACK_AT + RECOVERY, stage.acts.traffic_until),
        tenants: Vec::new(),
        refusal_is_kept: false,
    });
    stage.oracle(|_| Box::new(Always { name: "closed", vantages: &[Vantage::Client], check, words: PhantomData }));
}

/// Whoever stole the key, and signs tokens of a tenant with it. It comes when every gateway's keys must be too old.
fn thief(
    stage: &mut Stage<'_>,
    name: &'static str,
    (tenant, region, cell): (&'static str, &'static str, &'static str),
    mark: &'static str,
) {
    stage.attacker(name, Some(tenant), "IDN-09", true, move |d| {
        let stolen = SigningKey::new(&platform::idp_key_role(ISSUER), 0, Instant::ZERO);
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let mut thief = Intruder::new(idp, gateway, tenant, region, mark);
        (thief.wait, thief.tries, thief.gap) = (CLOSED_FROM.since(Instant::ZERO), 24, Duration::millis(150));
        Box::new(thief.crafting_at(move |token, now| {
            let claims = forge::renewed(&forge::claims_of(token)?, now.unix_seconds());
            Some(bearer(&forge::signed_by(&stolen, &claims)))
        }))
    });
}

/// Faults that keep nobody from the providers for as long as the bound by themselves, and no clocks: times are the
/// story here.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let node = |role: &str| Target::Node(role.into());
    let inside = |cell: &str| Target::link(Target::Group(cell.into()), Target::Group(cell.into()));
    let mut allow = |kind, targets: Vec<Target>, strength| {
        let (length, on_ppm, takes_copy) = ((ms(1_500), ms(4_000)), 300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    let links = || vec![inside("cell-a"), inside("cell-b")];
    allow("delay", links(), (300, 4_000));
    allow("duplicate", links(), (20_000, 200_000));
    allow("reorder", links(), (20_000, 200_000));
    allow("delay", vec![Target::link(node("edge-a"), node("cell-a/idp"))], (5_000, 60_000));
    allow("slow", vec![node("cell-b/idp")], (2, 5));
}

/// Nobody is let in while it is closed, and nobody with a genuine token kept out when it is not.
fn check(seen: &Seen<'_, Saas>) -> Option<Finding> {
    let Fact::Answered(answer) = seen.fact else { return None };
    let served = (200..300).contains(&answer.status);
    let refused = answer.reason == Reason::Unauthenticated.code() && answer.principal.starts_with("client/");
    let message = if served && (CLOSED_FROM..BACK_AT - SLACK).contains(&answer.intended) {
        format!("{} was let in by keys that nobody could confirm: {}", answer.principal, answer.what)
    } else if refused && !(LATE.0..BACK_AT + RECOVERY).contains(&answer.intended) {
        format!("{} was refused with a genuine token, and the provider could be asked", answer.principal)
    } else {
        return None;
    };
    Some(Finding {
        requirement: "IDN-09".into(),
        oracle: "closed".into(),
        vantage: Vantage::Client,
        tenant: answer.tenant.as_deref().map(Into::into),
        node: seen.role.into(),
        at_ns: seen.at.0,
        cause: format!("{:016x}", seen.cause),
        message,
    })
}

/// What a provider stands behind after its outage: it answers, and what it answers is no key set of anybody's.
#[derive(Default)]
struct BrokenProxy {
    answers: u64,
}

impl Script for BrokenProxy {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        let Event::Intercepted(from, to, word) = event else { return };
        let word = match word {
            Wire::OidcAnswer(id, OidcAnswer::Jwks(keys)) if (GARBAGE_FROM..BACK_AT).contains(&kit.ctx.now()) => {
                self.answers += 1;
                let garbage = if kit.goes(self.answers) { garbage(kit, &keys) } else { keys };
                Wire::OidcAnswer(id, OidcAnswer::Jwks(garbage))
            }
            other => other,
        };
        kit.out.send_as(from, to, word);
    }
}

/// An error page, half of a key set, or an empty one.
fn garbage(kit: &mut Kit<'_, '_>, keys: &Arc<str>) -> Arc<str> {
    kit.mark("idp-outage.garbage-answered");
    match below(kit.draw(luck::ATTACK), 3) {
        0 => "<html><body>502 Bad Gateway</body></html>".into(),
        1 => keys[..keys.len() / 2].into(),
        _ => r#"{"keys":[]}"#.into(),
    }
}
