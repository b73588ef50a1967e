//! Objectives that promise nothing, alerts that cannot fire: each is refused with its line and what was expected.

use crate::config::{PLATFORM_TOML, PlatformConfig};
use sim::measure::Tally;
use sim::measure::burn::SRE_RULES;

/// The messages that the embedded file earns with `from` replaced by `to`, each with the text of the line it names.
fn check(from: &str, to: &str, expected: &[(&str, &str)]) {
    assert!(PLATFORM_TOML.contains(from), "{from}");
    let text = PLATFORM_TOML.replacen(from, to, 1);
    let problems = PlatformConfig::parse("platform.toml", &text).expect_err("a mistake").0;
    let line = |n: u32| text.lines().nth(n as usize - 1).unwrap_or_default();
    let said: Vec<(&str, String)> = problems
        .iter()
        .map(|p| (line(p.line), p.to_string().split_once(": ").map(|(_, said)| said.to_owned()).unwrap_or_default()))
        .collect();
    let said: Vec<(&str, &str)> = said.iter().map(|(line, said)| (*line, said.as_str())).collect();
    assert_eq!(said, expected);
}

#[test]
fn the_embedded_alerts_are_those_of_the_workbook_and_the_canary_that_of_day_one() {
    let slos = PlatformConfig::parse("platform.toml", PLATFORM_TOML).expect("the embedded file").slos;
    assert_eq!(slos.alerts, SRE_RULES);
    let rates: Vec<String> = slos.policy(slos.api_success).rules().iter().map(|(_, rate)| rate.to_string()).collect();
    assert_eq!(rates, ["14.4", "6", "3", "1"]);
    let canary = slos.canary_rule();
    assert_eq!(canary.rate().to_string(), "86.4");
    let verdict = |bad| format!("{:?}", canary.judge_events(Tally { good: 100_000 - bad, bad }));
    assert_eq!((verdict(8_640), verdict(8_639)), ("RollBack".into(), "Clear".into()));
}

#[test]
fn a_promise_that_cannot_be_broken_is_refused() {
    check(
        "api_success_ppm = 999000",
        "api_success_ppm = 1000000",
        &[(
            "api_success_ppm = 1000000",
            "integer 1000000, expected a whole number from 1 to 999999 (api_success_ppm): 100 % leaves no error budget",
        )],
    );
    check(
        "p95_query_ms = 1500",
        "p95_query_ms = 3600000",
        &[(
            "p95_query_ms = 3600000",
            "integer 3600000, expected at most 3599999 (p95_query_ms): nothing slower is told apart, so nothing could \
             miss it",
        )],
    );
}

#[test]
fn an_alert_that_could_not_fire_if_everything_failed_is_refused_where_it_stands() {
    let never = "a burn rate of 14.4 against 93 % can never be exceeded, even if every request fails \
                 (job_success_ppm), expected burn rate × error budget below 1: less of the budget, or a longer window";
    check("job_success_ppm = 990000", "job_success_ppm = 930000", &[("[[slos.alerts]]", never)]);
    let canary = "a burn rate of 86.4 against 98.8 % can never be exceeded, even if every request fails \
                  (api_success_ppm), expected burn rate × error budget below 1: less of the budget, or a longer window";
    check("api_success_ppm = 999000", "api_success_ppm = 988000", &[("[slos.canary]", canary)]);
    let hasty = "a burn rate of 20 against 95 % can never be exceeded, even if every request fails (p95_query_ms), \
                 expected burn rate × error budget below 1: less of the budget, or a longer window";
    check("long_s = 259200\nshort_s = 21600", "long_s = 12960\nshort_s = 1080", &[("[[slos.alerts]]", hasty)]);
}

#[test]
fn windows_that_do_not_fit_and_words_that_nobody_knows_are_refused() {
    check(
        "short_s = 300",
        "short_s = 3600",
        &[(
            "[[slos.alerts]]",
            "an alert over 3600.000s and 3600.000s, expected `short_s` below `long_s`, and that within 2592000.000s",
        )],
    );
    check(
        "severity = \"ticket\"",
        "severity = \"tikcet\"",
        &[("severity = \"tikcet\"", "unknown severity \"tikcet\", expected one of page, ticket")],
    );
    check(
        "p95_query_ms = 1500",
        "p95_qeury_ms = 1500",
        &[
            ("[slos]", "slos without key `p95_query_ms`, expected `p95_query_ms`"),
            (
                "p95_qeury_ms = 1500",
                "unknown key `p95_qeury_ms` in slos, expected one of api_success_ppm, job_success_ppm, \
             index_available_ppm, p95_query_ms, p95_mirror_lag_s, p95_diff_audit_lag_s, index_publish_s, \
             budget_window_s, requests_min, alerts, canary",
            ),
        ],
    );
    check(
        "requests_min = 100",
        "requests_min = 0",
        &[("requests_min = 0", "integer 0, expected a whole number from 1 to 1000000000000 (requests_min)")],
    );
}
