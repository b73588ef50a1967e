//! Functions with their owner's rights that look names up on the caller's path: the caller puts a view of its own in
//! front, and what that view calls runs as the owner.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Column, Function, Relation, literal, quoted};
use crate::certify::postgres::probe::definers::untouchable;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// What is wrong with such a function.
const WHAT: &str = "it runs with its owner's rights, and looks names up on the caller's path";

/// Whether a function looks names up on the caller's path, with its owner's rights.
fn open(function: &&Function) -> bool {
    function.definer
        && function.callable
        && !function.settings.contains("search_path=")
        && ["sql", "plpgsql"].contains(&function.language.as_str())
}

/// Notes such functions.
pub fn suspect(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let functions: Vec<&Function> = catalogue.functions.iter().filter(open).collect();
    bench.component.judged("functions with their owner's rights and the caller's path", functions.len(), &["STO-03"]);
    for function in functions {
        bench.component.suspect(&function.signature, WHAT, &["STO-03"], super::READS);
    }
}

/// Puts a temporary view in front of each table that such a function names.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let functions: Vec<&Function> = catalogue.functions.iter().filter(open).collect();
    bench.component.judged("functions with their owner's rights and the caller's path", functions.len(), &["STO-03"]);
    for function in functions.into_iter().filter(|f| untouchable(f).is_none()) {
        let what = WHAT.to_owned();
        let named: Vec<&Relation> = catalogue.relations.iter().filter(|r| names(&function.source, &r.name)).collect();
        match named.into_iter().find_map(|relation| hijack(bench, function, relation)) {
            Some((done, saw)) => {
                let proof = bench.proof(Some(bench.a), REUSED, &done, saw);
                let schema = function.call.split('.').next().unwrap_or("public");
                let path = format!("SET search_path = pg_catalog, {schema}, pg_temp");
                let repair = vec![format!("ALTER FUNCTION {} {path}", function.signature)];
                let (object, requirements) = (function.signature.clone(), vec!["STO-03", "TEN-02"]);
                bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
            }
            None => {
                bench.component.suspect(&function.signature, &what, &["STO-03"], "no name in it could be taken over")
            }
        }
    }
}

/// Whether a text names a relation without its schema.
pub fn names(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
        before.is_none_or(|c| !is_word(c)) && after.is_none_or(|c| !is_word(c) || c == '.')
    })
}

fn hijack(bench: &Bench, function: &Function, relation: &Relation) -> Option<(Vec<String>, String)> {
    let (target, column) = bench.fenced().into_iter().find(|(r, _)| r.active && bench.peopled.contains(&r.oid))?;
    let look = format!(
        "CREATE FUNCTION pg_temp.cellproof_look() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('cellproof.seen', current_user || ' ' || (SELECT count(*) FROM {} \
         WHERE {} = CAST({} AS {})), \
         true); RETURN true; END $$",
        target.sql(),
        quoted(&column.name),
        literal(&bench.b.id),
        column.kind
    );
    // Rows that the caller may see, for conditions of the function to hold on; else one of nulls.
    let rows = if relation.rights.select && relation.columns.iter().all(|c| c.select) {
        format!("SELECT * FROM {}", relation.sql())
    } else {
        let null = |c: &Column| format!("CAST(NULL AS {}) AS {}", c.kind, quoted(&c.name));
        format!("SELECT {}", relation.columns.iter().map(null).collect::<Vec<_>>().join(", "))
    };
    let front = format!("CREATE TEMP VIEW {} AS {rows} WHERE pg_temp.cellproof_look()", quoted(&relation.name));
    let arguments: Vec<String> = function.arguments.iter().map(|kind| format!("CAST(NULL AS {kind})")).collect();
    let call = format!("SELECT count(*) FROM {}({}) AS t", function.call, arguments.join(", "));
    let seen = "SELECT current_setting('cellproof.seen', true)".to_owned();
    let mut visit = bench.visit(&bench.pool, Some(bench.a), Hands::Free).ok()?;
    for statement in [&look, &front, &call] {
        visit.run(statement).ok()?;
    }
    let answer = visit.rows(&seen).ok()?.first()?.first()?.clone()?;
    let (who, count) = answer.rsplit_once(' ')?;
    let leaked = count.parse::<u64>().is_ok_and(|n| n > 0);
    leaked.then(|| {
        let saw = format!("a function of the caller ran as {who}, and counted {count} rows of {}", bench.b.id);
        (vec![look, front, call, seen], saw)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_with_its_schema_cannot_be_taken_over() {
        assert!(names("SELECT count(*) FROM orders WHERE orders.id = 1", "orders"));
        assert!(!names("SELECT count(*) FROM public.orders", "orders"));
        assert!(!names("SELECT count(*) FROM orders_archive", "orders"));
    }
}
