//! The world: one thread, one event heap, boxed machines.
//!
//! It jumps from event to event; a node with nothing to do costs nothing. What is not here: any clock but its own
//! counter, any order but `(time, seq)`, any luck but keyed draws.

use crate::absence::Chosen;
use crate::control::{ControlSet, Controls};
use crate::court::{Court, Ran};
use crate::disk::Disk;
use crate::fault::{self, FaultSpec, Passing, Plan};
use crate::id::NodeId;
use crate::journal::Step;
use crate::machine::{Ctx, Effect, Input, Machine, Message, Outbox, Platform};
use crate::network::{LinkSpec, Links, Order};
use crate::node::{Clock, NodeSpec};
use crate::oracle::{Act, Oracle};
use crate::queue::Queue;
use crate::seed::{CORE, DISK, Draws, FAULT, Lineage, NETWORK, below, mix, name_hash};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

mod hands;

pub use crate::court::{Outcome, Struck};

/// What a world is made of.
pub struct WorldSpec<P: Platform> {
    /// Nodes, in order of their ids.
    pub nodes: Vec<NodeSpec<P>>,
    /// Link inside a group.
    pub local: LinkSpec,
    /// Link between two groups that `links` does not name.
    pub remote: LinkSpec,
    /// Links between groups, by name.
    pub links: Vec<(String, String, LinkSpec)>,
    /// Faults of the safety act.
    pub faults: Vec<FaultSpec>,
    /// Network positions: messages from the first role to the second pass the third.
    pub positions: Vec<(String, String, String)>,
    /// Roles of which one, drawn, may stay dead in the liveness act: the rest is the core that must serve.
    pub spares: Vec<String>,
    /// End of the safety act.
    pub safety_until: Instant,
    /// End of the run.
    pub end: Instant,
    /// Judges.
    pub oracles: Vec<Box<dyn Oracle<P>>>,
    /// Whether facts and steps are kept, and not only digested.
    pub keep: bool,
}

struct Waiting<P: Platform> {
    lineage: Lineage,
    input: Input<P>,
}

pub(crate) struct Node<P: Platform> {
    spec: NodeSpec<P>,
    group: usize,
    name: u64,
    machine: Option<Box<dyn Machine<P>>>,
    incarnation: u32,
    crashed_at: Vec<Instant>,
    paused: bool,
    slow: u64,
    clock: Clock,
    free_at: Vec<Instant>,
    queue: VecDeque<Waiting<P>>,
    wake_at: Instant,
    disk: Disk,
    order: Order,
}

struct Sender {
    node: NodeId,
    incarnation: u32,
    released: Instant,
}

enum Event<P: Platform> {
    Deliver { to: NodeId, sender: Sender, lineage: Lineage, input: Input<P> },
    Timer { node: NodeId, incarnation: u32, lineage: Lineage, token: u64 },
    Synced { node: NodeId, incarnation: u32, lineage: Lineage, token: u64, watermark: Box<[u64]> },
    Wake(NodeId),
    FaultBegins(usize),
    FaultEnds(usize),
    Liveness,
}

/// A run in progress.
pub struct World<P: Platform> {
    now: Instant,
    draws: Draws,
    controls: Controls,
    queue: Queue<Event<P>>,
    nodes: Vec<Node<P>>,
    links: Links,
    positions: BTreeMap<(NodeId, NodeId), NodeId>,
    spares: Vec<String>,
    plan: Plan,
    court: Court<P>,
    outbox: Outbox<P>,
    trail: u64,
    events: u64,
    safety_until: Instant,
    chosen: Chosen,
}

