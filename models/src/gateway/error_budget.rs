//! What is left of the objective's error budget, as one gateway has seen it (SRV-02, SLO-01).
//!
//! The budget is that of a whole window of thirty days, and a gateway is seldom up for that long. It takes the pace at
//! which it was asked so far for that of the window: a bad minute costs what a bad minute may cost, not everything.

use sim::{Duration, Instant};

/// Counts requests and failures since the gateway came up.
#[derive(Clone, Debug)]
pub struct ErrorBudget {
    objective_ppm: u64,
    window: Duration,
    since: Instant,
    requests: u64,
    failures: u64,
}

impl ErrorBudget {
    /// An untouched budget: of the requests in a `window`, all but `objective_ppm` parts per million may fail.
    pub fn new(now: Instant, objective_ppm: u64, window: Duration) -> ErrorBudget {
        ErrorBudget { objective_ppm: objective_ppm.min(1_000_000), window, since: now, requests: 0, failures: 0 }
    }

    /// A request was answered, with a fault of the platform or without.
    pub fn record(&mut self, failed: bool) {
        self.requests += 1;
        self.failures += u64::from(failed);
    }

    /// What is left, in percent. With an objective of everything, a single failure leaves nothing.
    pub fn left_percent(&self, now: Instant) -> u32 {
        if self.failures == 0 {
            return 100;
        }
        // A window is never shorter than what was seen of it.
        let seen = now.since(self.since).max(Duration(1)).min(self.window);
        let expected = u128::from(self.requests) * u128::from(self.window.as_nanos()) / u128::from(seen.as_nanos());
        let allowed = expected * u128::from(1_000_000 - self.objective_ppm) / 1_000_000;
        let spent = (u128::from(self.failures) * 100).checked_div(allowed).unwrap_or(100).min(100);
        100 - spent as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: Duration = Duration::secs(30 * 86_400);

    /// Ten requests a second up to this second, of which so many failed; 99.9 % is promised.
    fn check(seconds: u64, failures: u64, expected: u32) {
        let mut budget = ErrorBudget::new(Instant::ZERO, 999_000, DAYS);
        (0..seconds * 10).for_each(|n| budget.record(n < failures));
        let left = budget.left_percent(Instant::ZERO + Duration::secs(seconds));
        assert_eq!(left, expected, "{failures} failures in {seconds} s");
    }

    #[test]
    fn a_bad_minute_costs_its_share_of_the_window() {
        check(100, 0, 100);
        // The window allows 25 920 failures at this pace.
        check(3_000, 600, 98);
        check(3_000, 12_960, 50);
        check(3_000, 30_000, 0);
    }

    #[test]
    fn who_promised_everything_has_no_budget() {
        let mut budget = ErrorBudget::new(Instant::ZERO, 1_000_000, DAYS);
        budget.record(false);
        assert_eq!(budget.left_percent(Instant(5)), 100);
        budget.record(true);
        assert_eq!(budget.left_percent(Instant(5)), 0);
    }
}
