//! Tables without a tenant column that hang on one that has it: a line whose order cannot be seen is somebody else's.

use crate::certify::postgres::bench::{Bench, REUSED, ROWS_MAX};
use crate::certify::postgres::catalogue::{Catalogue, ForeignKey, Kind, Relation, quoted};
use crate::certify::postgres::repair;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;
use std::collections::BTreeSet;

/// Looks for rows whose parent is hidden.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let all = hanging(bench, &catalogue);
    bench.component.judged("rows that hang on rows of a tenant", all.len(), &["TEN-02", "STO-01"]);
    let pool = bench.pool.clone();
    for (child, key) in all {
        let Some(parent) = catalogue.relation(key.target) else { continue };
        if bench.leaking.contains(&parent.oid) || bench.leaking.contains(&child.oid) {
            continue;
        }
        let joined = joined(child, key, parent);
        let given: Vec<String> = key
            .columns
            .iter()
            .filter_map(|n| child.column(*n))
            .map(|c| format!("c.{} IS NOT NULL", quoted(&c.name)))
            .collect();
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} AS c WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {joined}) \
             LIMIT {ROWS_MAX}) AS seen",
            child.sql(),
            given.join(" AND "),
            parent.sql()
        );
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let count = visit.rows(&sql).ok().and_then(|rows| rows.first()?.first()?.clone()).unwrap_or_default();
        drop(visit);
        if count.is_empty() || count == "0" {
            continue;
        }
        bench.leaking.insert(child.oid);
        let alias = joined.replace("c.", &format!("{}.", quoted(&child.name)));
        let fence = format!("EXISTS (SELECT FROM {} AS p WHERE {alias})", parent.sql());
        let repair = repair::row_security(bench, child, Some(fence), &key.columns);
        let what = format!("no fence: its rows belong to rows of {} that are hidden", parent.label());
        let saw = format!("{count} rows of others, whose {} is hidden", parent.label());
        let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
        let requirements = vec!["STO-01", "TEN-02"];
        bench.component.find(Finding { object: child.label(), what, requirements, proof, repair, also: Vec::new() });
    }
}

/// Tables that hang, at any distance, on a table with a tenant column; nearest first.
fn hanging<'c>(bench: &Bench, catalogue: &'c Catalogue) -> Vec<(&'c Relation, &'c ForeignKey)> {
    let mut known: BTreeSet<u32> = bench.tenancy.columns.keys().copied().collect();
    let mut found: Vec<(&Relation, &ForeignKey)> = Vec::new();
    loop {
        let before = found.len();
        for relation in catalogue.relations.iter().filter(|r| r.kind == Kind::Table && r.rights.select) {
            if known.contains(&relation.oid) || bench.is_shared(&relation.label()) {
                continue;
            }
            let keys = relation.foreign_keys.iter().filter(|k| known.contains(&k.target) && k.target != relation.oid);
            let readable = |key: &&ForeignKey| catalogue.relation(key.target).is_some_and(|p| p.rights.select);
            found.extend(keys.filter(readable).map(|key| (relation, key)));
        }
        known.extend(found.iter().map(|(relation, _)| relation.oid));
        if found.len() == before {
            return found;
        }
    }
}

/// The condition that a child `c` belongs to a parent `p`.
fn joined(child: &Relation, key: &ForeignKey, parent: &Relation) -> String {
    let pairs = key.columns.iter().zip(&key.at).filter_map(|(c, p)| Some((child.column(*c)?, parent.column(*p)?)));
    let pairs = pairs.map(|(c, p)| format!("p.{} = c.{}", quoted(&p.name), quoted(&c.name)));
    pairs.collect::<Vec<_>>().join(" AND ")
}
