//! The receiving half: checks batches, applies each source record once and in order to the remote topic.
//!
//! It has no disk. On its first batch of a partition it shuts out its own former life (a producer fence), then reads
//! the last record it wrote, whose header says how far it came. Only then does it apply anything.

mod recovery;

use super::batch::{MirrorAck, MirrorBatch, MirrorRecord, Verifier};
use crate::control;
use crate::control::{Control, Controls};
use crate::planted::{MIRROR_GAP_WHEN_FULL, MIRROR_GAP_WHEN_THREE_WAIT, MIRROR_START_SKIPS_DEDUPE};
use crate::saas::{MIRROR_MARK, home_of_spilled};
use crate::wire::kafka::{
    Acks, ErrorCode, Fetch, Produce, ProduceReply, ProducerStamp, Record, Request, Response, TopicName,
};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A source offset is applied once per topic and partition.
pub const DEDUPE: Control = control!(
    "mirror.dedupe",
    upholds: ["EVT-04", "EVT-09"],
    off: "whatever is delivered is appended: a batch sent again after a lost acknowledgement doubles its events",
);

/// A record that its target refuses is set aside and reported, and what comes behind it goes on.
pub const QUARANTINE: Control = control!(
    "mirror.quarantine",
    upholds: ["CEL-02"],
    off: "errors.tolerance=none: the task that brings every topic stops at the first record that is refused, for good",
);

/// How remote topics are named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Naming {
    /// `cell-a/tenant.acme.orders`: the source cell in front, as MirrorMaker's default policy.
    Prefixed,
    /// The same name in both cells (`IdentityReplicationPolicy`), so that consumers may move.
    Identity,
    /// The name that a topic has at home, for what spilled and is on its way back: records stand there among others.
    Home,
}

/// What the sink wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SinkEffect {
    /// Ask the own cell's Kafka; give the answer to [`MirrorSink::on_kafka`] with the same correlation.
    Kafka {
        /// Name of the request.
        correlation: u64,
        /// The request, to the remote topic's leader.
        request: Request,
    },
    /// Tell the source.
    Ack(MirrorAck),
    /// Records were applied: how old the oldest of them was, from production to here.
    Applied {
        /// Source topic.
        topic: TopicName,
        /// Source partition.
        partition: u32,
        /// Everything before this source offset is applied.
        applied: u64,
        /// Records appended.
        records: u64,
        /// Age of the oldest record.
        age: Duration,
    },
    /// Something was not applied.
    Refused(Refusal),
}

/// Why something was not applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Digest or signature is wrong: altered on the way, or not from that cell.
    NotAuthentic {
        /// The cell it claims to come from.
        source_cell: Arc<str>,
        /// Its topic.
        topic: TopicName,
        /// Its first offset.
        from: u64,
    },
    /// The remote topic's schema refuses a record; the rest of its batch is applied.
    BadRecord {
        /// Source topic.
        topic: TopicName,
        /// Source offset.
        offset: u64,
    },
}

/// The receiving half of a mirror.
#[derive(Debug)]
pub struct MirrorSink {
    naming: Naming,
    producer: u64,
    epoch: u16,
    retry: Duration,
    window: usize,
    lanes: Vec<Lane>,
    lane_of: BTreeMap<(Arc<str>, TopicName, u32), u32>,
    asked: u32,
    /// Whether it has stopped: nothing but a restart makes it go on, to the same record.
    stopped: bool,
}

#[derive(Debug)]
struct Lane {
    /// The cell that records of this lane spilled to, where they do not have the remote topic to themselves.
    drains: Option<Arc<str>>,
    topic: TopicName,
    partition: u32,
    remote: TopicName,
    stage: Stage,
    epoch: u16,
    sequence: u32,
    /// The request under way: correlation, content, since when.
    asking: Option<(u64, Request, Instant)>,
    /// Everything before this source offset is applied.
    applied: u64,
    waiting: VecDeque<MirrorBatch>,
    writing: Option<Writing>,
    /// Stretches applied, newest last.
    translation: VecDeque<Stretch>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Fence,
    /// Looking for the last mirrored record before `end`; reading at `at`, started `back` before the end.
    Tail {
        end: u64,
        at: u64,
        back: u64,
        found: Option<u64>,
    },
    Ready,
}

#[derive(Debug)]
struct Writing {
    next: u64,
    records: Vec<MirrorRecord>,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    source_first: u64,
    source_next: u64,
    local_first: u64,
    local_next: u64,
}

