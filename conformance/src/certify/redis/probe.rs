//! The probes of a cache, one promise a file.

mod channels;
mod commands;
mod doors;
mod eviction;
mod keys;

use super::desk::Desk;

/// Runs them all.
pub fn run(desk: &mut Desk) {
    doors::run(desk);
    keys::run(desk);
    commands::run(desk);
    channels::run(desk);
    eviction::run(desk);
    if desk.redis.sample.is_none() {
        let why = "the deployment names no `sample`, a key that the other tenant has";
        desk.component.not_judged("values of the other tenant, by reading one (CAC-01, TEN-02)", why);
    }
}
