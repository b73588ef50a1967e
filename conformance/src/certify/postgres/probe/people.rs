//! Of which relations the other tenant has rows: where it has none, nothing can leak and nothing is proved.

use crate::certify::postgres::bench::Bench;
use crate::certify::postgres::catalogue::{literal, quoted};
use crate::certify::postgres::visit::Hands;

/// Notes them.
pub fn run(bench: &mut Bench) {
    let (pool, all) = (bench.pool.clone(), bench.fenced());
    let mut empty = Vec::new();
    if let Ok(mut visit) = bench.visit(&pool, Some(bench.b), Hands::Bound) {
        for (relation, column) in &all {
            let (name, id) = (quoted(&column.name), literal(&bench.b.id));
            let sql = format!("SELECT 1 FROM {} WHERE {name} = CAST({id} AS {}) LIMIT 1", relation.sql(), column.kind);
            match visit.rows(&sql) {
                Ok(rows) if !rows.is_empty() => {
                    bench.peopled.insert(relation.oid);
                }
                _ => empty.push(relation.label()),
            }
        }
    }
    // A relation whose rows nobody could see proves nothing by showing none.
    if !empty.is_empty() && empty.len() < all.len() {
        let why = format!("{} sees no row of its own there, so nothing could show", bench.b.id);
        bench.component.not_judged(format!("rows of {} (STO-01, STO-03, TEN-02)", empty.join(", ")), why);
    }
}
