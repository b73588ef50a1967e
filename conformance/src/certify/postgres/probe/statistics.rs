//! The planner's statistics hold the commonest values of every column. `pg_stats` hides those of fenced tables; the
//! catalogue behind it does not.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::repair::revoked_relation_named;
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Where statistics lie, and how they are read as text.
const PLACES: &[(&str, &str)] = &[
    (
        "pg_catalog.pg_statistic",
        "SELECT concat_ws(' ', stavalues1::text, stavalues2::text, stavalues3::text) FROM pg_catalog.pg_statistic \
         WHERE starelid = ",
    ),
    (
        "pg_catalog.pg_stats",
        "SELECT concat_ws(' ', most_common_vals::text, histogram_bounds::text) FROM pg_catalog.pg_stats \
         WHERE format('%I.%I', schemaname, tablename)::regclass = ",
    ),
];

/// Reads the statistics of tables with a tenant column.
pub fn run(bench: &mut Bench) {
    bench.component.judged("statistics of the planner", PLACES.len(), &["STO-03"]);
    let secrets = gather(bench);
    let pool = bench.pool.clone();
    for (place, read) in PLACES {
        for (relation, _) in bench.fenced() {
            if bench.is_explained(&relation) {
                continue;
            }
            let sql = format!("{read}{}::oid", relation.oid);
            let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
            let rows = visit.rows(&sql).unwrap_or_default();
            let held = rows.iter().filter(|r| r[0].as_deref().is_some_and(|t| secrets.anything_in(t, ""))).count();
            if held == 0 {
                continue;
            }
            let repair = revoked_relation_named(&mut visit, "SELECT", "", place);
            drop(visit);
            let saw = format!("values of {} that only {} can read", relation.label(), bench.b.id);
            let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
            let what = "the commonest values of fenced tables can be read in the statistics".to_owned();
            let requirements = vec!["STO-03", "TEN-02"];
            bench.component.find(Finding {
                object: (*place).to_owned(),
                what,
                requirements,
                proof,
                repair,
                also: Vec::new(),
            });
            break;
        }
    }
}
