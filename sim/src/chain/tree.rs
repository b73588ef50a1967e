//! The Merkle tree of RFC 6962 (and RFC 9162): append, root, inclusion and consistency proofs, verification.
//!
//! Leaves are hashed with prefix 0x00 and nodes with 0x01, so no node can be passed off as a leaf. A proof carries the
//! sizes it speaks of and is checked against the root's: the same hashes would also fit trees of other sizes. The
//! arithmetic is that of `ct-merkle`; what is added is a form to store proofs in, roots of the past, and refusal of
//! sizes at which that crate would overflow.

use super::digest::Digest;
use ct_merkle::digest::Output;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;

/// Trees beyond this size are refused from outside: tree arithmetic doubles indices and must not overflow.
const SIZE_MAX: u64 = 1 << 62;

/// An append-only log in memory, with the root it had at every size.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: MemoryBackedTree<Sha256, Arc<[u8]>>,
    /// `roots[n]` is the root hash of the first n leaves.
    roots: Vec<Digest>,
}

/// What a log commits to: so many entries, with this hash. The thing to sign, to publish and to remember.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Root {
    /// Number of leaves.
    pub size: u64,
    /// Merkle tree hash (RFC 6962 §2.1); SHA-256 of nothing for the empty tree.
    pub hash: Digest,
}

/// That a leaf stands at an index of a tree (audit path, RFC 6962 §2.1.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Position of the leaf, from zero.
    pub index: u64,
    /// Size of the tree that it is proved for.
    pub size: u64,
    /// Hashes from the leaf's sibling up to below the root.
    pub path: Vec<Digest>,
}

/// That one tree is the beginning of another (RFC 6962 §2.1.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConsistencyProof {
    /// Size of the older tree.
    pub old_size: u64,
    /// Size of the newer tree.
    pub new_size: u64,
    /// The hashes of RFC 6962's `PROOF(old, D[new])`.
    pub path: Vec<Digest>,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofError {
    /// It speaks of a tree of another size than the root.
    WrongSize,
    /// The index lies outside of the tree, or the older tree is the larger one.
    OutOfRange,
    /// It has more or fewer hashes than trees of these sizes need.
    WrongLength,
    /// The hashes do not lead to the root.
    WrongHash,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Tree {
        let nodes = MemoryBackedTree::new();
        let empty = Digest((*nodes.root().as_bytes()).into());
        Tree { nodes, roots: vec![empty] }
    }

    /// Appends a leaf and returns its index.
    pub fn append(&mut self, leaf: impl Into<Arc<[u8]>>) -> u64 {
        let index = self.size();
        self.nodes.push(leaf.into());
        self.roots.push(Digest((*self.nodes.root().as_bytes()).into()));
        index
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.nodes.len()
    }

    /// A leaf, as it was appended.
    pub fn leaf(&self, index: u64) -> Option<&Arc<[u8]>> {
        self.nodes.get(usize::try_from(index).ok()?)
    }

    /// The present root.
    pub fn root(&self) -> Root {
        Root { size: self.size(), hash: self.roots[self.roots.len() - 1] }
    }

    /// The root that the tree had at an earlier size; `None` for a size it has not reached.
    pub fn root_at(&self, size: u64) -> Option<Root> {
        self.roots.get(usize::try_from(size).ok()?).map(|&hash| Root { size, hash })
    }

    /// Proof for a leaf under the present root; `None` for an index that was not appended.
    pub fn prove_inclusion(&self, index: u64) -> Option<InclusionProof> {
        if index >= self.size() {
            return None;
        }
        let proof = self.nodes.prove_inclusion(usize::try_from(index).ok()?);
        Some(InclusionProof { index, size: self.size(), path: digests(proof.as_bytes()) })
    }

    /// Proof that the tree of `old_size` is the beginning of the present one; `None` for a size it has not reached. It
    /// is empty for an unchanged tree, and for the empty one, which every tree begins with.
    pub fn prove_consistency(&self, old_size: u64) -> Option<ConsistencyProof> {
        let added = self.size().checked_sub(old_size)?;
        let path = match old_size {
            0 => Vec::new(),
            _ => digests(self.nodes.prove_consistency(usize::try_from(added).ok()?).as_bytes()),
        };
        Some(ConsistencyProof { old_size, new_size: self.size(), path })
    }
}

impl Root {
    /// The root of the tree without leaves.
    pub fn empty() -> Root {
        Root { size: 0, hash: Digest::of(b"") }
    }

    /// Checks that `leaf` stands at the proof's index of the tree with this root.
    pub fn verify_inclusion(&self, leaf: &[u8], proof: &InclusionProof) -> Result<(), ProofError> {
        use ct_merkle::InclusionVerifError as E;
        if proof.size != self.size {
            return Err(ProofError::WrongSize);
        }
        if self.size > SIZE_MAX || proof.index >= self.size {
            return Err(ProofError::OutOfRange);
        }
        let path: Vec<Output<Sha256>> = outputs(&proof.path);
        let path = ct_merkle::InclusionProof::from_digests(&path);
        self.inner().verify_inclusion(&leaf, proof.index, &path).map_err(|error| match error {
            E::MalformedProof => ProofError::WrongLength,
            E::IndexOutOfRange | E::TreeEmpty => ProofError::OutOfRange,
            E::IncorrectHash => ProofError::WrongHash,
        })
    }

    /// Checks that the tree with the root `old` is the beginning of the tree with this root: the log only grew.
    pub fn verify_consistency(&self, old: &Root, proof: &ConsistencyProof) -> Result<(), ProofError> {
        use ct_merkle::ConsistencyVerifError as E;
        if proof.old_size != old.size || proof.new_size != self.size {
            return Err(ProofError::WrongSize);
        }
        if self.size > SIZE_MAX || old.size > self.size {
            return Err(ProofError::OutOfRange);
        }
        if old.size == 0 {
            // RFC 6962 defines no proof from the empty tree, since there is nothing to prove but its one possible root.
            let true_empty = *old == Root::empty() && (self.size > 0 || self == old);
            return match (proof.path.is_empty(), true_empty) {
                (false, _) => Err(ProofError::WrongLength),
                (true, false) => Err(ProofError::WrongHash),
                (true, true) => Ok(()),
            };
        }
        let path: Vec<Output<Sha256>> = outputs(&proof.path);
        let path = ct_merkle::ConsistencyProof::from_digests(&path);
        self.inner().verify_consistency(&old.inner(), &path).map_err(|error| match error {
            E::MalformedProof => ProofError::WrongLength,
            E::OldTreeLarger | E::OldTreeEmpty | E::NewTreeTooBig => ProofError::OutOfRange,
            E::VerificationFailure => ProofError::WrongHash,
        })
    }

    fn inner(&self) -> ct_merkle::RootHash<Sha256> {
        ct_merkle::RootHash::new(self.hash.0.into(), self.size)
    }
}

/// Cuts a concatenation of hashes.
fn digests(bytes: &[u8]) -> Vec<Digest> {
    bytes.as_chunks::<32>().0.iter().map(|chunk| Digest(*chunk)).collect()
}

fn outputs(digests: &[Digest]) -> Vec<Output<Sha256>> {
    digests.iter().map(|digest| digest.0.into()).collect()
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProofError::WrongSize => "the proof speaks of a tree of another size",
            ProofError::OutOfRange => "the proof speaks of an index or size outside of the tree",
            ProofError::WrongLength => "the proof has not as many hashes as trees of these sizes need",
            ProofError::WrongHash => "the proof does not lead to the root",
        })
    }
}

impl std::error::Error for ProofError {}

#[cfg(test)]
mod tests;
