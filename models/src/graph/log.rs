//! The log of a graph database: every change, framed by a checksum, in the order in which it was made.
//!
//! A change is applied when the disk has it, and not before; what a torn write or a flipped bit has left is cut off
//! together with everything behind it, and reported. What that loses, or a disk that lied, the outbox's other end finds
//! by comparing.

use super::store::Change;
use crate::ids::Bytes;
use crate::saas::Saas;
use crate::wire::bolt::Mark;
use sim::disk::{FileId, Write};
use sim::seed::mix;
use sim::{Ctx, Outbox};
use std::sync::Arc;

const CHANGES: FileId = 0;
const CHECKSUM_BYTES: usize = 4;

/// The log of a node.
#[derive(Default, Debug)]
pub struct Log {
    records: Vec<Bytes>,
    /// Digest of everything before each place, the end included.
    digests: Vec<u64>,
}

/// A change as a record.
pub fn encode(change: &Change) -> Bytes {
    let body = postcard::to_allocvec(change).expect("a change has bytes");
    let mut record = crc32fast::hash(&body).to_le_bytes().to_vec();
    record.extend(body);
    record.into()
}

/// The change in a record; `None` when it is not whole.
pub fn decode(record: &[u8]) -> Option<Change> {
    let (checksum, body) = record.split_at_checked(CHECKSUM_BYTES)?;
    let whole = crc32fast::hash(body).to_le_bytes() == checksum;
    if whole { postcard::from_bytes(body).ok() } else { None }
}

impl Log {
    /// What the disk kept, and the changes in it. Also says how many records were cut off.
    pub fn open(ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> (Log, Vec<Change>, usize) {
        let mut log = Log { records: Vec::new(), digests: vec![0] };
        let mut changes = Vec::new();
        let kept = ctx.disk().read(CHANGES);
        for record in kept {
            let Some(change) = decode(record) else { break };
            log.note(Arc::from(&record[..]));
            changes.push(change);
        }
        let cut = kept.len() - changes.len();
        if cut > 0 {
            out.write(CHANGES, Write::Truncate(changes.len()));
        }
        (log, changes, cut)
    }

    fn note(&mut self, record: Bytes) {
        let before = self.digests.last().copied().unwrap_or_default();
        self.digests.push(mix(before, u64::from(crc32fast::hash(&record)) + 1));
        self.records.push(record);
    }

    /// Writes a change; a sync has to follow.
    pub fn write(&mut self, out: &mut Outbox<Saas>, change: &Change) {
        let record = encode(change);
        out.write(CHANGES, Write::Append((*record).into()));
        self.note(record);
    }

    /// How many changes there are.
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The change at a place.
    pub fn at(&self, position: u64) -> Option<Change> {
        self.records.get(position as usize).and_then(|record| decode(record))
    }

    /// The record at a place.
    pub fn record(&self, position: u64) -> Option<&Bytes> {
        self.records.get(position as usize)
    }

    /// The mark of a place, where the log goes so far.
    pub fn mark(&self, position: u64) -> Option<Mark> {
        self.digests.get(position as usize).map(|digest| Mark { position, digest: *digest })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Node;
    use super::*;
    use crate::wire::bolt::Scalar;

    #[test]
    fn a_record_that_lost_a_byte_or_has_a_bit_more_is_none() {
        let properties = vec![("id".into(), Scalar::Int(7))];
        let change = Change::Node(Node { tenant: Some("acme".into()), label: "Record".into(), properties });
        let record = encode(&change);
        assert_eq!(decode(&record), Some(change));
        for bit in 0..record.len() * 8 {
            let mut damaged = record.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(decode(&record[..record.len() - 1]), None);
        assert_eq!(decode(&[]), None);
    }
}
