//! The questions that a policy is asked: the whole of a small space, and the neighbourhood of everything permitted.
//!
//! Two tenants stand for all of them, from two regions where there are two. *Every combination* of tenant, owner,
//! region, label, kind, level and authentication is asked, with a word that nobody knows and with the field left out.
//! Around one question of each that is permitted, every one and every two fields are spoiled: null, another type,
//! another case, a longer name. And every tenant of the data asks for what it may have, and for what is one word away
//! from that.

use crate::policy::data::{PolicyData, TenantPolicy};
use crate::wire::policy::Level;
use serde_json::{Value, json};

/// The fields of a question, as JSON pointers, in the order of [`Space`]'s columns.
pub const FIELDS: [&str; 7] = [
    "/subject/authenticated",
    "/tenant/id",
    "/resource/tenant",
    "/resource/kind",
    "/resource/classification",
    "/resource/label",
    "/context/region",
];

/// A word that no data holds.
const NOBODY: &str = "nobody";
/// Words of one column in the full product; more would ask the same again.
const WORDS_MAX: usize = 3;
/// Tenants that ask for what they may have.
const TENANTS_MAX: usize = 32;

/// A field's value; `None` leaves the field out.
type Cell = Option<Value>;

/// Every question, in a fixed order.
#[derive(Clone, Debug)]
pub struct Space {
    product: [Vec<Cell>; 7],
    product_len: usize,
    /// Questions outside the product.
    rest: Vec<Value>,
    tenants: Vec<String>,
}

impl Space {
    /// The space over `data`.
    pub fn new(data: &PolicyData) -> Space {
        let pair = pair(data);
        let words = |words: Vec<&str>, max: usize| -> Vec<Cell> {
            let mut words: Vec<&str> = words;
            words.sort_unstable();
            words.dedup();
            words.truncate(max);
            words.into_iter().chain([NOBODY]).map(|w| Some(w.into())).chain([None]).collect()
        };
        let ids = words(pair.iter().map(|(id, _)| *id).collect(), 2);
        let labels = pair.iter().flat_map(|(_, t)| t.labels.iter().map(|l| &**l)).collect();
        let kinds = pair.iter().flat_map(|(_, t)| t.classes.iter().map(|(kind, _)| &**kind)).collect();
        let levels = Level::ALL.map(|level| Some(level.rank().into())).into_iter().chain([None]).collect();
        let product = [
            vec![Some(true.into()), Some(false.into()), None],
            ids.clone(),
            ids,
            words(kinds, WORDS_MAX),
            levels,
            words(labels, WORDS_MAX),
            words(pair.iter().map(|(_, t)| &*t.region).collect(), WORDS_MAX),
        ];
        let product_len = product.iter().map(Vec::len).product();
        let mut rest = shapes();
        for question in pair.iter().filter_map(|(id, tenant)| permitted(id, tenant).into_iter().next()) {
            spoil(&question, &mut rest);
        }
        for (id, tenant) in data.tenants().take(TENANTS_MAX) {
            for question in permitted(id, tenant) {
                neighbours(&question, data, &mut rest);
                rest.push(question);
            }
        }
        let tenants = pair.iter().map(|(id, _)| (*id).to_owned()).collect();
        Space { product, product_len, rest, tenants }
    }

