//! A hash chain: every entry's link is SHA-256(previous link ‖ entry).
//!
//! Links are of fixed length, so link and entry cannot run together. A chain whose tail was cut off verifies, as the
//! shorter chain it is: compare what [`HashChain::verify`] returns with a length and head that you already trust.

use super::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The end of a chain: its length and its last link. All that appending needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HashChain {
    len: u64,
    head: Digest,
}

/// The first entry whose recorded link is not the one that follows from the entries up to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadLink {
    /// Position of the entry, from zero.
    pub index: u64,
    /// The link that follows from the entries.
    pub expected: Digest,
    /// The link that was recorded.
    pub found: Digest,
}

impl HashChain {
    /// An empty chain that continues from `genesis`: [`Digest::ZERO`], or the digest of whatever it belongs to (its
    /// name, the manifest of the previous run), so that no entry can be moved to another chain.
    pub const fn new(genesis: Digest) -> HashChain {
        HashChain { len: 0, head: genesis }
    }

    /// Appends an entry and returns its link.
    pub fn append(&mut self, entry: &[u8]) -> Digest {
        self.head = link(self.head, entry);
        self.len += 1;
        self.head
    }

    /// Entries so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The last link, or the genesis of an empty chain.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Recomputes the chain over entries and the links recorded beside them. Returns the chain they form, or the first
    /// bad link: changed, inserted, removed or reordered entries all show there. A missing tail does not.
    pub fn verify<E: AsRef<[u8]>>(
        genesis: Digest,
        entries: impl IntoIterator<Item = (E, Digest)>,
    ) -> Result<HashChain, BadLink> {
        let mut chain = HashChain::new(genesis);
        for (entry, found) in entries {
            let index = chain.len;
            let expected = chain.append(entry.as_ref());
            if expected != found {
                return Err(BadLink { index, expected, found });
            }
        }
        Ok(chain)
    }
}

/// The link of one entry after `previous`.
pub fn link(previous: Digest, entry: &[u8]) -> Digest {
    Digest::of_parts(&[&previous.0, entry])
}

impl Default for HashChain {
    /// An empty chain from [`Digest::ZERO`].
    fn default() -> HashChain {
        HashChain::new(Digest::ZERO)
    }
}

impl fmt::Display for BadLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} is linked as {}, and its content as {}", self.index, self.found, self.expected)
    }
}

impl std::error::Error for BadLink {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(entries: &[Vec<u8>]) -> Vec<(Vec<u8>, Digest)> {
        let mut chain = HashChain::default();
        entries.iter().map(|entry| (entry.clone(), chain.append(entry))).collect()
    }

    /// Where verification stops, or the length it reached.
    fn verified(log: &[(Vec<u8>, Digest)]) -> Result<u64, u64> {
        let entries = log.iter().map(|(entry, link)| (entry, *link));
        HashChain::verify(Digest::ZERO, entries).map(|chain| chain.len()).map_err(|bad| bad.index)
    }

    #[test]
    fn a_link_is_the_hash_of_previous_and_entry() {
        let mut chain = HashChain::default();
        let mut bytes = [0; 35];
        bytes[32..].copy_from_slice(b"abc");
        assert_eq!(chain.append(b"abc"), Digest::of(&bytes));
        let mut other = HashChain::new(Digest::of(b"another log"));
        assert_ne!(other.append(b"abc"), chain.head());
        assert_eq!((chain.len(), HashChain::default().is_empty()), (1, true));
    }

    #[test]
    fn tampering_is_found_at_its_first_place() {
        let good = log(&[b"a".to_vec(), b"b".to_vec(), b"b".to_vec(), b"d".to_vec()]);
        let check = |edit: fn(&mut Vec<(Vec<u8>, Digest)>), expected: Result<u64, u64>| {
            let mut bad = good.clone();
            edit(&mut bad);
            assert_eq!(verified(&bad), expected);
        };
        check(|_| (), Ok(4));
        check(|log| log[2].0 = b"c".to_vec(), Err(2));
        check(|log| log[3].1 = Digest::ZERO, Err(3));
        check(|log| log.swap(1, 2), Err(1));
        check(|log| drop(log.remove(0)), Err(0));
        check(|log| log.insert(1, log[0].clone()), Err(1));
        check(|log| log.truncate(3), Ok(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_flipped_bit_breaks_the_link_it_touches(
            entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..20),
            draw in any::<prop::sample::Index>(), bit in 0_u8..8, in_link in any::<bool>(),
        ) {
            let mut log = log(&entries);
            prop_assert_eq!(verified(&log), Ok(entries.len() as u64));
            let victim = draw.index(log.len());
            let (entry, link) = &mut log[victim];
            let bytes = if in_link { &mut link.0[..] } else { &mut entry[..] };
            let byte = draw.index(bytes.len());
            bytes[byte] ^= 1 << bit;
            prop_assert_eq!(verified(&log), Err(victim as u64));
        }
    }
}
