//! Log that is kept for standbys that have yet to receive it (a replication slot).
//!
//! It is bounded (`max_slot_wal_keep_size`): a standby that is further behind is built anew from a base.

use crate::ids::Bytes;
use crate::wire::sql::Lsn;
use std::collections::VecDeque;

/// Bytes that are kept at most.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Records in order, each with where it starts.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    records: VecDeque<(Lsn, Bytes)>,
    bytes: usize,
}

impl Kept {
    /// Keeps one more record.
    pub fn push(&mut self, at: Lsn, bytes: &Bytes) {
        self.bytes += bytes.len();
        self.records.push_back((at, bytes.clone()));
        while self.bytes > KEPT_BYTES_MAX {
            self.drop_oldest();
        }
    }
    /// Every standby has the log up to here.
    pub fn forget(&mut self, before: Lsn) {
        while self.records.front().is_some_and(|(at, bytes)| at.0 + bytes.len() as u64 <= before.0) {
            self.drop_oldest();
        }
    }
    /// The records from one position to another.
    ///
    /// # Errors
    /// Where the kept log begins, when `from` is gone.
    pub fn between(&self, from: Lsn, until: Lsn) -> Result<Vec<Bytes>, Lsn> {
        let oldest = self.records.front().map_or(until, |(at, _)| *at);
        if from < oldest && from < until {
            return Err(oldest);
        }
        let first = self.records.partition_point(|(at, _)| *at < from);
        Ok(self.records.range(first..).take_while(|(at, _)| *at < until).map(|(_, bytes)| bytes.clone()).collect())
    }
    fn drop_oldest(&mut self) {
        if let Some((_, bytes)) = self.records.pop_front() {
            self.bytes -= bytes.len();
        }
    }
}
