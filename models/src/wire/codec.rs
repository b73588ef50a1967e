//! Bytes of every word, for engines whose network carries bytes: postcard, and what it leaves open.
//!
//! One word has one spelling: bytes that say the same in another way are refused, so that two ends which compare bytes
//! never disagree about a word. A seal stands beside its word, never around another seal: no bytes make the reader
//! recurse. Lengths are believed only as far as there are bytes.

pub(super) mod code;

use super::{Wire, svid::Seal};
use std::fmt;

/// Longest word in bytes: a mirror's fullest batch is a quarter of it. Readers refuse a longer frame before they make
/// room for it.
pub const WORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// First byte of a word.
const BARE: u8 = 0;
/// First byte of a word with its seal before it.
const SEALED: u8 = 1;

/// Why there are no bytes for a word, or no word for bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Longer than [`WORD_BYTES_MAX`].
    TooLong,
    /// The library's objection: bytes that end early, an unknown variant, text that is no UTF-8, no id, no known code.
    Form(postcard::Error),
    /// Neither bare nor sealed.
    Kind(u8),
    /// A word, in another spelling than ours, or with something after it.
    Spelling,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::TooLong => write!(f, "longer than {WORD_BYTES_MAX} bytes"),
            Refused::Form(objection) => write!(f, "{objection}"),
            Refused::Kind(kind) => write!(f, "no word begins with {kind}"),
            Refused::Spelling => f.write_str("a word in another spelling, or with something after it"),
        }
    }
}

impl std::error::Error for Refused {}

/// Writes a word.
///
/// # Errors
/// It is too long, is sealed twice, or says a code that is not in the table of codes.
pub fn encode(word: &Wire) -> Result<Vec<u8>, Refused> {
    let bytes = match word {
        Wire::Sealed(sealed) => postcard::to_extend(&(&sealed.1, &sealed.0), vec![SEALED]),
        bare => postcard::to_extend(bare, vec![BARE]),
    };
    let bytes = bytes.map_err(Refused::Form)?;
    if bytes.len() > WORD_BYTES_MAX { Err(Refused::TooLong) } else { Ok(bytes) }
}

/// Reads a word, all of `bytes`.
///
/// # Errors
/// See [`Refused`].
pub fn decode(bytes: &[u8]) -> Result<Wire, Refused> {
    if bytes.len() > WORD_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    let (kind, body) = bytes.split_first().ok_or(Refused::Form(postcard::Error::DeserializeUnexpectedEnd))?;
    let word = match *kind {
        BARE => postcard::from_bytes(body).map_err(Refused::Form)?,
        SEALED => {
            let (seal, word): (Seal, Wire) = postcard::from_bytes(body).map_err(Refused::Form)?;
            Wire::Sealed(Box::new((word, seal)))
        }
        other => return Err(Refused::Kind(other)),
    };
    if encode(&word)? == bytes { Ok(word) } else { Err(Refused::Spelling) }
}

#[cfg(test)]
mod draw;
#[cfg(test)]
mod tests;
