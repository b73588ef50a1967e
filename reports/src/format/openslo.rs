//! `objectives.openslo.yaml`: what is promised to each tenant in each cell, as OpenSLO v1 documents.
//!
//! An SLO of OpenSLO needs an indicator, so a promise that nothing measures stands in a comment and not in a document.
//! A condition of OpenSLO has one window: the second one of each alert is an annotation here, and obeyed in
//! `rules.yml`. Definitions only: what became of an objective is the record's business.

use crate::series::{BAD, EVENTS, LABELS, fraction, quoted, selector, span, watched};
use crate::slo::indicator;
use sim::chain::Digest;
use sim::measure::Severity;
use sim::record::{AlertRecord, CALM, GateRecord, SloRecord};
use std::collections::BTreeSet;

/// Letters of an object's name that every implementation takes (RFC 1123).
const NAME_MAX: usize = 63;
const SERVICE: &str = "platform";

/// The record's objectives as a stream of documents.
pub fn render(record: &GateRecord) -> String {
    let mut promised: Vec<&SloRecord> = record.slos.iter().filter(|slo| slo.condition == CALM).collect();
    promised.sort_by_key(|slo| (slo.requirement.as_str(), slo.tenant.as_str(), slo.cell.as_str()));
    let watched = watched(record);
    let mut documents = vec![service()];
    let mut unmeasured = BTreeSet::new();
    let mut rules: Vec<&AlertRecord> = Vec::new();
    for slo in promised {
        match watched.iter().find(|w| w.requirement == slo.requirement) {
            Some(budget) if indicator(&slo.requirement).is_some() => {
                documents.push(objective(slo, budget.allowed_ppm, budget.period_s, &budget.alerts));
                rules.extend(&budget.alerts);
            }
            _ => {
                unmeasured.insert(format!("# {}: {}\n", slo.requirement, slo.objective));
            }
        }
    }
    rules.sort_by_key(|alert| policy_name(alert));
    rules.dedup_by_key(|alert| policy_name(alert));
    documents.extend(rules.iter().map(|alert| policy(alert)));
    if !rules.is_empty() {
        documents.extend([target("page", "Somebody is woken."), target("ticket", "Somebody looks tomorrow.")]);
    }
    let mut head = String::from("# Service level objectives of each tenant in each cell (OpenSLO v1).\n");
    if !unmeasured.is_empty() {
        head += "# Promised, and measured by nothing that ran, so there is no indicator to name:\n";
        unmeasured.iter().for_each(|line| head += line);
    }
    head + "---\n" + &documents.join("---\n")
}

fn service() -> String {
    format!(
        "apiVersion: openslo/v1\nkind: Service\nmetadata:\n  name: {SERVICE}\nspec:\n  description: \"The platform \
         that tenants share.\"\n"
    )
}

fn objective(slo: &SloRecord, allowed_ppm: u32, period_s: u64, alerts: &[&AlertRecord]) -> String {
    let of = [slo.requirement.as_str(), &slo.tenant, &slo.cell];
    let name = name(&of);
    let labels: Vec<(&str, &str)> = LABELS.into_iter().zip(of).collect();
    let only = selector(&labels);
    let source = |counter: &str| {
        let query = quoted(&format!("{counter}_total{only}"));
        format!("metricSource:\n            type: Prometheus\n            spec:\n              query: {query}\n")
    };
    let policies: String =
        alerts.iter().map(|alert| format!("    - alertPolicyRef: {}\n", policy_name(alert))).collect();
    let labels: String = labels.iter().map(|(name, value)| format!("    {name}: {}\n", quoted(value))).collect();
    let policies = if policies.is_empty() { policies } else { format!("  alertPolicies:\n{policies}") };
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: {name}\n  displayName: {display}\n  labels:\n{labels}\
         spec:\n  description: {words}\n  service: {SERVICE}\n  indicator:\n    metadata:\n      name: {name}\n    \
         spec:\n      ratioMetric:\n        counter: true\n        bad:\n          {bad}        total:\n          \
         {events}  timeWindow:\n    - duration: {period}\n      isRolling: true\n  budgetingMethod: Occurrences\n  \
         objectives:\n    - displayName: {words}\n      target: {target}\n{policies}",
        display = quoted(&of.join(" ")),
        words = quoted(&slo.objective),
        bad = source(BAD),
        events = source(EVENTS),
        period = shorthand(period_s),
        target = fraction(1_000_000 - allowed_ppm.min(1_000_000)),
    )
}

fn policy(alert: &AlertRecord) -> String {
    let AlertRecord { rate, long_s, short_s, .. } = alert;
    let (name, severity) = (policy_name(alert), severity(alert));
    let (long, short) = (shorthand(*long_s), span(*short_s));
    let words = quoted(&format!(
        "The error budget burns more than {rate} times as fast as it may, over {long} and over {short}."
    ));
    format!(
        "apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata:\n  name: {name}\n  annotations:\n    \
         cellproof/short-window: {short}\nspec:\n  description: {words}\n  alertWhenBreaching: true\n  \
         alertWhenResolved: false\n  alertWhenNoData: false\n  conditions:\n    - kind: AlertCondition\n      \
         metadata:\n        name: {name}\n      spec:\n        description: {words}\n        severity: \
         {severity}\n        condition:\n          kind: burnrate\n          threshold: {rate}\n          \
         lookbackWindow: {long}\n          alertAfter: 0m\n  notificationTargets:\n    - targetRef: {severity}\n"
    )
}

fn target(name: &str, words: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: AlertNotificationTarget\nmetadata:\n  name: {name}\nspec:\n  description: \
         {}\n  target: {name}\n",
        quoted(words)
    )
}

fn severity(alert: &AlertRecord) -> &'static str {
    match alert.severity {
        Severity::Page => "page",
        Severity::Ticket => "ticket",
    }
}

fn policy_name(alert: &AlertRecord) -> String {
    let AlertRecord { rate, long_s, short_s, .. } = alert;
    name(&["burn", &rate.replace('.', "-"), &span(*long_s), &span(*short_s), severity(alert)])
}

/// A span as OpenSLO can say it: whole minutes at least.
fn shorthand(seconds: u64) -> String {
    span(seconds.div_ceil(60).max(1) * 60)
}

/// A name that every implementation takes. Where letters had to go, a digest keeps two names apart.
fn name(parts: &[&str]) -> String {
    let text = parts.join("-").to_lowercase();
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if plain == text && text.len() <= NAME_MAX && !text.starts_with('-') && !text.ends_with('-') {
        return text;
    }
    let digest = Digest::of(parts.join("\n").as_bytes()).to_string();
    let kept: String = plain.chars().take(NAME_MAX - 9).collect();
    format!("{}-{}", kept.trim_matches('-'), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_small_and_apart() {
        assert_eq!(name(&["SLO-01", "acme", "us-gov-1"]), "slo-01-acme-us-gov-1");
        let odd = ["a b", "a_b", "a\u{fffd}b", &"x".repeat(90)].map(|text| name(&["SLO-01", text]));
        assert_eq!(odd.iter().collect::<BTreeSet<_>>().len(), 4, "{odd:?}");
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(odd.iter().all(|name| name.len() <= NAME_MAX && name.chars().all(fits)), "{odd:?}");
        assert_eq!([300, 90, 1, 2_592_000].map(shorthand), ["5m", "2m", "1m", "30d"]);
    }
}
