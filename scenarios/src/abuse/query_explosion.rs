//! Abuse: GraphQL as an amplifier. A few hundred bytes ask for tens of thousands of fields.

use crate::actors::client::Habit;
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::graphql::QUERY_LIMITS;
use models::oracles::availability::Promise;
use models::wire::http::Method;
use sim::{Duration, Instant};
use std::fmt::Write;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/query-explosion",
    title: "A query costs what its limits allow, and REST and GraphQL show the same records",
    threat: "A tenant's own client, with a genuine token, asks the GraphQL contract for lists of lists, for one field \
             under hundreds of names, for fragments that double each other, and for levels without end. Its neighbours \
             are served by the same instances. One of them reads by GraphQL what it writes by REST.",
    stride: Some('D'),
    requirements: &["SRV-06"],
    variants: &[
        Variant { name: "wide", mark: "query.wide", controls: &[sole(&QUERY_LIMITS)] },
        Variant { name: "deep", mark: "query.deep", controls: &[sole(&QUERY_LIMITS)] },
        Variant { name: "aliases", mark: "query.aliases", controls: &[sole(&QUERY_LIMITS)] },
        Variant { name: "fragments", mark: "query.fragments", controls: &[sole(&QUERY_LIMITS)] },
    ],
    canary: false,
    build,
};

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.habit("acme", Habit::Queries);
    stage.usual_weather();
    for kind in ["loss", "bandwidth", "clog", "swizzle-clog", "crash", "torn-write", "pause", "slow"] {
        stage.without(kind);
    }
    // One way a run is tried in earnest: together they would hide what each of them does. The others knock once, when
    // nobody's service is promised any longer.
    let ways = [
        ("wide", "query.wide", wide as fn() -> String),
        ("deep", "query.deep", deep),
        ("aliases", "query.aliases", aliases),
        ("fragments", "query.fragments", fragments),
    ];
    let earnest = (stage.draws.seed() % 4) as usize;
    for (n, (name, mark, query)) in ways.into_iter().enumerate() {
        let late = stage.acts.traffic_until.since(Instant::ZERO) + Duration::millis(100 + 500 * n as u64);
        stage.attacker(name, Some("acme-corp"), "SRV-06", true, move |d| {
            let mut intruder = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark);
            intruder =
                intruder.asking(&[(Method::Post, "/v1/graphql", &query())]).crafting(|token| Some(bearer(token)));
            (intruder.tries, intruder.gap) = (30, Duration::millis(150));
            if n != earnest {
                (intruder.tries, intruder.wait) = (1, late);
            }
            Box::new(intruder)
        });
    }
    stage.promise(Promise {
        requirement: "SRV-06",
        good_ppm: 960_000,
        p95: Duration::millis(1_000),
        window: (stage.acts.traffic_from + Duration::millis(1_500), stage.acts.traffic_until),
        tenants: vec!["acme".into()],
        refusal_is_kept: false,
    });
}

/// A list of lists: twenty thousand fields.
fn wide() -> String {
    "{ records(first: 100) { neighbours(first: 100) { a: body b: body } } }".into()
}

/// Nine lists in one another, each of three: thirty thousand.
fn deep() -> String {
    let levels = 8;
    format!("{{ records(first: 3) {{ {}body{} }} }}", "neighbours(first: 3) { ".repeat(levels), " }".repeat(levels))
}

/// Each record's content under hundreds of names: thirty thousand.
fn aliases() -> String {
    let mut names = String::new();
    (0..300).for_each(|n| write!(names, "a{n}: body ").expect("a string grows"));
    format!("{{ records(first: 100) {{ {names}}} }}")
}

/// Fifteen fragments, each of which is the next one twice: thirty thousand.
fn fragments() -> String {
    let mut query = "{ records(first: 1) { ...F0 } }".to_owned();
    (0..15).for_each(|n| {
        write!(query, " fragment F{n} on Listed {{ ...F{0} ...F{0} }}", n + 1).expect("a string grows");
    });
    query + " fragment F15 on Listed { body }"
}
