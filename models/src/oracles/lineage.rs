//! CLS-01: what is derived from a tenant's customers is shown to those alone who may see all that it was made from.
//!
//! What each insight is made from stands here once more, on purpose, and its rows are made here once more by plain
//! loops: the judge takes neither from the service.

use super::masking::{Cleared, json};
use super::{Cast, FINDINGS_MAX, answer, finding};
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
use std::rc::Rc;
use std::sync::Arc;

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
    cast: Rc<Cast>,
    sources: BTreeMap<TenantId, Sources>,
    readers: BTreeMap<Arc<str>, Cleared>,
    /// Findings by principal: one who gets much must not hide another.
    found: BTreeMap<Arc<str>, usize>,
}

impl Lineage {
    /// Judges by this cast; other principals than these ask for no insights.
    pub fn new(cast: Rc<Cast>, sources: BTreeMap<TenantId, Sources>, readers: BTreeMap<Arc<str>, Cleared>) -> Lineage {
        Lineage { cast, sources, readers, found: BTreeMap::new() }
    }

    /// What is wrong with an answer, if anything is.
    fn wrong(&self, answer: &Answer, tenant: &TenantId, cleared: Cleared) -> Option<String> {
        let name = answer.what.strip_prefix(PATH)?;
        let Some((_, chosen_by, columns)) = INSIGHTS.iter().find(|(known, ..)| *known == name) else {
            return Some(format!("was answered of {name}, which there is not"));
        };
        if !cleared.sees(*chosen_by) {
            return Some(format!("was told which rows {name} has, chosen by what it may not see"));
        }
        let expected = self.sources.get(tenant)?.rows(name);
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
                (*value != right).then(|| format!("was not told of {column} of {name} what it may see"))
            })
        })
    }
}

fn text(row: &Row, column: &str) -> String {
    match row.get(column) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Int(n)) => n.to_string(),
        _ => String::new(),
    }
}

impl Sources {
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

impl Oracle<Saas> for Lineage {
    fn name(&self) -> &'static str {
        "lineage"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen).filter(|answer| answer.status == 200) else { return };
        let Some(cleared) = self.readers.get(&answer.principal) else { return };
        let Some(principal) = self.cast.principal(&answer.principal) else { return };
        let Some(tenant) = &principal.tenant else { return };
        let Some(wrong) = self.wrong(answer, tenant, *cleared) else { return };
        let found = self.found.entry(answer.principal.clone()).or_default();
        if *found < FINDINGS_MAX {
            *found += 1;
            let message = format!("{} {wrong}, in the answer to {}", answer.principal, answer.what);
            findings.push(finding("lineage", principal.breach, Some(tenant), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
