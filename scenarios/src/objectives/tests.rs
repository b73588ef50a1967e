//! Objectives on hand-made figures: what is promised and not measured, what everybody lost, what a few runs lost.

use super::*;
use sim::measure::Latency;
use sim::record::SloVerdict::{Inconclusive, Met, Missed, NoData};

/// Figures of acme, one run an entry: (good, bad) a second, all answers in 20 ms.
fn served(runs: &[&[(u32, u32)]]) -> Serving {
    let mut all = Serving { tenant: "acme".into(), cell: "cell-a".into(), ..Serving::default() };
    for windows in runs {
        let sum = |of: fn(&(u32, u32)) -> u32| windows.iter().map(|w| u64::from(of(w))).sum::<u64>();
        let mut latency = Latency::default();
        (0..sum(|w| w.0)).for_each(|_| latency.record(Duration::millis(20)));
        let windows = windows.to_vec();
        let run = Serving { good: sum(|w| w.0), bad: sum(|w| w.1), latency, windows, ..Serving::default() };
        all.merge(&run.of_one_run());
    }
    all
}

fn rows(condition: &str, serving: Serving) -> Vec<SloRecord> {
    judged(&Inputs::embedded(), &[(condition.into(), serving)])
}

/// The row of acme for one objective.
fn row_of(condition: &str, serving: Serving, requirement: &str) -> SloRecord {
    let mine = |s: &SloRecord| s.tenant == "acme" && s.requirement == requirement && s.condition == condition;
    rows(condition, serving).into_iter().find(mine).expect("acme has a row")
}

#[test]
fn what_is_promised_and_not_measured_has_a_row_that_says_so() {
    let rows = rows(CALM, served(&[&[(5_000, 0)]]));
    assert_eq!(rows.len(), 5 * 5 + 3, "five objectives for each of five tenants, and the lag of the three mirrored");
    let verdicts = |tenant: &str| {
        let own = rows.iter().filter(|s| s.tenant == tenant);
        own.map(|s| (s.requirement.as_str(), s.verdict)).collect::<Vec<_>>()
    };
    let silent = [("SLO-03", NoData), ("SLO-04", NoData), ("SLO-05", NoData)];
    let served = [("EVT-04", NoData), ("SLO-01", Met), ("SLO-02", Met)];
    assert_eq!(verdicts("acme"), [&served, &silent[..]].concat());
    assert_eq!(verdicts("beta"), [&[("SLO-01", NoData), ("SLO-02", NoData)], &silent[..]].concat());
    let beta = rows.iter().find(|s| s.tenant == "beta").expect("beta has a row");
    assert_eq!((beta.cell.as_str(), beta.total, beta.seeds, beta.budget), ("cell-b", 0, None, None));
    assert!(beta.alerts.iter().all(|a| a.state == AlertState::TooFew && a.fired_at_s.is_none()));
    assert_eq!(beta.canary.as_ref().map(|c| c.verdict), Some(CanaryVerdict::TooFew));
}

#[test]
fn the_swarm_is_shown_and_not_judged_and_an_attack_is_judged_for_whom_it_meets() {
    let inputs = Inputs::embedded();
    let figures = [(SWARM.into(), served(&[&[(0, 500)]])), ("stride/x".into(), served(&[&[(5_000, 0)]]))];
    let rows = judged(&inputs, &figures);
    let conditions: BTreeSet<&str> = rows.iter().map(|s| s.condition.as_str()).collect();
    assert_eq!(conditions, ["calm", "stride/x"].into());
    assert_eq!(rows.iter().filter(|s| s.condition == "stride/x").count(), 2);
    assert!(rows.iter().filter(|s| s.condition == CALM).all(|s| s.verdict == NoData));
}

#[test]
fn events_that_are_late_in_the_other_cell_miss_their_own_objective() {
    let lag = |seconds: u64, late: u64| {
        let mut serving = served(&[&[(5_000, 0)]]);
        (0..4_000).for_each(|_| serving.mirrored.record(Duration::secs(seconds)));
        serving.mirrored_late = late;
        row_of(CALM, serving.of_one_run(), "EVT-04")
    };
    let (soon, late) = (lag(2, 0), lag(90, 4_000));
    assert_eq!((soon.verdict, soon.total, soon.bad), (Met, 4_000, 0));
    assert_eq!((late.verdict, late.bad), (Missed, 4_000));
    assert_eq!(soon.objective, "p95 mirror lag ≤ 60 s");
}

