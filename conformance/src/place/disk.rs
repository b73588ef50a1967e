//! A directory: a log that grows line by line under a lock, and what is needed to leave nothing half done.

use super::{LOG, Pen, TIMINGS};
use crate::exit::{Refusal, usage};
use reports::Format;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A killed process loses nothing that it wrote; a machine that loses its power loses at most this much.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// The path of a `file` URL.
pub fn decoded(path: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (hex, after) = rest.split_at_checked(2)?;
        let digit = |b: u8| char::from(b).to_digit(16);
        bytes.push((digit(hex[0])? * 16 + digit(hex[1])?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

/// The log of a directory, open and locked.
pub struct DiskPen {
    file: File,
    path: PathBuf,
    /// Length up to the end of the last whole line.
    len: u64,
    synced: Instant,
}

impl DiskPen {
    /// Opens the log, locks it, and clears away what a killed process left half written beside it.
    pub fn take(dir: &Path) -> Result<DiskPen, Refusal> {
        let path = dir.join(LOG);
        let failed = |e: io::Error| usage(format!("failed to open {}: {e}", path.display()));
        let file = File::options().read(true).append(true).create(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(usage(format!(
                    "another cellproof is at work in {}: wait, or give another --out",
                    dir.display()
                )));
            }
            // Some file systems know no locks; there it is up to whoever starts two sweeps in one directory.
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        sweep_up(dir);
        let len = file.metadata().map_err(failed)?.len();
        Ok(DiskPen { file, path, len, synced: Instant::now() })
    }

    fn failed(&self, e: io::Error) -> Refusal {
        usage(format!("failed to write {}: {e}", self.path.display()))
    }
}

impl Pen for DiskPen {
    fn cut(&mut self, whole: u64) -> Result<(), Refusal> {
        if whole < self.len {
            self.file.set_len(whole).and_then(|()| self.file.sync_all()).map_err(|e| self.failed(e))?;
            self.len = whole;
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Refusal> {
        match self.file.write_all(line) {
            Ok(()) => {
                self.len += line.len() as u64;
                Ok(())
            }
            Err(e) => {
                // What is left of the line, if this fails too, is cut off by whoever goes on.
                let _ = self.file.set_len(self.len);
                Err(self.failed(e))
            }
        }
    }

    fn sync(&mut self, now: bool) -> Result<bool, Refusal> {
        if !now && self.synced.elapsed() < SYNC_EVERY {
            return Ok(false);
        }
        self.file.sync_data().map_err(|e| self.failed(e))?;
        self.synced = Instant::now();
        Ok(true)
    }
}

/// Removes temporary files of our own names. What cannot be removed is only untidy.
fn sweep_up(dir: &Path) {
    let names = Format::ALL.map(Format::file_name);
    let ours: Vec<String> = names.into_iter().chain([TIMINGS]).map(|name| format!(".{name}.")).collect();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".tmp") && ours.iter().any(|prefix| name.starts_with(prefix)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
