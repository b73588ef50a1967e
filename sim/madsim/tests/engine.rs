//! The engine does the same twice, agrees with the kernel, and a defect in it is noticed.

#[path = "../../tests/toy/mod.rs"]
mod toy;

use models::config::Inputs;
use scenarios::catalogue;
use scenarios::compare::{Difference, Told, compare, on_kernel, tell};
use scenarios::stage::form::{self, Part, Weather};
use sim::choice::Choices;
use sim::fault::Target;
use sim::host::Defect;
use sim::seed::Draws;
use sim::world::{Outcome, WorldSpec};
use sim::{ControlSet, Instant};
use toy::{Toy, What, at, fault, pair, seen};

fn run(spec: WorldSpec<Toy>) -> Outcome<Toy> {
    sim_madsim::run(spec, (Draws::new(1, Choices::default()), 1), ControlSet::EMPTY, None)
}

fn first_part(name: &str) -> (&'static scenarios::scenario::Scenario, &'static Part) {
    let scenario = catalogue::find(name).expect("it is in the catalogue");
    (scenario, &form::of(scenario).expect("it has a form").parts[0])
}

fn told(name: &str, weather: Weather, defect: Option<Defect>) -> Told {
    let who = first_part(name);
    let set = who.1.set(&Inputs::embedded(), who.0, weather, 1).expect("it can be set up");
    let outcome = sim_madsim::run(set.spec, (set.draws, 1), ControlSet::EMPTY, defect);
    tell(who, weather, (1, &[]), "madsim", outcome)
}

fn kernel(name: &str, weather: Weather) -> Told {
    on_kernel(&Inputs::embedded(), first_part(name), weather, 1, &[]).expect("it can be set up")
}

#[test]
fn every_note_arrives_in_order_and_soon() {
    let outcome = run(pair(100));
    let got = seen(&outcome, "b", What::Got);
    assert_eq!(got, (0..100).collect::<Vec<_>>());
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    let late = |id: u64| {
        let at = outcome.journal.entries.iter().find(|e| e.fact.what == What::Got && e.fact.id == id).map(|e| e.at);
        at.map(|at| at.since(Instant((id + 1) * 5_000_000)))
    };
    // A link of 1 to 3 ms, 2 ms of madsim's own, and what a millisecond of service queues.
    assert!((0..100).all(|id| late(id).is_some_and(|late| late.0 < 9_000_000)), "{:?}", (0..100).map(late).max());
}

#[test]
fn a_crash_kills_and_a_partition_cuts_and_both_end() {
    for (kind, target) in [("crash", at("b")), ("partition", Target::link(at("a"), at("b")))] {
        let mut spec = pair(160);
        spec.faults = vec![fault(kind, target, 0)];
        let outcome = run(spec);
        let arrived = |from: u64, until: u64| {
            let inside = |at: Instant| (Instant(from * 1_000_000)..Instant(until * 1_000_000)).contains(&at);
            outcome.journal.entries.iter().filter(|e| e.fact.what == What::Got && inside(e.at)).count()
        };
        assert!(arrived(0, 100) > 10, "{kind}");
        assert_eq!(arrived(106, 300), 0, "{kind}");
        assert!(arrived(300, 900) > 80, "{kind}");
        assert!(outcome.errors.is_empty(), "{kind}: {:?}", outcome.errors);
    }
}

#[test]
fn the_same_seed_does_the_same_twice() {
    for weather in [Weather::Calm, Weather::Scripted] {
        let run = || told("fuzz/cross-tenant", weather, None);
        assert_eq!(run(), run());
    }
}

#[test]
fn madsim_and_the_kernel_agree_and_a_defect_is_noticed() {
    for name in ["stride/spoofing-stolen-token", "stride/disclosure-cache-bleed", "canary/foreign-row"] {
        let kernel = kernel(name, Weather::Calm);
        let found = compare(&kernel, &told(name, Weather::Calm, None)).expect("runs of one part");
        let shown: Vec<String> = found.differences.iter().take(5).map(Difference::to_string).collect();
        assert!(found.is_alike() && found.compared > 50, "{name}: {shown:?}");
        for defect in ["lose:7", "swap:7"] {
            let broken = told(name, Weather::Calm, Some(defect.parse().expect("it is one")));
            let found = compare(&kernel, &broken).expect("runs of one part");
            assert!(!found.is_alike(), "{defect} in {name} goes unnoticed");
        }
    }
}
