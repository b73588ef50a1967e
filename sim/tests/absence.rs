//! What the choice map takes out of a run is as if it had never been, and everything else stays what it was.

mod toy;

use proptest::prelude::*;
use sim::absence;
use sim::choice::{ABSENT, Choice, Choices, PRESENT};
use sim::fault::{FaultSpec, KINDS};
use sim::oracle::Sometimes;
use sim::record::Finding;
use sim::world::{Outcome, WorldSpec};
use sim::{Duration, Instant, NodeId, Vantage};
use std::marker::PhantomData;
use toy::{Toy, What, at, fault, node, pair, run, run_with, seen, sink, source, world};

fn with(spec: WorldSpec<Toy>, seed: u64, overrides: &[(Choice, u64)]) -> Outcome<Toy> {
    run_with(spec, seed, Choices::overriding(overrides.iter().copied().collect()).logged())
}

/// Two sources, `a` and `c`, of one sink `b`.
fn two_sources() -> WorldSpec<Toy> {
    let source = |gap| source(NodeId(1), 40, Duration::millis(gap));
    let mut spec =
        world(vec![node("a", 0, 0, source(5)), node("b", 0, 0, sink(Duration::ZERO)), node("c", 0, 0, source(7))]);
    spec.nodes[0].group = "sources".into();
    spec.nodes[2].group = "sources".into();
    spec
}

fn got_of(outcome: &Outcome<Toy>) -> (usize, Vec<String>) {
    (seen(outcome, "b", What::Got).len(), outcome.errors.clone())
}

#[test]
fn an_absent_node_does_nothing_and_no_fault_brings_it_back() {
    let gone = (absence::node("a"), ABSENT);
    let calm = with(two_sources(), 1, &[gone]);
    assert_eq!(got_of(&calm), (40, vec![]));
    // The end of a crash restarts whoever is down, and would let a source begin.
    let mut spec = two_sources();
    spec.faults.push(fault("crash", at("a"), 0));
    let crashed = with(spec, 1, &[gone]);
    assert_eq!(crashed.errors, ["fault crash on a was planned and never struck"]);
    assert_eq!((crashed.journal.digest, crashed.trail), (calm.journal.digest, calm.trail));
}

#[test]
fn a_group_is_absent_but_for_those_who_are_named() {
    let group = (absence::group("sources"), ABSENT);
    assert_eq!(got_of(&with(two_sources(), 1, &[group])), (0, vec![]));
    assert_eq!(got_of(&with(two_sources(), 1, &[group, (absence::node("c"), PRESENT)])), (40, vec![]));
    assert_eq!(got_of(&with(two_sources(), 1, &[])), (80, vec![]));
}

#[test]
fn messages_pass_where_an_absent_attacker_would_stand() {
    let attacked = || {
        let mut spec = pair(3);
        // A sink keeps no word that was for others, and passes none on.
        spec.nodes.push(node("mallory", 0, 0, sink(Duration::ZERO)));
        spec.positions.push(("a".into(), "b".into(), "mallory".into()));
        spec
    };
    assert_eq!(seen(&run(attacked(), 1), "b", What::Got), [0; 0]);
    let passed = with(attacked(), 1, &[(absence::node("mallory"), ABSENT)]);
    assert_eq!(passed.journal.digest, run(pair(3), 1).journal.digest);
}

fn stormy(kinds: &[&str]) -> WorldSpec<Toy> {
    WorldSpec { faults: kinds.iter().map(|kind| fault(kind, at("a"), 300_000)).collect(), ..pair(60) }
}

#[test]
fn a_fault_is_dropped_alone_or_with_all_but_the_named() {
    let loss = fault("loss", at("a"), 300_000);
    let delay = fault("delay", at("a"), 300_000);
    let only = |kinds: &[&str]| run(stormy(kinds), 1).journal.digest;
    let dropped = |overrides: &[(Choice, u64)]| {
        let outcome = with(stormy(&["loss", "delay"]), 1, overrides);
        assert_eq!(outcome.errors, [""; 0]);
        outcome.journal.digest
    };
    assert_eq!(dropped(&[(absence::fault(&loss), ABSENT)]), only(&["delay"]));
    assert_eq!(dropped(&[(absence::faults(), ABSENT)]), only(&[]));
    assert_eq!(dropped(&[(absence::faults(), ABSENT), (absence::fault(&loss), PRESENT)]), only(&["loss"]));
    assert_ne!(only(&["loss"]), only(&["loss", "delay"]));
    assert_ne!(absence::fault(&loss), absence::fault(&delay));
}

