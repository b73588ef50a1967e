//! Digests the code that decides a run, so that a token says which code it belongs to.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new("..");
    let mut files = Vec::new();
    for part in ["sim/src", "sim/turmoil/src", "models", "scenarios/src"] {
        println!("cargo::rerun-if-changed=../{part}");
        collect(&root.join(part), &mut files);
    }
    files.push(root.join("Cargo.lock"));
    println!("cargo::rerun-if-changed=../Cargo.lock");
    files.sort();
    let mut digest = Sha256::new();
    // Defects that can be planted are code, and what has none must not pass for what has some.
    digest.update([u8::from(std::env::var_os("CARGO_FEATURE_PLANTED").is_some())]);
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        digest.update(file.to_string_lossy().replace('\\', "/").as_bytes());
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    let hex: String = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
    println!("cargo::rustc-env=CELLPROOF_CODE={hex}");
    println!("cargo::rustc-env=CELLPROOF_TOOLCHAIN={}", toolchain());
}

/// What compiles it: `rustc 1.95.0 (…)`.
fn toolchain() -> String {
    let asked = std::env::var_os("RUSTC").map(|rustc| std::process::Command::new(rustc).arg("--version").output());
    let said = asked.and_then(Result::ok).map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.filter(|said| !said.is_empty()).unwrap_or_else(|| "unknown".into())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            // Tests and their snapshots decide no run.
            if !matches!(name.as_str(), "tests" | "snapshots" | "benches" | "target") {
                collect(&path, files);
            }
        } else if matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("rs" | "rego" | "jsonl" | "sql" | "toml" | "yaml" | "tsv")
        ) {
            files.push(path);
        }
    }
}
