//! Chaos: policy agents lose power right after they decided.
//!
//! Whoever was answered holds an answer; the decision on it must be as durable as that.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::policy::ledger::LOG_BEFORE_ANSWER;
use models::wire::http::Method;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/agent-crash",
    title: "A policy agent that loses power forgets no decision that somebody acted upon",
    threat: "A tenant makes sensitive queries. Its cell's policy agent loses power right after it decided on some of \
             them, before it could send them to the SIEM, and comes back without a policy. Afterwards every answer \
             that was given must have its decision there.",
    stride: None,
    requirements: &["POL-04"],
    variants: &[Variant {
        name: "unsent",
        mark: "agent-crash.answered-shortly-before",
        controls: &[sole(&LOG_BEFORE_ANSWER)],
    }],
    canary: false,
    build,
};

/// Cell A's policy agent has no power.
const CRASH: (Instant, Instant) = (Instant(4_000_000_000), Instant(4_400_000_000));
/// What was decided so shortly before had no time to leave.
const SHORTLY: Duration = Duration::millis(150);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    // An agent that restarts has no policy until the next is handed out.
    stage.platform(|platform| platform.ttls.policy_poll = Duration::millis(300));
    stage.keeps_decisions();
    stage.usual_weather();
    stage.fault("crash", Target::Node("cell-a/policy".into()), CRASH.0, CRASH.1, 0);
    stage.attacker("unsent", Some("acme"), "POL-04", false, |d| {
        let asks = [(Method::Get, "/v1/records?limit=5", ""), (Method::Get, "/v1/records/1", "")];
        let (idp, door) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut asker = Intruder::new(idp, door, "acme", "EU", "agent-crash.asked").asking(&asks);
        (asker.tries, asker.gap) = (100, Duration::millis(40));
        Box::new(asker)
    });
    stage.mark_when("agent-crash.answered-shortly-before", |fact| {
        let Fact::Answered(answer) = fact else { return false };
        let shortly = CRASH.0 - SHORTLY..CRASH.0;
        *answer.principal == *"attacker/unsent" && answer.status == 200 && shortly.contains(&answer.intended)
    });
}
