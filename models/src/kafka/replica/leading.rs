//! The leader's part: feeds followers, moves the high watermark, proposes who is in sync.
//!
//! A leader never changes the in-sync set itself. Until the controller answers, old members and proposed ones both hold
//! the high watermark back.

use super::{Follower, Local, Reader, Replica};
use crate::kafka::{Effect, LogChange};
use crate::wire::kafka::{Batch, BrokerId, BrokerWord, ErrorCode, ReplicaAppend, ReplicaFetch, Replication};

/// Bytes in one answer to a follower (`replica.fetch.max.bytes`).
const REPLICA_FETCH_BYTES: u64 = 1 << 20;
/// Each of the first wakes without an answer doubles the pause before the next: a cut link between two brokers that the
/// controller still hears may last, and must not cost the follower its place for good.
const WAKES_SLOWER: u8 = 3;

impl Replica {
    /// A follower's fetch, at the leader. Words of other epochs are dropped: metadata will set their sender right.
    pub fn on_fetch(&mut self, local: Local<'_>, from: BrokerId, word: &ReplicaFetch, out: &mut Vec<Effect>) {
        if self.state.leader != Some(local.me) || word.leader_epoch != self.state.leader_epoch {
            return;
        }
        let Some(at) = self.followers.iter().position(|f| f.broker == from) else { return };
        let mut answer = self.answer(Vec::new());
        if word.offset < self.log.start() {
            answer.error = ErrorCode::OffsetOutOfRange;
            out.push(Effect::Peer { to: from, word: Replication::Append(answer) });
            return;
        }
        if let Some(epoch) = word.last_epoch {
            let common = self.log.end_of_epoch(epoch);
            if common.is_none_or(|(found, end)| found != epoch || end < word.offset) {
                answer.diverging = Some(common.unwrap_or((0, self.log.start())));
                out.push(Effect::Peer { to: from, word: Replication::Append(answer) });
                return;
            }
        } else if word.offset > self.log.end() {
            answer.error = ErrorCode::OffsetOutOfRange;
            out.push(Effect::Peer { to: from, word: Replication::Append(answer) });
            return;
        }
        let end = self.log.end();
        let follower = &mut self.followers[at];
        follower.end = word.offset;
        follower.durable = word.durable;
        follower.wakes = 0;
        follower.parked = word.offset == end && !word.first;
        if word.offset == end {
            follower.caught_up_at = local.now;
        }
        let parked = follower.parked;
        self.propose_to_join(local, from, out);
        self.advance(local, out);
        if !parked {
            self.tell(local, at, out);
        }
    }

    /// Rewrites a partition of group positions when most of it is stale; true when something was appended.
    pub fn rewrite_positions(&mut self, local: Local<'_>, out: &mut Vec<Effect>) -> bool {
        let records = self.groups.as_mut().and_then(|g| g.rewrite(local.now));
        let Some(records) = records.filter(|r| !r.is_empty()) else { return false };
        let batch = self.append(local, records, None, false, out);
        self.cut_when_committed = Some((batch.end(), batch.base_offset));
        true
    }

    pub(super) fn begin_leading(&mut self, local: Local<'_>) {
        self.log.begin_epoch(self.state.leader_epoch);
        self.epoch_start = self.log.end();
        self.cut_when_committed = None;
        self.heard = true;
        let others = self.state.replicas.iter().filter(|b| **b != local.me);
        self.followers = others
            .map(|broker| Follower {
                broker: *broker,
                end: 0,
                durable: 0,
                caught_up_at: local.now,
                parked: false,
                told_at: local.now,
                wakes: 0,
            })
            .collect();
    }

    /// Moves the high watermark as far as the in-sync set allows, and answers those who waited for it.
    pub(super) fn advance(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        let counts = |f: &&Follower| self.state.isr.contains(&f.broker) || self.joining.contains(&f.broker);
        let least = self.followers.iter().filter(counts).map(|f| f.durable).min();
        let reached = least.map_or(self.durable, |d| d.min(self.durable));
        if reached <= self.high_watermark {
            return;
        }
        for batch in self.log.read(self.high_watermark, reached, u64::MAX).filter(|b| !b.control) {
            let (topic, partition) = (self.state.topic.clone(), self.state.partition);
            out.push(Effect::Committed { topic, partition, batch: batch.clone() });
        }
        self.high_watermark = reached;
        let error = self.commit_error(local);
        for waiting in self.waiting.extract_if(.., |w| w.end <= reached) {
            out.push(waiting.reply(error));
        }
        let ready: Vec<Reader> = self.readers.extract_if(.., |r| r.offset < reached).collect();
        for reader in ready {
            out.push(self.fetch_reply(ErrorCode::None, reader.correlation, reader.offset, reader.bytes_max));
        }
        self.retain(local, out);
    }

