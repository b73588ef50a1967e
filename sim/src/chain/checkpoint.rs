//! What a log publishes: its root as a checkpoint (C2SP `tlog-checkpoint@v1.0.0`), and the file that proves one entry
//! offline (`c2sp.org/tlog-proof@v1`).
//!
//! A proof file carries the signed checkpoint it leads to, so it can be checked with nothing but the log's public key.
//! Nobody signs its *extra* line: what stands there counts only as far as the entry commits to it.

use super::digest::Digest;
use super::note::{Note, NoteError, NoteKey};
use super::tree::{ConsistencyProof, InclusionProof, ProofError, Root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// First line of a proof file.
const PROOF_V1: &str = "c2sp.org/tlog-proof@v1";
/// No tree of 2⁶³ leaves needs more hashes; C2SP's own limit for consistency proofs.
const PATH_MAX: usize = 63;

/// A root of a named log: the text that is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which log: a URL without scheme, by custom. Not empty, and one line.
    pub origin: String,
    /// What it commits to.
    pub root: Root,
}

/// A proof file: index and path of one entry, and the signed checkpoint they lead to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogProof {
    extra: Vec<u8>,
    index: u64,
    path: Vec<Digest>,
    checkpoint: Note,
}

/// That a log only grew: its new checkpoint, and the way from an older one to it. In the form in which a log asks a
/// witness to cosign (C2SP `tlog-witness@v1`, the body of `add-checkpoint`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Growth {
    old_size: u64,
    path: Vec<Digest>,
    checkpoint: Note,
}

/// Why a proof file proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogProofError {
    /// The file, or the checkpoint in it, is not in its format.
    Format,
    /// The checkpoint is not believed.
    Note(NoteError),
    /// The checkpoint is of another log.
    Origin,
    /// The entry is not where the proof says.
    Proof(ProofError),
}

impl Checkpoint {
    /// The text of a checkpoint; `None` when it is not one. Extension lines are refused: nothing audits them.
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, hash) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.next().is_some() {
            return None;
        }
        Some(Checkpoint { origin: origin.to_owned(), root: Root { size: decimal(size)?, hash: hash_line(hash)? } })
    }

    /// Has the log's key sign the checkpoint.
    pub fn sign(&self, key: NoteKey, signer: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<Note, NoteError> {
        match Checkpoint::parse(&self.to_string()) {
            Some(same) if same == *self => Note::sign(&self.to_string(), key, signer),
            _ => Err(NoteError::BadText),
        }
    }
}

impl LogProof {
    /// Puts a proof and the signed checkpoint of the same tree into one file, with what else is needed to make the
    /// entry again.
    pub fn new(extra: &[u8], proof: InclusionProof, checkpoint: Note) -> Result<LogProof, LogProofError> {
        let root = Checkpoint::parse(checkpoint.text_unverified()).ok_or(LogProofError::Format)?.root;
        if proof.size != root.size {
            return Err(LogProofError::Proof(ProofError::WrongSize));
        }
        Ok(LogProof { extra: extra.to_vec(), index: proof.index, path: proof.path, checkpoint })
    }

    /// Reads a proof file; believes nothing yet.
    pub fn parse(text: &str) -> Result<LogProof, LogProofError> {
        let (head, note) = text.split_once("\n\n").ok_or(LogProofError::Format)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_V1) {
            return Err(LogProofError::Format);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => STANDARD.decode(&line["extra ".len()..]).map_err(|_| LogProofError::Format)?,
            None => Vec::new(),
        };
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?)).ok_or(LogProofError::Format)?;
        let path: Option<Vec<Digest>> = lines.take(PATH_MAX + 1).map(hash_line).collect();
        let path = path.filter(|path| path.len() <= PATH_MAX).ok_or(LogProofError::Format)?;
        let checkpoint = Note::parse(note).map_err(LogProofError::Note)?;
        Ok(LogProof { extra, index, path, checkpoint })
    }

    /// Where the entry stands, from zero; not believed yet.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What the file says besides; nobody signed it.
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The signed checkpoint; not believed yet.
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    /// Checks that the log `origin` holds `leaf`, under keys that `accepts` knows (see [`Note::verify`]). Returns where
    /// it stands, and the root it was proved under.
    pub fn verify(
        &self,
        origin: &str,
        leaf: &[u8],
        accepts: impl FnMut(&NoteKey, &[u8], &[u8]) -> Option<bool>,
    ) -> Result<(u64, Root), LogProofError> {
        let text = self.checkpoint.verify(accepts).map_err(LogProofError::Note)?;
        let checkpoint = Checkpoint::parse(text).ok_or(LogProofError::Format)?;
        if checkpoint.origin != origin {
            return Err(LogProofError::Origin);
        }
        let root = checkpoint.root;
        let proof = InclusionProof { index: self.index, size: root.size, path: self.path.clone() };
        root.verify_inclusion(leaf, &proof).map_err(LogProofError::Proof)?;
        Ok((self.index, root))
    }
}

