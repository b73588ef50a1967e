//! A bundle of the Open Policy Agent, from its archive or its directory: what it holds, and its revision.
//!
//! The form is that of OPA's documentation of bundles: files of Rego and of data, a `.manifest` with the revision, and
//! `.signatures.json`. An archive is a tar that gzip compressed (RFC 1952), as `opa build` writes it.

use flate2::read::GzDecoder;
use models::policy::subject::Module;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name of the file that says which revision it is.
pub const MANIFEST: &str = ".manifest";
/// Name of the file that is signed.
pub const SIGNATURES: &str = ".signatures.json";

/// What a bundle may hold, in bytes: more is no policy, and perhaps a bomb.
const BYTES_MAX: u64 = 64 << 20;

/// A bundle.
pub struct Bundle {
    /// How it is called.
    pub name: String,
    /// Its files, by path from its root, with `/` between and none before.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Whether a path names an archive.
pub fn is_archive(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}

impl Bundle {
    /// Reads an archive, or a directory.
    ///
    /// # Errors
    /// It cannot be read, is no archive, or holds what no bundle holds.
    pub fn read(path: &Path) -> Result<Bundle, String> {
        let name = path.display().to_string();
        let files = if is_archive(path) { archive(path) } else { directory(path) };
        files.map(|files| Bundle { name: name.clone(), files }).map_err(|why| format!("{name}: {why}"))
    }

    /// Its modules, in order of path.
    ///
    /// # Errors
    /// One is no text, or there is none.
    pub fn modules(&self) -> Result<Vec<Module>, String> {
        let rego = self.files.iter().filter(|(path, _)| path.ends_with(".rego"));
        let module = |(path, bytes): (&String, &Vec<u8>)| {
            let file = format!("{}/{path}", self.name);
            let text = String::from_utf8(bytes.clone()).map_err(|_| format!("{file}: it is no UTF-8"))?;
            Ok(Module { file, text })
        };
        let modules: Vec<Module> = rego.map(module).collect::<Result<_, String>>()?;
        if modules.is_empty() {
            return Err(format!("{}: expected at least one file that ends in .rego", self.name));
        }
        Ok(modules)
    }

    /// The one file of data that it holds, with its text.
    ///
    /// # Errors
    /// There are several.
    pub fn data(&self) -> Result<Option<(String, String)>, String> {
        let is_data =
            |path: &str| path.rsplit('/').next().is_some_and(|name| ["data.json", "tenants.json"].contains(&name));
        let mut found = self.files.iter().filter(|(path, _)| is_data(path));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((path, bytes)), None) => {
                let file = format!("{}/{path}", self.name);
                Ok(Some((file, String::from_utf8_lossy(bytes).into_owned())))
            }
            (Some((one, _)), Some((other, _))) => {
                Err(format!("{}: {one} and {other}: expected one of them, by data", self.name))
            }
        }
    }

    /// The revision that its manifest names, if it names one.
    pub fn revision(&self) -> Option<String> {
        let manifest: Value = serde_json::from_slice(self.files.get(MANIFEST)?).ok()?;
        manifest["revision"].as_str().filter(|revision| !revision.is_empty()).map(str::to_owned)
    }
}

fn archive(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let told = |e: std::io::Error| e.to_string();
    let file = fs::File::open(path).map_err(told)?;
    let mut archive = tar::Archive::new(GzDecoder::new(file).take(BYTES_MAX));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(told)? {
        let mut entry = entry.map_err(told)?;
        let kind = entry.header().entry_type();
        let at = entry.path().map_err(told)?.display().to_string();
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            return Err(format!("{at} is neither a file nor a directory"));
        }
        let name = at.trim_start_matches("./").trim_start_matches('/').to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(told)?;
        // Of two files of one name one is signed and the other is read.
        if files.insert(name, bytes).is_some() {
            return Err(format!("it holds {at} twice"));
        }
    }
    Ok(files)
}

fn directory(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut files = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    let mut total = 0;
    while let Some(below) = left.pop() {
        let here = root.join(&below);
        let told = |e: std::io::Error| format!("{}: {e}", here.display());
        for entry in fs::read_dir(&here).map_err(told)? {
            let entry = entry.map_err(told)?;
            let path = below.join(entry.file_name());
            if entry.file_type().map_err(told)?.is_dir() {
                left.push(path);
                continue;
            }
            let bytes = fs::read(entry.path()).map_err(|e| format!("{}: {e}", entry.path().display()))?;
            total += bytes.len() as u64;
            if total > BYTES_MAX {
                return Err(format!("it holds more than {} MiB", BYTES_MAX >> 20));
            }
            let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            files.insert(parts.join("/"), bytes);
        }
    }
    Ok(files)
}
