//! Chaos: policy agents are cut off from their config service while a permission is withdrawn.
//!
//! One cell's agent is cut off by the network; in front of the other's somebody stands who passes on old news only. An
//! agent cannot know what it has not heard: so past its bound it answers no, to everybody, and says so.

use crate::actors::Intruder;
use crate::actors::attacker::{Event, Kit, Script};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::machine::undecided::POLICY_REQUIRED;
use models::fact::Fact;
use models::oracles::availability::Promise;
use models::policy::agent::FAIL_CLOSED;
use models::wire::Wire;
use models::wire::http::{Method, Reason};
use models::wire::policy::SignedBundle;
use sim::fault::Target;
use sim::oracle::{Always, Seen};
use sim::record::{Finding, Vantage};
use sim::swarm::Allowance;
use sim::{Duration, Instant};
use std::marker::PhantomData;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/stale-policy",
    title: "An agent that hears no news of its policy stops saying yes, and starts again by itself",
    threat: "In one cell the policy agent is cut off from its config service; in the other, whoever holds the way \
             between them passes on only what was signed before. Meanwhile a permission is withdrawn in both, and its \
             principal goes on asking. Past the bound nobody is served there, and everybody is told why (503); when \
             news come through again, everybody is served without a restart. For a while the services of one cell \
             cannot reach their agent at all, and somebody asks for what was never permitted.",
    stride: None,
    requirements: &["POL-02"],
    variants: &[
        Variant { name: "cut-off", mark: "stale.asked-when-cut-off", controls: &[sole(&FAIL_CLOSED)] },
        Variant { name: "old-news", mark: "stale.asked-on-old-news", controls: &[sole(&FAIL_CLOSED)] },
        Variant { name: "unanswered", mark: "stale.unanswered", controls: &[sole(&POLICY_REQUIRED)] },
    ],
    canary: false,
    build,
};

/// The record whose label is withdrawn, and the label.
const RECORD: (u32, &str) = (904, "financial");
/// A record whose label was never permitted, and the label.
const NEVER: (u32, &str) = (905, "health");
/// Nothing passes between cell A's config service and its agent, and cell B's agent hears old news only.
const CUT: (Instant, Instant) = (Instant(2_000_000_000), Instant(6_000_000_000));
/// Nothing passes between cell B's agent and the services that ask it. It is over before old news are too old.
const ALONE: (Instant, Instant) = (Instant(2_500_000_000), Instant(4_300_000_000));
/// The permission is withdrawn.
const WITHDRAWN_AT: Instant = Instant(2_400_000_000);
/// The bound: an older policy does not decide.
const STALE: Duration = Duration::millis(1_500);
/// What the clocks of signer and agent may be apart in this weather, and a poll late.
const SLACK: Duration = Duration::millis(1_000);
/// When nothing is in the way any longer, this is enough for an agent to hear news and say yes again.
const RECOVERY: Duration = Duration::millis(1_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.platform(|platform| {
        platform.ttls.policy_poll = Duration::millis(250);
        platform.ttls.policy_stale = STALE;
    });
    stage.policy(Instant::ZERO, |tenants| {
        tenants.tenants.iter_mut().for_each(|tenant| tenant.labels.push(RECORD.1.into()));
    });
    stage.policy(WITHDRAWN_AT, |_| {});
    let node = |role: &str| Target::Node(role.into());
    stage.fault("partition", Target::link(node("cell-a/config"), node("cell-a/policy")), CUT.0, CUT.1, 0);
    stage.attacker("withholder", None, "POL-02", true, |_| Box::new(Withholder::default()));
    stage.position("cell-b/config", "cell-b/policy", "withholder");
    for app in ["cell-b/app-1", "cell-b/app-2"] {
        stage.fault("partition", Target::link(node(app), node("cell-b/policy")), ALONE.0, ALONE.1, 0);
    }
    asker(stage, "cut-off", "acme-corp", "EU", "stale.asked-when-cut-off");
    asker(stage, "old-news", "delta", "US", "stale.asked-on-old-news");
    unanswered(stage);
    weather(stage);
    stage.promise(Promise {
        requirement: "POL-02",
        good_ppm: 990_000,
        p95: Duration::millis(1_500),
        window: (CUT.1 + RECOVERY, stage.acts.traffic_until),
        tenants: Vec::new(),
        refusal_is_kept: false,
    });
    stage.oracle(|_| Box::new(Always { name: "fail-closed", vantages: &[Vantage::Client], check, words: PhantomData }));
}

