//! Properties of whole runs: independence of draws, and that nothing but the order decides a result.
//!
//! That a draw at one address has one value is so by construction; what is shown here is the stronger half, that the
//! addresses themselves stay. Removing a request may well make draws of the *platform* appear or vanish (a batch that
//! is flushed alone, a retry that is no longer needed, the version of the next write to the same record). Never those
//! by which another client decides when it asks, for what, and of which record.

use models::config::Inputs;
use models::fact::Fact;
use models::luck;
use proptest::prelude::*;
use scenarios::catalogue;
use scenarios::gate::Demand;
use scenarios::prove::{Finished, Order, Settings, execute};
use scenarios::scenario::Scenario;
use scenarios::stage::{Acts, Stage};
use scenarios::sweep::{Plan, prove};
use sim::Instant;
use sim::choice::{ABSENT, Choice};
use sim::record::Pass;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static INPUTS: LazyLock<Inputs> = LazyLock::new(Inputs::embedded);

/// `fuzz/cross-tenant`, cut to two seconds of traffic.
static SHORT: LazyLock<Scenario> = LazyLock::new(|| {
    let whole = catalogue::find("fuzz/cross-tenant").expect("it is in the catalogue");
    Scenario {
        name: whole.name,
        title: whole.title,
        threat: whole.threat,
        stride: whole.stride,
        requirements: whole.requirements,
        variants: whole.variants,
        canary: false,
        build: short,
    }
});

fn short(stage: &mut Stage<'_>) {
    (catalogue::find("fuzz/cross-tenant").expect("it is in the catalogue").build)(stage);
    stage.acts = Acts {
        traffic_from: Instant(800_000_000),
        safety_until: Instant(2_300_000_000),
        traffic_until: Instant(2_800_000_000),
        verify_from: Instant(3_000_000_000),
        end: Instant(4_500_000_000),
    };
}

fn run(pass: Pass, seed: u64, overrides: BTreeMap<Choice, u64>) -> Finished {
    execute(&INPUTS, &Order { overrides, keep: true, log_draws: true, ..Order::new(&SHORT, pass, seed) })
}

/// Causes of honest requests: each draws, first of all, when the next one starts.
fn requests(run: &Finished) -> BTreeSet<u64> {
    let is_one = |at: &&Choice| at.purpose == luck::ARRIVAL.id && at.n == 0;
    run.drawn.keys().filter(is_one).map(|at| at.cause).collect()
}

/// What clients drew for requests other than `removed`.
fn drawn_by_clients(run: &Finished, removed: u64) -> BTreeMap<Choice, u64> {
    let purposes = [luck::ARRIVAL, luck::OPERATION, luck::RECORD, luck::PRESENCE].map(|p| p.id);
    let others = run.drawn.iter().filter(|(at, _)| at.cause != removed && purposes.contains(&at.purpose));
    others.map(|(at, value)| (*at, *value)).collect()
}

/// When and for what every request other than `removed` was asked, second looks left out: there are as many of those
/// as there were writes.
fn asked(run: &Finished, removed: u64) -> Vec<(Instant, u64, String)> {
    let causes = requests(run);
    let entries = run.journal.entries.iter().filter(|e| e.cause != removed && causes.contains(&e.cause));
    let asks = entries.filter_map(|e| match &e.fact {
        Fact::Asked { what, .. } => Some((e.at, e.cause, what.to_string())),
        _ => None,
    });
    asks.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn removing_any_one_request_leaves_the_luck_of_every_other(seed: u64, pick: prop::sample::Index, swarm: bool) {
        let pass = if swarm { Pass::Swarm } else { Pass::Calm };
        let whole = run(pass, seed, BTreeMap::new());
        let causes: Vec<u64> = requests(&whole).into_iter().collect();
        prop_assert!(causes.len() >= 50, "only {} requests", causes.len());
        let removed = causes[pick.index(causes.len())];
        let at = Choice { purpose: luck::PRESENCE.id, cause: removed, n: 0 };
        let rest = run(pass, seed, [(at, ABSENT)].into());
        let (before, after) = (asked(&whole, u64::MAX), asked(&rest, u64::MAX));
        // A client without a request to send (its cause drew, and then its time was up) has none to remove.
        prop_assert!(before.len() - after.len() <= 1);
        prop_assert!(!after.iter().any(|(_, cause, _)| *cause == removed));
        prop_assert_eq!(asked(&whole, removed), after);
        prop_assert_eq!(drawn_by_clients(&whole, removed), drawn_by_clients(&rest, removed));
        for (address, value) in whole.drawn.iter().filter(|(address, _)| **address != at) {
            prop_assert!(rest.drawn.get(address).is_none_or(|now| now == value), "{:?} drew something else", address);
        }
        prop_assert!(!rest.record.errors.iter().any(|e| e.contains("never used")), "{:?}", rest.record.errors);
    }
}

#[test]
fn one_order_is_one_run_in_every_scenario() {
    for scenario in catalogue::ALL {
        let order = Order::new(scenario, Pass::Swarm, 11);
        let (one, again) = (execute(&INPUTS, &order), execute(&INPUTS, &order));
        assert_eq!((one.record.digest, one.trail), (again.record.digest, again.trail), "{}", scenario.name);
    }
}

#[test]
fn watching_a_run_does_not_change_it() {
    for pass in [Pass::Calm, Pass::Swarm] {
        let (seen, blind) = (run(pass, 5, BTreeMap::new()), execute(&INPUTS, &Order::new(&SHORT, pass, 5)));
        assert_eq!((seen.record.digest, seen.trail), (blind.record.digest, blind.trail));
    }
}

#[test]
fn overriding_every_draw_with_its_own_value_is_the_same_run() {
    for pass in [Pass::Calm, Pass::Swarm] {
        let logged = run(pass, 6, BTreeMap::new());
        let again = run(pass, 6, logged.drawn.clone());
        assert_eq!((again.record.digest, again.trail), (logged.record.digest, logged.trail));
        assert_eq!(again.record.errors, logged.record.errors);
    }
}

#[test]
fn a_proof_is_the_same_on_one_thread_and_on_many() {
    let settings = Settings {
        inputs: INPUTS.clone(),
        seed_base: 1,
        nonce: String::new(),
        calm_seeds: 2,
        swarm_seeds: 6,
        swarm_floor: 1,
        ablation_seeds: 1,
        interference_pairs: 1,
        compare_every: 3,
        ablate: true,
        corpus: Vec::new(),
    };
    let plan = Plan::new(settings, &[&*SHORT], Demand::default());
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let records = pool.install(|| prove(&plan));
        serde_json::to_string_pretty(&records).expect("a record is JSON")
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
}
