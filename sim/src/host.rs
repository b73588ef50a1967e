//! One node outside the kernel: everything about it but when it runs and how its words travel.
//!
//! An engine hands in what arrived and says what time it is; it gets back the words whose time to leave has come.
//! Queue, workers, service time, timers, disk and clock behave as in the kernel, to the nanosecond: an engine whose own
//! clock ticks more coarsely is late in delivering, never in computing. Start at [`Run`].

mod defect;
mod run;
mod scene;

pub use defect::{Defect, Tamper};
pub use run::{Cue, Power, Run};

use crate::absence;
use crate::disk::Disk;
use crate::id::NodeId;
use crate::machine::{Ctx, Effect, Input, Machine, Outbox, Platform};
use crate::network::Order;
use crate::node::{Clock, NodeSpec};
use crate::seed::{DISK, Lineage, mix, name_hash};
use crate::time::{Duration, Instant};
use crate::world::{STANDSTILL, stands_still};
use scene::Scene;
use std::collections::{BTreeMap, VecDeque};

/// A word that leaves a node now.
#[derive(Debug)]
pub struct Departure<P: Platform> {
    /// Who gets it: the receiver, or whoever holds the network position in between.
    pub to: NodeId,
    /// Its place in the tree of its cause.
    pub lineage: Lineage,
    /// What the receiver's machine will be given.
    pub input: Input<P>,
}

struct Waiting<P: Platform> {
    lineage: Lineage,
    input: Input<P>,
}

enum Due<P: Platform> {
    Arrival(Waiting<P>),
    Timer { lineage: Lineage, token: u64 },
    Synced { lineage: Lineage, token: u64, watermark: Box<[u64]> },
    Wake,
    Leave(Departure<P>),
}

struct Host<P: Platform> {
    id: NodeId,
    spec: NodeSpec<P>,
    name: u64,
    machine: Option<Box<dyn Machine<P>>>,
    incarnation: u32,
    clock: Clock,
    paused: bool,
    slow: u64,
    free_at: Vec<Instant>,
    queue: VecDeque<Waiting<P>>,
    wake_at: Instant,
    due: BTreeMap<(Instant, u64), Due<P>>,
    planned: u64,
    order: Order,
    disk: Disk,
    outbox: Outbox<P>,
}

impl<P: Platform> Host<P> {
    fn new(id: NodeId, spec: NodeSpec<P>) -> Host<P> {
        Host {
            id,
            name: name_hash(&spec.role),
            machine: None,
            incarnation: 0,
            clock: Clock::default(),
            paused: false,
            slow: 1,
            free_at: vec![Instant::ZERO; spec.workers as usize],
            queue: VecDeque::new(),
            wake_at: Instant::NEVER,
            due: BTreeMap::new(),
            planned: 0,
            order: Order::default(),
            disk: Disk::default(),
            outbox: Outbox::new(),
            spec,
        }
    }

    fn plan(&mut self, at: Instant, due: Due<P>) {
        self.planned += 1;
        self.due.insert((at, self.planned), due);
    }