impl<P: Platform> World<P> {
    /// Builds the world and boots every node.
    pub fn new(spec: WorldSpec<P>, draws: Draws, off: ControlSet) -> World<P> {
        let mut chosen = Chosen::new(&draws, &spec.nodes, spec.positions, spec.faults, spec.end);
        let positions = std::mem::take(&mut chosen.positions);
        let mut groups: Vec<String> = Vec::new();
        let mut nodes = Vec::with_capacity(spec.nodes.len());
        for node in spec.nodes {
            let group = groups.iter().position(|g| *g == node.group).unwrap_or_else(|| {
                groups.push(node.group.clone());
                groups.len() - 1
            });
            nodes.push(Node::new(node, group));
        }
        let mut links = Links::new(groups.len(), spec.local, spec.remote);
        for (a, b, link) in spec.links {
            let index = |name: &str| groups.iter().position(|g| g == name);
            if let (Some(a), Some(b)) = (index(&a), index(&b)) {
                links.set(a, b, link);
            }
        }
        let mut world = World {
            now: Instant::ZERO,
            draws,
            controls: Controls::with_off(off).noting(spec.keep),
            queue: Queue::default(),
            nodes,
            links,
            positions: BTreeMap::new(),
            spares: spec.spares,
            plan: Plan::default(),
            court: Court::new(spec.oracles, spec.keep),
            outbox: Outbox::new(),
            trail: 0,
            events: 0,
            safety_until: spec.safety_until,
            chosen,
        };
        world.outbox.is_gauged = world.court.reads_gauges();
        world.hold(positions);
        world.queue.push(spec.safety_until, Event::Liveness);
        world.schedule();
        (0..world.nodes.len() as u32).for_each(|i| world.boot(NodeId(i)));
        world
    }

    fn hold(&mut self, positions: Vec<(String, String, String)>) {
        for (from, to, by) in positions {
            match (self.node(&from), self.node(&to), self.node(&by)) {
                (Some(from), Some(to), Some(by)) => drop(self.positions.insert((from, to), by)),
                _ => self.court.error(format!("network position {from} → {to} by {by}: no such node")),
            }
        }
    }

    fn schedule(&mut self) {
        let faults: Vec<FaultSpec> = self.chosen.faults.iter().map(|(_, chosen)| chosen.clone()).collect();
        for spec in faults {
            match fault::build::build(&spec, self) {
                Ok(work) => {
                    let (from, until) = (spec.from, spec.until.min(self.safety_until));
                    let i = self.plan.add(spec, work, false);
                    self.queue.push(from, Event::FaultBegins(i));
                    self.queue.push(until, Event::FaultEnds(i));
                }
                Err(why) => self.court.error(why),
            }
        }
    }

    /// The node of a role.
    pub fn node(&self, role: &str) -> Option<NodeId> {
        self.nodes.iter().position(|n| n.spec.role == role).map(|i| NodeId(i as u32))
    }

    /// Runs to the end.
    pub fn run(mut self) -> Outcome<P> {
        let mut standing = 0;
        while let Some(at) = self.queue.next_at() {
            if at > self.chosen.end {
                break;
            }
            let (at, event) = self.queue.pop().expect("the queue has a next event");
            standing = if at == self.now { standing + 1 } else { 0 };
            self.now = at;
            self.step(event);
            if standing == STANDSTILL {
                self.court.error(stands_still(at));
                break;
            }
        }
        self.finish()
    }

    fn step(&mut self, event: Event<P>) {
        match event {
            Event::Deliver { to, sender, lineage, input } => {
                if self.left(&sender) {
                    self.arrive(to, lineage, input, true);
                }
            }
            Event::Timer { node, incarnation, lineage, token } => {
                if self.nodes[node.0 as usize].incarnation == incarnation {
                    self.arrive(node, lineage, Input::Timer { token }, false);
                }
            }
            Event::Synced { node, incarnation, lineage, token, watermark } => {
                let n = &mut self.nodes[node.0 as usize];
                if n.incarnation == incarnation {
                    let ok = n.disk.sync(&watermark);
                    self.arrive(node, lineage, Input::Synced { token, ok }, false);
                }
            }
            Event::Wake(node) => self.wake(node),
            Event::FaultBegins(i) => self.fault_begins(i),
            Event::FaultEnds(i) => self.fault_ends(i),
            Event::Liveness => self.liveness(),
        }
    }

