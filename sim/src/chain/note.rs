//! Signed notes (C2SP `signed-note@v1.0.0`): text with signature lines, the form in which logs publish checkpoints.
//!
//! A note is text to be compared and stored byte for byte: what is parsed prints as it was. Its key id is four bytes
//! that say which key to try, not a proof of anything; collisions are cheap, so the verifier pins whole keys.

use super::digest::Digest;
use crate::planted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// More signatures than the sixteen that a verifier must accept; beyond it a note only costs time.
const SIGNATURES_MAX: usize = 64;

/// Type byte of Ed25519 in key ids.
const ED25519: u8 = 0x01;

/// Which key signed: its name, and the id derived from name, algorithm and public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NoteKey {
    name: String,
    id: [u8; 4],
}

/// A text and who signed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<(NoteKey, Vec<u8>)>,
}

/// Why a text is no note, or a note not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoteError {
    /// The text does not end in a newline, or holds control characters.
    BadText,
    /// A key name is empty, or holds a space or a plus.
    BadName,
    /// What follows the last empty line is no signature line, or they are none or too many.
    BadSignatures,
    /// A signature of a known key does not verify.
    Forged,
    /// No known key signed.
    Unknown,
}

impl NoteKey {
    /// The Ed25519 key of this name (a URL without scheme, by custom).
    pub fn ed25519(name: &str, public: &[u8; 32]) -> Result<NoteKey, NoteError> {
        let digest = Digest::of_parts(&[name.as_bytes(), b"\n", &[ED25519], public]);
        NoteKey::new(name, [digest.0[0], digest.0[1], digest.0[2], digest.0[3]])
    }

    /// A key of any algorithm, by its id.
    pub fn new(name: &str, id: [u8; 4]) -> Result<NoteKey, NoteError> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(bad) {
            return Err(NoteError::BadName);
        }
        Ok(NoteKey { name: name.to_owned(), id })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl Note {
    /// Has `signer` sign a text, which must end in a newline.
    pub fn sign(text: &str, key: NoteKey, signer: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<Note, NoteError> {
        if !text.ends_with('\n') || !is_clean(text) {
            return Err(NoteError::BadText);
        }
        let mut note = Note { text: text.to_owned(), signatures: Vec::new() };
        note.add_signature(key, signer);
        Ok(note)
    }

    /// Adds the signature of another key, as a witness does.
    pub fn add_signature(&mut self, key: NoteKey, signer: impl FnOnce(&[u8]) -> Vec<u8>) {
        planted::before_signing();
        let signature = signer(self.text.as_bytes());
        self.signatures.push((key, signature));
    }

    /// Reads a note; believes nothing yet.
    pub fn parse(note: &str) -> Result<Note, NoteError> {
        if !is_clean(note) {
            return Err(NoteError::BadText);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::BadSignatures)?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::BadSignatures)?;
        let signatures: Vec<_> =
            lines.split('\n').take(SIGNATURES_MAX + 1).map(signature_line).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::BadSignatures);
        }
        Ok(Note { text: text.to_owned(), signatures })
    }

    /// The text, if at least one known key signed it and no known key's signature is wrong. `accepts(key, text,
    /// signature)` answers `None` for a key it does not know.
    pub fn verify(&self, mut accepts: impl FnMut(&NoteKey, &[u8], &[u8]) -> Option<bool>) -> Result<&str, NoteError> {
        let mut known = false;
        for (key, signature) in &self.signatures {
            match accepts(key, self.text.as_bytes(), signature) {
                Some(true) => known = true,
                Some(false) => return Err(NoteError::Forged),
                None => (),
            }
        }
        if known { Ok(&self.text) } else { Err(NoteError::Unknown) }
    }

    /// The text, believed or not.
    pub fn text_unverified(&self) -> &str {
        &self.text
    }
}

fn signature_line(line: &str) -> Result<(NoteKey, Vec<u8>), NoteError> {
    let (name, encoded) =
        line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::BadSignatures)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::BadSignatures)?;
    let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::BadSignatures)?;
    Ok((NoteKey::new(name, *id)?, signature.to_vec()))
}

