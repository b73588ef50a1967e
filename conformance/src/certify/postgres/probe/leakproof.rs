//! Functions that are called leakproof are run before the fence; what they say there is heard.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Function, Kind, literal, quoted};
use crate::certify::postgres::probe::definers::untouchable;
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::{Hands, setting};
use crate::certify::report::Finding;

/// Runs each over columns of its type.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let one = |f: &&Function| f.leakproof && f.callable && f.arguments.len() == 1 && untouchable(f).is_none();
    let functions: Vec<&Function> = catalogue.functions.iter().filter(one).collect();
    bench.component.judged("functions that are called leakproof", functions.len(), &["STO-03"]);
    let secrets = gather(bench);
    let pool = bench.pool.clone();
    let kinds = ["enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"];
    let plans: Vec<String> = kinds.iter().map(|name| setting(name, "off")).collect();
    for function in functions {
        let mut heard = None;
        for (relation, tenant) in bench.fenced().iter().filter(|(r, _)| r.active && r.kind == Kind::Table) {
            for column in relation.columns.iter().filter(|c| c.select && c.kind == function.arguments[0]) {
                // Only the other tenant's values are given to it: one of our own might make it fail first.
                let sql = format!(
                    "SELECT count(*) FROM {} WHERE CASE WHEN {} = CAST({} AS {}) THEN {}({}) IS NULL END",
                    relation.sql(),
                    quoted(&tenant.name),
                    literal(&bench.b.id),
                    tenant.kind,
                    function.call,
                    quoted(&column.name)
                );
                let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
                // An index would find the tenant's rows first, and any session may do without one.
                for plan in &plans {
                    let _ = visit.run(plan);
                }
                let answer = visit.rows(&sql);
                let mut said = visit.heard();
                said.extend(answer.err().map(|wrong| wrong.message));
                if said.iter().any(|text| secrets.anything_in(text, "")) {
                    heard = Some((
                        sql,
                        format!("a value of {} that only {} can read, in what it said", relation.label(), bench.b.id),
                    ));
                }
            }
        }
        let Some((sql, saw)) = heard else { continue };
        let what = "it is called leakproof, runs before the fence, and tells what it was given".to_owned();
        let proof = bench.proof(Some(bench.a), REUSED, &[plans.clone(), vec![sql]].concat(), saw);
        let repair = vec![format!("ALTER FUNCTION {} NOT LEAKPROOF", function.signature)];
        let (object, requirements) = (function.signature.clone(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}
