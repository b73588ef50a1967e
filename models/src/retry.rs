//! Retries that cannot become a storm (SRV-02): a budget at the entry, an allowance that travels with each request.
//!
//! Requests earn fractions of a retry; the entry hop reserves whole retries from what was earned and sends them along
//! (`x-retry-allowance`). All hops below spend from that one allowance, so the attempts that reach the last dependency
//! are at most (1 + budget) × requests, however many hops there are and whatever fails. A budget for each hop would
//! multiply instead.

use crate::control;
use crate::control::{Control, Controls};
use crate::planted::RETRY_REFUNDS_THE_SPENT;
use crate::wire::http::{Method, Reason};
use sim::Duration;

/// Ties retries to what requests have earned.
pub const RETRY_BUDGET: Control = control!(
    "gateway.retry-budget",
    upholds: ["SRV-02"],
    off: "every hop retries every failure up to its own count, as with a mesh's default of two attempts more per hop",
);

/// How retries are earned and spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Retries earned by a million requests: the *budget* of the promise.
    pub budget_ppm: u32,
    /// Retries that can be saved up; bounds the burst that follows a calm hour.
    pub saved_max: u32,
    /// Retries that one hop makes for one request.
    pub retries_max: u8,
    /// Pause before the first retry; doubles with each.
    pub backoff: Duration,
    /// Longest pause.
    pub backoff_max: Duration,
}

impl Settings {
    /// A tenth more load at most; two retries; 25 ms doubling to 1 s, which leaves room inside the p95 of 1.5 s.
    pub const DEFAULT: Settings = Settings {
        budget_ppm: 100_000,
        saved_max: 100,
        retries_max: 2,
        backoff: Duration::millis(25),
        backoff_max: Duration::secs(1),
    };

    /// The pause before retry number `retry` (0 is the first): drawn evenly from nothing up to the full pause, so that
    /// clients that failed together do not return together.
    pub fn pause(&self, retry: u8, draw: u64) -> Duration {
        let full = (self.backoff * (1 << retry.min(20))).min(self.backoff_max);
        Duration(((u128::from(draw) * u128::from(full.as_nanos() + 1)) >> 64) as u64)
    }
}

/// What the requests through one entry have earned. In hundredths of a millionth of a retry, so that a percentage of
/// parts per million stays an integer.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    settings: Settings,
    saved: u64,
    error_budget_left_percent: u32,
}

const RETRY: u64 = 100_000_000;

impl RetryBudget {
    /// An empty budget: nothing is lent that no request has earned.
    pub fn new(settings: Settings) -> RetryBudget {
        RetryBudget { settings, saved: 0, error_budget_left_percent: 100 }
    }

    /// Ties what is earned to the SLO's error budget: with half of it left, requests earn half as much; with none left,
    /// nothing, since retries would only add load to what already fails.
    pub fn align(&mut self, error_budget_left_percent: u32) {
        self.error_budget_left_percent = error_budget_left_percent.min(100);
    }

    /// A request enters: earns its fraction, and reserves up to `wanted` whole retries for itself and the hops below.
    pub fn enter(&mut self, wanted: u8) -> Allowance {
        let earned = u64::from(self.settings.budget_ppm) * u64::from(self.error_budget_left_percent);
        self.saved = (self.saved + earned).min(u64::from(self.settings.saved_max) * RETRY);
        let granted = (self.saved / RETRY).min(u64::from(wanted)) as u8;
        self.saved -= u64::from(granted) * RETRY;
        Allowance { left: granted, spent: 0 }
    }

    /// The request is over: what its allowance still holds can be lent again.
    pub fn leave(&mut self, allowance: Allowance) {
        self.saved = (self.saved + u64::from(allowance.left) * RETRY).min(u64::from(self.settings.saved_max) * RETRY);
    }

    /// Whole retries that could be lent now.
    pub fn saved(&self) -> u64 {
        self.saved / RETRY
    }
}

/// The retries that one request may still cause, as held by one hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allowance {
    left: u8,
    spent: u8,
}

impl Allowance {
    /// What came with a request from the hop above (`x-retry-allowance`); without the header, none.
    pub fn received(header: Option<u8>) -> Allowance {
        Allowance { left: header.unwrap_or(0), spent: 0 }
    }

    /// Whether this hop may try once more, after it has retried `retries` times already.
    pub fn spend(&mut self, controls: &Controls, settings: &Settings, retries: u8) -> bool {
        if retries >= settings.retries_max {
            return false;
        }
        if controls.on(&RETRY_BUDGET) {
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
        }
        self.spent = self.spent.saturating_add(1);
        true
    }

    /// Hands all but `keep` to the hop below; put the result into its `x-retry-allowance`. What is handed down counts
    /// as spent until the answer says otherwise: after a timeout nobody knows what was done below.
    pub fn hand_down(&mut self, keep: u8) -> u8 {
        let lent = self.left.saturating_sub(keep);
        self.left -= lent;
        lent
    }

    /// The hop below answered: of the `lent` retries it spent so many (`x-retries-spent`), the rest comes back.
    pub fn answered(&mut self, lent: u8, spent: u8) {
        let kept = if RETRY_REFUNDS_THE_SPENT.is_planted() { 0 } else { spent };
        self.left = self.left.saturating_add(lent.saturating_sub(kept));
        self.spent = self.spent.saturating_add(spent);
    }

