//! How far a node's log was safe, written down beside the log.
//!
//! A log that ends early looks the same whether its end was never safe (torn by a crash: nobody was promised it) or has
//! rotted since. The mark tells the two apart, but for what became safe after it was written: one batch, or what came
//! within a beat of the node's clockwork.

use super::wal::LOG_START;
use crate::control;
use crate::control::Control;
use crate::wire::sql::Lsn;

/// A node that cannot read what was safe in its log does not lead before somebody has sent it again (STO-04, STO-09).
pub const SHORT_LOG: Control = control!(
    "postgres.short-log",
    upholds: ["STO-04", "STO-09"],
    off: "a node leads, or asks to, with whatever it can read of its log: PostgreSQL takes the first record that it \
          cannot read for the end, and a failover manager compares positions and nothing else",
);

/// Everything before this was safe on the node's own disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(pub Lsn);

impl Default for Mark {
    fn default() -> Mark {
        Mark(LOG_START)
    }
}

const LENGTH: usize = 8 + 4;

impl Mark {
    /// The record of a mark: a checksum after it, because a disk tears and rots.
    pub fn encode(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.0.0.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..8]);
        bytes[8..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` when it is not whole.
    pub fn decode(bytes: &[u8]) -> Option<Mark> {
        let (at, checksum) = bytes.split_at_checked(8)?;
        let whole = checksum == crc32fast::hash(at).to_le_bytes();
        whole.then(|| at.try_into().ok().map(u64::from_le_bytes).map(|at| Mark(Lsn(at))))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_not_at_all_when_any_bit_has_flipped() {
        let bytes = Mark(Lsn(0x1_0000_00ff)).encode();
        assert_eq!(Mark::decode(&bytes), Some(Mark(Lsn(0x1_0000_00ff))));
        assert_eq!(Mark::decode(&bytes[..LENGTH - 1]), None);
        for bit in 0..LENGTH * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::decode(&damaged), None, "bit {bit}");
        }
    }
}
