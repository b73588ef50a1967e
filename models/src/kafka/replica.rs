//! One partition on one broker, as leader or follower: replication, the high watermark, and who waits for it.
//!
//! The high watermark is the least durable end over the in-sync set *and* over those proposed for it: the controller
//! may already have accepted a proposal, and may elect from it (KIP-497).

mod following;
mod leading;
mod reading;

pub use following::Taken;

use super::idempotence::Producers;
use super::log::Log;
use super::offsets::{GroupOffsets, OFFSETS_TOPIC, Position};
use super::tamper::Edit;
use super::{Effect, Flush, LogChange, LogWrite};
use crate::planted::KAFKA_FOLLOWER_FORGETS_PRODUCERS;
use crate::wire::kafka::{Batch, BrokerId, ErrorCode, PartitionState, ProduceReply, ProducerStamp, Record, Response};
use sim::{Duration, Instant};
use std::sync::Arc;

/// Intervals of the brokers, as in `server.properties`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// Between two looks at what is due.
    pub tick: Duration,
    /// Between heartbeats to the controller.
    pub heartbeat: Duration,
    /// `replica.lag.time.max.ms`: a follower this far behind leaves the in-sync set.
    pub replica_lag_max: Duration,
    /// After this, an unanswered fetch or wake is repeated.
    pub retry: Duration,
    /// After this, a produce that is not committed is answered with `REQUEST_TIMED_OUT`.
    pub request_timeout: Duration,
}

impl Default for Timing {
    /// Kafka's defaults, except that a follower may lag 10 s, not 30: failover drills should not wait.
    fn default() -> Timing {
        Timing {
            tick: Duration::millis(100),
            heartbeat: Duration::secs(2),
            replica_lag_max: Duration::secs(10),
            retry: Duration::millis(500),
            request_timeout: Duration::secs(30),
        }
    }
}

impl Timing {
    /// The same brokers, who look after themselves so much more seldom. Clients wait for their answers no longer.
    #[must_use]
    pub fn slower(self, times: u64) -> Timing {
        let Timing { tick, heartbeat, replica_lag_max, .. } = self;
        Timing { tick: tick * times, heartbeat: heartbeat * times, replica_lag_max: replica_lag_max * times, ..self }
    }
}

/// What a replica must know of its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// This broker.
    pub me: BrokerId,
    /// Its clock.
    pub now: Instant,
    /// When an append counts as stored.
    pub flush: Flush,
    /// Intervals.
    pub timing: &'a Timing,
    /// `min.insync.replicas`.
    pub min_isr: usize,
    /// `retention.bytes`.
    pub retention_bytes: Option<u64>,
}

/// Wakes without an answer before a follower is left to its own metadata: it is dead or has another leader.
const WAKES_MAX: u8 = 20;

/// A partition on this broker.
#[derive(Clone, Debug)]
pub struct Replica {
    state: PartitionState,
    log: Log,
    producers: Producers,
    groups: Option<Box<GroupOffsets>>,
    durable: u64,
    high_watermark: u64,
    epoch_start: u64,
    followers: Vec<Follower>,
    joining: Vec<BrokerId>,
    proposed_at: Instant,
    waiting: Vec<Waiting>,
    readers: Vec<Reader>,
    heard: bool,
    asked_at: Instant,
    cut_when_committed: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct Follower {
    broker: BrokerId,
    end: u64,
    durable: u64,
    caught_up_at: Instant,
    parked: bool,
    told_at: Instant,
    wakes: u8,
}

impl Follower {
    /// Whether the leader wants to hear from it: it lacks records, or its place in the in-sync set.
    fn is_awaited(&self, state: &PartitionState, end: u64) -> bool {
        self.wakes < WAKES_MAX && (self.durable < end || !state.isr.contains(&self.broker))
    }
}

/// What is answered once a batch is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaits {
    /// A produce.
    Produce(ProduceReply),
    /// A group's commit.
    Commit,
}

#[derive(Clone, Debug)]
struct Waiting {
    end: u64,
    correlation: u64,
    deadline: Instant,
    awaits: Awaits,
}

#[derive(Clone, Debug)]
struct Reader {
    correlation: u64,
    offset: u64,
    bytes_max: u64,
    deadline: Instant,
}

