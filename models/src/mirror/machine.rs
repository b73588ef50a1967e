//! The mirror machines: the half that reads in one cell, and the half that writes in the other.
//!
//! Neither keeps positions on its own disk: one has its group offset, the other its last record, both in replicated
//! logs. Their disks hold only how often they were started, so that a former life's words are not taken for this one's.

use super::batch::{MirrorAck, Signer, Verifier};
use super::sink::{MirrorSink, Naming, Refusal, SinkEffect};
use super::source::{MirrorSource, SourceEffect, SourceSettings};
use crate::crypto::{Key, key};
use crate::fact::Fact;
use crate::ids::{Bytes, TenantId};
use crate::kafka::route::Routes;
use crate::luck::NONCE;
use crate::saas::{Saas, is_bound_topic};
use crate::wire::Wire;
use crate::wire::kafka::{Request, TopicName};
use crate::wire::mirror::MirrorWord;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use sim::disk::{FileId, Write};
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

const LIVES: FileId = 0;
const TICK: u64 = 0;
const TICKS_PER_REPORT: u64 = 10;

/// Role of the key that signs for a cell.
pub fn key_role(cell: &str) -> String {
    format!("mirror/{cell}")
}

/// Marks a new life on disk; how many there were.
fn live(ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> u64 {
    out.write(LIVES, Write::Append([1].into()));
    out.sync(0);
    ctx.disk().read(LIVES).len() as u64 + 1
}

struct CellKey(Key);

impl Signer for CellKey {
    fn sign(&self, message: &[u8]) -> Bytes {
        self.0.sign(message).into()
    }
}

/// Public keys of the cells that may send.
struct CellKeys(BTreeMap<Arc<str>, [u8; 32]>);

impl Verifier for CellKeys {
    fn verify(&self, cell: &str, message: &[u8], signature: &[u8]) -> bool {
        let public = self.0.get(cell);
        public.is_some_and(|public| UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok())
    }
}

/// A connection to a cell's brokers: names requests so that no answer to a former life is taken for one to this.
struct Brokers {
    routes: Routes,
    salt: u64,
}

impl Brokers {
    fn new(ctx: &mut Ctx<'_, Saas>, brokers: &[NodeId], patience: Duration) -> Brokers {
        Brokers { routes: Routes::new(brokers.to_vec(), patience), salt: ctx.draw(NONCE) }
    }
    fn ask(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, correlation: u64, request: Request) {
        let id = self.salt.wrapping_add(correlation);
        let to = self.routes.send(ctx.now(), id, &request);
        out.send(to, Wire::Kafka(id, Box::new(request)));
    }
}

/// What the sending half is.
#[derive(Clone, Debug)]
pub struct MirrorOutSpec {
    /// Brokers of its cell.
    pub brokers: Vec<NodeId>,
    /// The receiving half.
    pub sink: NodeId,
    /// Topics with their partitions, and whose each is. Only topics that are bound to a region are held to their
    /// tenant's.
    pub topics: Vec<(TopicName, u32, Option<TenantId>)>,
    /// Cells, regions, and intervals.
    pub settings: SourceSettings,
    /// Between two looks at what is due.
    pub tick: Duration,
    /// Worker time of building a batch.
    pub cost: Duration,
}

impl MirrorOutSpec {
    /// Settings for runs of seconds: from `cell` to `target_cell`, which lies in `target_region`.
    pub fn settings(
        cell: &Arc<str>,
        target_cell: &Arc<str>,
        target_region: &Arc<str>,
        residency: BTreeMap<TenantId, Arc<str>>,
    ) -> SourceSettings {
        SourceSettings {
            cell: cell.clone(),
            target_cell: target_cell.clone(),
            target_regions: vec![target_region.clone()],
            residency,
            group: format!("platform.mirror.{target_cell}").into(),
            window: 8,
            batch_bytes: 1 << 18,
            retry: Duration::millis(300),
            fetch_wait: Duration::millis(500),
            commit_every: Duration::millis(500),
        }
    }
}

/// The sending half at work.
pub struct MirrorOut {
    source: MirrorSource,
    key: CellKey,
    brokers: Brokers,
    sink: NodeId,
    about: Arc<str>,
    cost: Duration,
    life: u64,
    ticks: u64,
    tick_every: Duration,
    effects: Vec<SourceEffect>,
}

impl MirrorOut {
    /// A sending half that goes on where its group's offsets say.
    pub fn boot(spec: &MirrorOutSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> MirrorOut {
        let life = live(ctx, out);
        let mut source = MirrorSource::new(spec.settings.clone());
        for (topic, partitions, tenant) in &spec.topics {
            source.add_topic(topic, *partitions, tenant.as_ref().filter(|_| is_bound_topic(topic)));
        }
        let patience = source.fetch_wait() + spec.settings.retry;
        let mut node = MirrorOut {
            source,
            key: CellKey(key(&key_role(&spec.settings.cell), 0)),
            brokers: Brokers::new(ctx, &spec.brokers, patience),
            sink: spec.sink,
            about: spec.settings.target_cell.clone(),
            cost: spec.cost,
            life,
            ticks: 0,
            tick_every: spec.tick,
            effects: Vec::new(),
        };
        node.tick(ctx, out);
        node.apply(ctx, out);
        node
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        self.brokers.routes.tick(ctx.now());
        self.source.poll(ctx.now(), &mut self.effects);
        if self.ticks.is_multiple_of(TICKS_PER_REPORT) {
            let value = self.source.oldest(ctx.now()).as_millis();
            out.fact(Fact::Reported { by: "mirror", what: "lag-ms", about: self.about.clone(), value });
        }
        out.timer_for(ctx.own(mix(self.life, self.ticks)), self.tick_every, TICK);
    }

    fn apply(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                SourceEffect::Kafka { correlation, request } => self.brokers.ask(ctx, out, correlation, request),
                SourceEffect::Send(batch) => {
                    out.busy(self.cost);
                    out.send(self.sink, Wire::Mirror(Box::new(MirrorWord::Batch(batch))));
                }
            }
        }
        self.effects = effects;
    }
}

