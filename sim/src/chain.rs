//! Evidence that cannot be changed quietly: hash chains, the RFC 6962 tree with its proofs, and the DSSE envelope.
//!
//! One tool per question, all over SHA-256 and none with a key of its own:
//!
//! | question | file | tool |
//! |---|---|---|
//! | was the order of these entries altered, by one who holds them all? | [`hash_chain`] | [`HashChain`] |
//! | is this entry in the log, did the log only grow? | [`tree`] | [`Tree`], [`Root`], two kinds of proof |
//! | how does a static web server serve it? | [`tiles`] | [`Edge`] to append, [`Tiled`] to prove |
//! | what did the log publish? | [`note`], [`checkpoint`] | [`Checkpoint`] in a [`Note`], [`LogProof`] file |
//! | who says so? | [`dsse`] | [`Envelope`] around a payload, signed by the caller's function |
//!
//! What none of them shows by itself: that the *end* is still there. A chain cut at its tail is a valid, shorter chain,
//! and a tree of yesterday is a valid tree. Whoever verifies brings a length and a head (or a [`Root`]) that they
//! already trust; and the signature in an envelope names a key, whose owner the verifier must know.
//!
//! Signing stays with the caller, as a function from bytes to bytes. There is no key, clock or randomness in here.

pub mod checkpoint;
pub mod digest;
pub mod dsse;
pub mod hash_chain;
pub mod note;
pub mod tiles;
pub mod tree;

pub use checkpoint::{Checkpoint, Growth, LogProof, LogProofError};
pub use digest::{Digest, NotADigest};
pub use dsse::{DsseError, Envelope, Signature, pae};
pub use hash_chain::{BadLink, HashChain};
pub use note::{Note, NoteError, NoteKey};
pub use tiles::{Edge, Tile, Tiled};
pub use tree::{ConsistencyProof, InclusionProof, ProofError, Root, Tree};
