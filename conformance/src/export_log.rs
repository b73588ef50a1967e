//! A transparency log in a directory, as a static web server can serve it: `checkpoint`, `index.json`, and the tiles of
//! C2SP `tlog-tiles`.
//!
//! Tiles are written before the checkpoint that speaks of them, so a publisher that is killed leaves the log as it was.
//! Whoever appends brings the checkpoint that the key signed *last*, kept with the key and not with the log: from
//! yesterday's backup, put back in its place, a second history would grow otherwise.

mod check;
mod seen;

pub use check::{Wanted, check};
pub use seen::{Seen, checkpoint, same_history};

use crate::exit::{Refusal, usage};
use crate::input;
use reports::evidence::log::{ENTRY_MAX, Entry, INDEX_ENTRIES, Opening, PROOF_MAX, index};
use reports::evidence::{PublicKey, SigningKey};
use reports::write::write_atomically;
use sim::chain::tiles::{FULL, WrongWidth, leaf_hash};
use sim::chain::{Checkpoint, Digest, Edge, Growth, LogProof, Note, NoteKey, Root, Tile, Tiled};
use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Name of the signed checkpoint.
const CHECKPOINT: &str = "checkpoint";
/// Name of the index for those who read no tiles.
const INDEX: &str = "index.json";
/// Taken by whoever appends.
const LOCK: &str = ".lock";

/// A log, as its directory shows it; nothing of it is believed.
pub struct ExportLog {
    dir: PathBuf,
    note: Note,
    checkpoint: Checkpoint,
}

/// The right to append, as long as it is held.
pub struct Pen {
    _lock: File,
    key: SigningKey,
    name: NoteKey,
}

impl From<WrongWidth> for Refusal {
    fn from(WrongWidth(tile): WrongWidth) -> Refusal {
        usage(format!("the log is damaged: {} has not the {} hashes that it should have", tile.path(), tile.width))
    }
}

impl Pen {
    /// Takes the right to append to the log of a directory, under the key of this origin.
    ///
    /// # Errors
    /// Somebody else has it, or the key is no Ed25519 key.
    pub fn take(dir: &Path, origin: &str, key: SigningKey) -> Result<Pen, Refusal> {
        let name = name(origin, key.public())?;
        let path = dir.join(LOCK);
        let failed = |e| usage(format!("failed to open {}: {e}", path.display()));
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Pen { _lock: lock, key, name }),
            Err(TryLockError::WouldBlock) => Err(usage(format!("somebody else appends to {}: wait", dir.display()))),
            // Some file systems know no locks; there it is up to whoever starts two publishers at once.
            Err(TryLockError::Error(e)) if e.kind() == std::io::ErrorKind::Unsupported => {
                Ok(Pen { _lock: lock, key, name })
            }
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    fn sign(&self, origin: &str, root: Root) -> Result<(Checkpoint, Note), Refusal> {
        let checkpoint = Checkpoint { origin: origin.to_owned(), root };
        let note = checkpoint.sign(self.name.clone(), |text| self.key.sign(text));
        let note = note.map_err(|e| usage(format!("{origin:?} cannot be the origin of a log: {e}")))?;
        Ok((checkpoint, note))
    }
}

/// The name of a log's key, as notes carry it.
fn name(origin: &str, key: &PublicKey) -> Result<NoteKey, Refusal> {
    let raw =
        key.ed25519().ok_or_else(|| usage("the key of a log is an Ed25519 key, made by `keys new --role log`"))?;
    NoteKey::ed25519(origin, raw).map_err(|e| usage(format!("{origin:?} cannot be the origin of a log: {e}")))
}

impl ExportLog {
    /// Makes a log without entries.
    ///
    /// # Errors
    /// The directory holds a log already, or cannot be written.
    pub fn found(dir: &Path, origin: &str, key: SigningKey) -> Result<ExportLog, Refusal> {
        let failed = |e| usage(format!("failed to make {}: {e}", dir.display()));
        // Asked first, so that a refusal leaves nothing behind.
        name(origin, key.public())?;
        fs::create_dir_all(dir).map_err(failed)?;
        let pen = Pen::take(dir, origin, key)?;
        if dir.join(CHECKPOINT).exists() {
            return Err(usage(format!("{} holds a log already; a log is never begun anew", dir.display())));
        }
        let (checkpoint, note) = pen.sign(origin, Root::empty())?;
        let log = ExportLog { dir: dir.to_owned(), note, checkpoint };
        log.publish(&VecDeque::new())?;
        Ok(log)
    }

    /// The log of a directory.
    ///
    /// # Errors
    /// There is none, or its checkpoint is none.
    pub fn open(dir: &Path) -> Result<ExportLog, Refusal> {
        let file = dir.join(CHECKPOINT);
        let (note, checkpoint) = checkpoint(&file, &input::bounded(&file, PROOF_MAX as u64)?)?;
        Ok(ExportLog { dir: dir.to_owned(), note, checkpoint })
    }

    /// The signed checkpoint, as it is published.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The tree behind the checkpoint.
    pub fn tree(&self) -> Tiled<impl FnMut(Tile) -> Result<Vec<Digest>, Refusal>> {
        Tiled::new(self.checkpoint.root.size, |tile| self.tile(tile))
    }