    /// Whether a message really left: its sender may have lost power before its service time was over.
    fn left(&self, sender: &Sender) -> bool {
        let node = &self.nodes[sender.node.0 as usize];
        let crashed = node.crashed_at.get(sender.incarnation as usize);
        crashed.is_none_or(|at| sender.released <= *at)
    }

    fn arrive(&mut self, to: NodeId, lineage: Lineage, input: Input<P>, bounded: bool) {
        let node = &mut self.nodes[to.0 as usize];
        if node.machine.is_none() {
            return;
        }
        let free = node.spec.workers == 0 || node.queue.is_empty() && node.free_at.iter().any(|at| *at <= self.now);
        if free && !node.paused {
            self.handle(to, lineage, input);
        } else if bounded && node.queue.len() >= node.spec.queue_max as usize && !node.paused {
            self.refuse(to, lineage, input);
        } else {
            node.queue.push_back(Waiting { lineage, input });
            self.arm(to);
        }
    }

    fn refuse(&mut self, to: NodeId, lineage: Lineage, input: Input<P>) {
        if let Input::Message { from, message } = input {
            self.transmit(to, from, lineage.child(u64::MAX), self.now, Input::Refused { to, message });
        }
    }

    /// Makes sure the node is woken when its next worker is free.
    fn arm(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if node.queue.is_empty() || node.paused || node.machine.is_none() {
            return;
        }
        let at = node.free_at.iter().min().copied().unwrap_or(self.now).max(self.now);
        if at < node.wake_at {
            node.wake_at = at;
            self.queue.push(at, Event::Wake(id));
        }
    }

    fn wake(&mut self, id: NodeId) {
        self.nodes[id.0 as usize].wake_at = Instant::NEVER;
        loop {
            let node = &mut self.nodes[id.0 as usize];
            let free = node.spec.workers == 0 || node.free_at.iter().any(|at| *at <= self.now);
            if node.paused || node.machine.is_none() || !free {
                break;
            }
            let Some(Waiting { lineage, input }) = node.queue.pop_front() else { break };
            self.handle(id, lineage, input);
        }
        self.arm(id);
    }

    fn handle(&mut self, id: NodeId, lineage: Lineage, input: Input<P>) {
        self.events += 1;
        let kind = match &input {
            Input::Message { message, .. } => message.fingerprint(),
            Input::Timer { token } => mix(1, *token),
            Input::Synced { token, ok } => mix(2, *token ^ u64::from(*ok)),
            Input::Intercepted { message, .. } => mix(3, message.fingerprint()),
            Input::Refused { message, .. } => mix(4, message.fingerprint()),
        };
        self.trail = mix(self.trail ^ self.now.0, kind ^ u64::from(id.0));
        let now = self.now;
        self.court.step(|| step(now, id, lineage, &input));
        let node = &mut self.nodes[id.0 as usize];
        let mut machine = node.machine.take().expect("a node that handles is up");
        let mut ctx = node.context(id, self.now, lineage, &self.draws, &self.controls);
        self.outbox.begin(lineage);
        machine.handle(&mut ctx, input, &mut self.outbox);
        self.court.asked(&self.controls);
        self.nodes[id.0 as usize].machine = Some(machine);
        self.settle(id);
    }

    /// Puts the effects of a handled input into the world.
    fn settle(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        let busy = Duration(self.outbox.busy.0.saturating_mul(node.slow));
        let release = self.now + busy;
        if let Some(worker) = node.free_at.iter_mut().find(|at| **at <= self.now) {
            *worker = release;
        }
        for mark in self.outbox.marks.drain(..) {
            self.court.mark(mark);
        }
        for (name, value) in self.outbox.gauges.drain(..) {
            self.court.gauge(&self.nodes[id.0 as usize].spec.role, name, value);
        }
        let mut facts = std::mem::take(&mut self.outbox.facts);
        for (cause, fact) in facts.drain(..) {
            self.court.observe(self.now, id, &self.nodes[id.0 as usize].spec.role, cause, &fact);
        }
        self.outbox.facts = facts;
        let mut effects = std::mem::take(&mut self.outbox.effects);
        for effect in effects.drain(..) {
            self.take_effect(id, release, effect);
        }
        self.outbox.effects = effects;
    }

