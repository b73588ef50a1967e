//! What happens in a run, as a text that is reviewed: the first facts of one calm run.
//!
//! It is meant to change when the platform's behaviour changes, and only then: the difference in a review shows what a
//! change does to a run before any verdict does.

use models::config::Inputs;
use scenarios::catalogue;
use scenarios::prove::{Order, execute};
use sim::machine::Fact;
use sim::record::Pass;
use std::collections::BTreeMap;
use std::fmt::Write;

const FACTS: usize = 60;

#[test]
fn the_first_facts_of_a_calm_run() {
    let scenario = catalogue::find("stride/disclosure-cache-bleed").expect("it is in the catalogue");
    let run = execute(&Inputs::embedded(), &Order { keep: true, ..Order::new(scenario, Pass::Calm, 7) });
    let mut text = String::from("    since last  request  node: fact\n");
    let mut last = sim::Instant::ZERO;
    // Causal ids are hashes; their order of appearance says as much and reads better.
    let mut requests: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in run.journal.entries.iter().take(FACTS) {
        let next = requests.len() + 1;
        let request = requests.entry(entry.cause).or_insert(next);
        let (since, role) = (entry.at.since(last).to_string(), &run.roles[entry.node.0 as usize]);
        writeln!(text, "{since:>14}  {:<7}  {role}: {}", format!("#{request}"), entry.fact.describe())
            .expect("a string grows");
        last = entry.at;
    }
    insta::assert_snapshot!(text);
}
