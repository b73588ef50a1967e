//! The sending half: reads committed records of its cell, drops what may not leave, sends the rest in signed batches.
//!
//! Per partition a bounded window of batches is under way. A batch that is not acknowledged is sent again unchanged;
//! the position is committed only after the sink has acknowledged it.

use super::Region;
use super::batch::{MirrorAck, MirrorBatch, MirrorRecord, Signer};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::planted::{MIRROR_COMMITS_WHAT_WAS_SENT, MIRROR_LATEST_WITHOUT_POSITION};
use crate::saas::is_spilled_topic;
use crate::wire::kafka::{ErrorCode, Fetch, FetchReply, Record, Request, Response, TopicName};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Records of a tenant that is bound to a region stay out of cells that do not lie in it.
pub const RESIDENCY_FILTER: Control = control!(
    "mirror.residency-filter",
    upholds: ["EVT-05", "POL-06"],
    off: "topics = .*: every topic is mirrored, whatever region its tenant is bound to",
);
/// A record never goes back to the cell in which it was produced.
pub const LOOP_GUARD: Control = control!(
    "mirror.loop-guard",
    upholds: ["EVT-04"],
    off: "records are mirrored whatever their origin, as with two identity-named mirrors facing each other: ping-pong",
);
/// After a restart, reading goes on at the committed position.
pub const RESUME_OFFSET: Control = control!(
    "mirror.resume-offset",
    upholds: ["EVT-04", "EVT-09"],
    off: "auto.offset.reset=latest without committed offsets: what was produced during an outage is skipped",
);

/// Partitions that a source asks at its own pace. With more it waits longer at each, so that what it asks of a quiet
/// cluster stays bounded: brokers answer as soon as there is something new, and only a lost answer is missed later.
const PARTITIONS_AT_PACE: u64 = 256;
/// A wait that grows with the number of partitions grows no longer than this.
const WAIT_MAX: Duration = Duration::secs(10);

/// From the answer of a broker that does not lead to the next question: `retry.backoff.ms` of Kafka's clients.
const ASK_NEXT: Duration = Duration::millis(100);

/// Settings of a source.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// This cell.
    pub cell: Arc<str>,
    /// The cell that the batches go to.
    pub target_cell: Arc<str>,
    /// Regions in which the target cell lies.
    pub target_regions: Vec<Region>,
    /// Tenants whose data may not leave a region.
    pub residency: BTreeMap<TenantId, Region>,
    /// Consumer group under which positions are committed: one per target.
    pub group: Arc<str>,
    /// Batches under way per partition, at most.
    pub window: usize,
    /// Bytes read for one batch, at most.
    pub batch_bytes: u64,
    /// After this, what has no answer is sent again.
    pub retry: Duration,
    /// How long a read waits at the cell's brokers for something new; see [`MirrorSource::fetch_wait`].
    pub fetch_wait: Duration,
    /// Between commits of a partition's position.
    pub commit_every: Duration,
}

/// What the source wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SourceEffect {
    /// Ask the own cell's Kafka; give the answer to [`MirrorSource::on_kafka`] with the same correlation.
    Kafka {
        /// Name of the request.
        correlation: u64,
        /// The request: to the partition's leader, or to the group's coordinator.
        request: Request,
    },
    /// Send to the sink.
    Send(MirrorBatch),
}

/// The sending half of a mirror.
#[derive(Debug)]
pub struct MirrorSource {
    settings: SourceSettings,
    lanes: Vec<Lane>,
    lane_of: BTreeMap<(TopicName, u32), u32>,
    /// When something may be due, and on which lane; one entry a lane at most, perhaps an early one.
    due: BTreeSet<(Instant, u32)>,
    asked: u32,
    withheld: u64,
}

#[derive(Debug)]
struct Lane {
    topic: TopicName,
    partition: u32,
    tenant: Option<TenantId>,
    stage: Stage,
    /// The request under way, by correlation, and when the next one is made if that has no answer by then.
    asking: Option<(u64, Instant)>,
    /// Next offset to read.
    position: u64,
    /// End of the last stretch sent.
    sent: u64,
    /// Everything before is settled at the sink.
    acked: u64,
    /// The position that the group's coordinator is known to have.
    committed: u64,
    /// The position that it was told last, by correlation.
    committing: Option<(u64, u64)>,
    /// It is told nothing before.
    commit_at: Instant,
    high_watermark: u64,
    start: bool,
    flights: VecDeque<Flight>,
    /// Its entry in what is due.
    due: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Where did we stop?
    Resume,
    /// Where does the log begin, or end?
    Locate { latest: bool },
    /// Reading on.
    Read,
}

