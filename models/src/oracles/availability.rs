//! SLO-01, SLO-02, SRV-04, CEL-01: honest tenants are served, and when they cannot be, they are told.
//!
//! One definition for simulation and deployments. *Good*: answered below 500, other than 429, within the client's
//! patience. *Bad*: 5xx, 429, or no answer. *Excluded*: the tenant's own mistakes (400, 401, 403, 404, 405, 409, 413).

use super::{Cast, answer};
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::oracle::{Act, Oracle, Seen};
use sim::record::{Finding, SERVING_WINDOW_NS, Serving};
use sim::{Duration, Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a scenario promises about service.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The requirement that is broken when it is not kept.
    pub requirement: &'static str,
    /// Parts per million of counted requests that are good, per tenant.
    pub good_ppm: u64,
    /// The 95th percentile of latency, per tenant.
    pub p95: Duration,
    /// Only requests that were meant to start in this window count.
    pub window: (Instant, Instant),
    /// Tenants it is made to; all when empty.
    pub tenants: Vec<TenantId>,
    /// Whether a refusal that says why (503 `no healthy cell`) keeps the promise: silence never does.
    pub refusal_is_kept: bool,
}

#[derive(Default)]
struct Tally {
    serving: Option<Serving>,
    kept: u64,
    broken: u64,
    slow: Vec<u64>,
    first_broken: Option<(Instant, String, String, u64)>,
    last_good: Option<Instant>,
    asked_in_liveness: u64,
    /// Requests that were served in a row at the end.
    good_in_a_row: u64,
}

/// So many requests in a row must be served at the end of the liveness act.
const CONVERGED: u64 = 5;

/// Measures service, and judges promises about it.
pub struct Availability {
    cast: Rc<Cast>,
    promise: Option<Promise>,
    liveness_from: Option<Instant>,
    grace: Duration,
    limit: Duration,
    tallies: BTreeMap<TenantId, Tally>,
    /// Requests of honest tenants.
    pub sent: u64,
    /// Those that were answered well.
    pub good: u64,
}

impl Availability {
    /// Measures; judges `promise` when there is one. Requests sent later than `grace` into the liveness act must be
    /// served. An answer that took longer than `limit` is slow (SLO-02).
    pub fn new(cast: Rc<Cast>, promise: Option<Promise>, grace: Duration, limit: Duration) -> Availability {
        let tallies = BTreeMap::new();
        Availability { cast, promise, liveness_from: None, grace, limit, tallies, sent: 0, good: 0 }
    }

    /// What was measured, per tenant.
    pub fn serving(&self) -> Vec<Serving> {
        self.tallies.values().filter_map(|t| t.serving.clone()).map(Serving::of_one_run).collect()
    }
}

/// Whether a status counts, and as what: `Some(true)` good, `Some(false)` bad, `None` excluded (SLO-01).
pub fn counts(status: u16) -> Option<bool> {
    match status {
        200..=399 => Some(true),
        0 | 429 | 500.. => Some(false),
        _ => None,
    }
}

