//! The objectives of `platform.toml`: what is promised, how much of the error budget may burn before someone is told,
//! and when a canary is taken back.
//!
//! A promise that nothing can break, and an alert that can never fire, look like good news for ever. Both are refused
//! here, with their line, and so is a limit that no measurement could tell apart.

use super::read::{Reader, Table};
use super::settings::ANY;
use serde::Serialize;
use sim::Duration;
use sim::measure::{AlertRule, BurnError, BurnPolicy, CanaryRule, Objective, Severity, latency};
use sim::record::SERVING_WINDOW_NS;
use std::sync::Arc;

/// Service level objectives (SLO-01 to SLO-06).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Slos {
    /// Share of honest requests that succeed (SLO-01).
    pub api_success: Objective,
    /// Share of jobs that succeed (SLO-03).
    pub job_success: Objective,
    /// Share of time in which the transparency index answers (SLO-04).
    pub index_available: Objective,
    /// 95th percentile of query latency stays below this (SLO-02).
    pub p95_query: Duration,
    /// 95th percentile of mirror lag (EVT-04).
    pub p95_mirror_lag: Duration,
    /// 95th percentile of diff-audit lag (SLO-05).
    pub p95_diff_audit_lag: Duration,
    /// An entry is in the transparency index after at most this (GOV-04).
    pub index_publish: Duration,
    /// Span over which the error budget is accounted (SLO-06).
    pub budget_window: Duration,
    /// Fewer events than this are no measurement: an objective has NO_DATA, and an alert does not speak.
    pub requests_min: u64,
    /// When someone is told that a budget burns, most urgent first.
    pub alerts: Vec<AlertRule>,
    /// When a canary is taken back (ROL-02).
    pub canary: Canary,
}

/// The rule that takes a canary back, on its own traffic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Canary {
    /// Share of the whole budget that may burn in the window, in parts per million.
    pub budget_ppm: u32,
    /// The window.
    pub window: Duration,
    /// Fewer requests in the window than this say nothing, and promote nobody.
    pub requests_min: u64,
}

/// What a 95th percentile promises of events: of a hundred, five may be slower.
pub const P95: Objective = match Objective::from_ppm(950_000) {
    Ok(objective) => objective,
    Err(_) => unreachable!(),
};

/// The windows that requests are counted in.
const WIDTH: Duration = Duration(SERVING_WINDOW_NS);

impl Slos {
    pub(super) fn read(r: &mut Reader, mut t: Table) -> Slos {
        let place = t.place();
        let api_success = objective(r, &mut t, "api_success_ppm");
        let job_success = objective(r, &mut t, "job_success_ppm");
        let index_available = objective(r, &mut t, "index_available_ppm");
        let p95_query = limit(r, &mut t);
        let p95_mirror_lag = t.span(r, "p95_mirror_lag_s");
        let p95_diff_audit_lag = t.span(r, "p95_diff_audit_lag_s");
        let index_publish = t.span(r, "index_publish_s");
        let budget_window = t.span(r, "budget_window_s");
        let requests_min = t.integer(r, "requests_min", ANY);
        let watched = [
            ("api_success_ppm", api_success),
            ("job_success_ppm", job_success),
            ("index_available_ppm", index_available),
            ("p95_query_ms", Some(P95)),
        ];
        let nodes = t.list(r, "alerts");
        if nodes.is_empty() {
            r.problem(place, "no alert on the error budget", "at least one `[[slos.alerts]]`");
        }
        let tables = nodes.iter().filter_map(|node| r.table(node, "an alert")).collect::<Vec<_>>();
        let alerts = tables.into_iter().map(|t| alert(r, t, budget_window, &watched)).collect();
        let canary = t.table(r, "canary").map(|t| canary(r, t, budget_window, api_success));
        t.finish(r);
        // What stands in for a mistake never leaves the house.
        Slos {
            api_success: api_success.unwrap_or(P95),
            job_success: job_success.unwrap_or(P95),
            index_available: index_available.unwrap_or(P95),
            p95_query,
            p95_mirror_lag,
            p95_diff_audit_lag,
            index_publish,
            budget_window,
            requests_min,
            alerts,
            canary: canary.unwrap_or(Canary { budget_ppm: 1, window: WIDTH, requests_min: 1 }),
        }
    }

