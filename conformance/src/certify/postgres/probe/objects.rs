//! Large objects: a number, a right, and no rows; the fence of the table that names the number does not stand there.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{large_object_grantees, literal, quoted};
use crate::certify::postgres::repair::revoked;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Numbers that are taken from each column.
const ROWS: usize = 20;

/// Reads the objects that the other tenant's rows name.
pub fn run(bench: &mut Bench) {
    let pool = bench.pool.clone();
    let mut named: Vec<(String, String)> = Vec::new();
    if let Ok(mut visit) = bench.visit(&pool, Some(bench.b), Hands::Bound) {
        for (relation, tenant) in bench.fenced().into_iter().filter(|(r, _)| !bench.is_explained(r)) {
            for column in relation.columns.iter().filter(|c| c.select && (c.kind == "oid" || c.kind == "lo")) {
                let sql = format!(
                    "SELECT {}::text FROM {} WHERE {} = CAST({} AS {}) LIMIT {ROWS}",
                    quoted(&column.name),
                    relation.sql(),
                    quoted(&tenant.name),
                    literal(&bench.b.id),
                    tenant.kind
                );
                let rows = visit.rows(&sql).unwrap_or_default();
                named.extend(
                    rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).map(|n| (n, relation.label())),
                );
            }
        }
    }
    bench.component.judged("large objects that the other tenant's rows name", named.len(), &["STO-03"]);
    for (number, table) in named {
        let sql = format!("SELECT length(lo_get({number}, 0, 64))");
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let Some(length) = visit.rows(&sql).ok().and_then(|rows| rows.first()?.first()?.clone()) else { continue };
        let grantees = large_object_grantees(&mut visit, &number).unwrap_or_default();
        drop(visit);
        let what = format!("it belongs to a hidden row of {table}, and the application may read it");
        let saw = format!("{length} bytes of an object that only {}'s row names", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
        let repair = revoked("ALL", &format!("LARGE OBJECT {number}"), &grantees);
        let (object, requirements) = (format!("large object {number}"), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}
