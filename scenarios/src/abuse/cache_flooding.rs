//! Abuse: a tenant fills the cache that it shares.

use crate::actors::{Habit, Hoard, Intruder};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::cache::memory::TENANT_FLOOR;
use models::config::{Component, Operation};
use models::oracles::availability::Promise;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/cache-flooding",
    title: "A tenant that fills the cache evicts nobody's working set",
    threat: "A tenant of the cell stores a few large records and reads them in turn, slowly enough for every limit. \
             Together they are larger than the cache, so each read evicts whatever was not read just now: with plain \
             recency, everybody else's working set. The database is sized so that it cannot serve the neighbours \
             without the cache. They must keep what their floor guarantees, their service, and a 95th percentile \
             below 1.5 s.",
    stride: Some('D'),
    requirements: &["CAC-02", "TEN-05"],
    variants: &[Variant { name: "large-records", mark: "hoard.read", controls: &[sole(&TENANT_FLOOR)] }],
    canary: false,
    build,
};

const FROM: Instant = Instant(2_500_000_000);
const UNTIL: Instant = Instant(6_500_000_000);
/// The records of the hoarder: two do not fit into the cache at once.
const HOARD: (u32, usize) = (12, 64 << 10);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(7));
    stage.habit("acme acme-corp", Habit::Reads);
    stage.tenants("beta", Duration::millis(120));
    // The hoarding tenant has records and no honest traffic of its own.
    stage.tenants("gamma", Duration::millis(120));
    stage.leaves("gamma", stage.acts.traffic_from);
    stage.records(24);
    stage.platform(|platform| {
        // A small cache: what is measured is who keeps what, not how much there is.
        platform.limits.cache_floor_bytes = 16 << 10;
        platform.cells.iter_mut().for_each(|cell| cell.sizes.redis_memory_bytes = 96 << 10);
        // Dashboards next door: bursts that the internet makes on the way would be shed on their own account.
        platform.links.edge = platform.links.intra_cell.clone();
        // The queries that the cache is there for: 160 a second.
        platform.costs.set(Operation::PostgresRead, Duration::millis(6));
    });
    stage.capacity(Component::Postgres, 1, 4_096);
    // Weather that makes nobody slower: load is shed by latency, and the promise would be judged by the weather.
    stage.usual_weather();
    for kind in
        ["delay", "loss", "reorder", "bandwidth", "clog", "swizzle-clog", "crash", "pause", "slow", "torn-write"]
    {
        stage.without(kind);
    }
    stage.promise(Promise {
        requirement: "CAC-02",
        good_ppm: 950_000,
        p95: Duration::millis(1_500),
        window: (FROM, UNTIL),
        tenants: vec!["acme".into(), "acme-corp".into()],
        refusal_is_kept: false,
    });
    stage.attacker("large-records", Some("gamma"), "TEN-02", false, |d| {
        let mut login = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "gamma", "EU", "hoard.read");
        login.wait = Duration::millis(2_000);
        let (records, bytes) = HOARD;
        Box::new(Hoard { login, records, bytes, gap: Duration::millis(40), requests: 112, sent: 0 })
    });
}
