//! Finds leak markers in bytes that reach a principal, a log or a bundle, in the encodings that bytes travel in.
//!
//! One pass over the bytes looks for the sentinel in all its encodings at once; only around a hit is a marker decoded.
//! Base64's two alphabets cannot be told apart here, nor UTF-16's two byte orders: no character of a marker maps to the
//! digits 62 and 63, and letters two bytes apart lie the same way in both orders. One pattern finds both. Not found:
//! letters of mixed case, text of which only some characters are escaped, base64 broken into lines, compressed or
//! doubly encoded bytes; a scenario that serves such bytes has to undo that before it scans.

use super::{LEN, Marker, SENTINEL};
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// How the sentinel was written where it was found. Each is found in upper and in lower case of the marker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Encoding {
    /// As is, or lower-cased.
    Raw,
    /// Two hexadecimal digits a character.
    Hex,
    /// Base64, standard or URL alphabet; the marker starts this many bytes after a group of three.
    Base64(u8),
    /// `%5A`: every character percent-encoded.
    Percent,
    /// UTF-16 of either byte order.
    Utf16,
    /// `\u005a`: every character as a JSON escape.
    JsonEscape,
    /// Back to front.
    Reversed,
}

/// A sentinel that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The marker; `None` when only its sentinel is there (cut short or altered), which is a leak all the same.
    pub marker: Option<Marker>,
    /// How it was written.
    pub encoding: Encoding,
    /// Where the sentinel starts, in bytes; in base64 the first digit that it alone determines.
    pub offset: usize,
}

/// Looks for sentinels. Immutable and without tenants: one serves the whole process.
#[derive(Debug)]
pub struct Scanner {
    patterns: AhoCorasick,
    encodings: Vec<Encoding>,
}

static SHARED: LazyLock<Scanner> = LazyLock::new(Scanner::build);

impl Scanner {
    /// The scanner of this process.
    pub fn shared() -> &'static Scanner {
        &SHARED
    }

    /// Calls `found` for every sentinel in `bytes`, from left to right. Costs one pass, however many tenants there are.
    pub fn scan(&self, bytes: &[u8], mut found: impl FnMut(Hit)) {
        for at in self.patterns.find_iter(bytes) {
            let encoding = self.encodings[at.pattern().as_usize()];
            found(hit(bytes, at.start(), at.end(), encoding));
        }
    }

    /// The first hit, when any will do.
    pub fn first(&self, bytes: &[u8]) -> Option<Hit> {
        let at = self.patterns.find(bytes)?;
        let encoding = self.encodings[at.pattern().as_usize()];
        Some(hit(bytes, at.start(), at.end(), encoding))
    }

    fn build() -> Scanner {
        let (mut patterns, mut encodings) = (Vec::new(), Vec::new());
        let mut add = |encoding: Encoding, pattern: Vec<u8>| {
            encodings.push(encoding);
            patterns.push(pattern);
        };
        for sentinel in [SENTINEL, SENTINEL.map(|b| b.to_ascii_lowercase())] {
            add(Encoding::Raw, sentinel.to_vec());
            add(Encoding::Reversed, sentinel.iter().rev().copied().collect());
            add(Encoding::Utf16, sentinel.map(|b| [b, 0]).concat()[..15].to_vec());
            for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
                let hex = |b: u8| [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]];
                add(Encoding::Hex, sentinel.map(hex).concat());
                for (encoding, prefix) in [(Encoding::Percent, PERCENT), (Encoding::JsonEscape, JSON)] {
                    // Without the first prefix: it stands before every escape, and would stop the search at each.
                    add(encoding, sentinel.map(hex).join(prefix));
                }
            }
            for shift in 0..3 {
                add(Encoding::Base64(shift), base64_core(&sentinel, shift));
            }
        }
        // Leftmost-first lets the searcher skip ahead with vector instructions; no pattern is a prefix of another.
        let patterns = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&patterns);
        Scanner { patterns: patterns.expect("two dozen short patterns"), encodings }
    }
}

/// The base64 digits that the sentinel alone determines when it starts `shift` bytes after a group of three.
fn base64_core(sentinel: &[u8; 8], shift: u8) -> Vec<u8> {
    let first = (usize::from(shift) * 8).div_ceil(6);
    let last = (usize::from(shift) + sentinel.len()) * 8 / 6;
    let bit = |at: usize| match at.checked_sub(usize::from(shift) * 8) {
        Some(at) => sentinel[at / 8] >> (7 - at % 8) & 1,
        None => 0,
    };
    (first..last).map(|digit| base64_digit((0..6).fold(0, |value, n| value << 1 | bit(digit * 6 + n)))).collect()
}

