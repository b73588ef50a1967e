//! CLS-02, CLS-03, CLS-04: of a tenant's customers every reader gets what its clearance permits, masked by rule where
//! it does not, and asks by nothing that it may not see.
//!
//! What each column is stands here once more, on purpose: the judge takes neither the label nor the masked form from
//! the service. A value that is left out leaks nothing; one that is masked for somebody who is cleared for it was made
//! for somebody else.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::Answer;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::http::Method;
use crate::wire::http::route::{self, Operation};
use crate::wire::policy::Level;
use crate::wire::sql::Value;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// How a column is masked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// The first 16 hexadecimal digits of its SHA-256.
    Digest,
    /// Its last four characters, if there are more than those.
    Ending,
    /// One word.
    Redacted,
    /// Left out.
    Omitted,
    /// Nothing of it.
    Whole,
}

/// What each column is: its level, and its rule.
const COLUMNS: [(&str, Level, Rule); 12] = [
    ("tenant_id", Level::Public, Rule::Whole),
    ("id", Level::Public, Rule::Whole),
    ("country", Level::Public, Rule::Whole),
    ("segment", Level::Internal, Rule::Whole),
    ("name", Level::Confidential, Rule::Digest),
    ("iban", Level::Confidential, Rule::Ending),
    ("account", Level::Confidential, Rule::Ending),
    ("email", Level::Confidential, Rule::Redacted),
    ("discount", Level::Confidential, Rule::Omitted),
    ("diagnosis", Level::Restricted, Rule::Whole),
    // Nobody has said what these are.
    ("nickname", Level::Restricted, Rule::Whole),
    ("remark", Level::Restricted, Rule::Whole),
];

/// Customers by tenant and number, with what the store keeps of each.
pub type Customers = BTreeMap<(TenantId, i64), BTreeMap<&'static str, Value>>;

/// What a reader may see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleared {
    /// The level that its token is for.
    pub level: Level,
    /// Whether its tenant has named it for what is restricted.
    pub is_named: bool,
}

/// Principals who read, how far each is cleared, and how often each was found with more.
pub struct Readers {
    cast: Rc<Cast>,
    cleared: BTreeMap<Arc<str>, Cleared>,
    /// Findings by principal: one who gets much must not hide another.
    found: BTreeMap<Arc<str>, usize>,
}

/// Judges what readers of customers get.
pub struct Masking {
    readers: Readers,
    customers: Customers,
}

impl Cleared {
    /// Whether it may see what is of this level.
    pub fn sees(self, level: Level) -> bool {
        level <= self.level && (level != Level::Restricted || self.is_named)
    }
}

impl Readers {
    /// Those who are cleared so far; other principals read nothing of this.
    pub fn new(cast: Rc<Cast>, cleared: BTreeMap<Arc<str>, Cleared>) -> Readers {
        Readers { cast, cleared, found: BTreeMap::new() }
    }

    /// Judges what one of them was answered, by what `wrong` says of it.
    pub fn judge(
        &mut self,
        oracle: &'static str,
        seen: &Seen<'_, Saas>,
        findings: &mut Vec<Finding>,
        wrong: impl Fn(&Answer, &TenantId, Cleared) -> Option<String>,
    ) {
        let Some(answer) = answer(seen).filter(|answer| answer.status == 200) else { return };
        let Some(cleared) = self.cleared.get(&answer.principal) else { return };
        let Some(principal) = self.cast.principal(&answer.principal) else { return };
        let Some(tenant) = &principal.tenant else { return };
        let Some(wrong) = wrong(answer, tenant, *cleared) else { return };
        let found = self.found.entry(answer.principal.clone()).or_default();
        if *found < FINDINGS_MAX {
            *found += 1;
            let message = format!("{} {wrong}, in the answer to {}", answer.principal, answer.what);
            findings.push(finding(oracle, principal.breach, Some(tenant), seen, message));
        }
    }
}

impl Masking {
    /// Judges these readers by what is stored.
    pub fn new(readers: Readers, customers: Customers) -> Masking {
        Masking { readers, customers }
    }
}

/// What is wrong with an answer, if anything is.
fn wrong(customers: &Customers, answer: &Answer, tenant: &TenantId, cleared: Cleared) -> Option<String> {
    let (method, path) = answer.what.split_once(' ')?;
    let operation = route::parse(Method::Get, path).ok().filter(|_| method == "GET")?;
    let asked_by = match operation {
        Operation::Customer { .. } => None,
        Operation::Customers { column, .. } => Some(column),
        _ => return None,
    };
    if let Some(column) = asked_by.filter(|column| !cleared.sees(level_of(column))) {
        return Some(format!("asked by {column}, which it may not see, and was answered"));
    }
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    text.lines().find_map(|line| match serde_json::from_str(line) {
        Ok(Json::Object(shown)) => wrong_in(customers, &shown, tenant, cleared),
        _ => Some("was told something that is no customer".to_owned()),
    })
}

fn wrong_in(customers: &Customers, shown: &Map<String, Json>, tenant: &TenantId, cleared: Cleared) -> Option<String> {
    let id = shown.get("id").and_then(Json::as_i64);
    let Some(stored) = id.and_then(|id| customers.get(&(tenant.clone(), id))) else {
        return Some("was told of a customer that its tenant does not have".to_owned());
    };
    shown.iter().find_map(|(column, value)| {
        let Some((name, level, rule)) = COLUMNS.iter().find(|(name, ..)| name == column) else {
            return Some(format!("was told of a column {column} that there is not"));
        };
        let stored = stored.get(name).unwrap_or(&Value::Null);
        let id = id.unwrap_or_default();
        let (right, what) = match cleared.sees(*level) {
            true => (json(stored), format!("is not shown the {column} of customer {id}, which it may see")),
            false => {
                let what = format!("is shown more of the {column} of customer {id} than its clearance permits");
                (permitted(*rule, stored), what)
            }
        };
        (*value != right).then_some(what)
    })
}

fn level_of(column: &str) -> Level {
    COLUMNS.iter().find(|(name, ..)| *name == column).map_or(Level::Restricted, |(_, level, _)| *level)
}

/// A value as it may be shown to whom it is concealed from; no value that is shown is right where nothing may be.
fn permitted(rule: Rule, stored: &Value) -> Json {
    let text = match stored {
        Value::Text(text) => text.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Null | Value::Bool(_) => String::new(),
    };
    match rule {
        Rule::Digest => {
            let digest = Sha256::digest(text.as_bytes());
            digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        Rule::Ending => {
            let characters: Vec<char> = text.chars().collect();
            let visible = if characters.len() > 4 { &characters[characters.len() - 4..] } else { &[] };
            format!("****{}", visible.iter().collect::<String>()).into()
        }
        Rule::Redacted => "[REDACTED]".into(),
        Rule::Omitted => Json::Bool(false),
        Rule::Whole => "****".into(),
    }
}

/// A value that is shown as it is.
pub(super) fn json(stored: &Value) -> Json {
    match stored {
        Value::Null => Json::Null,
        Value::Bool(yes) => (*yes).into(),
        Value::Int(n) => (*n).into(),
        Value::Text(text) => (**text).into(),
    }
}

impl Oracle<Saas> for Masking {
    fn name(&self) -> &'static str {
        "masking"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let customers = &self.customers;
        let wrong = |answer: &Answer, tenant: &TenantId, cleared| wrong(customers, answer, tenant, cleared);
        self.readers.judge("masking", seen, findings, wrong);
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
