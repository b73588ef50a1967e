//! The relations that an honest tenant changes: which comes next, and the number of its change.
//!
//! Each change of a relation carries a number of its own, so two that overlap have an order, whoever is answered first.

use models::wire::http::Method;
use sim::seed::{below, mix};
use std::collections::BTreeMap;

/// What was asked for so far.
#[derive(Default)]
pub struct Relations {
    /// Number of the last change of a relation.
    versions: BTreeMap<(u32, u32), u32>,
}

/// Relations that a record has at most, beside the one that it begins with.
const WIDTH: u64 = 3;

impl Relations {
    /// The next change of a relation of `record`, of so many: it comes, goes, and comes again.
    pub fn change(&mut self, record: u32, records: u32, cause: u64) -> (Method, String) {
        // Not to the next record: that relation is there from the beginning, and stays.
        let target = (record + 2 + below(mix(cause, 0x7e1a), WIDTH) as u32) % records.max(1);
        let version = self.versions.entry((record, target)).or_insert(0);
        *version += 1;
        let method = if version.is_multiple_of(2) { Method::Delete } else { Method::Put };
        (method, format!("/v1/relations/{record}/{target}?version={version}"))
    }
}
