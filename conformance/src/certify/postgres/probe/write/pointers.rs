//! A foreign key without the tenant lets a row point at another tenant's, and tells whether that exists: the server
//! checks keys beyond every policy.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Catalogue, Column, ForeignKey, Kind, Relation, quoted};
use crate::certify::postgres::probe::policies::lets;
use crate::certify::postgres::specimen::{self, Specimen, fresh};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Keys without the tenant that point at rows of tenants.
fn loose<'c>(bench: &Bench, catalogue: &'c Catalogue) -> Vec<(&'c Relation, &'c ForeignKey, &'c Relation)> {
    let mut all: Vec<(&Relation, &ForeignKey, &Relation)> = Vec::new();
    for relation in catalogue.relations.iter().filter(|r| r.kind == Kind::Table && r.rights.insert && r.active) {
        let own = bench.tenancy.column(relation).map(|c| c.number);
        for key in &relation.foreign_keys {
            let Some(target) = catalogue.relation(key.target) else { continue };
            let Some(fence) = bench.tenancy.column(target) else { continue };
            // A key that carries the tenant, or points at the list of tenants, is as it should be.
            if !key.at.contains(&fence.number) && own.is_none_or(|own| !key.columns.contains(&own)) {
                all.push((relation, key, target));
            }
        }
    }
    all
}

fn what(key: &ForeignKey, target: &Relation) -> String {
    format!("{} points at {} without the tenant: rows of others are reached", key.name, target.label())
}

/// Notes those that policies let through: what they say of such a row, which is not written.
pub fn suspect(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let all = loose(bench, &catalogue);
    bench.component.judged(
        "keys without the tenant that point at rows of tenants, read",
        all.len(),
        &["STO-03", "TEN-02"],
    );
    for (relation, key, target) in all {
        if bench.is_explained(relation) || bench.is_explained(target) {
            continue;
        }
        if rows(bench, relation, key, target).is_some_and(|[row, _]| lets(bench, relation, 'a', &row)) {
            bench.component.suspect(&relation.label(), &what(key, target), &["STO-03", "TEN-02"], super::READS);
        }
    }
}

/// Points at a row of the other tenant, and at none.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let all = loose(bench, &catalogue);
    bench.component.judged("keys without the tenant that point at rows of tenants", all.len(), &["STO-03", "TEN-02"]);
    for (relation, key, target) in all {
        if bench.is_explained(relation) || bench.is_explained(target) || !super::touchable(bench, relation) {
            continue;
        }
        let Some(done) = point(bench, relation, key, target) else { continue };
        let saw = format!("a row of {} is accepted, and one that nobody has is refused", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &done, saw);
        let what = what(key, target);
        let repair = repaired(bench, relation, key, target);
        let (object, requirements) = (relation.label(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

/// A row that points at one of the other tenant, and one that points at none.
fn rows(bench: &Bench, relation: &Relation, key: &ForeignKey, target: &Relation) -> Option<[Specimen; 2]> {
    let own = specimen::of(bench, relation, bench.a)?;
    let theirs = specimen::of(bench, target, bench.b)?;
    let tenant: Vec<i16> = bench.tenancy.column(relation).map(|c| c.number).into_iter().collect();
    let new = own.renewed(relation, &tenant);
    let pairs: Vec<(&Column, &Column)> =
        key.columns.iter().zip(&key.at).filter_map(|(c, t)| Some((relation.column(*c)?, target.column(*t)?))).collect();
    let reached = pairs.iter().try_fold(new.clone(), |row, (c, t)| Some(row.with(c, theirs.0.get(&t.number)?)))?;
    let missed = pairs.iter().try_fold(new, |row, (c, _)| Some(row.with(c, &fresh(c)?)))?;
    Some([reached, missed])
}

fn point(bench: &Bench, relation: &Relation, key: &ForeignKey, target: &Relation) -> Option<Vec<String>> {
    let [reached, missed] = rows(bench, relation, key, target)?.map(|row| row.insert(relation));
    let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Free).ok()?;
    let accepted = visit.run(&reached).is_ok();
    let refused = visit.run(&missed).is_err_and(|wrong| wrong.code == "23503");
    (accepted && refused).then(|| vec![reached, missed])
}

fn repaired(bench: &Bench, relation: &Relation, key: &ForeignKey, target: &Relation) -> Vec<String> {
    let names = |of: &Relation, numbers: &[i16]| -> Vec<String> {
        numbers.iter().filter_map(|n| of.column(*n)).map(|c| quoted(&c.name)).collect()
    };
    let (from, at) = (names(relation, &key.columns), names(target, &key.at));
    let Some(fence) = bench.tenancy.column(target) else { return Vec::new() };
    let Some(own) = bench.tenancy.column(relation) else {
        let pairs: Vec<String> =
            from.iter().zip(&at).map(|(c, p)| format!("p.{p} = {}.{c}", quoted(&relation.name))).collect();
        let (table, joined) = (relation.sql(), pairs.join(" AND "));
        let exists = format!("EXISTS (SELECT FROM {} AS p WHERE {joined})", target.sql());
        return vec![format!("CREATE POLICY tenant_fence ON {table} AS RESTRICTIVE USING ({exists})")];
    };
    let (own, fence_name) = (quoted(&own.name), quoted(&fence.name));
    let mut wanted: Vec<i16> = key.at.iter().copied().chain([fence.number]).collect();
    wanted.sort_unstable();
    let same = |columns: &[i16]| {
        let mut sorted = columns.to_vec();
        sorted.sort_unstable();
        sorted == wanted
    };
    let mut repair = Vec::new();
    if !target.uniques.iter().any(|u| same(&u.columns)) {
        repair.push(format!("ALTER TABLE {} ADD UNIQUE ({fence_name}, {})", target.sql(), at.join(", ")));
    }
    repair.push(format!(
        "ALTER TABLE {} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} FOREIGN KEY ({own}, {}) \
         REFERENCES {} ({fence_name}, {})",
        relation.sql(),
        from.join(", "),
        target.sql(),
        at.join(", "),
        name = quoted(&key.name)
    ));
    repair
}