/// Faults that by themselves keep no agent from its news for as long as its bound; clocks are apart by less than
/// [`SLACK`] together.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let node = |role: &str| Target::Node(role.into());
    let inside = |cell: &str| Target::link(Target::Group(cell.into()), Target::Group(cell.into()));
    let pair = |one: &str, other: &str| vec![node(one), node(other)];
    let mut allow = |kind, targets: Vec<Target>, length, strength| {
        let (on_ppm, takes_copy) = (300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    let links = || vec![inside("cell-a"), inside("cell-b")];
    let (long, below_bound) = ((ms(1_500), ms(4_000)), (ms(200), ms(600)));
    allow("delay", links(), long, (300, 4_000));
    allow("duplicate", links(), long, (20_000, 200_000));
    allow("reorder", links(), long, (20_000, 200_000));
    allow("clock-skew", pair("cell-a/config", "cell-b/policy"), long, (50, 400));
    allow("clock-lag", pair("cell-b/config", "cell-a/policy"), long, (50, 400));
    allow("pause", pair("cell-a/config", "cell-b/config"), below_bound, (0, 0));
}

/// A principal whose tenant lost a permission, and that goes on asking for what it had.
fn asker(stage: &mut Stage<'_>, name: &'static str, tenant: &'static str, region: &'static str, mark: &'static str) {
    stage.special(tenant, RECORD.0, ("audit", 1, RECORD.1));
    stage.forbid(tenant, RECORD.0, WITHDRAWN_AT + STALE + SLACK, "POL-02");
    let cell = if region == "EU" { "a" } else { "b" };
    stage.attacker(name, Some(tenant), "POL-02", false, move |d| {
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let path = format!("/v1/records/{}", RECORD.0);
        let mut asker = Intruder::new(idp, gateway, tenant, region, mark).asking(&[(Method::Get, &path, "")]);
        asker.wait = Duration::millis(1_500);
        asker.tries = 80;
        asker.gap = Duration::millis(100);
        Box::new(asker)
    });
}

/// A principal that asks for what its tenant was never permitted, while nobody can say so.
fn unanswered(stage: &mut Stage<'_>) {
    let mark = "stale.unanswered";
    stage.special("delta", NEVER.0, ("audit", 1, NEVER.1));
    stage.forbid("delta", NEVER.0, Instant::ZERO, "POL-02");
    stage.attacker("unanswered", Some("delta"), "POL-02", false, move |d| {
        let path = format!("/v1/records/{}", NEVER.0);
        let asks = [(Method::Get, path.as_str(), "")];
        let mut asker = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), "delta", "US", mark).asking(&asks);
        (asker.wait, asker.tries, asker.gap) = (ALONE.0.since(Instant::ZERO), 12, Duration::millis(100));
        Box::new(asker)
    });
}

/// Nobody is refused for want of a policy while the agents hear their news.
fn check(seen: &Seen<'_, models::saas::Saas>) -> Option<Finding> {
    let Fact::Answered(answer) = seen.fact else { return None };
    let told = answer.reason == Reason::PolicyUnavailable.code();
    let stated = CUT.0..CUT.1 + RECOVERY;
    (told && !stated.contains(&answer.intended)).then(|| Finding {
        requirement: "POL-02".into(),
        oracle: "fail-closed".into(),
        vantage: Vantage::Client,
        tenant: answer.tenant.as_deref().map(Into::into),
        node: seen.role.into(),
        at_ns: seen.at.0,
        cause: format!("{:016x}", seen.cause),
        message: format!("{} was refused for want of a policy, and news came through", answer.principal),
    })
}

/// Whoever holds the way between a config service and its agent, and wants the old policy to stay.
#[derive(Default)]
struct Withholder {
    last: Option<Arc<SignedBundle>>,
}

impl Script for Withholder {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        let Event::Intercepted(from, to, word) = event else { return };
        let holds_back = (WITHDRAWN_AT..CUT.1).contains(&kit.ctx.now());
        let word = match (word, &self.last) {
            (Wire::Bundle(_), Some(old)) if holds_back => Wire::Bundle(old.clone()),
            (Wire::Bundle(news), _) => {
                self.last = Some(news.clone());
                Wire::Bundle(news)
            }
            (other, _) => other,
        };
        kit.out.send_as(from, to, word);
    }
}
