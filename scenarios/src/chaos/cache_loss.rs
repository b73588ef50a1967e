//! Chaos: a cell loses its cache, and another cell's cache becomes so slow that it might as well be lost.

use crate::actors::Habit;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::flights::SINGLE_FLIGHT;
use models::breaker::OPEN;
use models::config::{Component, Operation};
use models::fact::Fact;
use models::oracles::availability::Promise;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/cache-loss",
    title: "A lost or slow cache costs time, and sends no stampede to the database",
    threat: "A few records are read by everybody, all the time, and the database is sized for what a cache leaves to \
             it. Cell A's cache loses power and comes back empty; cell B's answers, but later than anybody waits. \
             Every read falls to the database at once. It must stay up, and the readers must be served: neither \
             behind a queue of the same question, nor behind the time that each waits for a cache that is not there.",
    stride: None,
    requirements: &["CAC-04"],
    variants: &[
        Variant { name: "lost", mark: "cache-loss.read-lost", controls: &[sole(&SINGLE_FLIGHT), sole(&OPEN)] },
        Variant { name: "slow", mark: "cache-loss.read-slow", controls: &[sole(&SINGLE_FLIGHT), sole(&OPEN)] },
    ],
    canary: false,
    build,
};

const BAD: (Instant, Instant) = (Instant(2_500_000_000), Instant(5_500_000_000));
/// How long a service waits for its cache.
const PATIENCE: Duration = Duration::millis(200);
/// Then an answer of the cache takes half as long again.
const SLOW: u64 = 15_000;

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(20));
    stage.habit("acme acme-corp beta delta", Habit::Reads);
    stage.records(2);
    stage.platform(|platform| {
        platform.links.edge = platform.links.intra_cell.clone();
        // Reads that take the service longer than a wait for the database does: otherwise the gateway, which sheds by
        // latency, would protect the database by turning its readers away.
        // A patience with which every read that waits for a dead cache in vain is felt.
        platform.dependencies.iter_mut().filter(|d| *d.name == *"redis").for_each(|d| d.timeout = PATIENCE);
        platform.costs.set(Operation::AppHandle, Duration::millis(60));
        platform.costs.set(Operation::PostgresRead, Duration::millis(13));
    });
    stage.capacity(Component::Postgres, 1, 4_096);
    // Weather that makes nobody slower, as everything here is judged by who waits for whom.
    stage.usual_weather();
    for kind in
        ["delay", "loss", "reorder", "bandwidth", "clog", "swizzle-clog", "crash", "pause", "slow", "torn-write"]
    {
        stage.without(kind);
    }
    stage.fault("crash", Target::Node("cell-a/cache".into()), BAD.0, BAD.1, 0);
    stage.fault("brown-out", Target::Node("cell-b/cache".into()), BAD.0, BAD.1, SLOW);
    stage.mark_when("cache-loss.read-lost", |fact| read_in_trouble(fact, ["client/acme", "client/acme-corp"]));
    stage.mark_when("cache-loss.read-slow", |fact| read_in_trouble(fact, ["client/beta", "client/delta"]));
    stage.promise(Promise {
        requirement: "CAC-04",
        // Until the circuit opens, those who wait are many: some are shed then.
        good_ppm: 900_000,
        p95: Duration::millis(1_500),
        window: BAD,
        tenants: Vec::new(),
        refusal_is_kept: false,
    });
}

/// Whether the fact answers a read of one of these that was meant for the time without a cache.
fn read_in_trouble(fact: &Fact, readers: [&str; 2]) -> bool {
    matches!(fact, Fact::Answered(a)
        if a.what.starts_with("GET") && (BAD.0..BAD.1).contains(&a.intended) && readers.contains(&&*a.principal))
}
