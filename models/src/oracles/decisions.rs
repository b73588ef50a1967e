//! POL-04 and SRV-07: who was served cannot deny it later, because the decision is kept, and by a name of its own.
//!
//! Judged by what clients got and what the SIEM keeps: every answer of the service rests on a decision, and its trace
//! leads to that.

use super::{Cast, FINDINGS_MAX, answer};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::http::Reason;
use crate::wire::http::trace::TraceId;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Decisions on answers given so shortly before the end may still be on their way.
const LATE: Duration = Duration::millis(1_500);

struct Owed {
    at: Instant,
    node: String,
    cause: u64,
    request: u64,
    tenant: TenantId,
    allowed: bool,
    what: String,
}

/// Judges the decision log.
pub struct Decisions {
    cast: Rc<Cast>,
    kept: BTreeSet<(TraceId, TenantId, bool)>,
    owed: BTreeMap<(TraceId, u64), Owed>,
    nameless: Vec<Owed>,
}

impl Decisions {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Decisions {
        Decisions { cast, kept: BTreeSet::new(), owed: BTreeMap::new(), nameless: Vec::new() }
    }

    fn answered(&mut self, seen: &Seen<'_, Saas>) {
        let Some(answer) = answer(seen) else { return };
        let Some(tenant) = answer.tenant.clone().filter(|id| self.cast.by_id(id).is_some()) else { return };
        let allowed = (200..300).contains(&answer.status);
        let decided = allowed || answer.reason == Reason::PolicyDenied.code();
        if !decided || answer.request == 0 || !answer.what.contains(" /v1/") {
            return;
        }
        let (at, node, cause, request) = (seen.at, seen.role.to_owned(), seen.cause, answer.request);
        let owed = Owed { at, node, cause, request, tenant, allowed, what: answer.what.to_string() };
        match answer.trace {
            Some(trace) => {
                self.owed.insert((trace, request), owed);
            }
            None => self.nameless.push(owed),
        }
    }
}

impl Owed {
    fn finding(&self, requirement: &str, vantage: Vantage, why: &str) -> Finding {
        Finding {
            requirement: requirement.into(),
            oracle: "decisions".into(),
            vantage,
            tenant: Some(self.tenant.to_string()),
            node: self.node.clone(),
            at_ns: self.at.0,
            cause: format!("{:016x}", self.cause),
            message: format!("{} of {} was answered, and {why}", self.what, self.tenant),
        }
    }
}

impl Oracle<Saas> for Decisions {
    fn name(&self) -> &'static str {
        "decisions"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::DecisionKept { tenant, trace: Some(trace), allowed, .. } => {
                self.kept.insert((*trace, tenant.clone(), *allowed));
            }
            _ => self.answered(seen),
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let mut found = Vec::new();
        found.extend(self.nameless.iter().map(|owed| owed.finding("SRV-07", Vantage::Client, "has no trace")));
        let mut before: Option<TraceId> = None;
        for ((trace, _), owed) in &self.owed {
            if before == Some(*trace) {
                let why = format!("its trace is another request's as well ({})", owed.request);
                found.push(owed.finding("SRV-07", Vantage::Client, &why));
            }
            before = Some(*trace);
            let kept = self.kept.contains(&(*trace, owed.tenant.clone(), owed.allowed));
            if !kept && owed.at + LATE < end {
                found.push(owed.finding("POL-04", Vantage::Store, "no decision on it is kept"));
            }
        }
        findings.extend(found.into_iter().take(FINDINGS_MAX));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
