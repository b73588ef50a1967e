//! Relations without a tenant column: a list of prices is shared by right, a log with everybody's rows in it is not.
//!
//! They are read as one tenant, and searched for what only the other one can see.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::Kind;
use crate::certify::postgres::repair;
use crate::certify::postgres::secrets;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Rows of each that are searched.
pub const ROWS: usize = 2_000;

/// Searches them.
pub fn run(bench: &mut Bench) {
    let secrets = secrets::gather(bench);
    let catalogue = bench.catalogue.clone();
    let all: Vec<_> = catalogue
        .relations
        .iter()
        .filter(|r| r.kind != Kind::View && r.rights.select && bench.tenancy.column(r).is_none())
        .filter(|r| !bench.is_explained(r) && !bench.is_shared(&r.label()))
        .collect();
    bench.component.judged(
        "relations without a tenant column, searched for values of the other tenant",
        all.len(),
        &["TEN-02"],
    );
    let pool = bench.pool.clone();
    for relation in all {
        let sql = format!("SELECT t::text FROM (SELECT * FROM {} LIMIT {ROWS}) AS t", relation.sql());
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let rows = visit.rows(&sql).unwrap_or_default();
        let held = rows.iter().filter(|r| r[0].as_deref().is_some_and(|text| secrets.surely_in(text))).count();
        if held == 0 {
            continue;
        }
        let repair = repair::revoked_relation(&mut visit, "SELECT", relation);
        drop(visit);
        bench.leaking.insert(relation.oid);
        let saw = format!("{held} rows with values that only {} can read", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
        let what = "it names no tenant, and holds values of the other one".to_owned();
        let (object, requirements) = (relation.label(), vec!["STO-01", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}
