//! The producer library inside a service: numbers batches, sends one at a time per partition, retries the same bytes.
//!
//! One batch in flight, not Kafka's five, so that order per key needs nothing of the network. Each lane has its own
//! producer epoch: when a broker has forgotten the producer, only that partition starts a new sequence.

use crate::ids::TenantId;
use crate::planted::PRODUCER_NEW_AT_NEW_LEADER;
use crate::wire::kafka::{Acks, ErrorCode, Produce, ProduceReply, ProducerStamp, Record, TopicName};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A producer.
#[derive(Clone, Debug)]
pub struct Producer {
    id: u64,
    epoch: u16,
    acks: Acks,
    retry: Duration,
    lanes: BTreeMap<(TopicName, u32), Lane>,
}

#[derive(Clone, Debug)]
struct Lane {
    epoch: u16,
    next_sequence: u32,
    queue: VecDeque<Queued>,
    send_at: Option<Instant>,
    /// The broker said that it will not read before.
    throttled_until: Instant,
}

#[derive(Clone, Debug)]
struct Queued {
    ticket: u64,
    client: Option<TenantId>,
    records: Arc<[Record]>,
    since: Instant,
    /// Whether it was ever sent: then it may stand in the log, whatever was heard of it.
    sent: bool,
}

/// A batch that this producer sends no more: somebody else is to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The caller's name for it.
    pub ticket: u64,
    /// On whose behalf it was to be sent.
    pub client: Option<TenantId>,
    /// Its records.
    pub records: Arc<[Record]>,
    /// Its place in the sequence, when it was sent: that place stays its own.
    pub under_way: Option<ProducerStamp>,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Stored as promised.
    Delivered {
        /// The caller's name for the batch.
        ticket: u64,
        /// Offset of its first record; unknown when only a later retry was recognised.
        offset: Option<u64>,
    },
    /// Given up: it will not be sent again.
    Failed {
        /// The caller's name for the batch.
        ticket: u64,
        /// Why.
        error: ErrorCode,
    },
    /// Will be sent again.
    Retry,
    /// An answer to something already settled.
    Stale,
}

impl Producer {
    /// A producer with an id of its own and an epoch higher than in any earlier life. `retry` is the time after which
    /// an unanswered or refused batch is sent again.
    pub fn new(id: u64, epoch: u16, acks: Acks, retry: Duration) -> Producer {
        Producer { id, epoch, acks, retry, lanes: BTreeMap::new() }
    }

    /// Queues a batch on behalf of `client`, if this producer has several; `ticket` names it.
    pub fn enqueue(
        &mut self,
        now: Instant,
        (topic, partition): (TopicName, u32),
        client: Option<TenantId>,
        records: Arc<[Record]>,
        ticket: u64,
    ) {
        let epoch = self.epoch;
        let throttled_until = Instant::ZERO;
        let fresh = || Lane { epoch, next_sequence: 0, queue: VecDeque::new(), send_at: None, throttled_until };
        let lane = self.lanes.entry((topic, partition)).or_insert_with(fresh);
        if lane.queue.is_empty() {
            lane.send_at = Some(now.max(lane.throttled_until));
        }
        lane.queue.push_back(Queued { ticket, client, records, since: now, sent: false });
    }

    /// Gives up the batches of a partition that were never sent; their tickets. `under_way`: the first one was.
    pub fn give_up(&mut self, topic: &TopicName, partition: u32, under_way: bool) -> Vec<u64> {
        let Some(lane) = self.lanes.get_mut(&(topic.clone(), partition)) else { return Vec::new() };
        let kept = usize::from(under_way).min(lane.queue.len());
        if kept == 0 {
            lane.send_at = None;
        }
        lane.queue.drain(kept..).map(|queued| queued.ticket).collect()
    }

    /// Since when the oldest unsettled batch of a partition waits.
    pub fn oldest(&self, topic: &TopicName, partition: u32) -> Option<Instant> {
        Some(self.lanes.get(&(topic.clone(), partition))?.queue.front()?.since)
    }

