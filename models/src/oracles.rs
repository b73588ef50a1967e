//! Judges of the platform's promises, one promise a file.
//!
//! None of them needs the truth that only a simulator knows: fed with the records of a real deployment they judge it
//! in the same way. Who is entitled to what is given to them beforehand, in [`Cast`].

pub mod alone;
pub mod attempts;
pub mod audit;
pub mod availability;
pub mod blast_radius;
pub mod cast;
pub mod configuration;
pub mod console;
pub mod convergence;
pub mod dead_letters;
pub mod decisions;
pub mod delivery;
pub mod durability;
pub mod fast_fail;
pub mod freshness;
pub mod genuine;
pub mod graph_replica;
pub mod handling;
pub mod integrity;
pub mod isolation;
pub mod kept;
pub mod lineage;
pub mod logical_replica;
pub mod masking;
pub mod mirroring;
pub mod read_only;
pub mod refusal;
pub mod rehydration;
pub mod request_log;
pub mod residency;
pub mod retention;
pub mod revisions;
pub mod rollout;
pub mod scaling;
pub mod sharing;
pub mod slices;
pub mod spillover;
pub mod storage;
pub mod switching;
pub mod working_set;

pub use cast::{Cast, Forbidden, Principal};

use crate::fact::Fact;
use crate::saas::Saas;
use sim::oracle::Seen;
use sim::record::Finding;

/// A finding about what was seen.
pub(crate) fn finding(
    oracle: &'static str,
    requirement: &str,
    tenant: Option<&str>,
    seen: &Seen<'_, Saas>,
    message: String,
) -> Finding {
    Finding {
        requirement: requirement.into(),
        oracle: oracle.into(),
        vantage: sim::Fact::vantage(seen.fact),
        tenant: tenant.map(Into::into),
        node: seen.role.into(),
        at_ns: seen.at.0,
        cause: format!("{:016x}", seen.cause),
        message,
    }
}

/// How many findings of one kind a run keeps: the first tell the story, the rest are noise.
pub(crate) const FINDINGS_MAX: usize = 16;

/// The answer in a fact, if it is one.
pub(crate) fn answer<'a>(seen: &Seen<'a, Saas>) -> Option<&'a crate::fact::Answer> {
    match seen.fact {
        Fact::Answered(answer) => Some(answer),
        _ => None,
    }
}
