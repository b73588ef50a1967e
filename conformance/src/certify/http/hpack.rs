//! Lists of fields, as HTTP/2 has them on the wire (HPACK, RFC 7541).
//!
//! What is written is spelt out, name and value, so that what is malformed goes out as it was meant. What is read may
//! lean on the static table alone: the judge's settings forbid the other one, which is most of what makes HPACK long.

use std::fmt;
use std::sync::LazyLock;

/// A name and a value.
pub type Field = (Vec<u8>, Vec<u8>);

/// More of a list of fields is not read: Huffman's code makes three bytes of two, and then some.
const LIST_BYTES_MAX: usize = 1 << 20;
/// The longest code of Huffman, in bits.
const CODE_BITS_MAX: usize = 30;
/// The symbol that ends a text and stands in none.
const END: usize = 256;

/// Appendix A of RFC 7541: what an index means, from 1 on.
#[rustfmt::skip]
const STATIC: &[(&str, &str)] = &[
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

/// Appendix B of RFC 7541: bits of each symbol's code. The code is canonical, so its lengths say all of it.
#[rustfmt::skip]
const CODE_BITS: [u8; END + 1] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26, 30,
];

/// Why a list of fields cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misread {
    /// It ends too early.
    Short,
    /// A number beyond anything that is meant.
    Number,
    /// An index of the table that the judge forbids, or of none.
    Index,
    /// A text that is no code of Huffman's, or that is padded otherwise than it must be.
    Huffman,
    /// More than anybody says.
    Long,
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misread::Short => "a list of fields that ends too early",
            Misread::Number => "a number in a list of fields that is too large",
            Misread::Index => "a field by an index that the settings forbid",
            Misread::Huffman => "a text in a list of fields that is none",
            Misread::Long => "a list of fields without end",
        })
    }
}

/// A list as literals that nobody puts into a table (section 6.2.2).
pub fn write(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            number(&mut out, text.len());
            out.extend_from_slice(text);
        }
    }
    out
}

/// A number of section 5.1 in what is left of a byte after its first bit, which says that no Huffman follows.
fn number(out: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(0x7f) else { return out.push(value as u8) };
    out.push(0x7f);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A list that was written without a dynamic table.
///
/// # Errors
/// It was not, or is none.
pub fn read(block: &[u8]) -> Result<Vec<Field>, Misread> {
    let mut rest = Rest(block);
    let (mut fields, mut bytes) = (Vec::new(), 0);
    while let Some(first) = rest.0.first().copied() {
        let field = match first {
            // Both, by an index.
            0x80.. => known(rest.number(7)?).map(|(name, value)| (name.to_vec(), value.to_vec()))?,
            // The size of the dynamic table, which is nothing.
            0x20..0x40 if rest.number(5)? == 0 => continue,
            0x20..0x40 => return Err(Misread::Index),
            // A value, and perhaps a name: to be kept in the table, which holds nothing, or not.
            _ => {
                let index = rest.number(if first >= 0x40 { 6 } else { 4 })?;
                let name = if index == 0 { rest.text()? } else { known(index)?.0.to_vec() };
                (name, rest.text()?)
            }
        };
        bytes += field.0.len() + field.1.len();
        if bytes > LIST_BYTES_MAX {
            return Err(Misread::Long);
        }
        fields.push(field);
    }
    Ok(fields)
}

fn known(index: usize) -> Result<(&'static [u8], &'static [u8]), Misread> {
    let entry = index.checked_sub(1).and_then(|at| STATIC.get(at)).ok_or(Misread::Index)?;
    Ok((entry.0.as_bytes(), entry.1.as_bytes()))
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Result<u8, Misread> {
        let (first, rest) = self.0.split_first().ok_or(Misread::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A number in the last `bits` of a byte and, if it is large, in those that follow.
    fn number(&mut self, bits: u32) -> Result<usize, Misread> {
        let most = (1_usize << bits) - 1;
        let mut value = usize::from(self.byte()?) & most;
        if value < most {
            return Ok(value);
        }
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Misread::Number)
    }

    fn text(&mut self) -> Result<Vec<u8>, Misread> {
        let is_coded = self.0.first().is_some_and(|first| *first >= 0x80);
        let length = self.number(7)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Misread::Short)?;
        self.0 = rest;
        if is_coded { plain(text) } else { Ok(text.to_vec()) }
    }
}

/// Symbols in the order of their codes, and how many there are of each length.
struct Code {
    symbols: Vec<usize>,
    counts: [usize; CODE_BITS_MAX + 1],
}

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut symbols: Vec<usize> = (0..=END).collect();
    symbols.sort_by_key(|symbol| CODE_BITS[*symbol]);
    let mut counts = [0; CODE_BITS_MAX + 1];
    CODE_BITS.iter().for_each(|bits| counts[usize::from(*bits)] += 1);
    Code { symbols, counts }
});