/// No ASCII control character but the newline.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 || byte == b'\n')
}

impl fmt::Display for Note {
    /// The note as it is stored and published.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for (key, signature) in &self.signatures {
            writeln!(f, "— {} {}", key.name, STANDARD.encode([&key.id[..], signature].concat()))?;
        }
        Ok(())
    }
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoteError::BadText => "a note's text ends in a newline and has no control characters",
            NoteError::BadName => "a key name is not empty and has neither spaces nor a plus",
            NoteError::BadSignatures => "a note ends in an empty line and up to 64 signature lines",
            NoteError::Forged => "the signature of a known key does not verify",
            NoteError::Unknown => "no known key signed the note",
        })
    }
}

impl std::error::Error for NoteError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NoteKey {
        NoteKey::ed25519(name, &[7; 32]).unwrap()
    }

    fn seal(text: &[u8]) -> Vec<u8> {
        Digest::of(text).0.to_vec()
    }

    fn knows<'a>(names: &'a [&str]) -> impl FnMut(&NoteKey, &[u8], &[u8]) -> Option<bool> + 'a {
        |key, text, signature| names.contains(&key.name()).then(|| seal(text) == signature)
    }

    #[test]
    fn a_key_id_is_the_one_of_the_go_package() {
        // golang.org/x/mod/sumdb/note, verifier key PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW.
        let encoded = STANDARD.decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let public: [u8; 32] = encoded[1..].try_into().unwrap();
        assert_eq!(NoteKey::ed25519("PeterNeumann", &public).unwrap().id(), [0xc7, 0x4f, 0x20, 0xa3]);
    }

    #[test]
    fn a_note_prints_as_it_was_read() {
        let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n";
        let mut note = Note::sign(text, key("a.example"), seal).unwrap();
        note.add_signature(key("witness.example"), seal);
        let again = Note::parse(&note.to_string()).unwrap();
        assert_eq!(again, note);
        assert_eq!(again.verify(knows(&["witness.example"])), Ok(text));
        assert_eq!(again.verify(knows(&["b.example"])), Err(NoteError::Unknown));
    }

    #[test]
    fn one_false_signature_of_a_known_key_spoils_the_note() {
        let mut note = Note::sign("hello\n", key("a.example"), seal).unwrap();
        note.add_signature(key("b.example"), |_| vec![0; 64]);
        assert_eq!(note.verify(knows(&["a.example"])), Ok("hello\n"));
        assert_eq!(note.verify(knows(&["a.example", "b.example"])), Err(NoteError::Forged));
        let edited = Note::parse(&note.to_string().replace("hello", "hullo")).unwrap();
        assert_eq!(edited.verify(knows(&["a.example"])), Err(NoteError::Forged));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let check = |text: &str, expected| assert_eq!(Note::parse(text), Err(expected), "{text:?}");
        check("", NoteError::BadSignatures);
        check("text\n", NoteError::BadSignatures);
        check("text\n\n", NoteError::BadSignatures);
        check("text\n\n— a AAAAAA==", NoteError::BadSignatures);
        check("text\n\n- a AAAAAA==\n", NoteError::BadSignatures);
        check("text\n\n— a AAAA\n", NoteError::BadSignatures);
        check("text\n\n— a+b AAAAAA==\n", NoteError::BadName);
        check("text\n\n—  AAAAAA==\n", NoteError::BadName);
        check("te\txt\n\n— a AAAAAA==\n", NoteError::BadText);
        check("text\r\n\r\n— a AAAAAA==\n", NoteError::BadText);
        check(&format!("text\n\n{}", "— a AAAAAA==\n".repeat(65)), NoteError::BadSignatures);
        assert!(Note::parse(&format!("text\n\n{}", "— a AAAAAA==\n".repeat(64))).is_ok());
        assert_eq!(Note::sign("text", key("a"), seal), Err(NoteError::BadText));
        assert_eq!(NoteKey::new("a b", [0; 4]), Err(NoteError::BadName));
    }
}