#[test]
fn a_fault_can_strike_earlier_and_for_less_long() {
    let planned = fault("loss", at("a"), 1_000_000);
    let spec = || WorldSpec { faults: vec![planned.clone()], ..pair(60) };
    let moved = [(absence::fault_from(&planned), 10_000_000), (absence::fault_length(&planned), 20_000_000)];
    let outcome = with(spec(), 1, &moved);
    let chosen = FaultSpec { from: Instant(10_000_000), until: Instant(30_000_000), ..planned.clone() };
    assert_eq!((&outcome.struck[0].planned, &outcome.struck[0].chosen), (&planned, &chosen));
    assert_eq!(outcome.journal.digest, run(WorldSpec { faults: vec![chosen], ..pair(60) }, 1).journal.digest);
}

/// Is content once note 50 has arrived; asked only at the end.
fn wants_fifty() -> Box<dyn sim::oracle::Oracle<Toy>> {
    let otherwise = Finding {
        requirement: "R".into(),
        oracle: "fifty".into(),
        vantage: Vantage::Client,
        tenant: None,
        node: "b".into(),
        at_ns: 0,
        cause: String::new(),
        message: "note 50 never came".into(),
    };
    Box::new(Sometimes {
        name: "fifty",
        vantages: &[Vantage::Client],
        check: |seen: &sim::oracle::Seen<'_, Toy>| seen.fact.what == What::Got && seen.fact.id == 50,
        otherwise,
        seen: false,
        words: PhantomData,
    })
}

#[test]
fn a_run_that_is_cut_short_is_a_beginning_and_is_not_asked_what_it_owed() {
    let spec = |count| WorldSpec { oracles: vec![wants_fifty()], ..pair(count) };
    let late = || fault("loss", at("a"), 1);
    let cut =
        |spec: WorldSpec<Toy>| with(WorldSpec { faults: vec![late()], ..spec }, 1, &[(absence::end(), 90_000_000)]);
    let (whole, short) = (run(spec(60), 1), cut(spec(60)));
    assert!((short.cut, whole.cut) == (true, false) && short.ended <= Instant(90_000_000));
    // The fault would begin later: it is no part of this run, and no mistake of it.
    assert_eq!((short.errors.len(), short.struck.len(), short.findings.len()), (0, 0, 0));
    let facts = short.journal.entries.len();
    let text = |outcome: &Outcome<Toy>| format!("{:?}", &outcome.journal.entries[..facts]);
    assert!(facts > 10 && text(&short) == text(&whole));
    // Who is asked at the usual end complains.
    assert_eq!(run(spec(10), 1).findings.len(), 1);
    assert_eq!(cut(spec(10)).findings.len(), 0);
    // A run cannot be made longer.
    let longer = with(spec(10), 1, &[(absence::end(), u64::MAX)]);
    assert_eq!((longer.cut, longer.findings.len(), longer.journal.digest), (false, 1, run(spec(10), 1).journal.digest));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_taken_away_leaves_the_luck_of_all_else(seed: u64, mask: u32, gone in 0usize..3) {
        let kinds: Vec<&str> = KINDS.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, k)| k.0).collect();
        let spec = || WorldSpec { faults: stormy(&kinds).faults, ..two_sources() };
        let before = with(spec(), seed, &[]);
        let away = match (gone, spec().faults.first()) {
            (0, Some(fault)) => absence::fault(fault),
            (1, _) => absence::node("c"),
            _ => absence::faults(),
        };
        let after = with(spec(), seed, &[(away, ABSENT)]);
        // Only presence below a wider address follows from it.
        let follows = |at: &Choice| *at == away || away == absence::faults() && at.purpose == away.purpose && at.n == 0;
        for (at, value) in before.drawn.iter().filter(|(at, _)| !follows(at)) {
            prop_assert!(after.drawn.get(at).is_none_or(|now| now == value), "{} drew something else", at);
        }
        prop_assert_eq!(after.unused, vec![]);
    }
}
