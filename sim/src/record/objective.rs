//! An objective, judged: the number, what it rests on, its error budget, and the alerts that would have rung.
//!
//! Verdict, budget and alerts come from the same counts. A ratio of a period is Σbad / Σtotal, never a mean of ratios.

use crate::measure::{
    AlertRule, AlertState, BurnRate, CanaryVerdict, Objective, RunTallies, Severity, Tally, Timeline,
};
use crate::measure::{bounds, budget_spent_ppm, burn_rate};
use crate::record::SloVerdict;
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// Guards on, no faults, over all scenarios: the condition that promises are made for.
pub const CALM: &str = "calm";

/// Guards on, drawn faults, over all scenarios.
pub const SWARM: &str = "swarm";

/// The number that an objective names, with its direction and unit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SloBound {
    /// The estimate is a ratio and has to be at least this.
    RatioAtLeast(f64),
    /// The estimate is a time and has to be at most this many seconds.
    SecondsAtMost(f64),
}

/// An objective, judged for one tenant in one cell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SloRecord {
    /// `SLO-01`.
    pub requirement: String,
    /// `API success ≥ 99.9 %`.
    pub objective: String,
    /// The same as a number, so that no reader has to parse the sentence.
    #[serde(default)]
    pub bound: Option<SloBound>,
    /// Tenant id.
    pub tenant: String,
    /// Cell.
    pub cell: String,
    /// Under which passes it was measured: [`CALM`], [`SWARM`], or an attack's scenario name.
    pub condition: String,
    /// Events counted.
    pub total: u64,
    /// Point estimate, in the objective's unit (a ratio, or seconds).
    pub estimate: f64,
    /// 95 % interval: lower end.
    pub low: f64,
    /// 95 % interval: upper end.
    pub high: f64,
    /// The verdict.
    pub verdict: SloVerdict,
    /// Events that were not as promised, of those counted.
    #[serde(default)]
    pub bad: u64,
    /// What the seeds behind the number say. Absent when nothing was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<SeedsRecord>,
    /// The error budget. Absent when nothing was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRecord>,
    /// Multi-window burn-rate alerts, most urgent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertRecord>,
    /// What the rule for canaries says of this traffic. Absent for objectives that it does not watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRecord>,
}

/// Seeds are the unit of analysis: what they say of an objective.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct SeedsRecord {
    /// Runs that counted anything.
    pub runs: u64,
    /// Of these, runs in which at least one event was bad.
    pub with_bad: u64,
    /// One-sided upper 95 % confidence bound (Clopper–Pearson) on the probability that a fresh seed has a bad event.
    pub with_bad_bound_95: f64,
    /// Independent events that say as much as those counted: what the interval was taken of. Fewer than were counted
    /// when bad ones come in the same runs.
    pub effective: u64,
}

/// How much of an error budget was spent.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct BudgetRecord {
    /// Bad events of a million that the objective allows.
    pub allowed_ppm: u32,
    /// Span over which the budget is accounted, in seconds.
    pub period_s: u64,
    /// Share of the budget that was spent, in parts per million: Σbad / (Σtotal × allowed), rounded up. A million is
    /// all of it.
    pub spent_ppm: u64,
    /// The burn rate of all events together: 1 spends the budget in exactly one period.
    pub burn_rate: f64,
}

/// One multi-window burn-rate alert on an objective.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AlertRecord {
    /// What it asks for.
    pub severity: Severity,
    /// The burn rate above which both windows must be: `14.4`.
    pub rate: String,
    /// The long window, in seconds.
    pub long_s: u64,
    /// The short window, in seconds.
    pub short_s: u64,
    /// Burn rate over the long window at the end; null when it holds no event.
    pub long_burn: Option<f64>,
    /// Burn rate over the short window at the end; null when it holds no event.
    pub short_burn: Option<f64>,
    /// What it says at the end.
    pub state: AlertState,
    /// The first second at whose end it fired; null when it never did.
    pub fired_at_s: Option<u64>,
}

/// What the rule that takes a canary back says of some traffic (ROL-02).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CanaryRecord {
    /// The burn rate at which it trips: `86.4`.
    pub rate: String,
    /// The window, in seconds.
    pub window_s: u64,
    /// The verdict: of the first second at whose end it trips, otherwise of the end.
    pub verdict: CanaryVerdict,
    /// The first second at whose end it trips; null when it never does.
    pub tripped_at_s: Option<u64>,
}

impl SeedsRecord {
    /// What runs say, if any counted something.
    pub fn of(runs: &RunTallies) -> Option<SeedsRecord> {
        (runs.runs() > 0).then(|| SeedsRecord {
            runs: runs.runs(),
            with_bad: runs.with_bad(),
            with_bad_bound_95: bounds::upper_bound(runs.with_bad(), runs.runs(), 0.95),
            effective: runs.effective().total(),
        })
    }
}

impl BudgetRecord {
    /// What so many events spent of the objective's budget, if there was any event.
    pub fn of(events: Tally, objective: Objective, period: Duration) -> Option<BudgetRecord> {
        Some(BudgetRecord {
            allowed_ppm: objective.budget_ppm(),
            period_s: period.as_millis() / 1_000,
            spent_ppm: budget_spent_ppm(events.bad, events.total(), objective)?,
            burn_rate: burn_rate(events, objective)?,
        })
    }
}

impl AlertRecord {
    /// What an alert on the objective says at the end of what was counted.
    pub fn at_end(
        (rule, rate): &(AlertRule, BurnRate),
        objective: Objective,
        timeline: &Timeline,
        state: AlertState,
        fired_at_s: Option<u64>,
    ) -> AlertRecord {
        let burn = |span| burn_rate(timeline.before(timeline.end(), span), objective);
        AlertRecord {
            severity: rule.severity,
            rate: rate.to_string(),
            long_s: rule.long.as_millis() / 1_000,
            short_s: rule.short.as_millis() / 1_000,
            long_burn: burn(rule.long),
            short_burn: burn(rule.short),
            state,
            fired_at_s,
        }
    }
}
