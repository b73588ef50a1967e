//! What somebody was told that they have is there when they ask again: nobody else takes it from them.
//!
//! For those who ask for one thing and never give it up themselves. An answer without content is one that has nothing
//! of it; an error says neither.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Judges that what was there stays there.
pub struct Kept {
    cast: Rc<Cast>,
    requirement: &'static str,
    /// By principal, whether it was told that it has something.
    told: BTreeMap<Arc<str>, bool>,
    found: usize,
}

impl Kept {
    /// For these principals.
    pub fn new(cast: Rc<Cast>, requirement: &'static str, who: impl Iterator<Item = Arc<str>>) -> Kept {
        Kept { cast, requirement, told: who.map(|one| (one, false)).collect(), found: 0 }
    }
}

impl Oracle<Saas> for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen).filter(|answer| answer.status == 200) else { return };
        let Some(told) = self.told.get_mut(&answer.principal) else { return };
        let is_gone = *told && answer.body.is_empty();
        *told |= !answer.body.is_empty();
        if is_gone && self.found < FINDINGS_MAX {
            self.found += 1;
            let tenant = self.cast.principal(&answer.principal).and_then(|principal| principal.tenant.clone());
            let message = format!(
                "{} was told what it has, and finds nothing of it any more, in the answer to {}",
                answer.principal, answer.what
            );
            findings.push(finding("kept", self.requirement, tenant.as_deref(), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
