//! What came of a drill, beside what was expected of it.

use super::expect::{Expectation, Objective};
use models::config::Slos;
use serde::Serialize;
use sim::measure::{Judgement, Objective as Ratio, bounds, judge_quantile, judge_ratio};
use sim::record::{Serving, SloVerdict};

/// One minus the confidence of every interval.
const ALPHA: f64 = 0.05;

/// Seconds at the start that count for nothing: a platform that has just been switched on is no subject of a drill.
const JUDGED_FROM_S: usize = 5;

/// The 95th percentile, in hundredths of a percent.
const P95: u32 = 9_500;

/// How what was seen compares with what was expected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// As it was said beforehand.
    AsExpected,
    /// An objective that might have been missed was met.
    Better,
    /// Too little was seen to say.
    Undecided,
    /// More failed, or later, than was said beforehand.
    Worse,
}

impl Comparison {
    /// For a table.
    pub const fn words(self) -> &'static str {
        match self {
            Comparison::AsExpected => "as expected",
            Comparison::Better => "better",
            Comparison::Undecided => "undecided",
            Comparison::Worse => "WORSE",
        }
    }
}

/// Requests of a stretch of time, and how many of them might have failed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Share {
    /// Requests that count.
    pub total: u64,
    /// Those that failed.
    pub bad: u64,
    /// Those that might have.
    pub may_fail: u64,
}

/// What came of one expectation.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Outcome {
    /// The tenant.
    pub tenant: String,
    /// Its cell.
    pub cell: String,
    /// The objective.
    pub objective: Objective,
    /// What was expected: `MISSED` when it might be missed.
    pub expected: SloVerdict,
    /// What was seen, over the whole run.
    pub seen: SloVerdict,
    /// Requests inside the windows in which some might fail.
    pub inside: Share,
    /// Requests outside of them.
    pub outside: Share,
    /// The estimate in the objective's unit: a ratio, or seconds.
    pub estimate: f64,
    /// How both compare.
    pub comparison: Comparison,
    /// Why, in a sentence; empty when as expected.
    pub why: String,
}

/// Compares what was measured of a tenant with what was expected. `None` stands for a tenant that asked for nothing.
pub fn compare(expected: &Expectation, serving: Option<&Serving>, slos: &Slos) -> [Outcome; 2] {
    let ratio = slos.api_success;
    let latency = serving.map(|s| judge_quantile(&s.latency, P95, slos.p95_query, ALPHA, 1));
    let (inside, outside) = split(expected, serving);
    let bad = inside.bad + outside.bad;
    let success = judge_ratio(inside.total + outside.total - bad, bad, ratio, ALPHA, 1);
    let (success_is, success_why) = of_success(expected, &success, (inside, outside), ratio);
    let nothing = Judgement { total: 0, estimate: 0.0, low: 0.0, high: 0.0, verdict: SloVerdict::NoData };
    let latency = latency.unwrap_or(nothing);
    let (latency_is, latency_why) = of_latency(expected, &latency);
    let outcome = |objective, judged: &Judgement, comparison, why| Outcome {
        tenant: expected.tenant.clone(),
        cell: expected.cell.clone(),
        objective,
        expected: expected.verdict(objective),
        seen: judged.verdict,
        inside,
        outside,
        estimate: judged.estimate,
        comparison,
        why,
    };
    [
        outcome(Objective::Success, &success, success_is, success_why),
        outcome(Objective::Latency, &latency, latency_is, latency_why),
    ]
}

/// Requests inside and outside of the windows.
fn split(expected: &Expectation, serving: Option<&Serving>) -> (Share, Share) {
    let (mut inside, mut outside) = (Share::default(), Share::default());
    let mut may_fail_ppm = 0;
    let windows = serving.map_or(&[][..], |s| &s.windows);
    for (second, (good, bad)) in windows.iter().enumerate().skip(JUDGED_FROM_S) {
        let second = second as u64;
        let (total, bad) = (u64::from(*good) + u64::from(*bad), u64::from(*bad));
        let window = expected.windows.iter().find(|w| (w.from_s..w.until_s).contains(&second));
        let share = if window.is_some() { &mut inside } else { &mut outside };
        share.total += total;
        share.bad += bad;
        may_fail_ppm += window.map_or(0, |w| total * w.fails_ppm);
    }
    inside.may_fail = may_fail_ppm.div_ceil(super::toll::ALL_PPM);
    (inside, outside)
}

/// Whether so few as `bad` of `total` are surely more than `may_fail` of them: chance alone fails a few more or less.
fn surely_more(bad: u64, total: u64, may_fail: u64) -> bool {
    bad > may_fail && bounds::interval_ppb(bad, total, 1.0 - ALPHA).0 > may_fail * 1_000_000_000 / total.max(1)
}

