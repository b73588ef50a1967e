//! Rights that look harmless: REFERENCES asks which rows exist, TRIGGER sees what others write.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Relation, quoted};
use crate::certify::postgres::repair::revoked_relation;
use crate::certify::postgres::specimen::{self, Specimen, fresh};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// A schema where the application may make tables: without one, there is nothing of its own that could point.
fn workshop(bench: &Bench) -> Option<String> {
    let sql = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege(oid, 'CREATE') \
               AND has_schema_privilege(oid, 'USAGE') ORDER BY 1 LIMIT 1";
    let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Bound).ok()?;
    visit.rows(sql).ok()?.into_iter().next()?.into_iter().next()?
}

/// Notes what the catalogue says of these rights.
pub fn suspect(bench: &mut Bench) {
    let schema = workshop(bench);
    for (relation, _) in bench.fenced().into_iter().filter(|(r, _)| !r.owned) {
        if relation.rights.references && schema.is_some() {
            let what = "with REFERENCES, a key of the application's own table tells which rows others have";
            bench.component.suspect(&relation.label(), what, &["STO-03"], super::READS);
        }
        if relation.rights.trigger {
            let what = "with TRIGGER, a trigger of the application sees what every tenant writes";
            bench.component.suspect(&relation.label(), what, &["STO-03"], super::READS);
        }
        if relation.rights.truncate {
            let what = "the application may TRUNCATE it, and no policy is asked";
            bench.component.suspect(&relation.label(), what, &["STO-03"], super::READS);
        }
    }
}

/// Points a key at the other tenant's rows, in a schema where the application may make tables.
pub fn references(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.rights.references && !r.owned).collect();
    bench.component.judged("tables that keys may point at", all.len(), &["STO-03"]);
    let pool = bench.pool.clone();
    let Some(schema) = workshop(bench) else { return };
    for (relation, _) in all {
        if bench.is_explained(&relation) || !super::touchable(bench, &relation) {
            continue;
        }
        let Some(row) = specimen::of(bench, &relation, bench.b) else { continue };
        let keys = relation.uniques.iter().filter(|u| u.constraint && u.expressions.is_none());
        let columns = |numbers: &[i16]| numbers.iter().filter_map(|n| relation.column(*n)).collect::<Vec<_>>();
        let keyed = |c: &[&Column]| !c.is_empty() && c.iter().any(|c| fresh(c).is_some());
        let Some(key) = keys.map(|u| columns(&u.columns)).find(|c| keyed(c)) else { continue };
        let table = format!("{}.cellproof_pointer", quoted(&schema));
        let list: Vec<String> = key.iter().map(|c| format!("{} {}", quoted(&c.name), c.kind)).collect();
        let names: Vec<String> = key.iter().map(|c| quoted(&c.name)).collect();
        let (list, names) = (list.join(", "), names.join(", "));
        let made =
            format!("CREATE TABLE {table} ({list}, FOREIGN KEY ({names}) REFERENCES {} ({names}))", relation.sql());
        let put = |row: &Specimen| {
            let values: Vec<&str> = key.iter().map(|c| row.0.get(&c.number).map_or("NULL", String::as_str)).collect();
            format!("INSERT INTO {table} VALUES ({})", values.join(", "))
        };
        let stranger = key.iter().fold(row.clone(), |row, c| fresh(c).map_or(row.clone(), |v| row.with(c, &v)));
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Free) else { continue };
        let there = visit.run(&made).is_ok() && visit.run(&put(&row)).is_ok();
        let not_there = visit.run(&put(&stranger)).is_err_and(|wrong| wrong.code == "23503");
        if !there || !not_there {
            continue;
        }
        let repair = revoked_relation(&mut visit, "REFERENCES", &relation);
        drop(visit);
        let saw = format!("a key of {} is accepted, and one that nobody has is refused", bench.b.id);
        let proof = bench.proof(Some(bench.a), REUSED, &[made, put(&row), put(&stranger)], saw);
        let what = "with REFERENCES, a key of the application's own table tells which rows others have".to_owned();
        let (object, requirements) = (relation.label(), vec!["STO-03", "TEN-02"]);
        bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
    }
}

/// Puts a trigger on, lets the other tenant write, and looks at what the trigger saw.
pub fn triggers(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.rights.trigger && !r.owned).collect();
    bench.component.judged("tables that triggers may be put on", all.len(), &["STO-03"]);
    for (relation, column) in all {
        if bench.is_explained(&relation) || !super::touchable(bench, &relation) {
            continue;
        }
        match trigger(bench, &relation, &column) {
            Ok((done, saw, repair)) => {
                let proof = bench.proof(Some(bench.a), REUSED, &done, saw);
                let what = "with TRIGGER, a trigger of the application sees what every tenant writes".to_owned();
                let (object, requirements) = (relation.label(), vec!["STO-03", "TEN-02"]);
                bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
            }
            Err(why) => {
                let what = "the application may put triggers on it, which see what every tenant writes";
                bench.component.suspect(&relation.label(), what, &["STO-03"], &why);
            }
        }
    }
}

fn trigger(bench: &Bench, relation: &Relation, column: &Column) -> Result<(Vec<String>, String, Vec<String>), String> {
    let row = specimen::of(bench, relation, bench.b).ok_or("the other tenant has no row there")?;
    let free = relation.columns.iter().find(|c| c.update && c.number != column.number && !c.generated);
    let write = match (relation.rights.update, free, relation.rights.insert) {
        (true, Some(c), _) => format!("UPDATE {} SET {n} = {n}", relation.sql(), n = quoted(&c.name)),
        (_, _, true) => row.renewed(relation, &[column.number]).insert(relation),
        _ => return Err("no tenant may write there".to_owned()),
    };
    let seen = "CREATE TEMP TABLE cellproof_seen (tenant text)".to_owned();
    let function = format!(
        "CREATE FUNCTION pg_temp.cellproof_copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO pg_temp.cellproof_seen VALUES (NEW.{}::text); RETURN NEW; END $$",
        quoted(&column.name)
    );
    let put = format!(
        "CREATE TRIGGER cellproof AFTER INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION pg_temp.cellproof_copy()",
        relation.sql()
    );
    let look = "SELECT tenant, count(*) FROM pg_temp.cellproof_seen GROUP BY 1 ORDER BY 1".to_owned();
    let steps =
        [vec![seen, function, put], bench.entering(Some(bench.b)), vec![write], bench.entering(Some(bench.a))].concat();
    let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Free).map_err(|w| w.message)?;
    for step in &steps {
        visit.run(step).map_err(|wrong| format!("{} ({})", wrong.message, wrong.code))?;
    }
    let rows = visit.rows(&look).map_err(|wrong| wrong.message)?;
    let saw = bench.told(&rows).filter(|_| rows.iter().any(|r| r[0].as_deref() == Some(&bench.b.id)));
    let saw = saw.ok_or("the trigger saw nothing of the other tenant")?;
    let repair = revoked_relation(&mut visit, "TRIGGER", relation);
    Ok(([steps, vec![look]].concat(), format!("the trigger saw {saw}"), repair))
}
