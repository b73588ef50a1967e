//! Policies, asked about a row of the other tenant that is not written: what they say of it as the row of a SELECT.
//!
//! That is what a mode that only reads can know of writes, so it is a suspicion, and not a finding.

use crate::certify::deployment::Mode;
use crate::certify::postgres::bench::Bench;
use crate::certify::postgres::catalogue::{Kind, Policy, Relation, literal};
use crate::certify::postgres::specimen::{self, Specimen};
use crate::certify::postgres::visit::Hands;

/// Asks them for each command, and notes what each could do.
pub fn run(bench: &mut Bench) {
    let all: Vec<_> = bench.fenced().into_iter().filter(|(r, _)| r.kind == Kind::Table && r.active).collect();
    bench.component.judged("policies, asked about rows of another tenant that are not written", all.len(), &["STO-01"]);
    for (relation, column) in all {
        if bench.is_explained(&relation) {
            continue;
        }
        let Some(theirs) = specimen::of(bench, &relation, bench.b) else { continue };
        let b = format!("CAST({} AS {})", literal(&bench.b.id), column.kind);
        let moved = specimen::of(bench, &relation, bench.a).map(|own| own.with(&column, &b));
        let rights = relation.rights;
        let asked = [
            (rights.insert && column.insert, 'a', "put rows into another tenant"),
            (rights.update && column.update, 'w', "move its rows to another tenant"),
            (rights.update, 't', "change rows of another tenant"),
            (rights.delete, 'd', "erase rows of another tenant"),
        ];
        for (_, command, what) in asked.into_iter().filter(|(may, ..)| *may) {
            let rows = [Some(&theirs), moved.as_ref().filter(|_| "aw".contains(command))];
            if rows.into_iter().flatten().any(|row| lets(bench, &relation, command, row)) {
                let what = format!("its policies let a tenant {what}");
                let why = match bench.mode {
                    Mode::Observe => "mode observe only reads",
                    _ => "it was tried, and something else stopped it",
                };
                bench.component.suspect(&relation.label(), &what, &["STO-01", "TEN-02"], why);
                break;
            }
        }
    }
}

/// Whether the policies together let a row through for a command.
pub fn lets(bench: &Bench, relation: &Relation, command: char, row: &Specimen) -> bool {
    let letter = if command == 't' { 'w' } else { command };
    let meant: Vec<&Policy> =
        relation.policies.iter().filter(|p| p.holds && (p.command == letter || p.command == '*')).collect();
    let says = |policy: &&Policy| {
        let expression = match command {
            'd' | 't' => policy.using.as_ref(),
            _ => policy.check.as_ref().or(policy.using.as_ref()),
        };
        let Some(expression) = expression else { return true };
        let sql = format!("SELECT 1 FROM {} WHERE {expression}", row.as_table(relation));
        let Ok(mut visit) = bench.visit(&bench.pool, Some(bench.a), Hands::Bound) else { return false };
        visit.rows(&sql).is_ok_and(|rows| !rows.is_empty())
    };
    let (open, closed): (Vec<&Policy>, Vec<&Policy>) = meant.into_iter().partition(|p| p.permissive);
    open.iter().any(says) && closed.iter().all(says)
}