#[derive(Debug)]
struct Flight {
    batch: MirrorBatch,
    read_at: Instant,
    sent_at: Instant,
}

impl MirrorSource {
    /// A source without topics. All its memory is in the cell's Kafka: a restart is a new source.
    pub fn new(settings: SourceSettings) -> MirrorSource {
        let (lanes, lane_of, due) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        MirrorSource { settings, lanes, lane_of, due, asked: 0, withheld: 0 }
    }

    /// Mirrors a topic from now on; `tenant` is whose it is, if it is one tenant's.
    pub fn add_topic(&mut self, topic: &TopicName, partitions: u32, tenant: Option<&TenantId>) {
        for partition in 0..partitions {
            let fresh = self.lanes.len() as u32;
            if *self.lane_of.entry((topic.clone(), partition)).or_insert(fresh) == fresh {
                self.lanes.push(Lane::new(topic.clone(), partition, tenant.cloned()));
                self.schedule(fresh as usize, Some(Instant::ZERO));
            }
        }
    }

    /// How long a read of one of its partitions waits for something new: longer the more there are.
    pub fn fetch_wait(&self) -> Duration {
        let own = self.settings.fetch_wait;
        let grown = own.scale((self.lanes.len() as u64).max(PARTITIONS_AT_PACE), PARTITIONS_AT_PACE);
        grown.min(own.max(WAIT_MAX))
    }

