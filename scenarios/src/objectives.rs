//! What was promised to each tenant in each cell, held against what it got: verdict, error budget, alerts, canary rule.
//!
//! An objective that nobody measures has a row too, and that says NO_DATA: what is promised and not looked at is the
//! promise that breaks first. The swarm's weather is far worse than any that was promised for, so its figures are shown
//! and not judged.

use models::config::slos::P95;
use models::config::{Inputs, Slos};
use models::platform::{Mirrors, home_cell};
use sim::measure::{
    AlertState, BurnPolicy, CanaryRule, CanaryVerdict, Judgement, Objective, RunTallies, Tally, Timeline, Windows,
    judge_quantile_runs, judge_runs,
};
use sim::record::{
    AlertRecord, BudgetRecord, CALM, CanaryRecord, PlanRecord, SERVING_WINDOW_NS, SWARM, SeedsRecord, Serving,
    SloBound, SloRecord, SloVerdict,
};
use sim::{Duration, Instant};
use std::collections::BTreeSet;

/// One minus the confidence of every interval and bound.
pub const ALPHA: f64 = 0.05;

/// The 95th percentile, in hundredths of a percent.
const P95_PERMYRIAD: u32 = 9_500;

/// The windows that requests are counted in.
const WIDTH: Duration = Duration(SERVING_WINDOW_NS);

/// Objectives that requests are measured for.
const MEASURED: [&str; 2] = ["SLO-01", "SLO-02"];

/// What every number of a record rests on.
const ASSUMPTIONS: [&str; 4] = [
    "Every bound holds over the pinned generator of scenarios, configuration and code named here, and not over \
     production.",
    "The unit of analysis is the seed: requests of one run go well or badly together, so an interval is taken of as \
     many independent requests as would say as much (design effect between runs, Korn and Graubard 1998).",
    "While no run has a bad event, no spread between runs can be seen: the bound on seeds says how much was tried.",
    "Each interval holds at 95 % by itself, not all of them together.",
];

/// What was fixed before the first run.
pub fn plan(settings: &crate::prove::Settings) -> PlanRecord {
    PlanRecord {
        seed_first: settings.seed_base.to_string(),
        calm_seeds: settings.calm_seeds,
        swarm_seeds: settings.swarm_seeds,
        swarm_seeds_min: settings.swarm_floor,
        alpha: ALPHA,
        events_min: settings.inputs.platform.slos.requests_min,
        stop_rule:
            "All seeds of the plan, whatever they show; an ablation ends at its first breach; a time budget may \
                    end the swarm early, and below its least number of seeds a scenario proves nothing."
                .into(),
        assumptions: ASSUMPTIONS.map(String::from).to_vec(),
    }
}

/// Every objective, for every tenant in its cell: in the calm, and under each attack.
pub fn judged(inputs: &Inputs, serving: &[(String, Serving)]) -> Vec<SloRecord> {
    let slos = &inputs.platform.slos;
    let mut rows = Vec::new();
    let absent = absent(inputs, serving);
    let measured = serving.iter().filter(|(condition, _)| condition != SWARM).map(|(c, s)| (c.as_str(), s));
    for (condition, serving) in absent.iter().map(|serving| (CALM, serving)).chain(measured) {
        rows.push(success(slos, condition, serving));
        rows.push(latency(slos, condition, serving));
        rows.extend(mirror_lag(inputs, condition, serving));
        if condition == CALM {
            rows.extend(unwatched(slos, serving));
        }
    }
    rows.sort_by(|a, b| key(a).cmp(&key(b)));
    rows
}

/// Objectives in the calm that have no measurement, of tenants that some scenario serves; of all tenants, where none
/// does.
pub fn unmeasured<'a>(slos: &'a [SloRecord], serving: &[(String, Serving)]) -> Vec<&'a SloRecord> {
    let served: BTreeSet<&str> = serving.iter().map(|(_, s)| s.tenant.as_str()).collect();
    let silent = |slo: &&SloRecord| {
        slo.condition == CALM && slo.verdict == SloVerdict::NoData && MEASURED.contains(&slo.requirement.as_str())
    };
    slos.iter().filter(silent).filter(|slo| served.is_empty() || served.contains(slo.tenant.as_str())).collect()
}

/// Calm first, then attacks; tenants and cells in order, then their objectives.
fn key(slo: &SloRecord) -> (bool, &str, &str, &str, &str) {
    (slo.condition != CALM, &slo.condition, &slo.tenant, &slo.cell, &slo.requirement)
}

/// Configured tenants that nothing was counted for in the calm, at home.
fn absent(inputs: &Inputs, serving: &[(String, Serving)]) -> Vec<Serving> {
    let calm: BTreeSet<&str> =
        serving.iter().filter(|(condition, _)| condition == CALM).map(|(_, s)| s.tenant.as_str()).collect();
    let tenants = inputs.tenants.tenants.iter().filter(|t| !calm.contains(&*t.id));
    let silent = |t: &models::config::Tenant| Serving {
        tenant: t.id.to_string(),
        cell: home_cell(&inputs.platform, t).to_string(),
        ..Serving::default()
    };
    tenants.map(silent).collect()
}

/// SLO-01.
fn success(slos: &Slos, condition: &str, serving: &Serving) -> SloRecord {
    let objective = slos.api_success;
    let runs = &serving.spread.success;
    let judged = judge_runs(runs, objective, ALPHA, slos.requests_min);
    let timeline = timeline(serving.answered());
    let (bound, words) = at_least(objective, "API success");
    let row = row("SLO-01", words, bound, condition, serving, judged);
    SloRecord { canary: Some(canary(&slos.canary_rule(), &timeline)), ..watched(row, slos, objective, runs, &timeline) }
}

