//! An autoscaler in a world with a gateway that counts and instances that say what they are told to say.

use super::machine::{Autoscaler, AutoscalerSpec, NO_FIGURES, READINESS};
use super::scaler::Settings;
use crate::control::{Control, ControlSet};
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::scaling::{Scaling, Standing};
use sim::choice::Choices;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::rc::Rc;

const SETTINGS: Settings = Settings { instances_min: 2, instances_max: 4, ..Settings::DEFAULT };
/// A fault that lasts from one instant, in milliseconds, to another.
type Stretch = (&'static str, Target, u64, u64);

/// Says that the load is so large, and notes whom it is told of.
struct Gateway(u64);

impl Machine<Saas> for Gateway {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Message { from, message: Wire::Scaling(word) } = input else { return };
        match *word {
            Scaling::Count(round) => {
                let asked = ctx.now().as_nanos() / 1_000_000 * self.0 / 1_000;
                out.send(from, Wire::Scaling(Box::new(Scaling::Counted(round, asked))));
            }
            Scaling::Ready(_, places) => {
                let about = format!("{places:?}").as_str().into();
                out.fact(Fact::Reported { by: "toy", what: "ready", about, value: 0 });
            }
            _ => {}
        }
    }
}

/// Starts for ever once it is ordered, and stops at once.
struct Toy(u64, Standing);

impl Machine<Saas> for Toy {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Message { from, message: Wire::Scaling(word) } = input else { return };
        if let Scaling::Order(_, run) = *word {
            let stands = match (run, self.1) {
                (Some(true), Standing::Off) => Standing::Starting,
                (Some(false), _) => Standing::Off,
                (_, stands) => stands,
            };
            if stands != self.1 {
                let about = format!("{stands:?}").as_str().into();
                out.fact(Fact::Reported { by: "toy", what: "ordered", about, value: self.0 });
            }
            self.1 = stands;
            out.send(from, Wire::Scaling(Box::new(Scaling::Stands(stands))));
        }
    }
}

fn node(role: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let sync_ns = Quantiles::constant(1);
    NodeSpec { role: role.into(), group: "cell-a".into(), zone: "z".into(), workers: 0, queue_max: 100, sync_ns, boot }
}

/// What was noted in six seconds of so many requests per second, repetitions left out.
fn told(load: u64, stands: [Standing; 4], faults: &[Stretch], off: &[&Control]) -> Vec<(&'static str, String)> {
    let spec = AutoscalerSpec {
        cell: "cell-a".into(),
        gateways: vec![NodeId(1)],
        instances: (2..6).map(NodeId).collect(),
        settings: SETTINGS,
    };
    let mut nodes = vec![
        node("autoscaler", Rc::new(move |ctx, out| Box::new(Autoscaler::boot(&spec, ctx, out)))),
        node("gateway", Rc::new(move |_, _| Box::new(Gateway(load)))),
    ];
    let toys = stands.into_iter().zip(1..);
    nodes.extend(toys.map(|(s, n)| node(&format!("app-{n}"), Rc::new(move |_, _| Box::new(Toy(n, s))))));
    let link = LinkSpec { latency_ns: Quantiles::constant(1_000_000) };
    let end = Instant(6_000_000_000);
    let at = |ms: u64| Instant(ms * 1_000_000);
    let fault = |(kind, target, from, until): &Stretch| FaultSpec {
        kind: (*kind).into(),
        target: target.clone(),
        from: at(*from),
        until: at(*until),
        strength: 0,
    };
    let world = WorldSpec {
        nodes,
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: faults.iter().map(fault).collect(),
        positions: vec![],
        spares: vec![],
        safety_until: end,
        end,
        oracles: vec![],
        keep: true,
    };
    let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let outcome = World::new(world, Draws::new(1, Choices::default()), off).run();
    assert_eq!(outcome.errors, Vec::<String>::new());
    let mut told: Vec<(&'static str, String)> = Vec::new();
    for entry in &outcome.journal.entries {
        let Fact::Reported { what, about, value, .. } = &entry.fact else { continue };
        let line = (*what, format!("{about} {value}"));
        if told.last() != Some(&line) {
            told.push(line);
        }
    }
    told
}

fn check(told: &[(&'static str, String)], expected: &[(&str, &str)]) {
    let told: Vec<(&str, &str)> = told.iter().map(|(what, about)| (*what, about.as_str())).collect();
    assert_eq!(told, expected);
}

const READY: Standing = Standing::Ready;
const OFF: Standing = Standing::Off;

#[test]
fn what_is_ordered_is_no_one_to_ask_before_it_is_ready() {
    let grown = |off: &[&Control]| told(90, [READY, READY, OFF, OFF], &[], off);
    let up = ("scaled-up", "cell-a 3");
    let ordered = ("ordered", "Starting 3");
    check(&grown(&[]), &[("ready", "[0, 1] 0"), up, ("ready", "[0, 1] 0"), ordered, ("ready", "[0, 1] 0")]);
    check(
        &grown(&[&READINESS]),
        &[("ready", "[0, 1] 0"), up, ("ready", "[0, 1, 2] 0"), ordered, ("ready", "[0, 1, 2] 0")],
    );
}

#[test]
fn one_that_restarts_takes_nothing_away_of_what_it_finds() {
    let crash = [("crash", Target::Node("autoscaler".into()), 2_000, 2_500)];
    check(&told(120, [READY; 4], &crash, &[]), &[("ready", "[0, 1, 2, 3] 0")]);
    // Nor of what it does not hear of.
    let unheard = Target::link(Target::Node("app-4".into()), Target::Node("autoscaler".into()));
    let faults = [("crash", Target::Node("autoscaler".into()), 100, 200), ("partition-one-way", unheard, 0, 6_000)];
    check(&told(120, [READY; 4], &faults, &[]), &[("ready", "[0, 1, 2, 3] 0")]);
}

#[test]
fn without_figures_it_says_so_once_and_leaves_everything_as_it_is() {
    let unheard = Target::link(Target::Node("gateway".into()), Target::Node("autoscaler".into()));
    let faults = [("partition-one-way", unheard, 1_500, 5_900)];
    let said = told(120, [READY; 4], &faults, &[]);
    check(&said, &[("ready", "[0, 1, 2, 3] 0"), (NO_FIGURES, "cell-a 4"), ("ready", "[0, 1, 2, 3] 0")]);
}

#[test]
fn after_a_lull_the_last_ones_go_first() {
    let said = told(40, [READY; 4], &[], &[]);
    let rest = [("scaled-down", "cell-a 2"), ("ready", "[0, 1] 0"), ("ordered", "Off 3"), ("ordered", "Off 4")];
    assert_eq!(said[0], ("ready", "[0, 1, 2, 3] 0".to_owned()));
    let mut after: Vec<(&str, &str)> = said[1..].iter().map(|(what, about)| (*what, about.as_str())).collect();
    after.truncate(4);
    after[2..].sort_unstable();
    assert_eq!(after, rest);
    assert_eq!(SETTINGS.down_max, 2);
    assert!(SETTINGS.stabilisation > Duration::ZERO);
}
