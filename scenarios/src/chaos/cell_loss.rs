//! Chaos: a whole region cell loses power.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, layered};
use crate::stage::Stage;
use models::gateway::edge::RESIDENCY_FAILOVER;
use models::oracles::availability::Promise;
use models::policy::abac::REGION_MATCH;
use models::wire::http::Method;
use sim::fault::Target;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/cell-loss",
    title: "A lost cell is refused aloud, and nothing of its tenants moves abroad",
    threat: "Cell A goes dark and comes back from its disks. Its tenants are bound to their region and have no other \
             cell there: they must be told so (503), nothing of theirs may become durable in the other region, the \
             other region's tenants must not notice, and what was acknowledged before must be there afterwards.",
    stride: None,
    requirements: &["CEL-01", "CEL-02", "POL-06", "STO-04"],
    variants: &[Variant {
        name: "failover-abroad",
        mark: "cell-loss.noticed",
        // Two layers: the edge does not route abroad, and the policy there would not serve the region.
        controls: &[layered(&RESIDENCY_FAILOVER, &REGION_MATCH), layered(&REGION_MATCH, &RESIDENCY_FAILOVER)],
    }],
    canary: false,
    build,
};

const LOST_AT: Instant = Instant(2_500_000_000);
const BACK_AT: Instant = Instant(5_500_000_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(90));
    stage.fault("crash", Target::Group("cell-a".into()), LOST_AT, BACK_AT, 0);
    stage.mark_when("cell-loss.noticed", |fact| {
        matches!(fact, models::fact::Fact::Reported { by: "gateway.edge", what: "cell-down", .. })
    });
    // A principal of a lost tenant goes on creating records. Whoever serves it while its cell is dark serves it abroad,
    // and then they lie abroad as well.
    let own = stage.own_marker("acme");
    stage.renegade("failover-abroad", "acme", "CEL-01", LOST_AT, move |d| {
        let creations: Vec<String> = (0..40).map(|i| format!("acme~{};{own}", 9_000 + i)).collect();
        let asks: Vec<_> = creations.iter().map(|body| (Method::Post, "/v1/records", body.as_str())).collect();
        let mut creator = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme", "EU", "cell-loss.asked");
        creator.wait = Duration::millis(1_500);
        creator.tries = 30;
        creator.gap = Duration::millis(120);
        Box::new(creator.asking(&asks))
    });
    stage.promise(Promise {
        requirement: "CEL-02",
        good_ppm: 990_000,
        p95: Duration::millis(1_500),
        window: (LOST_AT - Duration::millis(500), BACK_AT + Duration::millis(1_000)),
        tenants: vec!["beta".into(), "delta".into()],
        refusal_is_kept: false,
    });
}
