//! Denial of service: a coordinated traffic spike saturates the gateway.

use crate::actors::flood::Shot;
use crate::actors::{Flood, Intruder};
use crate::scenario::{Scenario, Variant, layered};
use crate::stage::Stage;
use models::config::Component;
use models::gateway::rate_limit::RATE_LIMIT;
use models::gateway::shed::LOAD_SHEDDING;
use models::oracles::availability::Promise;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/denial-gateway-flood",
    title: "A traffic spike is refused before it costs others their service",
    threat: "A tenant of the cell sends many times its share, with a genuine token, open loop. The database of the \
             cell is sized so that the spike alone would saturate it. Honest neighbours must keep their service and \
             a 95th percentile below 1.5 s; what is shed is told when to come back.",
    stride: Some('D'),
    requirements: &["SRV-04", "TEN-05"],
    variants: &[Variant {
        name: "spike",
        mark: "flood.shot",
        // Two layers: the tenant's own limit, and the shedder, which refuses the tenant that has most in flight.
        controls: &[layered(&RATE_LIMIT, &LOAD_SHEDDING), layered(&LOAD_SHEDDING, &RATE_LIMIT)],
    }],
    canary: false,
    build,
};

/// How long, how dense, and what is promised meanwhile.
pub struct Spike {
    /// The flood begins and ends.
    pub window: (Instant, Instant),
    /// Between two of its requests.
    pub gap: Duration,
    /// How many of them.
    pub requests: u32,
    /// Parts per million of the neighbours' requests that are good.
    pub good_ppm: u64,
}

fn build(stage: &mut Stage<'_>) {
    let window = (Instant(2_000_000_000), Instant(5_500_000_000));
    // A run has some sixty requests a tenant in the window, so one that is shed must not convict; 99.9 % is judged over
    // all runs together, as SLO-01 under this attack, and in ten minutes of it by a test.
    set(stage, &Spike { window, gap: Duration::micros(450), requests: 5_000, good_ppm: 950_000 });
}

/// Sets the stage for a spike.
pub fn set(stage: &mut Stage<'_>, spike: &Spike) {
    stage.tenants("acme acme-corp", Duration::millis(60));
    stage.tenants("beta", Duration::millis(120));
    // The flooding tenant has records and no honest traffic of its own.
    stage.tenants("gamma", Duration::millis(120));
    stage.leaves("gamma", stage.acts.traffic_from);
    // A small cell: what is measured is who gets the capacity, not how much there is.
    stage.platform(|platform| {
        platform.limits.tenant_requests_per_s = 60;
        platform.limits.tenant_burst = 20;
    });
    stage.capacity(Component::Postgres, 1, 4_096);
    stage.promise(Promise {
        requirement: "SRV-04",
        good_ppm: spike.good_ppm,
        p95: Duration::millis(1_500),
        window: spike.window,
        tenants: vec!["acme".into(), "acme-corp".into(), "beta".into()],
        refusal_is_kept: false,
    });
    let (gap, requests) = (spike.gap, spike.requests);
    stage.attacker("spike", Some("gamma"), "TEN-02", false, move |d| {
        let login = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "gamma", "EU", "flood.shot");
        Box::new(Flood { login, gap, requests, records: 12, shot: Shot::Write })
    });
}
