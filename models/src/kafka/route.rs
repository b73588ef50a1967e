//! How a client finds the broker that leads: it asks one, and goes on to the next when that one does not lead, or is
//! silent.
//!
//! Real clients read the metadata instead; with a handful of brokers, asking in turn costs one more round trip after an
//! election and needs no metadata that could be stale.

use super::offsets::OFFSETS_TOPIC;
use crate::wire::kafka::{ErrorCode, Request, Response};
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A partition, or a consumer group behind the name of the offsets topic.
type Key = (Arc<str>, u32);

/// What a client knows about the brokers of one cluster.
#[derive(Clone, Debug)]
pub struct Routes {
    brokers: Vec<NodeId>,
    guesses: BTreeMap<Key, usize>,
    open: BTreeMap<u64, Open>,
    patience: Duration,
}

#[derive(Clone, Debug)]
struct Open {
    key: Key,
    broker: usize,
    since: Instant,
}

impl Routes {
    /// Routes to `brokers`; who is silent for `patience` is not asked again first. Longer than any fetch waits.
    ///
    /// # Panics
    /// Without brokers.
    pub fn new(brokers: Vec<NodeId>, patience: Duration) -> Routes {
        assert!(!brokers.is_empty(), "a cluster has brokers");
        Routes { brokers, guesses: BTreeMap::new(), open: BTreeMap::new(), patience }
    }

    /// Where to send the request named `id`. The same name sent again means that nobody answered.
    pub fn send(&mut self, now: Instant, id: u64, request: &Request) -> NodeId {
        if let Some(unanswered) = self.open.remove(&id) {
            self.avoid(&unanswered);
        }
        let key = key(request);
        let broker = *self.guesses.entry(key.clone()).or_default();
        self.open.insert(id, Open { key, broker, since: now });
        self.brokers[broker]
    }

    /// Learns from an answer; false when it answers nothing that is open.
    pub fn answered(&mut self, id: u64, response: &Response) -> bool {
        let Some(open) = self.open.remove(&id) else { return false };
        if matches!(error(response), ErrorCode::NotLeaderOrFollower | ErrorCode::NotCoordinator) {
            self.avoid(&open);
        }
        true
    }

    /// Gives up on requests without an answer.
    pub fn tick(&mut self, now: Instant) {
        let patience = self.patience;
        let silent: Vec<(u64, Open)> = self.open.extract_if(.., |_, o| now.since(o.since) >= patience).collect();
        for (_, open) in silent {
            self.avoid(&open);
        }
    }

    /// Another broker is next, unless somebody has moved on already.
    fn avoid(&mut self, open: &Open) {
        if let Some(guess) = self.guesses.get_mut(&open.key).filter(|g| **g == open.broker) {
            *guess = (*guess + 1) % self.brokers.len();
        }
    }
}

fn key(request: &Request) -> Key {
    match request {
        Request::Produce(p) => (p.topic.clone(), p.partition),
        Request::Fetch(f) => (f.topic.clone(), f.partition),
        Request::FenceProducer { topic, partition, .. }
        | Request::DeleteRecords { topic, partition, .. }
        | Request::ListOffsets { topic, partition } => (topic.clone(), *partition),
        Request::OffsetCommit { group, .. } | Request::OffsetFetch { group, .. } => (group.clone(), u32::MAX),
        Request::FindCoordinator { .. } | Request::Metadata { .. } => (OFFSETS_TOPIC.into(), u32::MAX),
    }
}

fn error(response: &Response) -> ErrorCode {
    match response {
        Response::Produce(reply) => reply.error,
        Response::Fetch(reply) => reply.error,
        Response::Offsets { error, .. }
        | Response::DeleteRecords { error, .. }
        | Response::Coordinator { error, .. }
        | Response::OffsetCommit { error }
        | Response::OffsetFetch { error, .. } => *error,
        Response::Metadata(_) => ErrorCode::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kafka::ProduceReply;

    #[test]
    fn a_client_moves_on_from_a_broker_that_does_not_lead_or_does_not_answer() {
        let mut routes = Routes::new(vec![NodeId(5), NodeId(6)], Duration::millis(100));
        let request = Request::ListOffsets { topic: "t".into(), partition: 0 };
        let mut ask = |at, id| routes.send(Instant(at), id, &request).0;
        assert_eq!((ask(0, 1), ask(0, 2)), (5, 5));
        assert_eq!(ask(1, 2), 6, "sent again: nobody answered");
        let wrong = Response::Produce(ProduceReply::error(ErrorCode::NotLeaderOrFollower));
        assert!(routes.answered(1, &wrong), "an old answer about a broker that is not asked any more");
        assert!(routes.answered(2, &wrong) && !routes.answered(2, &wrong));
        assert_eq!(routes.send(Instant(2), 3, &request).0, 5);
        routes.tick(Instant(200_000_000));
        assert_eq!(routes.send(Instant(200_000_000), 4, &request).0, 6);
    }
}