    /// The alerts on one of the objectives, over the windows that requests are counted in.
    ///
    /// # Panics
    /// When a rule cannot fire, which no file says that was read.
    pub fn policy(&self, objective: Objective) -> BurnPolicy {
        BurnPolicy::new(objective, self.budget_window, WIDTH, self.requests_min, &self.alerts)
            .unwrap_or_else(|e| panic!("rules are checked when they are read: {e}"))
    }

    /// The rule of the canary, on the success of its requests.
    ///
    /// # Panics
    /// When it cannot trip, which no file says that was read.
    pub fn canary_rule(&self) -> CanaryRule {
        let Canary { budget_ppm, window, requests_min } = self.canary;
        CanaryRule::new(self.api_success, budget_ppm, self.budget_window, window, requests_min)
            .unwrap_or_else(|e| panic!("the rule is checked when it is read: {e}"))
    }
}

/// A share of good events, with something left to burn.
fn objective(r: &mut Reader, t: &mut Table, key: &'static str) -> Option<Objective> {
    const WHOLE: u64 = 1_000_000;
    let place = t.place_of(key);
    let ppm = t.integer(r, key, 1..=WHOLE);
    if ppm == WHOLE {
        let expected = format!("a whole number from 1 to 999999 ({key}): 100 % leaves no error budget");
        r.problem(place, format!("integer {ppm}"), expected);
    }
    u32::try_from(ppm).ok().and_then(|ppm| Objective::from_ppm(ppm).ok())
}

/// The longest latency that is allowed, short enough for a longer one to be told from it.
fn limit(r: &mut Reader, t: &mut Table) -> Duration {
    let place = t.place_of("p95_query_ms");
    let limit = t.span(r, "p95_query_ms");
    if limit >= latency::HIGHEST {
        let most = latency::HIGHEST.as_millis() - 1;
        let expected = format!("at most {most} (p95_query_ms): nothing slower is told apart, so nothing could miss it");
        r.problem(place, format!("integer {}", limit.as_millis()), expected);
    }
    limit
}

fn alert(r: &mut Reader, mut t: Table, period: Duration, watched: &[(&str, Option<Objective>)]) -> AlertRule {
    let place = t.place();
    let known: [Arc<str>; 2] = ["page".into(), "ticket".into()];
    let severity = if *t.one_of(r, "severity", &known) == *"ticket" { Severity::Ticket } else { Severity::Page };
    let share_ppm = t.integer(r, "budget_ppm", 1..=1_000_000) as u32;
    let (long, short) = (t.span(r, "long_s"), t.span(r, "short_s"));
    t.finish(r);
    let rule = AlertRule { severity, share_ppm, long, short };
    if short >= long || long > period {
        let found = format!("an alert over {long} and {short}");
        return note(r, place, rule, found, format!("`short_s` below `long_s`, and that within {period}"));
    }
    for (key, objective) in watched {
        if let Some(objective) = *objective
            && let Err(e) = BurnPolicy::new(objective, period, WIDTH, 1, &[rule])
        {
            return note(r, place, rule, format!("{e} ({key})"), cannot(&e));
        }
    }
    rule
}

fn canary(r: &mut Reader, mut t: Table, period: Duration, success: Option<Objective>) -> Canary {
    let place = t.place();
    let budget_ppm = t.integer(r, "budget_ppm", 1..=1_000_000) as u32;
    let window = t.span(r, "window_s");
    let requests_min = t.integer(r, "requests_min", ANY);
    t.finish(r);
    let canary = Canary { budget_ppm, window, requests_min };
    let rule = success.map(|success| CanaryRule::new(success, budget_ppm, period, window, requests_min));
    match rule {
        None | Some(Ok(_)) => canary,
        Some(Err(e)) => note(r, place, canary, format!("{e} (api_success_ppm)"), cannot(&e)),
    }
}

fn note<T>(r: &mut Reader, place: (u32, u32), read: T, found: String, expected: impl Into<String>) -> T {
    r.problem(place, found, expected);
    read
}

fn cannot(error: &BurnError) -> &'static str {
    match error {
        BurnError::NeverFires { .. } => "burn rate × error budget below 1: less of the budget, or a longer window",
        BurnError::Span(_) => "windows within the span of the budget",
        BurnError::Rate => "rounder numbers",
    }
}

#[cfg(test)]
mod tests;
