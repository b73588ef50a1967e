//! POL-01, POL-02, CLS-05: a record whose label or level is not permitted to its own tenant reaches none of its
//! principals, on whatever way they ask for it.
//!
//! Judged by the leak marker in what was received, so a list, a report or a cached answer convicts like a read. Records
//! of other tenants are not this oracle's business.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::marker::Scanner;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges what a tenant's principals receive of their tenant's own records.
pub struct Handling {
    cast: Rc<Cast>,
    found: usize,
}

impl Handling {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Handling {
        Handling { cast, found: 0 }
    }
}

impl Oracle<Saas> for Handling {
    fn name(&self) -> &'static str {
        "handling"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let tenant = self.cast.principal(&answer.principal).and_then(|p| p.tenant.as_ref());
        let Some(member) = tenant.and_then(|id| self.cast.by_id(id)) else { return };
        let mut broken = None;
        Scanner::shared().scan(&answer.body, |hit| {
            let own = hit.marker.filter(|marker| marker.tenant == member.index);
            let forbidden = own.and_then(|marker| self.cast.forbidden(&member.id, marker.record));
            broken = broken.or(forbidden.filter(|f| answer.intended >= f.from));
        });
        if let (Some(forbidden), true) = (broken, self.found < FINDINGS_MAX) {
            self.found += 1;
            let message = format!(
                "{} received record {} of its tenant, which its tenant may not handle, in the answer to {}",
                answer.principal, forbidden.record, answer.what
            );
            findings.push(finding("handling", forbidden.requirement, Some(&member.id), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
