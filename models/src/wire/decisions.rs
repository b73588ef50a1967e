//! Words between those who decide and the SIEM: decisions that were made, and how far they are kept (POL-04); and what
//! was refused on the operators' console (STO-07).

use super::http::trace::TraceId;
use super::policy::LogEntry;
use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A decision as the log keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What was decided.
    pub entry: LogEntry,
    /// For whom.
    pub tenant: TenantId,
    /// In which story; none when nobody said.
    pub trace: Option<TraceId>,
}

/// A statement that somebody wanted to run on the operators' console, and that was refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// For whom it was to run.
    pub tenant: TenantId,
    /// In which story; none when nobody said.
    pub trace: Option<TraceId>,
    /// Why it was refused, as a stable code.
    pub reason: Arc<str>,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
}

/// Decisions in a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionBatch {
    /// The life of the agent that counts them: each begins at zero.
    pub life: u64,
    /// The number of the first.
    pub first: u64,
    /// The decisions.
    pub records: Vec<DecisionRecord>,
}
