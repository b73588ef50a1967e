//! The producer library inside a service: numbers batches, sends one at a time per partition, retries the same bytes.
//!
//! One batch in flight, not Kafka's five, so that order per key needs nothing of the network. Each lane has its own
//! producer epoch: when a broker has forgotten the producer, only that partition starts a new sequence.

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
    queue: VecDeque<(u64, Arc<[Record]>)>,
    send_at: Option<Instant>,
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

    /// Queues a batch; `ticket` names it.
    pub fn enqueue(&mut self, now: Instant, topic: TopicName, partition: u32, records: Arc<[Record]>, ticket: u64) {
        let fresh = Lane { epoch: self.epoch, next_sequence: 0, queue: VecDeque::new(), send_at: None };
        let lane = self.lanes.entry((topic, partition)).or_insert(fresh);
        if lane.queue.is_empty() {
            lane.send_at = Some(now);
        }
        lane.queue.push_back((ticket, records));
    }

    /// The batches to send now, with their tickets, and when to ask again.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<(u64, Produce)>) -> Instant {
        let mut next = Instant::NEVER;
        for ((topic, partition), lane) in &mut self.lanes {
            let (Some(send_at), Some((ticket, records))) = (lane.send_at, lane.queue.front()) else { continue };
            if send_at <= now {
                let stamp = ProducerStamp { id: self.id, epoch: lane.epoch, base_sequence: lane.next_sequence };
                let (topic, partition, records) = (topic.clone(), *partition, records.clone());
                out.push((*ticket, Produce { topic, partition, producer: Some(stamp), acks: self.acks, records }));
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
        let Some((front, records)) = lane.queue.front() else { return Outcome::Stale };
        if *front != ticket {
            return Outcome::Stale;
        }
        let count = records.len() as u32;
        let pause = Duration::millis(u64::from(reply.throttle_ms));
        match reply.error {
            ErrorCode::None | ErrorCode::DuplicateSequenceNumber => {
                lane.next_sequence = lane.next_sequence.wrapping_add(count);
                lane.settle(now + pause);
                let offset = (reply.error == ErrorCode::None).then_some(reply.base_offset);
                Outcome::Delivered { ticket, offset }
            }
            // Nothing was appended, so the sequence number is free for the next batch.
            error @ (ErrorCode::InvalidRecord
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
