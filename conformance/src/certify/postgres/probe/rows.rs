//! Rows of other tenants in tables, materialised views and foreign tables: as one tenant, on a connection that the
//! other one has used, and on a fresh one.

use crate::certify::postgres::bench::{Bench, FRESH, REUSED};
use crate::certify::postgres::catalogue::{Column, Kind, Policy, Relation, literal, quoted};
use crate::certify::postgres::link::Session;
use crate::certify::postgres::repair;
use crate::certify::postgres::visit::{Hands, Visit, setting};
use crate::certify::report::Finding;

/// Reads every relation with a tenant column, views left out.
pub fn run(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.kind != Kind::View).collect();
    bench.component.judged("rows of tables, read as one tenant", all.len(), &["TEN-02", "STO-01", "STO-03"]);
    let pool = bench.pool.clone();
    // The other tenant was here before: what it left on the connection must not help.
    if let Ok(visit) = bench.visit(&pool, Some(bench.b), Hands::Bound) {
        let _ = visit.leave();
    }
    look(bench, &pool, REUSED, &all);
    match bench.link.open() {
        Ok(fresh) => look(bench, &fresh, FRESH, &all),
        Err(why) => bench.component.not_judged("rows on a fresh connection (STO-01, STO-03, TEN-02)", why),
    }
    suspected(bench, &all);
}

fn look(bench: &mut Bench, session: &Session, connection: &'static str, all: &[(Relation, Column)]) {
    for (relation, column) in all.iter().filter(|(r, _)| r.active || connection == REUSED) {
        if bench.leaking.contains(&relation.oid) {
            continue;
        }
        let sql = bench.foreign_rows(relation, column, Some(bench.a));
        let Ok(mut visit) = bench.visit(session, Some(bench.a), Hands::Bound) else { continue };
        let answer = visit.rows(&sql);
        let Some(saw) = answer.as_ref().ok().and_then(|rows| bench.told(rows)) else {
            drop(visit);
            if let Err(wrong) = answer
                && wrong.code == "57014"
            {
                bench.component.not_judged(
                    format!("rows of {} (STO-01, STO-03, TEN-02)", relation.label()),
                    "the statement timeout cut the look off",
                );
            }
            continue;
        };
        let finding = blame(bench, &mut visit, relation, column);
        drop(visit);
        bench.leaking.insert(relation.oid);
        let (what, requirements, repair) = finding;
        let proof = bench.proof(Some(bench.a), connection, &[sql], saw);
        bench.component.find(Finding { object: relation.label(), what, requirements, proof, repair, also: Vec::new() });
    }
}

/// What is wrong with a relation that shows other tenants' rows, what that breaks, and what repairs it.
fn blame(
    bench: &Bench,
    visit: &mut Visit,
    relation: &Relation,
    column: &Column,
) -> (String, Vec<&'static str>, Vec<String>) {
    let parent = relation.parent.and_then(|oid| bench.catalogue.relation(oid));
    let fence = repair::fence(bench, relation, column);
    let revoke = |visit: &mut Visit| repair::revoked_relation(visit, "ALL", relation);
    match (relation.kind, parent) {
        (Kind::Materialised, _) => {
            let what = "a materialised view keeps rows of all tenants, and row security does not exist for it";
            (what.to_owned(), vec!["STO-03", "TEN-02"], revoke(visit))
        }
        (Kind::Foreign, _) => {
            let what = "a foreign table shows rows of all tenants, and row security does not exist for it";
            (what.to_owned(), vec!["STO-03", "TEN-02"], revoke(visit))
        }
        (_, Some(parent)) if !relation.row_security && parent.row_security => {
            let what = format!("part of {}, granted by itself: the parent's policies do not hold here", parent.label());
            (what, vec!["STO-03", "TEN-02"], revoke(visit))
        }
        _ if !relation.row_security => {
            let what = "row security is not enabled".to_owned();
            (what, vec!["STO-01", "TEN-02"], repair::row_security(bench, relation, fence, &[column.number]))
        }
        _ if !relation.active => {
            let what = format!("row security is not forced, and the application acts as the owner {}", relation.owner);
            let force = format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", relation.sql());
            (what, vec!["STO-01", "TEN-02"], vec![force])
        }
        _ => {
            let lists = bench.tenancy.said.iter().any(|s| *s == format!("{} lists the tenants", relation.label()));
            let (what, repair) = culprits(bench, visit, relation, column, 'r', &[]);
            let requirements = if lists { vec!["TEN-02", "STO-01"] } else { vec!["STO-01", "TEN-02"] };
            (what, requirements, repair)
        }
    }
}

/// The policies that let rows of other tenants through for a command, and what narrows them. `before` are settings.
pub fn culprits(
    bench: &Bench,
    visit: &mut Visit,
    relation: &Relation,
    column: &Column,
    command: char,
    before: &[(String, String)],
) -> (String, Vec<String>) {
    for (name, value) in before {
        let _ = visit.run(&setting(name, value));
    }
    let lets = |visit: &mut Visit, policy: &&Policy| {
        let Some(expression) = policy.using.as_ref().filter(|_| policy.permissive && policy.holds) else {
            return false;
        };
        let name = quoted(&column.name);
        let sql = format!(
            "SELECT 1 FROM {} WHERE {name} <> CAST({} AS {}) AND ({expression}) LIMIT 1",
            relation.sql(),
            literal(&bench.a.id),
            column.kind
        );
        (policy.command == command || policy.command == '*') && visit.rows(&sql).is_ok_and(|rows| !rows.is_empty())
    };
    let guilty: Vec<&Policy> = relation.policies.iter().filter(|p| lets(visit, p)).collect();
    let names: Vec<String> = guilty.iter().map(|p| format!("{} ({})", p.name, shown(p))).collect();
    let what = format!("a policy lets rows of other tenants through: {}", names.join(", "));
    let repair = match repair::fence(bench, relation, column) {
        Some(fence) => guilty.iter().map(|p| repair::narrowed(relation, p, &fence)).collect(),
        None => guilty.iter().map(|p| format!("DROP POLICY {} ON {}", quoted(&p.name), relation.sql())).collect(),
    };
    (what, repair)
}

/// A policy's condition, short enough for a line.
pub fn shown(policy: &Policy) -> String {
    let text = policy.using.as_ref().or(policy.check.as_ref()).map_or("no condition", |t| t.as_str());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::terminal::clip(&text, 80)
}

/// Relations that nothing fences, and that showed nothing only because there was nothing.
fn suspected(bench: &mut Bench, all: &[(Relation, Column)]) {
    for (relation, _) in all {
        if relation.active || bench.leaking.contains(&relation.oid) || bench.tenancy.schemas.is_some() {
            continue;
        }
        let why = "it holds no row of another tenant now";
        bench.component.suspect(
            &relation.label(),
            "nothing fences the rows that the application may read",
            &["STO-01"],
            why,
        );
    }
}
