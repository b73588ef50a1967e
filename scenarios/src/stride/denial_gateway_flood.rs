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

const FROM: Instant = Instant(2_000_000_000);
const UNTIL: Instant = Instant(5_500_000_000);

fn build(stage: &mut Stage<'_>) {
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
        // A run has some sixty requests a tenant in the window, so one that is shed must not convict; 99.9 % is judged
        // over all runs together, as SLO-01 under this attack.
        good_ppm: 950_000,
        p95: Duration::millis(1_500),
        window: (FROM, UNTIL),
        tenants: vec!["acme".into(), "acme-corp".into(), "beta".into()],
        refusal_is_kept: false,
    });
    stage.attacker("spike", Some("gamma"), "TEN-02", false, |d| {
        let login = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "gamma", "EU", "flood.shot");
        Box::new(Flood { login, gap: Duration::micros(450), requests: 5_000, records: 12, shot: Shot::Write })
    });
}
