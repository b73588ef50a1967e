//! What the service tells the SIEM about a statement that it refuses on the operators' console.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::sha256;
use crate::ids::TenantId;
use crate::wire::decisions::Attempt;
use crate::wire::http::trace::TraceId;

/// Nobody is refused before it is written down who wanted what.
pub const AUDITED: Control = control!(
    "console.audited",
    upholds: ["STO-07"],
    off: "a refusal is an answer and a line in the service's own log: whoever tries all night is seen by nobody",
);

/// Whether it is written down.
pub fn is_audited(controls: &Controls) -> bool {
    controls.on(&AUDITED)
}

/// A statement that was refused, as it is kept: its text as a digest, because it may hold what nobody should read.
pub fn attempt(tenant: &TenantId, trace: Option<TraceId>, code: &str, text: &[u8]) -> Attempt {
    Attempt { tenant: tenant.clone(), trace, reason: code.into(), sha256: sha256(text) }
}
