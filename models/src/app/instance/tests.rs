//! An instance in a world with one hand that orders it, probes it, asks it for something, and takes notes.

use super::*;
use crate::app::databases::Databases;
use crate::app::slices::Slices;
use crate::app::upstream::CachesSpec;
use crate::breaker;
use crate::cache::machine::account;
use crate::control::ControlSet;
use crate::retry;
use crate::wire::http::{Method, Request};
use sim::choice::Choices;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};
use std::collections::BTreeMap;
use std::rc::Rc;

const HAND: NodeId = NodeId(0);
const INSTANCE: NodeId = NodeId(1);
/// Somebody who never answers: the policy, and all stores.
const NOBODY: NodeId = NodeId(2);
/// How long a request waits for the policy here, until it is refused.
const POLICY: Duration = Duration::millis(400);
const START: Duration = Duration::millis(500);

/// Sends its words at their times, in milliseconds, and notes what comes back.
struct Hand(Vec<(u64, Wire)>);

impl Machine<Saas> for Hand {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let heard: String = match input {
            Input::Timer { token } => return out.send(INSTANCE, self.0[token as usize].1.clone()),
            Input::Message { message: Wire::Scaling(word), .. } => match *word {
                Scaling::Stands(standing) => format!("{standing:?}"),
                _ => return,
            },
            Input::Message { message, .. } => message.name().into(),
            _ => return,
        };
        out.fact(Fact::Reported { by: "toy", what: "heard", about: heard.as_str().into(), value: 0 });
    }
}

fn app() -> AppSpec {
    AppSpec {
        role: "cell-a/app-7".into(),
        region: "EU".into(),
        policy: NOBODY,
        policy_patience: POLICY,
        caches: CachesSpec {
            node: NOBODY,
            platform: account("platform", 0),
            tenants: Vec::new(),
            connection_base: 0,
            ttl: Duration::secs(60),
            patience: Duration::millis(50),
            breaker: breaker::Settings::DEFAULT,
            reborn: None,
        },
        databases: Databases::new(vec![NOBODY], Duration::millis(500), breaker::Settings::DEFAULT),
        slices: Slices(Rc::new(BTreeMap::new())),
        retries: retry::Settings::DEFAULT,
        brokers: vec![NOBODY],
        spills_to: Vec::new(),
        objects: None,
        graph: None,
        breaker: breaker::Settings::DEFAULT,
        siem: None,
        classes: Rc::new(BTreeMap::new()),
        pipeline: None,
        registrar: None,
        shared_for: Duration::ZERO,
        mode_by: None,
        rollout: None,
        cost: Duration::ZERO,
        foreign_row: None,
    }
}

fn node(role: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let sync_ns = Quantiles::constant(1);
    NodeSpec { role: role.into(), group: "cell-a".into(), zone: "z".into(), workers: 0, queue_max: 100, sync_ns, boot }
}

fn order(at: u64, run: bool) -> (u64, Wire) {
    (at, Wire::Scaling(Box::new(Scaling::Order(at, Some(run)))))
}

fn probe(at: u64) -> (u64, Wire) {
    (at, Wire::Probe(at))
}

fn ask(at: u64) -> (u64, Wire) {
    let mut request = Request::new(at, Method::Get, "/v1/records/1".into());
    request.headers.tenant_id = Some("acme".into());
    (at, Wire::Http(Box::new(request)))
}