    fn take_effect(&mut self, id: NodeId, release: Instant, effect: Effect<P>) {
        match effect {
            Effect::Send { to, lineage, message } => {
                let input = Input::Message { from: id, message };
                match self.positions.is_empty() {
                    true => self.transmit(id, to, lineage, release, input),
                    false => self.pass(id, to, lineage, release, input),
                }
            }
            Effect::SendAs { from, to, lineage, message } => {
                if self.positions.get(&(from, to)) == Some(&id) {
                    self.transmit(id, to, lineage, release, Input::Message { from, message });
                } else {
                    let why = format!("{} holds no network position there", self.nodes[id.0 as usize].spec.role);
                    self.court.error(why);
                }
            }
            Effect::Timer { after, token, lineage } => {
                let node = &self.nodes[id.0 as usize];
                let at = release + node.clock.global_span(after);
                self.queue.push(at, Event::Timer { node: id, incarnation: node.incarnation, lineage, token });
            }
            Effect::Write { file, write } => self.nodes[id.0 as usize].disk.write(file, write),
            Effect::Sync { token, lineage } => {
                let node = &self.nodes[id.0 as usize];
                let draw = self.draws.draw(DISK, lineage.cause, lineage.path);
                let took = Duration(node.spec.sync_ns.sample(draw).saturating_mul(node.slow));
                let (incarnation, watermark) = (node.incarnation, node.disk.watermark());
                self.queue.push(release + took, Event::Synced { node: id, incarnation, lineage, token, watermark });
            }
        }
    }

    /// Sends past whoever holds a position on the link.
    fn pass(&mut self, from: NodeId, to: NodeId, lineage: Lineage, release: Instant, input: Input<P>) {
        match (self.positions.get(&(from, to)).copied(), input) {
            (Some(by), Input::Message { message, .. }) => {
                self.transmit(from, by, lineage, release, Input::Intercepted { from, to, message });
            }
            (_, input) => self.transmit(from, to, lineage, release, input),
        }
    }

    fn transmit(&mut self, from: NodeId, to: NodeId, lineage: Lineage, release: Instant, mut input: Input<P>) {
        let (a, b) = (self.nodes[from.0 as usize].group, self.nodes[to.0 as usize].group);
        let latency = if from == to {
            Duration::ZERO
        } else {
            let draw = self.draws.draw(NETWORK, lineage.cause, lineage.path);
            Duration(self.links.between(a, b).latency_ns.sample(draw))
        };
        let mut at = release + latency;
        let sender = Sender { node: from, incarnation: self.nodes[from.0 as usize].incarnation, released: release };
        let mut unordered = false;
        if !self.plan.is_quiet() {
            let passing = Passing { from, to, sent: release, due: at, size: size(&input) };
            let fate = self.plan.fate(&passing, lineage, &self.draws);
            if fate.lost || fate.damaged && !damage(&mut input, self.draws.draw(FAULT, lineage.cause, lineage.path)) {
                return;
            }
            at += fate.later;
            unordered = fate.unordered;
            if let Some(later) = fate.again.filter(|_| repeats(&input)) {
                let sender = Sender { node: from, incarnation: sender.incarnation, released: release };
                let lineage = lineage.child(0xd0b1e);
                self.queue.push(at + later, Event::Deliver { to, sender, lineage, input: input.clone() });
            }
        }
        if !unordered && from != to {
            at = self.nodes[from.0 as usize].order.after_last(to, at);
        }
        self.queue.push(at, Event::Deliver { to, sender, lineage, input });
    }

    fn fault_begins(&mut self, i: usize) {
        if let Some(mut work) = self.plan.begins(i) {
            let fired = work.begin(self);
            self.plan.begun(i, work, fired);
        }
    }

