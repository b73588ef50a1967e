//! A controller in a world with a gateway, an instance and a checker that do what they are told to.

use super::*;
use crate::control::ControlSet;
use crate::rollout::status::RESUMED;
use crate::wire::rollout::Held;
use sim::choice::Choices;
use sim::fault::{FaultSpec, Target};
use sim::measure::{CanaryRule, Objective};
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};

const GATEWAY: NodeId = NodeId(1);
const INSTANCE: NodeId = NodeId(2);
const CHECKER: NodeId = NodeId(3);
/// When there is a release to roll out.
const PLANNED: Instant = Instant(500_000_000);

/// What those around it do.
#[derive(Clone, Copy)]
struct Ways {
    /// Requests that the gateway says the canary has answered, with every word, while it sends any there.
    counted: (u64, u64),
    /// Answers that differ.
    differ: u64,
    /// The instance does not answer in this span.
    deaf: (Instant, Instant),
}

const FINE: Ways = Ways { counted: (1, 0), differ: 0, deaf: (Instant::ZERO, Instant::ZERO) };

/// A gateway, an instance or a checker: notes what is news to it, and answers.
struct Neighbour {
    ways: Ways,
    held: Option<Held>,
    counted: (u64, u64),
}

impl Machine<Saas> for Neighbour {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Message { from, message: Wire::Rollout(word) } = input else { return };
        let answer = match *word {
            Rollout::Check(release) => {
                Rollout::Checked(release, Compared { alike: 30, differ: self.ways.differ, in_doubt: 0 })
            }
            Rollout::Hold(held) => {
                let is_deaf = (self.ways.deaf.0..self.ways.deaf.1).contains(&ctx.now());
                if is_deaf && ctx.node() == INSTANCE || self.held.is_some_and(|known| known.at > held.at) {
                    return;
                }
                let news = Held { at: 0, ..held };
                if self.held.map(|known| Held { at: 0, ..known }) != Some(news) && ctx.node() == INSTANCE {
                    let about = format!(
                        "{}/{} {} % config {} swept {}",
                        held.stable,
                        held.canary.unwrap_or(0),
                        held.weight,
                        held.config,
                        held.swept
                    );
                    out.fact(Fact::Reported { by: "toy", what: "holds", about: about.into(), value: 0 });
                }
                if held.weight > 0 {
                    let (good, bad) = self.ways.counted;
                    self.counted = (self.counted.0 + good, self.counted.1 + bad);
                }
                self.held = Some(held);
                Rollout::Kept(held.at, self.counted)
            }
            _ => return,
        };
        out.send(from, Wire::Rollout(Box::new(answer)));
    }
}

fn node(role: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let sync_ns = Quantiles::constant(1_000);
    NodeSpec { role: role.into(), group: "cell-a".into(), zone: "z".into(), workers: 0, queue_max: 100, sync_ns, boot }
}

/// What the instance was told to hold, in order: stable and canary release, weight, configuration, sweeps.
fn check(ways: Ways, crash: Option<(Instant, Instant)>, off: &[&Control], expected: &[&str]) {
    let rule = CanaryRule::day_one(Objective::from_ppm(999_000).expect("99.9 %"), 6).expect("the day-1 rule");
    let spec = ControllerSpec {
        cell: "cell-a".into(),
        gateways: vec![GATEWAY],
        instances: vec![INSTANCE],
        checker: CHECKER,
        first: 7,
        planned: [Planned { at: PLANNED, release: 8 }].into(),
        settings: Settings::day_one(rule),
    };
    let neighbour = |role| node(role, Rc::new(move |_, _| Box::new(Neighbour { ways, held: None, counted: (0, 0) })));
    let link = LinkSpec { latency_ns: Quantiles::new(&[500_000, 2_000_000]) };
    let end = Instant(6_000_000_000);
    let fault = |(from, until)| {
        let (kind, target) = ("crash".into(), Target::Node("controller".into()));
        FaultSpec { kind, target, from, until, strength: 0 }
    };
    let world = WorldSpec {
        nodes: vec![
            node("controller", Rc::new(move |ctx, out| Box::new(Controller::boot(&spec, ctx, out)))),
            neighbour("gateway"),
            neighbour("instance"),
            neighbour("checker"),
        ],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: crash.map(fault).into_iter().collect(),
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
    let told = outcome.journal.entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Reported { by: "toy", about, .. } => Some(about.to_string()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

const BEFORE: &str = "7/0 0 % config 7 swept 0";
const PREPARED: &str = "7/8 0 % config 8 swept 0";
const LIVE: &str = "7/8 5 % config 8 swept 0";
const CONFIGURED: &str = "7/8 0 % config 7 swept 0";
const SWEPT: &str = "7/8 0 % config 7 swept 1";
const AFTER: &str = "7/0 0 % config 7 swept 1";

#[test]
fn a_release_is_prepared_gets_its_share_and_is_everybodys() {
    check(FINE, None, &[], &[BEFORE, PREPARED, LIVE, "8/0 0 % config 8 swept 0"]);
}

#[test]
fn one_that_fails_goes_back_step_by_step() {
    let failing = Ways { counted: (1, 1), ..FINE };
    check(failing, None, &[], &[BEFORE, PREPARED, LIVE, PREPARED, CONFIGURED, SWEPT, AFTER]);
}

#[test]
fn one_that_tells_something_else_never_gets_a_request() {
    let leaking = Ways { differ: 1, ..FINE };
    check(leaking, None, &[], &[BEFORE, PREPARED, CONFIGURED, SWEPT, AFTER]);
    check(leaking, None, &[&ISOLATION_CHECK], &[BEFORE, PREPARED, LIVE, "8/0 0 % config 8 swept 0"]);
}

#[test]
fn a_rollback_waits_for_everybody_and_survives_a_loss_of_power() {
    // It begins at about a second, and the instance hears nothing of it until long after the controller is back.
    let deaf = (Instant(900_000_000), Instant(3_000_000_000));
    let crash = (Instant(1_500_000_000), Instant(2_000_000_000));
    let leaking = Ways { differ: 1, deaf, ..FINE };
    check(leaking, Some(crash), &[], &[BEFORE, PREPARED, CONFIGURED, SWEPT, AFTER]);
    check(leaking, Some(crash), &[&RESUMED], &[BEFORE, PREPARED]);
}
