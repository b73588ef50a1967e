//! A frame: a length, whose consequence the word is, between whom it claims to be, and the bytes of the word.
//!
//! What a frame claims is believed no further than its connection shows; the reader of the frame asks.

use crate::speech::Speech;
use sim::machine::{Input, Platform};
use sim::{Lineage, NodeId};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes before the word: cause and path, what kind of input, from whom, for whom.
const HEAD: usize = 8 + 8 + 1 + 4 + 4;

/// Longest frame: the longest word of a codec, and its head.
const BYTES_MAX: usize = 8 * 1024 * 1024;

const MESSAGE: u8 = 0;
const INTERCEPTED: u8 = 1;
const REFUSED: u8 = 2;

/// What a frame holds.
pub struct Frame<P: Platform> {
    /// Whose consequence it is.
    pub lineage: Lineage,
    /// What the receiver's machine is to be given.
    pub input: Input<P>,
}

/// The word of an input that travels, with who claims to send it and for whom it is.
pub fn word<P: Platform>(input: &Input<P>) -> Option<(u8, NodeId, NodeId, &P::Message)> {
    let nobody = NodeId(u32::MAX);
    match input {
        Input::Message { from, message } => Some((MESSAGE, *from, nobody, message)),
        Input::Intercepted { from, to, message } => Some((INTERCEPTED, *from, *to, message)),
        Input::Refused { to, message } => Some((REFUSED, nobody, *to, message)),
        Input::Timer { .. } | Input::Synced { .. } => None,
    }
}

/// Bytes of a frame.
///
/// # Errors
/// The word has no bytes, or too many.
pub fn encode<P: Platform>(speech: &dyn Speech<P>, frame: &Frame<P>) -> Result<Vec<u8>, String> {
    let (kind, from, to, word) = word(&frame.input).ok_or("what is no word does not travel")?;
    let word = speech.encode(word)?;
    let length = HEAD + word.len();
    if length > BYTES_MAX {
        return Err(format!("a frame of {length} bytes is too long"));
    }
    let mut bytes = Vec::with_capacity(4 + length);
    bytes.extend_from_slice(&(length as u32).to_be_bytes());
    bytes.extend_from_slice(&frame.lineage.cause.to_be_bytes());
    bytes.extend_from_slice(&frame.lineage.path.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&from.0.to_be_bytes());
    bytes.extend_from_slice(&to.0.to_be_bytes());
    bytes.extend_from_slice(&word);
    Ok(bytes)
}

/// Reads the next frame of a connection; nothing when the connection has ended.
///
/// # Errors
/// What came is no frame.
pub async fn read<P: Platform>(
    speech: &dyn Speech<P>,
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Frame<P>>, String> {
    let mut length = [0; 4];
    if from.read_exact(&mut length).await.is_err() {
        return Ok(None);
    }
    let length = u32::from_be_bytes(length) as usize;
    if !(HEAD..=BYTES_MAX).contains(&length) {
        return Err(format!("no frame is {length} bytes long"));
    }
    // Room is made for what arrives, not for what is announced.
    let mut bytes = Vec::new();
    match from.take(length as u64).read_to_end(&mut bytes).await {
        Ok(read) if read == length => decode(speech, &bytes).map(Some),
        _ => Ok(None),
    }
}

fn decode<P: Platform>(speech: &dyn Speech<P>, bytes: &[u8]) -> Result<Frame<P>, String> {
    let long = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let node = |at: usize| NodeId(u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
    let message = speech.decode(&bytes[HEAD..])?;
    let (from, to) = (node(17), node(21));
    let input = match bytes[16] {
        MESSAGE => Input::Message { from, message },
        INTERCEPTED => Input::Intercepted { from, to, message },
        REFUSED => Input::Refused { to, message },
        other => return Err(format!("no frame is of kind {other}")),
    };
    Ok(Frame { lineage: Lineage { cause: long(0), path: long(8) }, input })
}
