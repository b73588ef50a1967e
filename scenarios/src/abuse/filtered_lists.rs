//! Abuse: a tenant's principal asks for everything at once, and hopes that nobody looks at each of what comes.
//!
//! A decision is about what its tenant's records usually are, and permits the list. What else lies among them (a
//! partner's feed, an import, what an assistant wrote) nobody has asked the policy about; it has said beforehand which
//! rows and which columns it would permit.

use crate::actors::Intruder;
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::filter::{COLUMN_FILTER, ROW_FILTER};
use models::fact::Fact;
use models::marker::Scanner;
use models::platform::contact_of;
use models::wire::http::Method;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/filtered-lists",
    title: "A list shows the rows and columns that the policy permits, and neither fewer nor more",
    threat: "Principals with genuine tokens ask for lists, reports, counts and queries of their own tenants, where \
             records lie that they may not handle: of a label without permission, of a level above the class for \
             their kind or of none that is known, of a kind without a class. Other records they may have, and not \
             whom to ask about them. Everybody's own lists meet these records as well.",
    stride: None,
    requirements: &["POL-05"],
    variants: &[
        Variant { name: "rows", mark: "filter.rows-asked", controls: &[sole(&ROW_FILTER)] },
        Variant { name: "columns", mark: "filter.columns-asked", controls: &[sole(&COLUMN_FILTER)] },
        // What is permitted is there, or an empty list would pass for a filtered one.
        Variant { name: "permitted-row", mark: "filter.permitted-row-listed", controls: &[] },
        Variant { name: "permitted-column", mark: "filter.permitted-column-listed", controls: &[] },
    ],
    canary: false,
    build,
};

/// A record with its class: kind, level, label.
type Special = (u32, (&'static str, i64, &'static str));

/// Acme may handle audit data up to confidential and agents up to internal, labelled confidential or pii. The last two
/// have levels that nobody knows.
const WITHHELD: [Special; 6] = [
    (900, ("audit", 2, "health")),
    (901, ("agents", 2, "confidential")),
    (902, ("audit", 3, "pii")),
    (903, ("documents", 0, "pii")),
    (904, ("audit", 9, "pii")),
    (905, ("agents", -1, "pii")),
];
/// Acme may have this record and its contact, which is confidential …
const WHOLE: Special = (910, ("audit", 1, "pii"));
/// … and of these the records alone: agents are no higher than internal to it, and audit data to beta.
const WITHOUT_CONTACT: [(&str, Special); 2] =
    [("acme", (911, ("agents", 1, "pii"))), ("beta", (912, ("audit", 1, "internal")))];

const QUERY: &str = "{ records(first: 100) { body contact neighbours(first: 1) { contact } } }";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    // So few that everybody's own short lists go on to the others.
    stage.records(2);
    stage.usual_weather();
    for (id, class) in WITHHELD {
        stage.special("acme", id, class);
        withhold(stage, "acme", &[id, contact_of(id)]);
    }
    stage.special("acme", WHOLE.0, WHOLE.1);
    for (tenant, (id, class)) in WITHOUT_CONTACT {
        stage.special(tenant, id, class);
        withhold(stage, tenant, &[contact_of(id)]);
    }
    asker(stage, "rows", ("acme", "EU", "a"), "filter.rows-asked");
    asker(stage, "columns", ("beta", "US", "b"), "filter.columns-asked");
    stage.mark_when("filter.permitted-row-listed", |fact| shows(fact, WITHOUT_CONTACT[0].1.0));
    stage.mark_when("filter.permitted-column-listed", |fact| shows(fact, contact_of(WHOLE.0)));
}

fn withhold(stage: &mut Stage<'_>, tenant: &str, data: &[u32]) {
    for datum in data {
        stage.forbid(tenant, *datum, Instant::ZERO, "POL-05");
    }
}

/// Whether this is the answer to a list, and holds the datum.
fn shows(fact: &Fact, datum: u32) -> bool {
    let Fact::Answered(answer) = fact else { return false };
    let mut found = false;
    if answer.status == 200 && answer.what.starts_with("GET /v1/records?") {
        Scanner::shared().scan(&answer.body, |hit| found |= hit.marker.is_some_and(|marker| marker.record == datum));
    }
    found
}

/// A principal that asks for everything its tenant has, on every way there is.
fn asker(
    stage: &mut Stage<'_>,
    name: &str,
    (tenant, region, cell): (&'static str, &'static str, &'static str),
    mark: &'static str,
) {
    stage.attacker(name, Some(tenant), "POL-05", false, move |d| {
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let mut asker = Intruder::new(idp, gateway, tenant, region, mark).asking(&[
            (Method::Get, "/v1/records?limit=100", ""),
            (Method::Get, "/v1/search?q=all", ""),
            (Method::Get, "/v1/search?q=recent", ""),
            (Method::Get, "/v1/records/count", ""),
            (Method::Post, "/v1/graphql", QUERY),
        ]);
        (asker.tries, asker.gap) = (40, Duration::millis(120));
        Box::new(asker)
    });
}
