//! Leak markers: every datum of a tenant says whose it is, wherever its bytes turn up.
//!
//! A marker is 45 printable characters: a sentinel that never changes, then *which* datum this is, 80 drawn bits and a
//! check. The scanner looks for the sentinel only, so its cost does not grow with the number of tenants, and no list of
//! secrets exists that could itself leak. What it cannot see: parts of a marker without the sentinel, and digests;
//! masked forms are compared with the datum's expected ones elsewhere.

pub mod scan;

pub use scan::{Encoding, Hit, Scanner};

/// Length of an encoded marker, in bytes; a multiple of three, so that text after it keeps its base64 alignment.
pub const LEN: usize = 45;

/// What every marker starts with. Eight letters of the alphabet that no word, id or number of the platform contains;
/// noise of 8 such characters equals it once in 2^40.
pub const SENTINEL: [u8; 8] = *b"ZQMARKXJ";

/// Crockford's base32: upper case, digits first, without I, L, O, U. Means itself in JSON, URLs, SQL, paths and HTML.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const FACTS: usize = 30;
const CHECK: usize = 7;

/// Most tenants that a marker can tell apart.
pub const TENANTS_MAX: u32 = 1 << 24;
/// Most levels that a marker can tell apart.
pub const LEVELS_MAX: u8 = 1 << 3;
/// Most fields of a record that a marker can tell apart.
pub const FIELDS_MAX: u16 = 1 << 11;

/// Which datum, and the bits that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Marker {
    /// Index of the owning tenant, below [`TENANTS_MAX`].
    pub tenant: u32,
    /// Classification level of the datum (public 0 … restricted 3), below [`LEVELS_MAX`].
    pub level: u8,
    /// Index of the record within its tenant.
    pub record: u32,
    /// Index of the field within its record, below [`FIELDS_MAX`].
    pub field: u16,
    /// 80 drawn bits: a marker that is written by chance or by guessing is told from the real one by these.
    pub drawn: u128,
}

/// An encoded marker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Text([u8; LEN]);

impl Text {
    /// The marker as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// The marker as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl Marker {
    /// The marker of one datum; only the low 80 bits of `drawn` count.
    ///
    /// # Panics
    /// When an index is over its bound: the world was built larger than its markers can tell apart.
    pub fn new(tenant: u32, level: u8, record: u32, field: u16, drawn: u128) -> Marker {
        assert!(tenant < TENANTS_MAX && level < LEVELS_MAX && field < FIELDS_MAX, "index over its bound");
        Marker { tenant, level, record, field, drawn: drawn & ((1 << 80) - 1) }
    }

    /// As it stands in a datum.
    pub fn encode(&self) -> Text {
        let mut text = [0; LEN];
        text[..8].copy_from_slice(&SENTINEL);
        // 24 + 3 + 32 + 11 bits of index, then 80 drawn bits: 70 + 80 = 150 bits = 30 characters of 5 bits.
        let index = u128::from(self.tenant) << 46
            | u128::from(self.level) << 43
            | u128::from(self.record) << 11
            | u128::from(self.field);
        put(&mut text[8..22], index);
        put(&mut text[22..38], self.drawn);
        let check = crc32fast::hash(&text[..8 + FACTS]);
        put(&mut text[8 + FACTS..], u128::from(check));
        Text(text)
    }

    /// Reads a marker of exactly [`LEN`] bytes, as it was encoded. The check (CRC-32) finds every change of one
    /// character, every swap of neighbours, and all but one in 2^32 of the rest.
    pub fn decode(text: &[u8]) -> Option<Marker> {
        if text.len() != LEN || text[..8] != SENTINEL {
            return None;
        }
        let check = get(&text[8 + FACTS..8 + FACTS + CHECK])?;
        if check != u128::from(crc32fast::hash(&text[..8 + FACTS])) {
            return None;
        }
        let index = get(&text[8..22])?;
        let drawn = get(&text[22..38])?;
        Some(Marker {
            tenant: (index >> 46) as u32,
            level: (index >> 43 & 7) as u8,
            record: (index >> 11) as u32,
            field: (index & 0x7ff) as u16,
            drawn,
        })
    }
}

fn put(text: &mut [u8], mut bits: u128) {
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
}

fn get(text: &[u8]) -> Option<u128> {
    let mut bits = 0;
    for byte in text {
        let digit = DIGITS[usize::from(*byte)];
        if digit == NONE {
            return None;
        }
        bits = bits << 5 | u128::from(digit);
    }
    Some(bits)
}

const NONE: u8 = 0xff;

/// Value of each character of the alphabet, [`NONE`] for all others.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut i = 0;
    while i < 32 {
        digits[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        pub(super) fn marker()(
            tenant in 0..TENANTS_MAX,
            level in 0..LEVELS_MAX,
            record: u32,
            field in 0..FIELDS_MAX,
            drawn: u128,
        ) -> Marker {
            Marker::new(tenant, level, record, field, drawn)
        }
    }

    #[test]
    fn a_marker_looks_the_same_for_ever() {
        let text = Marker::new(1, 3, 2, 4, 5).encode();
        assert_eq!(&text.as_str()[..38], "ZQMARKXJ00002R000004040000000000000005");
        assert_eq!(text.as_bytes().len(), LEN);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_marker_reads_back_as_itself(marker in marker()) {
            prop_assert_eq!(Marker::decode(marker.encode().as_bytes()), Some(marker));
        }

        #[test]
        fn every_change_of_one_character_is_found(marker in marker()) {
            let text = marker.encode();
            for at in 0..LEN {
                for other in ALPHABET {
                    let mut edited = *text.as_bytes().first_chunk::<LEN>().expect("whole");
                    edited[at] = *other;
                    prop_assert_eq!(Marker::decode(&edited).is_some(), edited == text.0);
                }
            }
        }

        #[test]
        fn swapped_neighbours_are_found(marker in marker(), at in 0..LEN - 1) {
            let mut edited = marker.encode().0;
            edited.swap(at, at + 1);
            prop_assert_eq!(Marker::decode(&edited).is_some(), edited == marker.encode().0);
        }
    }
}
