//! Abuse: GraphQL as an amplifier. A few hundred bytes ask for millions of fields.

use crate::actors::client::Habit;
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::graphql::QUERY_LIMITS;
use models::oracles::availability::Promise;
use models::wire::http::Method;
use sim::Duration;
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
    for kind in ["loss", "clog", "swizzle-clog", "crash", "pause", "slow"] {
        stage.without(kind);
    }
    // One way a run: together they would hide what each of them does. In turn and not drawn, so that any four seeds in
    // a row have tried them all.
    let ways = [
        ("wide", "query.wide", wide as fn() -> String),
        ("deep", "query.deep", deep),
        ("aliases", "query.aliases", aliases),
        ("fragments", "query.fragments", fragments),
    ];
    let (name, mark, query) = ways[(stage.draws.seed() % 4) as usize];
    stage.attacker(name, Some("acme-corp"), "SRV-06", false, move |d| {
        let mut intruder = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark);
        intruder = intruder.asking(&[(Method::Post, "/v1/graphql", &query())]).crafting(|token| Some(bearer(token)));
        (intruder.tries, intruder.gap) = (30, Duration::millis(150));
        Box::new(intruder)
    });
    stage.promise(Promise {
        requirement: "SRV-06",
        good_ppm: 960_000,
        p95: Duration::millis(1_000),
        window: (stage.acts.traffic_from + Duration::millis(1_500), stage.acts.traffic_until),
        tenants: vec!["acme".into()],
        refusal_is_kept: false,
    });
}

/// A list of lists of lists: a million fields.
fn wide() -> String {
    "{ records(first: 100) { neighbours(first: 100) { neighbours(first: 100) { body } } } }".into()
}

/// Nine lists in one another, each of four.
fn deep() -> String {
    let levels = 9;
    format!("{{ records(first: 4) {{ {}body{} }} }}", "neighbours(first: 4) { ".repeat(levels), " }".repeat(levels))
}

/// Each record's content under as many names as a request may hold.
fn aliases() -> String {
    let mut names = String::new();
    (0..1_200).for_each(|n| write!(names, "a{n}: body ").expect("a string grows"));
    format!("{{ records(first: 100) {{ {names}}} }}")
}

/// Twenty fragments, each of which is the next one twice.
fn fragments() -> String {
    let mut query = "{ records(first: 1) { ...F0 } }".to_owned();
    (0..20).for_each(|n| {
        write!(query, " fragment F{n} on Listed {{ ...F{0} ...F{0} }}", n + 1).expect("a string grows");
    });
    query + " fragment F20 on Listed { body }"
}
