//! Fuzz: random tenants, principals, operations and faults; nothing may cross.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::app::store::TENANT_FILTER;
use models::luck;
use models::policy::abac::TENANT_MATCH;
use models::postgres::pool::SET_LOCAL;
use models::postgres::rls::{FORCE_RLS, ROW_LEVEL_SECURITY, WITH_CHECK};
use models::wire::http::Method;
use sim::Duration;
use sim::seed::{below, name_hash};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "fuzz/cross-tenant",
    title: "Whatever a principal asks, it gets nothing of another tenant",
    threat: "Principals with genuine tokens ask for records of others by reference, list and count, create rows under \
             another owner, and publish to their own topics, in drawn order and under drawn faults. Isolation has two \
             layers, the service's and the store's; either must hold alone.",
    stride: Some('I'),
    requirements: &["TEN-02", "STO-01", "STO-02", "POL-01"],
    variants: &[
        Variant {
            name: "foreign-read",
            mark: "fuzz.foreign-read",
            controls: &[layered(&TENANT_MATCH, &ROW_LEVEL_SECURITY), layered(&ROW_LEVEL_SECURITY, &TENANT_MATCH)],
        },
        Variant { name: "list", mark: "fuzz.list", controls: &[layered(&TENANT_FILTER, &ROW_LEVEL_SECURITY)] },
        Variant { name: "planted-row", mark: "fuzz.planted-row", controls: &[layered(&WITH_CHECK, &TENANT_MATCH)] },
        Variant { name: "stale-setting", mark: "fuzz.stale-setting", controls: &[sole(&SET_LOCAL)] },
        Variant { name: "report", mark: "fuzz.report", controls: &[sole(&ROW_LEVEL_SECURITY), sole(&FORCE_RLS)] },
    ],
    canary: false,
    build,
};

const TENANTS: [(&str, &str, &str); 4] =
    [("acme", "EU", "a"), ("acme-corp", "EU", "a"), ("beta", "US", "b"), ("delta", "US", "b")];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(90));
    stage.usual_weather();
    reader(stage, "foreign-read", ("fuzz.foreign-read", "TEN-02"), |victim, i| {
        (Method::Get, format!("/v1/records/{victim}~{i}"), String::new())
    });
    reader(stage, "list", ("fuzz.list", "TEN-02"), |_, i| match i % 2 {
        0 => (Method::Get, "/v1/records?limit=5".into(), String::new()),
        _ => (Method::Get, "/v1/records/count".into(), String::new()),
    });
    reader(stage, "planted-row", ("fuzz.planted-row", "TEN-02"), |victim, i| {
        (Method::Post, "/v1/records".into(), format!("{victim}~{};{{own-marker}}", 5_000 + i))
    });
    // Nothing but the database stands between tenants in these two.
    reader(stage, "stale-setting", ("fuzz.stale-setting", "STO-02"), |_, _| {
        (Method::Get, "/v1/search?q=recent".into(), String::new())
    });
    reader(stage, "report", ("fuzz.report", "STO-01"), |_, _| (Method::Get, "/v1/search?q=all".into(), String::new()));
    // Half of the seeds deploy the service with the role that owns the tables, as migrations often leave it.
    if stage.draws.draw(luck::ATTACK, name_hash("login"), 0) & 1 == 1 {
        stage.database_login("owner");
    }
}

/// A principal of a drawn tenant that asks for things of another drawn tenant; and what is broken when it gets them.
fn reader(
    stage: &mut Stage<'_>,
    name: &'static str,
    (mark, breach): (&'static str, &'static str),
    ask: fn(&str, u32) -> (Method, String, String),
) {
    let draw = |n| stage.draws.draw(luck::ATTACK, name_hash(name), n);
    let me = below(draw(1), 4) as usize;
    let (tenant, region, cell) = TENANTS[me];
    // A neighbour in the same cell half of the time: that is where a leak is possible at all.
    let victim = TENANTS[if draw(2) & 1 == 0 { me ^ 1 } else { below(draw(3), 4) as usize }].0;
    let victim = if victim == tenant { TENANTS[me ^ 1].0 } else { victim };
    let own = stage.own_marker(tenant);
    let asks: Vec<(Method, String, String)> = (0..12).map(|i| ask(victim, i)).collect();
    let asks: Vec<(Method, String, String)> =
        asks.into_iter().map(|(m, p, b)| (m, p, b.replace("{own-marker}", &own))).collect();
    stage.attacker(name, Some(tenant), breach, false, move |d| {
        let asks: Vec<(Method, &str, &str)> = asks.iter().map(|(m, p, b)| (*m, p.as_str(), b.as_str())).collect();
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let mut intruder =
            Intruder::new(idp, gateway, tenant, region, mark).asking(&asks).crafting(|token| Some(bearer(token)));
        intruder.tries = 40;
        intruder.gap = Duration::millis(120);
        Box::new(intruder)
    });
}
