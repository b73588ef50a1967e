//! What travels between cells: batches of records with digest and signature, and acknowledgements.
//!
//! The signature covers every field but itself, positions included: a batch cannot be moved to another topic, offset or
//! cell. Acknowledgements carry no signature; see the module on why a forged one does no harm.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
pub use crate::wire::mirror::{MirrorAck, MirrorBatch, MirrorRecord};
use sha2::{Digest, Sha256};

/// The sink applies only batches whose digest and signature are the source cell's.
pub const BATCH_SIGNATURE: Control = control!(
    "mirror.batch-signature",
    upholds: ["EVT-06"],
    off: "batches are applied as they come, as from a mirror that trusts the network between cells",
);

/// Signs with the key of one cell (Ed25519).
pub trait Signer {
    /// The signature of `message`.
    fn sign(&self, message: &[u8]) -> Bytes;
}

/// Knows the public keys of cells.
pub trait Verifier {
    /// Whether `signature` is the signature of `message` by the key of `cell`.
    fn verify(&self, cell: &str, message: &[u8], signature: &[u8]) -> bool;
}

impl MirrorBatch {
    /// Fills in digest and signature.
    #[must_use]
    pub fn signed(mut self, signer: &dyn Signer) -> MirrorBatch {
        self.digest = self.content_digest();
        self.signature = signer.sign(&self.digest);
        self
    }

    /// Whether the batch may be applied as far as its authenticity goes.
    pub fn is_authentic(&self, controls: &Controls, verifier: &dyn Verifier) -> bool {
        if controls.on(&BATCH_SIGNATURE) {
            let intact = self.content_digest() == self.digest;
            return intact && verifier.verify(&self.source_cell, &self.digest, &self.signature);
        }
        true
    }

    /// SHA-256 over an encoding in which every variable part has its length in front.
    fn content_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"mirror batch 1");
        text(&mut hash, &self.source_cell);
        text(&mut hash, &self.topic);
        number(&mut hash, u64::from(self.partition));
        number(&mut hash, self.from);
        number(&mut hash, self.next);
        number(&mut hash, u64::from(self.start));
        number(&mut hash, self.records.len() as u64);
        for MirrorRecord { offset, record } in self.records.iter() {
            number(&mut hash, *offset);
            number(&mut hash, record.timestamp.as_nanos());
            optional(&mut hash, record.key.as_deref());
            optional(&mut hash, Some(&record.value));
            optional(&mut hash, record.headers.origin_cell.as_deref().map(str::as_bytes));
            optional(&mut hash, record.headers.tenant.as_deref().map(str::as_bytes));
            number(&mut hash, record.headers.source_offset.unwrap_or(u64::MAX));
            let spilled = record.headers.spilled.as_ref();
            optional(&mut hash, spilled.map(|spilled| spilled.cell.as_bytes()));
            let under_way = spilled.and_then(|spilled| spilled.under_way);
            number(&mut hash, u64::from(under_way.is_some()));
            if let Some(stamp) = under_way {
                number(&mut hash, stamp.id);
                number(&mut hash, u64::from(stamp.epoch));
                number(&mut hash, u64::from(stamp.base_sequence));
            }
        }
        hash.finalize().into()
    }
}

fn number(hash: &mut Sha256, number: u64) {
    hash.update(number.to_le_bytes());
}

fn text(hash: &mut Sha256, text: &str) {
    optional(hash, Some(text.as_bytes()));
}

fn optional(hash: &mut Sha256, bytes: Option<&[u8]>) {
    number(hash, bytes.map_or(u64::MAX, |b| b.len() as u64));
    hash.update(bytes.unwrap_or_default());
}
