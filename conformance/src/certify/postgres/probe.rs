//! The probes, one promise a file, in the order in which causes come before what they cause.

mod attributes;
mod children;
mod definers;
mod labels;
mod leakproof;
mod objects;
mod people;
mod plans;
mod policies;
mod pool;
mod reach;
mod remarks;
mod replication;
mod rows;
mod schemas;
mod sequences;
mod server_files;
mod shared_tables;
mod statistics;
mod switches;
mod transport;
mod unset;
mod views;
mod write;

use super::bench::Bench;
use crate::certify::deployment::Mode;

/// Runs every probe that the mode allows.
pub fn run(bench: &mut Bench) {
    transport::run(bench);
    people::run(bench);
    if attributes::run(bench) {
        let why = "the role passes every policy: repair that first, and judge again";
        return bench
            .component
            .not_judged("everything that row security would hold (STO-01, STO-02, STO-03, TEN-01, TEN-02)", why);
    }
    if bench.tenancy.schemas.is_some() {
        schemas::run(bench);
    }
    rows::run(bench);
    children::run(bench);
    unset::run(bench);
    switches::run(bench);
    plans::run(bench);
    pool::run(bench);
    reach::run(bench);
    shared_tables::run(bench);
    views::run(bench);
    definers::run(bench);
    leakproof::run(bench);
    sequences::run(bench);
    statistics::run(bench);
    objects::run(bench);
    replication::run(bench);
    server_files::run(bench);
    labels::run(bench);
    remarks::run(bench);
    match bench.mode {
        Mode::Observe => {
            write::suspect(bench);
            let what = "what can be written, moved and erased, by doing it (STO-01, STO-03, TEN-02)";
            bench.component.not_judged(what, "mode observe only reads");
        }
        Mode::Rollback | Mode::Destructive => write::run(bench),
    }
    policies::run(bench);
}