/// Stretches kept for translating offsets: consumers that fail over are minutes behind, not days.
const STRETCHES_MAX: usize = 1024;
/// Batches that wait when a planted defect takes the room for full.
const FULL: usize = 8;

impl MirrorSink {
    /// A sink in its life `epoch` (higher than in any former life, the same `producer` id in all of them). `window`
    /// bounds the batches held back per partition because an earlier one is missing.
    pub fn new(naming: Naming, producer: u64, epoch: u16, window: usize, retry: Duration) -> MirrorSink {
        let (lanes, lane_of) = (Vec::new(), BTreeMap::new());
        MirrorSink { naming, producer, epoch, retry, window, lanes, lane_of, asked: 0, stopped: false }
    }

    /// The topic in this cell for a topic of `source_cell`.
    pub fn remote_topic(naming: Naming, source_cell: &str, topic: &TopicName) -> TopicName {
        match naming {
            Naming::Prefixed => format!("{source_cell}{MIRROR_MARK}{topic}").into(),
            Naming::Identity => topic.clone(),
            Naming::Home => home_of_spilled(topic).map_or_else(|| topic.clone(), Into::into),
        }
    }

    /// Takes a batch from another cell.
    pub fn on_batch(
        &mut self,
        now: Instant,
        controls: &Controls,
        verifier: &dyn Verifier,
        batch: MirrorBatch,
        out: &mut Vec<SinkEffect>,
    ) {
        if self.stopped {
            return;
        }
        if !batch.is_authentic(controls, verifier) {
            let MirrorBatch { source_cell, topic, from, .. } = batch;
            out.push(SinkEffect::Refused(Refusal::NotAuthentic { source_cell, topic, from }));
            return;
        }
        let at = self.lane(&batch);
        let lane = &mut self.lanes[at];
        if !lane.waiting.iter().any(|b| (b.from, b.next, b.start) == (batch.from, batch.next, batch.start)) {
            lane.waiting.push_back(batch);
            if lane.waiting.len() > self.window {
                lane.drop_farthest();
            }
        }
        self.work(now, controls, at, out);
    }

    /// Takes an answer of the cell's Kafka.
    pub fn on_kafka(
        &mut self,
        now: Instant,
        controls: &Controls,
        correlation: u64,
        response: Response,
        out: &mut Vec<SinkEffect>,
    ) {
        let at = (correlation >> 32) as usize;
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if self.stopped || lane.asking.as_ref().is_none_or(|(asked, ..)| *asked != correlation) {
            return;
        }
        if let (Stage::Ready, Response::Produce(reply)) = (lane.stage, &response)
            && reply.error == ErrorCode::InvalidRecord
            && !controls.on(&QUARANTINE)
        {
            out.extend(lane.refused(*reply).map(|(_, refused)| refused));
            self.stopped = true;
            return;
        }
        let settled = match (lane.stage, response) {
            (Stage::Fence, Response::Produce(reply)) => lane.fenced(reply),
            (Stage::Tail { .. }, Response::Fetch(reply)) => lane.tail(reply),
            (Stage::Ready, Response::Produce(reply)) => lane.written(now, reply, out),
            _ => false,
        };
        if settled {
            self.lanes[at].asking = None;
            self.work(now, controls, at, out);
        }
    }