    fn fault_ends(&mut self, i: usize) {
        if let Some(mut work) = self.plan.ends(i) {
            let fired = work.end(self);
            self.plan.struck(i, fired);
        }
    }

    /// Faults have ended (each at the end of the act at the latest). One spare, drawn, dies for good.
    fn liveness(&mut self) {
        for i in 0..self.plan.len() {
            self.fault_ends(i);
        }
        let pick = below(self.draws.draw(CORE, 0, 0), self.spares.len() as u64 + 1) as usize;
        if let Some(node) = self.spares.get(pick).and_then(|role| self.node(role)) {
            fault::Hands::crash(self, node);
        }
        self.court.act(Act::Liveness, self.now);
    }

    fn finish(self) -> Outcome<P> {
        let ran = Ran {
            chosen: self.chosen,
            ended: self.now,
            events: self.events,
            trail: self.trail,
            faults: self.plan.into_fired(),
            roles: self.nodes.into_iter().map(|n| n.spec.role).collect(),
        };
        self.court.finish(ran, &self.draws, &self.controls)
    }
}

/// Events at one instant from which on time is held to stand still: a machine that waits for no time does so for ever,
/// and a run that never ends says nothing.
pub(crate) const STANDSTILL: u64 = 1_000_000;

/// Says that no time passes any more.
pub(crate) fn stands_still(at: Instant) -> String {
    format!("time stands still at {} ns: {STANDSTILL} events, and a machine waits for no time", at.0)
}

impl<P: Platform> Node<P> {
    fn new(spec: NodeSpec<P>, group: usize) -> Node<P> {
        Node {
            group,
            name: name_hash(&spec.role),
            machine: None,
            incarnation: 0,
            crashed_at: Vec::new(),
            paused: false,
            slow: 1,
            clock: Clock::default(),
            free_at: vec![Instant::ZERO; spec.workers as usize],
            queue: VecDeque::new(),
            wake_at: Instant::NEVER,
            disk: Disk::default(),
            order: Order::default(),
            spec,
        }
    }

    /// What its machine may know while it boots or handles an input.
    fn context<'a>(
        &'a self,
        id: NodeId,
        now: Instant,
        lineage: Lineage,
        draws: &'a Draws,
        controls: &'a Controls,
    ) -> Ctx<'a, P> {
        Ctx {
            node: id,
            name: self.name,
            now: self.clock.local(now),
            lineage,
            drawn: 0,
            draws,
            controls,
            disk: &self.disk,
            words: std::marker::PhantomData,
        }
    }
}

pub(crate) fn size<P: Platform>(input: &Input<P>) -> u32 {
    match input {
        Input::Message { message, .. } | Input::Intercepted { message, .. } | Input::Refused { message, .. } => {
            message.size_bytes()
        }
        Input::Timer { .. } | Input::Synced { .. } => 0,
    }
}

/// Damages a message; false when the transport notices and drops it.
pub(crate) fn damage<P: Platform>(input: &mut Input<P>, draw: u64) -> bool {
    match input {
        Input::Message { message, .. } | Input::Intercepted { message, .. } => message.corrupt(draw),
        _ => false,
    }
}

/// Whether the network may deliver it twice.
pub(crate) fn repeats<P: Platform>(input: &Input<P>) -> bool {
    !matches!(input, Input::Message { message, .. } if !message.repeats())
}

pub(crate) fn step<P: Platform>(at: Instant, node: NodeId, lineage: Lineage, input: &Input<P>) -> Step {
    let (from, text) = match input {
        Input::Message { from, message } => (Some(*from), message.describe()),
        Input::Intercepted { from, message, .. } => (Some(*from), format!("intercepted: {}", message.describe())),
        Input::Refused { to, message } => (Some(*to), format!("refused: {}", message.describe())),
        Input::Timer { token } => (None, format!("timer {token:x}")),
        Input::Synced { token, ok } => (None, format!("sync {token:x} {}", if *ok { "kept" } else { "failed" })),
    };
    Step { at, cause: lineage.cause, from, node, text, asked: Vec::new(), facts_before: 0 }
}
