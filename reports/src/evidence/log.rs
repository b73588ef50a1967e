//! The log of everything that was sealed or issued, as a verifier sees it: a public index that only grows and that says
//! nothing about anybody.
//!
//! An entry *commits* to a signed envelope under a salt that stands in the proof alone, so that a guess about a tenant
//! cannot be tried against the log; entries of one publication are sorted by their commitments, and padded with entries
//! that commit to nothing. Who holds the file and its proof can open its entry, and nobody can open another.

use super::trust::{Distrust, Role, Trust, Trusted};
use super::unfit::{Unfit, unfit};
use crate::when;
use serde_json::json;
use sim::chain::{Checkpoint, Digest, LogProof, LogProofError, Note, NoteError, NoteKey, Root};
use std::collections::VecDeque;

/// Bytes of a proof or of a checkpoint, at most.
pub const PROOF_MAX: usize = 64 << 10;

/// Entries of the published `index.json`, at most. All of them are in the tiles.
pub const INDEX_ENTRIES: usize = 1_024;

/// Bytes of an entry, at most.
pub const ENTRY_MAX: usize = 128;

const RULE: &str = "log";
const ENTRY_V1: &str = "cellproof-export/v1";
const COMMITMENT_V1: &[u8] = b"cellproof export commitment v1\n";

/// An entry of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it was logged, in seconds since 1970.
    pub at: u64,
    /// What it commits to; a random number for an entry that fills up.
    pub commitment: Digest,
}

/// What opens an entry: its time and its salt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// When it was logged, in seconds since 1970.
    pub at: u64,
    /// 32 random bytes.
    pub salt: [u8; 32],
}

/// Where something stands in a log that is believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Which log.
    pub origin: String,
    /// Position, from zero.
    pub index: u64,
    /// When it was logged, in seconds since 1970.
    pub at: u64,
    /// What the log had published when the proof was made.
    pub root: Root,
}

impl Entry {
    /// The bytes of the leaf: one line.
    pub fn bytes(&self) -> Vec<u8> {
        format!("{ENTRY_V1} {} {}\n", self.at, self.commitment).into_bytes()
    }

    /// The inverse of [`Entry::bytes`]; there is one way to write an entry.
    pub fn parse(bytes: &[u8]) -> Option<Entry> {
        let line = std::str::from_utf8(bytes).ok()?.strip_prefix(ENTRY_V1)?.strip_prefix(' ')?;
        let (at, commitment) = line.strip_suffix('\n')?.split_once(' ')?;
        let entry = Entry { at: at.parse().ok()?, commitment: commitment.parse().ok()? };
        (entry.bytes() == bytes).then_some(entry)
    }
}

impl Opening {
    /// The entry of an envelope.
    pub fn entry(&self, envelope: &[u8]) -> Entry {
        let commitment = Digest::of_parts(&[COMMITMENT_V1, &self.salt, &Digest::of(envelope).0]);
        Entry { at: self.at, commitment }
    }

    /// As it stands in a proof.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.at.to_be_bytes()[..], &self.salt].concat()
    }

    /// The inverse of [`Opening::bytes`].
    pub fn parse(bytes: &[u8]) -> Option<Opening> {
        let (at, salt) = bytes.split_first_chunk::<8>()?;
        Some(Opening { at: u64::from_be_bytes(*at), salt: salt.try_into().ok()? })
    }
}

/// Reads a proof; believes nothing yet.
///
/// # Errors
/// It is none, or opens no entry.
pub fn proof(text: &[u8]) -> Result<(LogProof, Opening), Unfit> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= PROOF_MAX);
    let text = text.ok_or_else(|| unfit(RULE, "the proof is no text, or too long"))?;
    let proof = LogProof::parse(text).map_err(|e| unfit(RULE, format!("the proof: {e}")))?;
    if proof.to_string() != text {
        return Err(unfit(RULE, "the proof is not written as proofs are"));
    }
    let opening = Opening::parse(proof.extra()).ok_or_else(|| unfit(RULE, "the proof opens no entry"))?;
    Ok((proof, opening))
}

