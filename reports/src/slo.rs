//! Objectives and serving figures by condition: what was asked of each tenant in each cell, and what it got.
//!
//! Rows arrive judged; nothing here decides anything. The plots' numbers come from the serving figures alone.

use crate::text::{self, count, plural};
use sim::measure::{AlertState, Latency, Severity, Tally};
use sim::record::{AlertRecord, CALM, GateRecord, SWARM, Serving, SloBound, SloRecord, SloVerdict};
use std::collections::BTreeMap;

/// A tenant in a cell.
pub type Place<'a> = (&'a str, &'a str);

/// How the events that count for an objective are found among the serving figures, by window.
pub type Indicator = fn(&Serving) -> Vec<Tally>;

/// What measures an objective; nothing, where nothing does.
pub fn indicator(requirement: &str) -> Option<Indicator> {
    match requirement {
        "SLO-01" => Some(Serving::answered),
        "SLO-02" => Some(Serving::quick),
        _ => None,
    }
}

/// Everything measured under one condition.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition<'a> {
    /// `calm`, `swarm`, or an attack's scenario name.
    pub name: &'a str,
    /// (requirement, objective), in order of requirement.
    pub objectives: Vec<(&'a str, &'a str)>,
    /// One row per tenant and cell: a judgement per objective.
    pub rows: Vec<(Place<'a>, Vec<Option<&'a SloRecord>>)>,
    /// Serving figures, one per tenant and cell.
    pub serving: Vec<&'a Serving>,
}

impl Condition<'_> {
    /// How many judgements came out so.
    pub fn count(&self, verdict: SloVerdict) -> usize {
        self.rows.iter().flat_map(|(_, cells)| cells).flatten().filter(|s| s.verdict == verdict).count()
    }

    /// The success ratio that is promised, if the record names one.
    pub fn success_bound(&self) -> Option<f64> {
        self.bounds("SLO-01").find_map(|b| if let SloBound::RatioAtLeast(r) = b { Some(r) } else { None })
    }

    /// The latency that is promised, in seconds, if the record names one.
    pub fn latency_bound(&self) -> Option<f64> {
        self.bounds("SLO-02").find_map(|b| if let SloBound::SecondsAtMost(s) = b { Some(s) } else { None })
    }

    fn bounds<'s>(&'s self, requirement: &'s str) -> impl Iterator<Item = SloBound> + 's {
        let judged = self.rows.iter().flat_map(|(_, cells)| cells).flatten();
        judged.filter(move |s| s.requirement == requirement).filter_map(|s| s.bound)
    }
}

/// Conditions of the record: calm, swarm, then attacks by name.
pub fn conditions(record: &GateRecord) -> Vec<Condition<'_>> {
    let named = record.slos.iter().map(|s| s.condition.as_str()).chain(record.serving.iter().map(|(c, _)| c.as_str()));
    let mut names: Vec<&str> = named.collect();
    names.sort_by_key(|name| (order(name), *name));
    names.dedup();
    names.into_iter().map(|name| condition(record, name)).collect()
}

fn order(condition: &str) -> u8 {
    match condition {
        CALM => 0,
        SWARM => 1,
        _ => 2,
    }
}

fn condition<'a>(record: &'a GateRecord, name: &'a str) -> Condition<'a> {
    let slos: Vec<&SloRecord> = record.slos.iter().filter(|s| s.condition == name).collect();
    let mut objectives: Vec<(&str, &str)> =
        slos.iter().map(|s| (s.requirement.as_str(), s.objective.as_str())).collect();
    objectives.sort_unstable();
    objectives.dedup();
    let mut rows: BTreeMap<Place<'_>, Vec<Option<&SloRecord>>> = BTreeMap::new();
    for slo in slos {
        let row = rows.entry((&slo.tenant, &slo.cell)).or_insert_with(|| vec![None; objectives.len()]);
        let at = objectives.iter().position(|o| *o == (slo.requirement.as_str(), slo.objective.as_str()));
        row[at.expect("objectives were collected from these rows")] = Some(slo);
    }
    let mut serving: Vec<&Serving> = record.serving.iter().filter(|(c, _)| c == name).map(|(_, s)| s).collect();
    serving.sort_by_key(|s| (s.tenant.as_str(), s.cell.as_str()));
    Condition { name, objectives, rows: rows.into_iter().collect(), serving }
}

/// A value in the unit of its objective.
pub fn value(slo: &SloRecord, x: f64) -> String {
    match slo.bound {
        Some(SloBound::SecondsAtMost(_)) => text::seconds(x),
        Some(SloBound::RatioAtLeast(_)) => text::percent_fixed(x),
        // Records made before bounds were written: a ratio is the only unit that says so in its sentence.
        None if slo.objective.contains('%') => text::percent_fixed(x),
        None => text::seconds(x),
    }
}

/// The interval in words, or nothing when nothing was measured.
pub fn interval(slo: &SloRecord) -> Option<String> {
    let measured = slo.verdict != SloVerdict::NoData && slo.total > 0;
    measured.then(|| format!("{} – {}", value(slo, slo.low), value(slo, slo.high)))
}

