//! What the policy knows about tenants: region, labels and classes, in the shape of the document's `tenants.json`.
//!
//! Built from `tenants.yaml` or from a bundle's JSON. A datum it cannot read is an error, never a gap: a tenant without
//! a region would be a tenant without residency.

use crate::config::Tenants;
use crate::ids::TenantId;
use crate::wire::policy::Level;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The data of a policy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PolicyData {
    tenants: BTreeMap<TenantId, TenantPolicy>,
    /// Levels of the columns that a list may show beside the content (CLS-01).
    columns: BTreeMap<Arc<str>, Level>,
}

/// The columns of the reference schema's records that lists may show, with their levels: contacts are personal data.
const COLUMNS: [(&str, Level); 1] = [("contact", Level::Confidential)];

/// What is permitted to one tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantPolicy {
    /// Where its requests are served.
    pub region: Arc<str>,
    /// What it may handle. A handful, so a list is faster than a set.
    pub labels: Vec<Arc<str>>,
    /// The highest level it may handle, per kind.
    pub classes: Vec<(Arc<str>, Level)>,
}

impl TenantPolicy {
    /// Whether data of this label is permitted.
    pub fn permits_label(&self, label: &str) -> bool {
        self.labels.iter().any(|l| **l == *label)
    }
    /// The highest level for `kind`; `None` when the tenant has no class for it.
    pub fn class(&self, kind: &str) -> Option<Level> {
        self.classes.iter().find(|(k, _)| **k == *kind).map(|(_, level)| *level)
    }
}

/// Why policy data was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DataError {
    /// The text is no JSON; with the parser's message.
    NotJson(String),
    /// Something is missing or of the wrong type: a JSON pointer, and what was expected there.
    Expected(String, &'static str),
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::NotJson(why) => write!(f, "policy data is not JSON: {why}"),
            DataError::Expected(at, what) => write!(f, "policy data at {at}: expected {what}"),
        }
    }
}

impl std::error::Error for DataError {}

impl PolicyData {
    /// The data that a tenants file stands for.
    pub fn from_tenants(tenants: &Tenants) -> PolicyData {
        let policy = |t: &crate::config::Tenant| TenantPolicy {
            region: Arc::clone(&t.region),
            labels: t.labels.clone(),
            classes: t.data_classes.iter().map(|(kind, level)| (Arc::clone(kind), *level)).collect(),
        };
        PolicyData {
            tenants: tenants.tenants.iter().map(|t| (Arc::clone(&t.id), policy(t))).collect(),
            columns: COLUMNS.map(|(name, level)| (name.into(), level)).into(),
        }
    }

    /// Reads `{"tenants": {"acme": {"region": …, "labels": […], "data_classes": {…}}}, "columns": {"contact": 2}}`;
    /// levels by name or integer. Columns may be missing, and then none is ever shown: the document's data has none.
    ///
    /// # Errors
    /// The first thing that is missing or of the wrong type.
    pub fn from_json(text: &str) -> Result<PolicyData, DataError> {
        let value: Value = serde_json::from_str(text).map_err(|e| DataError::NotJson(e.to_string()))?;
        let Some(tenants) = value.get("tenants").and_then(Value::as_object) else {
            return Err(DataError::Expected("/tenants".into(), "an object"));
        };
        let mut data = PolicyData::default();
        for (id, tenant) in tenants {
            data.tenants.insert(id.as_str().into(), read_tenant(&format!("/tenants/{id}"), tenant)?);
        }
        let Some(columns) = value.get("columns") else { return Ok(data) };
        let columns = columns.as_object().ok_or_else(|| DataError::Expected("/columns".into(), "an object"))?;
        for (name, level) in columns {
            let level = read_level(level);
            let level = level.ok_or_else(|| DataError::Expected(format!("/columns/{name}"), "a level"))?;
            data.columns.insert(name.as_str().into(), level);
        }
        Ok(data)
    }

    /// The inverse of [`PolicyData::from_json`], with integers for levels as in the document.
    pub fn to_json(&self) -> Value {
        let tenant = |t: &TenantPolicy| {
            let labels = t.labels.iter().map(|l| Value::from(&**l)).collect();
            let classes = t.classes.iter().map(|(kind, level)| (kind.to_string(), level.rank().into())).collect();
            let fields = [("data_classes", Value::Object(classes)), ("labels", labels), ("region", (*t.region).into())];
            Value::Object(fields.into_iter().map(|(k, v)| (k.to_string(), v)).collect())
        };
        let tenants: Map<String, Value> = self.tenants.iter().map(|(id, t)| (id.to_string(), tenant(t))).collect();
        let columns: Map<String, Value> = self.columns.iter().map(|(n, l)| (n.to_string(), l.rank().into())).collect();
        let parts = [("columns", columns), ("tenants", tenants)];
        Value::Object(parts.into_iter().map(|(name, part)| (name.to_string(), Value::Object(part))).collect())
    }

