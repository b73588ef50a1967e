//! One line of a log: JSON that says its own length and checksum before it says anything else.
//!
//! `{"bytes":N,"crc32":"XXXXXXXX","step":{…}}`: N and the checksum are those of everything after the second comma up
//! to, not including, the last brace. A line that is cut off, or altered in any place, is not whole.

use super::Line;
use std::io::{self, BufRead, Read};

/// Longest line that is read: thousands of times what a step leaves. A file without line ends fills no memory.
const BYTES_MAX: u64 = 256 << 20;

const LENGTH: &[u8] = br#"{"bytes":"#;
const CHECKSUM: &[u8] = br#","crc32":""#;

/// The line, with its end.
pub fn frame(line: &Line) -> Vec<u8> {
    let json = serde_json::to_string(line).expect("plain data has a JSON form");
    let body = &json[1..json.len() - 1];
    format!("{{\"bytes\":{},\"crc32\":\"{:08x}\",{body}}}\n", body.len(), crc32fast::hash(body.as_bytes())).into_bytes()
}

/// What stands in a whole line: JSON of a [`Line`].
pub fn whole(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(LENGTH)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (length, rest) = rest.split_at(digits);
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (checksum, rest) = rest.strip_prefix(CHECKSUM)?.split_at_checked(8)?;
    let body = rest.strip_prefix(b"\",")?.strip_suffix(b"}\n")?;
    let told = format!("{:08x}", crc32fast::hash(body));
    (body.len() == length && told.as_bytes() == checksum).then(|| [b"{", body, b"}"].concat())
}

/// Whether a line may be the beginning of one that was never finished.
pub fn begins(line: &[u8]) -> bool {
    let length = LENGTH.len().min(line.len());
    line[..length] == LENGTH[..length]
}

/// A line as it was found.
pub enum Piece {
    /// What stands in it.
    Whole(Vec<u8>),
    /// The bytes, up to the end of the line.
    Broken(Vec<u8>),
}

/// Lines of a part of a log.
pub struct Pieces<R> {
    reader: R,
    /// Where the next line begins.
    pub at: u64,
}

impl<R: BufRead> Pieces<R> {
    /// From its beginning.
    pub fn new(reader: R) -> Pieces<R> {
        Pieces { reader, at: 0 }
    }

    /// The next line, if there is one.
    ///
    /// # Errors
    /// What the reader says.
    pub fn read(&mut self) -> io::Result<Option<Piece>> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(BYTES_MAX).read_until(b'\n', &mut line)?;
        self.at += read as u64;
        Ok(match (read, whole(&line)) {
            (0, _) => None,
            (_, Some(json)) => Some(Piece::Whole(json)),
            (_, None) => Some(Piece::Broken(line)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Entry;
    use scenarios::prove::Done;

    fn line() -> Line {
        let done = Done::Fell { token: "cp1.x".into(), said: "a \"brace\" } and a\nline".into() };
        Line::Step(Box::new(Entry { index: 17, name: "a/b swarm 3".into(), done }))
    }

    #[test]
    fn a_line_is_json_and_reads_back() {
        let bytes = frame(&line());
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(value["step"]["index"], 17);
        let json = whole(&bytes).expect("whole");
        assert_eq!(serde_json::from_slice::<Line>(&json).expect("a line"), line());
    }

    #[test]
    fn a_line_that_is_cut_or_altered_anywhere_is_not_whole() {
        let bytes = frame(&line());
        for cut in 0..bytes.len() {
            assert!(whole(&bytes[..cut]).is_none(), "{cut}");
            assert!(begins(&bytes[..cut]), "{cut}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                assert!(whole(&altered).is_none(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn lines_are_told_apart_whatever_lies_between_them() {
        let one = frame(&line());
        let bytes = [&one[..], b"noise\n", &one[..], &one[..9]].concat();
        let mut pieces = Pieces::new(&bytes[..]);
        let mut found = Vec::new();
        while let Some(piece) = pieces.read().expect("memory") {
            found.push((matches!(piece, Piece::Whole(_)), pieces.at));
        }
        let n = one.len() as u64;
        assert_eq!(found, [(true, n), (false, n + 6), (true, 2 * n + 6), (false, 2 * n + 15)]);
    }
}
