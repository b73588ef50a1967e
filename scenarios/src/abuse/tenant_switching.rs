//! Abuse: somebody with many genuine grants walks through the tenants, and somebody else wants to see foreign names.
//!
//! Nothing that the walker asks for is denied to it. What it may not have is the pace: a token with many grants is the
//! cheapest way to collect from many tenants before anybody looks.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::headers::RESPONSE_HEADERS;
use models::gateway::switch::SWITCH_LIMIT;
use models::platform::Directory;
use models::wire::http::{Headers, Method};
use sim::Duration;
use std::cell::Cell;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/tenant-switching",
    title: "Who holds many tenants switches at a person's pace, and every answer says for whom it was given",
    threat: "A support engineer's token grants three tenants. A script selects another one with every request, by \
             header and by cookie in turn. A neighbour asks for records by their owner's name: the service writes \
             that name on its answer, and only the router may say whose an answer is.",
    stride: None,
    requirements: &["TEN-07", "TEN-02"],
    variants: &[
        Variant { name: "walker", mark: "switching.tenant-selected", controls: &[sole(&SWITCH_LIMIT)] },
        Variant { name: "name-reader", mark: "switching.foreign-owner-named", controls: &[sole(&RESPONSE_HEADERS)] },
    ],
    canary: false,
    build,
};

const GRANTED: [&str; 3] = ["acme-corp", "acme", "gamma"];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta gamma", Duration::millis(100));
    stage.usual_weather();
    stage.attacker("walker", Some(GRANTED[0]), "TEN-07", false, |d| {
        let turn = Cell::new(0_usize);
        let select = move |token: &Arc<str>| {
            turn.set(turn.get() + 1);
            // It insists: each tenant is asked for twice, as if the first answer had made it the active one.
            let tenant = Some(GRANTED[turn.get() / 2 % GRANTED.len()].into());
            let mut headers = bearer(token);
            // The picker's cookie and the header are two ways to say the same.
            let place = if turn.get().is_multiple_of(2) { &mut headers.tenant_id } else { &mut headers.cookie_tenant };
            *place = tenant;
            Some(headers)
        };
        let mut walker = door(d, "switching.tenant-selected").crafting(select);
        walker.tries = 60;
        walker.gap = Duration::millis(110);
        Box::new(walker)
    });
    stage.grant("walker", &GRANTED[1..].join(" "));
    stage.attacker("name-reader", Some("acme-corp"), "TEN-02", false, |d| {
        let paths: Vec<String> = ["acme", "gamma"].iter().map(|owner| format!("/v1/records/{owner}~1")).collect();
        let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let claim = |token: &Arc<str>| Some(Headers { region: Some("US".into()), ..bearer(token) });
        Box::new(door(d, "switching.foreign-owner-named").asking(&asks).crafting(claim))
    });
}

fn door(d: &Directory, mark: &'static str) -> Intruder {
    Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark)
}
