//! Three-valued verdicts on objectives: the whole interval inside, outside, or across.
//!
//! A point estimate on the right side of the line is not enough to be MET, and on the wrong side not enough to be
//! MISSED; an interval across the line asks for more seeds. Counts taken from one run are correlated, so such a verdict
//! is as good as the number of runs that were merged before it.

use super::bounds;
use super::latency::{self, Latency};
use super::objective::Objective;
use super::runs::RunTallies;
use crate::record::SloVerdict;
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// An objective, judged; the fields of [`crate::record::SloRecord`] that come from measuring.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Judgement {
    /// Events counted.
    pub total: u64,
    /// Point estimate: a ratio of good events, or seconds.
    pub estimate: f64,
    /// Lower end of the interval, rounded down.
    pub low: f64,
    /// Upper end of the interval, rounded up. Where too few samples leave a quantile without one, the longest latency
    /// that is recorded stands here.
    pub high: f64,
    /// The verdict, taken on integers.
    pub verdict: SloVerdict,
}

/// Judges a ratio of good events against `objective`, by the two-sided Clopper–Pearson interval at `1 − alpha`. Fewer
/// than `floor` events (or none) are NO_DATA.
///
/// Panics unless `0 < alpha < 1`.
pub fn judge_ratio(good: u64, bad: u64, objective: Objective, alpha: f64, floor: u64) -> Judgement {
    const BILLION: u64 = 1_000_000_000;
    let total = good.saturating_add(bad);
    let (bad_low, bad_high) = bounds::interval_ppb(bad, total, 1.0 - alpha);
    let (low, high) = (BILLION - bad_high, BILLION - bad_low);
    let line = u64::from(objective.good_ppm()) * 1_000;
    let verdict = match () {
        () if total < floor.max(1) => SloVerdict::NoData,
        () if low >= line => SloVerdict::Met,
        () if high < line => SloVerdict::Missed,
        () => SloVerdict::Inconclusive,
    };
    let estimate = if total == 0 { 0.0 } else { good as f64 / total as f64 };
    let ratio = |ppb: u64| ppb as f64 / BILLION as f64;
    Judgement { total, estimate, low: ratio(low), high: ratio(high), verdict }
}

/// Judges a quantile (`9_500` is p95) against a longest allowed `limit`, by the two-sided interval of order statistics
/// at `1 − alpha`. Fewer than `floor` samples (or none) are NO_DATA; too few for an upper end are INCONCLUSIVE, unless
/// the lower end already lies beyond the limit. A limit at or past the longest recorded latency cannot be MET.
///
/// Panics unless `0 < alpha < 1`.
pub fn judge_quantile(latency: &Latency, permyriad: u32, limit: Duration, alpha: f64, floor: u64) -> Judgement {
    quantile(latency, permyriad, limit, alpha, (floor, u64::MAX))
}

/// `effective`: independent samples that say as much.
fn quantile(
    latency: &Latency,
    permyriad: u32,
    limit: Duration,
    alpha: f64,
    (floor, effective): (u64, u64),
) -> Judgement {
    let total = latency.count();
    let low = latency.quantile_floor(permyriad, alpha, effective);
    let high = latency.quantile_ceiling(permyriad, alpha, effective);
    let verdict = match high {
        _ if total < floor.max(1) => SloVerdict::NoData,
        // The true quantile is longer than `low`, never equal: `low` lies before the bin that holds it.
        _ if low >= limit => SloVerdict::Missed,
        Some(high) if high <= limit && limit < latency::HIGHEST => SloVerdict::Met,
        _ => SloVerdict::Inconclusive,
    };
    let seconds = |d: Duration| d.as_nanos() as f64 / 1e9;
    let high = high.unwrap_or(latency::HIGHEST);
    Judgement { total, estimate: seconds(latency.quantile(permyriad)), low: seconds(low), high: seconds(high), verdict }
}

/// Judges a ratio of good events of many runs: the interval is taken of [`RunTallies::effective`] events, because those
/// of one run go well or badly together; floor, count and estimate are of the events themselves.
///
/// Panics unless `0 < alpha < 1`.
pub fn judge_runs(runs: &RunTallies, objective: Objective, alpha: f64, floor: u64) -> Judgement {
    let (all, weighed) = (runs.total(), runs.effective());
    let whole = judge_ratio(all.good, all.bad, objective, alpha, floor);
    if whole.verdict == SloVerdict::NoData {
        return whole;
    }
    let judged = judge_ratio(weighed.good, weighed.bad, objective, alpha, 1);
    // Weighed counts are whole events: what is shown holds the estimate even where rounding moved it.
    let (low, high) = (judged.low.min(whole.estimate), judged.high.max(whole.estimate));
    Judgement { total: whole.total, estimate: whole.estimate, low, high, verdict: judged.verdict }
}

