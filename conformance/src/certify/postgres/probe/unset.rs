//! Nobody is no tenant: without a tenant there are no rows, on a fresh connection, on one that a tenant has used, and
//! with a tenant that is empty.
//!
//! A setting that was local to a transaction is not unset afterwards but empty, which is why all three are tried.

use crate::certify::postgres::bench::{Bench, FRESH, REUSED};
use crate::certify::postgres::catalogue::{Column, Kind, Relation};
use crate::certify::postgres::link::{Rows, Session};
use crate::certify::postgres::repair;
use crate::certify::postgres::visit::{Hands, setting};
use crate::certify::report::Finding;
use std::collections::BTreeSet;

/// Reads everything as nobody.
pub fn run(bench: &mut Bench) {
    let plain = |r: &Relation| r.kind != Kind::View && !bench.is_explained(r);
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| plain(r)).collect();
    bench.component.judged("rows that are seen without a tenant", all.len(), &["TEN-01", "STO-01", "STO-02"]);
    match bench.link.open() {
        Ok(fresh) => {
            if preset(bench, &fresh, &all) {
                return;
            }
            look(bench, &fresh, FRESH, &all, &[]);
            let tenant = bench.a;
            if let Ok(visit) = bench.visit(&fresh, Some(tenant), Hands::Bound) {
                let _ = visit.leave();
            }
            look(bench, &fresh, REUSED, &all, &[]);
        }
        Err(why) => bench.component.not_judged("rows without a tenant (STO-01, STO-02, TEN-01)", why),
    }
    let pool = bench.pool.clone();
    let empty: Vec<String> = bench.tenancy.act.settings.keys().map(|name| setting(name, "")).collect();
    if !empty.is_empty() {
        look(bench, &pool, REUSED, &all, &empty);
    }
}

/// A default tenant of the database or the role is one cause for every table.
fn preset(bench: &mut Bench, fresh: &Session, all: &[(Relation, Column)]) -> bool {
    let catalogue = bench.catalogue.clone();
    let acting = bench.tenancy.act.settings.clone();
    let found: Vec<_> = catalogue.presets.iter().filter(|p| acting.contains_key(&p.name)).collect();
    let Some(first) = found.first() else { return false };
    let seen = all.iter().find_map(|(relation, column)| {
        let (sql, rows) = read(bench, fresh, relation, column, &[])?;
        Some((sql, format!("{} in {}", bench.told(&rows)?, relation.label())))
    });
    let what = format!("connections begin with a tenant: {} is set for the {}", first.name, first.object);
    match seen {
        Some((sql, saw)) => {
            let proof = bench.proof(None, FRESH, &[sql], saw);
            let repair = found.iter().map(|p| p.repair.clone()).collect();
            let requirements = vec!["TEN-01", "STO-01"];
            bench.component.find(Finding {
                object: first.object.clone(),
                what,
                requirements,
                proof,
                repair,
                also: Vec::new(),
            });
        }
        None => bench.component.suspect(&first.object, &what, &["TEN-01", "STO-01"], "that tenant has no rows now"),
    }
    true
}

fn read(
    bench: &Bench,
    session: &Session,
    relation: &Relation,
    column: &Column,
    before: &[String],
) -> Option<(String, Rows)> {
    let sql = bench.foreign_rows(relation, column, None);
    let mut visit = bench.visit(session, None, Hands::Bound).ok()?;
    for statement in before {
        visit.run(statement).ok()?;
    }
    let rows = visit.rows(&sql).ok()?;
    Some((sql, rows))
}

fn look(bench: &mut Bench, session: &Session, connection: &'static str, all: &[(Relation, Column)], before: &[String]) {
    for (relation, column) in all {
        if bench.is_explained(relation) {
            continue;
        }
        let Some((sql, rows)) = read(bench, session, relation, column, before) else { continue };
        let Some(saw) = bench.told(&rows) else { continue };
        let whose: BTreeSet<&Option<String>> = rows.iter().filter_map(|r| r.first()).collect();
        let guilty = relation.policies.iter().filter(|p| p.permissive && p.holds && "*r".contains(p.command));
        let fence = repair::fence(bench, relation, column);
        let repair = fence.iter().flat_map(|f| guilty.clone().map(|p| repair::narrowed(relation, p, f))).collect();
        let (what, requirements) = match whose.len() {
            1 => ("without a tenant, rows of one tenant are seen: it is the default", vec!["TEN-01", "STO-01"]),
            _ => ("without a tenant, rows of all tenants are seen", vec!["STO-01", "TEN-02"]),
        };
        let done: Vec<String> = before.iter().cloned().chain([sql]).collect();
        let mut proof = bench.proof(None, connection, &done, saw);
        if connection == REUSED && before.is_empty() {
            let mut first = vec!["BEGIN".to_owned()];
            first.extend(bench.entering(Some(bench.a)));
            first.push("COMMIT".to_owned());
            proof.statements.splice(0..0, first);
        }
        bench.leaking.insert(relation.oid);
        let what = what.to_owned();
        bench.component.find(Finding { object: relation.label(), what, requirements, proof, repair, also: Vec::new() });
    }
}
