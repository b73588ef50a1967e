//! `samples.openmetrics`: what was counted for each objective, second by second, in OpenMetrics 1.0.
//!
//! Times are simulated seconds since the start of a run, of all runs of a condition together, and never wall clock. A
//! counter has a sample for its start, which is zero: what increased in a window is then a difference of two samples.

use crate::series::{BAD, EVENTS, LABELS, Series, selector, series};
use sim::record::GateRecord;
use std::fmt::Write;

/// The record as OpenMetrics.
pub fn render(record: &GateRecord) -> String {
    let all = series(record);
    let mut out = String::new();
    let help = "Events that count for an objective, since the simulated start.";
    family(&mut out, &all, (EVENTS, help), |sum| sum.0);
    let help = "Events that count for an objective and were not as promised, since the simulated start.";
    family(&mut out, &all, (BAD, help), |sum| sum.1);
    out + "# EOF\n"
}

fn family(out: &mut String, all: &[Series<'_>], (name, help): (&str, &str), value: fn(&(u64, u64)) -> u64) {
    write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n").expect("memory takes text");
    for one in all {
        let labels: Vec<(&str, &str)> = LABELS.into_iter().zip(one.labels).collect();
        let labels = selector(&labels);
        for (second, sum) in one.sums.iter().enumerate() {
            writeln!(out, "{name}_total{labels} {} {second}", value(sum)).expect("memory takes text");
        }
    }
}
