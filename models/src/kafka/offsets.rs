//! Positions of consumer groups: a view over the log of one partition of `__consumer_offsets`.
//!
//! A commit is a record, replicated and acknowledged like any other, so positions survive elections. The leader keeps
//! the log short by writing all positions again and dropping what came before, where Kafka compacts.

use super::log::Log;
use crate::ids::Bytes;
use crate::wire::kafka::{Record, TopicName};
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The internal topic of group positions.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Batches kept beyond the positions themselves before the log is rewritten: rare enough to cost nothing, few enough to
/// replay at once.
const STALE_BATCHES_MAX: usize = 1024;

/// Group, topic, partition.
pub type Position = (Arc<str>, TopicName, u32);

/// The positions in one partition of the offsets topic.
#[derive(Clone, Debug, Default)]
pub struct GroupOffsets {
    positions: BTreeMap<Position, u64>,
    batches: usize,
}

impl GroupOffsets {
    /// The positions that `log` holds; later records win.
    pub fn of(log: &Log) -> GroupOffsets {
        let mut view = GroupOffsets::default();
        for batch in log.batches() {
            view.apply(&batch.records);
        }
        view
    }

    /// A group's position.
    pub fn get(&self, position: &Position) -> Option<u64> {
        self.positions.get(position).copied()
    }

    /// Takes over the records of one batch.
    pub fn apply(&mut self, records: &[Record]) {
        self.batches += 1;
        for record in records {
            if let Some((position, offset)) = decode(record) {
                self.positions.insert(position, offset);
            }
        }
    }

    /// All positions as records, when the log is due to be rewritten.
    pub fn rewrite(&mut self, now: Instant) -> Option<Arc<[Record]>> {
        if self.batches <= STALE_BATCHES_MAX + 4 * self.positions.len() {
            return None;
        }
        self.batches = 0;
        Some(self.positions.iter().map(|(position, offset)| encode(position, *offset, now)).collect())
    }
}

/// The record of a commit.
pub fn encode((group, topic, partition): &Position, offset: u64, now: Instant) -> Record {
    let mut key = Vec::with_capacity(8 + group.len() + topic.len());
    key.extend_from_slice(&(group.len() as u32).to_le_bytes());
    key.extend_from_slice(group.as_bytes());
    key.extend_from_slice(&partition.to_le_bytes());
    key.extend_from_slice(topic.as_bytes());
    let value: Bytes = offset.to_le_bytes().as_slice().into();
    Record { key: Some(key.into()), ..Record::new(value, now) }
}

fn decode(record: &Record) -> Option<(Position, u64)> {
    let key = record.key.as_ref()?;
    let (length, rest) = key.split_first_chunk::<4>()?;
    let (group, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (partition, topic) = rest.split_first_chunk::<4>()?;
    let text = |bytes| std::str::from_utf8(bytes).ok().map(Arc::<str>::from);
    let offset = u64::from_le_bytes((*record.value).try_into().ok()?);
    Some(((text(group)?, text(topic)?, u32::from_le_bytes(*partition)), offset))
}

/// The partition of the offsets topic that keeps `group` (FNV-1a, where Kafka takes Java's string hash).
pub fn group_partition(group: &str, partitions: u32) -> u32 {
    let hash = group.bytes().fold(0x811C_9DC5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    hash % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_survives_the_way_through_the_log() {
        let position: Position = ("tenant.acme.billing".into(), "tenant.acme.orders".into(), 3);
        let mut view = GroupOffsets::default();
        view.apply(&[encode(&position, 41, Instant::ZERO), encode(&position, 42, Instant::ZERO)]);
        view.apply(&[Record::new((*b"not a commit").into(), Instant::ZERO)]);
        assert_eq!(view.get(&position), Some(42));
    }

    #[test]
    fn the_log_is_rewritten_when_most_of_it_is_stale() {
        let position: Position = ("g".into(), "t".into(), 0);
        let mut view = GroupOffsets::default();
        let rewrites = (0..5_000).filter(|i| {
            view.apply(&[encode(&position, *i, Instant::ZERO)]);
            view.rewrite(Instant::ZERO).is_some_and(|records| records.len() == 1)
        });
        assert_eq!(rewrites.count(), 4);
    }
}
