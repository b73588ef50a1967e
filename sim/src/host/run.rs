//! A run that an engine carries out: its nodes, what they share, and the cues of its faults.
//!
//! The engine keeps one [`Run`] and lends it to the task of each node. It asks [`Run::next_at`] when to come back,
//! hands over what arrived, and carries off what leaves. On each [`Cue`] it lets the run play it and lends a hand
//! ([`Power`]) for what only it can do: stop a host, cut a connection.

use super::{Departure, Due, Host, Waiting, scene::Scene};
use crate::absence::{self, Chosen};
use crate::control::{ControlSet, Controls};
use crate::court::{Court, Outcome, Ran};
use crate::disk::DiskFaults;
use crate::fault::{self, FaultSpec, Hands, Target};
use crate::id::NodeId;
use crate::machine::{Input, Platform};
use crate::node::Clock;
use crate::oracle::Act;
use crate::seed::{CORE, Draws, Lineage, below, mix};
use crate::time::Instant;
use crate::world::WorldSpec;
use std::any::Any;
use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;

/// Something that happens to a run at a planned instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cue {
    /// A fault begins.
    Begins(usize),
    /// A fault ends.
    Ends(usize),
    /// Faults have stopped; a healthy core must serve.
    Liveness,
}

/// What only the engine can do.
pub trait Power {
    /// A node has lost power: its tasks and connections are gone.
    fn down(&mut self, node: NodeId);
    /// A node has booted again: its task may start.
    fn up(&mut self, node: NodeId);
    /// From now on nothing passes from one node to another.
    fn cut(&mut self, from: NodeId, to: NodeId);
    /// It passes again.
    fn heal(&mut self, from: NodeId, to: NodeId);
}

/// A run in progress.
pub struct Run<P: Platform> {
    scene: RefCell<Scene<P>>,
    hosts: Vec<RefCell<Host<P>>>,
    cuts: RefCell<BTreeMap<(NodeId, NodeId), u32>>,
    cues: Vec<(Instant, Cue)>,
    spares: Vec<String>,
    ended: Cell<Instant>,
    chosen: Chosen,
}

/// Kinds of faults that are a cut between nodes, with whether it goes both ways.
const CUTS: [(&str, bool); 2] = [("partition", true), ("partition-one-way", false)];

impl<P: Platform> Run<P> {
    /// Opens a run and boots every node. Partitions are left to the engine's own network.
    pub fn open(spec: WorldSpec<P>, draws: Draws, off: ControlSet) -> Run<P> {
        let mut chosen = Chosen::new(&draws, &spec.nodes, spec.positions, spec.faults, spec.end);
        let court = Court::new(spec.oracles, spec.keep);
        let controls = Controls::with_off(off).noting(spec.keep);
        let mut scene = Scene::new(&spec.nodes, (spec.local, spec.remote, spec.links), court, draws, controls);
        scene.hold(std::mem::take(&mut chosen.positions));
        let hosts = spec.nodes.into_iter().enumerate();
        let hosts = hosts.map(|(i, node)| RefCell::new(Host::new(NodeId(i as u32), node))).collect();
        let mut run = Run {
            scene: RefCell::new(scene),
            hosts,
            cuts: RefCell::default(),
            cues: vec![(spec.safety_until, Cue::Liveness)],
            spares: spec.spares,
            ended: Cell::new(Instant::ZERO),
            chosen,
        };
        run.schedule(spec.safety_until);
        (0..run.hosts.len() as u32).for_each(|i| run.boot(NodeId(i), Instant::ZERO));
        run
    }

    fn schedule(&mut self, safety_until: Instant) {
        let faults: Vec<FaultSpec> = self.chosen.faults.iter().map(|(_, chosen)| chosen.clone()).collect();
        for spec in faults {
            let built = fault::build::build(&spec, &Grip { run: self, power: &mut Nobody, now: Instant::ZERO });
            let mut scene = self.scene.borrow_mut();
            match built {
                Ok(work) => {
                    let (from, until) = (spec.from, spec.until.min(safety_until));
                    let i = scene.plan.add(spec.clone(), work, cut(&spec.kind).is_some());
                    self.cues.extend([(from, Cue::Begins(i)), (until, Cue::Ends(i))]);
                }
                Err(why) => scene.court.error(why),
            }
        }
        self.cues.sort_by_key(|(at, _)| *at);
    }

    /// How many nodes there are; their ids count from zero.
    pub fn nodes(&self) -> u32 {
        self.hosts.len() as u32
    }

