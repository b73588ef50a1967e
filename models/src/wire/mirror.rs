//! Words between the two halves of a mirror: batches one way, acknowledgements the other.

use super::kafka::{Record, TopicName};
use crate::ids::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A word of a mirror.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum MirrorWord {
    /// Signed records, to the receiving half.
    Batch(MirrorBatch),
    /// How far they are applied, back to the sending half.
    Ack(MirrorAck),
}

impl MirrorWord {
    /// Bytes on the wire.
    pub fn size_bytes(&self) -> u32 {
        match self {
            MirrorWord::Batch(batch) => 300 + batch.records.iter().map(|r| r.record.size() as u32).sum::<u32>(),
            MirrorWord::Ack(_) => 100,
        }
    }
}

/// A record with its offset in the source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MirrorRecord {
    /// Offset in the source topic.
    pub offset: u64,
    /// The record, with its origin in the headers.
    pub record: Record,
}

/// The records of a stretch of one source partition; those that may not leave are not in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MirrorBatch {
    /// Cell that sends it.
    pub source_cell: Arc<str>,
    /// Source topic.
    pub topic: TopicName,
    /// Source partition.
    pub partition: u32,
    /// First offset of the stretch: where the batch before it ended.
    pub from: u64,
    /// Offset after the stretch.
    pub next: u64,
    /// Reading began here: what came before is not under way.
    pub start: bool,
    /// The records, ascending by offset.
    pub records: Arc<[MirrorRecord]>,
    /// SHA-256 of all of the above.
    pub digest: [u8; 32],
    /// Signature of the digest by the source cell.
    pub signature: Bytes,
}

/// The sink's answer to a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MirrorAck {
    /// Source topic.
    pub topic: TopicName,
    /// Source partition.
    pub partition: u32,
    /// Everything before this offset is applied.
    pub applied: u64,
    /// A batch arrived that leaves a gap after `applied`.
    pub missing: bool,
}
