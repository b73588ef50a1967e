//! SRV-05: what is asked for is served soon after it outgrew what there was, nothing is lost on the way up or down, and
//! what has just been ordered is not taken away again.
//!
//! Service is judged by what honest clients were told, and flapping by what instances say of themselves; what the
//! autoscaler meant to do is nobody's evidence. That instances are ready while clients are refused acquits nobody.

use super::availability::counts;
use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::app::instance::{BY, READY, STARTING, STOPPING};
use crate::fact::{Answer, Fact};
use crate::saas::Saas;
use crate::wire::http::Reason;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const NAME: &str = "scaling";
/// The row that it judges.
const ROW: &str = "SRV-05";
/// Requests are counted in steps of this.
const STEP: Duration = Duration::millis(100);
/// A span with fewer requests says nothing.
const REQUESTS_MIN: u64 = 20;
/// In a run instances may be taken away once too soon, by chance.
const REVERSALS_MAX: u64 = 1;

/// What is promised of scaling.
#[derive(Clone, Debug)]
pub struct ScalingPromise {
    /// Within this after the load outgrew what there was, there is enough again: no span of this length goes badly.
    pub bound: Duration,
    /// Parts per million of a span's requests that are served …
    pub served_ppm: u64,
    /// … and within this.
    pub within: Duration,
    /// So long after an instance was ordered none is taken away.
    pub settles: Duration,
    /// Requests that were meant to start in this window count.
    pub window: (Instant, Instant),
}

/// What happened in a cell.
#[derive(Default)]
struct Cell {
    /// Served in time, and asked, per step.
    steps: Vec<(u64, u64)>,
    /// Instances that said to be ready and not yet to stop.
    ready: BTreeSet<Arc<str>>,
    /// How many they were, as that changed.
    counts: Vec<(Instant, usize)>,
    /// When an instance was ordered last, until one is taken away.
    up_at: Option<Instant>,
    reversals: u64,
}

/// Judges scaling.
pub struct Scaling {
    cast: Rc<Cast>,
    promise: ScalingPromise,
    cells: BTreeMap<Arc<str>, Cell>,
    found: usize,
}

impl Scaling {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>, promise: ScalingPromise) -> Scaling {
        Scaling { cast, promise, cells: BTreeMap::new(), found: 0 }
    }

    /// Counts what a client was told. What was lost on its way is a finding by itself.
    fn told(&mut self, told: &Answer) -> Option<String> {
        let principal = self.cast.principal(&told.principal).filter(|p| p.honest)?;
        let member = self.cast.by_id(principal.tenant.as_ref()?)?;
        let (from, until) = self.promise.window;
        let counted = counts(told.status).filter(|_| (from..until).contains(&told.intended))?;
        let cell = self.cells.entry(member.cell.clone()).or_default();
        let step = (told.intended.since(from).0 / STEP.0) as usize;
        if cell.steps.len() <= step {
            cell.steps.resize(step + 1, (0, 0));
        }
        let (good, all) = &mut cell.steps[step];
        *good += u64::from(counted && told.took <= self.promise.within);
        *all += 1;
        let lost = told.status == 0 || told.reason == Reason::UpstreamTimeout.code();
        lost.then(|| format!("{} of {} was lost behind its gateway", told.what, told.principal))
    }

    /// An instance says where it is in its life.
    fn stands(&mut self, at: Instant, what: &str, about: &Arc<str>) -> Option<String> {
        let (cell, _) = about.split_once('/')?;
        let settles = self.promise.settles;
        let cell = self.cells.entry(cell.into()).or_default();
        match what {
            STARTING => {
                // One whose node lost its power begins again, and is not ready until it says so.
                cell.ready.remove(about);
                cell.up_at = Some(at);
            }
            READY => drop(cell.ready.insert(about.clone())),
            STOPPING => drop(cell.ready.remove(about)),
            _ => {}
        }
        cell.counts.push((at, cell.ready.len()));
        if what != STOPPING {
            return None;
        }
        let soon = cell.up_at.take().filter(|up| at.since(*up) < settles)?;
        cell.reversals += 1;
        let message = format!("{about} is taken away {} after another was ordered", at.since(soon));
        (cell.reversals > REVERSALS_MAX).then_some(message)
    }
}

impl Cell {
    /// The worst span, if it is a bad one: where it begins, and what was served of how many.
    fn worst(&self, promise: &ScalingPromise) -> Option<(usize, u64, u64)> {
        let long = (promise.bound.0 / STEP.0).max(1) as usize;
        let spans = self.steps.windows(long).enumerate().map(|(i, span)| {
            let sum = span.iter().fold((0, 0), |(good, all), step| (good + step.0, all + step.1));
            (i, sum.0, sum.1)
        });
        let is_bad =
            |(_, good, all): &(usize, u64, u64)| *all >= REQUESTS_MIN && good * 1_000_000 < all * promise.served_ppm;
        spans.filter(is_bad).min_by_key(|(i, good, all)| (good * 1_000_000 / all, *i))
    }

    fn ready_at(&self, at: Instant) -> usize {
        let n = self.counts.partition_point(|(since, _)| *since <= at);
        n.checked_sub(1).map_or(0, |last| self.counts[last].1)
    }
}

