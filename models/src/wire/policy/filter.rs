//! What a list may show: the part of a decision that is about rows nobody has named and about their columns (POL-05).
//!
//! Everything in it is a permission. A kind, a label or a column that is not named is withheld, so that a filter which
//! knows less shows less.

use super::Level;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What may be shown of the rows of one tenant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct DataFilter {
    /// Labels that are permitted; `None` where labels are not looked at.
    pub labels: Option<Vec<Arc<str>>>,
    /// Kinds that are permitted, each once, in order.
    pub kinds: Vec<KindFilter>,
}

/// What may be shown of rows of one kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct KindFilter {
    /// The kind.
    pub kind: Arc<str>,
    /// The highest level of a row.
    pub level: Level,
    /// Columns beside the content that may be shown, in order.
    pub columns: Vec<Arc<str>>,
}

impl DataFilter {
    /// Whether a column of rows of this kind may be shown.
    pub fn shows(&self, kind: &str, column: &str) -> bool {
        let of_kind = self.kinds.iter().find(|k| *k.kind == *kind);
        of_kind.is_some_and(|k| k.columns.iter().any(|c| **c == *column))
    }
}
