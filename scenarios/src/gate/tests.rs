//! The exit code and the objectives, on hand-made records.

use super::*;
use models::config::Inputs;
use sim::Duration;
use sim::measure::Latency;
use sim::record::PassRecord;
use std::collections::BTreeMap;

fn settings() -> Settings {
    Settings {
        inputs: Inputs::embedded(),
        seed_base: 0,
        nonce: String::new(),
        calm_seeds: 1,
        swarm_seeds: 4,
        swarm_floor: 4,
        ablation_seeds: 1,
        interference_pairs: 1,
        compare_every: 20,
        ablate: true,
        corpus: Vec::new(),
    }
}

fn serving(good: u64, bad: u64, ms: u64) -> Serving {
    let mut latency = Latency::default();
    (0..good).for_each(|_| latency.record(Duration::millis(ms)));
    let (tenant, cell) = ("acme".into(), "cell-a".into());
    let windows = vec![(good as u32, bad as u32)];
    let slow = if ms > 1_500 { vec![(0, good as u32)] } else { Vec::new() };
    Serving { tenant, cell, good, bad, latency, windows, slow, ..Serving::default() }.of_one_run()
}

fn scenario(name: &str, verdict: ScenarioVerdict, served: Serving) -> ScenarioRecord {
    let pass = PassRecord {
        pass: Pass::Calm,
        runs: 1,
        breaches: 0,
        compared: 1,
        stale: 0,
        events: 10,
        requests: served.good + served.bad,
        simulated_ns: 1,
        serving: vec![served],
        faults: BTreeMap::new(),
        breach_bound_95: 1.0,
        kept: Vec::new(),
    };
    ScenarioRecord {
        name: name.into(),
        title: "A story.".into(),
        threat: String::new(),
        stride: None,
        requirements: vec!["TEN-02".into()],
        verdict,
        why: Vec::new(),
        replay: None,
        canary: name.starts_with("canary/"),
        marks_declared: Vec::new(),
        passes: vec![pass],
        ablations: Vec::new(),
        non_interference: Vec::new(),
    }
}

fn gate() -> Demand {
    Demand { canary: true, objectives: true, rows: Vec::new() }
}

fn check(story: &[(&str, ScenarioVerdict)], demand: Demand, expected: u8) {
    let make = |(name, verdict): &(&str, ScenarioVerdict)| scenario(name, verdict.clone(), serving(5_000, 0, 20));
    let record = assemble(&settings(), story.iter().map(make).collect(), "cellproof gate", &demand);
    assert_eq!(record.exit, expected, "{story:?} {demand:?}");
}

#[test]
fn only_held_scenarios_and_a_failing_canary_are_green() {
    use ScenarioVerdict::*;
    let canary = ("canary/blind", Breach);
    check(&[("a/b", Held), canary.clone()], gate(), 0);
    check(&[("a/b", Held), ("a/c", Breach), canary.clone()], gate(), 1);
    check(&[("a/b", Vacuous), ("a/c", Breach), canary.clone()], gate(), 1);
    for verdict in [Vacuous, Toothless, Nondeterministic, Skipped("no time".into())] {
        check(&[("a/b", Held), ("a/c", verdict), canary.clone()], gate(), 3);
    }
    check(&[("a/b", Held), ("canary/blind", Held)], gate(), 3);
    check(&[("a/b", Held), ("canary/blind", Vacuous)], gate(), 3);
    check(&[("a/b", Held)], gate(), 3);
    check(&[("a/b", Held)], Demand::default(), 0);
    check(std::slice::from_ref(&canary), gate(), 3);
    check(&[], Demand::default(), 3);
    check(&[("a/b", Held), canary], Demand { rows: vec!["TEN-01".into()], ..gate() }, 3);
}

fn gated(served: Serving, demand: &Demand) -> GateRecord {
    let story = vec![scenario("a/b", ScenarioVerdict::Held, served)];
    assemble(&settings(), story, "cellproof run a/b", demand)
}

