//! Which files are judged, and over which data.

use crate::exit::{Refusal, usage};
use crate::input::read;
use models::config::{Inputs, Tenants};
use models::policy::PolicyData;
use models::policy::judge;
use models::policy::subject::Module;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The data of a judgement.
pub struct Data {
    /// As the reference knows it.
    pub known: PolicyData,
    /// As the policy sees it.
    pub seen: Value,
    /// Where it comes from.
    pub from: String,
}

/// Names under which a bundle carries its data.
const DATA_FILES: [&str; 2] = ["data.json", "tenants.json"];

/// The modules of a file or a directory, in order of path.
///
/// # Errors
/// A file that cannot be read, or a directory without a policy.
pub fn modules(path: &Path) -> Result<Vec<Module>, Refusal> {
    let files = if path.is_dir() { below(path, &|file| has_end(file, "rego"))? } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(usage(format!("{}: expected at least one file that ends in .rego", path.display())));
    }
    files.iter().map(|file| Ok(Module { file: file.display().to_string(), text: read(file)? })).collect()
}

/// The data that is given, or else lies in the directory, or else is embedded.
///
/// # Errors
/// Data that cannot be read, or more than one to choose from.
pub fn data(path: &Path, given: Option<&Path>) -> Result<Data, Refusal> {
    let is_data = |file: &Path| DATA_FILES.iter().any(|name| file.file_name().is_some_and(|n| n == *name));
    let found = match given {
        Some(given) => vec![given.to_owned()],
        None if path.is_dir() => below(path, &is_data)?,
        None => Vec::new(),
    };
    match found.as_slice() {
        [] => Ok(embedded()),
        [file] => from_file(file),
        [one, two, ..] => {
            Err(usage(format!("{} and {}: expected one of them, by --data", one.display(), two.display())))
        }
    }
}

/// The tenants of the reference platform.
pub fn embedded() -> Data {
    let known = PolicyData::from_tenants(&Inputs::embedded().tenants);
    let seen = known.to_json();
    Data { known, seen, from: "the embedded tenants".into() }
}

fn from_file(file: &Path) -> Result<Data, Refusal> {
    let (name, text) = (file.display().to_string(), read(file)?);
    let (known, seen) = if has_end(file, "yaml") || has_end(file, "yml") {
        let vocabulary = &Inputs::embedded().platform.vocabulary;
        let tenants = Tenants::parse(&name, &text, vocabulary).map_err(|problems| usage(problems.to_string()))?;
        let known = PolicyData::from_tenants(&tenants);
        let seen = known.to_json();
        (known, seen)
    } else {
        judge::data(&text).map_err(|e| usage(format!("{name}: {e}")))?
    };
    Ok(Data { known, seen, from: name })
}

fn has_end(file: &Path, end: &str) -> bool {
    file.extension().is_some_and(|e| e == end)
}

/// Files below a directory that fit, sorted.
fn below(directory: &Path, fits: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Refusal> {
    let failed = |e: std::io::Error| usage(format!("failed to read {}: {e}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            files.extend(below(&path, fits)?);
        } else if fits(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
