//! Rows that one tenant puts into, moves to, takes from or erases of another: each is tried, and then the other tenant
//! is entered in the same transaction to see what it has now.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Kind, Policy, Relation, literal, quoted};
use crate::certify::postgres::link::Wrong;
use crate::certify::postgres::probe::rows::shown;
use crate::certify::postgres::repair;
use crate::certify::postgres::specimen::{self, Specimen};
use crate::certify::postgres::visit::{Hands, Visit};
use crate::certify::report::Finding;

/// What came of a try: done, and what was seen; or stopped by something that is no policy.
enum Came {
    Through(String, Vec<String>),
    Stopped(String),
}

/// Tries every table and view with a tenant column.
pub fn run(bench: &mut Bench) {
    let all: Vec<(Relation, Column)> = bench
        .fenced()
        .into_iter()
        .filter(|(r, _)| !matches!(r.kind, Kind::Materialised | Kind::Foreign))
        .filter(|(r, _)| r.rights.insert || r.rights.update || r.rights.delete)
        .collect();
    bench.component.judged("rows that one tenant writes, moves or erases of another", all.len(), &["TEN-02", "STO-01"]);
    for (relation, column) in all {
        if bench.is_explained(&relation) || !touchable(bench, &relation) {
            continue;
        }
        let (Some(own), Some(theirs)) =
            (specimen::of(bench, &relation, bench.a), specimen::of(bench, &relation, bench.b))
        else {
            let why = "one of the tenants has no row there to make another from";
            bench.component.not_judged(format!("writes to {} (STO-01, TEN-02)", relation.label()), why);
            continue;
        };
        each(bench, &relation, &column, &own, &theirs);
    }
}

fn touchable(bench: &mut Bench, relation: &Relation) -> bool {
    super::touchable(bench, relation)
}

fn each(bench: &mut Bench, relation: &Relation, column: &Column, own: &Specimen, theirs: &Specimen) {
    let b = format!("CAST({} AS {})", literal(&bench.b.id), column.kind);
    let kept = [column.number];
    let made = [
        theirs.renewed(relation, &kept).sparse(relation, &referring(relation, &kept)),
        own.with(column, &b).renewed(relation, &kept),
        own.with(column, &b),
        theirs.renewed(relation, &kept),
        own.with(column, &b).sparse(relation, &kept),
    ];
    let mut tries: Vec<(char, String, Specimen)> = Vec::new();
    if relation.rights.insert && column.insert {
        tries.extend(made.iter().map(|row| ('a', row.insert(relation), row.clone())));
    }
    let name = quoted(&column.name);
    if relation.rights.update && column.update {
        tries.push(('w', format!("UPDATE {} SET {name} = {b}", relation.sql()), own.with(column, &b)));
        let a = format!("CAST({} AS {})", literal(&bench.a.id), column.kind);
        tries.push(('t', format!("UPDATE {} SET {name} = {a}", relation.sql()), theirs.clone()));
    }
    if relation.rights.delete {
        tries.push(('d', format!("DELETE FROM {}", relation.sql()), theirs.clone()));
    }
    let mut stopped = None;
    for (command, sql, row) in tries {
        match attempt(bench, relation, column, command, &sql) {
            Some(Came::Through(saw, then)) => {
                let done = [vec![sql], then].concat();
                return blame(bench, relation, column, command, &done, &row, saw);
            }
            Some(Came::Stopped(why)) => stopped = Some((why, row, command)),
            None => {}
        }
    }
    if let Some((why, row, command)) = stopped
        && !guilty(bench, relation, command, &row).is_empty()
    {
        let what = "policies let a row of another tenant through, and something else stopped it";
        bench.component.suspect(&relation.label(), what, &["STO-01", "TEN-02"], &why);
    }
}

/// Columns that point elsewhere, and `more`.
fn referring(relation: &Relation, more: &[i16]) -> Vec<i16> {
    relation.foreign_keys.iter().flat_map(|k| k.columns.iter().copied()).chain(more.iter().copied()).collect()
}

/// How many rows the tenant of the visit has.
fn count(visit: &mut Visit, relation: &Relation, column: &Column, id: &str) -> Option<u64> {
    let (name, id) = (quoted(&column.name), literal(id));
    let sql = format!("SELECT count(*) FROM {} WHERE {name} = CAST({id} AS {})", relation.sql(), column.kind);
    visit.rows(&sql).ok()?.first()?.first()?.as_ref()?.parse().ok()
}

fn attempt(bench: &Bench, relation: &Relation, column: &Column, command: char, sql: &str) -> Option<Came> {
    let mut other = bench.visit(&bench.pool, Some(bench.b), Hands::Bound).ok()?;
    let before = count(&mut other, relation, column, &bench.b.id)?;
    drop(other);
    let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Free).ok()?;
    let touched = match visit.run(sql) {
        Ok(touched) => touched,
        Err(wrong) => return stopped(command, wrong, bench),
    };
    // The same transaction goes on as the other tenant.
    for statement in bench.entering(Some(bench.b)) {
        visit.run(&statement).ok()?;
    }
    let after = count(&mut visit, relation, column, &bench.b.id)?;
    let told = format!("{touched} rows touched: {} had {before} rows, and has {after}", bench.b.id);
    let through = match command {
        'a' | 'w' => after > before,
        _ => after < before,
    };
    if through {
        let (name, id) = (quoted(&column.name), literal(&bench.b.id));
        let look = format!("SELECT count(*) FROM {} WHERE {name} = CAST({id} AS {})", relation.sql(), column.kind);
        return Some(Came::Through(told, [bench.entering(Some(bench.b)), vec![look]].concat()));
    }
    if touched > 0 && command == 'a' { opened(bench, &mut visit, relation) } else { None }
}

