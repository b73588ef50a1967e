//! SRV-10: while tenants may only read nothing of theirs changes, what must be written all the same is, and afterwards
//! everybody writes again.
//!
//! The control plane's word says since when that is so, and since when no longer; everything else is judged by what
//! clients were told and stores keep. Whether an accepted write is there afterwards is judged like any other
//! ([`durability`](super::durability)).

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::{Answer, Fact, Place};
use crate::policy::mode::{BY, READ_ONLY, READ_WRITE};
use crate::saas::{MIRROR_MARK, Saas, is_dead_letter_topic};
use crate::wire::http::Reason;
use crate::wire::http::trace::TraceId;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const NAME: &str = "read-only";
/// The row that it judges.
const ROW: &str = "SRV-10";
/// What the network says twice, a database does twice: so long may the echo of a finished write be late.
const ECHO: Duration = Duration::millis(150);
/// A decision is kept within this, mode or no mode.
const KEPT_WITHIN: Duration = Duration::millis(1_500);
/// After the mode everybody takes writes again within this.
pub const EXIT_WITHIN: Duration = Duration::millis(1_000);
/// Where audit events are published to.
const AUDIT_EVENTS: &str = "POST /v1/events/audit";

/// The mode of a cell.
#[derive(Clone, Copy, Default)]
struct Mode {
    since: Option<Instant>,
    until: Option<Instant>,
}

impl Mode {
    fn has(self, at: Instant) -> bool {
        self.since.is_some_and(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// Judges read-only mode.
pub struct ReadOnly {
    cast: Rc<Cast>,
    modes: BTreeMap<Arc<str>, Mode>,
    /// Stories of which a decision is kept.
    kept: BTreeSet<TraceId>,
    /// Decisions on answers that were given meanwhile, by trace: what must be kept, and until when.
    owed: BTreeMap<TraceId, (Instant, Finding)>,
    found: usize,
}

impl ReadOnly {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> ReadOnly {
        ReadOnly { cast, modes: BTreeMap::new(), kept: BTreeSet::new(), owed: BTreeMap::new(), found: 0 }
    }

    fn mode(&self, cell: &str) -> Mode {
        self.modes.get(cell).copied().unwrap_or_default()
    }

    /// Something of a tenant's changed in a store.
    fn changed(&self, seen: &Seen<'_, Saas>, place: &Place, what: &str) -> Option<String> {
        let mode = self.mode(&place.cell);
        (mode.has(seen.at) && mode.since.is_some_and(|since| seen.at > since + ECHO))
            .then(|| format!("{what} changed in {} of {} while tenants may only read", place.store, place.cell))
    }

    fn answered(&mut self, seen: &Seen<'_, Saas>, told: &Answer) -> Option<String> {
        let principal = self.cast.principal(&told.principal)?;
        let member = self.cast.by_id(principal.tenant.as_ref()?)?;
        let mode = self.mode(&member.cell);
        let refused = told.reason == Reason::ReadOnly.code();
        let served = (200..300).contains(&told.status);
        let meanwhile = mode.has(told.intended) && mode.has(seen.at);
        if meanwhile && let Some(trace) = told.trace.filter(|trace| (served || refused) && !self.kept.contains(trace)) {
            let message = format!("the SIEM does not know within {KEPT_WITHIN} what was decided on {}", told.what);
            let owed = finding(NAME, ROW, Some(&member.id), seen, message);
            self.owed.insert(trace, (seen.at + KEPT_WITHIN, owed));
        }
        if refused && *told.what == *AUDIT_EVENTS {
            return Some(format!("{} may not say what happened while tenants may only read", told.principal));
        }
        if served && is_write(&told.what) && meanwhile {
            return Some(format!("{} of {} was done while tenants may only read", told.what, told.principal));
        }
        let over = mode.until.is_some_and(|until| told.intended > until + EXIT_WITHIN);
        (refused && over).then(|| format!("{} of {} was refused, and the mode was over", told.what, told.principal))
    }
}

/// Whether a topic is a tenant's own and no log: neither a copy, nor what auditors read, nor what schemas refused.
fn is_data(topic: &str) -> bool {
    !topic.contains(MIRROR_MARK) && !topic.ends_with(".audit") && !is_dead_letter_topic(topic)
}

/// Whether a request, as its principal names it, changes what a tenant has.
fn is_write(what: &str) -> bool {
    !what.starts_with("GET ") && what.contains(" /v1/") && what != AUDIT_EVENTS && !what.ends_with("/graphql")
}

impl Oracle<Saas> for ReadOnly {
    fn name(&self) -> &'static str {
        NAME
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let wrong = match seen.fact {
            Fact::Reported { by: BY, what, about, .. } => {
                let mode = self.modes.entry(about.clone()).or_default();
                match *what {
                    READ_ONLY => mode.since = Some(seen.at),
                    READ_WRITE => mode.until = Some(seen.at),
                    _ => {}
                }
                None
            }
            Fact::RowStored { place, tenant, key, .. } => self.changed(seen, place, &format!("row {key} of {tenant}")),
            Fact::EventStored { place, topic, .. } if is_data(topic) => self.changed(seen, place, topic),
            Fact::DecisionKept { trace: Some(trace), .. } => {
                self.kept.insert(*trace);
                self.owed.remove(trace).filter(|(until, _)| seen.at > *until).map(|(_, late)| late.message)
            }
            _ => answer(seen).and_then(|told| self.answered(seen, told)),
        };
        if let Some(message) = wrong.filter(|_| self.found < FINDINGS_MAX) {
            self.found += 1;
            findings.push(finding(NAME, ROW, None, seen, message));
        }
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let left = FINDINGS_MAX.saturating_sub(self.found);
        findings.extend(std::mem::take(&mut self.owed).into_values().map(|(_, owed)| owed).take(left));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_a_write_and_an_audit_event_or_a_query_is_none() {
        for what in ["PUT /v1/records/3", "POST /v1/records", "DELETE /v1/records/3", "POST /v1/events/telemetry"] {
            assert!(is_write(what), "{what}");
        }
        for what in ["GET /v1/records/3", "GET /v1/records/3 (no-cache)", AUDIT_EVENTS, "POST /v1/graphql", "PUT /x"] {
            assert!(!is_write(what), "{what}");
        }
    }

    #[test]
    fn a_mode_is_from_the_word_that_it_is_so_until_the_word_that_it_is_over() {
        let at = |ms: u64| Instant(ms * 1_000_000);
        let mode = Mode { since: Some(at(10)), until: Some(at(20)) };
        assert_eq!([9, 10, 19, 20].map(|ms| mode.has(at(ms))), [false, true, true, false]);
        assert!(Mode { until: None, ..mode }.has(at(99)));
        assert!(!Mode::default().has(at(10)));
    }
}
