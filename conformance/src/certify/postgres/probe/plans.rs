//! Cached plans: a statement that was prepared and planned for one tenant must not answer the next one with it.
//!
//! A policy that asks an IMMUTABLE function has the answer of whoever was planned for in its plan.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Function, Kind, Relation};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Prepares, plans for the other tenant, and executes.
pub fn run(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.active && r.kind == Kind::Table).collect();
    bench.component.judged("prepared statements with a cached plan", all.len(), &["STO-02"]);
    let session = match bench.link.open() {
        Ok(session) => session,
        Err(why) => return bench.component.not_judged("prepared statements (STO-02)", why),
    };
    let _ = session.run("SET plan_cache_mode = force_generic_plan");
    for (relation, column) in all {
        if bench.is_explained(&relation) {
            continue;
        }
        let sql = bench.foreign_rows(&relation, &column, Some(bench.a));
        let (prepare, execute) = (format!("PREPARE cellproof AS {sql}"), "EXECUTE cellproof".to_owned());
        let Ok(mut other) = bench.visit(&session, Some(bench.b), Hands::Bound) else { continue };
        let planned = other.run(&prepare).is_ok() && other.rows(&execute).is_ok();
        drop(other);
        let seen = match bench.visit(&session, Some(bench.a), Hands::Bound) {
            Ok(mut visit) if planned => visit.rows(&execute).ok().and_then(|rows| bench.told(&rows)),
            _ => None,
        };
        let _ = session.run("DEALLOCATE ALL");
        let Some(saw) = seen else { continue };
        bench.leaking.insert(relation.oid);
        let mut statements = vec!["SET plan_cache_mode = force_generic_plan".to_owned(), "BEGIN".to_owned()];
        statements.extend(bench.entering(Some(bench.b)));
        statements.extend([prepare, execute.clone(), "ROLLBACK".to_owned(), "BEGIN".to_owned()]);
        statements.extend(bench.entering(Some(bench.a)));
        statements.extend([execute, "ROLLBACK".to_owned()]);
        let mut proof = bench.proof(Some(bench.a), REUSED, &[], format!("{saw} in {}", relation.label()));
        proof.statements = statements;
        let guilty = guilty(bench, &relation);
        let object = guilty.as_ref().map_or(relation.label(), |f| f.signature.clone());
        let what = "a cached plan keeps the tenant it was made for: the function that names it is called immutable";
        let repair = guilty.iter().map(|f| format!("ALTER FUNCTION {} STABLE", f.signature)).collect();
        let (what, requirements) = (what.to_owned(), vec!["STO-02", "STO-01"]);
        bench.component.find(Finding { object: object.clone(), what, requirements, proof, repair, also: Vec::new() });
        bench.also(&object, &relation.label());
    }
}

/// The immutable function that a policy of the relation calls.
fn guilty(bench: &Bench, relation: &Relation) -> Option<Function> {
    let texts: Vec<&String> = relation.policies.iter().filter_map(|p| p.using.as_ref()).collect();
    let called = |f: &&Function| {
        let name = f.signature.split('(').next().and_then(|n| n.rsplit('.').next()).unwrap_or_default();
        f.volatility == 'i' && texts.iter().any(|t| t.contains(&format!("{name}(")))
    };
    bench.catalogue.functions.iter().find(called).cloned()
}
