//! TRUNCATE: no policy is asked.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Relation, literal, quoted};
use crate::certify::postgres::repair::revoked_relation;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Empties each table that may be emptied, and takes it back.
pub fn run(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.rights.truncate && !r.owned).collect();
    bench.component.judged("tables that may be emptied", all.len(), &["STO-03"]);
    let pool = bench.pool.clone();
    for (relation, column) in all {
        if bench.is_explained(&relation) || !super::touchable(bench, &relation) {
            continue;
        }
        let sql = format!("TRUNCATE {}", relation.sql());
        let (name, id) = (quoted(&column.name), literal(&bench.b.id));
        let count = format!("SELECT count(*) FROM {} WHERE {name} = CAST({id} AS {})", relation.sql(), column.kind);
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Free) else { continue };
        if let Err(wrong) = visit.run(&sql) {
            drop(visit);
            suspect(bench, &relation, &format!("{} ({})", wrong.message, wrong.code));
            continue;
        }
        let entered = bench.entering(Some(bench.b));
        let entered_all = entered.iter().all(|statement| visit.run(statement).is_ok());
        let left = visit.rows(&count).ok().and_then(|rows| rows.first()?.first()?.clone());
        drop(visit);
        if !entered_all || left.as_deref() != Some("0") || !bench.peopled.contains(&relation.oid) {
            suspect(bench, &relation, "no row of the other tenant was there to be erased");
            continue;
        }
        let repair = match bench.visit(&pool, Some(bench.a), Hands::Bound) {
            Ok(mut visit) => revoked_relation(&mut visit, "TRUNCATE", &relation),
            Err(_) => Vec::new(),
        };
        let saw = format!("{} had rows, and has none", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[vec![sql], entered, vec![count]].concat(), saw);
        let what = "the application may TRUNCATE it, and no policy is asked".to_owned();
        let (object, requirements) = (relation.label(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

fn suspect(bench: &mut Bench, relation: &Relation, why: &str) {
    let what = "the application may TRUNCATE it, and no policy is asked";
    bench.component.suspect(&relation.label(), what, &["STO-03"], why);
}