/// A text out of Huffman's code (section 5.2).
fn plain(coded: &[u8]) -> Result<Vec<u8>, Misread> {
    let mut out = Vec::new();
    // The code so far; the first code of its length; the place of that one's symbol; how many bits it has.
    let (mut code, mut first, mut place, mut bits) = (0_usize, 0_usize, 0, 0);
    let (mut padding, mut is_ones) = (0, true);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |at| usize::from(byte >> at & 1))) {
        (code, first, bits) = (code << 1 | bit, first << 1, bits + 1);
        (padding, is_ones) = (padding + 1, is_ones && bit == 1);
        let count = *CODE.counts.get(bits).ok_or(Misread::Huffman)?;
        if code - first < count {
            let symbol = CODE.symbols[place + code - first];
            out.push(u8::try_from(symbol).map_err(|_| Misread::Huffman)?);
            (code, first, place, bits) = (0, 0, 0, 0);
            (padding, is_ones) = (0, true);
        } else {
            (first, place) = (first + count, place + count);
        }
    }
    // A byte is filled up with the beginning of the end, and no more than that.
    if padding < 8 && is_ones { Ok(out) } else { Err(Misread::Huffman) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|b| *b != b' ').collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("text"), 16).expect(hex))
            .collect()
    }

    fn told(hex: &str) -> Result<Vec<(String, String)>, Misread> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Ok(read(&bytes(hex))?.into_iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    #[test]
    fn lists_of_the_standard_are_read() {
        let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        // RFC 7541, C.2.2 to C.2.4.
        assert_eq!(told("040c 2f73 616d 706c 652f 7061 7468"), Ok(vec![one(":path", "/sample/path")]));
        assert_eq!(told("1008 7061 7373 776f 7264 0673 6563 7265 74"), Ok(vec![one("password", "secret")]));
        assert_eq!(told("82"), Ok(vec![one(":method", "GET")]));
        // C.6.1, in Huffman's code.
        let answer = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d \
                      29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
        let date = one("date", "Mon, 21 Oct 2013 20:13:21 GMT");
        let rest = [one("cache-control", "private"), date, one("location", "https://www.example.com")];
        assert_eq!(told(answer).map(|all| all[1..].to_vec()), Ok(rest.to_vec()));
        assert_eq!(told(answer).map(|all| all[0].clone()), Ok(one(":status", "302")));
        // The table is none, which a server may say first.
        assert_eq!(told("2088"), Ok(vec![one(":status", "200")]));
    }

    #[test]
    fn what_is_no_list_is_refused_and_nothing_panics() {
        for (hex, why) in [
            ("3f", Misread::Short),
            ("3fe1 1f", Misread::Index),
            ("be", Misread::Index),
            ("80", Misread::Index),
            ("00 03 61", Misread::Short),
            ("00 81 00 01 61", Misread::Huffman),
            ("00 84 ff ff ff ff 01 61", Misread::Huffman),
            ("7f ff ff ff ff 01", Misread::Number),
        ] {
            assert_eq!(told(hex), Err(why), "{hex}");
        }
        // Every pair of bytes, and what follows from it.
        for first in 0..=255 {
            for second in 0..=255 {
                let _ = read(&[first, second, second ^ first, first.wrapping_mul(second), 0xff, 0x7f]);
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was_however_malformed_it_is() {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let long = "x".repeat(20_000);
        let all = vec![field(":path", "/a"), field("X-Upper", "a\r\nb: c"), field("long", &long), field("", "")];
        assert_eq!(read(&write(&all)), Ok(all));
        assert_eq!(write(&[field("a", "b")]), [0, 1, b'a', 1, b'b']);
    }
}
