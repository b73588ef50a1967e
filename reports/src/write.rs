//! Reports as files: each is written beside its place and renamed into it, so that a reader never sees half of one.

use crate::format::render_all;
use sim::record::GateRecord;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes every format into `dir`, which is made if it is missing. Returns the files in the order they were written.
///
/// # Errors
/// Whatever the file system says. Files that were finished before the error stay; no partial file does.
pub fn write_all(record: &GateRecord, dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(dir)?;
    let mut paths = Vec::new();
    render_all(record.clone(), |format, text| {
        let path = dir.join(format.file_name());
        write_atomically(&path, text.as_bytes())?;
        paths.push(path);
        Ok::<_, io::Error>(())
    })?;
    Ok(paths)
}

/// Writes a file whole or not at all.
///
/// # Errors
/// Whatever the file system says; the temporary file is removed first.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    // The process id keeps two writers of the same directory apart.
    let temporary = path.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        name_lasts(path)
    });
    if written.is_err() {
        // The first error is the one worth telling; a leftover is only untidy.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes the new name outlast the machine: on Unix a directory is synced like a file.
fn name_lasts(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}