impl Growth {
    /// Puts a proof and the signed checkpoint of the newer tree into one file.
    ///
    /// # Errors
    /// They are of different sizes, or the checkpoint is none.
    pub fn new(proof: ConsistencyProof, checkpoint: Note) -> Result<Growth, LogProofError> {
        let root = Checkpoint::parse(checkpoint.text_unverified()).ok_or(LogProofError::Format)?.root;
        if proof.new_size != root.size {
            return Err(LogProofError::Proof(ProofError::WrongSize));
        }
        Ok(Growth { old_size: proof.old_size, path: proof.path, checkpoint })
    }

    /// Reads a growth; believes nothing yet.
    ///
    /// # Errors
    /// The text is not in this form.
    pub fn parse(text: &str) -> Result<Growth, LogProofError> {
        let (head, note) = text.split_once("\n\n").ok_or(LogProofError::Format)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let path: Option<Vec<Digest>> = lines.take(PATH_MAX + 1).map(hash_line).collect();
        let path = path.filter(|path| path.len() <= PATH_MAX).ok_or(LogProofError::Format)?;
        let checkpoint = Note::parse(note).map_err(LogProofError::Note)?;
        Ok(Growth { old_size: old.ok_or(LogProofError::Format)?, path, checkpoint })
    }

    /// The signed checkpoint of the newer tree; not believed yet.
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }

    /// Checks that the tree with the root `new`, which is the checkpoint's, begins with the one with the root `old`.
    ///
    /// # Errors
    /// It does not, or the file does not show it.
    pub fn verify(&self, old: &Root, new: &Root) -> Result<(), LogProofError> {
        let (old_size, new_size) = (self.old_size, new.size);
        let proof = ConsistencyProof { old_size, new_size, path: self.path.clone() };
        new.verify_consistency(old, &proof).map_err(LogProofError::Proof)
    }
}

/// A number without sign or leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| digits)
}

fn hash_line(text: &str) -> Option<Digest> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Digest)
}

impl fmt::Display for Checkpoint {
    /// The text that is signed: origin, size, root hash, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.root.size, STANDARD.encode(self.root.hash))
    }
}

