//! One partition's log on one broker: batches by offset, with the epoch of the leader that wrote each.
//!
//! Two logs part only where leader epochs part; `end_of_epoch` is how a follower finds that place after an election and
//! cuts back to it, instead of trusting high watermarks (KIP-101).

use super::LogChange;
use crate::wire::kafka::Batch;
use std::collections::VecDeque;

/// A partition's log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    start: u64,
    end: u64,
    bytes: u64,
    batches: VecDeque<Batch>,
    /// Where each leader epoch began, ascending in both.
    epochs: Vec<(u32, u64)>,
}

impl Log {
    /// First offset kept.
    pub fn start(&self) -> u64 {
        self.start
    }
    /// Offset after the last record.
    pub fn end(&self) -> u64 {
        self.end
    }
    /// Bytes kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    /// Leader epoch of the last batch.
    pub fn last_epoch(&self) -> Option<u32> {
        self.batches.back().map(|b| b.leader_epoch)
    }
    /// All batches, oldest first.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter()
    }

    /// Appends a batch that continues this log.
    ///
    /// # Panics
    /// When it does not continue it: offsets are given by the leader alone.
    pub fn append(&mut self, batch: Batch) {
        assert_eq!(batch.base_offset, self.end, "a batch must continue its log");
        self.begin_epoch(batch.leader_epoch);
        self.end = batch.end();
        self.bytes += batch.size();
        self.batches.push_back(batch);
    }

    /// Notes that a leader epoch begins here.
    pub fn begin_epoch(&mut self, epoch: u32) {
        if self.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            // An epoch that wrote nothing leaves no trace for others to compare with.
            self.epochs.retain(|(_, at)| *at < self.end);
            self.epochs.push((epoch, self.end));
        }
    }

    /// Applies a change read from disk; an append that does not continue this log is left out, since writes before it
    /// were lost. An append inside the log means that a truncation was lost, and makes up for it.
    pub fn replay(&mut self, change: LogChange) {
        match change {
            LogChange::Append { after, batch } => {
                if self.continues(batch.base_offset, after) {
                    self.truncate(batch.base_offset);
                    self.append(batch);
                }
            }
            LogChange::Truncate(to) => self.truncate(to),
            LogChange::DropBefore(offset) => self.drop_before(offset),
            LogChange::Reset(at) => self.reset(at),
        }
    }

    /// Whether a batch at `offset` may follow a batch of leader epoch `after` here.
    fn continues(&self, offset: u64, after: Option<u32>) -> bool {
        if offset == self.start {
            return true;
        }
        let at = self.batches.partition_point(|b| b.end() < offset);
        self.batches.get(at).is_some_and(|b| b.end() == offset && Some(b.leader_epoch) == after)
    }

    /// Removes whole batches from the end, until nothing at or after `to` is left.
    pub fn truncate(&mut self, to: u64) {
        while let Some(last) = self.batches.back()
            && last.end() > to
        {
            self.bytes -= last.size();
            self.end = last.base_offset;
            self.batches.pop_back();
        }
        let end = self.end;
        let last = self.last_epoch();
        self.epochs.retain(|(epoch, at)| *at < end && last.is_some_and(|l| *epoch <= l));
    }

    /// Removes whole batches from the front that end at or before `offset`.
    pub fn drop_before(&mut self, offset: u64) {
        while let Some(first) = self.batches.front()
            && first.end() <= offset
        {
            self.bytes -= first.size();
            self.start = first.end();
            self.batches.pop_front();
        }
        let start = self.start;
        let gone = self.epochs.iter().filter(|(_, at)| *at <= start).count().saturating_sub(1);
        self.epochs.drain(..gone);
    }

    /// Empties the log; it goes on at `at`.
    pub fn reset(&mut self, at: u64) {
        *self = Log { start: at, end: at, ..Log::default() };
    }

    /// The offset up to which the oldest batches must go, for the log to keep at most `bytes_max` bytes; none of them
    /// at or after `committed`.
    pub fn excess(&self, bytes_max: u64, committed: u64) -> Option<u64> {
        let mut bytes = self.bytes;
        let mut cut = None;
        for batch in &self.batches {
            if bytes <= bytes_max || batch.end() > committed {
                break;
            }
            bytes -= batch.size();
            cut = Some(batch.end());
        }
        cut
    }

    /// The latest epoch not above `epoch`, and the offset at which it ended; none when this log begins later.
    pub fn end_of_epoch(&self, epoch: u32) -> Option<(u32, u64)> {
        let after = self.epochs.partition_point(|(e, _)| *e <= epoch);
        let (found, _) = self.epochs.get(after.checked_sub(1)?)?;
        Some((*found, self.epochs.get(after).map_or(self.end, |(_, at)| *at)))
    }

    /// Batches from the one that holds `from`, before `until`; stops after `bytes_max` bytes, but returns at least one.
    pub fn read(&self, from: u64, until: u64, bytes_max: u64) -> impl Iterator<Item = &Batch> {
        let first = self.batches.partition_point(|b| b.end() <= from);
        let mut bytes = 0;
        self.batches.range(first..).take_while(move |b| {
            let more = b.end() <= until && (bytes == 0 || bytes < bytes_max);
            bytes += b.size().max(1);
            more
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kafka::Record;
    use sim::Instant;

    fn batch(base_offset: u64, leader_epoch: u32, records: usize) -> Batch {
        let record = Record::new((*b"x").into(), Instant::ZERO);
        Batch { base_offset, leader_epoch, producer: None, control: false, records: vec![record; records].into() }
    }
    /// A log of one record a batch, with these leader epochs.
    fn log(epochs: &[u32]) -> Log {
        let mut log = Log::default();
        for (offset, epoch) in epochs.iter().enumerate() {
            log.append(batch(offset as u64, *epoch, 1));
        }
        log
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let log = log(&[1, 1, 3, 3, 4]);
        assert_eq!(log.end_of_epoch(1), Some((1, 2)));
        assert_eq!(log.end_of_epoch(2), Some((1, 2)));
        assert_eq!(log.end_of_epoch(3), Some((3, 4)));
        assert_eq!(log.end_of_epoch(9), Some((4, 5)));
        assert_eq!(log.end_of_epoch(0), None);
    }

    #[test]
    fn truncation_forgets_the_epochs_it_cuts_off() {
        let mut log = log(&[1, 1, 3, 3]);
        log.truncate(2);
        assert_eq!((log.end(), log.last_epoch(), log.end_of_epoch(3)), (2, Some(1), Some((1, 2))));
        log.begin_epoch(5);
        log.append(batch(2, 5, 2));
        assert_eq!(log.end_of_epoch(4), Some((1, 2)));
    }

    #[test]
    fn reading_stops_at_the_limits_but_returns_one_batch_at_least() {
        let log = log(&[1; 10]);
        let offsets = |from, until, bytes| log.read(from, until, bytes).map(|b| b.base_offset).collect::<Vec<_>>();
        assert_eq!(offsets(3, 6, u64::MAX), [3, 4, 5]);
        assert_eq!(offsets(3, 10, 1), [3]);
        assert_eq!(offsets(3, 10, 26), [3, 4]);
        assert_eq!(offsets(10, 10, 100), [0; 0]);
    }

    #[test]
    fn retention_drops_committed_batches_only() {
        let mut log = log(&[1; 10]);
        assert_eq!(log.excess(13 * 4, 5), Some(5));
        assert_eq!(log.excess(13 * 4, 10), Some(6));
        assert_eq!(log.excess(1_000, 10), None);
        log.drop_before(6);
        assert_eq!((log.start(), log.bytes(), log.end_of_epoch(1)), (6, 13 * 4, Some((1, 10))));
    }

    #[test]
    fn replay_leaves_out_what_follows_a_hole_and_survives_a_lost_truncation() {
        let replayed = |after, batch: Batch| {
            let mut log = log(&[1, 1, 1]);
            log.replay(LogChange::Append { after, batch });
            (log.end(), log.last_epoch())
        };
        assert_eq!(replayed(Some(1), batch(3, 2, 1)), (4, Some(2)));
        assert_eq!(replayed(Some(2), batch(5, 2, 1)), (3, Some(1)));
        // The truncation to 1 was lost: with the append at 1 it is made up for, without it nothing may follow.
        assert_eq!(replayed(Some(1), batch(1, 2, 1)), (2, Some(2)));
        assert_eq!(replayed(Some(2), batch(2, 2, 1)), (3, Some(1)));
    }
}
