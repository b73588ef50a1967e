//! Functions that write with their owner's rights: called as one tenant with what belongs to the other; then the
//! rows of the other one are compared with what they were.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Function, Kind, Relation, literal, quoted};
use crate::certify::postgres::probe::definers::{calls, untouchable};
use crate::certify::postgres::probe::write::paths::names;
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::{Hands, Visit};
use crate::certify::report::Finding;

/// Calls of one function.
const CALLS_MAX: usize = 12;

/// Functions that may write with their owner's rights.
fn writers(bench: &Bench) -> Vec<Function> {
    let writes = |f: &&Function| f.definer && f.callable && f.volatility == 'v' && untouchable(f).is_none();
    bench.catalogue.functions.iter().filter(writes).cloned().collect()
}

/// Notes that they were not called to see what they write.
pub fn note(bench: &mut Bench) {
    for function in writers(bench) {
        bench
            .component
            .not_judged(format!("what function {} writes (STO-03, TEN-02)", function.signature), super::READS);
    }
}

/// Calls them.
pub fn run(bench: &mut Bench) {
    let all = writers(bench);
    bench.component.judged("functions that write with their owner's rights", all.len(), &["STO-03", "TEN-02"]);
    let secrets = gather(bench);
    for function in all {
        let table = |r: &Relation| r.kind == Kind::Table && names(&function.source, &r.name);
        let named: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| table(r) && !bench.is_explained(r)).collect();
        let found = calls(bench, &function, &secrets).into_iter().take(CALLS_MAX).find_map(|call| {
            let (relation, look) = changed(bench, &call.sql, &named)?;
            Some((call.sql, relation, look))
        });
        let Some((sql, relation, look)) = found else { continue };
        let b = bench.entering(Some(bench.b));
        let saw = format!("rows of {} in {relation} are not what they were", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[vec![sql], b, vec![look]].concat(), saw);
        let what = "it runs with its owner's rights, and changes rows of another tenant".to_owned();
        let repair = vec![format!("ALTER FUNCTION {} SECURITY INVOKER", function.signature)];
        let (object, requirements) = (function.signature.clone(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

/// The first of the relations whose rows of the other tenant a call changes, and how that is seen.
fn changed(bench: &Bench, call: &str, named: &[(Relation, Column)]) -> Option<(String, String)> {
    let mut visit = bench.visit(&bench.pool, Some(bench.b), Hands::Free).ok()?;
    let before: Vec<Option<String>> = named.iter().map(|(r, c)| look(bench, &mut visit, r, c)).collect();
    for statement in bench.entering(Some(bench.a)) {
        visit.run(&statement).ok()?;
    }
    visit.run(call).ok()?;
    for statement in bench.entering(Some(bench.b)) {
        visit.run(&statement).ok()?;
    }
    let after: Vec<Option<String>> = named.iter().map(|(r, c)| look(bench, &mut visit, r, c)).collect();
    let at = before.iter().zip(&after).position(|(before, after)| before != after)?;
    let (relation, column) = &named[at];
    Some((relation.label(), fingerprint(bench, relation, column)))
}

fn look(bench: &Bench, visit: &mut Visit, relation: &Relation, column: &Column) -> Option<String> {
    visit.rows(&fingerprint(bench, relation, column)).ok()?.into_iter().next()?.into_iter().next()?
}

/// One text for all rows that the other tenant has.
fn fingerprint(bench: &Bench, relation: &Relation, column: &Column) -> String {
    let list: Vec<String> = relation.columns.iter().filter(|c| c.select).map(|c| quoted(&c.name)).collect();
    format!(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') FROM \
         (SELECT {} FROM {} WHERE {} = CAST({} AS {}) LIMIT 10000) AS r",
        list.join(", "),
        relation.sql(),
        quoted(&column.name),
        literal(&bench.b.id),
        column.kind
    )
}
