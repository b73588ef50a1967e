//! What stays on a connection that goes back to its pool: the tenant must not.
//!
//! Two things may leave it there: the way in which the deployment says that tenants are entered, and functions of the
//! database that enter one.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Function, Relation, literal};
use crate::certify::postgres::link::Session;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Enters, commits, and looks again as the next one who gets the connection.
pub fn run(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| !bench.is_explained(r)).collect();
    let catalogue = bench.catalogue.clone();
    let acting: Vec<String> = bench.tenancy.act.settings.keys().cloned().collect();
    let sets = |f: &&Function| {
        let asks = f.source.contains("set_config") || f.source.to_lowercase().contains("set ");
        f.callable
            && f.arguments.len() == 1
            && asks
            && (acting.is_empty() || acting.iter().any(|n| f.source.contains(n)))
    };
    let setters: Vec<Function> = catalogue.functions.iter().filter(sets).cloned().collect();
    bench.component.judged(
        "ways to enter a tenant, and what they leave on a connection",
        1 + setters.len(),
        &["STO-02"],
    );
    let entering = bench.entering(Some(bench.a));
    // Where connections begin with a tenant, that is the cause, and was found.
    if left(bench, &[], &all).is_some() {
        return;
    }
    if let Some((sql, saw)) = left(bench, &entering, &all) {
        let object = "postgres.act of the deployment".to_owned();
        let what = "the tenant stays on the connection after the transaction".to_owned();
        blame(bench, object, what, &entering, sql, saw, Vec::new());
    }
    for setter in setters {
        let call = format!("SELECT {}({})", setter.call, argument(bench, &setter));
        let Some((sql, saw)) = left(bench, std::slice::from_ref(&call), &all) else { continue };
        let what = "it sets the tenant for the session: whoever gets the connection next has it too".to_owned();
        let repair = repaired(bench, &setter).into_iter().collect();
        blame(bench, setter.signature.clone(), what, &[call], sql, saw, repair);
    }
}

fn argument(bench: &Bench, setter: &Function) -> String {
    format!("CAST({} AS {})", literal(&bench.a.id), setter.arguments[0])
}

/// Rows that are seen on a connection, without a tenant, after `entering` was committed.
fn left(bench: &Bench, entering: &[String], all: &[(Relation, Column)]) -> Option<(String, String)> {
    let session = bench.link.open().ok()?;
    let mut visit = bench.visit(&session, None, Hands::Bound).ok()?;
    for statement in entering {
        visit.run(statement).ok()?;
    }
    visit.leave().ok()?;
    all.iter().find_map(|found| look(bench, &session, found))
}

fn look(bench: &Bench, session: &Session, (relation, column): &(Relation, Column)) -> Option<(String, String)> {
    let sql = bench.foreign_rows(relation, column, None);
    let mut visit = bench.visit(session, None, Hands::Bound).ok()?;
    let saw = bench.told(&visit.rows(&sql).ok()?)?;
    Some((sql, format!("{saw} in {}, by whoever had the connection next", relation.label())))
}

fn blame(
    bench: &mut Bench,
    object: String,
    what: String,
    entering: &[String],
    sql: String,
    saw: String,
    repair: Vec<String>,
) {
    let mut proof = bench.proof(None, REUSED, &[], saw);
    proof.statements = vec!["BEGIN".to_owned()];
    proof.statements.extend(entering.iter().cloned());
    proof.statements.extend(["COMMIT".to_owned(), sql]);
    bench.component.find(Finding {
        object,
        what,
        requirements: vec!["STO-02", "TEN-02"],
        proof,
        repair,
        also: Vec::new(),
    });
}

/// The function with its settings local to the transaction.
fn repaired(bench: &Bench, setter: &Function) -> Option<String> {
    let mut visit = bench.visit(&bench.pool, None, Hands::Bound).ok()?;
    let rows = visit.rows(&format!("SELECT pg_get_functiondef({}::oid)", setter.oid)).ok()?;
    localised(rows.first()?.first()?.as_ref()?)
}

/// The text with every `set_config(…, false)` made local, and every `SET x` a `SET LOCAL x`.
fn localised(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("set_config(") {
        let end = rest[at..].find(')').map(|end| at + end)?;
        let call = &rest[at..end];
        let local = match call.rfind("false") {
            Some(last) => format!("{}true{}", &call[..last], &call[last + "false".len()..]),
            None => call.to_owned(),
        };
        out.push_str(&rest[..at]);
        out.push_str(&local);
        rest = &rest[end..];
    }
    out.push_str(rest);
    (out != text).then(|| out.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::localised;

    #[test]
    fn a_setting_for_the_session_becomes_one_for_the_transaction() {
        let made = localised("BEGIN PERFORM set_config('a.b', x, false); RETURN false; END").expect("changed");
        assert_eq!(made, "BEGIN PERFORM set_config('a.b', x, true); RETURN false; END");
        assert_eq!(localised("PERFORM set_config('a.b', x, true)"), None);
    }
}
