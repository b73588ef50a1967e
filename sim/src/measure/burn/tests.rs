//! Tests of burn rates against the published numbers, and of incidents whose outcome is known beforehand.

use super::super::windows::Windows;
use super::*;

fn objective(ppm: u32) -> Objective {
    Objective::from_ppm(ppm).unwrap()
}

fn three_nines() -> Objective {
    objective(999_000)
}

/// A timeline of one-minute windows: (minutes, good a minute, bad a minute), one stretch after the other.
fn minutes(stretches: &[(usize, u64, u64)]) -> Timeline {
    let counts = stretches.iter().flat_map(|&(n, good, bad)| std::iter::repeat_n((good, bad), n));
    Windows::from_counts(MINUTE, counts).timeline()
}

fn at(minutes: u64) -> Instant {
    Instant::ZERO + MINUTE * minutes
}

#[test]
fn rates_are_those_of_the_workbook() {
    let policy = BurnPolicy::sre(three_nines(), MINUTE, 1).unwrap();
    let rates: Vec<String> = policy.rules().iter().map(|(_, rate)| rate.to_string()).collect();
    assert_eq!(rates, ["14.4", "6", "3", "1"]);
    let windows: Vec<_> =
        SRE_RULES.iter().map(|rule| (rule.long.as_nanos() / rule.short.as_nanos(), rule.severity)).collect();
    assert!(windows.iter().all(|(ratio, _)| *ratio == 12), "the short window is a twelfth of the long one");
}

#[test]
fn an_objective_too_low_to_be_burned_is_refused() {
    let refused = BurnPolicy::sre(objective(930_000), MINUTE, 1).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a burn rate of 14.4 against 93 % can never be exceeded, even if every request fails"
    );
    assert!(BurnPolicy::sre(objective(930_555), MINUTE, 1).is_err());
    assert!(BurnPolicy::sre(objective(930_556), MINUTE, 1).is_ok());
    assert!(CanaryRule::day_one(objective(988_425), 1).is_err());
    assert!(CanaryRule::day_one(objective(988_426), 1).is_ok());
}

#[test]
fn spans_that_cannot_be_summed_are_refused() {
    let check = |width, rule| BurnPolicy::new(three_nines(), MONTH, width, 1, &[rule]).unwrap_err();
    assert_eq!(check(Duration::secs(7), SRE_RULES[0]), BurnError::Span(SRE_RULES[0].short));
    assert_eq!(check(Duration::ZERO, SRE_RULES[0]), BurnError::Span(SRE_RULES[0].short));
    let swapped = AlertRule { long: SRE_RULES[0].short, short: SRE_RULES[0].long, ..SRE_RULES[0] };
    assert_eq!(check(MINUTE, swapped), BurnError::Span(swapped.short));
    let beyond = AlertRule { long: MONTH * 2, ..SRE_RULES[0] };
    assert_eq!(check(MINUTE, beyond), BurnError::Span(MONTH * 2));
    assert_eq!(BurnRate::new(1, 0), Err(BurnError::Rate));
    assert_eq!(BurnRate::new(0, 1), Err(BurnError::Rate));
    assert_eq!(BurnRate::new(0, 0), Err(BurnError::Rate));
    assert_eq!(BurnRate::new(u64::MAX, 1), Err(BurnError::Rate));
}

#[test]
fn a_page_needs_both_windows() {
    let policy = BurnPolicy::new(three_nines(), MONTH, MINUTE, 1_000, &SRE_RULES[..1]).unwrap();
    let check = |timeline: &Timeline, now, expected: Option<AlertRule>| {
        assert_eq!(policy.firing(timeline, at(now)), expected, "at minute {now}");
    };
    // 3 % errors for ten minutes: the long window has seen too little, then the short one has seen it end.
    let spike = minutes(&[(600, 1_000, 0), (10, 970, 30), (120, 1_000, 0)]);
    check(&spike, 600, None);
    check(&spike, 605, None);
    // 10 % errors: ten minutes of it are 1.67 % of an hour, above 1.44 %.
    let outage = minutes(&[(600, 1_000, 0), (10, 900, 100), (120, 1_000, 0)]);
    check(&outage, 608, None);
    check(&outage, 609, Some(SRE_RULES[0]));
    check(&outage, 614, Some(SRE_RULES[0]));
    check(&outage, 660, None);
    assert_eq!(policy.first_firing(&outage), Some((at(609), SRE_RULES[0])));
    assert_eq!(policy.first_firing(&minutes(&[(600, 1_000, 1)])), None, "exactly at the budget nothing fires");
}

