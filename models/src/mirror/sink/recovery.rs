//! How a sink finds out how far its former life came: fence it off, then read backwards to its last record.
//!
//! The fence comes first, because a write of the former life may still be on its way when the log is read.

use super::{Lane, Stage};
use crate::planted::MIRROR_TAIL_BY_FIRST;
use crate::wire::kafka::{ErrorCode, FetchReply, ProduceReply, Record};

/// Where the search for the last mirrored record begins, counted back from the end.
const TAIL: u64 = 16;

impl Lane {
    /// The fence stands: whatever a former life still has under way can no longer be appended.
    pub(super) fn fenced(&mut self, reply: ProduceReply) -> bool {
        match reply.error {
            ErrorCode::None => {
                let (end, back) = (reply.base_offset, TAIL);
                self.stage = Stage::Tail { end, at: end.saturating_sub(back), back, found: None };
                true
            }
            // A former life came to this epoch, or beyond it.
            ErrorCode::InvalidProducerEpoch
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::DuplicateSequenceNumber => {
                self.epoch = self.epoch.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// Reads towards the end, and when there was no mirrored record, again from further back.
    pub(super) fn tail(&mut self, reply: FetchReply) -> bool {
        let Stage::Tail { end, at, back, mut found } = self.stage else { return false };
        match reply.error {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange if at < reply.log_start => {
                self.stage = Stage::Tail { end, at: reply.log_start, back: u64::MAX, found };
                return true;
            }
            _ => return false,
        }
        let records = reply.batches.iter().flat_map(|b| b.records.iter());
        let drains = self.drains.as_ref();
        let is_own = |r: &&Record| drains.is_none() || r.headers.spilled.as_ref().map(|s| &s.cell) == drains;
        let mut mirrored = records.filter(is_own).filter_map(|r| r.headers.source_offset);
        let last = if MIRROR_TAIL_BY_FIRST.is_planted() { mirrored.next() } else { mirrored.next_back() };
        found = last.or(found);
        // A fetch that brought nothing new before the fence has met the leader's high watermark: ask again.
        if reply.next_offset < end {
            self.stage = Stage::Tail { end, at: reply.next_offset, back, found };
            return reply.next_offset > at;
        }
        let everything_read = back >= end.saturating_sub(reply.log_start);
        if found.is_none() && !everything_read {
            let back = back.saturating_mul(8);
            self.stage = Stage::Tail { end, at: end.saturating_sub(back).max(reply.log_start), back, found };
            return true;
        }
        self.applied = found.map_or(0, |offset| offset + 1);
        self.stage = Stage::Ready;
        self.sequence = 0;
        self.writing = None;
        true
    }
}
