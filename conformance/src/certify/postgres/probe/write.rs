//! What can be written, in transactions that are rolled back. One way a file.
//!
//! A table whose triggers reach outside the transaction is left alone: what they did would stay.

mod barrier;
mod changes;
mod claims;
mod erase;
mod paths;
mod pointers;
mod rights;
mod rows;

use crate::certify::postgres::bench::Bench;
use crate::certify::postgres::catalogue::Relation;
use crate::certify::postgres::probe::definers::OUTSIDE;

/// Tries all of them.
pub fn run(bench: &mut Bench) {
    rows::run(bench);
    erase::run(bench);
    rights::references(bench);
    rights::triggers(bench);
    changes::run(bench);
    claims::run(bench);
    pointers::run(bench);
    barrier::run(bench);
    paths::run(bench);
}

/// Notes what a mode that only reads can see of the same.
pub fn suspect(bench: &mut Bench) {
    claims::suspect(bench);
    pointers::suspect(bench);
    paths::suspect(bench);
    rights::suspect(bench);
    changes::note(bench);
}

/// Why something was not shown that needs a write.
const READS: &str = "mode observe only reads";

/// Whether a relation may be written to in a test; if not, that is noted.
fn touchable(bench: &mut Bench, relation: &Relation) -> bool {
    let outside = relation.triggers.iter().find(|t| {
        let low = t.source.to_lowercase();
        !t.trusted || OUTSIDE.iter().any(|word| low.contains(word))
    });
    if let Some(trigger) = outside {
        let why = format!("a trigger in {} reaches outside the transaction", trigger.language);
        bench.component.not_judged(format!("writes to {} (STO-01, TEN-02)", relation.label()), why);
    }
    outside.is_none() && !bench.is_shared(&relation.label())
}