    /// Repeats requests without an answer. Call it every 100 ms or so.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<SinkEffect>) {
        for lane in self.lanes.iter_mut().filter(|_| !self.stopped) {
            if let Some((correlation, request, since)) = &mut lane.asking
                && now.since(*since) >= self.retry
            {
                *since = now;
                out.push(SinkEffect::Kafka { correlation: *correlation, request: request.clone() });
            }
        }
    }

    /// The local offset from which a consumer goes on that stood at `source_offset` in the source: exact at the borders
    /// of batches, otherwise a little early, so that nothing is skipped. None before anything was applied.
    pub fn translate(
        &self,
        source_cell: &Arc<str>,
        topic: &TopicName,
        partition: u32,
        source_offset: u64,
    ) -> Option<u64> {
        let at = *self.lane_of.get(&(source_cell.clone(), topic.clone(), partition))?;
        let stretches = &self.lanes[at as usize].translation;
        let known = stretches.iter().rev().find(|s| s.source_first <= source_offset)?;
        Some(if source_offset >= known.source_next { known.local_next } else { known.local_first })
    }

    /// Batches that wait for an earlier one, in the partition that has most.
    pub fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.waiting.len()).max().unwrap_or(0)
    }

    fn lane(&mut self, batch: &MirrorBatch) -> usize {
        let key = (batch.source_cell.clone(), batch.topic.clone(), batch.partition);
        let fresh = self.lanes.len() as u32;
        let at = *self.lane_of.entry(key).or_insert(fresh);
        if at == fresh {
            self.lanes.push(Lane {
                drains: (self.naming == Naming::Home).then(|| batch.source_cell.clone()),
                topic: batch.topic.clone(),
                partition: batch.partition,
                remote: MirrorSink::remote_topic(self.naming, &batch.source_cell, &batch.topic),
                stage: Stage::Fence,
                epoch: self.epoch,
                sequence: 0,
                asking: None,
                applied: 0,
                waiting: VecDeque::new(),
                writing: None,
                translation: VecDeque::new(),
            });
        }
        at as usize
    }

    /// Does the next thing for a partition, unless an answer is awaited.
    fn work(&mut self, now: Instant, controls: &Controls, at: usize, out: &mut Vec<SinkEffect>) {
        let lane = &mut self.lanes[at];
        if lane.asking.is_some() {
            return;
        }
        if matches!(lane.stage, Stage::Ready) && lane.writing.is_none() {
            lane.take_waiting(controls, out);
        }
        let stamp = ProducerStamp { id: self.producer, epoch: lane.epoch, base_sequence: lane.sequence };
        let (topic, partition) = (lane.remote.clone(), lane.partition);
        let request = match (lane.stage, &lane.writing) {
            (Stage::Fence, _) => Request::FenceProducer { topic, partition, producer: stamp },
            (Stage::Tail { at, .. }, _) => {
                let wait = Duration::ZERO;
                Request::Fetch(Fetch { topic, partition, offset: at, bytes_max: 1 << 20, wait })
            }
            (Stage::Ready, Some(writing)) => {
                let (count, under_way) = writing.head();
                let records: Arc<[Record]> = writing.records[..count].iter().map(|r| r.record.clone()).collect();
                let (client, producer) = (None, Some(under_way.unwrap_or(stamp)));
                Request::Produce(Produce { topic, partition, client, producer, acks: Acks::All, records })
            }
            (Stage::Ready, None) => return,
        };
        self.asked = self.asked.wrapping_add(1);
        let correlation = (at as u64) << 32 | u64::from(self.asked);
        lane.asking = Some((correlation, request.clone(), now));
        out.push(SinkEffect::Kafka { correlation, request });
    }
}

impl Lane {
    /// Takes waiting batches that continue what is applied, until one has something to write.
    fn take_waiting(&mut self, controls: &Controls, out: &mut Vec<SinkEffect>) {
        while self.writing.is_none() {
            let applied = self.applied;
            let passed_over = MIRROR_GAP_WHEN_THREE_WAIT.is_planted() && self.waiting.len() >= 3
                || MIRROR_GAP_WHEN_FULL.is_planted() && self.waiting.len() >= FULL;
            let next = |b: &MirrorBatch| b.from <= applied || b.start || passed_over;
            let Some(at) = self.waiting.iter().position(next) else { break };
            let Some(batch) = self.waiting.remove(at) else { break };
            let first = self.first_new(controls, &batch);
            let records = batch.records[first..].to_vec();
            if records.is_empty() {
                self.applied = applied.max(batch.next);
                self.acknowledge(false, out);
            } else {
                self.writing = Some(Writing { next: batch.next, records });
            }
        }
        if self.writing.is_none() && !self.waiting.is_empty() {
            self.acknowledge(true, out);
        }
    }

    /// Lets go of the batch that can be applied last. To refuse the newest instead would stop a partition for good:
    /// batches of a former life of the source, with a gap before them, would keep out the one that fills it.
    fn drop_farthest(&mut self) {
        let farthest = (0..self.waiting.len()).max_by_key(|i| (!self.waiting[*i].start, self.waiting[*i].from));
        if let Some(at) = farthest {
            self.waiting.remove(at);
        }
    }

    /// Index of the first record of `batch` that was not applied yet.
    fn first_new(&self, controls: &Controls, batch: &MirrorBatch) -> usize {
        if batch.start && MIRROR_START_SKIPS_DEDUPE.is_planted() {
            return 0;
        }
        if controls.on(&DEDUPE) { batch.records.partition_point(|r| r.offset < self.applied) } else { 0 }
    }

