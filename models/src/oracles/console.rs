//! STO-07: who was refused on the operators' console is in the SIEM, and nobody takes away more rows than one may.
//!
//! Judged by what operators were answered and what the SIEM keeps. A refusal rests on a kept attempt, or on a kept
//! denial of the policy, of the same trace.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::console::sql::ROWS_MAX;
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::http::trace::TraceId;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A policy's denials may still be on their way when a run ends.
const LATE: Duration = Duration::millis(1_500);

/// Judges consoles.
pub struct Console {
    cast: Rc<Cast>,
    kept: BTreeSet<TraceId>,
    /// Refusals, by trace: what must be kept once the run is over.
    owed: BTreeMap<TraceId, Finding>,
    found: usize,
}

impl Console {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Console {
        Console { cast, kept: BTreeSet::new(), owed: BTreeMap::new(), found: 0 }
    }
}

impl Oracle<Saas> for Console {
    fn name(&self) -> &'static str {
        "console"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::AttemptKept { trace: Some(trace), .. }
            | Fact::DecisionKept { trace: Some(trace), allowed: false, .. } => {
                self.kept.insert(*trace);
                return;
            }
            _ => {}
        }
        let Some(answer) = answer(seen).filter(|answer| answer.what.contains(" /v1/console/")) else { return };
        let tenant = self.cast.principal(&answer.principal).and_then(|principal| principal.tenant.clone());
        let told = |message| finding("console", "STO-07", tenant.as_deref(), seen, message);
        match (answer.status, answer.trace) {
            (403, Some(trace)) => {
                let message =
                    format!("{} was refused on {}, and the SIEM does not know", answer.principal, answer.what);
                self.owed.insert(trace, told(message));
            }
            (200, _) => {
                let rows = answer.body.split(|byte| *byte == b'\n').count();
                if rows > ROWS_MAX && answer.what.ends_with("/sql") && self.found < FINDINGS_MAX {
                    self.found += 1;
                    findings.push(told(format!("{} was given {rows} rows at once", answer.principal)));
                }
            }
            _ => {}
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let kept = &self.kept;
        let missing =
            self.owed.iter().filter(|(trace, owed)| !kept.contains(trace) && Instant(owed.at_ns) + LATE < end);
        findings.extend(missing.map(|(_, owed)| owed.clone()).take(FINDINGS_MAX));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
