//! What the platform does for its tenants for the time being: everything, or reads alone (SRV-10).
//!
//! A control plane says so, and is told by each of those who serve that nothing is under way any more which the word
//! rules out. Until then it is said, and not yet so.

use serde::{Deserialize, Serialize};

/// A word of the control plane's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Mode {
    /// Counts the changes; an older word never replaces a newer one.
    pub serial: u64,
    /// Whether tenants may only read.
    pub read_only: bool,
}
