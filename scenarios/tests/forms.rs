//! Engine forms: who is there in them, what they reach, and what two engines that run them agree on.
//!
//! The second engine here is the smallest there can be: a loop around nodes that are driven from outside, whose network
//! takes no time. With a defect in it, the comparison must fail.

use models::config::Inputs;
use scenarios::catalogue;
use scenarios::compare::{Comparison, Difference, Told, compare, on_kernel, on_kernel_once, tell, with_kernel};
use scenarios::scenario::Scenario;
use scenarios::stage::form::{self, ACTS, NODES_MAX, Part, Weather};
use sim::host::{Defect, Power, Run, Tamper};
use sim::{ControlSet, Instant, NodeId};
use std::collections::BTreeSet;

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

fn on_loop(inputs: &Inputs, who: (&Scenario, &Part), weather: Weather, seed: u64, defect: Option<Defect>) -> Told {
    let set = who.1.set(inputs, who.0, weather, seed).expect("the part can be set up");
    let run = Run::open(set.spec, set.draws, ControlSet::EMPTY);
    let (mut engine, mut tamper, mut played) = (Exact::default(), Tamper::new(defect), 0);
    let nodes: Vec<NodeId> = (0..run.nodes()).map(NodeId).filter(|node| run.is_there(*node)).collect();
    assert_eq!(nodes.len(), who.1.roles().count());
    loop {
        let cue = run.cues().get(played).copied();
        let busy = nodes.iter().filter_map(|n| run.next_at(*n).map(|at| (at, *n))).min();
        match (cue, busy) {
            (Some((at, cue)), busy) if at <= run.end() && busy.is_none_or(|(next, _)| at <= next) => {
                run.play(cue, at, &mut engine);
                played += 1;
            }
            (_, Some((now, node))) if now <= run.end() => {
                for word in tamper.pass(run.advance(node, now)) {
                    if !engine.down.contains(&word.to) && !engine.cut.contains(&(node, word.to)) {
                        run.arrive(word.to, now, word.lineage, word.input);
                    }
                }
            }
            _ => return tell(who, weather, (seed, &[]), "loop", run.finish()),
        }
    }
}

/// Every part of every form.
fn parts() -> impl Iterator<Item = (&'static Scenario, &'static Part)> {
    let forms = catalogue::ALL.iter().filter_map(|scenario| form::of(scenario).ok().map(|form| (*scenario, form)));
    forms.flat_map(|(scenario, form)| form.parts.iter().map(move |part| (scenario, part)))
}

#[test]
fn every_scenario_has_a_form_or_says_why_not_and_every_mark_is_reached_or_said_to_be_lacking() {
    assert!(ACTS.end <= Instant(10_000_000_000));
    for scenario in catalogue::ALL {
        let form = match form::of(scenario) {
            Ok(form) => form,
            Err(why) => {
                assert!(why.len() > 30 && !why.starts_with("nobody has said"), "{}: {why}", scenario.name);
                continue;
            }
        };
        for part in form.parts {
            let roles: BTreeSet<&str> = part.roles().collect();
            assert!(roles.len() <= NODES_MAX, "{} {}: {} nodes", scenario.name, part.name, roles.len());
            assert_eq!(roles.len(), part.roles().count(), "{} {}: a role twice", scenario.name, part.name);
        }
        let reached = form.parts.iter().flat_map(|part| part.marks.iter().copied());
        let told: BTreeSet<&str> = reached.chain(form.lacks.iter().map(|(mark, _)| *mark)).collect();
        let missing: Vec<&str> = scenario.marks().filter(|mark| !told.contains(mark)).collect();
        assert!(missing.is_empty(), "{}: nobody reaches {missing:?}", scenario.name);
    }
}

/// What the two runs differ in, in a line; nothing if they are alike.
fn unlike(told: &Told, found: &Comparison) -> Option<String> {
    let shown: Vec<String> = found.differences.iter().take(5).map(Difference::to_string).collect();
    (!found.is_alike()).then(|| format!("{}: {} stray, {shown:?}", told.address(), found.stray))
}

#[test]
fn in_the_calm_every_form_holds_but_the_canary_a_loop_computes_the_same_and_its_defects_are_noticed() {
    let inputs = Inputs::embedded();
    let (mut compared, mut wrong) = (0, Vec::new());
    for part in parts() {
        let kernel = on_kernel_once(&inputs, part, Weather::Calm, 1).expect("it can be set up");
        let expected = if part.0.canary { "breach" } else { "held" };
        let on_loop = |defect| on_loop(&inputs, part, Weather::Calm, 1, defect);
        assert_eq!(kernel.verdict, expected, "{}: {:?} {:?}", kernel.address(), kernel.findings, kernel.mistakes);
        let other = on_loop(None);
        let mut found = compare(&kernel, &other).expect("runs of one part");
        if !found.differences.is_empty() {
            // Both compute the same instants, but for what hangs on how long a word is under way.
            let kernel = on_kernel(&inputs, part, Weather::Calm, 1, &[]).expect("it can be set up");
            found = compare(&kernel, &other).expect("runs of one part");
        }
        assert!(found.differences.is_empty(), "{}: {:?}", kernel.address(), found.differences);
        wrong.extend(unlike(&kernel, &found));
        compared += found.compared;
        for defect in ["lose:7", "swap:7"] {
            let other = on_loop(Some(defect.parse().expect("it is one")));
            let found = compare(&kernel, &other).expect("runs of one part");
            assert!(!found.is_alike(), "{defect} in {} goes unnoticed", kernel.address());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 2_500, "only {compared} requests were compared");
}

#[test]
fn under_scripted_faults_a_loop_around_hosted_nodes_agrees_with_the_kernel_on_every_form() {
    let inputs = Inputs::embedded();
    let (mut compared, mut wrong) = (0, Vec::new());
    for part in parts() {
        let other = on_loop(&inputs, part, Weather::Scripted, 1, None);
        let found = with_kernel(&inputs, part, (Weather::Scripted, 1), &other).expect("runs of one part");
        wrong.extend(unlike(&other, &found));
        compared += found.compared;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 2_500, "only {compared} requests were compared");
}

#[test]
fn runs_of_two_parts_are_not_compared() {
    let inputs = Inputs::embedded();
    let mut parts = parts();
    let (one, other) = (parts.next().expect("a part"), parts.next().expect("another"));
    let one = on_kernel_once(&inputs, one, Weather::Calm, 1).expect("it can be set up");
    let other = on_kernel_once(&inputs, other, Weather::Calm, 1).expect("it can be set up");
    assert!(compare(&one, &other).is_err());
}
