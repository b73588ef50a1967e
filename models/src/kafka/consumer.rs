//! The consumer library of a service: reads topics from where its group stopped, and commits what it has handed over.
//!
//! At least once: a position is committed only when everything before it was handed over, so a restart repeats and
//! never skips. A group that never committed, or whose position lies outside the log, begins at the log's start
//! (`auto.offset.reset=earliest`).

use super::publisher::Sent;
use super::route::Routes;
use crate::wire::kafka::{ErrorCode, Fetch, FetchReply, Record, Request, Response, TopicName};
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

/// Bytes read at once.
const FETCH_BYTES: u64 = 1 << 18;

/// How patient a consumer is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a read waits at the broker for something new.
    pub wait: Duration,
    /// After this, what has no answer is asked again.
    pub retry: Duration,
    /// Between two commits of a position.
    pub commit_every: Duration,
}

/// A record on its way to whoever consumes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// Offset.
    pub offset: u64,
    /// The record.
    pub record: Record,
}

/// A consumer of one group.
#[derive(Clone, Debug)]
pub struct Consumer {
    routes: Routes,
    group: Arc<str>,
    patience: Patience,
    lanes: Vec<Lane>,
    next_id: u64,
}

#[derive(Clone, Debug)]
struct Lane {
    topic: TopicName,
    partition: u32,
    stage: Stage,
    /// The request under way, by name, and since when.
    asking: Option<(u64, Instant)>,
    /// Nothing is asked before.
    ask_at: Instant,
    /// Next offset to hand over.
    position: u64,
    /// Where the log ended when it was last read.
    end: Option<u64>,
    committed: u64,
    /// The commit under way, by name, and what it commits.
    committing: Option<(u64, u64)>,
    commit_at: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Where did the group stop?
    Resume,
    /// Where does the log begin?
    Locate,
    /// Reading on.
    Read,
}

impl Consumer {
    /// A consumer of `group` at `brokers`. `life` names its requests: draw it at boot.
    pub fn new(brokers: Vec<NodeId>, group: &str, life: u64, patience: Patience) -> Consumer {
        let routes = Routes::new(brokers, patience.wait + patience.retry);
        Consumer { routes, group: group.into(), patience, lanes: Vec::new(), next_id: life }
    }

    /// Reads a partition from now on.
    pub fn subscribe(&mut self, topic: &TopicName, partition: u32) {
        self.lanes.push(Lane {
            topic: topic.clone(),
            partition,
            stage: Stage::Resume,
            asking: None,
            ask_at: Instant::ZERO,
            position: 0,
            end: None,
            committed: 0,
            committing: None,
            commit_at: Instant::ZERO,
        });
    }

    /// What to send now. Call it every 100 ms or so, and after every answer.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<Sent>) {
        self.routes.tick(now);
        for at in 0..self.lanes.len() {
            let lane = &self.lanes[at];
            if lane.position > lane.committed && lane.stage == Stage::Read && now >= lane.commit_at {
                let (group, topic) = (self.group.clone(), lane.topic.clone());
                let (partition, offset) = (lane.partition, lane.position);
                let id = self.send(now, Request::OffsetCommit { group, topic, partition, offset }, out);
                let lane = &mut self.lanes[at];
                (lane.committing, lane.commit_at) = (Some((id, offset)), now + self.patience.commit_every);
            }
            let lane = &self.lanes[at];
            let patience = match lane.stage {
                Stage::Read => self.patience.wait + self.patience.retry,
                _ => self.patience.retry,
            };
            let waits = lane.asking.is_some_and(|(_, since)| now.since(since) < patience);
            if !waits && now >= lane.ask_at {
                let request = lane.question(&self.group, self.patience.wait);
                let id = self.send(now, request, out);
                self.lanes[at].asking = Some((id, now));
            }
        }
    }

    /// Takes an answer; hands over what it brings. False when it answers nothing of this consumer. Call
    /// [`Consumer::poll`] next.
    pub fn on_answer(&mut self, now: Instant, id: u64, response: &Response, out: &mut Vec<Delivery>) -> bool {
        if !self.routes.answered(id, response) {
            return false;
        }
        for lane in &mut self.lanes {
            if let (Some((_, offset)), Response::OffsetCommit { error: ErrorCode::None }) =
                (lane.committing.filter(|(asked, _)| *asked == id), response)
            {
                (lane.committed, lane.committing) = (offset, None);
            } else if lane.asking.is_some_and(|(asked, _)| asked == id) {
                lane.asking = None;
                if !lane.take(response, out) {
                    lane.ask_at = now + self.patience.retry.scale(1, 5);
                }
            }
        }
        true
    }

    /// Topics that were read to the end that they had, with that end.
    pub fn caught_up(&self) -> impl Iterator<Item = (&TopicName, u32, u64)> {
        let at_end = self.lanes.iter().filter(|lane| lane.end.is_some_and(|end| end <= lane.position));
        at_end.map(|lane| (&lane.topic, lane.partition, lane.position))
    }

    fn send(&mut self, now: Instant, request: Request, out: &mut Vec<Sent>) -> u64 {
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        out.push(Sent { to: self.routes.send(now, id, &request), id, request });
        id
    }
}

