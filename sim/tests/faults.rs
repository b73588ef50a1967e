//! Every kind of fault, on the toy platform: it changes what can be observed, it counts, and each as it says.

mod toy;

use proptest::prelude::*;
use sim::Instant;
use sim::fault::{FaultSpec, KINDS, Target};
use sim::seed::Quantiles;
use sim::world::{Outcome, WorldSpec};
use toy::{Toy, What, at, fault, pair, run, seen};

const NOTES: u64 = 100;

/// A fault of this kind, where and as strong as it shows in a run of the pair.
fn shown(kind: &str) -> FaultSpec {
    let wire = Target::link(at("a"), at("b"));
    match kind {
        "loss" | "duplicate" | "reorder" | "corrupt" => fault(kind, wire, 500_000),
        "delay" => fault(kind, wire, 2_500),
        "bandwidth" => fault(kind, wire, 10_000),
        "partition" | "partition-one-way" | "clog" => fault(kind, wire, 0),
        "swizzle-clog" => fault(kind, Target::All, 7),
        "slow" | "brown-out" => fault(kind, at("b"), 10),
        "bit-rot" => fault(kind, at("b"), 1),
        "clock-drift" => fault(kind, at("a"), 500_000),
        _ => fault(kind, at("b"), 40),
    }
}

fn struck(kind: &str) -> Outcome<Toy> {
    let mut spec = WorldSpec { faults: vec![shown(kind)], ..pair(NOTES) };
    // Long enough that a crash finds something unsynced.
    spec.nodes[1].sync_ns = Quantiles::constant(20_000_000);
    run(spec, 3)
}

fn all() -> Vec<u64> {
    (0..NOTES).collect()
}

/// Notes that the source sends while the fault is on: it sends note k after 5 (k + 1) ms.
fn during() -> std::ops::Range<u64> {
    19..59
}

#[test]
fn every_kind_changes_what_is_observed_and_counts_how_often() {
    let mut calm = pair(NOTES);
    calm.nodes[1].sync_ns = Quantiles::constant(20_000_000);
    let calm = run(calm, 3);
    for (kind, _) in KINDS {
        let outcome = struck(kind);
        assert_ne!(outcome.journal.digest, calm.journal.digest, "{kind}");
        assert_eq!(outcome.errors, [""; 0], "{kind}");
        assert!(outcome.faults[0].fired > 0, "{kind}");
    }
}

#[test]
fn a_partition_lets_nothing_pass_and_one_way_means_one_way() {
    let got = seen(&struck("partition"), "b", What::Got);
    assert_eq!(got, all().into_iter().filter(|id| !during().contains(id)).collect::<Vec<_>>());
    let reverse = |kind| {
        let against = FaultSpec { target: Target::link(at("b"), at("a")), ..shown(kind) };
        run(WorldSpec { faults: vec![against], ..pair(NOTES) }, 3)
    };
    assert!(seen(&reverse("partition"), "b", What::Got).len() < NOTES as usize);
    let one_way = reverse("partition-one-way");
    assert_eq!(seen(&one_way, "b", What::Got), all());
    assert_eq!(one_way.errors, ["fault partition-one-way on b → a was planned and never struck"]);
}

#[test]
fn a_clog_loses_nothing_and_holds_everything_to_its_end() {
    let outcome = struck("clog");
    assert_eq!(seen(&outcome, "b", What::Got), all());
    let inside = |e: &&sim::journal::Entry<Toy>| {
        e.fact.what == What::Got && e.at > Instant(104_000_000) && e.at < Instant(300_000_000)
    };
    assert_eq!(outcome.journal.entries.iter().filter(inside).count(), 0);
    assert_eq!(outcome.faults[0].fired, during().count() as u64);
    assert_eq!(seen(&struck("swizzle-clog"), "b", What::Got), all());
}

#[test]
fn a_duplicate_arrives_twice_and_a_lost_one_never() {
    let twice = seen(&struck("duplicate"), "b", What::Got);
    assert_eq!(twice.len() as u64, NOTES + struck("duplicate").faults[0].fired);
    let lost = seen(&struck("loss"), "b", What::Got);
    assert_eq!(lost.len() as u64, NOTES - struck("loss").faults[0].fired);
    let damaged = struck("corrupt");
    assert_eq!(seen(&damaged, "b", What::Damaged).len() as u64, damaged.faults[0].fired);
}

#[test]
fn a_pause_loses_nothing_and_a_slow_node_takes_longer() {
    assert_eq!(seen(&struck("pause"), "b", What::Got), all());
    // Ten times one millisecond is more than the gap of five: a queue builds up, and is worked off afterwards.
    let when = |kind: &str, id: u64| {
        let outcome = struck(kind);
        outcome.journal.entries.iter().find(|e| e.fact.what == What::Got && e.fact.id == id).map(|e| e.at)
    };
    assert_eq!(seen(&struck("slow"), "b", What::Got), all());
    assert!(when("slow", 50) > when("clock-skew", 50));
    assert_eq!(when("slow", 90), when("clock-skew", 90));
}

