//! SRV-01: while a dependency does not answer, clients are told so at once, and when to come back.
//!
//! Judged by how long clients wait for any answer, good or bad. What the gateway refuses for load before anybody asks
//! the dependency says nothing about the circuit, and does not count.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::rc::Rc;

/// What is promised while a dependency is down.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The dependency, for findings.
    pub dependency: &'static str,
    /// Requests that were meant for this stretch: circuits had time to open before.
    pub window: (Instant, Instant),
    /// Tenants it is promised to.
    pub tenants: Vec<TenantId>,
    /// An answer within this is prompt. More than the way there and back, and less than a wait in vain.
    pub within: Duration,
    /// Parts per million of answers that are. The others are probes, which have to wait.
    pub prompt_ppm: u64,
}

/// Judges how promptly clients were answered.
pub struct FastFail {
    cast: Rc<Cast>,
    promise: Prompt,
    prompt: u64,
    late: u64,
    found: usize,
    first_late: Option<Finding>,
}

impl FastFail {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>, promise: Prompt) -> FastFail {
        FastFail { cast, promise, prompt: 0, late: 0, found: 0, first_late: None }
    }
}

/// Reasons of a gateway that is busy, not of a service that cannot.
const BUSY: [&str; 3] = ["rate-limited", "over-share", "overloaded"];

impl Oracle<Saas> for FastFail {
    fn name(&self) -> &'static str {
        "fast-fail"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let Some(tenant) = principal.tenant.as_ref().filter(|t| self.promise.tenants.contains(t)) else { return };
        if answer.reason == "circuit-open" && answer.retry_after_s.is_none() && self.found < FINDINGS_MAX {
            self.found += 1;
            let message = format!("{} was refused for an open circuit and not told when to come back", answer.what);
            findings.push(finding("fast-fail", "SRV-01", Some(tenant), seen, message));
        }
        let (from, until) = self.promise.window;
        if !(from..until).contains(&answer.intended) || BUSY.contains(&answer.reason) {
            return;
        }
        if answer.took <= self.promise.within {
            self.prompt += 1;
        } else {
            self.late += 1;
            let message = format!("{} got {} after {}", answer.what, answer.reason, answer.took);
            self.first_late.get_or_insert_with(|| finding("fast-fail", "SRV-01", Some(tenant), seen, message));
        }
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let (all, promise) = (self.prompt + self.late, &self.promise);
        if self.prompt * 1_000_000 >= all * promise.prompt_ppm {
            return;
        }
        if let Some(mut first) = self.first_late.take() {
            first.message = format!(
                "while {} did not answer, {} of {all} requests waited longer than {}; first: {}",
                promise.dependency, self.late, promise.within, first.message
            );
            findings.push(first);
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Answer, Fact};
    use crate::oracles::Principal;
    use std::sync::Arc;

    /// Answers in order, each as (reason, milliseconds that it took, seconds after which to come back).
    fn check(answers: &[(&'static str, u64, Option<u32>)], expected: usize) {
        let mut cast = Cast::default();
        cast.add(Principal {
            name: "client/acme".into(),
            tenant: Some("acme".into()),
            also: Vec::new(),
            honest: true,
            breach: "TEN-02",
            never: false,
            entitled_until: Instant::ZERO,
        });
        let promise = Prompt {
            dependency: "the cache",
            window: (Instant(1), Instant(2)),
            tenants: vec!["acme".into()],
            within: Duration::millis(100),
            prompt_ppm: 750_000,
        };
        let (mut judge, mut findings) = (FastFail::new(Rc::new(cast), promise), Vec::new());
        for (reason, took, retry_after_s) in answers {
            let answer = Answer {
                principal: "client/acme".into(),
                request: 1,
                what: "GET /v1/records/1".into(),
                status: 503,
                reason,
                tenant: None,
                region: None,
                retry_after_s: *retry_after_s,
                trace: None,
                degraded: false,
                body: Arc::new([]),
                took: Duration::millis(*took),
                intended: Instant(1),
            };
            let fact = Fact::Answered(Box::new(answer));
            judge.observe(&Seen { at: Instant(1), role: "client/acme", cause: 0, fact: &fact }, &mut findings);
        }
        judge.finish(Instant(2), &mut findings, &mut Vec::new());
        assert_eq!(findings.len(), expected, "{findings:#?}");
    }

    #[test]
    fn a_prompt_refusal_says_when_to_come_back_and_few_may_wait() {
        let (open, waited) = (("circuit-open", 20, Some(2)), ("dependency-down", 520, None));
        check(&[open, open, open, waited], 0);
        check(&[open, open, waited], 1);
        check(&[open, ("circuit-open", 20, None)], 1);
    }

    #[test]
    fn what_was_refused_for_load_neither_speaks_for_a_circuit_nor_against_it() {
        let waited = ("dependency-down", 520, None);
        check(&[("over-share", 5, Some(1)), ("rate-limited", 5, Some(1)), ("overloaded", 5, Some(1)), waited], 1);
        check(&[("over-share", 500, Some(1))], 0);
    }
}