impl Oracle<Saas> for Availability {
    fn name(&self) -> &'static str {
        "availability"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn act(&mut self, act: Act, at: Instant) {
        if act == Act::Liveness {
            self.liveness_from = Some(at);
        }
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let Some(member) = principal.tenant.as_ref().and_then(|id| self.cast.by_id(id)) else { return };
        let verdict = counts(answer.status);
        self.sent += 1;
        self.good += u64::from(verdict == Some(true));
        let tally = self.tallies.entry(member.id.clone()).or_default();
        let serving = tally.serving.get_or_insert_with(|| Serving {
            tenant: member.id.to_string(),
            cell: member.cell.to_string(),
            ..Serving::default()
        });
        let window = (answer.intended.0 / SERVING_WINDOW_NS) as usize;
        if serving.windows.len() <= window {
            serving.windows.resize(window + 1, (0, 0));
        }
        match verdict {
            Some(true) => {
                serving.good += 1;
                serving.windows[window].0 += 1;
                serving.latency.record(answer.took);
                if answer.took > self.limit {
                    serving.add_slow(window as u32, 1);
                }
            }
            Some(false) => {
                serving.bad += 1;
                serving.windows[window].1 += 1;
            }
            None => serving.excluded += 1,
        }
        tally.judge(self.promise.as_ref(), &member.id, verdict, answer, seen);
        if self.liveness_from.is_some_and(|from| answer.intended > from + self.grace) {
            tally.asked_in_liveness += 1;
            // A refusal that does not count against the service is no service either.
            match verdict {
                Some(true) => tally.good_in_a_row += 1,
                Some(false) => tally.good_in_a_row = 0,
                None => {}
            }
        }
    }

    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        for (tenant, tally) in &mut self.tallies {
            if let Some(promise) = &self.promise {
                findings.extend(tally.verdict(promise, tenant));
            }
            let (asked, good) = (tally.asked_in_liveness, tally.good_in_a_row);
            if good < asked.min(CONVERGED) {
                let since = tally.last_good.map_or("ever".into(), |at| format!("since {at}"));
                let why = tally.first_broken.as_ref().map_or("no reason seen", |(_, _, why, _)| why);
                pending.push(format!(
                    "{tenant}: of {asked} requests only the last {good} were served, none {since}: {why}"
                ));
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

impl Tally {
    fn judge(
        &mut self,
        promise: Option<&Promise>,
        tenant: &TenantId,
        verdict: Option<bool>,
        answer: &crate::fact::Answer,
        seen: &Seen<'_, Saas>,
    ) {
        if verdict == Some(true) {
            self.last_good = Some(seen.at);
        }
        if verdict == Some(false) {
            let why = format!("{} got {} {}", answer.what, answer.status, answer.reason);
            self.first_broken.get_or_insert((seen.at, seen.role.into(), why, seen.cause));
        }
        let Some(promise) = promise else { return };
        let inside = answer.intended >= promise.window.0 && answer.intended < promise.window.1;
        if !inside || !promise.tenants.is_empty() && !promise.tenants.contains(tenant) {
            return;
        }
        let told = promise.refusal_is_kept && answer.status == 503 && answer.reason == NO_HEALTHY_CELL;
        match verdict {
            Some(true) => {
                self.kept += 1;
                self.slow.push(answer.took.0);
            }
            Some(false) if told => self.kept += 1,
            Some(false) => self.broken += 1,
            None => {}
        }
    }

    fn verdict(&mut self, promise: &Promise, tenant: &TenantId) -> Option<Finding> {
        let (kept, all) = (self.kept, self.kept + self.broken);
        self.slow.sort_unstable();
        let p95 = self.slow.get(self.slow.len().saturating_sub(1) * 95 / 100).copied().unwrap_or(0);
        let message = if u128::from(kept) * 1_000_000 < u128::from(all) * u128::from(promise.good_ppm) {
            let why = self.first_broken.as_ref().map_or("", |(_, _, why, _)| why);
            format!("only {kept} of {all} requests of {tenant} were served as promised; first: {why}")
        } else if Duration(p95) > promise.p95 {
            format!("95th percentile of {tenant} is {}, promised {}", Duration(p95), promise.p95)
        } else {
            return None;
        };
        let (at, role, cause) =
            self.first_broken.as_ref().map_or((Instant::ZERO, "", 0), |(at, role, _, cause)| (*at, role, *cause));
        Some(Finding {
            requirement: promise.requirement.into(),
            oracle: "availability".into(),
            vantage: Vantage::Client,
            tenant: Some(tenant.to_string()),
            node: role.into(),
            at_ns: at.0,
            cause: format!("{cause:016x}"),
            message,
        })
    }
}

/// Reason code of an explicit refusal when no cell of the tenant's region is healthy.
pub const NO_HEALTHY_CELL: &str = "region-unavailable";