impl fmt::Display for LogProof {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_V1}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl fmt::Display for Growth {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl fmt::Display for LogProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogProofError::Format => f.write_str("not a proof of tlog-proof@v1 with a plain checkpoint"),
            LogProofError::Note(error) => error.fmt(f),
            LogProofError::Origin => f.write_str("the checkpoint is of another log"),
            LogProofError::Proof(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LogProofError {}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    const ORIGIN: &str = "example.com/log42";

    fn seal(text: &[u8]) -> Vec<u8> {
        Digest::of(text).0.to_vec()
    }

    fn accepts(key: &NoteKey, text: &[u8], signature: &[u8]) -> Option<bool> {
        (key.name() == ORIGIN).then(|| seal(text) == signature)
    }

    fn proof_of(leaves: u8, index: u64) -> LogProof {
        let mut tree = Tree::new();
        for leaf in 0..leaves {
            tree.append([leaf].as_slice());
        }
        let checkpoint = Checkpoint { origin: ORIGIN.into(), root: tree.root() };
        let note = checkpoint.sign(NoteKey::new(ORIGIN, [1, 2, 3, 4]).unwrap(), seal).unwrap();
        LogProof::new(b"salt", tree.prove_inclusion(index).unwrap(), note).unwrap()
    }

    #[test]
    fn the_checkpoint_of_the_specification_is_read() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.root.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_string(), text);
        for bad in [
            text.trim_end(),
            &text.replace("20852163", "020852163"),
            &text.replace("20852163", "+20852163"),
            &text.replace("20852163", ""),
            &text.replace("q2I=", ""),
            &text.replace("example.com/behind-the-sofa", ""),
            &format!("{text}extension\n"),
            &format!("{text}\n"),
            "",
        ] {
            assert_eq!(Checkpoint::parse(bad), None, "{bad:?}");
        }
        let two_lines = Checkpoint { origin: "a\nb".into(), root: Root::empty() };
        assert_eq!(two_lines.sign(NoteKey::new(ORIGIN, [0; 4]).unwrap(), seal), Err(NoteError::BadText));
    }

    #[test]
    fn a_proof_file_verifies_offline_and_only_for_its_entry_and_log() {
        for (leaves, index) in [(1, 0), (2, 1), (7, 6), (100, 42)] {
            let file = proof_of(leaves, index).to_string();
            let proof = LogProof::parse(&file).unwrap();
            assert_eq!(proof.to_string(), file);
            let (at, root) = proof.verify(ORIGIN, &[index as u8], accepts).unwrap();
            assert_eq!((at, root.size), (index, u64::from(leaves)));
            assert!(matches!(proof.verify(ORIGIN, &[200], accepts), Err(LogProofError::Proof(_))));
            assert_eq!(proof.verify("example.com/other", &[index as u8], accepts), Err(LogProofError::Origin));
            let unknown = proof.verify(ORIGIN, &[index as u8], |_, _, _| None);
            assert_eq!(unknown, Err(LogProofError::Note(NoteError::Unknown)));
        }
    }

    #[test]
    fn a_proof_file_that_was_edited_is_refused() {
        let file = proof_of(7, 3).to_string();
        assert_eq!(LogProof::parse(&file).unwrap().extra(), b"salt");
        let without_extra = file.replace("\nextra c2FsdA==", "");
        assert_ne!(without_extra, file);
        assert_eq!(LogProof::parse(&without_extra).unwrap().to_string(), without_extra);
        let check = |edited: String, expected: LogProofError| {
            assert_ne!(edited, file);
            let verdict = LogProof::parse(&edited).and_then(|proof| proof.verify(ORIGIN, &[3], accepts));
            assert_eq!(verdict, Err(expected), "{edited}");
        };
        check(file.replace("@v1", "@v2"), LogProofError::Format);
        check(file.replace("index 3", "index 03"), LogProofError::Format);
        check(file.replace("index 3", "index 2"), LogProofError::Proof(ProofError::WrongHash));
        check(file.replace("index 3", "index 9"), LogProofError::Proof(ProofError::OutOfRange));
        check(file.replace("\n7\n", "\n8\n"), LogProofError::Note(NoteError::Forged));
        check(file.replace("\nindex 3\n", "\nindex 3\nAAAA\n"), LogProofError::Format);
        check(file.replace("c2FsdA==", "c2FsdA"), LogProofError::Format);
        check(file.replace("\n\n", "\n"), LogProofError::Format);
    }

    #[test]
    fn a_proof_and_the_checkpoint_of_another_tree_do_not_go_together() {
        let LogProof { index, path, checkpoint, .. } = proof_of(7, 0);
        let error = LogProof::new(b"", InclusionProof { index, size: 5, path }, checkpoint).unwrap_err();
        assert_eq!(error, LogProofError::Proof(ProofError::WrongSize));
    }

    #[test]
    fn a_growth_shows_that_a_log_only_grew_and_nothing_else_does() {
        let mut tree = Tree::new();
        for leaf in 0..5_u8 {
            tree.append([leaf].as_slice());
        }
        let old = tree.root();
        for leaf in 5..9_u8 {
            tree.append([leaf].as_slice());
        }
        let checkpoint = Checkpoint { origin: ORIGIN.into(), root: tree.root() };
        let note = checkpoint.sign(NoteKey::new(ORIGIN, [1, 2, 3, 4]).unwrap(), seal).unwrap();
        let file = Growth::new(tree.prove_consistency(5).unwrap(), note.clone()).unwrap().to_string();
        let growth = Growth::parse(&file).unwrap();
        assert_eq!(growth.to_string(), file);
        assert_eq!(growth.checkpoint(), &note);
        assert_eq!(growth.verify(&old, &tree.root()), Ok(()));
        let other = Root { hash: Digest::of(b"another history"), ..old };
        assert_eq!(growth.verify(&other, &tree.root()), Err(LogProofError::Proof(ProofError::WrongHash)));
        let earlier = tree.root_at(4).unwrap();
        assert_eq!(growth.verify(&earlier, &tree.root()), Err(LogProofError::Proof(ProofError::WrongSize)));
        for bad in [file.replace("old 5", "old 05"), file.replace("old ", "size "), file.replace("\n\n", "\n")] {
            assert_eq!(Growth::parse(&bad), Err(LogProofError::Format), "{bad}");
        }
        let short = Growth::new(tree.prove_consistency(5).unwrap(), proof_of(7, 0).checkpoint).unwrap_err();
        assert_eq!(short, LogProofError::Proof(ProofError::WrongSize));
    }
}