const fn base64_digit(value: u8) -> u8 {
    match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + value - 26,
        52..=61 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    }
}

const fn base64_value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// What stands before each character in the two kinds of escape.
const PERCENT: &[u8] = b"%";
const JSON: &[u8] = b"\\u00";

/// The hit whose sentinel's pattern lies at `start..end`.
fn hit(bytes: &[u8], start: usize, end: usize, encoding: Encoding) -> Hit {
    let before = match encoding {
        Encoding::Percent => PERCENT.len(),
        Encoding::JsonEscape => JSON.len(),
        _ => 0,
    };
    Hit { marker: read(bytes, start, end, encoding), encoding, offset: start.saturating_sub(before) }
}

/// Decodes what follows the sentinel; the sentinel itself was just seen, whatever its edges share with their
/// neighbours.
fn read(bytes: &[u8], start: usize, end: usize, encoding: Encoding) -> Option<Marker> {
    let mut text = [0; LEN];
    text[..SENTINEL.len()].copy_from_slice(&SENTINEL);
    for (at, place) in text.iter_mut().enumerate().skip(SENTINEL.len()) {
        let byte = match encoding {
            Encoding::Raw => *bytes.get(start + at)?,
            Encoding::Reversed => *bytes.get((end - 1).checked_sub(at)?)?,
            Encoding::Utf16 => wide(bytes, start + at * 2)?,
            Encoding::Hex => hex(bytes, start + at * 2, b"")?,
            Encoding::Percent => hex(bytes, start + at * 3 - PERCENT.len(), PERCENT)?,
            Encoding::JsonEscape => hex(bytes, start + at * 6 - JSON.len(), JSON)?,
            Encoding::Base64(shift) => base64(bytes, start, shift, at)?,
        };
        *place = byte.to_ascii_uppercase();
    }
    Marker::decode(&text)
}

fn wide(bytes: &[u8], at: usize) -> Option<u8> {
    if bytes.get(at - 1) == Some(&0) { bytes.get(at).copied() } else { None }
}

fn hex(bytes: &[u8], at: usize, prefix: &[u8]) -> Option<u8> {
    let digits = bytes.get(at..at + prefix.len() + 2)?.strip_prefix(prefix)?;
    let value = |digit: u8| (digit as char).to_digit(16).map(|v| v as u8);
    Some(value(digits[0])? << 4 | value(digits[1])?)
}