    fn next_at(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Boots the machine from the disk, unless the choice map leaves the node out.
    fn boot(&mut self, scene: &mut Scene<P>, now: Instant) {
        if !absence::has_node(&scene.draws, &self.spec) {
            return;
        }
        let lineage = Lineage::root(self.name, mix(u64::MAX, u64::from(self.incarnation)));
        let boot = self.spec.boot.clone();
        let mut outbox = std::mem::replace(&mut self.outbox, Outbox::new());
        outbox.begin(lineage);
        let machine = boot(&mut self.context(scene, now, lineage), &mut outbox);
        // What a boot asks for belongs to no step.
        scene.controls.take_asked();
        self.machine = Some(machine);
        self.outbox = outbox;
        self.free_at.fill(now);
        self.settle(scene, now);
    }

    /// Power loss. Returns whether the node was up.
    fn crash(&mut self, scene: &Scene<P>) -> bool {
        if self.machine.take().is_none() {
            return false;
        }
        self.incarnation += 1;
        self.queue.clear();
        self.due.clear();
        self.order.forget();
        self.wake_at = Instant::NEVER;
        self.disk.crash(&scene.draws, mix(self.name, u64::from(self.incarnation)));
        true
    }

    /// Does everything that is due, and appends what leaves by that.
    fn advance(&mut self, scene: &mut Scene<P>, now: Instant, leaving: &mut Vec<Departure<P>>) {
        let (mut last, mut standing) = (Instant::ZERO, 0);
        while self.next_at().is_some_and(|at| at <= now) {
            let ((at, _), due) = self.due.pop_first().expect("something is due");
            standing = if at == last { standing + 1 } else { 0 };
            last = at;
            if standing == STANDSTILL {
                scene.court.error(stands_still(at));
                self.due.clear();
                return;
            }
            match due {
                Due::Arrival(Waiting { lineage, input }) => self.admit(scene, at, lineage, input, true),
                Due::Timer { lineage, token } => self.admit(scene, at, lineage, Input::Timer { token }, false),
                Due::Synced { lineage, token, watermark } => {
                    let ok = self.disk.sync(&watermark);
                    self.admit(scene, at, lineage, Input::Synced { token, ok }, false);
                }
                Due::Wake => self.wake(scene, at),
                Due::Leave(departure) => leaving.push(departure),
            }
        }
    }

    fn admit(&mut self, scene: &mut Scene<P>, at: Instant, lineage: Lineage, input: Input<P>, bounded: bool) {
        if self.machine.is_none() {
            return;
        }
        let free = self.spec.workers == 0 || self.queue.is_empty() && self.free_at.iter().any(|free| *free <= at);
        if free && !self.paused {
            self.handle(scene, at, lineage, input);
        } else if bounded && self.queue.len() >= self.spec.queue_max as usize && !self.paused {
            self.refuse(scene, at, lineage, input);
        } else {
            self.queue.push_back(Waiting { lineage, input });
            self.arm(at);
        }
    }

    fn refuse(&mut self, scene: &mut Scene<P>, at: Instant, lineage: Lineage, input: Input<P>) {
        if let Input::Message { from, message } = input {
            let refused = Input::Refused { to: self.id, message };
            self.send(scene, at, Departure { to: from, lineage: lineage.child(u64::MAX), input: refused });
        }
    }

    /// Makes sure the node is woken when its next worker is free.
    fn arm(&mut self, now: Instant) {
        if self.queue.is_empty() || self.paused || self.machine.is_none() {
            return;
        }
        let at = self.free_at.iter().min().copied().unwrap_or(now).max(now);
        if at < self.wake_at {
            self.wake_at = at;
            self.plan(at, Due::Wake);
        }
    }

    fn wake(&mut self, scene: &mut Scene<P>, at: Instant) {
        self.wake_at = Instant::NEVER;
        while !self.paused && (self.spec.workers == 0 || self.free_at.iter().any(|free| *free <= at)) {
            let Some(Waiting { lineage, input }) = self.queue.pop_front() else { break };
            self.handle(scene, at, lineage, input);
        }
        self.arm(at);
    }

    fn handle(&mut self, scene: &mut Scene<P>, at: Instant, lineage: Lineage, input: Input<P>) {
        scene.handled(at, self.id, lineage, &input);
        let mut machine = self.machine.take().expect("a node that handles is up");
        let mut outbox = std::mem::replace(&mut self.outbox, Outbox::new());
        outbox.begin(lineage);
        machine.handle(&mut self.context(scene, at, lineage), input, &mut outbox);
        scene.court.asked(&scene.controls);
        self.outbox = outbox;
        self.machine = Some(machine);
        self.settle(scene, at);
    }

    fn context<'a>(&'a self, scene: &'a Scene<P>, now: Instant, lineage: Lineage) -> Ctx<'a, P> {
        Ctx {
            node: self.id,
            name: self.name,
            now: self.clock.local(now),
            lineage,
            drawn: 0,
            draws: &scene.draws,
            controls: &scene.controls,
            disk: &self.disk,
            words: std::marker::PhantomData,
        }
    }

    /// States facts and marks, and plans the effects of a handled input.
    fn settle(&mut self, scene: &mut Scene<P>, now: Instant) {
        let busy = Duration(self.outbox.busy.0.saturating_mul(self.slow));
        let release = now + busy;
        if let Some(worker) = self.free_at.iter_mut().find(|at| **at <= now) {
            *worker = release;
        }
        self.outbox.marks.drain(..).for_each(|mark| scene.court.mark(mark));
        for (cause, fact) in std::mem::take(&mut self.outbox.facts) {
            scene.observe(now, self.id, cause, &fact);
        }
        for effect in std::mem::take(&mut self.outbox.effects) {
            self.take_effect(scene, release, effect);
        }
    }

    fn take_effect(&mut self, scene: &mut Scene<P>, release: Instant, effect: Effect<P>) {
        match effect {
            Effect::Send { to, lineage, message } => {
                let departure = scene.pass(self.id, to, lineage, message);
                self.send(scene, release, departure);
            }
            Effect::SendAs { from, to, lineage, message } => match scene.holds(self.id, from, to) {
                true => self.send(scene, release, Departure { to, lineage, input: Input::Message { from, message } }),
                false => scene.court.error(format!("{} holds no network position there", self.spec.role)),
            },
            Effect::Timer { after, token, lineage } => {
                self.plan(release + self.clock.global_span(after), Due::Timer { lineage, token });
            }
            Effect::Write { file, write } => self.disk.write(file, write),
            Effect::Sync { token, lineage } => {
                let draw = scene.draws.draw(DISK, lineage.cause, lineage.path);
                let took = Duration(self.spec.sync_ns.sample(draw).saturating_mul(self.slow));
                let watermark = self.disk.watermark();
                self.plan(release + took, Due::Synced { lineage, token, watermark });
            }
        }
    }

    /// Plans when a word leaves: the drawn latency and what faults add are spent here, before the engine's own network
    /// has it.
    fn send(&mut self, scene: &mut Scene<P>, release: Instant, mut departure: Departure<P>) {
        let to = departure.to;
        let Some(fate) = scene.fate(self.id, &mut departure, release) else { return };
        if let Some(again) = fate.again {
            let Departure { to, lineage, input } = &departure;
            let copy = Departure { to: *to, lineage: lineage.child(0xd0b1e), input: input.clone() };
            self.plan(again, Due::Leave(copy));
        }
        let at = if fate.unordered || to == self.id { fate.at } else { self.order.after_last(to, fate.at) };
        self.plan(at, Due::Leave(departure));
    }
}
