//! Insights: what is derived from a tenant's customers and their visits when somebody asks for it, shown as far as they
//! are cleared for what it was made from.

use super::derived::{Shape, Table, text};
use super::labelled::{self, Labelled, lines};
use super::reader::Reader;
use crate::control::Controls;
use crate::ids::TenantId;
use crate::wire::http::Reason;
use crate::wire::sql::{Reply, Statement, Transaction, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const CUSTOMERS: Shape = Shape::Stored("customers");
const VISITS: Shape = Shape::Stored("visits");
const OF_CUSTOMERS: Shape = Shape::Join(&VISITS, &CUSTOMERS, ("customer", "id"));

/// Every insight, in order of name.
pub const ALL: [(&str, Shape); 6] = [
    // Who came on which day.
    (
        "guests",
        Shape::Select(
            &Shape::Apply(&OF_CUSTOMERS, beside, ["day", "email"], "guest"),
            &[("customer", "customer"), ("guest", "guest")],
        ),
    ),
    // Each customer of a ward, by number.
    (
        "oncology",
        Shape::Select(&Shape::Filter(&OF_CUSTOMERS, "ward", "oncology"), &[("id", "id"), ("country", "country")]),
    ),
    // What customers are told apart by.
    (
        "traits",
        Shape::Union(
            &Shape::Select(&CUSTOMERS, &[("segment", "trait")]),
            &Shape::Select(&CUSTOMERS, &[("diagnosis", "trait")]),
        ),
    ),
    // The customer before, in each segment.
    (
        "previous",
        Shape::Select(
            &Shape::Before(&CUSTOMERS, "segment", "email", "earlier"),
            &[("id", "id"), ("segment", "segment"), ("earlier", "earlier")],
        ),
    ),
    // A label for envelopes.
    (
        "tags",
        Shape::Select(&Shape::Apply(&CUSTOMERS, beside, ["country", "name"], "tag"), &[("id", "id"), ("tag", "tag")]),
    ),
    // The last of the diagnoses of each country, in alphabetical order.
    ("worst", Shape::Greatest(&CUSTOMERS, "country", "diagnosis", "worst")),
];

fn beside(one: &Value, other: &Value) -> Value {
    Value::text(&format!("{}/{}", text(one), text(other)))
}

/// The insight of this name.
fn find(name: &str) -> Option<&'static Shape> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, shape)| shape)
}

/// The texts of the statements.
#[derive(Clone, Debug)]
pub struct Texts {
    customers: Arc<str>,
    visits: Arc<str>,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            customers: "SELECT * FROM customers WHERE tenant_id = $1 ORDER BY id".into(),
            visits: "SELECT * FROM visits WHERE tenant_id = $1 ORDER BY day".into(),
        }
    }
}

impl Texts {
    /// The transaction that reads what an insight is made from. None when there is no such insight.
    pub fn transaction(
        &self,
        (tenant, name): (&TenantId, &str),
        reader: &Reader,
        labels: &labelled::Texts,
    ) -> Option<Transaction> {
        find(name)?;
        let owner = || vec![Value::Text(tenant.clone())];
        let mut statements = vec![
            Statement { text: self.customers.clone(), params: owner() },
            Statement { text: self.visits.clone(), params: owner() },
        ];
        statements.extend(labels.statements(tenant, reader));
        Some(Transaction { tenant: Some(tenant.clone()), login: None, statements })
    }
}

/// What replies without an error mean for the client: a reason, and one JSON object a line.
pub fn answer(controls: &Controls, name: &str, reader: &Reader, replies: &[Reply]) -> (Reason, Vec<u8>) {
    let [customers, visits, labels, named] = replies else { return (Reason::Internal, Vec::new()) };
    let labelled = Labelled::read(reader, labels, named);
    let stored = [("customers", customers), ("visits", visits)];
    let stored: BTreeMap<&str, Table> = stored.map(|(name, reply)| (name, labelled.table(controls, reply))).into();
    let Some(table) = find(name).and_then(|shape| shape.run(controls, &stored)) else {
        return (Reason::Internal, Vec::new());
    };
    if !labelled.clearance.covers(controls, table.decided) {
        return (Reason::PolicyDenied, Vec::new());
    }
    let rows = table.rows.iter().map(Vec::as_slice);
    (Reason::Ok, lines(controls, &table.columns, rows, labelled.clearance))
}
