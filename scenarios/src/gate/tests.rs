//! The exit code and the objectives, on hand-made records.

use super::*;
use models::config::Inputs;
use sim::measure::Latency;
use sim::record::PassRecord;

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
    Serving { tenant, cell, good, bad, excluded: 0, latency, windows: vec![(good as u32, bad as u32)] }
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
    Demand { canary: true, rows: Vec::new() }
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

#[test]
fn an_objective_missed_in_the_calm_breaks_the_gate_and_one_still_open_does_not() {
    let gate = |served| {
        let story = vec![scenario("a/b", ScenarioVerdict::Held, served)];
        assemble(&settings(), story, "cellproof run a/b", &Demand::default())
    };
    let verdicts = |record: &GateRecord| {
        let calm = record.slos.iter().filter(|s| s.condition == CALM);
        calm.map(|s| (s.requirement.clone(), s.verdict)).collect::<Vec<_>>()
    };
    let fine = gate(serving(5_000, 0, 20));
    assert_eq!(verdicts(&fine), [("SLO-01".into(), SloVerdict::Met), ("SLO-02".into(), SloVerdict::Met)]);
    assert_eq!(fine.exit, 0);
    assert_eq!(fine.slos[0].objective, "API success ≥ 99.9 %");
    assert_eq!(fine.slos[1].objective, "p95 latency < 1.5 s");
    let few = gate(serving(50, 0, 20));
    assert_eq!((few.slos[0].verdict, few.exit), (SloVerdict::Inconclusive, 0));
    let failing = gate(serving(900, 100, 20));
    assert_eq!((failing.slos[0].verdict, failing.exit), (SloVerdict::Missed, 1));
    let slow = gate(serving(900, 0, 2_000));
    assert_eq!((slow.slos[1].verdict, slow.exit), (SloVerdict::Missed, 1));
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
    inputs.platform.slos.api_success_ppm -= 1;
    let after = pins(&inputs);
    let changed: Vec<&str> = names.into_iter().filter(|name| before[*name] != after[*name]).collect();
    assert_eq!(changed, ["objectives", "platform"]);
}
