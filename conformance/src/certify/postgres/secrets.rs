//! Values that only one tenant can read, to recognise its rows wherever they show.
//!
//! A value that is generated (a UUID) proves by itself; another one proves only where two of one row stand together, or
//! where nothing shared holds it, because two tenants may both order a hammer.

use super::bench::Bench;
use super::catalogue::quoted;
use super::visit::Hands;
use std::collections::BTreeSet;

/// Rows of each relation that secrets are taken from.
const ROWS: usize = 20;
/// Shorter values are likely to be somebody else's too.
const LENGTH_MIN: usize = 8;

/// What is distinctive of one row.
#[derive(Clone, Default, Debug)]
pub struct Row {
    /// Where it lies.
    pub relation: u32,
    /// Generated values.
    pub strong: Vec<String>,
    /// Other values.
    pub weak: Vec<String>,
}

/// Secrets of one tenant.
#[derive(Clone, Default, Debug)]
pub struct Secrets {
    /// Its rows.
    pub rows: Vec<Row>,
}

/// Gathers what tenant `b` can read and tenant `a` cannot.
pub fn gather(bench: &Bench) -> Secrets {
    let texts = |who, out: &mut Vec<Row>| {
        let Ok(mut visit) = bench.visit(&bench.pool, Some(who), Hands::Bound) else { return };
        for (relation, tenant) in bench.fenced() {
            let columns: Vec<_> = relation.columns.iter().filter(|c| c.select && c.number != tenant.number).collect();
            if columns.is_empty() || bench.leaking.contains(&relation.oid) {
                continue;
            }
            let list: Vec<String> = columns.iter().map(|c| format!("{}::text", quoted(&c.name))).collect();
            let (name, id) = (quoted(&tenant.name), super::catalogue::literal(&who.id));
            let sql = format!(
                "SELECT {} FROM {} WHERE {name} = CAST({id} AS {}) LIMIT {ROWS}",
                list.join(", "),
                relation.sql(),
                tenant.kind
            );
            for values in visit.rows(&sql).unwrap_or_default() {
                let mut row = Row { relation: relation.oid, ..Row::default() };
                for (column, value) in columns.iter().zip(values) {
                    let Some(value) = value else { continue };
                    match column.kind.as_str() {
                        "uuid" => row.strong.push(value),
                        kind if kind.starts_with("timestamp") || kind == "date" || value.len() < LENGTH_MIN => {}
                        _ => row.weak.push(value),
                    }
                }
                out.push(row);
            }
        }
    };
    let (mut own, mut others) = (Vec::new(), Vec::new());
    texts(bench.a, &mut own);
    texts(bench.b, &mut others);
    let known: BTreeSet<String> = own.into_iter().flat_map(|r| r.strong.into_iter().chain(r.weak)).collect();
    for row in &mut others {
        row.strong.retain(|v| !known.contains(v));
        row.weak.retain(|v| !known.contains(v));
    }
    Secrets { rows: others }
}

impl Secrets {
    /// Whether `text` surely holds a row of the tenant: a generated value of it, or two others of one row.
    pub fn surely_in(&self, text: &str) -> bool {
        self.rows.iter().any(|row| {
            row.strong.iter().any(|v| text.contains(v)) || row.weak.iter().filter(|v| text.contains(*v)).count() >= 2
        })
    }

    /// Whether `text` holds anything of the tenant, left out what `given` said itself.
    pub fn anything_in(&self, text: &str, given: &str) -> bool {
        let shows = |v: &&String| text.contains(*v) && !given.contains(*v);
        self.rows.iter().any(|row| row.strong.iter().chain(&row.weak).any(|v| shows(&v)))
    }

    /// Takes out values that are no secrets, because something shared holds them.
    pub fn without_common(mut self, shared: &str) -> Secrets {
        for row in &mut self.rows {
            row.weak.retain(|v| !shared.contains(v.as_str()));
        }
        self
    }
}
