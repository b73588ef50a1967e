//! TEN-07: every response says for which tenant and region it was served, truly, and nobody walks through tenants.
//!
//! Judged by what clients receive. How often a principal switched is counted by the answers that it was served, in the
//! order in which it asked: answers that are missing can only hide switches, never invent one.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::Answer;
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Requests that are asked apart arrive apart, but for the latency of an edge link, which may differ by this.
const JITTER: Duration = Duration::millis(500);

/// What the control plane and the portal are asked for: no router stands in front of them.
const OF_PLATFORM: [&str; 4] = [" /admin/", " /repository/", " /portal/", " /apis/"];

/// Served requests of one principal, by when they were asked; with the cause and role that a finding names.
type Served = BTreeMap<(Instant, u64), (TenantId, String)>;

/// Judges tenant and region of responses, and the pace of switches.
pub struct Switching {
    cast: Rc<Cast>,
    per_min: u64,
    /// Of principals that were granted several tenants.
    served: BTreeMap<Arc<str>, Served>,
    found: usize,
    /// Responses that named a tenant.
    pub named: u64,
}

impl Switching {
    /// Judges by this cast; a principal may switch `per_min` times a minute, all at once after a pause.
    pub fn new(cast: Rc<Cast>, per_min: u64) -> Switching {
        Switching { cast, per_min, served: BTreeMap::new(), found: 0, named: 0 }
    }

    /// What is wrong with the headers of an answer, if anything.
    fn wrong(&self, answer: &Answer) -> Option<String> {
        let principal = self.cast.principal(&answer.principal)?;
        principal.tenant.as_ref()?;
        let Some(tenant) = &answer.tenant else {
            // What brokers answer has no headers: only a request for a path is answered with some.
            let of_platform = OF_PLATFORM.iter().any(|path| answer.what.contains(path));
            let asked = answer.request != 0 && answer.what.contains(" /") && !of_platform;
            let served = asked && (200..300).contains(&answer.status);
            return served.then(|| "names no tenant".into());
        };
        if !principal.holds(tenant) {
            return Some(format!("names tenant {tenant}, which {} was never granted", answer.principal));
        }
        let region = self.cast.by_id(tenant).map(|member| &member.region);
        if region != answer.region.as_ref() {
            let (said, is) = (answer.region.as_deref().unwrap_or("none"), region.map_or("unknown", |r| r));
            return Some(format!("names region {said} for tenant {tenant}, whose region is {is}"));
        }
        None
    }

    /// The first span in which the principal switched more often than it may, as (request, switches, span).
    fn walk(&self, served: &Served) -> Option<((Instant, u64), u64, Duration)> {
        let mut switches: Vec<(Instant, u64)> = Vec::new();
        let mut active: Option<&TenantId> = None;
        for (at, (tenant, _)) in served {
            if active.is_some_and(|active| active != tenant) {
                switches.push(*at);
            }
            active = Some(tenant);
        }
        let allowed = |span: Duration| self.per_min + (span + JITTER).as_nanos() * self.per_min / 60_000_000_000 + 1;
        for (first, from) in switches.iter().enumerate() {
            for (last, to) in switches.iter().enumerate().skip(first) {
                let (count, span) = ((last - first + 1) as u64, to.0.since(from.0));
                if count > allowed(span) {
                    return Some((*to, count, span));
                }
            }
        }
        None
    }
}

impl Oracle<Saas> for Switching {
    fn name(&self) -> &'static str {
        "switching"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        self.named += u64::from(answer.tenant.is_some());
        if let (Some(wrong), true) = (self.wrong(answer), self.found < FINDINGS_MAX) {
            self.found += 1;
            let message = format!("the answer {} to {} {wrong}", answer.status, answer.what);
            findings.push(finding("switching", "TEN-07", answer.tenant.as_deref(), seen, message));
        }
        let (Some(tenant), true) = (&answer.tenant, (200..300).contains(&answer.status)) else { return };
        if self.cast.principal(&answer.principal).is_some_and(|principal| !principal.also.is_empty()) {
            let served = self.served.entry(answer.principal.clone()).or_default();
            served.insert((answer.intended, answer.request), (tenant.clone(), seen.role.into()));
        }
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        for (principal, served) in &self.served {
            let Some((request, count, span)) = self.walk(served) else { continue };
            let (tenant, role) = &served[&request];
            findings.push(Finding {
                requirement: "TEN-07".into(),
                oracle: "switching".into(),
                vantage: Vantage::Client,
                tenant: Some(tenant.to_string()),
                node: role.clone(),
                at_ns: request.0.0,
                cause: format!("{:016x}", request.1),
                message: format!("{principal} was served through {count} switches of tenant within {span}"),
            });
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::Principal;
    use crate::oracles::cast::Member;

    fn judge() -> Switching {
        let mut cast = Cast::default();
        for (index, (id, region)) in [("acme", "EU"), ("beta", "US"), ("gamma", "EU")].into_iter().enumerate() {
            let index = index as u32;
            cast.add_member(Member { id: id.into(), index, region: region.into(), cell: "cell".into() });
        }
        let (tenant, also) = (Some("acme".into()), vec!["gamma".into()]);
        let (name, breach, entitled_until) = ("ada".into(), "TEN-02", Instant::ZERO);
        cast.add(Principal { name, tenant, also, honest: false, breach, never: false, entitled_until });
        Switching::new(Rc::new(cast), 10)
    }

    /// An answer to `ada`, of a request at this millisecond.
    fn said(at: u64, status: u16, tenant: Option<&str>, region: Option<&str>) -> Answer {
        Answer {
            principal: "ada".into(),
            request: at + 1,
            what: "GET /v1/whoami".into(),
            status,
            reason: "ok",
            tenant: tenant.map(Into::into),
            region: region.map(Into::into),
            retry_after_s: None,
            trace: None,
            degraded: false,
            body: Arc::new([]),
            took: Duration::millis(30),
            intended: Instant::ZERO + Duration::millis(at),
        }
    }

    fn check(answers: impl IntoIterator<Item = Answer>, expected: usize) {
        let (mut judge, mut findings) = (judge(), Vec::new());
        for answer in answers {
            let fact = crate::fact::Fact::Answered(Box::new(answer));
            let seen = Seen { at: Instant::ZERO, role: "ada", cause: 0, fact: &fact };
            judge.observe(&seen, &mut findings);
        }
        judge.finish(Instant::ZERO, &mut findings, &mut Vec::new());
        assert_eq!(findings.len(), expected, "{findings:#?}");
    }

    #[test]
    fn a_response_names_a_granted_tenant_and_its_region() {
        check([said(0, 200, Some("acme"), Some("EU")), said(1, 401, None, None)], 0);
        check([said(0, 200, None, None)], 1);
        check([said(0, 403, Some("beta"), Some("US"))], 1);
        check([said(0, 200, Some("acme"), Some("US"))], 1);
    }

    #[test]
    fn a_walk_is_noticed_and_a_comparison_is_not() {
        let walk = |n: u64, gap: u64, status: fn(u64) -> u16| {
            let tenant = |i: u64| Some(if i.is_multiple_of(2) { "acme" } else { "gamma" });
            (0..n).map(move |i| said(i * gap, status(i), tenant(i), Some("EU"))).collect::<Vec<_>>()
        };
        check(walk(12, 10, |_| 200), 0);
        check(walk(13, 10, |_| 200), 1);
        check(walk(60, 6_000, |_| 200), 0);
        check(walk(60, 10, |i| if i < 10 { 200 } else { 429 }), 0);
    }
}
