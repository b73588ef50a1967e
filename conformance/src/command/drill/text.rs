//! A drill as a person reads it: the story and what it may cost before the run, what it did cost after it.

use crate::exit::Exit;
use crate::terminal::{Paint, Tone, columns, hang};
use crate::timeline;
use reports::text;
use scenarios::drill::expect::{Expectation, Objective, Window};
use scenarios::drill::outcome::{Comparison, Outcome};
use scenarios::drill::toll::ALL_PPM;
use scenarios::drill::{Drill, Ran};
use sim::Instant;
use sim::record::SloVerdict;
use std::collections::BTreeSet;

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Reasons that are told of a window; the others are counted.
const REASONS_MAX: usize = 3;

/// What happens, and what is expected: said before anything runs.
pub fn before(drill: &Drill, paint: Paint) -> String {
    let head = format!("Drill, seed {}: {} of traffic", drill.seed, time(drill.story.length));
    let mut out = format!("{}\n\n", paint.tone(Tone::Loud, &head));
    let mut faults = drill.story.faults.iter();
    for incident in &drill.story.incidents {
        let own: Vec<_> = faults.by_ref().take(incident.faults).collect();
        let from = own.iter().map(|f| f.from).min().unwrap_or(Instant::ZERO);
        out.push_str(&hang(&format!("{:>10}  ", time(from)), &incident.title, COLUMNS));
        for fault in own {
            let strength = if fault.strength == 0 { String::new() } else { format!(" {}", fault.strength) };
            let (from, until) = (time(fault.from), time(fault.until));
            let told = format!("{}{strength} on {}, {from} – {until}", fault.kind, fault.target);
            out.push_str(&hang(&" ".repeat(14), &told, COLUMNS));
        }
    }
    if drill.story.incidents.is_empty() {
        out.push_str("Nothing happens.\n");
    }
    out.push_str("\nExpected\n");
    let rows: Vec<Vec<String>> = drill.expectations.iter().map(expected).collect();
    for row in columns(&rows, &[]) {
        out.push_str(&format!("  {row}\n"));
    }
    for (cell, tenants, expectation) in costs(&drill.expectations) {
        out.push_str(&format!("\nWhat may fail for {} in {cell}\n", tenants.join(", ")));
        for (window, reasons) in merged(&expectation.windows) {
            let span = format!("{:>4} s – {} s", window.0, window.1);
            let lead = format!("  {span:<16} {:>5}  ", text::percent(window.2 as f64 / ALL_PPM as f64));
            out.push_str(&hang(&lead, &reasons, COLUMNS));
        }
    }
    out.push('\n');
    out
}

fn expected(e: &Expectation) -> Vec<String> {
    let word = |objective: Objective| match e.verdict(objective) {
        SloVerdict::Met => "met",
        _ => "may be missed",
    };
    vec![
        e.tenant.clone(),
        e.cell.clone(),
        format!("SLO-01 {}", word(Objective::Success)),
        format!("SLO-02 {}", word(Objective::Latency)),
    ]
}

/// Cells of which something may fail, with their tenants: these share their windows.
fn costs(expectations: &[Expectation]) -> Vec<(&str, Vec<&str>, &Expectation)> {
    let mut costs: Vec<(&str, Vec<&str>, &Expectation)> = Vec::new();
    for e in expectations.iter().filter(|e| !e.windows.is_empty()) {
        match costs.iter_mut().find(|(cell, ..)| *cell == e.cell) {
            Some((_, tenants, _)) => tenants.push(&e.tenant),
            None => costs.push((&e.cell, vec![&e.tenant], e)),
        }
    }
    costs
}

/// From which second until which, and which share may fail.
type Price = (u64, u64, u64);

