//! The checkpoint of a log that somebody saw last: what shows that the log did not shrink and was not rewritten since.

use super::ExportLog;
use crate::exit::{Refusal, usage};
use crate::input;
use reports::evidence::log::PROOF_MAX;
use reports::write::write_atomically;
use sim::chain::{Checkpoint, Growth, Note};
use std::path::{Path, PathBuf};

/// A checkpoint in a file of its own.
pub struct Seen {
    file: PathBuf,
    checkpoint: Checkpoint,
}

impl Seen {
    /// The checkpoint in a file.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read(file: &Path) -> Result<Seen, Refusal> {
        let (_, checkpoint) = checkpoint(file, &input::bounded(file, PROOF_MAX as u64)?)?;
        Ok(Seen { file: file.to_owned(), checkpoint })
    }

    /// A new file, for a log that has just begun.
    ///
    /// # Errors
    /// It is there already, or cannot be written.
    pub fn new(file: &Path, log: &ExportLog) -> Result<Seen, Refusal> {
        let mut seen = Seen { file: file.to_owned(), checkpoint: log.checkpoint().clone() };
        seen.remember(log)?;
        Ok(seen)
    }

    /// Whether the log begins as it was seen.
    ///
    /// # Errors
    /// It is another log, it shrank, or it was rewritten.
    pub fn begins(&self, log: &ExportLog) -> Result<(), Refusal> {
        let (old, new) = (&self.checkpoint, log.checkpoint());
        same_history(&self.file.display().to_string(), old, log)?;
        debug_assert!(old.root.size <= new.root.size);
        Ok(())
    }

    /// Remembers what the log shows now.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&mut self, log: &ExportLog) -> Result<(), Refusal> {
        self.keep(log.checkpoint(), log.note())
    }

    fn keep(&mut self, checkpoint: &Checkpoint, note: &Note) -> Result<(), Refusal> {
        let written = write_atomically(&self.file, note.to_string().as_bytes());
        written.map_err(|e| usage(format!("failed to write {}: {e}", self.file.display())))?;
        self.checkpoint = checkpoint.clone();
        Ok(())
    }

    /// Goes on to a newer checkpoint, if the log grew from what was seen to it.
    ///
    /// # Errors
    /// It did not, or the file cannot be written.
    pub fn grows_to(&mut self, new: &Checkpoint, note: &Note, growth: &Growth) -> Result<(), Refusal> {
        let whose = self.file.display();
        if self.checkpoint.origin != new.origin {
            return Err(usage(format!(
                "{whose} is of the log {:?}, and this is {:?}",
                self.checkpoint.origin, new.origin
            )));
        }
        let grew = growth.verify(&self.checkpoint.root, &new.root);
        grew.map_err(|e| usage(format!("the log did not grow from {whose} to this checkpoint: {e}")))?;
        self.keep(new, note)
    }

    /// Entries that the log had.
    pub fn size(&self) -> u64 {
        self.checkpoint.root.size
    }
}

/// Whether a log begins with the tree of an older checkpoint, which `whose` names.
///
/// # Errors
/// It is another log, it shrank, or it was rewritten.
pub fn same_history(whose: &str, old: &Checkpoint, log: &ExportLog) -> Result<(), Refusal> {
    let new = log.checkpoint();
    if old.origin != new.origin {
        return Err(usage(format!("{whose} is of the log {:?}, and this is {:?}", old.origin, new.origin)));
    }
    if old.root.size > new.root.size {
        let (had, has) = (old.root.size, new.root.size);
        return Err(usage(format!("the log shrank: it had {had} entries by {whose}, and has {has}")));
    }
    let was = log.tree().root_at(old.root.size)?;
    if was != old.root {
        let said = format!("the log was rewritten: its first {} entries are not those of {whose}", old.root.size);
        return Err(usage(format!("{said}; both checkpoints together prove it")));
    }
    Ok(())
}

/// The checkpoint in a note, and the note; neither is believed.
///
/// # Errors
/// It is none.
pub fn checkpoint(file: &Path, bytes: &[u8]) -> Result<(Note, Checkpoint), Refusal> {
    let note = std::str::from_utf8(bytes).ok().and_then(|text| Note::parse(text).ok());
    let parsed = note.and_then(|note| Some((Checkpoint::parse(note.text_unverified())?, note)));
    let (checkpoint, note) = parsed.ok_or_else(|| usage(format!("{} is no signed checkpoint", file.display())))?;
    Ok((note, checkpoint))
}
