//! CLS-01: what is derived from a tenant's customers is shown to those alone who may see all that it was made from.
//!
//! What each insight is made from stands here once more, on purpose, and its rows are made here once more by plain
//! loops: the judge takes neither from the service.

use super::masking::{Cleared, Readers, json};
use crate::fact::Answer;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::policy::Level;
use crate::wire::sql::Value;
use serde_json::Value as Json;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;

/// A row, by column.
pub type Row = BTreeMap<&'static str, Value>;

/// Customers and visits of a tenant, each in order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The customers, by number.
    pub customers: Vec<Row>,
    /// The visits, by day.
    pub visits: Vec<Row>,
}

/// An insight: the level of what its rows were chosen by, and of each column the highest of what it was made from.
type Insight = (&'static str, Level, &'static [(&'static str, Level)]);

const INSIGHTS: [Insight; 6] = [
    ("guests", Level::Public, &[("customer", Level::Public), ("guest", Level::Confidential)]),
    ("oncology", Level::Restricted, &[("id", Level::Restricted), ("country", Level::Restricted)]),
    (
        "previous",
        Level::Public,
        &[("id", Level::Public), ("segment", Level::Internal), ("earlier", Level::Confidential)],
    ),
    ("tags", Level::Public, &[("id", Level::Public), ("tag", Level::Confidential)]),
    ("traits", Level::Public, &[("trait", Level::Restricted)]),
    ("worst", Level::Public, &[("country", Level::Public), ("worst", Level::Restricted)]),
];

/// Where insights are.
const PATH: &str = "GET /v1/insights/";
/// In place of what nobody may see.
const STARS: &str = "****";

/// Judges what readers get of insights.
pub struct Lineage {
    readers: Readers,
    sources: BTreeMap<TenantId, Sources>,
}

impl Lineage {
    /// Judges these readers by what is stored.
    pub fn new(readers: Readers, sources: BTreeMap<TenantId, Sources>) -> Lineage {
        Lineage { readers, sources }
    }
}

impl Sources {
    /// What is wrong with an answer, if anything is.
    fn wrong(&self, answer: &Answer, cleared: Cleared) -> Option<String> {
        let name = answer.what.strip_prefix(PATH)?;
        let Some((_, chosen_by, columns)) = INSIGHTS.iter().find(|(known, ..)| *known == name) else {
            return Some(format!("was answered of {name}, which there is not"));
        };
        if !cleared.sees(*chosen_by) {
            return Some(format!("was told which rows {name} has, chosen by what it may not see"));
        }
        let expected = self.rows(name);
        let text = std::str::from_utf8(&answer.body).unwrap_or_default();
        if text.lines().count() != expected.len() {
            return Some(format!("was told of other rows of {name} than it has"));
        }
        text.lines().zip(&expected).find_map(|(line, row)| {
            let Ok(Json::Object(shown)) = serde_json::from_str(line) else {
                return Some(format!("was told something that is no row of {name}"));
            };
            shown.iter().find_map(|(column, value)| {
                let Some((column, level)) = columns.iter().find(|(known, _)| known == column) else {
                    return Some(format!("was told of a column {column} that {name} does not have"));
                };
                let right = match cleared.sees(*level) {
                    true => json(row.get(column).unwrap_or(&Value::Null)),
                    false => STARS.into(),
                };
                (*value != right).then(|| format!("was shown {column} of {name} otherwise than it may be"))
            })
        })
    }

    /// Visits with their customers.
    fn visited(&self) -> impl Iterator<Item = (&Row, &Row)> {
        self.visits.iter().flat_map(|visit| {
            let same = self.customers.iter().filter(|customer| customer.get("id") == visit.get("customer"));
            same.map(move |customer| (visit, customer))
        })
    }

    /// The rows of an insight.
    fn rows(&self, name: &str) -> Vec<Row> {
        let of = |row: &Row, column: &'static str| (column, row.get(column).cloned().unwrap_or_default());
        let both = |one: &str, other: &str| Value::text(&format!("{one}/{other}"));
        match name {
            "guests" => {
                let guest = |(visit, customer): (&Row, &Row)| {
                    let guest = both(&text(visit, "day"), &text(customer, "email"));
                    Row::from([of(visit, "customer"), ("guest", guest)])
                };
                self.visited().map(guest).collect()
            }
            "oncology" => {
                let there = self.visited().filter(|(visit, _)| text(visit, "ward") == "oncology");
                there.map(|(_, customer)| Row::from([of(customer, "id"), of(customer, "country")])).collect()
            }
            "previous" => {
                let mut last: BTreeMap<String, Value> = BTreeMap::new();
                let row = |customer: &Row| {
                    let earlier = last.insert(text(customer, "segment"), of(customer, "email").1);
                    Row::from([of(customer, "id"), of(customer, "segment"), ("earlier", earlier.unwrap_or_default())])
                };
                self.customers.iter().map(row).collect()
            }
            "tags" => {
                let tag = |customer: &Row| both(&text(customer, "country"), &text(customer, "name"));
                self.customers.iter().map(|customer| Row::from([of(customer, "id"), ("tag", tag(customer))])).collect()
            }
            "traits" => {
                let column = |column: &'static str| {
                    self.customers.iter().map(move |customer| Row::from([("trait", of(customer, column).1)]))
                };
                column("segment").chain(column("diagnosis")).collect()
            }
            _ => {
                let mut worst: BTreeMap<String, String> = BTreeMap::new();
                for customer in &self.customers {
                    let greatest = worst.entry(text(customer, "country")).or_default();
                    *greatest = text(customer, "diagnosis").max(std::mem::take(greatest));
                }
                let row = |(country, worst): (String, String)| {
                    Row::from([("country", Value::text(&country)), ("worst", Value::text(&worst))])
                };
                worst.into_iter().map(row).collect()
            }
        }
    }
}

fn text(row: &Row, column: &str) -> String {
    match row.get(column) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Int(n)) => n.to_string(),
        _ => String::new(),
    }
}

impl Oracle<Saas> for Lineage {
    fn name(&self) -> &'static str {
        "lineage"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let sources = &self.sources;
        let wrong = |answer: &Answer, tenant: &TenantId, cleared| sources.get(tenant)?.wrong(answer, cleared);
        self.readers.judge("lineage", seen, findings, wrong);
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
