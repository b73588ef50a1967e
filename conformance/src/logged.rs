//! A file that is or can be in a log: a bundle, which carries its proof inside, or a signed envelope with its proof
//! beside it.

use crate::exit::{Refusal, usage};
use crate::input;
use reports::evidence::bundle::{BUNDLE_MAX, Parts};
use reports::evidence::log::{Opening, PROOF_MAX, proof};
use reports::evidence::{Unfit, envelope};
use reports::write::write_atomically;
use sim::chain::LogProof;
use std::path::{Path, PathBuf};

/// Ending of a proof that lies beside its envelope (C2SP `tlog-proof`).
const ENDING: &str = "tlog-proof";

/// A file and its proof; neither is believed.
pub struct Logged {
    file: PathBuf,
    envelope: Vec<u8>,
    proof: Option<Vec<u8>>,
    is_bundle: bool,
}

impl Logged {
    /// Reads a file, and the proof in it or beside it.
    ///
    /// # Errors
    /// It cannot be read, or is neither a bundle nor an envelope.
    pub fn read(file: &Path) -> Result<Logged, Refusal> {
        let bytes = input::bounded(file, BUNDLE_MAX)?;
        let neither =
            |unfit: Unfit| usage(format!("{} is neither a bundle nor a signed file: {unfit}", file.display()));
        let file = file.to_owned();
        if bytes.first() == Some(&b'{') {
            envelope::read(&bytes, "envelope", "it").map_err(neither)?;
            let beside = beside(&file);
            let proof = if beside.exists() { Some(input::bounded(&beside, PROOF_MAX as u64)?) } else { None };
            return Ok(Logged { file, envelope: bytes, proof, is_bundle: false });
        }
        let parts = Parts::of(&bytes).map_err(neither)?;
        Ok(Logged { file, envelope: parts.seal, proof: parts.proof, is_bundle: true })
    }

    /// What is logged: the signed envelope.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    /// The proof that it is in a log.
    pub fn proof(&self) -> Option<&[u8]> {
        self.proof.as_deref()
    }

    /// The proof, read, and what opens its entry.
    ///
    /// # Errors
    /// There is none, or it is not in its format.
    pub fn opened(&self) -> Result<(LogProof, Opening), Refusal> {
        let name = self.file.display();
        let text = self.proof().ok_or_else(|| usage(format!("{name} has no proof: it is in no log yet")))?;
        proof(text).map_err(|unfit| usage(format!("{name}: {unfit}")))
    }

    /// Puts a proof into the file, or beside it.
    ///
    /// # Errors
    /// It cannot be written; what was there stays.
    pub fn prove(&self, proof: &str) -> Result<(), Refusal> {
        let (file, bytes) = if self.is_bundle {
            let bytes = input::bounded(&self.file, BUNDLE_MAX)?;
            let parts = Parts::of(&bytes).ok().filter(|parts| parts.seal == self.envelope);
            let parts = parts.ok_or_else(|| usage(format!("{} was changed meanwhile", self.file.display())))?;
            (self.file.clone(), Parts { proof: Some(proof.into()), ..parts }.bytes())
        } else {
            (beside(&self.file), proof.into())
        };
        write_atomically(&file, &bytes).map_err(|e| usage(format!("failed to write {}: {e}", file.display())))
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ENDING);
    name.into()
}