/// What acme's two measured objectives came to in the calm, and how the gate ended.
fn calm(record: &GateRecord) -> (Vec<SloVerdict>, u8) {
    let is_measured = |s: &SloRecord| ["SLO-01", "SLO-02"].contains(&&*s.requirement);
    let measured = |s: &&SloRecord| is_measured(s) && s.tenant == "acme" && s.condition == CALM;
    let calm = record.slos.iter().filter(measured);
    (calm.map(|s| s.verdict).collect(), record.exit)
}

#[test]
fn an_objective_missed_in_the_calm_breaks_the_gate_and_one_still_open_does_not() {
    use SloVerdict::*;
    let check = |served, expected: [SloVerdict; 2], exit| {
        assert_eq!(calm(&gated(served, &Demand::default())), (expected.to_vec(), exit));
    };
    check(serving(5_000, 0, 20), [Met, Met], 0);
    check(serving(500, 0, 20), [Inconclusive, Met], 0);
    check(serving(900, 100, 20), [Missed, Met], 1);
    check(serving(900, 0, 2_000), [Inconclusive, Missed], 1);
}

#[test]
fn a_total_outage_is_missed_and_too_few_requests_are_no_data() {
    use SloVerdict::*;
    let demand = &Demand { objectives: true, ..Demand::default() };
    assert_eq!(calm(&gated(serving(0, 500, 20), demand)), (vec![Missed, NoData], 1));
    assert_eq!(calm(&gated(serving(99, 0, 20), demand)), (vec![NoData, NoData], 3));
    assert_eq!(calm(&gated(serving(99, 0, 20), &Demand::default())), (vec![NoData, NoData], 0));
    let silent = assemble(&settings(), vec![scenario("a/b", ScenarioVerdict::Held, serving(0, 0, 1))], "x", demand);
    assert_eq!(calm(&silent), (vec![NoData, NoData], 3));
    let nobody = gated(Serving::default(), demand);
    assert_eq!(calm(&nobody), (vec![NoData, NoData], 3));
}

#[test]
fn service_is_folded_over_scenarios_and_shown_for_each() {
    let story = vec![
        scenario("a/b", ScenarioVerdict::Held, serving(10, 0, 20)),
        scenario("a/c", ScenarioVerdict::Held, serving(5, 1, 20)),
        scenario("canary/blind", ScenarioVerdict::Breach, serving(0, 99, 20)),
    ];
    let record = assemble(&settings(), story, "cellproof gate", &gate());
    let shown: Vec<_> = record.serving.iter().map(|(c, s)| (c.as_str(), s.good, s.bad, s.windows.clone())).collect();
    assert_eq!(shown, [("calm", 15, 1, vec![(15, 1)]), ("a/b", 10, 0, vec![(10, 0)]), ("a/c", 5, 1, vec![(5, 1)])]);
}

#[test]
fn a_row_that_no_scenario_judged_is_named() {
    let story = vec![
        scenario("a/b", ScenarioVerdict::Held, serving(1, 0, 1)),
        scenario("canary/blind", ScenarioVerdict::Breach, serving(1, 0, 1)),
    ];
    let record = assemble(&settings(), story, "cellproof gate", &gate());
    assert!(!record.not_covered.contains(&"TEN-02".to_owned()));
    assert_eq!(record.not_covered.len() + 1, record.requirements.len());
    let skipped = vec![scenario("a/b", ScenarioVerdict::Skipped("no time".into()), serving(1, 0, 1))];
    let record = assemble(&settings(), skipped, "cellproof gate", &gate());
    assert_eq!(record.not_covered.len(), record.requirements.len());
}

#[test]
fn a_pin_tells_by_name_what_has_changed() {
    let before = pins(&Inputs::embedded());
    let names: Vec<&str> = before.keys().map(String::as_str).collect();
    assert_eq!(names, ["controls", "mutants", "objectives", "platform", "tenants", "toolchain"]);
    let mut inputs = Inputs::embedded();
    inputs.platform.slos.requests_min += 1;
    let after = pins(&inputs);
    let changed: Vec<&str> = names.into_iter().filter(|name| before[*name] != after[*name]).collect();
    assert_eq!(changed, ["objectives", "platform"]);
}