    /// Does what is due: reads on, repeats, commits. Call it every 100 ms or so, and after every word.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<SourceEffect>) {
        let mut ready = Vec::new();
        while let Some((when, at)) = self.due.first().copied()
            && when <= now
        {
            self.due.pop_first();
            self.lanes[at as usize].due = None;
            ready.push(at as usize);
        }
        // In the order of the lanes, whichever was due first.
        ready.sort_unstable();
        for at in ready {
            self.poll_lane(now, at, out);
        }
    }

    /// Takes an answer of the cell's Kafka.
    pub fn on_kafka(
        &mut self,
        now: Instant,
        controls: &Controls,
        signer: &dyn Signer,
        correlation: u64,
        response: Response,
        out: &mut Vec<SourceEffect>,
    ) {
        let at = (correlation >> 32) as usize;
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if let Some((_, offset)) = lane.committing.take_if(|(asked, _)| *asked == correlation) {
            // A commit that was refused, or not answered, is made again: a producer may be waiting for it.
            if let Response::OffsetCommit { error: ErrorCode::None } = response {
                lane.committed = offset;
            }
            return;
        }
        if lane.asking.is_none_or(|(asked, _)| asked != correlation) {
            return;
        }
        match (lane.stage, response) {
            (Stage::Resume, Response::OffsetFetch { error: ErrorCode::None, offset }) => {
                lane.resume(controls, offset);
            }
            (Stage::Locate { latest }, Response::Offsets { error: ErrorCode::None, log_start, high_watermark }) => {
                lane.begin_at(if latest { high_watermark } else { log_start });
            }
            (Stage::Read, Response::Fetch(reply)) if reply.error == ErrorCode::None => {
                self.take(now, controls, signer, at, reply, out);
            }
            (Stage::Read, Response::Fetch(reply)) if reply.error == ErrorCode::OffsetOutOfRange => {
                lane.asking = None;
                lane.stage = Stage::Locate { latest: false };
            }
            // No leader, no coordinator: another broker may be.
            _ => lane.asking = Some((correlation, now + ASK_NEXT)),
        }
        self.poll_lane(now, at, out);
    }

    /// Takes the sink's answer.
    pub fn on_ack(&mut self, now: Instant, ack: &MirrorAck, out: &mut Vec<SourceEffect>) {
        let Some(at) = self.lane_of.get(&(ack.topic.clone(), ack.partition)).copied() else { return };
        let lane = &mut self.lanes[at as usize];
        if ack.missing && ack.applied < lane.acked {
            lane.begin_at(ack.applied);
            lane.start = false;
        } else {
            // The sink may be ahead of a source that restarted; what is not sent yet is sent, and recognised there.
            lane.acked = lane.acked.max(ack.applied.min(lane.sent));
            while lane.flights.front().is_some_and(|f| f.batch.next <= ack.applied) {
                lane.flights.pop_front();
            }
        }
        self.poll_lane(now, at as usize, out);
    }

    /// Committed records of a partition that the sink has not acknowledged.
    pub fn behind(&self, topic: &TopicName, partition: u32) -> Option<u64> {
        let lane = &self.lanes[*self.lane_of.get(&(topic.clone(), partition))? as usize];
        Some(lane.high_watermark.saturating_sub(lane.acked))
    }

    /// Age of the oldest batch under way, since its records were read.
    pub fn oldest(&self, now: Instant) -> Duration {
        let read = self.lanes.iter().filter_map(|lane| Some(lane.flights.front()?.read_at)).min();
        read.map_or(Duration::ZERO, |read_at| now.since(read_at))
    }

    /// Batches under way, in the partition that has most.
    pub fn in_flight(&self) -> usize {
        self.lanes.iter().map(|lane| lane.flights.len()).max().unwrap_or(0)
    }

    /// Records that were not sent because of residency or origin.
    pub fn withheld(&self) -> u64 {
        self.withheld
    }

    /// Notes when something may be due on a lane. An earlier note stands: looking too early does nothing.
    fn schedule(&mut self, at: usize, when: Option<Instant>) {
        let (Some(when), lane) = (when, &mut self.lanes[at]) else { return };
        if lane.due.is_some_and(|due| due <= when) {
            return;
        }
        if let Some(due) = lane.due.replace(when) {
            self.due.remove(&(due, at as u32));
        }
        self.due.insert((when, at as u32));
    }

    fn poll_lane(&mut self, now: Instant, at: usize, out: &mut Vec<SourceEffect>) {
        self.act(now, at, out);
        let next = self.lanes[at].next(&self.settings);
        self.schedule(at, next);
    }

    /// Sends again, commits and asks, as far as that is due.
    fn act(&mut self, now: Instant, at: usize, out: &mut Vec<SourceEffect>) {
        let wait = self.fetch_wait();
        let settings = &self.settings;
        let lane = &mut self.lanes[at];
        if lane.flights.front().is_some_and(|f| now.since(f.sent_at) >= settings.retry) {
            for flight in &mut lane.flights {
                flight.sent_at = now;
                out.push(SourceEffect::Send(flight.batch.clone()));
            }
        }
        let mut ask = |request: Request| {
            self.asked = self.asked.wrapping_add(1);
            let correlation = (at as u64) << 32 | u64::from(self.asked);
            out.push(SourceEffect::Kafka { correlation, request });
            correlation
        };
        let (group, topic, partition) = (settings.group_of(&lane.topic), lane.topic.clone(), lane.partition);
        let settled = lane.settled();
        if settled > lane.committed && now >= lane.commit_at {
            lane.commit_at = now + settings.commit_every;
            let (group, topic) = (group.clone(), topic.clone());
            let told = ask(Request::OffsetCommit { group, topic, partition, offset: settled });
            lane.committing = Some((told, settled));
        }
        let waits = lane.asking.is_some_and(|(_, until)| now < until);
        if waits || lane.stage == Stage::Read && lane.flights.len() >= settings.window {
            return;
        }
        let request = match lane.stage {
            Stage::Resume => Request::OffsetFetch { group, topic, partition },
            Stage::Locate { .. } => Request::ListOffsets { topic, partition },
            Stage::Read => {
                let (offset, bytes_max) = (lane.position, settings.batch_bytes);
                Request::Fetch(Fetch { topic, partition, offset, bytes_max, wait })
            }
        };
        lane.asking = Some((ask(request), now + lane.patience(settings, wait)));
    }

    /// Makes a batch of what was read.
    fn take(
        &mut self,
        now: Instant,
        controls: &Controls,
        signer: &dyn Signer,
        at: usize,
        reply: FetchReply,
        out: &mut Vec<SourceEffect>,
    ) {
        let lane = &mut self.lanes[at];
        lane.asking = None;
        lane.high_watermark = reply.high_watermark;
        if reply.next_offset <= lane.position {
            return;
        }
        let mut records = Vec::new();
        for batch in &reply.batches {
            for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                if offset < lane.position {
                    continue;
                }
                if self.settings.may_leave(controls, lane.tenant.as_ref(), record) {
                    records.push(MirrorRecord { offset, record: self.settings.outbound(&lane.topic, offset, record) });
                } else {
                    self.withheld += 1;
                }
            }
        }
        lane.position = reply.next_offset;
        if records.is_empty() && lane.flights.is_empty() {
            // Nothing to say, nothing under way: settled here. The next batch covers this stretch too.
            lane.acked = lane.position;
            return;
        }
        let batch = MirrorBatch {
            source_cell: self.settings.cell.clone(),
            topic: lane.topic.clone(),
            partition: lane.partition,
            from: lane.sent,
            next: lane.position,
            start: std::mem::take(&mut lane.start),
            records: records.into(),
            digest: [0; 32],
            signature: [].into(),
        };
        let batch = batch.signed(signer);
        lane.sent = batch.next;
        lane.flights.push_back(Flight { batch: batch.clone(), read_at: now, sent_at: now });
        out.push(SourceEffect::Send(batch));
    }
}

