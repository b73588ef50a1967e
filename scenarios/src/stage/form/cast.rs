//! Who is there in the engine form of each scenario.
//!
//! A front door with all that answers behind it takes eight nodes; a database without its standby goes on alone, as its
//! arbiter permits. What is left of twelve are stores, clients and attackers.

mod abuse;
mod chaos;
mod stride;

use super::groups::{BROKERS_A, DOOR_A, DOOR_B, FUZZ_IN_CELL_A};
use super::{Form, Part, Row};

const fn form(parts: &'static [Part]) -> Result<Form, &'static str> {
    Ok(Form { parts, lacks: &[] })
}

/// A part without more ado.
const fn part(name: &'static str, here: &'static [&'static [&'static str]], marks: &'static [&'static str]) -> Part {
    Part { name, here, marks, spared: &[], pinned: &[] }
}

/// A row for every scenario, by kind.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [abuse::ROWS, chaos::ROWS, OTHERS, stride::ROWS].into_iter().flatten()
}

/// The rest, in order of name.
const OTHERS: &[Row] = &[
    ("canary/foreign-row", form(&[part("lists", &[DOOR_B, &["client/beta"]], &["canary.listed"])])),
    (
        "fuzz/cross-tenant",
        form(&[
            part(
                "reads",
                &[DOOR_A, &["client/acme-corp", "attacker/foreign-read", "attacker/list", "attacker/report"]],
                &["fuzz.foreign-read", "fuzz.list", "fuzz.report"],
            )
            .pinning(FUZZ_IN_CELL_A),
            part(
                "writes",
                &[DOOR_A, &["client/acme-corp", "attacker/planted-row", "attacker/stale-setting"]],
                &["fuzz.planted-row", "fuzz.stale-setting"],
            )
            .pinning(FUZZ_IN_CELL_A),
        ]),
    ),
    (
        "fuzz/every-store",
        form(&[
            part(
                "tenants",
                &[DOOR_A, &["cell-a/objects", "cell-a/graph", "attacker/objects", "attacker/graph"]],
                &["fuzz.object-named", "fuzz.statement-run"],
            ),
            part(
                "brokers",
                &[BROKERS_A, &["connector/acme", "connector/acme-corp", "attacker/events"]],
                &["fuzz.broker-asked"],
            ),
            part("cache", &[DOOR_A, &["cell-a/cache", "client/acme", "attacker/entries"]], &["fuzz.cache-asked"]),
        ]),
    ),
    (
        "ops/read-only",
        form(&[
            part(
                "writes",
                &[DOOR_A, &["cell-a/siem", "client/acme", "attacker/writer", "attacker/auditor"]],
                &["read-only.written", "read-only.audited"],
            ),
            part(
                "restart",
                &[DOOR_A, &["cell-a/siem", "client/acme", "attacker/restarted"]],
                &["read-only.started-meanwhile"],
            ),
            part("reads", &[DOOR_A, &["cell-a/siem", "client/acme", "attacker/watched"]], &["read-only.decided"]),
            part(
                "begin-and-end",
                &[DOOR_B, &["cell-b/siem", "client/beta", "attacker/under-way", "attacker/cut-off"]],
                &["read-only.under-way", "read-only.end-unheard"],
            ),
        ]),
    ),
];