/// The character `at` of a marker whose sentinel's base64 digits start at `start`.
fn base64(bytes: &[u8], start: usize, shift: u8, at: usize) -> Option<u8> {
    let first = (usize::from(shift) * 8).div_ceil(6);
    let bit = (usize::from(shift) + at) * 8;
    let digit = |n: usize| base64_value(*bytes.get(start + bit / 6 - first + n)?);
    // A byte starts at bit 0, 2 or 4 of a digit and so spans two of them.
    let pair = u16::from(digit(0)?) << 6 | u16::from(digit(1)?);
    Some((pair >> (4 - bit % 6)) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits(bytes: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        Scanner::shared().scan(bytes, |hit| hits.push(hit));
        assert_eq!(Scanner::shared().first(bytes), hits.first().copied());
        hits
    }

    fn marker() -> Marker {
        Marker::new(4711, 2, 99, 7, 0x1234_5678_9abc_def0_1122)
    }

    fn base64_of(bytes: &[u8], url: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for group in bytes.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
            for n in 0..=group.len() {
                out.push(base64_digit((bits >> (18 - 6 * n) & 63) as u8));
            }
        }
        if url {
            out.iter_mut().for_each(|b| *b = if *b == b'+' { b'-' } else { *b });
            out.iter_mut().for_each(|b| *b = if *b == b'/' { b'_' } else { *b });
        }
        out
    }

    /// Writes `before`, the marker and `after` as one text in `encoding`, and expects exactly that marker.
    fn check(name: &str, encode: &dyn Fn(&[u8]) -> Vec<u8>, expected: impl Fn(usize) -> Encoding) {
        for pad in 0..12 {
            for lower in [false, true] {
                let mut text = vec![b'?'; pad];
                text.extend_from_slice(marker().encode().as_bytes());
                text.extend_from_slice(b"~~ tail ?>");
                if lower {
                    text.make_ascii_lowercase();
                }
                let found = hits(&encode(&text));
                assert_eq!(found.len(), 1, "{name}, {pad} bytes before it, lower case {lower}");
                assert_eq!(found[0].marker, Some(marker()), "{name}, {pad} bytes before it, lower case {lower}");
                assert_eq!(found[0].encoding, expected(pad), "{name}");
            }
        }
    }

    #[test]
    fn a_marker_is_found_in_every_encoding_at_every_alignment() {
        let each = |encode: fn(u8) -> String| {
            move |text: &[u8]| text.iter().map(|b| encode(*b)).collect::<String>().into_bytes()
        };
        check("raw", &|text| text.to_vec(), |_| Encoding::Raw);
        check("hex", &each(|b| format!("{b:02x}")), |_| Encoding::Hex);
        check("HEX", &each(|b| format!("{b:02X}")), |_| Encoding::Hex);
        check("percent", &each(|b| format!("%{b:02X}")), |_| Encoding::Percent);
        check("percent, lower", &each(|b| format!("%{b:02x}")), |_| Encoding::Percent);
        check("json", &each(|b| format!("\\u{b:04x}")), |_| Encoding::JsonEscape);
        check("JSON", &each(|b| format!("\\u{b:04X}")), |_| Encoding::JsonEscape);
        check("utf-16 le", &|text| text.iter().flat_map(|b| [*b, 0]).collect(), |_| Encoding::Utf16);
        check("utf-16 be", &|text| text.iter().flat_map(|b| [0, *b]).collect(), |_| Encoding::Utf16);
        check("reversed", &|text| text.iter().rev().copied().collect(), |_| Encoding::Reversed);
        check("base64", &|text| base64_of(text, false), |pad| Encoding::Base64((pad % 3) as u8));
        check("base64url", &|text| base64_of(text, true), |pad| Encoding::Base64((pad % 3) as u8));
    }

    #[test]
    fn a_hit_says_where_its_sentinel_starts() {
        let offset = |before: &str, encode: fn(u8) -> String| {
            let text: String = marker().encode().as_bytes().iter().map(|b| encode(*b)).collect();
            hits(format!("{before}{text}").as_bytes())[0].offset
        };
        assert_eq!(offset("ab", |b| (b as char).to_string()), 2);
        assert_eq!(offset("ab", |b| format!("{b:02x}")), 2);
        assert_eq!(offset("ab", |b| format!("%{b:02X}")), 2);
        assert_eq!(offset("ab", |b| format!("\\u{b:04x}")), 2);
    }

    #[test]
    fn a_marker_at_either_end_of_the_bytes_is_found() {
        let text = marker().encode();
        assert_eq!(hits(text.as_bytes())[0].marker, Some(marker()));
        let reversed: Vec<u8> = text.as_bytes().iter().rev().copied().collect();
        assert_eq!(hits(&reversed)[0].marker, Some(marker()));
        let encoded = base64_of(text.as_bytes(), false);
        assert_eq!(hits(&encoded)[0].marker, Some(marker()));
    }

    #[test]
    fn a_marker_that_was_cut_or_altered_is_still_a_hit_without_a_name() {
        let text = marker().encode();
        assert_eq!(hits(&text.as_bytes()[..20]), [Hit { marker: None, encoding: Encoding::Raw, offset: 0 }]);
        let mut altered = text.as_bytes().to_vec();
        altered[30] = if altered[30] == b'0' { b'1' } else { b'0' };
        assert_eq!(hits(&altered), [Hit { marker: None, encoding: Encoding::Raw, offset: 0 }]);
    }

    #[test]
    fn several_markers_in_one_body_are_all_found_in_order() {
        let markers: Vec<Marker> = (0..5).map(|n| Marker::new(n, 1, n, 0, u128::from(n))).collect();
        let body: String = markers.iter().map(|m| format!("{{\"name\":\"{}\"}},", m.encode().as_str())).collect();
        let found: Vec<_> = hits(body.as_bytes()).into_iter().filter_map(|hit| hit.marker).collect();
        assert_eq!(found, markers);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn random_bytes_hold_no_marker(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert!(hits(&bytes).is_empty());
        }

        #[test]
        fn ordinary_text_holds_no_marker(text in "[0-9A-Z %u\\\\{}\":,]{0,600}") {
            prop_assert!(hits(text.as_bytes()).is_empty());
        }

        #[test]
        fn a_marker_in_noise_is_found_where_it_was_put(
            before in proptest::collection::vec(any::<u8>(), 0..60),
            after in proptest::collection::vec(any::<u8>(), 0..60),
            tenant in 0..super::super::TENANTS_MAX,
            drawn: u128,
        ) {
            let marker = Marker::new(tenant, 3, 1, 2, drawn);
            let bytes = [before.as_slice(), marker.encode().as_bytes(), &after].concat();
            let hit = Hit { marker: Some(marker), encoding: Encoding::Raw, offset: before.len() };
            prop_assert_eq!(hits(&bytes), [hit]);
        }
    }
}
