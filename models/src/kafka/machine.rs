//! The Kafka machines: a broker on a node, and the controller of its cluster.
//!
//! Who speaks is decided by the connection, never by the word: a client is the principal that its certificate names.
//! What a broker has appended counts only after its disk has said so; a sync that fails is asked for again.

use super::acl::Operations;
use super::broker::{Broker, BrokerConfig, TopicConfig};
use super::dead_letters::{ALARM, Watch};
use super::event::event_request;
use super::frame::Frames;
use super::offsets::OFFSETS_TOPIC;
use super::principal::Principal;
use super::replica::Timing;
use super::tamper::Tampering;
use super::{Effect, Flush, LogChange, Resource, Rule};
use crate::fact::{Fact, Place};
use crate::saas::{MIRROR_MARK, Saas};
use crate::wire::Wire;
use crate::wire::kafka::{Batch, BrokerId, ClusterWord, ErrorCode, Request, Response, TopicName};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, mix};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

mod controller;

pub use controller::{ControllerNode, ControllerSpec};

/// A topic of a cluster; every broker and the controller are told the same list.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    /// Name.
    pub name: TopicName,
    /// Partitions.
    pub partitions: u32,
    /// Replicas of each.
    pub replicas: usize,
    /// Its configuration.
    pub config: TopicConfig,
}

impl TopicSpec {
    /// The same topic as another cell's mirror keeps it: what its schema refuses stays at home.
    #[must_use]
    pub fn mirrored(&self) -> TopicSpec {
        let config = TopicConfig { dead_letters: None, ..self.config.clone() };
        TopicSpec { config, ..self.clone() }
    }
    /// The same with the source cell in its name.
    #[must_use]
    pub fn mirrored_from(&self, cell: &str) -> TopicSpec {
        TopicSpec { name: format!("{cell}{MIRROR_MARK}{}", self.name).into(), ..self.mirrored() }
    }
}

/// Worker time.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Appending a client's record.
    pub produce: Duration,
    /// Answering any other request.
    pub fetch: Duration,
    /// A word of another broker.
    pub replicate: Duration,
}

/// What a broker is.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Which.
    pub id: BrokerId,
    /// All brokers of the cluster.
    pub brokers: Vec<(BrokerId, NodeId)>,
    /// The cluster's controller.
    pub controller: NodeId,
    /// Who is behind a connection before its certificate says so, for clusters without a mesh. Others are strangers.
    pub connections: BTreeMap<NodeId, Arc<str>>,
    /// Principals with their rules and quotas.
    pub principals: Vec<Principal>,
    /// Topics. The one for group positions is added.
    pub topics: Vec<TopicSpec>,
    /// Where its log lies.
    pub place: Place,
    /// Intervals.
    pub timing: Timing,
    /// When an append counts as stored.
    pub flush: Flush,
    /// Bytes that its logs may take; [`u64::MAX`] for no bound.
    pub storage_bytes: u64,
    /// Worker time.
    pub costs: Costs,
    /// Edits of its logs behind its back, in order.
    pub tampering: Vec<Tampering>,
}

/// Intervals for runs of seconds, not hours: a dead broker is missed after [`SESSION`].
pub const TIMING: Timing = Timing {
    tick: Duration::millis(100),
    heartbeat: Duration::millis(200),
    replica_lag_max: Duration::millis(600),
    retry: Duration::millis(100),
    request_timeout: Duration::secs(2),
};
/// Silence after which the controller takes a broker for dead.
pub const SESSION: Duration = Duration::millis(800);

/// Rules of a principal of the platform itself: every topic and every group.
pub fn platform_rules() -> Vec<Rule> {
    [Resource::Topic, Resource::Group].map(|r| Rule::prefixed(r, "", Operations::ALL)).into()
}

const LOG: FileId = 0;
const LIVES: FileId = 1;
const TICK: u64 = 0;
const SYNC_AGAIN: Duration = Duration::millis(50);
/// The sync of a life's mark. Nothing waits for it.
const LIFE: u64 = u64::MAX;

