//! Chaos: two databases whose answers do not come, one of them sometimes and the other never.
//!
//! They ask for opposite things. Where a fifth of all answers is lost, asking again is right, and everybody doing it is
//! what brings the database down. Where no answer comes, asking at all is wrong, until it is time to see.

use crate::actors::{Flood, Intruder};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::breaker::OPEN;
use models::fact::{Answer, Fact};
use models::oracles::attempts::Attempts;
use models::oracles::fast_fail::{FastFail, Prompt};
use models::retry::RETRY_BUDGET;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/retry-storm",
    title: "A database that answers late or seldom is asked hardly more than before, or not at all",
    threat: "Cell B's database does what it is told, and a quarter of its answers is lost: whoever hears nothing asks \
             again, at every hop, while a customer imports records. Cell A's database answers everything too late: \
             behind a closed circuit every request waits for it in vain. What reaches the first may exceed what was \
             asked for by the retry budget and no more; clients of the second are told at once, and both are used \
             again without a restart.",
    stride: None,
    requirements: &["SRV-01", "SRV-02"],
    variants: &[
        Variant { name: "lost-answers", mark: "retry-storm.write-repeated", controls: &[sole(&RETRY_BUDGET)] },
        Variant { name: "late-answers", mark: "retry-storm.waited-in-vain", controls: &[sole(&OPEN)] },
    ],
    canary: false,
    build,
};

/// Answers of cell B's database are lost.
const LOST: (Instant, Instant) = (Instant(1_500_000_000), Instant(6_500_000_000));
/// A quarter: too few for a circuit, which opens at a half or after five in a row.
const LOST_PPM: u64 = 250_000;
/// Answers of cell A's database are late.
const LATE: (Instant, Instant) = (Instant(2_000_000_000), Instant(6_000_000_000));
/// By more than anybody waits for one.
const LATE_US: u64 = 900_000;
/// By then every instance has waited five times in vain for each of the two nodes, and probes are under way.
const OPENED: Instant = Instant(3_800_000_000);
/// What a service waits for its database; the edge is nearer than this.
const PATIENCE: Duration = Duration::millis(500);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(25));
    stage.tenants("beta delta", Duration::millis(60));
    // The importing tenant has records and no honest traffic of its own.
    stage.leaves("delta", stage.acts.traffic_from);
    weather(stage);
    for app in ["app-1", "app-2"] {
        let link = |cell: &str, database: &str| {
            Target::link(Target::Node(format!("{cell}/{database}")), Target::Node(format!("{cell}/{app}")))
        };
        stage.fault("loss", link("cell-b", "postgres-1"), LOST.0, LOST.1, LOST_PPM);
        for database in ["postgres-1", "postgres-2"] {
            stage.fault("delay", link("cell-a", database), LATE.0, LATE.1, LATE_US);
        }
    }
    // Served after a wait in vain: so there are retries, also of those who have to earn them.
    stage.mark_when("retry-storm.write-repeated", |fact| {
        waited(fact, LOST, |a| a.status == 200 && &*a.principal == "attacker/lost-answers")
    });
    stage
        .mark_when("retry-storm.waited-in-vain", |fact| waited(fact, LATE, |a| a.principal.starts_with("client/acme")));
    // A customer that imports: it does nothing wrong, and what it writes can be counted where it is kept.
    stage.attacker("lost-answers", Some("delta"), "SRV-02", false, |d| {
        let login = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), "delta", "US", "retry-storm.imported");
        Box::new(Flood { login, gap: Duration::millis(25), requests: 220, records: 12, writes: true })
    });
    let budget_ppm = stage.config().limits.retry_budget_ppm;
    stage.oracle(move |cast| Box::new(Attempts::new(cast, budget_ppm)));
    let prompt = Prompt {
        dependency: "the database of cell-a",
        window: (OPENED, LATE.1 - Duration::millis(100)),
        tenants: vec!["acme".into(), "acme-corp".into()],
        within: Duration::millis(400),
        prompt_ppm: 800_000,
    };
    stage.oracle(move |cast| Box::new(FastFail::new(cast, prompt)));
}

/// Clients of cell A are judged by how long they wait, so what makes them wait for other reasons strikes cell B only;
/// and what the network says twice a store does twice, which is no retry and would be counted as one.
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    for kind in ["clog", "crash", "duplicate", "loss", "pause", "swizzle-clog", "torn-write"] {
        stage.without(kind);
    }
    let (short, long) = (Duration::millis(1_000), Duration::millis(2_000));
    let (cell, app) = (Target::Group("cell-b".into()), Target::Node("cell-b/app-1".into()));
    let mut allow = |kind, target, strength| {
        let (targets, length) = (vec![target], (short, long));
        stage.allow(Allowance { kind, targets, length, strength, on_ppm: 300_000, takes_copy: false });
    };
    allow("loss", Target::link(cell.clone(), cell), (20_000, 60_000));
    allow("crash", app.clone(), (0, 0));
    allow("pause", app, (0, 0));
}

/// Whether the fact answers a request that was meant for this stretch, waited for a database in vain, and is such.
fn waited(fact: &Fact, (from, until): (Instant, Instant), such: fn(&Answer) -> bool) -> bool {
    matches!(fact, Fact::Answered(a) if (from..until).contains(&a.intended) && a.took >= PATIENCE && such(a))
}
