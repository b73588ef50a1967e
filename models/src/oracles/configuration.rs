//! TEN-03: of a version of the tenants file with a mistake nothing is applied.
//!
//! Judged by the honest tenants: nobody is told that it is unknown, or at home somewhere else, while every version that
//! was valid says that it is at home here.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::saas::Saas;
use crate::wire::http::Reason;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges what honest tenants are refused for.
pub struct Configuration {
    cast: Rc<Cast>,
    found: usize,
}

impl Configuration {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Configuration {
        Configuration { cast, found: 0 }
    }
}

impl Oracle<Saas> for Configuration {
    fn name(&self) -> &'static str {
        "configuration"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let unplaced = [Reason::TenantRefused, Reason::RegionRefused].iter().any(|r| r.code() == answer.reason);
        if unplaced && self.found < FINDINGS_MAX {
            self.found += 1;
            let message = format!(
                "{} was refused as {} for {}, and no valid version of the tenants file says so",
                answer.principal, answer.reason, answer.what
            );
            findings.push(finding("configuration", "TEN-03", principal.tenant.as_deref(), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