impl Oracle<Saas> for Scaling {
    fn name(&self) -> &'static str {
        NAME
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let wrong = match seen.fact {
            Fact::Reported { by: BY, what, about, .. } => self.stands(seen.at, what, about),
            _ => answer(seen).and_then(|told| self.told(told)),
        };
        if let Some(message) = wrong.filter(|_| self.found < FINDINGS_MAX) {
            self.found += 1;
            findings.push(finding(NAME, ROW, None, seen, message));
        }
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let promise = &self.promise;
        for (name, cell) in &self.cells {
            let Some((step, good, all)) = cell.worst(promise) else { continue };
            let from = promise.window.0 + STEP * step as u64;
            let (first, last) = (cell.ready_at(from), cell.ready_at(from + promise.bound));
            findings.push(Finding {
                requirement: ROW.into(),
                oracle: NAME.into(),
                vantage: Vantage::Client,
                tenant: None,
                node: name.to_string(),
                at_ns: from.0,
                cause: String::new(),
                message: format!(
                    "in {} from {from} only {good} of {all} requests of {name} were served within {}, with {first} to \
                     {last} instances ready",
                    promise.bound, promise.within
                ),
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

    const PROMISE: ScalingPromise = ScalingPromise {
        bound: Duration::millis(1_000),
        served_ppm: 950_000,
        within: Duration::millis(1_500),
        settles: Duration::millis(2_000),
        window: (Instant::ZERO, Instant(60_000_000_000)),
    };

    fn cast() -> Cast {
        let mut cast = Cast::default();
        let (id, region, cell) = ("acme".into(), "EU".into(), "cell-a".into());
        cast.add_member(Member { id, index: 0, region, cell });
        cast.add(Principal {
            name: "client/acme".into(),
            tenant: Some("acme".into()),
            also: Vec::new(),
            honest: true,
            breach: "TEN-02",
            never: false,
            entitled_until: Instant::ZERO,
        });
        cast
    }

    fn at(ms: u64) -> Instant {
        Instant(ms * 1_000_000)
    }

    fn told(ms: u64, status: u16, reason: &'static str, took: u64) -> (Instant, Fact) {
        let answer = Answer {
            principal: "client/acme".into(),
            request: 1,
            what: "GET /v1/records/1".into(),
            status,
            reason,
            tenant: None,
            region: None,
            retry_after_s: None,
            trace: None,
            degraded: false,
            body: Arc::new([]),
            took: Duration::millis(took),
            intended: at(ms),
        };
        (at(ms + took), Fact::Answered(Box::new(answer)))
    }

    fn said(ms: u64, what: &'static str) -> (Instant, Fact) {
        (at(ms), Fact::Reported { by: BY, what, about: "cell-a/app-5".into(), value: 0 })
    }

    fn check(facts: impl IntoIterator<Item = (Instant, Fact)>) -> usize {
        let (mut judge, mut findings) = (Scaling::new(Rc::new(cast()), PROMISE), Vec::new());
        for (at, fact) in facts {
            judge.observe(&Seen { at, role: "client/acme", cause: 0, fact: &fact }, &mut findings);
        }
        judge.finish(at(60_000), &mut findings, &mut Vec::new());
        assert!(findings.iter().all(|f| f.requirement == ROW), "{findings:#?}");
        findings.len()
    }

    /// Five seconds, a request every 10 ms, of which those meant for this stretch are refused or slow.
    fn served(bad: std::ops::Range<u64>, slow: bool) -> usize {
        check((0..500).map(|n| n * 10).map(|ms| match (bad.contains(&ms), slow) {
            (false, _) => told(ms, 200, "ok", 100),
            (true, true) => told(ms, 200, "ok", 1_600),
            (true, false) => told(ms, 503, "overloaded", 5),
        }))
    }

    #[test]
    fn a_short_lack_is_made_up_for_and_a_long_one_breaks_the_bound() {
        for slow in [false, true] {
            assert_eq!(served(1_000..1_040, slow), 0);
            assert_eq!(served(1_000..2_000, slow), 1);
        }
    }

    #[test]
    fn a_request_that_nobody_answered_was_lost() {
        let fine = || (0..100).map(|n| told(n * 10, 200, "ok", 100));
        assert_eq!(check(fine()), 0);
        assert_eq!(check(fine().chain([told(500, 504, "upstream-timeout", 2_500)])), 1);
        assert_eq!(check(fine().chain([told(500, 0, "NO_ANSWER", 3_000)])), 1);
    }

    #[test]
    fn taking_away_soon_after_ordering_may_happen_once() {
        let wave = |from: u64, after: u64| [said(from, STARTING), said(from + after, STOPPING)];
        assert_eq!(check(wave(0, 500)), 0);
        assert_eq!(check(wave(0, 500).into_iter().chain(wave(3_000, 500))), 1);
        assert_eq!(check((0..9).flat_map(|n| wave(n * 9_000, 2_000))), 0, "not soon");
        let down = [said(0, STARTING), said(1, STOPPING), said(2, STOPPING), said(3, STOPPING)];
        assert_eq!(check(down), 0, "one way down is one reversal");
    }
}
