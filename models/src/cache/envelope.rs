//! What is stored as an entry's value: the owner's epoch, then the payload.
//!
//! The epoch is the eviction fence: raising a tenant's epoch makes every older entry unreadable at once, wherever it
//! lies and through whichever connection it is read, without a sweep. It tells incarnations of one owner apart, not
//! owners: that is the business of the key.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use std::ops::Deref;

/// An entry written under another epoch of its owner is not returned.
pub const EPOCH_FENCE: Control = control!(
    "cache.epoch-fence",
    upholds: ["CAC-01", "CAC-03"],
    off: "values carry no usable version, so the entries of a deleted, moved or re-created tenant answer its successor",
);

const MAGIC: u8 = 0xCE;
const HEADER: usize = 9;

/// A payload that was read from the cache; shares the stored bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cached(Bytes);

impl Deref for Cached {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0[HEADER..]
    }
}

/// Why stored bytes are not given to the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// Written under another epoch of the owner: treated as a miss, and worth counting.
    Fenced {
        /// The epoch that wrote it.
        stored: u64,
    },
    /// Not written by this library.
    Malformed,
}

/// The bytes to store for `payload`.
pub fn seal(epoch: u64, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(HEADER + payload.len());
    out.push(MAGIC);
    out.extend_from_slice(&epoch.to_le_bytes());
    out.extend_from_slice(payload);
    out.into()
}

/// The payload of `stored`, if it was written under `epoch`.
///
/// # Errors
/// Bytes that must not reach the caller, and why.
pub fn open(controls: &Controls, epoch: u64, stored: Bytes) -> Result<Cached, Unreadable> {
    let header: [u8; HEADER] = stored.get(..HEADER).and_then(|h| h.try_into().ok()).ok_or(Unreadable::Malformed)?;
    if header[0] != MAGIC {
        return Err(Unreadable::Malformed);
    }
    let mut written = [0; 8];
    written.copy_from_slice(&header[1..]);
    let written = u64::from_le_bytes(written);
    if controls.on(&EPOCH_FENCE) && written != epoch {
        return Err(Unreadable::Fenced { stored: written });
    }
    Ok(Cached(stored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    #[test]
    fn a_payload_comes_back_only_under_its_own_epoch() {
        let stored = seal(3, b"bytes");
        assert_eq!(&*open(&Controls::all_on(), 3, stored.clone()).expect("same epoch"), b"bytes");
        assert_eq!(open(&Controls::all_on(), 4, stored.clone()), Err(Unreadable::Fenced { stored: 3 }));
        let off = Controls::with_off(ControlSet::EMPTY.with(EPOCH_FENCE.slot));
        assert_eq!(&*open(&off, 4, stored).expect("no fence"), b"bytes");
    }

    #[test]
    fn foreign_bytes_are_malformed_not_a_panic() {
        for bytes in [&b""[..], b"x", b"123456789", &[MAGIC; 8]] {
            assert_eq!(open(&Controls::all_on(), 1, bytes.into()), Err(Unreadable::Malformed));
        }
    }
}
