//! Functions that run with their owner's rights: called as one tenant with what belongs to the other.
//!
//! Only in read-only transactions, and only those whose language the server trusts and whose text calls nothing
//! outside.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Function, literal};
use crate::certify::postgres::probe::views::shared_text;
use crate::certify::postgres::secrets::{Secrets, gather};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Words of a function that reaches outside the transaction.
pub const OUTSIDE: &[&str] =
    &["dblink", "pg_notify", "notify ", "http_", "copy ", "lo_export", "pg_terminate", "pg_sleep"];
/// Calls of one function.
const CALLS_MAX: usize = 60;
/// Nobody's id.
const STRANGER: &str = "cellproof-nobody";

/// Calls them.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let definers: Vec<&Function> = catalogue.functions.iter().filter(|f| f.definer && f.callable).collect();
    bench.component.judged("functions with their owner's rights", definers.len(), &["STO-03", "TEN-02"]);
    let secrets = {
        let found = gather(bench);
        let shared = shared_text(bench);
        found.without_common(&shared)
    };
    for function in definers {
        if let Some(why) = untouchable(function) {
            bench.component.not_judged(format!("function {} (STO-03, TEN-02)", function.signature), why);
            continue;
        }
        let Some((sql, saw)) = calls(bench, function, &secrets).into_iter().find_map(|c| leak(bench, &c, &secrets))
        else {
            continue;
        };
        let what = "it runs with its owner's rights, and gives what the tenant may not see".to_owned();
        let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
        let repair = vec![format!("ALTER FUNCTION {} SECURITY INVOKER", function.signature)];
        let (object, requirements) = (function.signature.clone(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

/// Why a function is not called.
pub fn untouchable(function: &Function) -> Option<String> {
    if ["trigger", "event_trigger"].contains(&function.returns.as_str()) {
        return Some("a trigger cannot be called".to_owned());
    }
    if !function.trusted {
        return Some(format!("its language {} can reach outside the transaction", function.language));
    }
    let low = function.source.to_lowercase();
    let word = OUTSIDE.iter().find(|w| low.contains(**w))?;
    Some(format!("its text holds `{}`, which reaches outside the transaction", word.trim()))
}

/// One way to call a function.
pub struct Call {
    /// The statement.
    pub sql: String,
    /// The same for the acting tenant itself, and for nobody, where an argument names a tenant.
    compared: Option<[String; 2]>,
    /// What it says itself.
    given: String,
}

/// Ways to call a function that name what belongs to the other tenant.
pub fn calls(bench: &Bench, function: &Function, secrets: &Secrets) -> Vec<Call> {
    let mut rows: Vec<Vec<(String, bool)>> = vec![Vec::new()];
    for (i, kind) in function.arguments.iter().enumerate() {
        let name = function.names.get(i).map_or("", String::as_str);
        let values = candidates(bench, kind, name, secrets);
        let grown =
            rows.iter().flat_map(|row| values.iter().map(move |v| row.iter().cloned().chain([v.clone()]).collect()));
        rows = grown.take(CALLS_MAX).collect();
    }
    let sql = |row: &[(String, bool)], id: &str| {
        let typed = row.iter().zip(&function.arguments).map(|((value, is_tenant), kind)| {
            let value = if *is_tenant { literal(id) } else { value.clone() };
            format!("CAST({value} AS {kind})")
        });
        format!("SELECT t::text FROM {}({}) AS t LIMIT 200", function.call, typed.collect::<Vec<_>>().join(", "))
    };
    let call = |row: Vec<(String, bool)>| {
        let names = row.iter().any(|(_, is_tenant)| *is_tenant);
        let compared = names.then(|| [sql(&row, &bench.a.id), sql(&row, STRANGER)]);
        Call { sql: sql(&row, &bench.b.id), compared, given: row.iter().map(|(v, _)| v.as_str()).collect() }
    };
    rows.into_iter().map(call).collect()
}

/// What to try for an argument, and whether it names a tenant.
fn candidates(bench: &Bench, kind: &str, name: &str, secrets: &Secrets) -> Vec<(String, bool)> {
    let mut values = Vec::new();
    let fixed = |text: &str| (text.to_owned(), false);
    let named = bench
        .tenancy
        .columns
        .iter()
        .any(|(oid, n)| bench.catalogue.relation(*oid).and_then(|r| r.column(*n)).is_some_and(|c| c.kind == kind));
    if named {
        values.push((literal(&bench.b.id), true));
    }
    let _ = name;
    match kind {
        "uuid" => values.extend(secrets.rows.iter().flat_map(|r| &r.strong).take(8).map(|v| (literal(v), false))),
        "text" | "character varying" => {
            values
                .extend(["''", "'%'", "''' OR true --'", "'%'' OR ''1''=''1'", "'x'' OR true OR ''x''='''"].map(fixed));
            values.extend(secrets.rows.iter().flat_map(|r| &r.weak).take(4).map(|v| (literal(v), false)));
        }
        "integer" | "bigint" | "smallint" => values.extend(["1", "2", "3", "100"].map(fixed)),
        "boolean" => values.extend(["true", "false"].map(fixed)),
        "jsonb" | "json" => values.push(fixed("'{}'")),
        _ => {}
    }
    values.push(fixed("NULL"));
    values
}

/// What a call gave that it must not.
fn leak(bench: &Bench, call: &Call, secrets: &Secrets) -> Option<(String, String)> {
    let pool = bench.pool.clone();
    let ask = |tenant, sql: &str| {
        let mut visit = bench.visit(&pool, Some(tenant), Hands::Bound).ok()?;
        visit.rows(sql).ok()
    };
    let rows = ask(bench.a, &call.sql)?;
    let text = |r: &Vec<Option<String>>| r[0].clone().unwrap_or_default();
    let held = rows.iter().filter(|r| secrets.anything_in(&text(r), &call.given)).count();
    if held > 0 {
        return Some((call.sql.clone(), format!("{held} rows with values that only {} can read", bench.b.id)));
    }
    // A bare number tells nothing by itself: it must be what the other tenant gets, and nobody else.
    let [own, strange] = call.compared.as_ref()?;
    let (theirs, own) = (ask(bench.b, &call.sql)?, ask(bench.a, own)?);
    let differs = ask(bench.a, strange).is_none_or(|strange| strange != rows);
    let told = rows == theirs && rows != own && differs && !rows.is_empty() && !rows.iter().all(|r| r[0].is_none());
    let mute = rows.iter().all(|r| text(r).is_empty());
    (told && !mute)
        .then(|| (call.sql.clone(), format!("the answer that {} gets, and an unknown tenant does not", bench.b.id)))
}