/// Windows that follow each other at one price, as from, until and price, with the reasons that weigh most.
fn merged(windows: &[Window]) -> Vec<(Price, String)> {
    let mut rows: Vec<(Price, Vec<&str>)> = Vec::new();
    for window in windows {
        let because = window.because.iter().map(String::as_str);
        match rows.last_mut() {
            Some((last, reasons)) if last.1 == window.from_s && last.2 == window.fails_ppm => {
                last.1 = window.until_s;
                reasons.extend(because);
            }
            _ => rows.push(((window.from_s, window.until_s, window.fails_ppm), because.collect())),
        }
    }
    let told = |(row, mut reasons): (Price, Vec<&str>)| {
        let mut seen = BTreeSet::new();
        reasons.retain(|reason| seen.insert(*reason));
        let more = reasons.len().saturating_sub(REASONS_MAX);
        reasons.truncate(REASONS_MAX);
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        (row, reasons.join("; ") + &rest)
    };
    rows.into_iter().map(told).collect()
}

/// `13.782 s`: stories are told in whole milliseconds.
fn time(at: Instant) -> String {
    format!("{}.{:03} s", at.0 / 1_000_000_000, at.0 / 1_000_000 % 1_000)
}

/// What came of it.
pub fn after(drill: &Drill, ran: &Ran, exit: Exit, again: &str, paint: Paint) -> String {
    let mut out = String::from("Seen\n");
    let head = ["tenant", "objective", "expected", "seen", "", "failed", "may fail"].map(String::from).to_vec();
    let mut rows = vec![head];
    rows.extend(ran.outcomes.iter().map(seen));
    for (i, row) in columns(&rows, &[5, 6]).into_iter().enumerate() {
        let tone = match i.checked_sub(1).map(|i| ran.outcomes[i].comparison) {
            Some(Comparison::Worse) => Tone::Bad,
            Some(Comparison::Undecided) => Tone::Open,
            _ => Tone::Quiet,
        };
        let row = format!("  {row}");
        let plain = matches!(tone, Tone::Quiet) && i > 0;
        out.push_str(&if plain { row } else { paint.tone(tone, &row) });
        out.push('\n');
    }
    let told = |o: &&Outcome| o.comparison > Comparison::Better;
    for outcome in ran.outcomes.iter().filter(told) {
        let lead = format!("  {} {}: ", outcome.tenant, outcome.objective.requirement());
        out.push_str(&hang(&lead, &outcome.why, COLUMNS));
    }
    for beside in &ran.beside {
        let observed = &beside.observed;
        let told = format!(
            "observed {}, expected {}, simulated {}: {}{}",
            observed.verdict,
            verdict(beside.expected),
            beside.simulated,
            beside.comparison.words(),
            if beside.is_contradiction { "; simulation and reality contradict each other" } else { "" },
        );
        out.push_str(&hang(&format!("  {} {}: ", observed.tenant, observed.objective.requirement()), &told, COLUMNS));
    }
    out.push('\n');
    out.push_str(&timeline::facts(&ran.record, paint));
    out.push_str(&format!("\n{}\n", ending(exit, ran)));
    if !ran.record.token.is_empty() && drill.is_drawn() {
        out.push_str(&format!("cellproof replay {}\n", ran.record.token));
    }
    out.push_str(&format!("{again}\n"));
    out
}

/// How it ended, in a sentence.
fn ending(exit: Exit, ran: &Ran) -> String {
    let worse = ran.outcomes.iter().filter(|o| o.comparison == Comparison::Worse).count();
    match exit {
        Exit::Held => "exit 0: the drill cost no more than was said".into(),
        Exit::Broken if worse > 0 => {
            format!("exit 1: {worse} of {} objectives worse than was said", ran.outcomes.len())
        }
        other => other.words().into(),
    }
}

fn seen(o: &Outcome) -> Vec<String> {
    let (failed, may_fail) = match o.objective {
        Objective::Success => {
            let (bad, total) = (o.inside.bad + o.outside.bad, o.inside.total + o.outside.total);
            (format!("{bad} of {total}"), o.inside.may_fail.to_string())
        }
        Objective::Latency => (format!("{:.0} ms", o.estimate * 1e3), String::new()),
    };
    vec![
        o.tenant.clone(),
        o.objective.requirement().into(),
        verdict(o.expected),
        o.seen.to_string(),
        o.comparison.words().into(),
        failed,
        may_fail,
    ]
}

/// An expected verdict: nothing has to be missed.
fn verdict(expected: SloVerdict) -> String {
    if expected == SloVerdict::Missed { "any".into() } else { expected.to_string() }
}
