//! One line of a trace is corrupted, dropped, doubled or moved. In a stream, and in what a request left, that never
//! passes; elsewhere it is counted.

use crate::support::{Told, examine, judge, order, told};
use conformance::trace::mutate::{ALL, Mutation, is_bound, mutate};
use models::config::Inputs;
use rayon::prelude::*;
use serde_json::{Map, Value};
use sim::record::Pass;
use sim::seed::{below, mix};
use std::collections::BTreeMap;

/// Scenarios whose traces are damaged: requests, events, mirrors, decisions, caches, objects, switches of tenant.
const DAMAGED: &[&str] = &[
    "stride/repudiation-audit-topics",
    "stride/repudiation-sensitive-query",
    "chaos/intercell-partition",
    "stride/disclosure-object-prefix",
    "abuse/cache-flooding",
    "abuse/tenant-switching",
];

/// How many damages of each kind are tried where none may pass.
const BOUND: u64 = 100;
/// How many are where they are counted.
const FREE: u64 = 4;

/// How many, unless the environment says more.
fn tries(usual: u64) -> u64 {
    let factor = std::env::var("CELLPROOF_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    usual * factor
}

struct Subject {
    told: Told,
    lines: Vec<String>,
    kinds: Vec<String>,
    bound: Vec<usize>,
    free: Vec<usize>,
}

fn subject(name: &str) -> Subject {
    let told = told(&Inputs::embedded(), &order(name, Pass::Calm, 1, &[]));
    let lines: Vec<String> = told.text.lines().map(str::to_owned).collect();
    let members: Vec<Map<String, Value>> = lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<String> = members.iter().map(|m| m["event"].as_str().expect("a kind").to_owned()).collect();
    let (bound, free): (Vec<usize>, Vec<usize>) = (0..lines.len()).partition(|at| is_bound(&members[*at]));
    let free = free.into_iter().filter(|at| !kinds[*at].starts_with("trace.")).collect();
    Subject { told, lines, kinds, bound, free }
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[test]
fn in_a_stream_or_in_what_a_request_left_no_damage_passes() {
    let subjects: Vec<Subject> = DAMAGED.par_iter().map(|name| subject(name)).collect();
    let n = tries(BOUND);
    let tried: Vec<(Mutation, String, bool)> = (0..n * ALL.len() as u64)
        .into_par_iter()
        .filter_map(|draw| {
            let (mutation, draw) = (ALL[draw as usize % ALL.len()], mix(7, draw));
            let subject = &subjects[below(mix(draw, 11), subjects.len() as u64) as usize];
            let at = subject.bound[below(mix(draw, 12), subject.bound.len() as u64) as usize];
            let damaged = mutate(&subject.lines, at, mutation, draw)?;
            let (mistakes, sealed) = examine(&text(&damaged));
            let is_rejected = !mistakes.is_empty() || !sealed.faults.is_empty() || !sealed.open.is_empty();
            let what =
                format!("{mutation:?} of line {} of {}: {}", at + 1, subject.told.record.scenario, subject.lines[at]);
            Some((mutation, what, is_rejected))
        })
        .collect();
    for mutation in ALL {
        let all = tried.iter().filter(|(m, ..)| *m == mutation).count();
        println!(
            "{:<10} {all} tried, {} passed",
            mutation.word(),
            tried.iter().filter(|(m, _, is)| *m == mutation && !is).count()
        );
        assert!(all as u64 > n / 2);
    }
    let passed: Vec<&String> = tried.iter().filter(|(.., is)| !is).map(|(_, what, _)| what).take(5).collect();
    assert_eq!(passed, Vec::<&String>::new());
}

#[test]
fn elsewhere_what_is_noticed_is_counted_by_kind_of_event() {
    let subjects: Vec<Subject> = DAMAGED.par_iter().map(|name| subject(name)).collect();
    let mut places: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (which, subject) in subjects.iter().enumerate() {
        subject.free.iter().for_each(|at| places.entry(&subject.kinds[*at]).or_default().push((which, *at)));
    }
    let n = tries(FREE);
    let mut table = String::from("event             corrupt     drop  duplicate     swap\n");
    for (kind, places) in &places {
        table.push_str(&format!("{kind:<16}"));
        for mutation in ALL {
            let noticed: Vec<bool> = (0..n)
                .into_par_iter()
                .filter_map(|draw| {
                    let draw = mix(mix(13, draw), mutation as u64);
                    let (which, at) = places[below(mix(draw, 1), places.len() as u64) as usize];
                    let subject = &subjects[which];
                    let damaged = mutate(&subject.lines, at, mutation, draw)?;
                    Some(!judge(&text(&damaged), &subject.told.terms).open(&subject.told.terms).is_empty())
                })
                .collect();
            let rate = noticed.iter().filter(|is| **is).count() * 100 / noticed.len().max(1);
            table.push_str(&format!(" {rate:>6} %"));
        }
        table.push('\n');
    }
    println!("{table}");
    assert!(places.contains_key("row.stored"), "{table}");
}