/// What a number rests on: `25 920 events of 248 runs, 3 with a bad one (p ≤ 3.1 %)`. Events of one run go well or
/// badly together, so the runs are what counts; p is the probability that a fresh seed has a bad event.
pub fn rests_on(slo: &SloRecord) -> String {
    let events = plural(slo.total, "event");
    let Some(seeds) = slo.seeds else { return events };
    let with_bad = match seeds.with_bad {
        0 => "none with a bad one".to_string(),
        n => format!("{} with a bad one", count(n)),
    };
    let bound = text::probability(seeds.with_bad_bound_95);
    format!("{events} of {}, {with_bad} (p ≤ {bound})", plural(seeds.runs, "run"))
}

/// How much of the error budget was spent, and what rings: `12 %; page at 14.4`. Empty when nothing was counted.
pub fn budget(slo: &SloRecord) -> String {
    let Some(budget) = slo.budget else { return String::new() };
    let spent = match budget.spent_ppm {
        spent if spent > 99_000_000 => "> 9 900 %".to_string(),
        spent => format!("{} %", spent.div_ceil(10_000)),
    };
    let rung = slo.alerts.iter().filter(|alert| alert.fired_at_s.is_some() || alert.state == AlertState::Firing);
    let loudest = rung.map(|alert| format!("; {} at {}", severity(alert), alert.rate)).next();
    spent + loudest.as_deref().unwrap_or_default()
}

fn severity(alert: &AlertRecord) -> &'static str {
    match alert.severity {
        Severity::Page => "page",
        Severity::Ticket => "ticket",
    }
}

/// Rows that measured nothing, told together where only the tenant differs: (the first of them, all tenants).
pub fn silent<'a>(condition: &Condition<'a>) -> Vec<(&'a SloRecord, Vec<&'a str>)> {
    let mut groups: Vec<(&SloRecord, Vec<&str>)> = Vec::new();
    let rows = condition.rows.iter().flat_map(|(_, cells)| cells).flatten().copied();
    for slo in rows.filter(|s| s.verdict == SloVerdict::NoData) {
        let same = |(first, _): &&mut (&SloRecord, Vec<&str>)| {
            (&first.requirement, &first.objective, first.total) == (&slo.requirement, &slo.objective, slo.total)
        };
        match groups.iter_mut().find(same) {
            Some((_, tenants)) => tenants.push(&slo.tenant),
            None => groups.push((slo, vec![&slo.tenant])),
        }
    }
    groups.iter_mut().for_each(|(_, tenants)| tenants.dedup());
    groups.sort_by_key(|(slo, _)| (slo.requirement.as_str(), slo.objective.as_str()));
    groups
}

/// A quantile in microseconds; `permyriad` is in ten-thousandths (9 500 is p95).
pub fn quantile_us(latency: &Latency, permyriad: u32) -> u64 {
    latency.quantile(permyriad).as_micros()
}

/// Windows that one bucket has to hold, so that the longest run of a condition fits into `max` buckets.
pub fn bucket_width(serving: &[&Serving], max: usize) -> usize {
    let longest = serving.iter().map(|s| s.windows.len()).max().unwrap_or(0);
    longest.div_ceil(max.max(1)).max(1)
}

/// (good, bad) per bucket of so many windows. The last one may hold fewer.
pub fn buckets(windows: &[(u32, u32)], width: usize) -> Vec<(u64, u64)> {
    let sum = |chunk: &[(u32, u32)]| {
        chunk.iter().fold((0, 0), |(good, bad), w| (good + u64::from(w.0), bad + u64::from(w.1)))
    };
    windows.chunks(width.max(1)).map(sum).collect()
}

/// The share of the error budget that was spent by the end of each bucket. The budget is what `promised` allows of the
/// requests that were made; 1.0 is all of it.
pub fn budget_spent(buckets: &[(u64, u64)], promised: f64) -> Vec<f64> {
    let total: u64 = buckets.iter().map(|(good, bad)| good + bad).sum();
    let allowed = total as f64 * (1.0 - promised);
    let mut bad_so_far = 0;
    let spent = |(_, bad): &(u64, u64)| {
        bad_so_far += bad;
        match (bad_so_far, allowed > 0.0) {
            (0, _) => 0.0,
            (_, false) => f64::MAX,
            (bad, true) => bad as f64 / allowed,
        }
    };
    buckets.iter().map(spent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_folded_into_few_buckets_and_loses_no_request() {
        let windows: Vec<(u32, u32)> = (0..1_000).map(|i| (10, i % 2)).collect();
        let serving = Serving { windows: windows.clone(), ..Serving::default() };
        assert_eq!(bucket_width(&[&serving], 120), 9);
        let buckets = buckets(&windows, 9);
        assert_eq!(buckets.len(), 112);
        assert_eq!(buckets.iter().map(|b| b.0).sum::<u64>(), 10_000);
        assert_eq!(buckets.iter().map(|b| b.1).sum::<u64>(), 500);
    }

    #[test]
    fn the_budget_is_spent_when_as_many_failed_as_the_promise_allows() {
        let spent = budget_spent(&[(500, 0), (499, 1)], 0.999);
        assert_eq!(spent[0], 0.0);
        assert!((spent[1] - 1.0).abs() < 1e-9, "{spent:?}");
    }

    #[test]
    fn no_budget_at_all_is_overspent_by_the_first_failure_and_never_before() {
        assert_eq!(budget_spent(&[(5, 0)], 1.0), [0.0]);
        assert_eq!(budget_spent(&[(5, 1)], 1.0), [f64::MAX]);
    }
}
