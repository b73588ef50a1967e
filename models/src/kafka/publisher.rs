//! The publisher inside a service: a producer that finds its brokers by itself.
//!
//! A batch that may have been appended is never dropped, or its successors would have a gap before them; so the queue
//! is bounded, and a full one says no at once. A caller that stops waiting only stops waiting: its event may still
//! come.

use super::producer::{Outcome, Producer, Taken};
use super::route::Routes;
use crate::ids::{Bytes, TenantId};
use crate::wire::kafka::{Acks, ErrorCode, Record, Request, Response, TopicName};
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where events go that nobody sends elsewhere: topics of tenants usually have one partition.
const PARTITION: u32 = 0;

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

/// Why nothing was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Too many events of the topic wait for their brokers.
    Full,
    /// The topic's broker holds its producer back: whoever publishes must come more slowly.
    Throttled,
}

/// A publisher.
#[derive(Clone, Debug)]
pub struct Publisher {
    producer: Producer,
    partition: u32,
    routes: Routes,
    open: BTreeMap<u64, (TopicName, u32, u64)>,
    next_id: u64,
    /// Given up because their broker asked for a pause.
    held_back: Vec<u64>,
    queue_max: usize,
    due: Instant,
}

impl Publisher {
    /// A publisher to `brokers`. `life` must never have been used by any publisher before, former lives of this one
    /// included: draw it at boot. It holds at most `queue_max` unsettled events a topic, so that one tenant's backlog
    /// is never another's, and sends again after `retry`.
    pub fn new(brokers: Vec<NodeId>, life: u64, queue_max: usize, retry: Duration) -> Publisher {
        Publisher {
            producer: Producer::new(life, 0, Acks::All, retry),
            partition: PARTITION,
            routes: Routes::new(brokers, retry * 4),
            open: BTreeMap::new(),
            next_id: life,
            held_back: Vec::new(),
            queue_max,
            due: Instant::NEVER,
        }
    }

    /// The same publisher, for another partition of every topic: a canary's events lie apart from everybody's (ROL-01).
    #[must_use]
    pub fn in_partition(mut self, partition: u32) -> Publisher {
        self.partition = partition;
        self
    }

    /// Takes an event, on behalf of `client` if this service has several; `ticket` names it and must be unique. Call
    /// [`Publisher::poll`] next.
    ///
    /// # Errors
    /// When too many events of the topic are unsettled, or its broker has asked for a pause: what waits behind a pause
    /// would only be told so later.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &TopicName,
        client: Option<&TenantId>,
        event: Bytes,
        ticket: u64,
    ) -> Result<(), Refused> {
        self.admits(now, topic)?;
        self.pass_on(now, topic, client.cloned(), [Record::new(event, now)].into(), ticket);
        Ok(())
    }

    /// Whether another event of a topic is taken.
    pub(super) fn admits(&self, now: Instant, topic: &TopicName) -> Result<(), Refused> {
        match self.producer.backlog(now, topic, self.partition) {
            (_, true) => Err(Refused::Throttled),
            (backlog, _) if backlog >= self.queue_max => Err(Refused::Full),
            _ => Ok(()),
        }
    }

    /// Takes records that were accepted before, however many wait.
    pub(super) fn pass_on(
        &mut self,
        now: Instant,
        topic: &TopicName,
        client: Option<TenantId>,
        records: Arc<[Record]>,
        ticket: u64,
    ) {
        self.producer.enqueue(now, (topic.clone(), self.partition), client, records, ticket);
    }

    /// Takes a topic's events away in their order, with the one that is under way or without it. An answer that comes
    /// for one of them answers nothing.
    pub(super) fn take(&mut self, topic: &TopicName, with_under_way: bool) -> Vec<Taken> {
        let taken = self.producer.take(topic, self.partition, with_under_way);
        self.open.retain(|_, (.., ticket)| taken.iter().all(|t| t.ticket != *ticket));
        taken
    }

    /// Events of a topic that are not settled, and since when the oldest of them waits.
    pub(super) fn waiting(&self, now: Instant, topic: &TopicName) -> (usize, Option<Instant>) {
        (self.producer.backlog(now, topic, self.partition).0, self.producer.oldest(topic, self.partition))
    }

    /// Whether a request of this name is under way.
    pub(super) fn is_asking(&self, id: u64) -> bool {
        self.open.contains_key(&id)
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
            Outcome::Delivered { ticket, .. } => Some(Settled { ticket, result: Ok(()) }),
            Outcome::Failed { ticket, error } => Some(Settled { ticket, result: Err(error) }),
            Outcome::Retry => None,
            Outcome::Stale => return None,
        };
        if reply.throttle_ms > 0 {
            self.held_back.extend(self.producer.give_up(&topic, partition, settled.is_none()));
        }
        if settled.is_some() {
            self.open.remove(&id);
        }
        settled
    }

    /// Tickets of events that were given up unsent, because their broker asked for a pause after the one before them:
    /// ask after every answer.
    pub fn held_back(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.held_back)
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
            assert_eq!(publisher.publish(Instant(0), &topic, None, (*b"e").into(), ticket), Ok(()));
        }
        let full = publisher.publish(Instant(0), &topic, None, (*b"e").into(), 10);
        assert_eq!(full, Err(Refused::Full));
        assert_eq!(publisher.clone().publish(Instant(0), &"u".into(), None, (*b"e").into(), 10), Ok(()));
        let first = send(&mut publisher, 0);
        assert_eq!(first, [(1, 78)], "one batch under way a partition");
        let answer = |error| Response::Produce(ProduceReply::error(error));
        assert_eq!(publisher.on_answer(Instant(1), 78, &answer(ErrorCode::NotLeaderOrFollower)), None);
        assert_eq!(send(&mut publisher, 50_000_000), [(2, 78)]);
        let settled = Settled { ticket: 8, result: Ok(()) };
        assert_eq!(publisher.on_answer(Instant(2), 78, &answer(ErrorCode::None)), Some(settled));
        assert_eq!(publisher.on_answer(Instant(2), 78, &answer(ErrorCode::None)), None);
        assert_eq!(send(&mut publisher, 50_000_000), [(2, 79)]);
        let pause = Response::Produce(ProduceReply { throttle_ms: 9, ..ProduceReply::error(ErrorCode::None) });
        let mut held_back = publisher.clone();
        assert_eq!(held_back.publish(Instant(2), &topic, None, (*b"e").into(), 10), Ok(()));
        assert_eq!(held_back.on_answer(Instant(3), 79, &pause), Some(Settled { ticket: 9, result: Ok(()) }));
        let at = |ms| Instant(3) + Duration::millis(ms);
        let again = |p: &mut Publisher, ms| p.publish(at(ms), &topic, None, (*b"e").into(), 11);
        assert_eq!((held_back.held_back(), held_back.pending()), (vec![10], 0));
        assert_eq!(again(&mut held_back, 8), Err(Refused::Throttled));
        assert_eq!(again(&mut held_back, 9), Ok(()));
        let denied = publisher.on_answer(Instant(3), 79, &answer(ErrorCode::TopicAuthorizationFailed));
        assert_eq!(denied, Some(Settled { ticket: 9, result: Err(ErrorCode::TopicAuthorizationFailed) }));
        assert_eq!(send(&mut publisher, 1_000_000_000), []);
    }
}