#[test]
fn a_wrong_clock_shows_in_what_the_node_says_and_is_set_right_at_the_end() {
    let off = |kind: &str| -> Vec<i64> {
        let outcome = struck(kind);
        let by = |e: &sim::journal::Entry<Toy>| e.fact.local.0 as i64 - e.at.0 as i64;
        let mut offsets: Vec<i64> = outcome.journal.entries.iter().map(by).collect();
        offsets.dedup();
        offsets
    };
    assert_eq!(off("clock-skew"), [0, 40_000_000, 0]);
    assert_eq!(off("clock-lag"), [0, -40_000_000, 0]);
    // The source's clock is half again as fast: it sends 60 notes in the time for 40.
    assert_eq!(seen(&struck("clock-drift"), "b", What::Got), all());
    assert!(struck("clock-drift").journal.entries.iter().any(|e| e.fact.id == 78 && e.at < Instant(305_000_000)));
}

#[test]
fn a_disk_that_loses_syncs_says_kept_and_keeps_nothing() {
    let outcome = struck("lost-sync");
    let promised = outcome.journal.entries.iter().filter(|e| e.fact.what == What::Kept && e.at < Instant(300_000_000));
    let promised: Vec<u64> = promised.map(|e| e.fact.id).collect();
    let there = seen(&outcome, "b", What::Recovered);
    assert!(promised.len() > there.len() + 20, "{promised:?} were promised, {there:?} are there");
    assert!(promised.starts_with(&there));
}

#[test]
fn a_wiped_disk_is_empty_a_full_one_says_so_a_torn_one_ends_in_half_a_record() {
    assert!(!seen(&struck("crash"), "b", What::Recovered).is_empty());
    assert_eq!(seen(&struck("wipe"), "b", What::Recovered), []);
    assert!(seen(&struck("disk-full"), "b", What::Failed).len() > 20);
    assert_eq!(seen(&struck("crash"), "b", What::Failed), []);
    let torn = |outcome: &Outcome<Toy>| seen(outcome, "b", What::Recovered).iter().filter(|id| **id >> 60 != 0).count();
    let mut tears = 0;
    for seed in 0..20 {
        let mut spec = WorldSpec { faults: vec![shown("torn-write")], ..pair(NOTES) };
        spec.nodes[1].sync_ns = Quantiles::constant(20_000_000);
        tears += torn(&run(spec, seed));
    }
    assert!((1..=20).contains(&tears), "{tears} tears in 20 crashes");
    assert_eq!(torn(&struck("crash")), 0);
}

#[test]
fn as_many_bits_flip_as_were_planned() {
    for bits in [1, 5] {
        let mut spec = WorldSpec { faults: vec![FaultSpec { strength: bits, ..shown("bit-rot") }], ..pair(NOTES) };
        spec.nodes[1].sync_ns = Quantiles::constant(20_000_000);
        let rotten = seen(&run(spec, 3), "b", What::Recovered);
        let flipped: u32 = rotten.iter().enumerate().map(|(i, id)| (i as u64 ^ id).count_ones()).sum();
        assert_eq!(u64::from(flipped), bits, "{rotten:?}");
    }
}

#[test]
fn a_fault_that_never_strikes_or_has_no_target_is_an_error_of_the_run() {
    let errors = |fault: FaultSpec| run(WorldSpec { faults: vec![fault], ..pair(NOTES) }, 1).errors;
    assert_eq!(errors(fault("loss", at("a"), 0)), ["fault loss on a was planned and never struck"]);
    assert_eq!(errors(fault("crash", at("c"), 0)), ["fault crash strikes c, where there is no node"]);
    assert_eq!(errors(fault("gremlins", at("a"), 0)), ["unknown fault `gremlins`"]);
    let late = FaultSpec { from: Instant(950_000_000), until: Instant(960_000_000), ..shown("loss") };
    assert_eq!(errors(late), ["fault loss on a → b was planned and never struck"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_mixture_of_faults_is_deterministic_and_ends_with_its_act(seed: u64, mask: u32) {
        let chosen = KINDS.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
        let faults: Vec<FaultSpec> = chosen.map(|(_, (kind, _))| shown(kind)).collect();
        let spec = || {
            let mut spec = WorldSpec { faults: faults.clone(), ..pair(195) };
            // What a narrow or clogged link held back comes at once; here nothing of it is refused.
            spec.nodes[1].queue_max = 1_000;
            spec
        };
        let (one, again) = (run(spec(), seed), run(spec(), seed));
        prop_assert_eq!((one.journal.digest, one.trail), (again.journal.digest, again.trail));
        // What is sent after the faults arrives, once.
        let got = seen(&one, "b", What::Got);
        prop_assert!((140..195).all(|id| got.iter().filter(|g| **g == id).count() == 1));
    }
}
