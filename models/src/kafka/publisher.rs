//! The publisher inside a service: a producer that finds its brokers by itself.
//!
//! A batch that may have been appended is never dropped, or its successors would have a gap before them; so the queue
//! is bounded, and a full one says no at once. A caller that stops waiting only stops waiting: its event may still
//! come.

use super::producer::{Outcome, Producer};
use super::route::Routes;
use crate::ids::Bytes;
use crate::wire::kafka::{Acks, ErrorCode, Record, Request, Response, TopicName};
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;

/// A request to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The broker.
    pub to: NodeId,
    /// Name of the request: the answer carries it.
    pub id: u64,
    /// The request.
    pub request: Request,
}

/// What became of a published event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The caller's name for it.
    pub ticket: u64,
    /// Stored as promised, or why it never will be.
    pub result: Result<(), ErrorCode>,
}

/// The queue is full: nothing was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// A publisher.
#[derive(Clone, Debug)]
pub struct Publisher {
    producer: Producer,
    routes: Routes,
    open: BTreeMap<u64, (TopicName, u32, u64)>,
    next_id: u64,
    queue_max: usize,
    due: Instant,
}

impl Publisher {
    /// A publisher to `brokers`. `life` must never have been used by any publisher before, former lives of this one
    /// included: draw it at boot. It holds at most `queue_max` unsettled events, and sends again after `retry`.
    pub fn new(brokers: Vec<NodeId>, life: u64, queue_max: usize, retry: Duration) -> Publisher {
        Publisher {
            producer: Producer::new(life, 0, Acks::All, retry),
            routes: Routes::new(brokers, retry * 4),
            open: BTreeMap::new(),
            next_id: life,
            queue_max,
            due: Instant::NEVER,
        }
    }

    /// Takes an event; `ticket` names it and must be unique. Call [`Publisher::poll`] next.
    ///
    /// # Errors
    /// When too many events are unsettled.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &TopicName,
        partition: u32,
        event: Bytes,
        ticket: u64,
    ) -> Result<(), Full> {
        if self.producer.pending() >= self.queue_max {
            return Err(Full);
        }
        self.producer.enqueue(now, topic.clone(), partition, [Record::new(event, now)].into(), ticket);
        Ok(())
    }

    /// What to send now, and when to call again at the latest ([`Instant::NEVER`]: not before the next event).
    pub fn poll(&mut self, now: Instant, out: &mut Vec<Sent>) -> Instant {
        self.routes.tick(now);
        let mut batches = Vec::new();
        self.due = self.producer.poll(now, &mut batches);
        for (ticket, produce) in batches {
            // A batch has one name while it is under way: a second sending tells the routes that nobody answered.
            let known = self.open.iter().find(|(_, (.., t))| *t == ticket).map(|(id, _)| *id);
            let id = known.unwrap_or_else(|| {
                self.next_id = self.next_id.wrapping_add(1);
                self.open.insert(self.next_id, (produce.topic.clone(), produce.partition, ticket));
                self.next_id
            });
            let request = Request::Produce(produce);
            out.push(Sent { to: self.routes.send(now, id, &request), id, request });
        }
        self.due
    }

    /// Takes an answer; says what it settles. Call [`Publisher::poll`] next: the next batch may be due.
    pub fn on_answer(&mut self, now: Instant, id: u64, response: &Response) -> Option<Settled> {
        let Response::Produce(reply) = response else { return None };
        self.routes.answered(id, response);
        let (topic, partition, ticket) = self.open.get(&id)?.clone();
        let settled = match self.producer.on_reply(now, &topic, partition, ticket, *reply) {
            Outcome::Delivered { ticket, .. } => Settled { ticket, result: Ok(()) },
            Outcome::Failed { ticket, error } => Settled { ticket, result: Err(error) },
            Outcome::Retry | Outcome::Stale => return None,
        };
        self.open.remove(&id);
        Some(settled)
    }

    /// Events not yet settled.
    pub fn pending(&self) -> usize {
        self.producer.pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kafka::ProduceReply;

    #[test]
    fn a_publisher_asks_the_next_broker_and_settles_once() {
        let retry = Duration::millis(100);
        let mut publisher = Publisher::new(vec![NodeId(1), NodeId(2)], 77, 2, retry);
        let topic: TopicName = "t".into();
        let send = |publisher: &mut Publisher, at: u64| {
            let mut out = Vec::new();
            publisher.poll(Instant(at), &mut out);
            out.into_iter().map(|s| (s.to.0, s.id)).collect::<Vec<_>>()
        };
        for ticket in [8, 9] {
            assert_eq!(publisher.publish(Instant(0), &topic, 0, (*b"e").into(), ticket), Ok(()));
        }
        assert_eq!(publisher.publish(Instant(0), &topic, 0, (*b"e").into(), 10), Err(Full));
        let first = send(&mut publisher, 0);
        assert_eq!(first, [(1, 78)], "one batch under way a partition");
        let answer = |error| Response::Produce(ProduceReply::error(error));
        assert_eq!(publisher.on_answer(Instant(1), 78, &answer(ErrorCode::NotLeaderOrFollower)), None);
        assert_eq!(send(&mut publisher, 50_000_000), [(2, 78)]);
        let settled = Settled { ticket: 8, result: Ok(()) };
        assert_eq!(publisher.on_answer(Instant(2), 78, &answer(ErrorCode::None)), Some(settled));
        assert_eq!(publisher.on_answer(Instant(2), 78, &answer(ErrorCode::None)), None);
        assert_eq!(send(&mut publisher, 50_000_000), [(2, 79)]);
        let denied = publisher.on_answer(Instant(3), 79, &answer(ErrorCode::TopicAuthorizationFailed));
        assert_eq!(denied, Some(Settled { ticket: 9, result: Err(ErrorCode::TopicAuthorizationFailed) }));
        assert_eq!(send(&mut publisher, 1_000_000_000), []);
    }
}
