//! The requirement catalogue: what the platform promises, one row a promise, with the real component that can be
//! probed for it.
//!
//! It is data (`catalogue/requirements.tsv`), because every record carries a copy and every report quotes it. Ids are
//! stable: rows are appended to their group, never renumbered.

pub mod profile;

use sha2::{Digest, Sha256};
use sim::record::Requirement;
use std::sync::OnceLock;

const TSV: &str = include_str!("catalogue/requirements.tsv");

/// The groups, in the catalogue's order, with their titles.
pub const GROUPS: [(&str, &str); 14] = [
    ("TEN", "tenancy"),
    ("IDN", "identity and mesh"),
    ("POL", "policy"),
    ("STO", "stores"),
    ("CAC", "cache"),
    ("EVT", "events and mirroring"),
    ("SRV", "serving and resilience"),
    ("CLS", "classification and masking"),
    ("REU", "data classes"),
    ("ANA", "analytics"),
    ("CEL", "cells, failover, offline"),
    ("ROL", "release, GitOps, operations"),
    ("GOV", "governance at scale"),
    ("SLO", "objectives"),
];

/// A real component on which `certify` can check a requirement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Probe {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// A broker that speaks the Kafka protocol.
    Kafka,
    /// An HTTP gateway.
    Gateway,
    /// A Rego bundle, or OPA.
    Rego,
    /// Prometheus metrics.
    Prometheus,
    /// A published transparency index.
    Index,
    /// Exported log and evidence files.
    Evidence,
}

impl Probe {
    /// The catalogue's short form, with its meaning.
    const SHORT: [(&'static str, Probe); 8] = [
        ("pg", Probe::Postgres),
        ("rd", Probe::Redis),
        ("kf", Probe::Kafka),
        ("gw", Probe::Gateway),
        ("rego", Probe::Rego),
        ("pm", Probe::Prometheus),
        ("idx", Probe::Index),
        ("ev", Probe::Evidence),
    ];

    /// The inverse of [`Probe::as_str`].
    pub fn parse(short: &str) -> Option<Probe> {
        Probe::SHORT.iter().find(|(s, _)| *s == short).map(|(_, p)| *p)
    }

    /// `pg`, `rd`, `kf`, `gw`, `rego`, `pm`, `idx` or `ev`.
    pub fn as_str(self) -> &'static str {
        Probe::SHORT[self as usize].0
    }
}

/// One row, with what a record does not carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// `TEN-02`.
    pub id: &'static str,
    /// `TEN`.
    pub group: &'static str,
    /// Real components on which it can be checked; empty means in simulation only.
    pub probes: Vec<Probe>,
    /// The promise.
    pub text: &'static str,
}

/// Every row, in the catalogue's order.
///
/// # Panics
/// When the embedded table is broken, which the tests of this file exclude.
pub fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| TSV.lines().skip(1).map(parse).collect())
}

fn parse(line: &'static str) -> Row {
    let mut cells = line.splitn(4, '\t');
    let mut cell = || cells.next().unwrap_or_else(|| panic!("a row of the catalogue needs four cells: {line}"));
    let (id, group, probes, text) = (cell(), cell(), cell(), cell());
    let probes = match probes {
        "–" => Vec::new(),
        list => list
            .split(' ')
            .map(|p| Probe::parse(p).unwrap_or_else(|| panic!("{id} names no known probe: {p}")))
            .collect(),
    };
    Row { id, group, probes, text }
}

/// The catalogue as records carry it.
pub fn requirements() -> Vec<Requirement> {
    let own = |row: &Row| Requirement { id: row.id.into(), group: row.group.into(), text: row.text.into() };
    rows().iter().map(own).collect()
}

/// The row of `id`, if the catalogue has one.
pub fn row(id: &str) -> Option<&'static Row> {
    rows().iter().find(|row| row.id == id)
}

/// Whether the catalogue has a row `id`.
pub fn exists(id: &str) -> bool {
    row(id).is_some()
}

/// Where `id` can be checked on a real deployment: empty means in simulation only, `None` that there is no such row.
pub fn probe(id: &str) -> Option<&'static [Probe]> {
    row(id).map(|row| row.probes.as_slice())
}

/// SHA-256 of the table, as 64 hex digits. Part of every token: a verdict holds for the catalogue it was made with.
pub fn digest() -> String {
    crate::crypto::hex(&Sha256::digest(TSV.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_has_every_row_once_and_in_the_order_of_its_groups() {
        assert_eq!(rows().len(), ROWS);
        let ids: BTreeSet<&str> = rows().iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), ROWS, "an id stands twice");
        let rank = |r: &Row| GROUPS.iter().position(|(g, _)| *g == r.group).expect("a group of the list");
        for pair in rows().windows(2) {
            assert!((rank(&pair[0]), pair[0].id) < (rank(&pair[1]), pair[1].id), "{} is misplaced", pair[1].id);
        }
    }

    #[test]
    fn every_group_counts_from_one_without_a_gap() {
        for (group, _) in GROUPS {
            let ids: Vec<&str> = rows().iter().filter(|r| r.group == group).map(|r| r.id).collect();
            let counted: Vec<String> = (1..=ids.len()).map(|n| format!("{group}-{n:02}")).collect();
            assert_eq!(ids, counted);
            assert!(!ids.is_empty());
        }
    }

    #[test]
    fn texts_are_plain_sentences() {
        for row in rows() {
            assert!(row.text.ends_with('.') || row.text.ends_with(')'), "{}: {}", row.id, row.text);
            assert!(row.text.matches('`').count() % 2 == 0, "{}", row.id);
            let outside_code: String = row.text.split('`').step_by(2).collect();
            assert!(!outside_code.contains("**") && !outside_code.contains("\\|"), "{}", row.id);
        }
    }

    #[test]
    fn a_row_knows_where_it_can_be_probed() {
        assert_eq!(probe("STO-01"), Some([Probe::Postgres].as_slice()));
        assert_eq!(probe("TEN-06"), Some([].as_slice()));
        assert_eq!(probe("TEN-99"), None);
        assert!(exists("SLO-06") && !exists("slo-06"));
        for (short, probe) in Probe::SHORT {
            assert_eq!(probe.as_str(), short);
        }
    }

    #[test]
    fn records_carry_the_same_rows() {
        let all = requirements();
        assert_eq!(all.len(), ROWS);
        assert!(all.iter().zip(rows()).all(|(a, b)| a.id == b.id && a.group == b.group && a.text == b.text));
        assert_eq!(digest().len(), 64);
    }

    const ROWS: usize = 125;
}
