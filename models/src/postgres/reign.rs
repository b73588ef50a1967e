//! The time of a primary, and what a node's disk keeps about it.
//!
//! A node leads only after its disk knows that it does. Otherwise a promotion that is forgotten in a crash leaves a
//! timeline that nobody is on any more, and nobody may lead.

use crate::wire::sql::{Lsn, Timeline};

/// The time of a primary. A standby that returns is told where the timeline began, and not where the log stood at some
/// later boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reign {
    /// Its timeline.
    pub timeline: Timeline,
    /// Where it began.
    pub began: Lsn,
}

/// Whether a node leads, as its disk says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It led when this was written, or was about to.
    Leads(Reign),
    /// It stepped down.
    Follows,
}

const LENGTH: usize = 1 + 4 + 8 + 4;

impl Standing {
    /// The record of a standing: a checksum after it, because a disk tears and rots.
    pub fn encode(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        if let Standing::Leads(Reign { timeline, began }) = self {
            bytes[0] = 1;
            bytes[1..5].copy_from_slice(&timeline.0.to_le_bytes());
            bytes[5..13].copy_from_slice(&began.0.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..13]);
        bytes[13..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` when it is not whole.
    pub fn decode(bytes: &[u8]) -> Option<Standing> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if crc32fast::hash(&bytes[..13]) != word(13) {
            return None;
        }
        let began = Lsn(u64::from(word(9)) << 32 | u64::from(word(5)));
        Some(if bytes[0] == 1 {
            Standing::Leads(Reign { timeline: Timeline(word(1)), began })
        } else {
            Standing::Follows
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_is_read_as_it_was_written_and_not_at_all_when_any_bit_has_flipped() {
        let reign = Reign { timeline: Timeline(7), began: Lsn(0x1_0000_00ff) };
        for standing in [Standing::Leads(reign), Standing::Follows] {
            let bytes = standing.encode();
            assert_eq!(Standing::decode(&bytes), Some(standing));
            assert_eq!(Standing::decode(&bytes[..LENGTH - 1]), None);
            for bit in 0..LENGTH * 8 {
                let mut damaged = bytes;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Standing::decode(&damaged), None, "bit {bit}");
            }
        }
    }
}
