//! Rows to write: made from one that a tenant has, so that types, checks and references fit.

use super::bench::Bench;
use super::catalogue::{Column, Relation, literal, quoted};
use super::visit::Hands;
use crate::certify::deployment::Tenant;
use std::collections::BTreeMap;

/// Values of a row by column, as SQL; a column that is not named fills itself.
#[derive(Clone, Default, Debug)]
pub struct Specimen(pub BTreeMap<i16, String>);

/// A row of `tenant`, as it sees it: the columns that it may read.
pub fn of(bench: &Bench, relation: &Relation, tenant: &Tenant) -> Option<Specimen> {
    let mut visit = bench.visit(&bench.pool, Some(tenant), Hands::Bound).ok()?;
    let columns: Vec<&Column> = relation.columns.iter().filter(|c| c.select).collect();
    let list: Vec<String> = columns.iter().map(|c| format!("{}::text", quoted(&c.name))).collect();
    let own = match bench.tenancy.column(relation) {
        Some(c) => format!("WHERE {} = CAST({} AS {})", quoted(&c.name), literal(&tenant.id), c.kind),
        None => String::new(),
    };
    let rows = visit.rows(&format!("SELECT {} FROM {} {own} LIMIT 1", list.join(", "), relation.sql())).ok()?;
    let typed = |(c, v): (&&Column, Option<String>)| {
        let value = v.map_or("NULL".to_owned(), |v| format!("CAST({} AS {})", literal(&v), c.kind));
        (c.number, value)
    };
    Some(Specimen(columns.iter().zip(rows.into_iter().next()?).map(typed).collect()))
}

impl Specimen {
    /// The same with one value.
    pub fn with(&self, column: &Column, value: &str) -> Specimen {
        let mut made = self.clone();
        made.0.insert(column.number, value.to_owned());
        made
    }

    /// The same with new values where something must be unique, `kept` columns left as they are.
    pub fn renewed(&self, relation: &Relation, kept: &[i16]) -> Specimen {
        let mut made = self.clone();
        for column in &relation.columns {
            let unique = relation.uniques.iter().any(|u| {
                u.columns.contains(&column.number) || u.expressions.as_ref().is_some_and(|e| e.contains(&column.name))
            });
            let refers = relation.foreign_keys.iter().any(|k| k.columns.contains(&column.number));
            if kept.contains(&column.number) || refers || !unique {
                continue;
            }
            match fresh(column) {
                _ if column.fills_itself => made.0.remove(&column.number),
                Some(value) => made.0.insert(column.number, value),
                None => None,
            };
        }
        made
    }

    /// The same without columns that fill themselves, or whose value a view's table may make.
    pub fn sparse(&self, relation: &Relation, kept: &[i16]) -> Specimen {
        let mut made = self.clone();
        for column in &relation.columns {
            if !kept.contains(&column.number) && (column.fills_itself || column.kind == "uuid") {
                made.0.remove(&column.number);
            }
        }
        made
    }

    /// The statement that adds it, of the columns that may be given.
    pub fn insert(&self, relation: &Relation) -> String {
        let given = relation.columns.iter().filter(|c| c.insert && !c.generated);
        let given: Vec<(&Column, &String)> = given.filter_map(|c| Some((c, self.0.get(&c.number)?))).collect();
        let names: Vec<String> = given.iter().map(|(c, _)| quoted(&c.name)).collect();
        let values: Vec<&str> = given.iter().map(|(_, v)| v.as_str()).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", relation.sql(), names.join(", "), values.join(", "))
    }

    /// It as a table of one row that carries the relation's name, for a policy's expression to look at.
    pub fn as_table(&self, relation: &Relation) -> String {
        let value = |c: &Column| match self.0.get(&c.number) {
            Some(value) => format!("{value} AS {}", quoted(&c.name)),
            None => format!("CAST(NULL AS {}) AS {}", c.kind, quoted(&c.name)),
        };
        let list: Vec<String> = relation.columns.iter().map(value).collect();
        format!("(SELECT {}) AS {}", list.join(", "), quoted(&relation.name))
    }
}

/// A value that nobody has.
pub fn fresh(column: &Column) -> Option<String> {
    let kind = column.kind.as_str();
    let text = ["text", "citext", "character varying", "name"].iter().any(|t| kind.starts_with(t));
    match kind {
        "uuid" => Some("gen_random_uuid()".to_owned()),
        "integer" => Some("(1900000000 + floor(random() * 99999))::integer".to_owned()),
        "bigint" => Some("(8000000000000000 + floor(random() * 99999))::bigint".to_owned()),
        _ if text => Some("'cellproof-' || left(md5(random()::text), 12)".to_owned()),
        _ => None,
    }
}