/// Marks a new life on disk; how many there were.
fn live(ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> u64 {
    out.write(LIVES, Write::Append([1].into()));
    out.sync(LIFE);
    ctx.disk().read(LIVES).len() as u64 + 1
}

/// The list of topics with the one for group positions.
fn with_offsets(topics: &[TopicSpec], brokers: usize) -> Vec<TopicSpec> {
    let mut topics = topics.to_vec();
    if !topics.iter().any(|t| *t.name == *OFFSETS_TOPIC) {
        let config = TopicConfig { min_isr: brokers.min(2), retention_bytes: None, ..TopicConfig::default() };
        topics.push(TopicSpec { name: OFFSETS_TOPIC.into(), partitions: 1, replicas: 3, config });
    }
    topics
}

struct Call {
    from: NodeId,
    id: u64,
    lineage: Lineage,
    principal: Arc<str>,
}

/// A broker at work.
pub struct BrokerNode {
    broker: Broker,
    frames: Frames,
    brokers: Vec<(BrokerId, NodeId)>,
    controller: NodeId,
    connections: BTreeMap<NodeId, Arc<str>>,
    stranger: Arc<str>,
    place: Place,
    storage_bytes: u64,
    /// Bytes of all logs.
    stored_bytes: u64,
    costs: Costs,
    watch: Watch,
    tampering: VecDeque<Tampering>,
    calls: BTreeMap<u64, Call>,
    called: u64,
    life: u64,
    ticks: u64,
    tick_every: Duration,
    effects: Vec<Effect>,
}

impl BrokerNode {
    /// A broker with the log that its disk kept.
    pub fn boot(spec: &BrokerSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> BrokerNode {
        let life = live(ctx, out);
        let (frames, writes, damage) = Frames::open(ctx.controls(), ctx.disk().read(LOG));
        if !ctx.disk().read(LOG).is_empty() {
            let about = format!("{}/kafka-{}", spec.place.cell, spec.id.0).into();
            out.fact(Fact::Reported { by: "kafka", what: "recovering", about, value: writes.len() as u64 });
        }
        let damaged = damage.broken + damage.orphaned;
        if damaged > 0 {
            let about = spec.place.cell.clone();
            out.fact(Fact::Reported { by: "kafka", what: "log-damaged", about, value: damaged });
        }
        let topics = with_offsets(&spec.topics, spec.brokers.len());
        let offsets_partitions = topics.iter().find(|t| *t.name == *OFFSETS_TOPIC).map_or(1, |t| t.partitions);
        let config = BrokerConfig { flush: spec.flush, timing: spec.timing, offsets_partitions };
        let topics = topics.into_iter().map(|t| (t.name, t.partitions, t.config));
        // A lost mark must not make two lives look like one, or the controller would not notice the restart.
        let incarnation = life.max(ctx.now().as_nanos());
        let mut broker = Broker::boot(spec.id, incarnation, config, topics, writes);
        spec.principals.iter().for_each(|p| broker.set_principal(p.clone()));
        let stored_bytes = broker.bytes();
        broker.set_full(stored_bytes >= spec.storage_bytes);
        let mut node = BrokerNode {
            broker,
            frames,
            brokers: spec.brokers.clone(),
            controller: spec.controller,
            connections: spec.connections.clone(),
            stranger: "stranger".into(),
            place: spec.place.clone(),
            storage_bytes: spec.storage_bytes,
            stored_bytes,
            costs: spec.costs,
            watch: Watch::default(),
            // What was edited before this life lies on the disk as it was edited.
            tampering: spec.tampering.iter().filter(|t| t.at > ctx.now()).cloned().collect(),
            calls: BTreeMap::new(),
            called: 0,
            life,
            ticks: 0,
            tick_every: spec.timing.tick,
            effects: Vec::new(),
        };
        node.tick(ctx, out);
        node.apply(ctx, out);
        node
    }

    /// The core, for whoever looks at what it stores.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        self.broker.tick(ctx.now(), &mut self.effects);
        while let Some(tampering) = self.tampering.pop_front_if(|t| t.at <= ctx.now()) {
            if self.broker.tamper(&tampering, &mut self.effects) {
                out.fact(Fact::Truth { what: tampering.edit.name(), about: tampering.topic, value: 1 });
            }
        }
        out.timer_for(ctx.own(mix(self.life, self.ticks)), self.tick_every, TICK);
    }

    fn call(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, id: u64, request: Request) {
        let records = if let Request::Produce(p) = &request { p.records.len() as u64 } else { 0 };
        let principal = self.connections.get(&from).unwrap_or(&self.stranger).clone();
        self.called += 1;
        let call = Call { from, id, lineage: ctx.lineage(), principal: principal.clone() };
        self.calls.insert(self.called, call);
        self.broker.on_client(ctx.now(), ctx.controls(), &principal, self.called, request, &mut self.effects);
        // What a muted principal sends stays in its connection, unread.
        let muted = matches!(self.effects.last(), Some(Effect::Reply { response: Response::Produce(reply), .. })
            if reply.error == ErrorCode::ThrottlingQuotaExceeded);
        out.busy(if records > 0 && !muted { self.costs.produce * records } else { self.costs.fetch });
    }

    fn apply(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let mut effects = std::mem::take(&mut self.effects);
        let (mut grown, mut cut) = (0, false);
        for effect in effects.drain(..) {
            match effect {
                Effect::Reply { correlation, response } => self.reply(out, correlation, response),
                Effect::Committed { topic, partition, batch } => self.state(out, &topic, partition, &batch),
                Effect::Refused { topic, events } => {
                    if let Some(value) = self.watch.note(ctx.now(), ctx.controls(), &topic, events) {
                        out.fact(Fact::Reported { by: "kafka", what: ALARM, about: topic, value });
                    }
                }
                Effect::Peer { to, word } => {
                    if let Some((_, node)) = self.brokers.iter().find(|(id, _)| *id == to) {
                        out.send(*node, Wire::Broker(Box::new(word)));
                    }
                }
                Effect::Controller(word) => {
                    out.send(self.controller, Wire::Controller(Box::new(ClusterWord::Broker(word))));
                }
                Effect::Write(write) => {
                    match &write.change {
                        LogChange::Append { batch, .. } => grown += batch.size(),
                        _ => cut = true,
                    }
                    out.write(LOG, Write::Append(self.frames.frame(&write)));
                }
                Effect::Sync(id) => out.sync(id),
            }
        }
        self.effects = effects;
        if grown > 0 || cut {
            self.weigh(out, grown, cut);
        }
    }

    /// Keeps account of the room that is left. What a cut gave back is only known by adding up.
    fn weigh(&mut self, out: &mut Outbox<Saas>, grown: u64, cut: bool) {
        let before = self.stored_bytes;
        self.stored_bytes = if cut { self.broker.bytes() } else { before + grown };
        let full = self.stored_bytes >= self.storage_bytes;
        if full && before < self.storage_bytes {
            let about = self.place.cell.clone();
            out.fact(Fact::Reported { by: "kafka", what: "storage-full", about, value: self.stored_bytes });
        }
        self.broker.set_full(full);
    }

    fn reply(&mut self, out: &mut Outbox<Saas>, correlation: u64, response: Response) {
        let Some(call) = self.calls.remove(&correlation) else { return };
        if let Some(reason) = denial(&response) {
            let subject = call.principal;
            out.fact_for(call.lineage, Fact::Decided { by: "kafka", allowed: false, reason, subject });
        }
        out.send_for(call.lineage, call.from, Wire::KafkaAnswer(call.id, Box::new(response)));
    }

    /// States what has become durable in the cluster.
    fn state(&self, out: &mut Outbox<Saas>, topic: &TopicName, partition: u32, batch: &Batch) {
        if **topic == *OFFSETS_TOPIC {
            return;
        }
        for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
            // Bytes that name no request are told apart by where they were first stored.
            let first_stored = record.headers.source_offset.unwrap_or(offset);
            let request = event_request(&record.value).unwrap_or_else(|| mix(u64::from(partition), first_stored));
            let (place, topic, body) = (self.place.clone(), topic.clone(), record.value.clone());
            out.fact(Fact::EventStored { place, topic, partition, offset, request, body });
        }
    }
}

