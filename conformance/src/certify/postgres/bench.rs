//! Where probes work: connections, the two tenants, the schema, and what was found so far.
//!
//! One defect shows in many places. What is to blame is found first, and what only shows the same is noted with it:
//! a table that leaks is in `leaking`, and nothing above it is blamed again.

use super::catalogue::{Catalogue, Column, Relation, literal, quoted};
use super::link::{Link, Session, Wrong};
use super::tenancy::Tenancy;
use super::visit::{Hands, Visit, entering};
use crate::certify::deployment::{Mode, Postgres, Tenant};
use crate::certify::report::{Component, Proof};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Rows that a proof counts at most: enough to show, cheap to read.
pub const ROWS_MAX: usize = 100;

/// Where probes work.
pub struct Bench<'d> {
    /// How to connect.
    pub link: Link,
    /// Where relative paths start.
    pub home: std::path::PathBuf,
    /// The deployment's table.
    pub postgres: &'d Postgres,
    /// Who acts.
    pub a: &'d Tenant,
    /// Whose rows it must not see.
    pub b: &'d Tenant,
    /// How far probes may go.
    pub mode: Mode,
    /// The schema.
    pub catalogue: Rc<Catalogue>,
    /// How tenants are told apart.
    pub tenancy: Rc<Tenancy>,
    /// A connection that tenants share, one after the other.
    pub pool: Rc<Session>,
    /// Relations that show other tenants' rows by themselves.
    pub leaking: BTreeSet<u32>,
    /// Relations of which the other tenant has rows.
    pub peopled: BTreeSet<u32>,
    /// What was found.
    pub component: Component,
}

/// A connection's history, as reports call it.
pub const REUSED: &str = "reused";
/// A connection's history, as reports call it.
pub const FRESH: &str = "fresh";

impl<'d> Bench<'d> {
    /// The statements by which `tenant` is entered; none for nobody.
    pub fn entering(&self, tenant: Option<&Tenant>) -> Vec<String> {
        tenant.map(|t| entering(&self.tenancy.act, t)).unwrap_or_default()
    }

    /// A visit of a tenant, or of nobody.
    ///
    /// # Errors
    /// What the server refused.
    pub fn visit<'s>(&self, session: &'s Session, tenant: Option<&Tenant>, hands: Hands) -> Result<Visit<'s>, Wrong> {
        Visit::begin(session, hands, &self.entering(tenant))
    }

    /// Whether the deployment shares an object on purpose.
    pub fn is_shared(&self, object: &str) -> bool {
        self.postgres.shared.iter().any(|s| s.object == object)
    }

    /// Relations with a tenant column that can be read and may be judged.
    pub fn fenced(&self) -> Vec<(Relation, Column)> {
        let readable = |r: &&Relation| r.rights.select && !self.is_shared(&r.label());
        let with = |r: &Relation| Some((r.clone(), self.tenancy.column(r).filter(|c| c.select)?.clone()));
        self.catalogue.relations.iter().filter(readable).filter_map(with).collect()
    }

    /// Whether a relation, or one that it reads, is known to leak.
    pub fn is_explained(&self, relation: &Relation) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![relation.oid];
        while let Some(oid) = todo.pop() {
            if self.leaking.contains(&oid) {
                return true;
            }
            if seen.insert(oid) {
                todo.extend(self.catalogue.relation(oid).into_iter().flat_map(|r| r.reads.iter().chain(&r.parent)));
            }
        }
        false
    }

    /// Notes that what leaks shows in `object` too.
    pub fn also(&mut self, cause: &str, object: &str) {
        if let Some(known) = self.component.findings.iter_mut().find(|f| f.object == cause)
            && !known.also.iter().any(|o| o == object)
        {
            known.also.push(object.to_owned());
        }
    }

    /// A proof: who did what, and what came of it.
    pub fn proof(&self, tenant: Option<&Tenant>, connection: &'static str, done: &[String], saw: String) -> Proof {
        let mut statements = vec!["BEGIN".to_owned()];
        statements.extend(self.entering(tenant));
        statements.extend(done.iter().cloned());
        statements.push("ROLLBACK".to_owned());
        Proof { tenant: tenant.map(|t| t.id.clone()), connection, statements, saw }
    }

    /// The query for rows of other tenants than `tenant`, or of any tenant.
    pub fn foreign_rows(&self, relation: &Relation, column: &Column, tenant: Option<&Tenant>) -> String {
        let name = quoted(&column.name);
        let other = match tenant {
            Some(tenant) => format!("{name} <> CAST({} AS {})", literal(&tenant.id), column.kind),
            None => format!("{name} IS NOT NULL"),
        };
        format!(
            "SELECT {name}::text, count(*) FROM (SELECT {name} FROM {} WHERE {other} LIMIT {ROWS_MAX}) AS seen \
             GROUP BY 1 ORDER BY 1",
            relation.sql()
        )
    }

    /// What [`Bench::foreign_rows`] saw, in words; nothing when it saw no row.
    pub fn told(&self, rows: &[Vec<Option<String>>]) -> Option<String> {
        let count =
            |row: &Vec<Option<String>>| row.get(1).cloned().flatten().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        let of = |id: &str| {
            rows.iter().filter(|r| r.first().is_some_and(|t| t.as_deref() == Some(id))).map(count).sum::<u64>()
        };
        let all: u64 = rows.iter().map(count).sum();
        if all == 0 {
            return None;
        }
        let ids = [&self.a.id, &self.b.id];
        let mut parts: Vec<String> = ids.iter().filter(|id| of(id) > 0).map(|id| rows_of(of(id), id)).collect();
        // Who else is a tenant here is nobody's business, and a report is read by many.
        let rest = all - of(&self.a.id) - of(&self.b.id);
        if rest > 0 {
            parts.push(rows_of(rest, "further tenants"));
        }
        Some(parts.join(" and "))
    }
}

fn rows_of(count: u64, whose: &str) -> String {
    let bound = if count >= ROWS_MAX as u64 { "at least " } else { "" };
    format!("{bound}{count} row{} of {whose}", if count == 1 { "" } else { "s" })
}
