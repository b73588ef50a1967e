//! A principal that holds nothing which entitles it is refused, whatever it sends (TEN-01, IDN-01, IDN-02, IDN-06,
//! POL-06).
//!
//! Judged by what it gets, not by what the gateway says it decided: any success is a breach.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Judges that those who must never succeed never do.
pub struct Refusal {
    cast: Rc<Cast>,
    /// Findings by principal: one who gets through often must not hide another.
    found: BTreeMap<Arc<str>, usize>,
}

impl Refusal {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Refusal {
        Refusal { cast, found: BTreeMap::new() }
    }
}

impl Oracle<Saas> for Refusal {
    fn name(&self) -> &'static str {
        "refusal"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal) else { return };
        let entitled = !principal.never || answer.intended < principal.entitled_until;
        if !entitled && (200..300).contains(&answer.status) {
            let found = self.found.entry(principal.name.clone()).or_default();
            if *found == FINDINGS_MAX {
                return;
            }
            *found += 1;
            let tenant = answer.tenant.as_deref();
            let message = format!(
                "{} was served {} as tenant {} for {}, and holds nothing that entitles it",
                answer.principal,
                answer.status,
                tenant.unwrap_or("-"),
                answer.what
            );
            findings.push(finding("refusal", principal.breach, tenant, seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