impl Replica {
    /// An empty replica that has no part yet.
    pub fn new(topic: &Arc<str>, partition: u32) -> Replica {
        let nobody: Arc<[BrokerId]> = [].into();
        Replica {
            state: PartitionState {
                topic: topic.clone(),
                partition,
                replicas: nobody.clone(),
                isr: nobody,
                leader: None,
                leader_epoch: 0,
                version: 0,
            },
            log: Log::default(),
            producers: Producers::default(),
            groups: (**topic == *OFFSETS_TOPIC).then(Box::default),
            durable: 0,
            high_watermark: 0,
            epoch_start: 0,
            followers: Vec::new(),
            joining: Vec::new(),
            proposed_at: Instant::ZERO,
            waiting: Vec::new(),
            readers: Vec::new(),
            heard: true,
            asked_at: Instant::ZERO,
            cut_when_committed: None,
        }
    }

    /// The log, for facts about what is stored.
    pub fn log(&self) -> &Log {
        &self.log
    }
    /// Who leads, as far as this broker knows.
    pub fn state(&self) -> &PartitionState {
        &self.state
    }
    /// Offset after the last record known to be committed.
    pub fn high_watermark(&self) -> u64 {
        self.high_watermark
    }
    /// What is remembered of idempotent producers.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }
    /// A group's position, if this is a partition of the offsets topic.
    pub fn position(&self, position: &Position) -> Option<u64> {
        self.groups.as_ref()?.get(position)
    }

    /// Applies a change read from disk at boot.
    pub fn replay(&mut self, change: LogChange) {
        self.log.replay(change);
    }
    /// Ends the replay: what was read is durable.
    pub fn recovered(&mut self) {
        self.durable = self.log.end();
        self.rebuild();
    }

    /// Takes a decision of the controller.
    pub fn assign(&mut self, local: Local<'_>, state: PartitionState, out: &mut Vec<Effect>) {
        if state.version <= self.state.version {
            return;
        }
        let led = self.state.leader == Some(local.me);
        let another = state.leader_epoch != self.state.leader_epoch || self.state.leader.is_none();
        self.state = state;
        self.joining.clear();
        if self.state.leader == Some(local.me) {
            if another || !led {
                self.begin_leading(local);
            }
            // Whoever is out of sync, perhaps in a new life, must fetch again before it counts.
            self.followers.iter_mut().for_each(|f| f.wakes = 0);
            self.advance(local, out);
            return;
        }
        self.abdicate(out);
        if another && self.state.leader.is_some() {
            self.heard = false;
            self.ask(local, true, out);
        }
    }

    /// Appends as leader. The caller has checked everything; it must follow with a sync or, in page-cache mode,
    /// nothing.
    pub fn append(
        &mut self,
        local: Local<'_>,
        records: Arc<[Record]>,
        producer: Option<ProducerStamp>,
        control: bool,
        out: &mut Vec<Effect>,
    ) -> Batch {
        let end = self.log.end();
        for follower in self.followers.iter_mut().filter(|f| f.end == end) {
            follower.caught_up_at = local.now;
        }
        let batch = Batch { base_offset: end, leader_epoch: self.state.leader_epoch, producer, control, records };
        self.store(local, batch.clone(), out);
        self.feed(local, out);
        if local.flush == Flush::PageCache {
            self.advance(local, out);
        }
        batch
    }

    /// Answers once everything before `end` is committed, which may be now.
    pub fn when_committed(
        &mut self,
        local: Local<'_>,
        end: u64,
        correlation: u64,
        awaits: Awaits,
        out: &mut Vec<Effect>,
    ) {
        let deadline = local.now + local.timing.request_timeout;
        let waiting = Waiting { end, correlation, deadline, awaits };
        if end <= self.high_watermark {
            out.push(waiting.reply(self.commit_error(local)));
        } else {
            self.waiting.push(waiting);
        }
    }

    /// Removes what comes before `before`, as leader: of what is committed, and whole batches only. Followers learn it
    /// with what they are told next.
    pub fn drop_before(&mut self, local: Local<'_>, before: u64, out: &mut Vec<Effect>) {
        self.change(LogChange::DropBefore(before.min(self.high_watermark)), out);
        self.feed(local, out);
    }

    /// Somebody edits this log on its disk; whether there was anything to edit.
    pub fn tamper(&mut self, edit: Edit, until: Instant, out: &mut Vec<Effect>) -> bool {
        let Some(batches) = edit.applied(&self.log, until) else { return false };
        let (durable, high_watermark) = (self.durable, self.high_watermark);
        self.change(LogChange::Reset(self.log.start()), out);
        for batch in batches {
            self.change(LogChange::Append { after: self.log.last_epoch(), batch }, out);
        }
        // Who edits a disk waits for it, and does not tell the broker that anything happened.
        self.durable = durable.min(self.log.end());
        self.high_watermark = high_watermark.min(self.log.end());
        true
    }