/// What the hand heard, and what the instance said of itself, each with when, to the tenth of a second.
fn told(stands: bool, words: Vec<(u64, Wire)>, off: &[&Control]) -> Vec<(u64, String)> {
    let spec = InstanceSpec { app: app(), scaled_by: HAND, stands, start: (START, Duration::millis(50)) };
    let link = LinkSpec { latency_ns: Quantiles::new(&[500_000, 2_000_000]) };
    let end = Instant(6_000_000_000);
    let hand: Boot<Saas> = Rc::new(move |_, out| {
        for (token, (at, _)) in words.iter().enumerate() {
            out.timer(Duration::millis(*at), token as u64);
        }
        Box::new(Hand(words.clone()))
    });
    let world = WorldSpec {
        nodes: vec![
            node("hand", hand),
            node("instance", Rc::new(move |ctx, out| Box::new(Instance::boot(&spec, ctx, out)))),
            node("nobody", Rc::new(|_, _| Box::new(Hand(Vec::new())))),
        ],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: vec![],
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
    let said = |fact: &Fact| match fact {
        Fact::Reported { by: "toy", about, .. } => Some(about.to_string()),
        Fact::Reported { by: BY, what, value, .. } => Some(format!("{what} {value}")),
        _ => None,
    };
    let heard = outcome.journal.entries.iter().filter(|e| e.node != NOBODY);
    heard.filter_map(|e| Some((e.at.0 / 100_000_000, said(&e.fact)?))).collect()
}

fn check(stands: bool, words: Vec<(u64, Wire)>, off: &[&Control], expected: &[(u64, &str)]) {
    let told = told(stands, words, off);
    let told: Vec<(u64, &str)> = told.iter().map(|(at, what)| (*at, what.as_str())).collect();
    assert_eq!(told, expected);
}

#[test]
fn one_that_does_not_run_serves_nobody_and_one_that_was_ordered_serves_once_it_has_started() {
    let words = vec![probe(110), order(210, true), probe(310), probe(910)];
    let expected = [(2, "starting 0"), (2, "Starting"), (7, "ready 0"), (7, "Ready"), (9, "probe answer")];
    check(false, words, &[], &expected);
    check(true, vec![probe(910)], &[], &[(0, "starting 0"), (5, "ready 0"), (5, "Ready"), (9, "probe answer")]);
}

#[test]
fn one_that_is_to_stop_ends_what_it_has_begun_and_serves_on_until_nobody_comes() {
    let words = vec![ask(1_010), order(1_110, false), probe(1_210), probe(1_910)];
    let stopped = [
        (0, "starting 0"),
        (5, "ready 0"),
        (5, "Ready"),
        (11, "stopping 1"),
        (11, "Draining"),
        (12, "probe answer"),
        (14, "http answer"),
        (14, "stopped 0"),
        (14, "Off"),
    ];
    check(true, words.clone(), &[], &stopped);
    let killed = [(0, "starting 0"), (5, "ready 0"), (5, "Ready"), (11, "stopping 1"), (11, "stopped 1"), (11, "Off")];
    check(true, words, &[&DRAIN], &killed);
}

#[test]
fn an_order_that_was_overtaken_counts_for_nothing_and_one_that_starts_may_be_called_off() {
    let late = vec![order(1_010, true), (1_110, order(900, false).1), probe(1_210)];
    let expected =
        [(0, "starting 0"), (5, "ready 0"), (5, "Ready"), (10, "Ready"), (11, "Ready"), (12, "probe answer")];
    check(true, late, &[], &expected);
    let off = [(2, "starting 0"), (2, "Starting"), (3, "stopping 0"), (3, "stopped 0"), (3, "Off")];
    check(false, vec![order(210, true), order(310, false), probe(1_010)], &[], &off);
}

#[test]
fn one_that_drains_starts_anew_when_it_is_ordered_again() {
    let words = vec![order(1_010, false), order(1_060, true), order(1_410, true), probe(2_110)];
    let expected = [
        (0, "starting 0"),
        (5, "ready 0"),
        (5, "Ready"),
        (10, "stopping 0"),
        (10, "Draining"),
        (10, "Draining"),
        (11, "stopped 0"),
        (11, "Off"),
        (14, "starting 0"),
        (14, "Starting"),
        (19, "ready 0"),
        (19, "Ready"),
        (21, "probe answer"),
    ];
    check(true, words, &[], &expected);
}