    /// Questions.
    pub fn len(&self) -> usize {
        self.product_len + self.rest.len()
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Questions of the full product.
    pub fn product_len(&self) -> usize {
        self.product_len
    }

    /// The tenants whose every combination is asked.
    pub fn tenants(&self) -> &[String] {
        &self.tenants
    }

    /// Question number `n`.
    pub fn question(&self, n: usize) -> Value {
        if let Some(rest) = n.checked_sub(self.product_len) {
            return self.rest[rest].clone();
        }
        let mut left = n;
        let mut question = json!({"subject": {}, "tenant": {}, "resource": {}, "context": {}});
        for (field, column) in FIELDS.iter().zip(&self.product) {
            set(&mut question, field, &column[left % column.len()]);
            left /= column.len();
        }
        question
    }
}

/// Two tenants, if possible of two regions.
fn pair(data: &PolicyData) -> Vec<(&str, &TenantPolicy)> {
    let mut all = data.tenants().map(|(id, tenant)| (&**id, tenant));
    let Some(first) = all.next() else { return Vec::new() };
    let others: Vec<_> = all.collect();
    let abroad = others.iter().find(|(_, tenant)| tenant.region != first.1.region);
    [Some(&first), abroad.or(others.first())].into_iter().flatten().copied().collect()
}

/// The most that a tenant may have, for each kind and label of it.
fn permitted(id: &str, tenant: &TenantPolicy) -> Vec<Value> {
    let combinations = tenant.classes.iter().flat_map(|class| tenant.labels.iter().map(move |label| (class, label)));
    let question = |((kind, level), label): (&(_, Level), &_)| {
        let (kind, label): (&std::sync::Arc<str>, &std::sync::Arc<str>) = (kind, label);
        json!({
            "subject": {"authenticated": true},
            "tenant": {"id": id},
            "resource": {"tenant": id, "kind": **kind, "classification": level.rank(), "label": **label},
            "context": {"region": *tenant.region},
        })
    };
    combinations.map(question).collect()
}

/// Questions without one of their parts, and what is no question at all.
fn shapes() -> Vec<Value> {
    vec![json!({}), json!({"subject": {"authenticated": true}}), json!({"tenant": {}, "resource": {}}), Value::Null]
}

/// Every one and every two fields spoiled, and the level by its name.
fn spoil(question: &Value, out: &mut Vec<Value>) {
    let changes: Vec<(usize, Vec<Cell>)> = FIELDS.iter().enumerate().map(|(i, at)| (i, spoils(question, at))).collect();
    for (i, values) in &changes {
        for value in values {
            let mut once = question.clone();
            set(&mut once, FIELDS[*i], value);
            for (j, others) in changes.iter().filter(|(j, _)| j > i) {
                for other in others {
                    let mut twice = once.clone();
                    set(&mut twice, FIELDS[*j], other);
                    out.push(twice);
                }
            }
            out.push(once);
        }
    }
    for parent in ["subject", "tenant", "resource", "context"] {
        for value in [None, Some(Value::Null), Some(json!([])), Some("text".into())] {
            let mut spoiled = question.clone();
            let top = spoiled.as_object_mut().expect("a question is an object");
            match value {
                Some(value) => top.insert(parent.to_owned(), value),
                None => top.remove(parent),
            };
            out.push(spoiled);
        }
    }
}

/// What a real caller gets wrong with one field.
fn spoils(question: &Value, at: &str) -> Vec<Cell> {
    let value = question.pointer(at).cloned().unwrap_or_default();
    let mut out = vec![None, Some(Value::Null), Some(json!([])), Some(json!({}))];
    match (&value, at) {
        (Value::Bool(_), _) => out.extend([json!("true"), json!("no"), json!(1), json!(0)].map(Some)),
        (Value::Number(n), _) => {
            let names = Level::ALL.map(|level| Some(level.name().into()));
            out.extend(names);
            let strange =
                [json!(false), json!(-1), json!(4), json!(1.5), json!("top"), json!(""), json!(n.to_string())];
            out.extend(strange.map(Some));
        }
        (Value::String(text), _) => {
            let mixed = if text.to_uppercase() == *text { text.to_lowercase() } else { text.to_uppercase() };
            let near = [mixed, format!("{text}-corp"), format!("{text} "), String::new()];
            out.extend(near.into_iter().map(|t| Some(t.into())));
            out.extend([json!([text]), json!([text, NOBODY]), json!({"id": text}), json!(7)].map(Some));
        }
        _ => {}
    }
    out
}

/// Every question that is one word of the data away.
fn neighbours(question: &Value, data: &PolicyData, out: &mut Vec<Value>) {
    let others = || data.tenants().take(TENANTS_MAX);
    let words: [(&str, Vec<&str>); 5] = [
        ("/tenant/id", others().map(|(id, _)| &**id).collect()),
        ("/resource/tenant", others().map(|(id, _)| &**id).collect()),
        ("/resource/kind", others().flat_map(|(_, t)| t.classes.iter().map(|(kind, _)| &**kind)).collect()),
        ("/resource/label", others().flat_map(|(_, t)| t.labels.iter().map(|label| &**label)).collect()),
        ("/context/region", others().map(|(_, t)| &*t.region).collect()),
    ];
    let levels = Level::ALL.map(|level| Value::from(level.rank()));
    let mut changes: Vec<(&str, Value)> = levels.into_iter().map(|l| ("/resource/classification", l)).collect();
    for (at, mut words) in words {
        words.sort_unstable();
        words.dedup();
        changes.extend(words.into_iter().map(|word| (at, word.into())));
    }
    for (at, value) in changes {
        if question.pointer(at) != Some(&value) {
            let mut changed = question.clone();
            set(&mut changed, at, &Some(value));
            out.push(changed);
        }
    }
}

fn set(question: &mut Value, at: &str, value: &Cell) {
    let (parent, key) = at.rsplit_once('/').expect("a JSON pointer begins with a slash");
    let Some(parent) = question.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    match value {
        Some(value) => parent.insert(key.into(), value.clone()),
        None => parent.remove(key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;
    use std::collections::BTreeSet;

    #[test]
    fn the_space_holds_what_is_permitted_and_every_way_to_spoil_it() {
        let space = Space::new(&PolicyData::from_tenants(&Inputs::embedded().tenants));
        assert_eq!(space.tenants(), ["acme", "beta"]);
        assert_eq!(space.product_len(), 3 * 4 * 4 * 4 * 5 * 5 * 4);
        let all: BTreeSet<String> = (0..space.len()).map(|n| space.question(n).to_string()).collect();
        let has = |question: Value| assert!(all.contains(&question.to_string()), "{question}");
        let of_kind = |kind: &str, level: Value, label: Value| {
            json!({"subject": {"authenticated": true}, "tenant": {"id": "acme"}, "context": {"region": "EU"},
                "resource": {"tenant": "acme", "kind": kind, "classification": level, "label": label}})
        };
        let (own, own_agents) = (|l, m| of_kind("audit", l, m), |l, m| of_kind("agents", l, m));
        has(own(2.into(), "pii".into()));
        has(own(3.into(), "pii".into()));
        let label = "confidential";
        has(own_agents("internal".into(), label.into()));
        has(own_agents(Value::Null, json!([label, "nobody"])));
        let mut null_tenants = own_agents(1.into(), label.into());
        (null_tenants["tenant"]["id"], null_tenants["resource"]["tenant"]) = (Value::Null, Value::Null);
        has(null_tenants);
        has(json!({"subject": {}, "tenant": {}, "resource": {}, "context": {}}));
    }

    #[test]
    fn data_without_tenants_still_asks() {
        let space = Space::new(&PolicyData::default());
        assert!(space.len() > 100 && !space.is_empty());
    }
}
