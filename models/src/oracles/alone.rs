//! STO-12: what a tenant is told is what it would be told if it were alone.
//!
//! A number of rows, of paths, or an error about a constraint holds no byte of anybody's, and still says what exists.
//! For principals whose question has one right answer that answer is given beforehand; another one is a breach, and so
//! is a conflict with something that the tenant does not have.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::ids::Bytes;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Judges answers that are known beforehand.
pub struct Alone {
    cast: Rc<Cast>,
    requirement: &'static str,
    known: BTreeMap<Arc<str>, Bytes>,
    found: usize,
}

impl Alone {
    /// By principal, what every answer must be that it gets at all.
    pub fn new(cast: Rc<Cast>, requirement: &'static str, known: BTreeMap<Arc<str>, Bytes>) -> Alone {
        Alone { cast, requirement, known, found: 0 }
    }
}

impl Oracle<Saas> for Alone {
    fn name(&self) -> &'static str {
        "alone"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(known) = self.known.get(&answer.principal) else { return };
        let what = match answer.status {
            200 if answer.body != *known => {
                let told = String::from_utf8_lossy(&answer.body).into_owned();
                format!("was told {told}, and alone it would have been told {}", String::from_utf8_lossy(known))
            }
            409 => "was told of a conflict with something that it does not have".into(),
            _ => return,
        };
        if self.found < FINDINGS_MAX {
            self.found += 1;
            let tenant = self.cast.principal(&answer.principal).and_then(|principal| principal.tenant.clone());
            let message = format!("{} {what}, in the answer to {}", answer.principal, answer.what);
            findings.push(finding("alone", self.requirement, tenant.as_deref(), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
