//! Views: one that reads with its owner's rights shows what its owner may see.
//!
//! Three looks, the surest first: rows that say whose they are; values that only the other tenant can read; and the
//! view's answer against what its own definition answers when the application runs it, which also convicts a sum.

use crate::certify::postgres::bench::{Bench, FRESH, REUSED};
use crate::certify::postgres::catalogue::{Kind, Relation};
use crate::certify::postgres::repair;
use crate::certify::postgres::secrets::{Secrets, gather};
use crate::certify::postgres::visit::{Hands, Visit};
use crate::certify::report::Finding;
use std::collections::BTreeSet;

/// Rows of a view that are compared.
const ROWS: usize = 5_000;

/// Looks at each view, inner ones first.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let views = inner_first(&catalogue.relations);
    bench.component.judged("views", views.len(), &["STO-03", "TEN-02"]);
    let pool = bench.pool.clone();
    let secrets = {
        let found = gather(bench);
        let shared = shared_text(bench);
        found.without_common(&shared)
    };
    for view in views {
        if bench.is_shared(&view.label()) {
            continue;
        }
        if bench.is_explained(view) {
            let blamed = view.reads.iter().filter_map(|oid| catalogue.relation(*oid)).map(Relation::label);
            for cause in blamed {
                bench.also(&cause, &view.label());
            }
            continue;
        }
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let found = seen(bench, &mut visit, view, &secrets).map(|(sql, saw)| (Some(bench.a), REUSED, sql, saw));
        let found = found.or_else(|| unset(bench, view).map(|(sql, saw)| (None, FRESH, sql, saw)));
        let Some((tenant, connection, sql, saw)) = found else { continue };
        let repair = repaired(bench, &mut visit, view);
        drop(visit);
        bench.leaking.insert(view.oid);
        let what = format!("it reads with the rights of {}, and shows more than the tenant may see", view.owner);
        let proof = bench.proof(tenant, connection, &sql, saw);
        let (object, requirements) = (view.label(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

/// Views that can be read, those that others are made of before these.
fn inner_first(relations: &[Relation]) -> Vec<&Relation> {
    let mut todo: Vec<&Relation> = relations.iter().filter(|r| r.kind == Kind::View && r.rights.select).collect();
    let mut done = Vec::new();
    while !todo.is_empty() {
        let waiting: BTreeSet<u32> = todo.iter().map(|v| v.oid).collect();
        let ready = todo.iter().position(|v| !v.reads.iter().any(|oid| waiting.contains(oid)));
        done.push(todo.remove(ready.unwrap_or(0)));
    }
    done
}

/// What relations without a tenant hold: values that stand there are nobody's secret.
pub fn shared_text(bench: &Bench) -> String {
    let mut text = String::new();
    let Ok(mut visit) = bench.visit(&bench.pool, Some(bench.a), Hands::Bound) else { return text };
    for relation in &bench.catalogue.relations {
        let plain = matches!(relation.kind, Kind::Table) && relation.rights.select;
        if plain && bench.tenancy.column(relation).is_none() && !bench.is_explained(relation) {
            let sql = format!("SELECT t::text FROM (SELECT * FROM {} LIMIT 2000) AS t", relation.sql());
            let rows = visit.rows(&sql).unwrap_or_default();
            rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).for_each(|row| text.push_str(&row));
        }
    }
    text
}

fn seen(bench: &Bench, visit: &mut Visit, view: &Relation, secrets: &Secrets) -> Option<(Vec<String>, String)> {
    if let Some(column) = bench.tenancy.column(view) {
        let sql = bench.foreign_rows(view, column, Some(bench.a));
        return visit.rows(&sql).ok().and_then(|rows| bench.told(&rows)).map(|saw| (vec![sql], saw));
    }
    let sql = format!("SELECT t::text FROM (SELECT * FROM {} LIMIT {ROWS}) AS t", view.sql());
    let rows = visit.rows(&sql).ok()?;
    let text = |r: &Vec<Option<String>>| r[0].clone().unwrap_or_default();
    let held = rows.iter().filter(|r| secrets.anything_in(&text(r), "")).count();
    if held > 0 {
        return Some((vec![sql], format!("{held} rows with values that only {} can read", bench.b.id)));
    }
    let definition = view.definition.as_ref()?.trim().trim_end_matches(';');
    let own = format!("SELECT t::text FROM (SELECT * FROM ({definition}) AS d LIMIT {ROWS}) AS t");
    let sorted = |mut rows: Vec<Vec<Option<String>>>| {
        rows.sort();
        rows
    };
    let by_itself = sorted(visit.rows(&own).ok()?);
    let (rows, again) = (sorted(rows), sorted(visit.rows(&sql).ok()?));
    // A view that differs from itself (a clock, a draw) cannot be compared.
    (rows == again && rows != by_itself && rows.len() < ROWS).then(|| {
        let saw = "another answer than the view's own definition gives the same tenant".to_owned();
        (vec![sql, own], saw)
    })
}

/// Rows that a view with a tenant column shows to nobody.
fn unset(bench: &Bench, view: &Relation) -> Option<(Vec<String>, String)> {
    let sql = bench.foreign_rows(view, bench.tenancy.column(view)?, None);
    let session = bench.link.open().ok()?;
    let mut visit = bench.visit(&session, None, Hands::Bound).ok()?;
    let saw = bench.told(&visit.rows(&sql).ok()?)?;
    Some((vec![sql], saw))
}

fn repaired(bench: &Bench, visit: &mut Visit, view: &Relation) -> Vec<String> {
    // `security_invoker` came with version 15; before it only the right can be taken away.
    if bench.catalogue.version >= 150_000 {
        vec![format!("ALTER VIEW {} SET (security_invoker = true)", view.sql())]
    } else {
        repair::revoked_relation(visit, "ALL", view)
    }
}