impl Lane {
    fn question(&self, group: &Arc<str>, wait: Duration) -> Request {
        let (topic, partition) = (self.topic.clone(), self.partition);
        match self.stage {
            Stage::Resume => Request::OffsetFetch { group: group.clone(), topic, partition },
            Stage::Locate => Request::ListOffsets { topic, partition },
            Stage::Read => {
                let (offset, bytes_max) = (self.position, FETCH_BYTES);
                Request::Fetch(Fetch { topic, partition, offset, bytes_max, wait })
            }
        }
    }

    /// Takes the answer to the question under way; false when that is to be asked again, perhaps of another broker.
    fn take(&mut self, response: &Response, out: &mut Vec<Delivery>) -> bool {
        match (self.stage, response) {
            (Stage::Resume, Response::OffsetFetch { error: ErrorCode::None, offset: Some(offset) }) => {
                (self.position, self.committed, self.stage) = (*offset, *offset, Stage::Read);
            }
            (Stage::Resume, Response::OffsetFetch { error: ErrorCode::None, offset: None }) => {
                self.stage = Stage::Locate;
            }
            (Stage::Locate, Response::Offsets { error: ErrorCode::None, log_start, .. }) => {
                (self.position, self.committed, self.stage) = (*log_start, *log_start, Stage::Read);
            }
            (Stage::Read, Response::Fetch(reply)) if reply.error == ErrorCode::None => self.hand_over(reply, out),
            (Stage::Read, Response::Fetch(reply)) if reply.error == ErrorCode::OffsetOutOfRange => {
                self.stage = Stage::Locate;
            }
            _ => return false,
        }
        true
    }

    fn hand_over(&mut self, reply: &FetchReply, out: &mut Vec<Delivery>) {
        for batch in &reply.batches {
            for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                if offset >= self.position {
                    let (topic, partition, record) = (self.topic.clone(), self.partition, record.clone());
                    out.push(Delivery { topic, partition, offset, record });
                }
            }
        }
        self.position = self.position.max(reply.next_offset);
        self.end = Some(reply.high_watermark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kafka::Batch;

    const PATIENCE: Patience =
        Patience { wait: Duration::millis(500), retry: Duration::millis(300), commit_every: Duration::millis(200) };

    /// A log of `end` records behind a broker that answers at once; `committed` is where the group stands.
    struct Log {
        start: u64,
        end: u64,
        committed: Option<u64>,
    }

    impl Log {
        fn answer(&mut self, request: &Request) -> Response {
            let error = ErrorCode::None;
            match request {
                Request::OffsetFetch { .. } => Response::OffsetFetch { error, offset: self.committed },
                Request::ListOffsets { .. } => {
                    Response::Offsets { error, log_start: self.start, high_watermark: self.end }
                }
                Request::OffsetCommit { offset, .. } => {
                    self.committed = Some(*offset);
                    Response::OffsetCommit { error }
                }
                Request::Fetch(fetch) => {
                    let out_of_range = fetch.offset < self.start || fetch.offset > self.end;
                    let record = |n: u64| Record::new(n.to_le_bytes().as_slice().into(), Instant::ZERO);
                    let records: Arc<[Record]> = (fetch.offset..self.end).map(record).collect();
                    let batch =
                        Batch { base_offset: fetch.offset, leader_epoch: 1, producer: None, control: false, records };
                    Response::Fetch(FetchReply {
                        error: if out_of_range { ErrorCode::OffsetOutOfRange } else { error },
                        batches: if out_of_range { Vec::new() } else { vec![batch] },
                        next_offset: self.end,
                        high_watermark: self.end,
                        log_start: self.start,
                    })
                }
                other => panic!("a consumer does not ask {other:?}"),
            }
        }
    }

    /// Offsets that a new consumer hands over in a second.
    fn consumed(log: &mut Log) -> Vec<u64> {
        let mut consumer = Consumer::new(vec![NodeId(1)], "tenant.acme.connector", 7, PATIENCE);
        consumer.subscribe(&"tenant.acme.audit".into(), 0);
        let mut deliveries = Vec::new();
        for tick in 0..10 {
            let mut sends = Vec::new();
            let now = Instant::ZERO + Duration::millis(100 * tick);
            consumer.poll(now, &mut sends);
            for Sent { id, request, .. } in sends {
                let answer = log.answer(&request);
                assert!(consumer.on_answer(now, id, &answer, &mut deliveries));
                assert!(!consumer.on_answer(now, id, &answer, &mut deliveries), "an answer counts once");
            }
        }
        deliveries.iter().map(|d| d.offset).collect()
    }

    #[test]
    fn a_group_goes_on_where_it_stopped_and_a_new_one_begins_at_the_start() {
        let mut log = Log { start: 3, end: 6, committed: None };
        assert_eq!(consumed(&mut log), [3, 4, 5]);
        assert_eq!(log.committed, Some(6));
        log.end = 8;
        assert_eq!(consumed(&mut log), [6, 7]);
    }

    #[test]
    fn a_position_outside_the_log_is_no_position() {
        for wrong in [1, 99] {
            assert_eq!(consumed(&mut Log { start: 3, end: 5, committed: Some(wrong) }), [3, 4], "{wrong}");
        }
    }
}