    /// A sync has confirmed this log up to `end`.
    pub fn on_durable(&mut self, local: Local<'_>, end: u64, out: &mut Vec<Effect>) {
        self.durable = self.durable.max(end.min(self.log.end()));
        if self.state.leader == Some(local.me) {
            self.advance(local, out);
        } else if self.state.leader.is_some() {
            self.ask(local, false, out);
        }
    }

    /// Repeats what may have been lost, gives up what took too long, proposes to drop followers that lag.
    pub fn tick(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        let now = local.now;
        for waiting in self.waiting.extract_if(.., |w| w.deadline <= now) {
            out.push(waiting.reply(ErrorCode::RequestTimedOut));
        }
        let late: Vec<Reader> = self.readers.extract_if(.., |r| r.deadline <= now).collect();
        for reader in late {
            out.push(self.fetch_reply(ErrorCode::None, reader.correlation, reader.offset, reader.bytes_max));
        }
        if self.state.leader != Some(local.me) {
            if !self.heard && self.state.leader.is_some() && now.since(self.asked_at) >= local.timing.retry {
                self.ask(local, true, out);
            }
            return;
        }
        self.wake_laggards(local, out);
        self.propose_to_shrink(local, out);
    }

    /// Whether [`Replica::tick`] has anything to do before the next word arrives.
    pub fn needs_tick(&self, me: BrokerId) -> bool {
        if self.state.leader != Some(me) {
            return !self.heard && self.state.leader.is_some();
        }
        !self.waiting.is_empty()
            || !self.readers.is_empty()
            || !self.joining.is_empty()
            || self.high_watermark < self.log.end()
            || self.followers.iter().any(|f| f.is_awaited(&self.state, self.log.end()))
    }

    /// Whether this broker leads, with at least `min_isr` replicas in sync.
    pub fn enough_in_sync(&self, min_isr: usize) -> bool {
        self.state.isr.len() >= min_isr
    }

    fn abdicate(&mut self, out: &mut Vec<Effect>) {
        self.followers.clear();
        self.cut_when_committed = None;
        for waiting in self.waiting.drain(..) {
            out.push(waiting.reply(ErrorCode::NotLeaderOrFollower));
        }
        for reader in std::mem::take(&mut self.readers) {
            out.push(self.fetch_reply(ErrorCode::NotLeaderOrFollower, reader.correlation, reader.offset, 0));
        }
    }

    /// Appends a batch to the log, in memory and as a write.
    fn store(&mut self, local: Local<'_>, batch: Batch, out: &mut Vec<Effect>) {
        if self.state.leader == Some(local.me) || !KAFKA_FOLLOWER_FORGETS_PRODUCERS.is_planted() {
            self.producers.note(&batch);
        }
        if let Some(groups) = &mut self.groups {
            groups.apply(&batch.records);
        }
        out.push(self.write(LogChange::Append { after: self.log.last_epoch(), batch: batch.clone() }));
        self.log.append(batch);
        if local.flush == Flush::PageCache {
            self.durable = self.log.end();
        }
    }

    /// Changes the log other than by appending, in memory and as a write.
    fn change(&mut self, change: LogChange, out: &mut Vec<Effect>) {
        out.push(self.write(change.clone()));
        let cut = !matches!(change, LogChange::DropBefore(_));
        self.log.replay(change);
        if cut {
            self.durable = self.durable.min(self.log.end()).max(self.log.start());
            self.high_watermark = self.high_watermark.min(self.log.end()).max(self.log.start());
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        self.producers = Producers::of(&self.log);
        if self.groups.is_some() {
            self.groups = Some(Box::new(GroupOffsets::of(&self.log)));
        }
    }

    fn write(&self, change: LogChange) -> Effect {
        Effect::Write(LogWrite { topic: self.state.topic.clone(), partition: self.state.partition, change })
    }
}

impl Waiting {
    fn reply(&self, error: ErrorCode) -> Effect {
        let response = match &self.awaits {
            Awaits::Produce(reply) => Response::Produce(ProduceReply { error, ..*reply }),
            Awaits::Commit => Response::OffsetCommit { error },
        };
        Effect::Reply { correlation: self.correlation, response }
    }
}