    /// Role of a node.
    pub fn role(&self, node: NodeId) -> String {
        self.hosts[node.0 as usize].borrow().spec.role.clone()
    }

    /// Whether a node takes part at all: the choice map may leave it out, and then an engine needs no host for it.
    pub fn is_there(&self, node: NodeId) -> bool {
        absence::has_node(&self.scene.borrow().draws, &self.hosts[node.0 as usize].borrow().spec)
    }

    /// End of the run.
    pub fn end(&self) -> Instant {
        self.chosen.end
    }

    /// What happens when, in order.
    pub fn cues(&self) -> &[(Instant, Cue)] {
        &self.cues
    }

    /// The controls of the run.
    pub fn controls(&self) -> Ref<'_, Controls> {
        Ref::map(self.scene.borrow(), |scene| &scene.controls)
    }

    /// What a node's own clock shows.
    pub fn local(&self, node: NodeId, now: Instant) -> Instant {
        self.hosts[node.0 as usize].borrow().clock.local(now)
    }

    /// Looks at what a node's machine shows to engines, if it is up and shows anything of this type.
    pub fn look<T: Any, R>(&self, node: NodeId, look: impl FnOnce(&T) -> R) -> Option<R> {
        let host = self.hosts[node.0 as usize].borrow();
        host.machine.as_ref()?.aspect()?.downcast_ref().map(look)
    }

    /// Whether anybody holds a network position between two nodes.
    pub fn is_held(&self, a: NodeId, b: NodeId) -> bool {
        self.scene.borrow().is_held(a, b)
    }

    /// Whether `by` may speak to `to` under the name of `from`.
    pub fn may_speak_as(&self, by: NodeId, from: NodeId, to: NodeId) -> bool {
        by == from || self.scene.borrow().holds(by, from, to)
    }

    /// The run itself made a mistake, or its engine did.
    pub fn error(&self, why: String) {
        self.scene.borrow_mut().court.error(why);
    }

    /// A word arrived at a node.
    pub fn arrive(&self, node: NodeId, now: Instant, lineage: Lineage, input: Input<P>) {
        self.hosts[node.0 as usize].borrow_mut().plan(now, Due::Arrival(Waiting { lineage, input }));
    }

    /// When a node has something to do.
    pub fn next_at(&self, node: NodeId) -> Option<Instant> {
        self.hosts[node.0 as usize].borrow().next_at()
    }

    /// Lets a node do everything that is due, and returns what leaves by that, in order.
    pub fn advance(&self, node: NodeId, now: Instant) -> Vec<Departure<P>> {
        let mut leaving = Vec::new();
        if now <= self.chosen.end {
            self.hosts[node.0 as usize].borrow_mut().advance(&mut self.scene.borrow_mut(), now, &mut leaving);
            self.ended.set(now);
        }
        leaving
    }

    fn boot(&self, node: NodeId, now: Instant) {
        self.hosts[node.0 as usize].borrow_mut().boot(&mut self.scene.borrow_mut(), now);
    }

    /// Plays a cue.
    pub fn play(&self, cue: Cue, now: Instant, power: &mut dyn Power) {
        match cue {
            Cue::Begins(i) => {
                let work = self.scene.borrow_mut().plan.begins(i);
                if let Some(mut work) = work {
                    let fired = work.begin(&mut Grip { run: self, power, now });
                    self.turn(i, power, true);
                    self.scene.borrow_mut().plan.begun(i, work, fired);
                }
            }
            Cue::Ends(i) => {
                let work = self.scene.borrow_mut().plan.ends(i);
                if let Some(mut work) = work {
                    let fired = work.end(&mut Grip { run: self, power, now });
                    self.turn(i, power, false);
                    self.scene.borrow_mut().plan.struck(i, fired);
                }
            }
            Cue::Liveness => self.liveness(now, power),
        }
    }

    /// Faults have ended. One spare, drawn, dies for good.
    fn liveness(&self, now: Instant, power: &mut dyn Power) {
        let planned = self.scene.borrow().plan.len();
        (0..planned).for_each(|i| self.play(Cue::Ends(i), now, power));
        let draw = self.scene.borrow().draws.draw(CORE, 0, 0);
        let pick = below(draw, self.spares.len() as u64 + 1) as usize;
        let spare = self.spares.get(pick).and_then(|role| self.scene.borrow().node(role));
        if let Some(node) = spare {
            Grip { run: self, power, now }.crash(node);
        }
        self.scene.borrow_mut().court.act(Act::Liveness, now);
    }

    /// Cuts, or heals, what a partition is between; a pair under two of them heals with the last.
    fn turn(&self, i: usize, power: &mut dyn Power, begins: bool) {
        let spec = self.scene.borrow().plan.spec(i).clone();
        let Some(both) = cut(&spec.kind) else { return };
        let grip = Grip { run: self, power: &mut Nobody, now: Instant::ZERO };
        let (from, to) = match &spec.target {
            Target::Link(from, to) => (grip.nodes(from), grip.nodes(to)),
            other => (grip.nodes(other), grip.nodes(&Target::All)),
        };
        let one_way = from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b)));
        let mut pairs: Vec<(NodeId, NodeId)> = one_way.filter(|(a, b)| a != b).collect();
        if both {
            pairs.extend(pairs.clone().into_iter().map(|(a, b)| (b, a)));
        }
        pairs.sort();
        pairs.dedup();
        let mut cuts = self.cuts.borrow_mut();
        for (a, b) in pairs {
            let cut = cuts.entry((a, b)).or_insert(0);
            let was = *cut;
            *cut = if begins { was + 1 } else { was.saturating_sub(1) };
            match (was, *cut) {
                (0, 1) => power.cut(a, b),
                (1, 0) => power.heal(a, b),
                _ => {}
            }
        }
    }

    /// The run has ended.
    pub fn finish(self) -> Outcome<P> {
        let scene = self.scene.into_inner();
        let ran = Ran {
            chosen: self.chosen,
            ended: self.ended.get(),
            events: scene.events,
            trail: scene.trail,
            faults: scene.plan.into_fired(),
            roles: scene.roles,
        };
        scene.court.finish(ran, &scene.draws, &scene.controls)
    }
}