    fn acknowledge(&self, missing: bool, out: &mut Vec<SinkEffect>) {
        let (topic, partition) = (self.topic.clone(), self.partition);
        out.push(SinkEffect::Ack(MirrorAck { topic, partition, applied: self.applied, missing }));
    }

    /// Kafka has answered the write under way.
    fn written(&mut self, now: Instant, reply: ProduceReply, out: &mut Vec<SinkEffect>) -> bool {
        if let Some(writing) = &mut self.writing
            && let (_, Some(_)) = writing.head()
            && reply.error != ErrorCode::InvalidRecord
        {
            return self.known_again(now, reply, out);
        }
        match reply.error {
            ErrorCode::None => self.finish(now, reply.base_offset, out),
            ErrorCode::InvalidRecord => {
                let refused = self.refused(reply);
                let Some(writing) = &mut self.writing else { return false };
                if let Some((at, refused)) = refused {
                    writing.records.remove(at);
                    out.push(refused);
                }
                if writing.records.is_empty() {
                    self.applied = self.applied.max(writing.next);
                    self.writing = None;
                    self.acknowledge(false, out);
                }
            }
            // The brokers have forgotten this producer, or know a later life of it: begin again, and look.
            ErrorCode::InvalidProducerEpoch
            | ErrorCode::UnknownProducerId
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::DuplicateSequenceNumber => {
                self.epoch = self.epoch.saturating_add(1);
                self.sequence = 0;
                self.writing = None;
                self.stage = Stage::Fence;
            }
            _ => return false,
        }
        true
    }

    /// The record that Kafka has refused, by its place in what is being written, and how to say so.
    fn refused(&self, reply: ProduceReply) -> Option<(usize, SinkEffect)> {
        let at = reply.bad_record.unwrap_or(0) as usize;
        let offset = self.writing.as_ref()?.records.get(at)?.offset;
        Some((at, SinkEffect::Refused(Refusal::BadRecord { topic: self.topic.clone(), offset })))
    }

    /// Kafka has answered the write of a record that its producer had under way there before it spilled.
    fn known_again(&mut self, now: Instant, reply: ProduceReply, out: &mut Vec<SinkEffect>) -> bool {
        match reply.error {
            // It comes next in its producer's sequence, or stands there already.
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => self.finish(now, reply.base_offset, out),
            // Nobody there knows of it: it is new, and written as anything else.
            ErrorCode::UnknownProducerId | ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch => {
                let first = self.writing.as_mut().and_then(|writing| writing.records.first_mut());
                if let Some(spilled) = first.and_then(|first| first.record.headers.spilled.as_mut()) {
                    spilled.under_way = None;
                }
            }
            _ => return false,
        }
        true
    }

    /// The head of what is to be written is: the rest comes next, or the next batch.
    fn finish(&mut self, now: Instant, local_first: u64, out: &mut Vec<SinkEffect>) {
        let Some(mut writing) = self.writing.take() else { return };
        let (count, under_way) = writing.head();
        let rest = writing.records.split_off(count);
        let count = count as u64;
        if under_way.is_none() {
            self.sequence = self.sequence.wrapping_add(count as u32);
        }
        let whole = writing.next;
        if let Some(next) = rest.first() {
            writing.next = next.offset;
            self.writing = Some(Writing { next: whole, records: rest });
        }
        if self.translation.len() == STRETCHES_MAX {
            self.translation.pop_front();
        }
        self.translation.push_back(Stretch {
            source_first: writing.records.first().map_or(writing.next, |r| r.offset),
            source_next: writing.next,
            local_first,
            local_next: local_first + count,
        });
        self.applied = self.applied.max(writing.next);
        let done = self.writing.is_none();
        let oldest = writing.records.iter().map(|r| r.record.timestamp).min().unwrap_or(now);
        let (topic, partition, applied) = (self.topic.clone(), self.partition, self.applied);
        out.push(SinkEffect::Applied { topic, partition, applied, records: count, age: now.since(oldest) });
        if done {
            self.acknowledge(false, out);
        }
    }
}

impl Writing {
    /// How many records are written next in one request, and the place of the first in its producer's sequence, if that
    /// is not this mirror's own.
    fn head(&self) -> (usize, Option<ProducerStamp>) {
        let under_way = |r: &MirrorRecord| r.record.headers.spilled.as_ref().and_then(|spilled| spilled.under_way);
        match self.records.iter().position(|r| under_way(r).is_some()) {
            Some(0) => (1, under_way(&self.records[0])),
            first => (first.unwrap_or(self.records.len()), None),
        }
    }
}
