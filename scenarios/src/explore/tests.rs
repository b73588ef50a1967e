//! Exploring is deterministic, keeps only what is new, and finds what the canary hides.

use super::*;
use crate::catalogue;

fn settings(seed: u64, runs_max: u64) -> Settings {
    Settings { inputs: Inputs::embedded(), seed, runs_max, is_guided: true, stop_at_first: false }
}

fn explored(name: &str, settings: &Settings) -> Explored {
    explore(settings, catalogue::find(name).expect("it is in the catalogue"), Corpus::default(), &mut ())
}

fn tokens(corpus: &Corpus) -> Vec<&str> {
    corpus.entries.iter().map(|entry| entry.token.as_str()).collect()
}

#[test]
fn the_same_exploration_on_one_thread_and_on_three_keeps_the_same_runs() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let done = pool.install(|| explored("fuzz/cross-tenant", &settings(7, 64)));
        (tokens(&done.corpus).join("\n"), done.features)
    };
    let one = on(1);
    assert_eq!(one, on(3));
    assert!(one.1 > 100, "only {} features", one.1);
}

#[test]
fn what_is_kept_replays_to_what_it_was_kept_for_and_the_minimum_shows_everything() {
    let settings = settings(3, 64);
    let done = explored("stride/disclosure-cache-bleed", &settings);
    let edited = done.corpus.entries.iter().find(|entry| !entry.overrides.is_empty()).expect("an edited run is kept");
    let scenario = catalogue::find("stride/disclosure-cache-bleed").expect("it is in the catalogue");
    let order = Order {
        overrides: edited.overrides.clone(),
        is_shaped: true,
        ..Order::new(scenario, Pass::Swarm, edited.seed)
    };
    let again = execute(&settings.inputs, &order);
    assert_eq!(again.features, edited.features);
    assert_eq!(again.unused, []);
    let minimum = done.corpus.minimised();
    assert!(minimum.len() <= done.corpus.entries.len());
    let shown: BTreeSet<u64> = minimum.iter().flat_map(|entry| entry.features.seen.iter().copied()).collect();
    assert_eq!(shown.len(), done.features);
}

#[test]
fn a_leak_is_found_and_told_once() {
    let done = explored("canary/foreign-row", &settings(1, 40));
    assert_eq!(done.found.len(), 1);
    assert_eq!(done.found[0].record.findings[0].requirement, "TEN-02");
    assert_eq!(done.found[0].after_runs, 1);
}

#[test]
fn an_exploration_goes_on_from_what_an_earlier_one_kept() {
    let first = explored("fuzz/cross-tenant", &settings(9, 64));
    let kept = first.corpus.minimised();
    let kept: Vec<Entry> = kept.iter().map(|e| Entry::kept(e.seed, e.overrides.clone(), e.token.clone())).collect();
    let entries = kept.len() as u64;
    let scenario = catalogue::find("fuzz/cross-tenant").expect("it is in the catalogue");
    let second = explore(&settings(9, entries), scenario, Corpus::of(kept), &mut ());
    assert_eq!((second.runs, second.features), (entries, first.features));
}