#[test]
fn a_slow_burn_opens_a_ticket() {
    let policy = BurnPolicy::sre(three_nines(), MINUTE, 1_000).unwrap();
    let slow = minutes(&[(3 * 1_440, 9_980, 20)]);
    assert_eq!(policy.firing(&slow, slow.end()), Some(SRE_RULES[3]), "a burn rate of 2");
    let faster = minutes(&[(3 * 1_440, 9_965, 35)]);
    assert_eq!(policy.firing(&faster, faster.end()), Some(SRE_RULES[2]), "a burn rate of 3.5");
}

#[test]
fn too_few_events_say_so() {
    let policy = BurnPolicy::sre(three_nines(), MINUTE, 1_000).unwrap();
    let trickle = minutes(&[(60, 0, 1)]);
    assert!(policy.states(&trickle, at(60)).all(|(_, state)| state == AlertState::TooFew));
    let nothing = BurnPolicy::sre(three_nines(), MINUTE, 0).unwrap();
    assert!(nothing.states(&minutes(&[]), at(60)).all(|(_, state)| state == AlertState::TooFew));
}

#[test]
fn the_day_one_canary_trips_at_eight_point_six_four_percent() {
    let rule = CanaryRule::day_one(three_nines(), 1_000).unwrap();
    assert_eq!(rule.rate().to_string(), "86.4");
    let check = |good, bad, expected| {
        assert_eq!(rule.judge_events(Tally { good, bad }), expected, "{bad} bad of {}", good + bad);
    };
    check(91_360, 8_640, CanaryVerdict::RollBack);
    check(91_361, 8_639, CanaryVerdict::Clear);
    check(0, 999, CanaryVerdict::TooFew);
    check(0, 0, CanaryVerdict::TooFew);
    let timeline = minutes(&[(30, 1_000, 0), (10, 910, 90), (10, 1_000, 0)]);
    assert_eq!(rule.judge(&timeline, at(39)), CanaryVerdict::Clear);
    assert_eq!(rule.judge(&timeline, at(40)), CanaryVerdict::RollBack);
    assert_eq!(rule.judge(&timeline, at(50)), CanaryVerdict::Clear);
}

#[test]
fn a_periods_ratio_is_a_sum_and_not_a_mean_of_ratios() {
    // A quiet night of clean minutes and one busy, broken hour.
    let month =
        Windows::from_counts(MINUTE, std::iter::repeat_n((10, 0), 1_380).chain(std::iter::repeat_n((900, 100), 60)));
    let total = month.total();
    assert_eq!(total, Tally { good: 67_800, bad: 6_000 });
    let shown = burn_rate(total, three_nines()).unwrap();
    assert!((shown - 81.3).abs() < 0.01, "{shown}; the mean of ratios would say 4.2");
    assert_eq!(budget_remaining_ppm(total, three_nines()), Some(1_000_000 - 81_300_814));
}

#[test]
fn the_budget_is_counted_in_whole_events() {
    assert_eq!(budget_spent_ppm(0, 1_000, three_nines()), Some(0));
    assert_eq!(budget_spent_ppm(1, 1_000, three_nines()), Some(1_000_000));
    assert_eq!(budget_spent_ppm(1, 3_000, three_nines()), Some(333_334), "rounded up");
    assert_eq!(budget_spent_ppm(1, 0, three_nines()), None);
    assert_eq!(budget_spent_ppm(u64::MAX, 1, three_nines()), Some(u64::MAX));
    assert_eq!(budget_remaining_ppm(Tally::default(), three_nines()), None);
    assert_eq!(burn_rate(Tally::default(), three_nines()), None);
}

#[test]
fn a_comparison_of_the_largest_counts_does_not_overflow() {
    let rate = BurnRate::new((1 << 40) - 1, 1 << 40).unwrap();
    let events = Tally { good: 0, bad: u64::MAX };
    assert_eq!(rate.compare(events, objective(1)), Some(Ordering::Greater));
    assert_eq!(BurnRate::new(2, 1).unwrap().compare(events, objective(1)), Some(Ordering::Less));
}
