//! The follower's part: asks the leader for what comes next, cuts back to where the logs part.

use super::{Local, Replica};
use crate::kafka::{Effect, Flush, LogChange};
use crate::wire::kafka::{BrokerId, ErrorCode, ReplicaAppend, ReplicaFetch, Replication};

/// What a follower did with the leader's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The log is as it was, or needs no sync.
    Nothing,
    /// Batches were appended: sync.
    Appended,
    /// The log was cut: syncs under way confirm less than they said.
    Cut,
}

impl Replica {
    /// The leader's answer, at a follower. True when something was appended that a sync must confirm.
    pub fn on_append(&mut self, local: Local<'_>, from: BrokerId, word: ReplicaAppend, out: &mut Vec<Effect>) -> Taken {
        if self.state.leader != Some(from) || word.leader_epoch != self.state.leader_epoch || from == local.me {
            return Taken::Nothing;
        }
        self.heard = true;
        if word.error == ErrorCode::OffsetOutOfRange {
            self.change(LogChange::Reset(word.log_start), out);
            self.ask(local, true, out);
            return Taken::Cut;
        }
        if let Some((epoch, end)) = word.diverging {
            let own = self.log.end_of_epoch(epoch).map_or(self.log.start(), |(_, own_end)| own_end);
            self.change(LogChange::Truncate(own.min(end)), out);
            self.ask(local, true, out);
            return Taken::Cut;
        }
        let before = self.log.end();
        for batch in word.batches {
            if batch.base_offset == self.log.end() {
                self.store(local, batch, out);
            }
        }
        self.high_watermark = self.high_watermark.max(word.high_watermark.min(self.log.end()));
        if word.log_start > self.log.start() {
            self.change(LogChange::DropBefore(word.log_start), out);
        }
        if self.log.end() > before && local.flush == Flush::EveryBatch {
            return Taken::Appended;
        }
        self.ask(local, false, out);
        Taken::Nothing
    }

    /// The leader waits for this follower.
    pub fn on_wake(&mut self, local: Local<'_>, from: BrokerId, leader_epoch: u32, out: &mut Vec<Effect>) {
        if self.state.leader == Some(from) && leader_epoch == self.state.leader_epoch && from != local.me {
            self.ask(local, false, out);
        }
    }

    pub(super) fn ask(&mut self, local: Local<'_>, first: bool, out: &mut Vec<Effect>) {
        let Some(leader) = self.state.leader else { return };
        self.asked_at = local.now;
        let word = ReplicaFetch {
            topic: self.state.topic.clone(),
            partition: self.state.partition,
            leader_epoch: self.state.leader_epoch,
            offset: self.log.end(),
            last_epoch: self.log.last_epoch(),
            durable: self.durable,
            first,
        };
        out.push(Effect::Peer { to: leader, word: Replication::Fetch(word) });
    }
}
