//! A named selection of requirements, and what a certificate under it has to show.

use super::CertificateLevel;
use crate::chain::Digest;
use serde::{Deserialize, Serialize};

/// What becomes of a requirement of a profile that nothing judged, or that could not be decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenRows {
    /// It is named and not claimed.
    Named,
    /// Without it nothing is proved.
    Refused,
}

/// A profile. It never changes what a simulation does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// As it is typed.
    pub name: String,
    /// As people call it.
    pub title: String,
    /// The rule that it reads, with its date or edition.
    pub basis: String,
    /// Version of the selection.
    pub version: u32,
    /// Requirements, by id.
    pub rows: Vec<String>,
    /// What becomes of those that are open.
    pub open: OpenRows,
    /// What a certificate has to reach.
    pub level: CertificateLevel,
    /// Swarm seeds without which a scenario counts as not run.
    pub seeds_min: u64,
    /// Days that a certificate counts.
    pub valid_days: u16,
}

impl Profile {
    /// SHA-256 over all of it, as 64 hex digits: one line a member, as people read them.
    pub fn digest(&self) -> String {
        let Profile { name, title, basis, version, rows, open, level, seeds_min, valid_days } = self;
        let rows = rows.join(" ");
        let text = format!(
            "cellproof profile v1\n{name:?}\n{title:?}\n{basis:?}\n{version}\n{rows:?}\n{open:?}\n{level:?}\n\
             {seeds_min}\n{valid_days}\n"
        );
        Digest::of(text.as_bytes()).to_string()
    }
}