impl Machine<Saas> for MirrorOut {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => {
                self.brokers.routes.answered(id, &response);
                let correlation = id.wrapping_sub(self.brokers.salt);
                let (now, controls) = (ctx.now(), ctx.controls());
                self.source.on_kafka(now, controls, &self.key, correlation, *response, &mut self.effects);
            }
            // From whomever: an acknowledgement that is a lie is corrected by the next true one.
            Input::Message { message: Wire::Mirror(word), .. } => {
                if let MirrorWord::Ack(ack) = *word {
                    self.source.on_ack(ctx.now(), &ack, &mut self.effects);
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { .. } => self.tick(ctx, out),
            _ => {}
        }
        self.apply(ctx, out);
        out.gauge("mirror.in-flight", || self.source.in_flight() as u64);
    }
}

/// What the receiving half is.
#[derive(Clone, Debug)]
pub struct MirrorInSpec {
    /// Brokers of its cell. They must have the mirrored topics.
    pub brokers: Vec<NodeId>,
    /// The sending half, which gets the acknowledgements. Batches are taken from anyone: their signature decides.
    pub source: NodeId,
    /// Cells whose batches are taken, by the key of [`key_role`].
    pub cells: Vec<Arc<str>>,
    /// After this, what has no answer is sent again.
    pub retry: Duration,
    /// Batches held back per partition because an earlier one is missing.
    pub window: usize,
    /// How mirrored topics are named here.
    pub naming: Naming,
    /// Between two looks at what is due.
    pub tick: Duration,
    /// Worker time of checking a batch.
    pub cost: Duration,
}

/// The receiving half at work.
pub struct MirrorIn {
    sink: MirrorSink,
    keys: CellKeys,
    brokers: Brokers,
    source: NodeId,
    cost: Duration,
    life: u64,
    ticks: u64,
    tick_every: Duration,
    effects: Vec<SinkEffect>,
}

/// Epochs of a life that lost its mark still rise: one a hundredth of a second.
const EPOCH_NANOS: u64 = 10_000_000;

impl MirrorIn {
    /// A receiving half that finds out from its brokers how far a former life came.
    pub fn boot(spec: &MirrorInSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> MirrorIn {
        let life = live(ctx, out);
        let epoch = u16::try_from(life.max(ctx.now().as_nanos() / EPOCH_NANOS)).unwrap_or(u16::MAX);
        let keys = spec.cells.iter().map(|cell| (cell.clone(), *key(&key_role(cell), 0).public()));
        let producer = ctx.own(0).cause;
        let mut node = MirrorIn {
            sink: MirrorSink::new(spec.naming, producer, epoch, spec.window, spec.retry),
            keys: CellKeys(keys.collect()),
            brokers: Brokers::new(ctx, &spec.brokers, spec.retry * 2),
            source: spec.source,
            cost: spec.cost,
            life,
            ticks: 0,
            tick_every: spec.tick,
            effects: Vec::new(),
        };
        node.tick(ctx, out);
        node
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        self.brokers.routes.tick(ctx.now());
        self.sink.poll(ctx.now(), &mut self.effects);
        out.timer_for(ctx.own(mix(self.life, self.ticks)), self.tick_every, TICK);
    }

    fn apply(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                SinkEffect::Kafka { correlation, request } => self.brokers.ask(ctx, out, correlation, request),
                SinkEffect::Ack(ack) => self.acknowledge(out, ack),
                SinkEffect::Applied { .. } => {}
                SinkEffect::Refused(refusal) => {
                    let (reason, subject) = match refusal {
                        Refusal::NotAuthentic { source_cell, .. } => ("NOT_AUTHENTIC", source_cell),
                        Refusal::BadRecord { topic, .. } => ("BAD_RECORD", topic),
                    };
                    out.fact(Fact::Decided { by: "mirror", allowed: false, reason, subject });
                }
            }
        }
        self.effects = effects;
    }

    fn acknowledge(&self, out: &mut Outbox<Saas>, ack: MirrorAck) {
        out.send(self.source, Wire::Mirror(Box::new(MirrorWord::Ack(ack))));
    }
}

impl Machine<Saas> for MirrorIn {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        match input {
            Input::Message { message: Wire::Mirror(word), .. } => {
                if let MirrorWord::Batch(batch) = *word {
                    out.busy(self.cost);
                    self.sink.on_batch(now, ctx.controls(), &self.keys, batch, &mut self.effects);
                }
            }
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => {
                self.brokers.routes.answered(id, &response);
                let correlation = id.wrapping_sub(self.brokers.salt);
                self.sink.on_kafka(now, ctx.controls(), correlation, *response, &mut self.effects);
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { .. } => self.tick(ctx, out),
            _ => {}
        }
        self.apply(ctx, out);
        out.gauge("mirror.waiting", || self.sink.waiting() as u64);
    }
}
