//! A published log, read whole by somebody who does not publish it: every entry under a signature that is believed,
//! grown from every checkpoint that is at hand, with every file in it that should be.

use crate::exit::{Refusal, usage};
use crate::export_log::{ExportLog, Seen, Wanted, check, checkpoint, same_history};
use crate::input;
use crate::logged::Logged;
use reports::evidence::Trust;
use reports::evidence::log::{PROOF_MAX, believed};
use sim::chain::{Checkpoint, Note};
use std::path::{Path, PathBuf};

/// Reads the log of a directory. `files` are bundles and certificates that have to be in it, and older checkpoints.
///
/// # Errors
/// The first thing that is not as it was signed, or not as somebody saw it before.
pub fn whole(
    dir: &Path,
    files: &[PathBuf],
    seen: Option<&Seen>,
    trust: &Trust,
    now: u64,
) -> Result<ExportLog, Refusal> {
    let log = ExportLog::open(dir)?;
    credible(dir, log.note(), trust, now, now)?;
    let mut wanted = Vec::new();
    for file in files {
        wanted.extend(expected(file, &log, trust, now)?);
    }
    if let Some(seen) = seen {
        seen.begins(&log)?;
    }
    check(&log, &wanted)?;
    Ok(log)
}

/// What a signed checkpoint says, if its signer is believed.
///
/// # Errors
/// Why not.
pub fn credible(file: &Path, note: &Note, trust: &Trust, at: u64, now: u64) -> Result<Checkpoint, Refusal> {
    let believed = believed(note, trust, at, now).map(|(checkpoint, _)| checkpoint);
    believed.map_err(|unfit| usage(format!("{} is not to be believed: {unfit}", file.display())))
}

/// What a file says that the log holds: an entry and an older checkpoint, or a checkpoint alone.
fn expected(file: &Path, log: &ExportLog, trust: &Trust, now: u64) -> Result<Option<Wanted>, Refusal> {
    let whose = file.display().to_string();
    let bytes = input::bounded(file, PROOF_MAX as u64)?;
    if let Ok((note, old)) = checkpoint(file, &bytes) {
        credible(file, &note, trust, now, now)?;
        same_history(&whose, &old, log)?;
        return Ok(None);
    }
    let carrier = Logged::read(file)?;
    let (proof, opening) = carrier.opened()?;
    let old = credible(file, proof.checkpoint(), trust, opening.at, now)?;
    same_history(&whose, &old, log)?;
    Ok(Some(Wanted { whose, index: proof.index(), entry: opening.entry(carrier.envelope()) }))
}
