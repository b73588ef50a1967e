//! What is to be done about the platform's health: the reference decision for the governance document's §3.7 (GOV-05).
//!
//! A question is the document's: `slo.burnrate`, `slo.latency_p95` in milliseconds, `capacity.cpu` in percent, and
//! `last`, when each action was last taken, in nanoseconds since the Unix epoch. Where the document is silent these
//! names are ours: `rollout.rollback` (a rollback by ROL-02 is due), `dry_run`, `active` (since when an action is in
//! force), `slo.green_since`. The document's own policy is no guide: it asks for its cooldown the wrong way round, and
//! for one of two actions.

use serde_json::Value;
use std::collections::BTreeSet;

/// No action is taken again before this span is over, in nanoseconds: ten minutes.
pub const COOLDOWN_NS: u64 = 600 * 1_000_000_000;
/// An action is taken back when everything was green for this span, in nanoseconds: fifteen minutes.
pub const GREEN_NS: u64 = 900 * 1_000_000_000;

/// Stops a rollout.
pub const PAUSE_ROLLOUT: &str = "pause_rollout";
/// Gives a service more instances.
pub const SCALE_OUT: &str = "scale_out";
/// Goes back to what was stable; at once, and before anything else.
pub const ROLLBACK: &str = "rollback";

/// Everything that may be done without a person: the runbook's list, and rollback.
pub const ACTIONS: [&str; 6] =
    [PAUSE_ROLLOUT, SCALE_OUT, "widen_canary", "enable_edge_cache", "read_only_mode", ROLLBACK];

/// What an action is triggered by: fields that must exceed a bound, all of them.
pub const TRIGGERS: [(&str, &[(&str, f64)]); 2] =
    [(PAUSE_ROLLOUT, &[("/slo/burnrate", 2.0)]), (SCALE_OUT, &[("/slo/latency_p95", 300.0), ("/capacity/cpu", 70.0)])];

/// The actions to take. A metric that is missing or no number triggers nothing; an action that was never taken is not
/// cooling down.
pub fn decide(question: &Value, now_ns: u64) -> BTreeSet<&'static str> {
    if holds(question, "/dry_run") {
        return BTreeSet::new();
    }
    let rollback = holds(question, "/rollout/rollback");
    let due = |(action, bounds): &(&'static str, &[(&str, f64)])| {
        let triggered = bounds.iter().all(|(at, bound)| exceeds(question, at, *bound));
        let overruled = rollback && *action == PAUSE_ROLLOUT;
        (triggered && !overruled && !is_cooling(question, action, now_ns)).then_some(*action)
    };
    TRIGGERS.iter().filter_map(due).chain(rollback.then_some(ROLLBACK)).collect()
}

/// The actions in force to take back: all of them, when it was green for long enough and nothing is due.
pub fn revert(question: &Value, now_ns: u64) -> BTreeSet<String> {
    let since = question.pointer("/slo/green_since").and_then(Value::as_u64);
    let green = since.is_some_and(|since| since <= now_ns && now_ns - since >= GREEN_NS);
    let active = question.pointer("/active").and_then(Value::as_object);
    let quiet = decide(question, now_ns).is_empty() && !holds(question, "/dry_run");
    active.filter(|_| green && quiet).map(|active| active.keys().cloned().collect()).unwrap_or_default()
}

/// Whether the field is a number above `bound`.
pub fn exceeds(question: &Value, at: &str, bound: f64) -> bool {
    question.pointer(at).and_then(Value::as_f64).is_some_and(|value| value > bound)
}

/// Whether `action` was taken less than [`COOLDOWN_NS`] ago, or by a clock that is ahead.
pub fn is_cooling(question: &Value, action: &str, now_ns: u64) -> bool {
    let last = question.pointer(&format!("/last/{action}")).and_then(Value::as_u64);
    last.is_some_and(|last| now_ns.saturating_sub(last) < COOLDOWN_NS)
}

fn holds(question: &Value, at: &str) -> bool {
    question.pointer(at) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 10_000 * 1_000_000_000;

    fn check(question: Value, expected: &[&str]) {
        let actions: Vec<&str> = decide(&question, NOW).into_iter().collect();
        assert_eq!(actions, expected, "{question}");
    }

    #[test]
    fn bounds_are_exceeded_and_not_met_and_what_is_no_number_triggers_nothing() {
        check(json!({"slo": {"burnrate": 2.1}}), &[PAUSE_ROLLOUT]);
        check(json!({"slo": {"burnrate": 2.0}}), &[]);
        check(json!({"slo": {"burnrate": "3"}}), &[]);
        check(json!({"slo": {"latency_p95": 301}, "capacity": {"cpu": 71}}), &[SCALE_OUT]);
        check(json!({"slo": {"latency_p95": 301}, "capacity": {"cpu": 70}}), &[]);
        check(json!({"slo": {"latency_p95": 301}}), &[]);
    }

    #[test]
    fn every_action_cools_down_for_ten_minutes_and_rollback_goes_first() {
        let burning = |last: u64| json!({"slo": {"burnrate": 9}, "last": {"pause_rollout": last}});
        check(burning(NOW - COOLDOWN_NS), &[PAUSE_ROLLOUT]);
        check(burning(NOW - COOLDOWN_NS + 1), &[]);
        check(burning(NOW + 1), &[]);
        check(json!({"slo": {"burnrate": 9}, "rollout": {"rollback": true}}), &[ROLLBACK]);
        check(json!({"slo": {"burnrate": 9}, "dry_run": true}), &[]);
    }

    #[test]
    fn what_is_in_force_is_taken_back_after_fifteen_green_minutes() {
        let green = |since: u64| json!({"slo": {"green_since": since}, "active": {"scale_out": 1}});
        assert_eq!(revert(&green(NOW - GREEN_NS), NOW).len(), 1);
        assert_eq!(revert(&green(NOW - GREEN_NS + 1), NOW).len(), 0);
        assert_eq!(revert(&json!({"active": {"scale_out": 1}}), NOW).len(), 0);
    }
}