/// Judges a quantile of many runs, as [`judge_quantile`] does; `runs` says how many of each run's samples lie beyond
/// the limit, and so how much less than their number they say.
///
/// Panics unless `0 < alpha < 1`.
pub fn judge_quantile_runs(
    latency: &Latency,
    runs: &RunTallies,
    permyriad: u32,
    limit: Duration,
    alpha: f64,
    floor: u64,
) -> Judgement {
    quantile(latency, permyriad, limit, alpha, (floor, runs.effective().total().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use SloVerdict::{Inconclusive, Met, Missed, NoData};

    #[test]
    fn a_ratio_is_judged_by_its_whole_interval() {
        let check = |good: u64, bad: u64, floor: u64, expected: SloVerdict| {
            let judged = judge_ratio(good, bad, Objective::from_ppm(999_000).unwrap(), 0.05, floor);
            assert_eq!(judged.verdict, expected, "{good} good, {bad} bad: {judged:?}");
            assert!(judged.total == 0 || judged.low <= judged.estimate && judged.estimate <= judged.high, "{judged:?}");
            assert!(judged.low.is_finite() && judged.high.is_finite());
        };
        check(0, 0, 0, NoData);
        check(99, 0, 100, NoData);
        check(3_687, 0, 100, Inconclusive);
        check(3_688, 0, 100, Met);
        check(99_950, 50, 100, Met);
        check(9_990, 10, 100, Inconclusive);
        check(990, 10, 100, Missed);
        check(0, 100, 100, Missed);
        check(20_000_000, 19_000, 100, Met);
        check(20_000_000, 21_000, 100, Missed);
    }

    #[test]
    fn a_quantile_is_judged_by_its_whole_interval() {
        let check = |fast: u64, slow: u64, floor: u64, expected: SloVerdict| {
            let mut latency = Latency::default();
            (0..fast).for_each(|_| latency.record(Duration::millis(300)));
            (0..slow).for_each(|_| latency.record(Duration::millis(1_600)));
            let judged = judge_quantile(&latency, 9_500, Duration::millis(1_500), 0.05, floor);
            assert_eq!(judged.verdict, expected, "{fast} fast, {slow} slow: {judged:?}");
            assert!(judged.low <= judged.estimate && judged.estimate <= judged.high, "{judged:?}");
            assert_eq!(serde_json::from_str::<Judgement>(&serde_json::to_string(&judged).unwrap()).unwrap(), judged);
        };
        check(0, 0, 0, NoData);
        check(80, 0, 100, NoData);
        check(71, 0, 1, Inconclusive);
        check(72, 0, 1, Met);
        check(9_600, 400, 100, Met);
        check(9_500, 500, 100, Inconclusive);
        check(9_300, 700, 100, Missed);
        check(0, 20, 1, Missed);
    }

    #[test]
    fn what_fails_together_is_less_sure_than_what_fails_apart() {
        let objective = Objective::from_ppm(990_000).unwrap();
        let check = |runs: &[(u64, u64)], floor: u64, expected: SloVerdict| {
            let mut tallies = RunTallies::default();
            runs.iter().for_each(|run| tallies.add((*run).into()));
            let judged = judge_runs(&tallies, objective, 0.05, floor);
            assert_eq!(judged.verdict, expected, "{judged:?}");
            assert!(judged.low <= judged.estimate && judged.estimate <= judged.high, "{judged:?}");
            assert_eq!(judged.total, tallies.total().total());
        };
        let mut crash = vec![(1_000, 0); 127];
        crash.push((500, 500));
        check(&crash, 100, Inconclusive);
        check(&[(996, 4); 128], 100, Met);
        check(&[(99, 0)], 100, NoData);
        check(&[], 0, NoData);
        check(&[(0, 1_000); 20], 100, Missed);
    }

    #[test]
    fn slowness_of_one_run_is_less_sure_than_as_much_of_all() {
        let check = |runs: &[(u64, u64)], expected: SloVerdict| {
            let (mut latency, mut tallies) = (Latency::default(), RunTallies::default());
            for &(fast, slow) in runs {
                (0..fast).for_each(|_| latency.record(Duration::millis(300)));
                (0..slow).for_each(|_| latency.record(Duration::millis(1_600)));
                tallies.add((fast, slow).into());
            }
            let judged = judge_quantile_runs(&latency, &tallies, 9_500, Duration::millis(1_500), 0.05, 100);
            assert_eq!(judged.verdict, expected, "{judged:?}");
        };
        check(&[(98, 2); 20], Met);
        let mut one = vec![(100, 0); 19];
        one.push((60, 40));
        check(&one, Inconclusive);
        check(&[(90, 10); 20], Missed);
        check(&[(80, 0)], NoData);
    }

    #[test]
    fn a_saturated_histogram_meets_no_limit_beyond_its_range() {
        let mut latency = Latency::default();
        (0..1_000).for_each(|_| latency.record(Duration::secs(90_000)));
        let judged = judge_quantile(&latency, 9_500, Duration::secs(7_200), 0.05, 1);
        assert_eq!(judged.verdict, Inconclusive);
    }
}
