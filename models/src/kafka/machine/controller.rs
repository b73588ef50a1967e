//! The controller's machine: a decision leaves only after the disk has kept it.

use super::{LIFE, LOG, SYNC_AGAIN, TICK, TopicSpec, live, with_offsets};
use crate::kafka::controller::{Controller, ControllerEffect};
use crate::kafka::frame::{state_frame, state_of};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::kafka::{BrokerId, ClusterWord, MetadataUpdate};
use sim::disk::Write;
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::VecDeque;

/// What the controller of a cluster is. It stands for a quorum: its disk is not expected to rot.
#[derive(Clone, Debug)]
pub struct ControllerSpec {
    /// All brokers of the cluster.
    pub brokers: Vec<(BrokerId, NodeId)>,
    /// Topics. The one for group positions is added.
    pub topics: Vec<TopicSpec>,
    /// Silence after which a broker is taken for dead.
    pub session: Duration,
    /// Between two looks at who is silent.
    pub tick: Duration,
    /// Worker time of a broker's word.
    pub cost: Duration,
}

/// A controller at work.
pub struct ControllerNode {
    controller: Controller,
    brokers: Vec<(BrokerId, NodeId)>,
    cost: Duration,
    tick_every: Duration,
    /// Decisions that wait for the sync of this number.
    held: VecDeque<(u64, NodeId, MetadataUpdate)>,
    synced: u64,
    syncs: u64,
    life: u64,
    ticks: u64,
}

impl ControllerNode {
    /// A controller with the decisions that its disk kept.
    pub fn boot(spec: &ControllerSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> ControllerNode {
        let life = live(ctx, out);
        let ids: Vec<BrokerId> = spec.brokers.iter().map(|(id, _)| *id).collect();
        let mut controller = Controller::new(ctx.now(), &ids, spec.session);
        controller.restore(ctx.disk().read(LOG).iter().filter_map(|frame| state_of(frame)));
        let mut effects = Vec::new();
        for topic in with_offsets(&spec.topics, ids.len()) {
            controller.create_topic(&topic.name, topic.partitions, topic.replicas, &mut effects);
        }
        // Nobody is told yet: each broker is told everything at its first heartbeat.
        effects.retain(|effect| matches!(effect, ControllerEffect::Persist(_)));
        let (brokers, cost, tick_every) = (spec.brokers.clone(), spec.cost, spec.tick);
        let held = VecDeque::new();
        let mut node =
            ControllerNode { controller, brokers, cost, tick_every, held, synced: 0, syncs: 0, life, ticks: 0 };
        node.apply(out, effects);
        node.tick(ctx, out);
        node
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        let mut effects = Vec::new();
        self.controller.tick(ctx.now(), &mut effects);
        self.apply(out, effects);
        out.timer_for(ctx.own(mix(self.life, self.ticks)), self.tick_every, TICK);
    }

    /// Nothing leaves before every decision made so far is durable.
    fn apply(&mut self, out: &mut Outbox<Saas>, effects: Vec<ControllerEffect>) {
        if effects.iter().any(|e| matches!(e, ControllerEffect::Persist(_))) {
            self.syncs += 1;
        }
        let before = self.held.len();
        let mut wrote = false;
        for effect in effects {
            match effect {
                ControllerEffect::Persist(state) => {
                    out.write(LOG, Write::Append(state_frame(&state)));
                    wrote = true;
                }
                ControllerEffect::Send { to, update } => {
                    if let Some((_, node)) = self.brokers.iter().find(|(id, _)| *id == to) {
                        self.held.push_back((self.syncs, *node, update));
                    }
                }
            }
        }
        if wrote {
            out.sync(self.syncs);
        }
        if self.held.len() > before {
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut Outbox<Saas>) {
        while let Some((_, to, update)) = self.held.pop_front_if(|(sync, ..)| *sync <= self.synced) {
            out.send(to, Wire::Controller(Box::new(ClusterWord::Metadata(update))));
        }
    }
}

impl Machine<Saas> for ControllerNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Controller(word) } => {
                out.busy(self.cost);
                let known = self.brokers.iter().any(|(_, node)| *node == from);
                if let (true, ClusterWord::Broker(word)) = (known, *word) {
                    let mut effects = Vec::new();
                    self.controller.on_broker(ctx.now(), word, &mut effects);
                    self.apply(out, effects);
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Timer { token } => out.sync(token),
            Input::Synced { token: LIFE, .. } => {}
            Input::Synced { token, ok: true } => {
                self.synced = self.synced.max(token);
                self.release(out);
            }
            Input::Synced { token, ok: false } => out.timer(SYNC_AGAIN, token),
            _ => {}
        }
    }
}
