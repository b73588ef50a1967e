//! Traces of simulated runs: clean where the run was, and rejected for the same row where a control was off.

use crate::support::{judge, order, told, told_if};
use conformance::certify::asks;
use conformance::trace::SCHEMA;
use models::catalogue::Probe;
use models::config::Inputs;
use rayon::prelude::*;
use scenarios::claims;
use serde_json::Value;
use sim::record::{Pass, RunRecord};
use std::collections::{BTreeMap, BTreeSet};

/// Seeds of each scenario whose traces must be clean, by pass.
const CLEAN: [(Pass, u64); 2] = [(Pass::Calm, 2), (Pass::Swarm, 2)];

/// Seeds in which a run without a control must break something.
const TRIES: u64 = 8;

/// Oracles of a simulation that no trace can feed, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("availability", "what share of requests went well is judged by figures"),
    ("attempts", "how often a store was asked is no event of a trace"),
    ("fast-fail", "when a dependency was down is told by nobody"),
    ("storage", "events have no size in a trace"),
    ("rehydration", "what an offline cell holds is judged by its bundle"),
    ("backlog", "what a loader is owed is known to the scenario alone"),
    ("genuine", "whose token was genuine is known to the client alone"),
    ("closed", "when nobody can be asked is known to the scenario alone"),
    ("fail-closed", "when a policy was stale is known to the scenario alone"),
    ("console", "what a statement of an operator showed is content"),
    ("convergence", "a graph database states nothing that a trace holds"),
    ("graph-replica", "neither does its replica"),
    ("logical-replica", "nor does one of a relational database"),
    ("masking", "what a reader is shown of a column is content"),
    ("lineage", "so is what is derived from one"),
    ("sharing", "whose session an answer shows, and what was planted in one, is content"),
    ("freshness", "for how long an answer may be stale is known to the scenario alone"),
    ("config-alarm", "when a cell was without news of the control plane is known to the scenario alone"),
    ("request-log", "what somebody did to a database is in no trace"),
    ("blast-radius", "how long an event may take to another cell is known to the scenario alone"),
    ("spillover", "in which order a producer made its events is known to the producer alone"),
    ("slices", "to which slice a store belongs is no field of a trace"),
    ("scaling", "what share of requests went well is judged by figures, and no trace says what an instance is"),
    ("rollout", "which release an instance runs, and which requests were a canary's, is in no trace"),
    ("read-only", "since when tenants may only read is told by the control plane alone"),
];

/// Rows that are asked of evidence by what components did, and not by a trace: `files.rs`, `changes.rs`, `decisions.rs`
/// and `lineage.rs` show it.
const BY_FILES: [&str; 6] = ["CEL-05", "CEL-06", "CLS-01", "POL-03", "POL-04", "TEN-03"];

/// What an event says by its schema, an answer of a graph, a catalogue or a database by its text, is content, and not
/// in a trace. Nor is what a graph holds.
const CONTENT: [&str; 5] = ["EVT-02", "STO-03", "STO-11", "STO-12", "STO-13"];

