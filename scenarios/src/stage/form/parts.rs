//! Parts of engine forms that take long to tell.

use super::Part;
use super::groups::{DOOR_A, DOOR_B};

/// A part without more ado.
pub(super) const fn part(
    name: &'static str,
    here: &'static [&'static [&'static str]],
    marks: &'static [&'static str],
) -> Part {
    Part { name, here, marks, spared: &[], pinned: &[] }
}

/// A cache at the edge: what is in its key, sessions, pages, and what the news of both cells change.
pub(super) const EDGE_CACHE: &[Part] = &[
    part(
        "keys",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/same-path", "attacker/clearance"]],
        &["edge-cache.path-asked", "edge-cache.clearance-asked", "edge-cache.on-again", "edge-cache.shared"],
    ),
    part(
        "sessions",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/private", "attacker/colleague"]],
        &["edge-cache.session-asked"],
    ),
    part(
        "pages",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/poisoner", "attacker/poisoned"]],
        &["edge-cache.page-asked"],
    ),
    part(
        "withdrawn",
        &[DOOR_A, &["cell-a/remediation", "cell-a/gitops", "client/acme", "attacker/withdrawn"]],
        &["edge-cache.withdrawal-approved"],
    ),
    part(
        "moved",
        &[DOOR_B, &["cell-b/remediation", "cell-b/gitops", "client/beta", "attacker/moved"]],
        &["edge-cache.move-approved"],
    ),
];

/// A standby that is alone with a rotten log.
pub(super) const ROTTEN_STANDBY: &[Part] =
    &[part("alone", &[DOOR_A, &["cell-a/postgres-2", "client/acme", "client/acme-corp"]], &["rotten-standby.alone"])];
