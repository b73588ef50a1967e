//! `rules.yml`: error budgets and burn-rate alerts for Prometheus, from the same numbers as the record's own.
//!
//! Each objective that something measures gets a group. Ratios are Σbad / Σevents over a window, never a mean of
//! shorter ratios. Both counters of a ratio are scraped together, so whatever `increase` adds for the edges of a window
//! it adds to both, and it cancels; where no event was counted the ratio is NaN, which no alert fires on. An alert asks
//! that both of its windows burn faster than its rate, and that the long one holds as many events as a measurement
//! takes.

use crate::series::{BAD, EVENTS, LABELS, Watched, fraction, quoted, selector, span, watched};
use sim::measure::Severity;
use sim::record::{AlertRecord, GateRecord};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The name of every alert; labels tell which.
pub const ALERT: &str = "ErrorBudgetBurn";

/// The record's objectives as rules.
pub fn render(record: &GateRecord) -> String {
    let floor = record.plan.as_ref().map_or(0, |plan| plan.events_min);
    let groups: Vec<String> = watched(record).iter().map(|objective| group(objective, floor)).collect();
    let head = "# Error budgets and burn-rate alerts (multi-window, multi-burn-rate: SRE workbook, chapter 5).\n";
    match groups.is_empty() {
        true => format!("{head}# Nothing was measured, so there is nothing to watch.\ngroups: []\n"),
        false => format!("{head}groups:\n{}", groups.concat()),
    }
}

/// What a window's worth of burn is recorded as.
pub fn burn(seconds: u64) -> String {
    format!("slo:burn_rate:increase{}", span(seconds))
}

/// What a window's number of events is recorded as.
fn events(seconds: u64) -> String {
    format!("slo:events:increase{}", span(seconds))
}

/// What the share of the budget that was spent in a period is recorded as.
pub fn spent(seconds: u64) -> String {
    format!("slo:budget_spent:increase{}", span(seconds))
}

fn group(objective: &Watched<'_>, floor: u64) -> String {
    let only = selector(&[("slo", objective.requirement)]);
    let mut out = format!("  - name: {}\n    rules:\n", quoted(&format!("cellproof {}", objective.requirement)));
    let windows: BTreeSet<u64> = objective.alerts.iter().flat_map(|alert| [alert.short_s, alert.long_s]).collect();
    let long: BTreeSet<u64> = objective.alerts.iter().map(|alert| alert.long_s).collect();
    for window in &windows {
        record(&mut out, objective, &burn(*window), &ratio(objective, &only, *window));
    }
    for window in &long {
        record(&mut out, objective, &events(*window), &increase(EVENTS, &only, *window));
    }
    record(&mut out, objective, &spent(objective.period_s), &ratio(objective, &only, objective.period_s));
    for rule in &objective.alerts {
        alert(&mut out, objective, rule, &only, floor);
    }
    out
}

/// A label that the series has anyway tells rules of one name apart.
fn record(out: &mut String, objective: &Watched<'_>, name: &str, expression: &str) {
    let (expression, slo) = (quoted(expression), quoted(objective.requirement));
    write!(out, "      - record: {name}\n        expr: {expression}\n        labels:\n          slo: {slo}\n")
        .expect("memory takes text");
}

/// How many times as fast as it may the budget burns over a window: all of it in a period is 1.
fn ratio(objective: &Watched<'_>, only: &str, window: u64) -> String {
    let (bad, events) = (increase(BAD, only, window), increase(EVENTS, only, window));
    format!("{bad} / {events} / {}", fraction(objective.allowed_ppm))
}

fn increase(name: &str, only: &str, window: u64) -> String {
    format!("sum by ({}) (increase({name}_total{only}[{}]))", LABELS.join(", "), span(window))
}

fn alert(out: &mut String, objective: &Watched<'_>, rule: &AlertRecord, only: &str, floor: u64) {
    let AlertRecord { rate, long_s, short_s, .. } = rule;
    let expression = format!(
        "{}{only} > {rate} and {}{only} > {rate} and {}{only} >= {floor}",
        burn(*long_s),
        burn(*short_s),
        events(*long_s)
    );
    let severity = match rule.severity {
        Severity::Page => "page",
        Severity::Ticket => "ticket",
    };
    let (long, short) = (span(*long_s), span(*short_s));
    let summary = format!(
        "{{{{ $labels.tenant }}}} in {{{{ $labels.cell }}}}: the error budget of {} ({}) burns more than {rate} times \
         as fast as it may, over {long} and over {short}.",
        objective.requirement,
        // Braces would be obeyed.
        objective.objective.replace(['{', '}'], "")
    );
    let lines = [
        format!("      - alert: {ALERT}"),
        format!("        expr: {}", quoted(&expression)),
        "        labels:".into(),
        format!("          slo: {}", quoted(objective.requirement)),
        format!("          severity: {severity}"),
        format!("          rate: {}", quoted(rate)),
        format!("          long: {}", quoted(&long)),
        format!("          short: {}", quoted(&short)),
        "        annotations:".into(),
        format!("          summary: {}", quoted(&summary)),
    ];
    out.push_str(&(lines.join("\n") + "\n"));
}
