//! Rows whose columns are labelled, and what their reader gets of them.
//!
//! What a column is is said by the database, beside the rows and in the same transaction; who is named for what is
//! restricted stands there as well.

use super::derived::Table;
use super::masking::{self, Clearance, Label, Shown};
use super::reader::Reader;
use crate::control::Controls;
use crate::ids::TenantId;
use crate::wire::policy::Level;
use crate::wire::sql::{Reply, Row, Statement, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The texts of the statements that ask for labels and names.
#[derive(Clone, Debug)]
pub struct Texts {
    labels: Arc<str>,
    named: Arc<str>,
}

/// What is said of columns, and for whom a result is made.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    said: BTreeMap<&'a str, (i64, &'a str)>,
    /// How far its reader is cleared.
    pub clearance: Clearance,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            labels: "SELECT name, level, kind FROM column_labels".into(),
            named: "SELECT subject FROM named_principals WHERE tenant_id = $1 AND subject = $2".into(),
        }
    }
}

impl Texts {
    /// The statements whose replies [`Labelled::read`] reads, in that order.
    pub fn statements(&self, tenant: &TenantId, reader: &Reader) -> [Statement; 2] {
        let subject = vec![Value::Text(tenant.clone()), Value::Text(reader.subject.clone())];
        [
            Statement { text: self.labels.clone(), params: Vec::new() },
            Statement { text: self.named.clone(), params: subject },
        ]
    }
}

impl<'a> Labelled<'a> {
    /// Reads the labels, and whether the reader is named.
    pub fn read(reader: &Reader, labels: &'a Reply, named: &Reply) -> Labelled<'a> {
        let said = labels.rows().iter().filter_map(said).collect();
        Labelled { said, clearance: Clearance { level: reader.level, is_named: !named.rows().is_empty() } }
    }

    /// The label of a stored column.
    pub fn label(&self, controls: &Controls, column: &str) -> Label {
        Label::of(controls, self.said.get(column).copied())
    }

    /// Whether the reader may not see a stored column.
    pub fn conceals(&self, controls: &Controls, column: &str) -> bool {
        !self.clearance.covers(controls, self.label(controls, column).level)
    }

    /// Stored rows, with the labels of their columns.
    pub fn table(&self, controls: &Controls, reply: &Reply) -> Table {
        let columns = match reply {
            Reply::Rows { columns, .. } => {
                columns.iter().map(|column| (column.clone(), self.label(controls, column))).collect()
            }
            _ => Vec::new(),
        };
        let rows = reply.rows().iter().map(|row| row.to_vec()).collect();
        Table { columns, rows, decided: Level::Public }
    }
}

/// A row of the labels: which column, and what is said of it.
fn said(row: &Row) -> Option<(&str, (i64, &str))> {
    let [Value::Text(column), Value::Int(level), Value::Text(kind)] = &**row else { return None };
    Some((column, (*level, kind)))
}

/// Rows as somebody with this clearance gets them: one JSON object a line.
pub fn lines<'r>(
    controls: &Controls,
    columns: &[(Arc<str>, Label)],
    rows: impl Iterator<Item = &'r [Value]>,
    clearance: Clearance,
) -> Vec<u8> {
    let line = |row: &[Value]| {
        let mut object = Map::new();
        for ((column, label), value) in columns.iter().zip(row) {
            let shown = match masking::shown(controls, *label, value, clearance) {
                Shown::Whole => whole(value),
                Shown::Masked(text) => text.into(),
                Shown::Omitted => continue,
            };
            object.insert(column.to_string(), shown);
        }
        Json::Object(object).to_string()
    };
    rows.map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

fn whole(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => (*yes).into(),
        Value::Int(n) => (*n).into(),
        Value::Text(text) => (&**text).into(),
    }
}
