//! Chaos: a read replica of a graph in another region, cut off from its database, and then led by one that has lost the
//! end of its log.

use crate::actors::{Habit, Intruder, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::graph::guard::QUERY_GUARD;
use models::graph::replica::{LAG, REPLICA_READ_ONLY};
use models::graph::store::TENANT_LABEL;
use models::graph::stream::{REPLICA_RESIDENCY, REPLICA_RESUME};
use models::platform::graph::GraphPlan;
use models::wire::http::Method;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/graph-replica",
    title: "A graph's replica abroad is read-only, holds nothing that is bound to the region, and catches up",
    threat: "Cell B reads a replica of cell A's graph, which follows it over the link between the regions. The two \
             lose each other; then the database's disk lies and it loses power, so that it goes on from an earlier \
             place in its log than the replica has reached. Meanwhile a tenant of cell B asks the replica for what is \
             others', and writes to it.",
    stride: None,
    requirements: &["STO-11"],
    variants: &[
        Variant { name: "residency", mark: "replica.bound-changed", controls: &[sole(&REPLICA_RESIDENCY)] },
        Variant { name: "write", mark: "replica.write-tried", controls: &[sole(&REPLICA_READ_ONLY)] },
        Variant { name: "history", mark: "replica.database-came-back", controls: &[sole(&REPLICA_RESUME)] },
        // Two layers there too: the service of the replica's cell, and the replica itself.
        Variant {
            name: "foreign",
            mark: "replica.foreign-asked",
            controls: &[layered(&QUERY_GUARD, &TENANT_LABEL), layered(&TENANT_LABEL, &QUERY_GUARD)],
        },
        // Lag is seen, and goes away.
        Variant { name: "behind", mark: "replica.behind", controls: &[] },
        Variant { name: "read", mark: "replica.read", controls: &[] },
    ],
    canary: false,
    build,
};

/// The cells' graphs lose each other.
const APART: (Instant, Instant) = (Instant(2_000_000_000), Instant(4_000_000_000));
/// The database keeps nothing of what it syncs, and then loses power for a moment.
const LIE: (Instant, Instant) = (Instant(4_400_000_000), Instant(5_600_000_000));
/// From then on nothing may take longer than this: everything that is asked for is asked for every fifth of a second.
const HEALED: Instant = Instant(7_500_000_000);
const BOUND: Duration = Duration::millis(2_500);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(40));
    stage.habit("acme acme-corp", Habit::Relates);
    stage.tenants("beta", Duration::millis(80));
    stage.habit("beta", Habit::Relations);
    stage.graph(GraphPlan { compare: vec![("cell-a".into(), Duration::millis(900))], replica: true });
    stage.graph_replicates(HEALED, BOUND);
    stage.usual_weather();
    stage.allow(Allowance {
        kind: "crash",
        targets: vec![Target::Node("cell-b/graph-replica".into())],
        length: (Duration::millis(200), Duration::millis(1_200)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
    let node = |role: &str| Target::Node(role.into());
    let link = Target::link(node("cell-a/graph"), node("cell-b/graph-replica"));
    stage.fault("partition", link, APART.0, APART.1, 0);
    stage.fault("lost-sync", node("cell-a/graph"), LIE.0, LIE.1, 0);
    asks(stage);
    stage.mark_when("replica.bound-changed", |fact| {
        matches!(fact, Fact::EdgeStored { place, tenant, source, target, .. }
            if place.store == "graph" && **tenant == *"acme" && *target != source + 1)
    });
    let mut opened = 0;
    stage.mark_when("replica.database-came-back", move |fact| {
        opened += u32::from(matches!(fact, Fact::GraphOpened { place } if place.store == "graph"));
        opened > 1 && matches!(fact, Fact::GraphOpened { .. })
    });
    stage.mark_when("replica.behind", |fact| {
        matches!(fact, Fact::Reported { by: "graph-replica", what, value, .. } if *what == LAG && *value > 1_000)
    });
    stage.mark_when("replica.read", |fact| match fact {
        Fact::Answered(answer) => {
            answer.status == 200 && *answer.principal == *"client/beta" && answer.what.contains("/v1/relations/")
        }
        _ => false,
    });
}

/// Those who ask the replica.
fn asks(stage: &mut Stage<'_>) {
    let planted = stage.own_marker("beta");
    let reads = vec!["MATCH (d:Device) RETURN d".to_owned(), "MATCH (n) RETURN n".to_owned()];
    let writes = vec![format!("MERGE (d:Device {{name: '{planted}'}})")];
    teller(stage);
    let asks = [("foreign", "replica.foreign-asked", false, reads), ("writer", "replica.write-tried", true, writes)];
    for (name, mark, never, statements) in asks {
        let asks: Vec<_> =
            statements.into_iter().map(|text| (Method::Post, "/v1/graph".to_owned(), text.into_bytes())).collect();
        stage.attacker(name, Some("beta"), "STO-11", never, move |d| {
            let mut intruder = Intruder::new(d.node("cell-b/idp"), d.node("edge-b"), "beta", "US", mark)
                .crafting(|token| Some(bearer(token)));
            intruder.asks.clone_from(&asks);
            // Past the time when the replica has caught up again.
            (intruder.tries, intruder.gap) = (28, Duration::millis(280));
            Box::new(intruder)
        });
    }
}

/// Somebody of a tenant of the database's cell who tells of devices, which are free to leave the region. The statements
/// name the tenant themselves, so that they are permitted whether or not the service binds them.
fn teller(stage: &mut Stage<'_>) {
    let told = stage.own_marker("acme-corp");
    stage.attacker("teller", Some("acme-corp"), "STO-11", false, move |d| {
        let text = format!("MERGE (d:Device:`tenant:acme-corp` {{name: '{told}'}})");
        let (idp, edge) = (d.node("cell-a/idp"), d.node("edge-a"));
        let teller = Intruder::new(idp, edge, "acme-corp", "EU", "replica.told").crafting(|token| Some(bearer(token)));
        let asks = [(Method::Post, "/v1/graph", text.as_str())];
        let mut teller = teller.asking(&asks);
        (teller.wait, teller.tries, teller.gap) = (Duration::millis(1_000), 18, Duration::millis(400));
        Box::new(teller)
    });
}