    /// Committed, but by fewer replicas than asked for: said as Kafka 3 says it. The record stays.
    pub(super) fn commit_error(&self, local: Local<'_>) -> ErrorCode {
        if self.enough_in_sync(local.min_isr) { ErrorCode::None } else { ErrorCode::NotEnoughReplicasAfterAppend }
    }

    pub(super) fn retain(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        if let Some(cut) = local.retention_bytes.and_then(|max| self.log.excess(max, self.high_watermark)) {
            self.change(LogChange::DropBefore(cut), out);
        }
        if let Some((committed, cut)) = self.cut_when_committed
            && committed <= self.high_watermark
        {
            self.cut_when_committed = None;
            self.change(LogChange::DropBefore(cut), out);
        }
    }

    /// Answers the followers whose fetch is open.
    pub(super) fn feed(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        for at in 0..self.followers.len() {
            if self.followers[at].parked {
                self.followers[at].parked = false;
                self.tell(local, at, out);
            }
        }
    }

    pub(super) fn tell(&mut self, local: Local<'_>, at: usize, out: &mut Vec<Effect>) {
        let follower = &mut self.followers[at];
        follower.told_at = local.now;
        let (to, from) = (follower.broker, follower.end);
        let batches = self.log.read(from, u64::MAX, REPLICA_FETCH_BYTES).cloned().collect();
        out.push(Effect::Peer { to, word: Replication::Append(self.answer(batches)) });
    }

    pub(super) fn answer(&self, batches: Vec<Batch>) -> ReplicaAppend {
        ReplicaAppend {
            topic: self.state.topic.clone(),
            partition: self.state.partition,
            leader_epoch: self.state.leader_epoch,
            error: ErrorCode::None,
            batches,
            diverging: None,
            high_watermark: self.high_watermark,
            log_start: self.log.start(),
        }
    }

    pub(super) fn wake_laggards(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        let end = self.log.end();
        for follower in &mut self.followers {
            let patience = local.timing.retry * (1 << follower.wakes.min(WAKES_SLOWER));
            let silent = local.now.since(follower.told_at) >= patience;
            if silent && follower.is_awaited(&self.state, end) {
                follower.told_at = local.now;
                follower.wakes += 1;
                let (topic, partition) = (self.state.topic.clone(), self.state.partition);
                let word = Replication::Wake { topic, partition, leader_epoch: self.state.leader_epoch };
                out.push(Effect::Peer { to: follower.broker, word });
            }
        }
    }

    pub(super) fn propose_to_join(&mut self, local: Local<'_>, broker: BrokerId, out: &mut Vec<Effect>) {
        let Some(follower) = self.followers.iter().find(|f| f.broker == broker) else { return };
        let reached = follower.durable >= self.high_watermark && follower.durable >= self.epoch_start;
        if !reached || self.state.isr.contains(&broker) {
            return;
        }
        if !self.joining.contains(&broker) {
            self.joining.push(broker);
        }
        self.propose(local, Vec::new(), out);
    }

    pub(super) fn propose_to_shrink(&mut self, local: Local<'_>, out: &mut Vec<Effect>) {
        let end = self.log.end();
        let lags = |f: &&Follower| f.end < end && local.now.since(f.caught_up_at) > local.timing.replica_lag_max;
        let lagging = self.followers.iter().filter(lags).map(|f| f.broker);
        let lagging: Vec<BrokerId> = lagging.filter(|b| self.state.isr.contains(b)).collect();
        let repeat = local.now.since(self.proposed_at) >= local.timing.retry;
        if repeat && !(lagging.is_empty() && self.joining.is_empty()) {
            self.propose(local, lagging, out);
        }
    }

    /// Proposes the in-sync set with `joining` added and `leaving` removed. Until the controller answers with a new
    /// version, the old set and those joining both count.
    pub(super) fn propose(&mut self, local: Local<'_>, leaving: Vec<BrokerId>, out: &mut Vec<Effect>) {
        self.proposed_at = local.now;
        let all = self.state.isr.iter().chain(&self.joining);
        let isr = all.filter(|b| !leaving.contains(b)).copied().collect();
        out.push(Effect::Controller(BrokerWord::AlterIsr {
            broker: local.me,
            topic: self.state.topic.clone(),
            partition: self.state.partition,
            leader_epoch: self.state.leader_epoch,
            version: self.state.version,
            isr,
        }));
    }
}
