//! A view that fences its rows and is no security barrier: a cheap function in the question is asked before the fence.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Kind, quoted};
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::{Hands, setting};
use crate::certify::report::Finding;

/// A function that keeps what it is given, and costs next to nothing.
const FUNCTION: &str = "CREATE FUNCTION pg_temp.cellproof_keep(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 \
                        AS $$ BEGIN PERFORM set_config('cellproof.seen', concat_ws(chr(10), \
                        nullif(current_setting('cellproof.seen', true), ''), $1), true); RETURN true; END $$";
/// What it has kept.
const SEEN: &str = "SELECT current_setting('cellproof.seen', true)";

/// Asks every view through that function.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let views: Vec<_> = catalogue.relations.iter().filter(|r| r.kind == Kind::View && r.rights.select).collect();
    bench.component.judged("views, asked through a function that looks first", views.len(), &["STO-03"]);
    let secrets = gather(bench);
    let pool = bench.pool.clone();
    let names = ["enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"];
    let mut first: Vec<String> = names.iter().map(|name| setting(name, "off")).collect();
    first.push(FUNCTION.to_owned());
    for view in views {
        if bench.is_explained(view) || bench.is_shared(&view.label()) {
            continue;
        }
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Free) else { continue };
        if !first.iter().all(|statement| visit.run(statement).is_ok()) {
            drop(visit);
            bench.component.not_judged(
                format!("view {} (STO-03)", view.label()),
                "the application may make no temporary function",
            );
            continue;
        }
        let heard = view.columns.iter().filter(|c| c.select).find_map(|column| {
            let sql = format!(
                "SELECT count(*) FROM {} AS v WHERE pg_temp.cellproof_keep(v.{}::text)",
                view.sql(),
                quoted(&column.name)
            );
            visit.run(&setting("cellproof.seen", "")).ok()?;
            visit.rows(&sql).ok()?;
            let seen = visit.rows(SEEN).ok()?.first()?.first()?.clone()?;
            let secret = |text: &&str| **text == bench.b.id || secrets.anything_in(text, "");
            let count = seen.lines().filter(secret).count();
            (count > 0).then_some((sql, count))
        });
        drop(visit);
        let Some((sql, count)) = heard else { continue };
        let saw = format!("the function was given values of {count} rows that only {} can read", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[first.clone(), vec![sql, SEEN.to_owned()]].concat(), saw);
        let what = "it fences its rows and is no security barrier: a cheap function sees them first".to_owned();
        let repair = vec![format!("ALTER VIEW {} SET (security_barrier = true)", view.sql())];
        let (object, requirements) = (view.label(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}