/// Whether a kind of fault is a cut, and if so whether it goes both ways.
fn cut(kind: &str) -> Option<bool> {
    CUTS.iter().find(|(name, _)| *name == kind).map(|(_, both)| *both)
}

/// What faults may do to the nodes of a run.
struct Grip<'a, P: Platform> {
    run: &'a Run<P>,
    power: &'a mut dyn Power,
    now: Instant,
}

/// Does nothing, for questions that need no engine.
struct Nobody;

impl Power for Nobody {
    fn down(&mut self, _: NodeId) {}
    fn up(&mut self, _: NodeId) {}
    fn cut(&mut self, _: NodeId, _: NodeId) {}
    fn heal(&mut self, _: NodeId, _: NodeId) {}
}

impl<P: Platform> Grip<'_, P> {
    fn host(&self, node: NodeId) -> std::cell::RefMut<'_, Host<P>> {
        self.run.hosts[node.0 as usize].borrow_mut()
    }
}

impl<P: Platform> Hands for Grip<'_, P> {
    fn nodes(&self, target: &Target) -> Vec<NodeId> {
        let is_in = |host: &RefCell<Host<P>>| target.covers(&host.borrow().spec);
        let all = self.run.hosts.iter().enumerate();
        all.filter(|(_, host)| is_in(host)).map(|(i, _)| NodeId(i as u32)).collect()
    }

    fn crash(&mut self, node: NodeId) -> bool {
        let was_up = self.host(node).crash(&self.run.scene.borrow());
        if was_up {
            self.power.down(node);
        }
        was_up
    }

    fn restart(&mut self, node: NodeId) {
        let is_down = self.host(node).machine.is_none();
        if is_down {
            self.run.boot(node, self.now);
            self.power.up(node);
        }
    }

    fn wipe(&mut self, node: NodeId) {
        self.host(node).disk.wipe();
    }

    fn pause(&mut self, node: NodeId, paused: bool) {
        let mut host = self.host(node);
        host.paused = paused;
        host.arm(self.now);
    }

    fn slow(&mut self, node: NodeId, factor: u64) {
        self.host(node).slow = factor;
    }

    fn clock(&mut self, node: NodeId, clock: Clock) {
        self.host(node).clock = clock;
    }

    fn disk(&mut self, node: NodeId, faults: DiskFaults) {
        self.host(node).disk.faults = faults;
    }

    fn rot(&mut self, node: NodeId) {
        let mut host = self.host(node);
        let cause = mix(host.name, u64::from(host.incarnation));
        host.disk.rot(&self.run.scene.borrow().draws, cause);
    }

    fn damage(&self, node: NodeId) -> u64 {
        self.host(node).disk.damaged
    }

    fn now(&self) -> Instant {
        self.now
    }
}