impl SourceSettings {
    /// Whether a record may go to the target cell.
    fn may_leave(&self, controls: &Controls, topic_tenant: Option<&TenantId>, record: &Record) -> bool {
        let tenant = record.headers.tenant.as_ref().or(topic_tenant);
        if let Some(region) = tenant.and_then(|t| self.residency.get(t))
            && !self.target_regions.contains(region)
            && controls.on(&RESIDENCY_FILTER)
        {
            return false;
        }
        if let Some(origin) = &record.headers.origin_cell
            && *origin == self.target_cell
            && controls.on(&LOOP_GUARD)
        {
            return false;
        }
        true
    }

    /// The record as it leaves: with its origin, and its offset here. What spilled goes home, which is its origin; once
    /// it is there, it is a record like others.
    fn outbound(&self, topic: &str, offset: u64, record: &Record) -> Record {
        let mut record = record.clone();
        if !is_spilled_topic(topic) {
            record.headers.origin_cell.get_or_insert_with(|| self.cell.clone());
            record.headers.spilled = None;
        }
        record.headers.source_offset = Some(offset);
        record
    }

    /// Under which group the position in a topic is kept. What spilled is drained under the topic's own name, so that
    /// its tenant's producers may ask how far that has come.
    fn group_of(&self, topic: &TopicName) -> Arc<str> {
        if is_spilled_topic(topic) { topic.clone() } else { self.group.clone() }
    }
}

impl Lane {
    fn new(topic: TopicName, partition: u32, tenant: Option<TenantId>) -> Lane {
        Lane {
            topic,
            partition,
            tenant,
            stage: Stage::Resume,
            asking: None,
            position: 0,
            sent: 0,
            acked: 0,
            committed: 0,
            committing: None,
            commit_at: Instant::ZERO,
            high_watermark: 0,
            start: true,
            flights: VecDeque::new(),
            due: None,
        }
    }

    /// The position that may be committed.
    fn settled(&self) -> u64 {
        if MIRROR_COMMITS_WHAT_WAS_SENT.is_planted() { self.sent } else { self.acked }
    }

    /// How long an answer is waited for, where a read waits so long at the broker.
    fn patience(&self, settings: &SourceSettings, wait: Duration) -> Duration {
        if self.stage == Stage::Read { settings.retry + wait } else { settings.retry }
    }

    /// When there is something to do, if no word comes before.
    fn next(&self, settings: &SourceSettings) -> Option<Instant> {
        let again = self.flights.front().map(|flight| flight.sent_at + settings.retry);
        let commit = (self.settled() > self.committed).then_some(self.commit_at);
        let ask = self.asking.map(|(_, until)| until);
        again.into_iter().chain(commit).chain(ask).min()
    }

    /// Decides where reading goes on after a start.
    fn resume(&mut self, controls: &Controls, committed: Option<u64>) {
        self.asking = None;
        if controls.on(&RESUME_OFFSET) {
            match committed {
                Some(offset) => self.begin_at(offset),
                None => self.stage = Stage::Locate { latest: MIRROR_LATEST_WITHOUT_POSITION.is_planted() },
            }
            return;
        }
        self.stage = Stage::Locate { latest: true };
    }

    fn begin_at(&mut self, offset: u64) {
        self.asking = None;
        self.stage = Stage::Read;
        self.flights.clear();
        self.position = offset;
        self.sent = offset;
        self.acked = offset;
        self.committed = self.committed.min(offset);
        self.committing = None;
        self.start = true;
    }
}