/// SLO-02, which promises of a hundred answers that five may be slower.
fn latency(slos: &Slos, condition: &str, serving: &Serving) -> SloRecord {
    let runs = &serving.spread.latency;
    let judged = judge_quantile_runs(&serving.latency, runs, P95_PERMYRIAD, slos.p95_query, ALPHA, slos.requests_min);
    let timeline = timeline(serving.quick());
    let (bound, words) = at_most(slos.p95_query, "p95 latency <");
    watched(row("SLO-02", words, bound, condition, serving, judged), slos, P95, runs, &timeline)
}

/// EVT-04: how long events are on their way into the other cell. Of tenants whose cell has no mirror, and of events
/// that never leave their region, nothing is promised.
fn mirror_lag(inputs: &Inputs, condition: &str, serving: &Serving) -> Option<SloRecord> {
    let slos = &inputs.platform.slos;
    let is_source = Mirrors::default().ways(&inputs.platform).iter().any(|(from, _)| *from.id == *serving.cell);
    let (bound, words) = at_most(slos.p95_mirror_lag, "p95 mirror lag ≤");
    if serving.mirrored.is_empty() {
        let silent = condition == CALM && is_source;
        return silent.then(|| row("EVT-04", words, bound, condition, serving, NOTHING));
    }
    let runs = &serving.spread.mirrored;
    let limit = slos.p95_mirror_lag;
    let judged = judge_quantile_runs(&serving.mirrored, runs, P95_PERMYRIAD, limit, ALPHA, slos.requests_min);
    let all = runs.total();
    Some(SloRecord {
        bad: all.bad,
        seeds: SeedsRecord::of(runs),
        budget: BudgetRecord::of(all, P95, slos.budget_window),
        ..row("EVT-04", words, bound, condition, serving, judged)
    })
}

/// What a judgement of no event says.
const NOTHING: Judgement = Judgement { total: 0, estimate: 0.0, low: 0.0, high: 0.0, verdict: SloVerdict::NoData };

fn timeline(counts: Vec<Tally>) -> Timeline {
    Windows::from_counts(WIDTH, counts.into_iter().map(<(u64, u64)>::from)).timeline()
}

/// SLO-03 to SLO-05: promised, and measured by nothing that is modelled.
fn unwatched(slos: &Slos, serving: &Serving) -> [SloRecord; 3] {
    let of =
        |requirement: &str, (bound, words): (SloBound, String)| row(requirement, words, bound, CALM, serving, NOTHING);
    [
        of("SLO-03", at_least(slos.job_success, "job success")),
        of("SLO-04", at_least(slos.index_available, "transparency index availability")),
        of("SLO-05", at_most(slos.p95_diff_audit_lag, "p95 diff-audit lag ≤")),
    ]
}

fn at_least(objective: Objective, what: &str) -> (SloBound, String) {
    (SloBound::RatioAtLeast(f64::from(objective.good_ppm()) / 1e6), format!("{what} ≥ {objective}"))
}

fn at_most(limit: Duration, what: &str) -> (SloBound, String) {
    let seconds = limit.as_millis() as f64 / 1e3;
    (SloBound::SecondsAtMost(seconds), format!("{what} {seconds} s"))
}

fn row(
    requirement: &str,
    objective: String,
    bound: SloBound,
    condition: &str,
    serving: &Serving,
    judged: Judgement,
) -> SloRecord {
    SloRecord {
        requirement: requirement.into(),
        objective,
        bound: Some(bound),
        tenant: serving.tenant.clone(),
        cell: serving.cell.clone(),
        condition: condition.into(),
        total: judged.total,
        estimate: judged.estimate,
        low: judged.low,
        high: judged.high,
        verdict: judged.verdict,
        bad: 0,
        seeds: None,
        budget: None,
        alerts: Vec::new(),
        canary: None,
    }
}

/// The row with what its seeds say, its budget and its alerts, if anything was counted.
fn watched(row: SloRecord, slos: &Slos, objective: Objective, runs: &RunTallies, timeline: &Timeline) -> SloRecord {
    let all = runs.total();
    SloRecord {
        bad: all.bad,
        seeds: SeedsRecord::of(runs),
        budget: BudgetRecord::of(all, objective, slos.budget_window),
        alerts: alerts(&slos.policy(objective), objective, timeline),
        ..row
    }
}

fn alerts(policy: &BurnPolicy, objective: Objective, timeline: &Timeline) -> Vec<AlertRecord> {
    let end = timeline.end();
    let states: Vec<AlertState> = policy.states(timeline, end).map(|(_, state)| state).collect();
    let mut fired: Vec<Option<u64>> = vec![None; states.len()];
    for now in timeline.ends() {
        for (at, (_, state)) in policy.states(timeline, now).enumerate() {
            if state == AlertState::Firing {
                fired[at] = fired[at].or(Some(seconds(now)));
            }
        }
    }
    let rules = policy.rules().iter().zip(states).zip(fired);
    rules.map(|((rule, state), fired)| AlertRecord::at_end(rule, objective, timeline, state, fired)).collect()
}

/// What the rule for canaries would have done, had this traffic been a canary's.
fn canary(rule: &CanaryRule, timeline: &Timeline) -> CanaryRecord {
    let tripped = rule.first_trip(timeline);
    CanaryRecord {
        rate: rule.rate().to_string(),
        window_s: rule.window().as_millis() / 1_000,
        verdict: tripped.map_or_else(|| rule.judge(timeline, timeline.end()), |_| CanaryVerdict::RollBack),
        tripped_at_s: tripped.map(seconds),
    }
}

/// Whole seconds since the start of a run: windows end on them.
fn seconds(at: Instant) -> u64 {
    at.as_nanos() / WIDTH.as_nanos()
}

#[cfg(test)]
mod tests;