#[test]
fn a_total_outage_is_missed_spends_everything_and_rings_every_alert() {
    let row = row_of(CALM, served(&[&[(0, 50); 10][..]; 4]), "SLO-01");
    assert_eq!((row.verdict, row.total, row.bad, row.estimate), (Missed, 2_000, 2_000, 0.0));
    let budget = row.budget.expect("it was counted");
    assert_eq!((budget.allowed_ppm, budget.period_s, budget.spent_ppm), (1_000, 2_592_000, 1_000_000_000));
    assert_eq!(row.seeds.map(|s| (s.runs, s.with_bad, s.with_bad_bound_95)), Some((4, 4, 1.0)));
    let rung: Vec<_> = row.alerts.iter().map(|a| (a.rate.as_str(), a.state, a.fired_at_s)).collect();
    assert_eq!(rung, ["14.4", "6", "3", "1"].map(|rate| (rate, AlertState::Firing, Some(1))));
    assert!(row.alerts.iter().all(|a| a.long_burn == Some(1_000.0) && a.short_burn == Some(1_000.0)));
    let canary = row.canary.expect("SLO-01 is watched");
    assert_eq!((canary.verdict, canary.tripped_at_s), (CanaryVerdict::RollBack, Some(1)));
    let latency = row_of(CALM, served(&[&[(0, 50); 10][..]; 4]), "SLO-02");
    assert_eq!(latency.verdict, NoData, "no answer is no quick answer");
}

#[test]
fn the_budget_is_a_ratio_of_sums_and_the_canary_trips_at_eight_point_six_four_percent() {
    let quiet_then_busy = &[(10, 0), (10, 0), (10, 0), (9_136, 864)];
    let row = row_of(CALM, served(&[quiet_then_busy]), "SLO-01");
    let burn = row.budget.expect("it was counted").burn_rate;
    assert!((burn - 864.0 / 10_030.0 / 0.001).abs() < 1e-9, "{burn}; the mean of ratios would say 21.6");
    assert_eq!(row.canary.expect("watched").verdict, CanaryVerdict::Clear, "a little below, over all ten minutes");
    let row = row_of(CALM, served(&[&[(9_136, 864)]]), "SLO-01");
    let canary = row.canary.expect("watched");
    assert_eq!((canary.rate.as_str(), canary.window_s, canary.tripped_at_s), ("86.4", 600, Some(1)));
}

#[test]
fn the_unit_is_the_seed_and_what_one_run_lost_is_less_sure_than_what_all_lost() {
    let clean: &[(u32, u32)] = &[(1_000, 0)];
    let mut crash = vec![clean; 99];
    crash.push(&[(900, 100)]);
    let row = row_of(CALM, served(&crash), "SLO-01");
    assert_eq!((row.verdict, row.total, row.bad), (Inconclusive, 100_000, 100));
    let seeds = row.seeds.expect("it was counted");
    assert_eq!((seeds.runs, seeds.with_bad), (100, 1));
    assert!(seeds.effective < 1_200, "{}", seeds.effective);
    assert!((seeds.with_bad_bound_95 - 0.046_56).abs() < 1e-4, "{}", seeds.with_bad_bound_95);
    let spread = row_of(CALM, served(&[&[(10_000, 5)][..]; 10]), "SLO-01");
    assert_eq!((spread.verdict, spread.seeds.map(|s| s.effective)), (Met, Some(100_050)));
}

#[test]
fn slow_answers_spend_the_budget_of_the_percentile() {
    let mut serving = served(&[&[(100, 0); 10][..]]);
    (serving.slow, serving.latency) = (vec![(3, 40), (9, 40)], Latency::default());
    (0..1_000).for_each(|i| serving.latency.record(Duration::millis(if i < 80 { 1_600 } else { 20 })));
    let row = row_of(CALM, serving.of_one_run(), "SLO-02");
    assert_eq!((row.verdict, row.total, row.bad), (Missed, 1_000, 80));
    let budget = row.budget.expect("it was counted");
    assert_eq!((budget.allowed_ppm, budget.spent_ppm), (50_000, 1_600_000));
    assert_eq!(row.alerts.iter().map(|a| a.fired_at_s).collect::<Vec<_>>(), [None, None, None, Some(4)]);
    assert!(row.canary.is_none());
}

#[test]
fn what_was_fixed_beforehand_is_in_the_record() {
    let settings = crate::prove::Settings {
        inputs: Inputs::embedded(),
        seed_base: u64::MAX,
        nonce: String::new(),
        calm_seeds: 8,
        swarm_seeds: 128,
        swarm_floor: 32,
        ablation_seeds: 8,
        interference_pairs: 2,
        compare_every: 20,
        ablate: true,
        corpus: Vec::new(),
    };
    let plan = plan(&settings);
    assert_eq!((plan.seed_first.as_str(), plan.calm_seeds, plan.swarm_seeds), ("18446744073709551615", 8, 128));
    assert_eq!((plan.alpha, plan.events_min), (0.05, 100));
    assert!(plan.assumptions.iter().any(|a| a.contains("not over production")));
    assert!(plan.assumptions.iter().any(|a| a.contains("The unit of analysis is the seed")));
}
