//! The engine forms of scenarios tell on turmoil what they tell on the kernel.

use models::config::Inputs;
use models::mesh::verify::{SPIFFE_ID, SVID_VALIDITY};
use scenarios::compare::{Comparison, Told, compare, on_kernel, tell};
use scenarios::scenario::Scenario;
use scenarios::stage::form::{self, Part, Weather};
use sim::control::{Control, ControlSet};
use sim::host::Defect;
use sim_turmoil::mesh::Mesh;
use sim_turmoil::{Order, run};
use std::rc::Rc;

const SEED: u64 = 7;
const ROGUE: &str = "stride/spoofing-rogue-workload";

/// A run on turmoil: what it told, the digest of its facts, and how many clients rustls believed and refused.
fn on_turmoil(
    (scenario, part): (&Scenario, &Part),
    weather: Weather,
    off: &[&'static Control],
    defect: Option<Defect>,
) -> (Told, [u8; 32], (usize, usize)) {
    let set = part.set(&Inputs::embedded(), scenario, weather, SEED).expect("the part can be set up");
    let controls = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let order =
        Order { spec: set.spec, draws: set.draws, off: controls, seed: SEED, defect, guests: Default::default() };
    let mesh = Rc::new(Mesh::new(controls));
    let outcome = run(order, mesh.clone());
    let digest = outcome.journal.digest;
    (tell((scenario, part), weather, (SEED, off), "turmoil", outcome), digest, mesh.shown())
}

fn parts(name: &str) -> (&'static Scenario, &'static [Part]) {
    let scenario = scenarios::catalogue::find(name).expect("it is in the catalogue");
    (scenario, form::of(scenario).expect("it has a form").parts)
}

fn beside_the_kernel(
    story: (&Scenario, &Part),
    weather: Weather,
    off: &[&'static Control],
    defect: Option<Defect>,
) -> Comparison {
    let (other, ..) = on_turmoil(story, weather, off, defect);
    let one = on_kernel(&Inputs::embedded(), story, weather, SEED, off).expect("it runs");
    let found = compare(&one, &other).expect("they are runs of one part");
    assert!(found.compared >= 20, "{}: only {} requests compared", other.address(), found.compared);
    found
}

fn check(name: &str, weather: Weather, off: &[&'static Control]) {
    let (scenario, parts) = parts(name);
    for part in parts {
        let found = beside_the_kernel((scenario, part), weather, off, None).differences;
        let told: Vec<String> = found.iter().take(12).map(ToString::to_string).collect();
        assert!(told.is_empty(), "{name} {}: {} differences\n{}", part.name, found.len(), told.join("\n"));
    }
}

#[test]
fn a_rogue_workload_is_refused_by_rustls_and_told_as_on_the_kernel() {
    check(ROGUE, Weather::Calm, &[]);
    let (scenario, parts) = parts(ROGUE);
    let (told, _, (believed, refused)) = on_turmoil((scenario, &parts[0]), Weather::Calm, &[], None);
    assert_eq!(told.verdict, "held");
    assert!(believed >= 5 && refused >= 5, "rustls believed {believed} and refused {refused}");
}

#[test]
fn without_its_control_the_same_workload_comes_in_by_tls() {
    for control in [&SVID_VALIDITY, &SPIFFE_ID] {
        check(ROGUE, Weather::Calm, &[control]);
    }
}

#[test]
fn the_same_seed_gives_the_same_facts_twice() {
    let (scenario, parts) = parts(ROGUE);
    let [one, other] = [(); 2].map(|()| on_turmoil((scenario, &parts[0]), Weather::Scripted, &[], None));
    assert_eq!(one, other);
}

#[test]
fn an_adapter_that_loses_or_misplaces_words_is_noticed() {
    let (scenario, parts) = parts(ROGUE);
    for defect in [Defect::Loses(40), Defect::Swaps(40)] {
        let found = beside_the_kernel((scenario, &parts[0]), Weather::Calm, &[], Some(defect));
        assert!(!found.is_alike(), "{defect:?} was not noticed: {} stray", found.stray);
    }
}

#[test]
fn stories_of_the_gateway_the_policy_and_the_cache_are_told_alike() {
    for name in ["stride/spoofing-stolen-token", "stride/disclosure-cache-bleed", "chaos/stale-policy"] {
        check(name, Weather::Calm, &[]);
    }
}

#[test]
fn a_crash_and_a_partition_of_turmoil_are_told_as_those_of_the_kernel() {
    check(ROGUE, Weather::Scripted, &[]);
    check("chaos/stale-policy", Weather::Scripted, &[]);
}

#[test]
fn what_is_sent_to_a_host_without_power_does_not_arrive_when_it_is_back() {
    // Here the provider of keys goes down, and its clients must not be told that by turmoil.
    check("chaos/idp-outage", Weather::Calm, &[]);
}

#[test]
fn who_was_not_believed_after_a_crash_answers_by_tls_on_the_next_link() {
    let (scenario, parts) = parts("chaos/cache-loss");
    let part = parts.iter().find(|part| part.name == "slow").expect("a part has a slow cache");
    let found = beside_the_kernel((scenario, part), Weather::Scripted, &[], None);
    assert!(found.is_alike(), "{:?}", found.differences);
}
