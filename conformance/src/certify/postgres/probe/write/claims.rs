//! What must be unique over all tenants tells, by refusing, that somebody has it.
//!
//! Generated keys (a UUID, a number from a sequence) mean nothing outside and are nobody's to guess; an address or a
//! name does and is.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Kind, Relation, Unique, quoted};
use crate::certify::postgres::link::Wrong;
use crate::certify::postgres::specimen::{self, Specimen};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Names that must be unique over all tenants, by table.
fn natural(bench: &Bench) -> Vec<(Relation, Column, Unique)> {
    let tables = bench.fenced().into_iter().filter(|(r, _)| r.kind == Kind::Table && r.rights.insert);
    let natural = |(relation, column): (Relation, Column)| {
        let found: Vec<Unique> = relation.uniques.iter().filter(|u| tells(&relation, &column, u)).cloned().collect();
        found.into_iter().map(move |u| (relation.clone(), column.clone(), u)).collect::<Vec<_>>()
    };
    tables.flat_map(natural).collect()
}

fn what(unique: &Unique) -> String {
    format!("{} is unique over all tenants: a refusal tells that somebody has it", unique.name)
}

/// Notes them.
pub fn suspect(bench: &mut Bench) {
    let all = natural(bench);
    bench.component.judged("names that must be unique over all tenants, read", all.len(), &["STO-03", "TEN-02"]);
    for (relation, _, unique) in all.into_iter() {
        bench.component.suspect(&relation.label(), &what(&unique), &["STO-03"], super::READS);
    }
}

/// Claims what the other tenant has, and what nobody has.
pub fn run(bench: &mut Bench) {
    let all = natural(bench);
    bench.component.judged("names that must be unique over all tenants", all.len(), &["STO-03", "TEN-02"]);
    for (relation, column, unique) in all {
        if bench.is_explained(&relation) || !super::touchable(bench, &relation) {
            continue;
        }
        let what = what(&unique);
        let rows = (specimen::of(bench, &relation, bench.a), specimen::of(bench, &relation, bench.b));
        let (Some(own), Some(theirs)) = rows else {
            bench.component.suspect(&relation.label(), &what, &["STO-03"], "one of the tenants has no row there");
            continue;
        };
        match claim(bench, &relation, &column, &unique, &own, &theirs) {
            Some(done) => {
                let saw = format!("what {} has is refused by {}, and what nobody has is not", bench.b.id, unique.name);
                let proof = bench.proof(Some(bench.a), REUSED, &done, saw);
                let repair = repaired(&relation, &column, &unique);
                let (object, requirements) = (relation.label(), vec!["STO-03", "TEN-02"]);
                bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
            }
            None => bench.component.suspect(
                &relation.label(),
                &what,
                &["STO-03"],
                "no row could be made that would show it",
            ),
        }
    }
}

/// Whether a unique index can tell anything of others: it holds no tenant, and something with a meaning.
fn tells(relation: &Relation, tenant: &Column, unique: &Unique) -> bool {
    let generated = |n: &i16| relation.column(*n).is_some_and(|c| c.kind == "uuid" || c.fills_itself);
    let fenced = unique.columns.contains(&tenant.number)
        || unique.expressions.as_ref().is_some_and(|e| e.contains(&tenant.name));
    !fenced && (unique.expressions.is_some() || !unique.columns.iter().all(generated))
}

fn claim(
    bench: &Bench,
    relation: &Relation,
    tenant: &Column,
    unique: &Unique,
    own: &Specimen,
    theirs: &Specimen,
) -> Option<Vec<String>> {
    let named = |c: &&Column| {
        let expressions = unique.expressions.as_deref().unwrap_or_default();
        unique.columns.contains(&c.number) || expressions.contains(c.name.as_str())
    };
    let columns: Vec<&Column> = relation.columns.iter().filter(named).collect();
    let new = own.renewed(relation, &[tenant.number]);
    let taken = columns.iter().try_fold(new.clone(), |row, c| Some(row.with(c, theirs.0.get(&c.number)?)))?;
    let (taken, new) = (taken.insert(relation), new.insert(relation));
    let try_it = |sql: &str| -> Option<Result<u64, Wrong>> {
        let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Free).ok()?;
        Some(visit.run(sql))
    };
    let refused = try_it(&taken)?.is_err_and(|w| w.code == "23505" && w.constraint.as_deref() == Some(&unique.name));
    let accepted = try_it(&new)?.is_ok();
    (refused && accepted).then(|| vec![new, taken])
}

fn repaired(relation: &Relation, tenant: &Column, unique: &Unique) -> Vec<String> {
    let (table, name, first) = (relation.sql(), quoted(&unique.name), quoted(&tenant.name));
    let plain = unique.columns.iter().filter_map(|n| relation.column(*n)).map(|c| quoted(&c.name));
    let rest: Vec<String> = plain.chain(unique.expressions.clone()).collect();
    let rest = rest.join(", ");
    if unique.constraint {
        vec![format!("ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} UNIQUE ({first}, {rest})")]
    } else {
        let schema = quoted(&relation.schema);
        vec![format!("DROP INDEX {schema}.{name}"), format!("CREATE UNIQUE INDEX {name} ON {table} ({first}, {rest})")]
    }
}