    /// Appends entries and publishes a checkpoint over them; returns where the first stands.
    ///
    /// # Errors
    /// Another key signs for this log, the directory is not what the key signed last, or it cannot be written.
    pub fn append(&mut self, pen: &Pen, seen: &mut Seen, entries: &[Entry]) -> Result<u64, Refusal> {
        let signed =
            self.note.verify(|key, text, sig| (*key == pen.name).then(|| pen.key.public().verifies(text, sig)));
        signed.map_err(|e| usage(format!("{}: its checkpoint is not by this key: {e}", self.dir.display())))?;
        let root = self.checkpoint.root;
        let mut edge = Edge::load(root.size, |tile| self.tile(tile))?;
        if edge.root() != root {
            return Err(usage(format!("the log is damaged: its tiles do not lead to the root of {CHECKPOINT}")));
        }
        seen.begins(self)?;
        let mut open = match Tile::leaves(root.size).last() {
            Some(tile) if tile.width < FULL => self.entries(tile)?,
            _ => Vec::new(),
        };
        let mut newest = self.newest()?;
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for entry in entries {
            open.push(entry.clone());
            edge.push(leaf_hash(&entry.bytes()), |tile, hashes| {
                files.push((tile.path(), flat(hashes)));
                if tile.level == 0 {
                    files.push((tile.path_of_entries(), framed(&std::mem::take(&mut open))));
                }
            });
            keep(&mut newest, entry.clone());
        }
        for (tile, hashes) in edge.partial() {
            files.push((tile.path(), flat(hashes)));
            if tile.level == 0 {
                files.push((tile.path_of_entries(), framed(&open)));
            }
        }
        for (path, bytes) in &files {
            self.write(path, bytes)?;
        }
        (self.checkpoint, self.note) = pen.sign(&self.checkpoint.origin, edge.root())?;
        self.publish(&newest)?;
        seen.remember(self)?;
        Ok(root.size)
    }

    /// The proof of the entry of an envelope.
    ///
    /// # Errors
    /// It is not there, or the log is damaged.
    pub fn prove(&self, index: u64, opening: &Opening, envelope: &[u8]) -> Result<String, Refusal> {
        let (root, origin) = (self.checkpoint.root, &self.checkpoint.origin);
        if index >= root.size {
            return Err(usage(format!("{origin} has {} entries, and this would be entry {index}", root.size)));
        }
        let proof = self.tree().prove_inclusion(index)?;
        let there = root.verify_inclusion(&opening.entry(envelope).bytes(), &proof);
        there.map_err(|e| usage(format!("{origin} does not hold this at {index}: {e}")))?;
        let proof = LogProof::new(&opening.bytes(), proof, self.note.clone());
        Ok(proof.expect("both are of the tree of this checkpoint").to_string())
    }

    /// That the log grew out of an older checkpoint.
    ///
    /// # Errors
    /// It did not, or is damaged.
    pub fn grown_from(&self, seen: &Seen) -> Result<String, Refusal> {
        seen.begins(self)?;
        let proof = self.tree().prove_consistency(seen.size())?;
        let growth = Growth::new(proof, self.note.clone());
        Ok(growth.expect("both are of the tree of this checkpoint").to_string())
    }

    fn publish(&self, newest: &VecDeque<Entry>) -> Result<(), Refusal> {
        self.write(CHECKPOINT, self.note.to_string().as_bytes())?;
        self.write(INDEX, index(&self.checkpoint, &self.note, newest).as_bytes())
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let file = self.dir.join(path);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| write_atomically(&file, bytes));
        made.map_err(|e| usage(format!("failed to write {}: {e}", file.display())))
    }

    fn tile(&self, tile: Tile) -> Result<Vec<Digest>, Refusal> {
        let bytes = input::bounded(&self.dir.join(tile.path()), FULL * 32)?;
        match bytes.as_chunks::<32>() {
            (hashes, []) => Ok(hashes.iter().map(|hash| Digest(*hash)).collect()),
            _ => Err(WrongWidth(tile).into()),
        }
    }

    /// The entries whose hashes are in a tile of level 0.
    fn entries(&self, tile: Tile) -> Result<Vec<Entry>, Refusal> {
        let path = tile.path_of_entries();
        let bytes = input::bounded(&self.dir.join(&path), FULL * (2 + ENTRY_MAX as u64))?;
        let entries = unframed(&bytes).filter(|entries| entries.len() as u64 == tile.width);
        entries
            .ok_or_else(|| usage(format!("the log is damaged: {path} holds not the {} entries it should", tile.width)))
    }

    /// The newest entries, as many as the index shows.
    fn newest(&self) -> Result<VecDeque<Entry>, Refusal> {
        let size = self.checkpoint.root.size;
        let shown = INDEX_ENTRIES / FULL as usize + 1;
        let mut newest = VecDeque::new();
        for tile in Tile::leaves(size).skip((size.div_ceil(FULL) as usize).saturating_sub(shown)) {
            self.entries(tile)?.into_iter().for_each(|entry| keep(&mut newest, entry));
        }
        Ok(newest)
    }
}

fn keep(newest: &mut VecDeque<Entry>, entry: Entry) {
    newest.push_back(entry);
    if newest.len() > INDEX_ENTRIES {
        newest.pop_front();
    }
}

fn flat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Entries as a file: each behind its length, two bytes, big-endian.
fn framed(entries: &[Entry]) -> Vec<u8> {
    let framed = entries.iter().flat_map(|entry| {
        let bytes = entry.bytes();
        [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
    });
    framed.collect()
}

fn unframed(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        entries.push(Entry::parse(entry)?);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}
