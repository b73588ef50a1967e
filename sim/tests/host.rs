//! Nodes that are driven from outside behave as those of the kernel: the smallest engine there can be runs the toy, and
//! states the same facts.

mod toy;

use proptest::prelude::*;
use sim::absence;
use sim::choice::{ABSENT, Choice, Choices};
use sim::fault::Target;
use sim::host::{Power, Run};
use sim::network::LinkSpec;
use sim::seed::{Draws, Quantiles};
use sim::world::{Outcome, WorldSpec};
use sim::{ControlSet, Duration, Input, Instant, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use toy::{Toy, acting, at, fault, node, pair, run_with, sink, source, world};

/// An engine whose network takes no time and whose hosts need no help.
#[derive(Default)]
struct Exact {
    down: BTreeSet<NodeId>,
    cut: BTreeSet<(NodeId, NodeId)>,
}

impl Power for Exact {
    fn down(&mut self, node: NodeId) {
        self.down.insert(node);
    }
    fn up(&mut self, node: NodeId) {
        self.down.remove(&node);
    }
    fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cut.insert((from, to));
    }
    fn heal(&mut self, from: NodeId, to: NodeId) {
        self.cut.remove(&(from, to));
    }
}

fn run_outside(spec: WorldSpec<Toy>, seed: u64, choices: Choices) -> Outcome<Toy> {
    let run = Run::open(spec, Draws::new(seed, choices), ControlSet::EMPTY);
    let (mut engine, mut played) = (Exact::default(), 0);
    let nodes: Vec<NodeId> = (0..run.nodes()).map(NodeId).collect();
    loop {
        let cue = run.cues().get(played).copied();
        let busy = nodes.iter().filter_map(|n| run.next_at(*n).map(|at| (at, *n))).min();
        match (cue, busy) {
            (Some((at, cue)), busy) if at <= run.end() && busy.is_none_or(|(next, _)| at <= next) => {
                run.play(cue, at, &mut engine);
                played += 1;
            }
            (_, Some((now, node))) if now <= run.end() => {
                for word in run.advance(node, now) {
                    if !engine.down.contains(&word.to) && !engine.cut.contains(&(node, word.to)) {
                        run.arrive(word.to, now, word.lineage, word.input);
                    }
                }
            }
            _ => return run.finish(),
        }
    }
}

fn told(outcome: &Outcome<Toy>) -> Vec<String> {
    let mut told: Vec<String> =
        outcome.journal.entries.iter().map(|e| format!("{} {} {:x} {:?}", e.at, e.node.0, e.cause, e.fact)).collect();
    told.sort();
    told
}

/// Two relays in two groups between a source and a sink, so that queues, order and links all count.
fn chain() -> WorldSpec<Toy> {
    let relay = |to: u32| {
        acting(move |_, input, out| match input {
            Input::Message { message, .. } => {
                out.busy(Duration::micros(1_700));
                out.send(NodeId(to), message);
            }
            Input::Refused { message, .. } => out.send(NodeId(0), message),
            _ => {}
        })
    };
    let mut spec = world(vec![
        node("a", 0, 0, source(NodeId(1), 120, Duration::millis(3))),
        node("b", 2, 3, relay(2)),
        node("c", 1, 3, relay(3)),
        node("d", 1, 100, sink(Duration::millis(1))),
    ]);
    spec.links.push(("b".into(), "c".into(), LinkSpec { latency_ns: Quantiles::new(&[500_000, 9_000_000]) }));
    spec
}

const KINDS: [(&str, &str, u64); 14] = [
    ("loss", "b", 300_000),
    ("delay", "a", 2_000),
    ("duplicate", "c", 400_000),
    ("reorder", "b", 400_000),
    ("corrupt", "c", 300_000),
    ("bandwidth", "b", 40_000),
    ("clog", "a", 0),
    ("pause", "c", 0),
    ("slow", "b", 4),
    ("clock-skew", "d", 50),
    ("clock-drift", "a", 200_000),
    ("disk-full", "d", 0),
    ("torn-write", "d", 0),
    // Its only peer is the sink, which says nothing: what is on its way when the cut begins is not counted apart.
    ("crash", "d", 0),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_kernel_and_nodes_driven_from_outside_state_the_same_facts(
        seed: u64,
        picks in prop::sample::subsequence(KINDS.to_vec(), 0..4),
        gone in 0..6,
    ) {
        let spec = || {
            let mut spec = chain();
            spec.faults = picks.iter().map(|(kind, role, strength)| fault(kind, at(role), *strength)).collect();
            spec
        };
        let overrides: BTreeMap<Choice, u64> = match gone {
            0 => [(absence::node("a"), ABSENT)].into(),
            1 => [(absence::node("c"), ABSENT)].into(),
            2 => [(absence::end(), 170_000_000)].into(),
            3 => [(absence::faults(), ABSENT)].into(),
            _ => BTreeMap::new(),
        };
        let choices = || Choices::overriding(overrides.clone());
        let (kernel, outside) = (run_with(spec(), seed, choices()), run_outside(spec(), seed, choices()));
        prop_assert_eq!(told(&kernel), told(&outside));
        prop_assert_eq!(kernel.events, outside.events);
        prop_assert_eq!((kernel.faults, kernel.struck, kernel.cut), (outside.faults, outside.struck, outside.cut));
        prop_assert_eq!((kernel.errors, kernel.marks), (outside.errors, outside.marks));
    }
}

#[test]
fn a_pair_under_two_partitions_heals_with_the_last() {
    let mut spec = pair(200);
    let mut longer = fault("partition-one-way", Target::link(at("a"), at("b")), 0);
    longer.until = Instant(500_000_000);
    spec.faults = vec![fault("partition", Target::link(at("b"), at("a")), 0), longer];
    let outcome = run_outside(spec, 1, Choices::default());
    let arrived = |from: u64, until: u64| {
        let inside = |at: Instant| (Instant(from * 1_000_000)..Instant(until * 1_000_000)).contains(&at);
        outcome.journal.entries.iter().filter(|e| e.fact.what == toy::What::Got && inside(e.at)).count()
    };
    assert!(arrived(0, 100) > 10 && arrived(510, 900) > 10);
    assert_eq!(arrived(105, 500), 0);
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
}

#[test]
fn a_machine_that_waits_for_no_time_ends_the_run_and_says_so() {
    let spec = || {
        let restless = acting(|_, input, out| {
            if let Input::Message { .. } | Input::Timer { .. } = input {
                out.timer(Duration::ZERO, 1);
            }
        });
        let nodes =
            vec![node("source", 0, 0, source(NodeId(1), 1, Duration::millis(5))), node("restless", 0, 0, restless)];
        world(nodes)
    };
    for outcome in [run_with(spec(), 1, Choices::default()), run_outside(spec(), 1, Choices::default())] {
        let said = outcome.errors.iter().filter(|why| why.starts_with("time stands still at ")).count();
        assert_eq!(said, 1, "{:?}", outcome.errors);
    }
}