fn of_success(
    expected: &Expectation,
    seen: &Judgement,
    (inside, outside): (Share, Share),
    objective: Ratio,
) -> (Comparison, String) {
    let judged = judge_ratio(outside.total - outside.bad, outside.bad, objective, ALPHA, 1);
    // What the objective leaves for bad luck on any day, of so many requests.
    let spare = outside.total * (1_000_000 - u64::from(objective.good_ppm())) / 1_000_000;
    if seen.total == 0 {
        return (Comparison::Undecided, "nothing was asked".into());
    }
    if outside.bad > spare && judged.verdict == SloVerdict::Missed {
        let why = format!("{} of {} requests failed at other times than was said", outside.bad, outside.total);
        return (Comparison::Worse, why);
    }
    if surely_more(inside.bad, inside.total, inside.may_fail) {
        let (bad, total, most) = (inside.bad, inside.total, inside.may_fail);
        return (
            Comparison::Worse,
            format!("{bad} of {total} requests failed in the windows, {most} at most were said"),
        );
    }
    if outside.bad > spare {
        let why = format!("{} of {} requests failed at other times: too few to tell", outside.bad, outside.total);
        return (Comparison::Undecided, why);
    }
    if expected.success == SloVerdict::Missed && seen.verdict == SloVerdict::Met {
        return (Comparison::Better, "it might have been missed".into());
    }
    (Comparison::AsExpected, String::new())
}

fn of_latency(expected: &Expectation, seen: &Judgement) -> (Comparison, String) {
    match (expected.latency, seen.verdict) {
        (SloVerdict::Missed, SloVerdict::Met) => (Comparison::Better, "it might have been missed".into()),
        // A tenant of which everything may fail has no latency to show.
        (SloVerdict::Missed, _) => (Comparison::AsExpected, String::new()),
        (_, SloVerdict::Met) => (Comparison::AsExpected, String::new()),
        (_, SloVerdict::Missed) => {
            (Comparison::Worse, "answers were late although nothing was said to slow them".into())
        }
        (_, verdict) => (Comparison::Undecided, format!("what was measured is {verdict}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::expect::Window;
    use super::*;
    use models::config::Inputs;
    use sim::Duration;

    fn serving(windows: &[(u32, u32)], took: Duration) -> Serving {
        let sum = |of: fn(&(u32, u32)) -> u32| windows.iter().map(|w| u64::from(of(w))).sum::<u64>();
        let (good, bad) = (sum(|w| w.0), sum(|w| w.1));
        let mut latency = sim::measure::Latency::default();
        (0..good).for_each(|_| latency.record(took));
        let (tenant, cell) = ("acme".into(), "cell-a".into());
        Serving { tenant, cell, good, bad, latency, windows: windows.to_vec(), ..Serving::default() }
    }

    fn expectation(fails_ppm: u64) -> Expectation {
        let because = vec!["app-1 is gone".into()];
        let windows = vec![Window { from_s: 7, until_s: 9, fails_ppm, because }];
        let windows = if fails_ppm > 0 { windows } else { Vec::new() };
        let verdict = if fails_ppm > 0 { SloVerdict::Missed } else { SloVerdict::Met };
        Expectation {
            tenant: "acme".into(),
            cell: "cell-a".into(),
            windows,
            success: verdict,
            latency: SloVerdict::Met,
        }
    }

    fn check(fails_ppm: u64, windows: &[(u32, u32)], expected: Comparison) {
        let slos = &Inputs::embedded().platform.slos;
        let start = [(0, 9); JUDGED_FROM_S];
        let serving = serving(&[&start, windows].concat(), Duration::millis(5));
        let [success, latency] = compare(&expectation(fails_ppm), Some(&serving), slos);
        assert_eq!(success.comparison, expected, "{success:?}");
        assert_eq!(latency.comparison, Comparison::AsExpected, "{latency:?}");
    }

    #[test]
    fn failures_in_the_windows_are_as_expected_up_to_their_toll() {
        check(500_000, &[(100, 0), (100, 0), (50, 50), (60, 40)], Comparison::AsExpected);
        check(100_000, &[(100, 0), (100, 0), (50, 50), (60, 40)], Comparison::Worse);
        check(100_000, &[(2_000, 0), (2_000, 0), (100, 0), (100, 0)], Comparison::Better);
    }

    #[test]
    fn failures_at_other_times_are_worse_unless_they_are_too_few_to_tell() {
        check(500_000, &[(100, 0), (50, 50), (50, 50), (100, 0)], Comparison::Worse);
        check(0, &[(999, 1); 1], Comparison::AsExpected);
        check(0, &[(998, 2); 1], Comparison::Undecided);
        check(0, &[(900, 100); 1], Comparison::Worse);
    }

    #[test]
    fn who_asked_for_nothing_shows_nothing() {
        let outcomes = compare(&expectation(0), None, &Inputs::embedded().platform.slos);
        assert!(outcomes.iter().all(|o| o.comparison == Comparison::Undecided && o.seen == SloVerdict::NoData));
    }

    #[test]
    fn late_answers_are_worse_when_nothing_was_to_slow_them() {
        let slow = serving(&[(1_000, 0)], Duration::secs(3));
        let [_, latency] = compare(&expectation(0), Some(&slow), &Inputs::embedded().platform.slos);
        assert_eq!(latency.comparison, Comparison::Worse);
    }
}