impl Machine<Saas> for BrokerNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Kafka(id, request) } => self.call(ctx, out, from, id, *request),
            Input::Message { from, message: Wire::Connected(id) } => {
                self.connections.insert(from, id.as_str().into());
            }
            Input::Message { from, message: Wire::Broker(word) } => {
                out.busy(self.costs.replicate);
                if let Some((peer, _)) = self.brokers.iter().find(|(_, node)| *node == from) {
                    self.broker.on_peer(ctx.now(), *peer, *word, &mut self.effects);
                }
            }
            Input::Message { from, message: Wire::Controller(word) } if from == self.controller => {
                if let ClusterWord::Metadata(update) = *word {
                    self.broker.on_metadata(ctx.now(), update, &mut self.effects);
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Timer { token } => out.sync(token),
            Input::Synced { token: LIFE, .. } => {}
            Input::Synced { token, ok: true } => self.broker.on_synced(ctx.now(), token, &mut self.effects),
            Input::Synced { token, ok: false } => out.timer(SYNC_AGAIN, token),
            _ => {}
        }
        self.apply(ctx, out);
        out.gauge("kafka.uncommitted", || self.broker.uncommitted());
        out.gauge("kafka.out-of-sync", || self.broker.out_of_sync());
    }
}

/// Why a request was turned away, if a rule of the platform turned it away.
fn denial(response: &Response) -> Option<&'static str> {
    let error = match response {
        Response::Produce(reply) => reply.error,
        Response::Fetch(reply) => reply.error,
        Response::Offsets { error, .. }
        | Response::DeleteRecords { error, .. }
        | Response::Coordinator { error, .. }
        | Response::OffsetCommit { error }
        | Response::OffsetFetch { error, .. } => *error,
        Response::Metadata(topics) => topics.iter().map(|t| t.error).find(|e| *e != ErrorCode::None)?,
    };
    Some(match error {
        ErrorCode::TopicAuthorizationFailed => "TOPIC_AUTHORIZATION_FAILED",
        ErrorCode::GroupAuthorizationFailed => "GROUP_AUTHORIZATION_FAILED",
        ErrorCode::InvalidRecord => "INVALID_RECORD",
        ErrorCode::PolicyViolation => "POLICY_VIOLATION",
        ErrorCode::InvalidProducerEpoch => "INVALID_PRODUCER_EPOCH",
        ErrorCode::ThrottlingQuotaExceeded => "THROTTLING_QUOTA_EXCEEDED",
        _ => return None,
    })
}