#[test]
fn a_run_that_held_has_a_clean_trace_and_the_same_run_the_same_bytes() {
    let inputs = Inputs::embedded();
    let all = scenarios::catalogue::ALL.iter().filter(|scenario| !scenario.canary);
    let runs: Vec<_> = all
        .flat_map(|s| CLEAN.iter().flat_map(move |(pass, n)| (1..=*n).map(move |seed| (s.name, *pass, seed))))
        .collect();
    let open: Vec<String> = runs
        .par_iter()
        .flat_map_iter(|(name, pass, seed)| {
            let told = told(&inputs, &order(name, *pass, *seed, &[]));
            assert!(told.record.findings.is_empty(), "{name} {seed}: {:?}", told.record.findings);
            let open = judge(&told.text, &told.terms).open(&told.terms);
            open.into_iter()
                .take(4)
                .map(move |what| format!("{name} {} {seed}: {what}", pass.as_str()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(open, Vec::<String>::new(), "{} of {}", open.len(), runs.len());
    let again = |seed| told(&inputs, &order("stride/repudiation-audit-topics", Pass::Calm, seed, &[])).text;
    assert_eq!(again(3), again(3));
    println!("{} traces of runs that held: nothing found in any", runs.len());
}

#[test]
fn a_run_without_a_control_is_rejected_by_its_trace_for_the_same_row() {
    let inputs = Inputs::embedded();
    let mut tries: BTreeSet<(&str, Vec<&str>)> = BTreeSet::new();
    for row in models::catalogue::rows() {
        for ablation in claims::ablations(row.id).iter().filter(|a| a.breaches()) {
            tries.insert((ablation.scenario.name, ablation.off().iter().map(|c| c.id).collect()));
        }
    }
    let elsewhere = |oracle: &str| ELSEWHERE.iter().any(|(name, _)| *name == oracle);
    // Per set of controls: rows that the simulation breaks by oracles that a trace can feed, and those the trace lacks.
    let results: Vec<(String, usize, Vec<String>)> = tries
        .par_iter()
        .map(|(name, off)| {
            for seed in 1..=TRIES {
                let mut rows = BTreeSet::new();
                let told = told_if(&inputs, &order(name, Pass::Ablation, seed, off), |record| {
                    let found = record.findings.iter().filter(|f| !elsewhere(&f.oracle));
                    rows.extend(found.map(|f| f.requirement.clone()).filter(|row| !CONTENT.contains(&&**row)));
                    !rows.is_empty()
                });
                let Some(told) = told else { continue };
                let judged = judge(&told.text, &told.terms);
                let seen: BTreeSet<String> =
                    judged.verdicts.findings.iter().map(|(f, _)| f.requirement.clone()).collect();
                let missed =
                    rows.difference(&seen).map(|row| format!("{name} without {off:?}, seed {seed}: {row}")).collect();
                return (format!("{name} {off:?}"), rows.len(), missed);
            }
            (format!("{name} {off:?}"), 0, Vec::new())
        })
        .collect();
    let rejected = results.iter().filter(|(_, rows, missed)| *rows > missed.len()).count();
    let unseen = results.iter().filter(|(_, rows, _)| *rows == 0).count();
    let missed: Vec<&String> = results.iter().flat_map(|(.., missed)| missed).collect();
    println!(
        "{} ablations: {rejected} rejected for the row that broke; {unseen} show to no oracle of a trace",
        results.len()
    );
    results.iter().filter(|(_, rows, _)| *rows == 0).for_each(|(what, ..)| println!("  not by trace: {what}"));
    assert_eq!(missed, Vec::<&String>::new());
    assert!(rejected * 2 > results.len(), "{rejected} of {}", results.len());
}

#[test]
fn a_row_that_is_asked_of_evidence_is_so_by_a_trace_without_any_of_its_controls() {
    let inputs = Inputs::embedded();
    let asked: BTreeSet<&str> = asks::of(Probe::Evidence).iter().copied().collect();
    let of_evidence = models::catalogue::rows().iter().filter(|row| row.probes.contains(&Probe::Evidence));
    let ablations = of_evidence.flat_map(|row| {
        let all = claims::ablations(row.id).into_iter().filter(|a| a.breaches());
        all.map(|a| (row.id, a.scenario.name, a.off().iter().map(|c| c.id).collect::<Vec<_>>()))
    });
    let ablations: BTreeSet<(&str, &str, Vec<&str>)> = ablations.collect();
    let is_rejected = |(row, name, off): &(&'static str, &'static str, Vec<&'static str>)| {
        (1..=TRIES).any(|seed| {
            // Without the breach there is nothing to see.
            let is_broken = |record: &RunRecord| record.findings.iter().any(|f| f.requirement == *row);
            told_if(&inputs, &order(name, Pass::Ablation, seed, off), is_broken).is_some_and(|told| {
                judge(&told.text, &told.terms).verdicts.findings.iter().any(|(f, _)| f.requirement == *row)
            })
        })
    };
    let shown: Vec<_> = ablations.par_iter().map(|ablation| (ablation, is_rejected(ablation))).collect();
    let mut rows: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for ((row, ..), rejected) in &shown {
        let (all, seen) = rows.entry(row).or_default();
        *all += 1;
        *seen += usize::from(*rejected);
    }
    rows.iter().for_each(|(row, (all, seen))| println!("{row}: {seen} of {all} ablations are rejected by the trace"));
    let by_trace: BTreeSet<&str> = rows.iter().filter(|(_, (all, seen))| all == seen).map(|(row, _)| *row).collect();
    let claimed: BTreeSet<&str> = asked.into_iter().filter(|row| !BY_FILES.contains(row)).collect();
    // Of others an event may tell too, and the judge notes nothing of them.
    assert!(!claimed.is_empty() && claimed.is_subset(&by_trace), "{claimed:?} of {by_trace:?}");
}

#[test]
fn every_line_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let inputs = Inputs::embedded();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for name in [
        "stride/repudiation-audit-topics",
        "stride/repudiation-sensitive-query",
        "abuse/cache-flooding",
        "stride/disclosure-object-prefix",
    ] {
        let text = told(&inputs, &order(name, Pass::Calm, 1, &[])).text;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let kind = line["event"].as_str().expect("a kind").to_owned();
            let seen = kinds.entry(kind).or_default();
            *seen += 1;
            if *seen <= 50 {
                let wrong = reports::sample::schema::disagreements(&schema, &line);
                assert_eq!(wrong, Vec::<String>::new(), "{line}");
            }
        }
    }
    println!("{kinds:?}");
    let described = schema["oneOf"].as_array().expect("branches").len();
    assert!(kinds.len() >= described - 5, "{kinds:?}");
}