/// Where an envelope stands in a log, by its proof and by the word of a log that is believed.
///
/// # Errors
/// The proof is of another envelope, leads nowhere, or its log is not believed.
pub fn listed(text: &[u8], envelope: &[u8], trust: &Trust, now: u64) -> Result<Listed, Unfit> {
    let (proof, opening) = proof(text)?;
    if opening.at > now {
        return Err(unfit(RULE, format!("logged at {}, which is in the future", when::text(opening.at))));
    }
    let (checkpoint, log) = believed(proof.checkpoint(), trust, opening.at, now)?;
    let origin = checkpoint.origin;
    let entry = opening.entry(envelope).bytes();
    let checked = proof.verify(&origin, &entry, |key, text, signature| accepts(log, key, text, signature));
    let (index, root) = checked.map_err(|error| match error {
        LogProofError::Proof(e) => unfit(RULE, format!("{origin} does not hold this: {e}")),
        other => unfit(RULE, other.to_string()),
    })?;
    Ok(Listed { origin, index, at: opening.at, root })
}

/// The checkpoint in a note, and the log that signed it, when that log is believed at the time of an entry.
///
/// # Errors
/// No key of the log that it names is known, or none that counts signed it.
pub fn believed<'t>(note: &Note, trust: &'t Trust, at: u64, now: u64) -> Result<(Checkpoint, &'t Trusted), Unfit> {
    let checkpoint = Checkpoint::parse(note.text_unverified()).ok_or_else(|| unfit(RULE, "not a checkpoint"))?;
    let origin = &checkpoint.origin;
    let logs: Vec<&Trusted> = trust.keys.iter().filter(|t| t.role == Role::Log && t.name == *origin).collect();
    if logs.is_empty() {
        return Err(unfit(RULE, format!("the list of keys names no log {origin:?}")));
    }
    for log in logs {
        match note.verify(|key, text, signature| accepts(log, key, text, signature)) {
            Ok(_) => {
                let distrusted = |distrust: Distrust| unfit(RULE, distrust.to_string());
                log.believed(Role::Log, at, now).map_err(distrusted)?;
                return Ok((checkpoint, log));
            }
            Err(NoteError::Unknown) => {}
            Err(e) => return Err(unfit(RULE, format!("the checkpoint of {origin:?}: {e}"))),
        }
    }
    Err(unfit(RULE, format!("no key that is known of {origin:?} signed its checkpoint")))
}

/// Whether a log's key made this signature; nothing for the signature of another key.
pub fn accepts(log: &Trusted, key: &NoteKey, text: &[u8], signature: &[u8]) -> Option<bool> {
    let own = NoteKey::ed25519(&log.name, log.key.ed25519()?).ok()?;
    (*key == own).then(|| log.key.verifies(text, signature))
}

/// Two checkpoints of one log and one size with different roots: the log showed different histories to different
/// people, and both checkpoints together prove it.
///
/// # Errors
/// They are such a pair.
pub fn one_view(a: &Listed, b: &Listed) -> Result<(), Unfit> {
    let split = a.origin == b.origin && a.root.size == b.root.size && a.root.hash != b.root.hash;
    let says = || format!("split view: {} signed two histories of {} entries", a.origin, a.root.size);
    if split { Err(unfit(RULE, says())) } else { Ok(()) }
}

/// The published `index.json`: what the log has signed, and its newest entries, for those who read no tiles.
///
/// # Panics
/// Never: a tree of values serialises.
pub fn index(checkpoint: &Checkpoint, note: &Note, newest: &VecDeque<Entry>) -> String {
    let Root { size, hash } = checkpoint.root;
    let first = size - newest.len() as u64;
    let entries = (first..).zip(newest).map(|(index, entry)| {
        json!({ "index": index.to_string(), "ts": when::text(entry.at), "commitment": entry.commitment })
    });
    let value = json!({
        "version": 1,
        "origin": checkpoint.origin,
        "size": size.to_string(),
        "root": hash,
        "checkpoint": note.to_string(),
        "entries": entries.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("a tree of values serialises") + "\n"
}

#[cfg(test)]
mod tests;