    /// Retries made here and below, for this hop's own `x-retries-spent`.
    pub fn spent(&self) -> u8 {
        self.spent
    }
}

/// Whether trying again could help and cannot harm: the failure is one of the moment, and the request may be repeated.
/// What was refused for load, by a limit or by an open circuit is not retried: it says when to come back.
pub fn is_retryable(method: Method, has_idempotency_key: bool, reason: Reason) -> bool {
    let of_the_moment = matches!(reason, Reason::UpstreamFailed | Reason::UpstreamTimeout | Reason::DependencyDown);
    of_the_moment && (method.is_idempotent() || has_idempotency_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim::ControlSet;

    /// One call of hop `depth` above the last dependency; returns whether it succeeded. `attempts` counts the calls
    /// that reach the dependency, `fails` draws their outcome.
    fn call(
        controls: &Controls,
        depth: u8,
        allowance: &mut Allowance,
        attempts: &mut u64,
        fails: &mut dyn FnMut() -> bool,
    ) -> bool {
        if depth == 0 {
            *attempts += 1;
            return !fails();
        }
        for retries in 0.. {
            let lent = allowance.hand_down(1);
            let mut below = Allowance::received(Some(lent));
            let succeeded = call(controls, depth - 1, &mut below, attempts, fails);
            allowance.answered(lent, below.spent());
            if succeeded {
                return true;
            }
            if !allowance.spend(controls, &Settings::DEFAULT, retries) {
                return false;
            }
        }
        false
    }

    fn attempts(controls: &Controls, depth: u8, requests: u64, mut fails: impl FnMut() -> bool) -> u64 {
        let (mut budget, mut attempts) = (RetryBudget::new(Settings::DEFAULT), 0);
        for _ in 0..requests {
            let mut allowance = budget.enter(3);
            call(controls, depth, &mut allowance, &mut attempts, &mut fails);
            budget.leave(allowance);
        }
        attempts
    }

    #[test]
    fn when_everything_fails_the_load_grows_by_the_budget_and_no_more() {
        assert_eq!(attempts(&Controls::all_on(), 3, 1_000, || true), 1_100);
    }

    #[test]
    fn without_the_control_retries_multiply_hop_by_hop() {
        let off = Controls::with_off(ControlSet::EMPTY.with(RETRY_BUDGET.slot));
        assert_eq!(attempts(&off, 1, 1_000, || true), 3_000);
        assert_eq!(attempts(&off, 3, 1_000, || true), 27_000);
    }

    #[test]
    fn a_single_failure_is_retried_once_something_was_earned() {
        let mut calls = 0;
        let fails = || {
            calls += 1;
            calls == 50
        };
        assert_eq!(attempts(&Controls::all_on(), 2, 100, fails), 101);
    }

    #[test]
    fn a_spent_error_budget_earns_no_retries_and_a_calm_hour_no_storm() {
        let mut budget = RetryBudget::new(Settings::DEFAULT);
        budget.align(0);
        for _ in 0..1_000 {
            budget.enter(0);
        }
        assert_eq!(budget.saved(), 0);
        budget.align(50);
        for _ in 0..200 {
            budget.enter(0);
        }
        assert_eq!(budget.saved(), 10);
        for _ in 0..100_000 {
            budget.enter(0);
        }
        assert_eq!(budget.saved(), 100);
    }

    #[test]
    fn after_silence_what_was_handed_down_is_gone() {
        let mut allowance = Allowance::received(Some(3));
        assert_eq!(allowance.hand_down(1), 2);
        let (on, settings) = (Controls::all_on(), Settings::DEFAULT);
        assert!(allowance.spend(&on, &settings, 0));
        assert!(!allowance.spend(&on, &settings, 1));
    }

    #[test]
    fn only_what_may_be_repeated_is() {
        assert!(is_retryable(Method::Get, false, Reason::UpstreamTimeout));
        assert!(!is_retryable(Method::Post, false, Reason::UpstreamTimeout));
        assert!(is_retryable(Method::Post, true, Reason::UpstreamFailed));
        for reason in [Reason::RateLimited, Reason::Overloaded, Reason::CircuitOpen, Reason::PolicyDenied, Reason::Ok] {
            assert!(!is_retryable(Method::Get, false, reason), "{reason:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_drawn_from_nothing_on() {
        let settings = Settings::DEFAULT;
        assert_eq!(settings.pause(0, u64::MAX), Duration::millis(25));
        assert_eq!(settings.pause(2, u64::MAX), Duration::millis(100));
        assert_eq!(settings.pause(200, u64::MAX), Duration::secs(1));
        assert_eq!(settings.pause(5, 0), Duration::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_pattern_of_failures_reaches_beyond_one_plus_the_budget(
            depth in 1..5u8,
            requests in 1..400u64,
            pattern in proptest::collection::vec(any::<bool>(), 1..64),
        ) {
            let mut at = 0;
            let fails = || {
                at += 1;
                pattern[at % pattern.len()]
            };
            let attempts = attempts(&Controls::all_on(), depth, requests, fails);
            let budget_ppm = u64::from(Settings::DEFAULT.budget_ppm);
            prop_assert!(attempts * 1_000_000 <= requests * (1_000_000 + budget_ppm), "{} attempts", attempts);
        }
    }
}
