//! The breaker told as stories, then against every sequence of questions and answers.

use super::*;
use proptest::prelude::*;
use sim::ControlSet;

const SECOND: u64 = 1_000_000_000;

/// Plays a story on a new breaker: `+` a call that succeeds, `-` one that fails, `x` a call that must fail fast, `s` a
/// second that passes. Returns the state at its end.
fn check(controls: &Controls, story: &str, expected: State) {
    let (mut breaker, mut now) = (Breaker::new(Settings::DEFAULT), 0);
    for (at, act) in story.chars().enumerate() {
        match act {
            's' => now += SECOND,
            'x' => assert!(breaker.ask(Instant(now)).is_err(), "{story} at {at}"),
            '+' | '-' => {
                let permit = breaker.ask(Instant(now)).unwrap_or_else(|_| panic!("{story} at {at}: failed fast"));
                let outcome = if act == '+' { Outcome::Succeeded } else { Outcome::Failed };
                breaker.record(Instant(now), controls, permit, outcome);
            }
            _ => {}
        }
    }
    assert_eq!(breaker.state(), expected, "{story}");
}

#[test]
fn it_opens_on_a_row_of_failures_probes_after_a_while_and_closes_on_three_successes() {
    let on = Controls::all_on();
    check(&on, "----", State::Closed);
    check(&on, "-----", State::Open);
    check(&on, "----- xxx ssss x s +", State::HalfOpen);
    check(&on, "----- sssss +++", State::Closed);
    check(&on, "----- sssss ++-", State::Open);
    check(&on, "----- sssss +++ ----", State::Closed);
}

#[test]
fn each_opening_that_no_closing_interrupts_lasts_twice_as_long() {
    let on = Controls::all_on();
    check(&on, "----- sssss - sssssssss x s - sssssssssssssssssss x s +", State::HalfOpen);
    check(&on, "----- sssss +++ ----- ssss x s +", State::HalfOpen);
}

#[test]
fn it_opens_on_a_rate_only_when_there_were_enough_calls() {
    let on = Controls::all_on();
    check(&on, "+-+-+-+-+-+-+-+-+-", State::Closed);
    check(&on, "+-+-+-+-+-+-+-+-+-+-", State::Open);
    check(&on, "++-++-++-++-++-++-++-++-++-++-", State::Closed);
    check(&on, "-+-+-+-+-+-+-+ sssssssssss +-+-+-+-+", State::Closed);
}

#[test]
fn without_the_control_it_never_opens() {
    let off = Controls::with_off(ControlSet::EMPTY.with(OPEN.slot));
    check(&off, "------------------------------------------------", State::Closed);
}

#[test]
fn an_answer_from_an_earlier_era_is_no_news() {
    let (mut breaker, on) = (Breaker::new(Settings::DEFAULT), Controls::all_on());
    let late = breaker.ask(Instant(0)).expect("closed");
    for _ in 0..5 {
        let permit = breaker.ask(Instant(0)).expect("closed");
        breaker.record(Instant(0), &on, permit, Outcome::Failed);
    }
    let probe = breaker.ask(Instant(5 * SECOND)).expect("time to probe");
    breaker.record(Instant(5 * SECOND), &on, late, Outcome::Failed);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.record(Instant(5 * SECOND), &on, probe, Outcome::Failed);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn lost_probes_do_not_keep_it_half_open_for_ever() {
    let (mut breaker, on) = (Breaker::new(Settings::DEFAULT), Controls::all_on());
    for _ in 0..5 {
        let permit = breaker.ask(Instant(0)).expect("closed");
        breaker.record(Instant(0), &on, permit, Outcome::Failed);
    }
    for _ in 0..3 {
        breaker.ask(Instant(5 * SECOND)).expect("a probe");
    }
    assert_eq!(breaker.ask(Instant(6 * SECOND)), Err(FastFail(Duration::secs(4))));
    for _ in 0..3 {
        let probe = breaker.ask(Instant(10 * SECOND)).expect("the lost ones were given up");
        breaker.record(Instant(10 * SECOND), &on, probe, Outcome::Succeeded);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_case_in_json_is_answered_in_json() {
    let line =
        r#"{"settings":{"failures_row":1},"calls":[{"at_ns":0,"outcome":"failed"},{"at_ns":1,"outcome":"succeeded"}]}"#;
    let expected = concat!(
        r#"[{"at_ns":0,"called":true,"state":"open"},{"at_ns":1,"called":false,"state":"open","#,
        r#""reason":"circuit-open","requirements":["SRV-01","CAC-04"],"retry_after_ns":4999999999}]"#
    );
    assert_eq!(answer_json(line, &Controls::all_on()).expect("a sound case"), expected);
    assert!(answer_json(r#"{"calls":[{"at_ns":0,"outcome":"maybe"}]}"#, &Controls::all_on()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn only_legal_changes_of_state_happen_and_an_open_circuit_lets_nothing_through(
        acts in proptest::collection::vec((0..3u8, 0..3 * SECOND, any::<prop::sample::Index>()), 1..120),
    ) {
        let (mut breaker, on) = (Breaker::new(Settings::DEFAULT), Controls::all_on());
        let (mut now, mut out, mut opened_at, mut probes) = (0, Vec::new(), 0, 0);
        for (act, gap, pick) in acts {
            now += gap / 4;
            let before = breaker.state();
            if act == 0 || out.is_empty() {
                let asked = breaker.ask(Instant(now));
                let after = breaker.state();
                match (before, after) {
                    (State::Open, State::HalfOpen) => {
                        prop_assert!(now >= opened_at + 5 * SECOND);
                        probes = 0;
                    }
                    (State::Open, State::Open) => prop_assert!(asked.is_err()),
                    (same, other) => prop_assert_eq!(same, other),
                }
                probes += u32::from(asked.is_ok() && after == State::HalfOpen);
                out.extend(asked);
            } else {
                let permit = out.swap_remove(pick.index(out.len()));
                let outcome = if act == 1 { Outcome::Succeeded } else { Outcome::Failed };
                breaker.record(Instant(now), &on, permit, outcome);
                let legal = match (before, breaker.state()) {
                    (State::Closed, State::Open) | (State::HalfOpen, State::Open) => outcome == Outcome::Failed,
                    (State::HalfOpen, State::Closed) => outcome == Outcome::Succeeded && probes >= 3,
                    (same, other) => same == other,
                };
                prop_assert!(legal, "{:?} to {:?}", before, breaker.state());
                if before != State::Open && breaker.state() == State::Open {
                    opened_at = now;
                }
            }
        }
    }
}