/// What the acting tenant sees of others after a row that nobody else sees was added: a membership opens doors.
fn opened(bench: &Bench, visit: &mut Visit, relation: &Relation) -> Option<Came> {
    let again = bench.entering(Some(bench.a));
    for statement in &again {
        visit.run(statement).ok()?;
    }
    let mut all = bench.fenced();
    all.sort_by_key(|(r, _)| r.oid == relation.oid);
    all.iter().find_map(|(other, column)| {
        let sql = bench.foreign_rows(other, column, Some(bench.a));
        let saw = bench.told(&visit.rows(&sql).ok()?)?;
        let told = format!("with that row, {} sees {saw} in {}", bench.a.id, other.label());
        Some(Came::Through(told, [again.clone(), vec![sql]].concat()))
    })
}

/// What a refusal means: a policy and a missing right are as it should be; a key that stops a move of rows that are not
/// one's own shows that they were reached.
fn stopped(command: char, wrong: Wrong, bench: &Bench) -> Option<Came> {
    let reached = command == 't' && ["23503", "23505"].contains(&wrong.code.as_str());
    if reached {
        let why = wrong.constraint.unwrap_or_default();
        let saw = format!("rows of others were reached, for those of {} do not change: {why} stopped them", bench.a.id);
        return Some(Came::Through(saw, Vec::new()));
    }
    let by_constraint = wrong.code.starts_with("23") || wrong.code == "57014" || wrong.code == "55P03";
    by_constraint.then(|| Came::Stopped(format!("{} ({})", wrong.message, wrong.code)))
}

/// Policies that let a row through for a command: what their expressions say of it.
pub fn guilty<'r>(bench: &Bench, relation: &'r Relation, command: char, row: &Specimen) -> Vec<&'r Policy> {
    let letter = if command == 't' { 'w' } else { command };
    let says = |policy: &&Policy| {
        if !policy.permissive || !policy.holds || (policy.command != letter && policy.command != '*') {
            return false;
        }
        let expression = match command {
            'd' | 't' => policy.using.as_ref(),
            _ => policy.check.as_ref().or(policy.using.as_ref()),
        };
        let Some(expression) = expression else { return false };
        let sql = format!("SELECT 1 FROM {} WHERE {expression}", row.as_table(relation));
        let Ok(mut visit) = bench.visit(&bench.pool, Some(bench.a), Hands::Bound) else { return false };
        visit.rows(&sql).is_ok_and(|rows| !rows.is_empty())
    };
    relation.policies.iter().filter(says).collect()
}

fn blame(
    bench: &mut Bench,
    relation: &Relation,
    column: &Column,
    command: char,
    statements: &[String],
    row: &Specimen,
    saw: String,
) {
    let done = match command {
        'a' => "a tenant puts rows into another one",
        'w' => "a tenant moves its rows to another one",
        't' => "a tenant takes over rows of another one",
        _ => "a tenant erases rows of another one",
    };
    let view = relation.kind == Kind::View;
    let policies = guilty(bench, relation, command, row);
    let names: Vec<String> = policies.iter().map(|p| format!("{} ({})", p.name, shown(p))).collect();
    let fence = repair::fence(bench, relation, column);
    let (what, repair) = if view && relation.ruled {
        // What a rule does is done with the rights of the view's owner, whoever the view reads as.
        let repair = match bench.visit(&bench.pool, Some(bench.a), Hands::Bound) {
            Ok(mut visit) => repair::revoked_relation(&mut visit, "INSERT, UPDATE, DELETE", relation),
            Err(_) => Vec::new(),
        };
        (format!("{done}, through a rule that writes with the rights of {}", relation.owner), repair)
    } else if view {
        let invoker = format!("ALTER VIEW {} SET (security_invoker = true)", relation.sql());
        (format!("{done}, through a view that writes with the rights of {}", relation.owner), vec![invoker])
    } else if relation.active {
        let narrowed = policies.iter().filter_map(|p| Some(repair::narrowed(relation, p, fence.as_ref()?)));
        (format!("{done}, by the policy {}", names.join(", ")), narrowed.collect())
    } else {
        let repair = repair::row_security(bench, relation, fence, &[column.number]);
        (format!("{done}: no row security holds"), repair)
    };
    let proof = bench.proof(Some(bench.a), REUSED, statements, saw);
    let requirements = if view { vec!["STO-03", "TEN-02"] } else { vec!["STO-01", "TEN-02"] };
    bench.leaking.insert(relation.oid);
    bench.component.find(Finding { object: relation.label(), what, requirements, proof, repair, also: Vec::new() });
}
