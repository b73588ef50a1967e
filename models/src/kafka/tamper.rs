//! What somebody with root on the brokers does to a log behind their backs.
//!
//! No word of the protocol leads here, and no control of the brokers stands before it: that is the point. Checksums and
//! counts of the files are made to fit. Events that come one a batch are assumed, as audit events do.

use super::log::Log;
use crate::wire::kafka::{Batch, Record, TopicName};
use sim::Instant;

/// An edit of a log on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edit {
    /// The events at this offset and the next one change places.
    Swap(u64),
    /// The event at this offset is no more; the others stay where they are, as after a compaction.
    Erase(u64),
    /// Everything from this offset on is no more.
    Truncate(u64),
}

/// An edit that takes place on every broker of a cell at an instant of their clocks.
#[derive(Clone, Debug)]
pub struct Tampering {
    /// When.
    pub at: Instant,
    /// Only what happened before is edited: nobody regrets what happened a moment ago.
    pub until: Instant,
    /// The topic, partition 0.
    pub topic: TopicName,
    /// What is done.
    pub edit: Edit,
}

impl Edit {
    /// The batches of a log after the edit; `None` when there is no such event, or none that happened before `until`.
    pub fn applied(self, log: &Log, until: Instant) -> Option<Vec<Batch>> {
        let mut batches: Vec<Batch> = log.batches().cloned().collect();
        let is = |b: &Batch, offset| b.base_offset == offset && b.records.len() == 1 && b.records[0].timestamp < until;
        let at = |offset: u64| batches.iter().position(|b| is(b, offset));
        match self {
            Edit::Swap(offset) => {
                let (one, other) = (at(offset)?, at(offset + 1)?);
                let records = batches[one].records.clone();
                batches[one].records = std::mem::replace(&mut batches[other].records, records);
            }
            Edit::Erase(offset) => {
                let erased = at(offset)?;
                let timestamp = batches[erased].records[0].timestamp;
                batches[erased].records = [Record::new([].into(), timestamp)].into();
                batches[erased].control = true;
            }
            Edit::Truncate(offset) => {
                let first = at(offset)?;
                batches.truncate(first);
            }
        }
        Some(batches)
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Edit::Swap(_) => "log-swapped",
            Edit::Erase(_) => "log-erased",
            Edit::Truncate(_) => "log-truncated",
        }
    }
}
