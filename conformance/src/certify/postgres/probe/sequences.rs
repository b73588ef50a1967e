//! Sequences that tenants share: whoever may read one knows how many rows the others made.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{literal, quoted};
use crate::certify::postgres::repair::revoked_relation_named;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Reads those that belong to columns of tables with a tenant column.
pub fn run(bench: &mut Bench) {
    let pool = bench.pool.clone();
    let sql = "SELECT c.oid::bigint, quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname || '.' \
               || c.relname, \
               d.refobjid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
               WHERE c.relkind = 'S' AND has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind WHEN 'S' THEN \
               has_sequence_privilege(c.oid, 'SELECT') END \
               ORDER BY 3";
    let found = match bench.visit(&pool, Some(bench.a), Hands::Bound) {
        Ok(mut visit) => visit.rows(sql).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    bench.component.judged("sequences that can be read", found.len(), &["STO-03"]);
    for row in found {
        let text = |i: usize| row[i].clone().unwrap_or_default();
        let (name, label, table) = (text(1), text(2), text(3).parse::<u32>().unwrap_or(0));
        let catalogue = bench.catalogue.clone();
        let Some((relation, column)) = catalogue.relation(table).and_then(|r| Some((r, bench.tenancy.column(r)?)))
        else {
            continue;
        };
        if bench.is_explained(relation) || bench.is_shared(&label) {
            continue;
        }
        let own = format!(
            "SELECT count(*) FROM {} WHERE {} = CAST({} AS {})",
            relation.sql(),
            quoted(&column.name),
            literal(&bench.a.id),
            column.kind
        );
        let last = format!("SELECT last_value FROM {name} WHERE is_called");
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let number = |rows: Vec<Vec<Option<String>>>| rows.first().and_then(|r| r[0].clone()?.parse::<i64>().ok());
        let (Some(made), Some(mine)) =
            (visit.rows(&last).ok().and_then(number), visit.rows(&own).ok().and_then(number))
        else {
            continue;
        };
        if made <= mine {
            continue;
        }
        let repair = revoked_relation_named(&mut visit, "SELECT", "SEQUENCE", &name);
        drop(visit);
        let saw = format!("{made} numbers were drawn, and {} has {mine} rows: the others made the rest", bench.a.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[last, own], saw);
        let what = format!("it counts the rows that all tenants made in {}, and can be read", relation.label());
        let requirements = vec!["STO-03", "TEN-02"];
        bench.component.find(Finding { object: label, what, requirements, proof, repair, also: Vec::new() });
    }
}
