//! The probes of a cluster, one promise a file.

mod acts;
mod doors;
mod durability;
mod names;
mod quotas;

use super::desk::Desk;
use crate::certify::deployment::Mode;

/// Runs them all. What changes something comes last, and only where that is asked for.
pub fn run(desk: &mut Desk) {
    doors::run(desk);
    names::run(desk);
    durability::run(desk);
    quotas::run(desk);
    if desk.deployment.mode == Mode::Destructive {
        acts::run(desk);
    } else {
        let why = "only mode destructive writes";
        desk.component.not_judged("a flood (EVT-08, TEN-05)", why);
        desk.component.not_judged("a batch that comes twice (EVT-03)", why);
        desk.component.not_judged("records of the other tenant, written (EVT-01, TEN-02)", why);
    }
    if desk.kafka.sample.is_none() {
        let why = "the deployment names no `sample`, a topic that the other tenant has";
        desk.component.not_judged("records of the other tenant, by reading them (EVT-01, TEN-02)", why);
    }
}
