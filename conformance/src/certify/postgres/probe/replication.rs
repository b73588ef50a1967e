//! Replication: a role that may replicate reads every change of every tenant, and no policy is asked.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{literal, quoted};
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Peeks into slots: what is peeked at stays for whom it is meant.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    bench.component.judged("the right to replicate", 1, &["STO-03"]);
    let Some(role) = catalogue.login.as_ref().filter(|r| r.replication) else { return };
    let object = format!("role {}", role.name);
    let what = "the application may replicate: the log of changes holds every tenant's";
    let secrets = gather(bench);
    let pool = bench.pool.clone();
    let slots = match bench.visit(&pool, Some(bench.a), Hands::Bound) {
        Ok(mut visit) => {
            let sql = "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' \
                       AND database = current_database() AND NOT active ORDER BY 1";
            visit.rows(sql).unwrap_or_default()
        }
        Err(_) => Vec::new(),
    };
    for slot in slots.into_iter().filter_map(|r| r.into_iter().next().flatten()) {
        let sql = format!("SELECT data FROM pg_logical_slot_peek_changes({}, NULL, 1000)", literal(&slot));
        // Decoding reads the log, which a read-only transaction may do.
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let rows = visit.rows(&sql).unwrap_or_default();
        let held = rows.iter().filter(|r| r[0].as_deref().is_some_and(|t| secrets.anything_in(t, ""))).count();
        drop(visit);
        if held > 0 {
            let saw = format!("{held} changes with values that only {} can read", bench.b.id);
            let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
            let repair = vec![format!("ALTER ROLE {} NOREPLICATION", quoted(&role.name))];
            let (what, requirements) = (what.to_owned(), vec!["STO-03", "TEN-02"]);
            return bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
        }
    }
    bench.component.suspect(
        &object,
        what,
        &["STO-03"],
        "no slot held a change of the other tenant, and making one is a write",
    );
}
