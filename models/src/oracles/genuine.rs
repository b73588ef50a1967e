//! Nobody who holds a genuine token is refused for it (IDN-01, IDN-04).
//!
//! The other half of [`refusal`](super::refusal): a door that refuses everybody keeps every thief out. A refusal for
//! lack of authentication is the caller's own mistake in the arithmetic of SLO-01, so no objective would notice.

use super::{answer, finding};
use crate::saas::Saas;
use crate::wire::http::Reason;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;

/// Judges that honest clients, which renew their tokens in time, are never told that they are nobody.
pub struct Genuine {
    /// The requirement that is broken otherwise.
    pub requirement: &'static str,
}

impl Oracle<Saas> for Genuine {
    fn name(&self) -> &'static str {
        "genuine"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        if answer.reason == Reason::Unauthenticated.code() && answer.principal.starts_with("client/") {
            let message = format!("{} was refused with a genuine token: {}", answer.principal, answer.what);
            findings.push(finding("genuine", self.requirement, answer.tenant.as_deref(), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
