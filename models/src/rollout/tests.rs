//! What a canary's traffic says of it, and the order of a rollback.

use super::analysis::{ANALYSIS, Analysis, MINIMUM_SAMPLES, SOAK, Settings, Verdict};
use super::status::{CACHE_SWEEP, Phase, RESUMED, ROLLBACK_ORDER, Status, Step, steps};
use crate::control::{Control, ControlSet, Controls};
use sim::measure::{CanaryRule, Objective};
use sim::{Duration, Instant};

fn settings() -> Settings {
    let objective = Objective::from_ppm(999_000).expect("99.9 %");
    Settings::day_one(CanaryRule::day_one(objective, 6).expect("the day-1 rule"))
}

fn controls(off: &[&Control]) -> Controls {
    Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot)))
}

/// A canary that answers so many requests, well and not, every tenth of a second from the first to the second; when it
/// is decided about, in tenths, and how.
fn decided(traffic: &[(std::ops::Range<u64>, (u64, u64))], off: &[&Control]) -> Option<(u64, Verdict)> {
    let (mut analysis, settings, controls) = (Analysis::new(Instant::ZERO), settings(), controls(off));
    (1..=40).find_map(|tenth| {
        traffic.iter().filter(|(span, _)| span.contains(&tenth)).for_each(|(_, counted)| analysis.count(*counted));
        let verdict = analysis.look(Instant::ZERO + Duration::millis(100 * tenth), &controls, &settings);
        (verdict != Verdict::Wait).then_some((tenth, verdict))
    })
}

#[test]
fn the_documents_minutes_are_milliseconds_here_and_its_rates_are_its_rates() {
    let settings = settings();
    assert_eq!((settings.window, settings.soak), (Duration::millis(1_000), Duration::millis(1_500)));
    assert_eq!((settings.weight, settings.rule.rate().to_string()), (5, "86.4".into()));
}

#[test]
fn a_canary_that_was_well_for_its_time_is_promoted_and_not_before() {
    let well = [(0..40, (1, 0))];
    assert_eq!(decided(&well, &[]), Some((15, Verdict::Promote)));
    assert_eq!(decided(&well, &[&SOAK]), Some((6, Verdict::Promote)), "six requests are enough to be judged by");
}

#[test]
fn one_window_that_burns_takes_it_back_whatever_the_others_were() {
    // One of eleven is 9.1 %, one of twelve 8.3 %.
    let late = [(0..40, (1, 0)), (12..13, (0, 1))];
    assert_eq!(decided(&late, &[]), Some((12, Verdict::RollBack)));
    let fewer = [(0..40, (2, 0)), (12..13, (0, 1))];
    assert_eq!(decided(&fewer, &[]), Some((15, Verdict::Promote)));
    let early = [(0..3, (1, 1)), (3..40, (1, 0))];
    assert_eq!(decided(&early, &[]), Some((4, Verdict::RollBack)), "as soon as it was asked often enough");
    assert_eq!(decided(&early, &[&ANALYSIS]), Some((15, Verdict::Promote)));
}

#[test]
fn a_canary_that_nobody_asks_is_not_promoted_and_goes_back_in_the_end() {
    let few = [(5..7, (1, 0))];
    assert_eq!(decided(&few, &[]), Some((25, Verdict::RollBack)));
    assert_eq!(decided(&few, &[&MINIMUM_SAMPLES]), Some((15, Verdict::Promote)));
}

#[test]
fn a_rollback_takes_routes_configuration_and_caches_in_this_order() {
    assert_eq!(steps(&controls(&[])), [Step::Routes, Step::Config, Step::Sweep]);
    assert_eq!(steps(&controls(&[&ROLLBACK_ORDER])), [Step::Sweep, Step::Config, Step::Routes]);
    let mut status = Status::first(7);
    (status.held.canary, status.held.weight, status.held.config) = (Some(8), 5, 8);
    let taken = |off: &[&Control]| {
        let mut status = status;
        steps(&controls(off)).into_iter().for_each(|step| status.take(&controls(off), step));
        (status.held.weight, status.held.config, status.held.swept)
    };
    assert_eq!(taken(&[]), (0, 7, 1));
    assert_eq!(taken(&[&CACHE_SWEEP]), (0, 7, 0));
    status.phase = Phase::RollingBack(1);
    assert_eq!(status.kept(&controls(&[])).phase, Phase::RollingBack(1));
    assert_eq!(status.kept(&controls(&[&RESUMED])).phase, Phase::Idle, "nobody will go on with it");
}
