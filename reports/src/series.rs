//! Objectives as monitoring sees them: two counters for each objective, tenant and cell, and what watches them.
//!
//! Samples, rules and OpenSLO documents are three views of this, so that no name and no window differs between them.
//! The calm that promises are made for and each attack are told apart by a fourth label, which real traffic lacks.

use crate::slo::indicator;
use sim::record::{AlertRecord, GateRecord, Serving, SloRecord};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counter of the events that count for an objective. Its samples end in `_total`, as OpenMetrics demands.
pub const EVENTS: &str = "cellproof_slo_events";
/// Counter of those that were not as promised.
pub const BAD: &str = "cellproof_slo_bad_events";
/// What tells one series from another.
pub const LABELS: [&str; 4] = ["slo", "tenant", "cell", "condition"];

/// What was counted for one objective, tenant, cell and condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series<'a> {
    /// Values of [`LABELS`].
    pub labels: [&'a str; 4],
    /// (events, bad) since the start, at the end of each second. The first is the start itself, with nothing: what
    /// a counter holds at its first sample is lost on Prometheus.
    pub sums: Vec<(u64, u64)>,
}

/// Everything that was counted, in the order of its labels.
pub fn series(record: &GateRecord) -> Vec<Series<'_>> {
    let counted = record.slos.iter().filter(|slo| slo.budget.is_some());
    let mut all: Vec<Series<'_>> = counted.filter_map(|slo| of_row(record, slo)).collect();
    all.sort_by_key(|series| series.labels);
    all
}

fn of_row<'a>(record: &'a GateRecord, slo: &'a SloRecord) -> Option<Series<'a>> {
    let counts = indicator(&slo.requirement)?;
    let same = |c: &str, s: &Serving| (c, &s.tenant, &s.cell) == (slo.condition.as_str(), &slo.tenant, &slo.cell);
    let (_, serving) = record.serving.iter().find(|(condition, serving)| same(condition, serving))?;
    let mut sums = vec![(0, 0)];
    let (mut events, mut bad) = (0, 0);
    for tally in counts(serving) {
        events += tally.total();
        bad += tally.bad;
        sums.push((events, bad));
    }
    Some(Series { labels: [&slo.requirement, &slo.tenant, &slo.cell, &slo.condition], sums })
}

/// An objective that something measures, and what watches its budget.
#[derive(Clone, PartialEq, Debug)]
pub struct Watched<'a> {
    /// `SLO-01`.
    pub requirement: &'a str,
    /// The promise in words.
    pub objective: &'a str,
    /// Bad events of a million that it allows.
    pub allowed_ppm: u32,
    /// Span over which the budget is accounted, in seconds.
    pub period_s: u64,
    /// The rules, most urgent first. What each of them says of one tenant is of no concern here.
    pub alerts: Vec<&'a AlertRecord>,
}

/// Objectives that something has measured, by requirement.
pub fn watched(record: &GateRecord) -> Vec<Watched<'_>> {
    let mut all: BTreeMap<&str, Watched<'_>> = BTreeMap::new();
    for slo in record.slos.iter().filter(|slo| indicator(&slo.requirement).is_some()) {
        let Some(budget) = slo.budget else { continue };
        let (requirement, objective) = (slo.requirement.as_str(), slo.objective.as_str());
        // A rate becomes a part of an expression, so it is a number and nothing else.
        let alerts = slo.alerts.iter().filter(|alert| alert.rate.parse::<f64>().is_ok_and(f64::is_finite)).collect();
        let (allowed_ppm, period_s) = (budget.allowed_ppm, budget.period_s);
        all.entry(requirement).or_insert(Watched { requirement, objective, allowed_ppm, period_s, alerts });
    }
    all.into_values().collect()
}

/// Labels with their values, as Prometheus and OpenMetrics write them: `{slo="SLO-01",tenant="acme"}`.
pub fn selector(labels: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let comma = if i == 0 { "" } else { "," };
        write!(out, "{comma}{name}=\"{value}\"").expect("memory takes text");
    }
    out + "}"
}

/// A span in seconds, as Prometheus and OpenSLO write it: `5m`, `1h`, `3d`. OpenSLO has no word for seconds.
pub fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

/// Parts per million as a decimal fraction, exactly: `0.001`.
pub fn fraction(ppm: u32) -> String {
    let text = format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A scalar of YAML in double quotes: JSON's strings are such.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text serialises")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn spans_and_shares_are_written_exactly() {
        let spans = [300, 1_800, 3_600, 7_200, 86_400, 259_200, 2_592_000, 90].map(span);
        assert_eq!(spans, ["5m", "30m", "1h", "2h", "1d", "3d", "30d", "90s"]);
        assert_eq!([1_000, 50_000, 1, 1_000_000, 0].map(fraction), ["0.001", "0.05", "0.000001", "1", "0"]);
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(selector(&[("a", "x\"}\\\n"), ("b", "y")]), "{a=\"x\\\"}\\\\\\n\",b=\"y\"}");
    }

    #[test]
    fn a_counter_begins_at_nothing_and_ends_at_what_the_record_counted() {
        let record = sample::record();
        let all = series(&record);
        let counted: Vec<&SloRecord> = record.slos.iter().filter(|slo| slo.total > 0).collect();
        assert_eq!(all.len(), counted.len());
        for slo in counted {
            let labels = [&slo.requirement, &slo.tenant, &slo.cell, &slo.condition].map(String::as_str);
            let one = all.iter().find(|one| one.labels == labels).expect("its series");
            assert_eq!(one.sums[0], (0, 0));
            assert!(one.sums.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "counters never fall");
            let (events, bad) = *one.sums.last().expect("the end");
            let burn = bad as f64 * 1e6 / events as f64 / f64::from(slo.budget.expect("a budget").allowed_ppm);
            assert!((burn - slo.budget.expect("a budget").burn_rate).abs() < 1e-9, "{labels:?}");
        }
    }
}
