//! Words between a policy agent and the SIEM: decisions that were made, and how far they are kept (POL-04).

use super::http::trace::TraceId;
use super::policy::LogEntry;
use crate::ids::TenantId;
use serde::{Deserialize, Serialize};

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