    /// Takes a partition's batches away in their order, with the one that is under way or without it. What is under way
    /// keeps its place in the sequence: no later batch of this producer gets it.
    pub fn take(&mut self, topic: &TopicName, partition: u32, with_under_way: bool) -> Vec<Taken> {
        let (id, Some(lane)) = (self.id, self.lanes.get_mut(&(topic.clone(), partition))) else { return Vec::new() };
        let is_under_way = lane.queue.front().is_some_and(|front| front.sent);
        let kept = usize::from(is_under_way && !with_under_way);
        let (epoch, next) = (lane.epoch, lane.next_sequence);
        let stamp = |queued: &Queued| queued.sent.then_some(ProducerStamp { id, epoch, base_sequence: next });
        let taken = lane.queue.drain(kept..).map(|queued| Taken {
            under_way: stamp(&queued),
            ticket: queued.ticket,
            client: queued.client,
            records: queued.records,
        });
        let taken: Vec<Taken> = taken.collect();
        if kept == 0 {
            lane.send_at = None;
        }
        if let Some(first) = taken.first().filter(|first| first.under_way.is_some()) {
            lane.next_sequence = next.wrapping_add(first.records.len() as u32);
        }
        taken
    }

    /// Batches of a partition that are not settled, and whether its broker holds this producer back.
    pub fn backlog(&self, now: Instant, topic: &TopicName, partition: u32) -> (usize, bool) {
        let lane = self.lanes.get(&(topic.clone(), partition));
        lane.map_or((0, false), |lane| (lane.queue.len(), now < lane.throttled_until))
    }

    /// The batches to send now, with their tickets, and when to ask again.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<(u64, Produce)>) -> Instant {
        let mut next = Instant::NEVER;
        for ((topic, partition), lane) in &mut self.lanes {
            let (Some(send_at), Some(front)) = (lane.send_at, lane.queue.front_mut()) else { continue };
            if send_at <= now {
                let stamp = ProducerStamp { id: self.id, epoch: lane.epoch, base_sequence: lane.next_sequence };
                front.sent = true;
                let Queued { ticket, client, records, .. } = front.clone();
                let (topic, partition, producer) = (topic.clone(), *partition, Some(stamp));
                out.push((ticket, Produce { topic, partition, client, producer, acks: self.acks, records }));
                lane.send_at = Some(now + self.retry);
            }
            next = next.min(lane.send_at.unwrap_or(next));
        }
        next
    }

    /// Takes the answer to the batch `ticket`.
    pub fn on_reply(
        &mut self,
        now: Instant,
        topic: &TopicName,
        partition: u32,
        ticket: u64,
        reply: ProduceReply,
    ) -> Outcome {
        let Some(lane) = self.lanes.get_mut(&(topic.clone(), partition)) else { return Outcome::Stale };
        let Some(front) = lane.queue.front().filter(|front| front.ticket == ticket) else { return Outcome::Stale };
        let count = front.records.len() as u32;
        let pause = Duration::millis(u64::from(reply.throttle_ms));
        lane.throttled_until = lane.throttled_until.max(now + pause);
        match reply.error {
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => {
                lane.next_sequence = lane.next_sequence.wrapping_add(count);
                lane.settle(now + pause);
                let offset = (reply.error == ErrorCode::None).then_some(reply.base_offset);
                Outcome::Delivered { ticket, offset }
            }
            // Nothing was appended, so the sequence number is free for the next batch.
            error @ (ErrorCode::InvalidRecord
            | ErrorCode::ThrottlingQuotaExceeded
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::InvalidProducerEpoch) => {
                lane.settle(now + pause);
                Outcome::Failed { ticket, error }
            }
            ErrorCode::UnknownProducerId | ErrorCode::OutOfOrderSequenceNumber => {
                lane.epoch = lane.epoch.saturating_add(1);
                lane.next_sequence = 0;
                lane.send_at = Some(now);
                Outcome::Retry
            }
            // Somebody else leads: soon asked there.
            ErrorCode::NotLeaderOrFollower => {
                if PRODUCER_NEW_AT_NEW_LEADER.is_planted() {
                    (lane.epoch, lane.next_sequence) = (lane.epoch.saturating_add(1), 0);
                }
                lane.send_at = Some(now + self.retry.scale(1, 5).max(pause));
                Outcome::Retry
            }
            _ => {
                lane.send_at = Some(now + self.retry.max(pause));
                Outcome::Retry
            }
        }
    }

    /// Batches not yet settled.
    pub fn pending(&self) -> usize {
        self.lanes.values().map(|l| l.queue.len()).sum()
    }
}

impl Lane {
    fn settle(&mut self, next_at: Instant) {
        self.queue.pop_front();
        self.send_at = (!self.queue.is_empty()).then_some(next_at);
    }
}