    /// What is permitted to the tenant `id`.
    pub fn tenant(&self, id: &str) -> Option<&TenantPolicy> {
        self.tenants.get(id)
    }

    /// Columns that a list may show beside the content, with their levels, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&Arc<str>, Level)> {
        self.columns.iter().map(|(name, level)| (name, *level))
    }

    /// All tenants, sorted by id.
    pub fn tenants(&self) -> impl Iterator<Item = (&TenantId, &TenantPolicy)> {
        self.tenants.iter()
    }
}

fn read_tenant(at: &str, tenant: &Value) -> Result<TenantPolicy, DataError> {
    let region = tenant.get("region").and_then(Value::as_str).map(Arc::from);
    let region = region.ok_or_else(|| DataError::Expected(format!("{at}/region"), "text"))?;
    let mut labels = Vec::new();
    let list = tenant.get("labels").and_then(Value::as_array);
    for label in list.ok_or_else(|| DataError::Expected(format!("{at}/labels"), "a list"))? {
        let label = label.as_str().map(Arc::from);
        labels.push(label.ok_or_else(|| DataError::Expected(format!("{at}/labels"), "texts"))?);
    }
    let mut classes = Vec::new();
    let table = tenant.get("data_classes").and_then(Value::as_object);
    for (kind, level) in table.ok_or_else(|| DataError::Expected(format!("{at}/data_classes"), "an object"))? {
        let level = read_level(level);
        let level = level.ok_or_else(|| DataError::Expected(format!("{at}/data_classes/{kind}"), "a level"))?;
        classes.push((kind.as_str().into(), level));
    }
    classes.sort();
    Ok(TenantPolicy { region, labels, classes })
}

/// A level by name or integer. JSON does not tell 1 from 1.0, so neither does this.
pub(super) fn read_level(value: &Value) -> Option<Level> {
    match value {
        Value::String(name) => Level::from_name(name),
        Value::Number(n) => match n.as_u64() {
            Some(rank) => Level::from_rank(rank),
            None => Level::ALL.into_iter().find(|level| n.as_f64() == Some(f64::from(level.rank()))),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;

    #[test]
    fn data_survives_the_trip_through_a_bundle() {
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        assert_eq!(PolicyData::from_json(&data.to_json().to_string()), Ok(data));
    }

    #[test]
    fn the_documents_data_is_what_the_tenants_file_stands_for() {
        let text = r#"{"tenants": {
            "acme": { "region":"EU", "labels":["confidential","pii"], "data_classes": {"audit":2, "agents":1} },
            "beta": { "region":"US", "labels":["internal"], "data_classes": {"audit":1, "agents":0} }
        }}"#;
        let read = PolicyData::from_json(text).expect("the document's data");
        let ours = PolicyData::from_tenants(&Inputs::embedded().tenants);
        for id in ["acme", "beta"] {
            assert_eq!(read.tenant(id), ours.tenant(id));
        }
    }

    #[test]
    fn a_gap_in_the_data_is_refused() {
        let check = |tenant: &str, expected: &str| {
            let said = PolicyData::from_json(&format!(r#"{{"tenants": {{"acme": {tenant}}}}}"#));
            assert_eq!(said.map_err(|e| e.to_string()), Err(format!("policy data at /tenants/acme{expected}")));
        };
        check(r#"{"labels": [], "data_classes": {}}"#, "/region: expected text");
        check(r#"{"region": null, "labels": [], "data_classes": {}}"#, "/region: expected text");
        check(r#"{"region": "EU", "data_classes": {}}"#, "/labels: expected a list");
        check(r#"{"region": "EU", "labels": [1], "data_classes": {}}"#, "/labels: expected texts");
        check(r#"{"region": "EU", "labels": []}"#, "/data_classes: expected an object");
        check(
            r#"{"region": "EU", "labels": [], "data_classes": {"audit": 4}}"#,
            "/data_classes/audit: expected a level",
        );
        let columns = |columns: &str| {
            PolicyData::from_json(&format!(r#"{{"tenants": {{}}, "columns": {columns}}}"#)).map_err(|e| e.to_string())
        };
        assert_eq!(columns("[]"), Err("policy data at /columns: expected an object".into()));
        assert_eq!(
            columns(r#"{"contact": "secret"}"#),
            Err("policy data at /columns/contact: expected a level".into())
        );
        assert!(columns(r#"{"contact": "restricted"}"#).is_ok());
        assert!(PolicyData::from_json("{").is_err() && PolicyData::from_json("{}").is_err());
    }
}
