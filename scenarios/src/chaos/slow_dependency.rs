//! Chaos: two dependencies that do all they are asked, and say so later than anybody waits.
//!
//! What answers late is worse than what is away: nothing refuses a connection, and everybody waits as long as they
//! can. Of a store that is late the question is who waits for it, and who else; of the policy, what is done without it.

use crate::actors::{Habit, Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::machine::undecided::POLICY_REQUIRED;
use models::breaker::OPEN;
use models::fact::{Answer, Fact};
use models::oracles::availability::Promise;
use models::oracles::fast_fail::{FastFail, Prompt};
use models::platform::graph::GraphPlan;
use models::wire::http::Method;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/slow-dependency",
    title: "Who needs what answers too late is told at once, nobody else waits, and no answer is no permission",
    threat: "Cell B's graph answers every question, but later than its service waits. A customer goes on asking for \
             relations, many times a second; each question that waits in vain keeps a place at the gateway, where \
             those who need no graph want to pass. In cell A it is the policy agent that is late, and somebody asks \
             for what was never permitted.",
    stride: None,
    requirements: &["SRV-01", "POL-02"],
    variants: &[
        Variant { name: "late-graph", mark: "slow-dependency.waited-for-graph", controls: &[sole(&OPEN)] },
        Variant { name: "neighbours", mark: "slow-dependency.customer-waited", controls: &[sole(&OPEN)] },
        Variant { name: "late-agent", mark: "slow-dependency.undecided", controls: &[sole(&POLICY_REQUIRED)] },
    ],
    canary: false,
    build,
};

/// Answers of cell B's graph are late.
const LATE: (Instant, Instant) = (Instant(2_000_000_000), Instant(6_500_000_000));
/// By more than the service waits for one.
const LATE_US: u64 = 1_600_000;
/// What the service waits for its graph; whoever was answered after this has waited in vain.
const PATIENCE: Duration = Duration::millis(1_200);
/// By then every instance has waited five times in vain, or has seen the probes of a second opening fail.
const OPENED: Instant = Instant(4_000_000_000);
/// Answers of cell A's agent are late, and by how much.
const UNDECIDED: (Instant, Instant, u64) = (Instant(3_000_000_000), Instant(5_000_000_000), 700_000);
/// A record whose label no policy permits, and the label.
const NEVER: (u32, &str) = (905, "health");

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme beta delta", Duration::millis(60));
    stage.habit("beta", Habit::Relations);
    stage.graph(GraphPlan::default());
    weather(stage);
    for app in ["app-1", "app-2"] {
        let from = |role: &str| {
            let (store, app) = (role.to_owned(), format!("{}/{app}", &role[..6]));
            Target::link(Target::Node(store), Target::Node(app))
        };
        stage.fault("delay", from("cell-b/graph"), LATE.0, LATE.1, LATE_US);
        stage.fault("delay", from("cell-a/policy"), UNDECIDED.0, UNDECIDED.1, UNDECIDED.2);
    }
    stage.mark_when("slow-dependency.waited-for-graph", |fact| waited(fact, |a| &*a.principal == "client/beta"));
    stage.mark_when("slow-dependency.customer-waited", |fact| waited(fact, |a| &*a.principal == "attacker/neighbours"));
    customer(stage);
    undecided(stage);
    let prompt = Prompt {
        dependency: "the graph of cell-b",
        window: (OPENED, LATE.1 - Duration::millis(100)),
        tenants: vec!["beta".into()],
        within: Duration::millis(600),
        prompt_ppm: 850_000,
    };
    stage.oracle(move |cast| Box::new(FastFail::new(cast, prompt)));
    stage.promise(Promise {
        requirement: "SRV-01",
        // While an instance probes, some of those who come meanwhile are shed.
        good_ppm: 900_000,
        p95: Duration::millis(600),
        window: (OPENED, LATE.1),
        tenants: vec!["delta".into()],
        refusal_is_kept: false,
    });
}

/// Nothing that makes somebody of cell B wait for another reason.
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    for kind in ["clog", "crash", "loss", "pause", "slow", "swizzle-clog", "torn-write"] {
        stage.without(kind);
    }
}

/// A customer that asks for more relations than a cell can have wait.
fn customer(stage: &mut Stage<'_>) {
    stage.attacker("neighbours", Some("beta"), "SRV-01", false, |d| {
        let asks: Vec<String> = (0..12).map(|id| format!("/v1/relations/{id}?depth=2")).collect();
        let asks: Vec<_> = asks.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let (idp, edge) = (d.node("cell-b/idp"), d.node("edge-b"));
        let mut customer = Intruder::new(idp, edge, "beta", "US", "slow-dependency.asked").asking(&asks);
        (customer.wait, customer.tries, customer.gap) = (Duration::millis(1_500), 250, Duration::millis(20));
        Box::new(customer.crafting(|token| Some(bearer(token))))
    });
}

/// Somebody who asks for what was never permitted, while nobody says so in time.
fn undecided(stage: &mut Stage<'_>) {
    stage.special("acme", NEVER.0, ("audit", 1, NEVER.1));
    stage.forbid("acme", NEVER.0, Instant::ZERO, "POL-02");
    stage.attacker("late-agent", Some("acme"), "POL-02", false, |d| {
        let path = format!("/v1/records/{}", NEVER.0);
        let (idp, edge) = (d.node("cell-a/idp"), d.node("edge-a"));
        let asks = [(Method::Get, path.as_str(), "")];
        let mut asker = Intruder::new(idp, edge, "acme", "EU", "slow-dependency.undecided").asking(&asks);
        (asker.wait, asker.tries, asker.gap) = (UNDECIDED.0.since(Instant::ZERO), 18, Duration::millis(110));
        Box::new(asker)
    });
}

/// Whether the fact answers a request that was meant for the time of the late graph, and that waited for it in vain.
fn waited(fact: &Fact, such: fn(&Answer) -> bool) -> bool {
    let late = LATE.0..LATE.1;
    matches!(fact, Fact::Answered(a) if late.contains(&a.intended) && a.took >= PATIENCE && such(a))
}
