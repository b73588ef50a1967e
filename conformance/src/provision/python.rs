//! A Python with the libraries that read our formats.

use super::used;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names a Python that has the libraries.
pub const VALIDATORS: &str = "CELLPROOF_VALIDATORS";

/// What is imported to see whether they are there. The packages are listed in `.ci/run`.
const IMPORTS: &str = "import bagit, check_jsonschema, in_toto_attestation, junitparser, prometheus_client, \
                       ruamel.yaml, sarif, securesystemslib, trestle, zstandard";

/// The Python that the environment names, or one in the usual place of a private environment, or that on the path.
///
/// # Errors
/// Says what is absent.
pub fn validators() -> Result<PathBuf, String> {
    let named = env::var_os(VALIDATORS).map(PathBuf::from);
    let private = env::home_dir().map(|home| home.join(".cache/cellproof/validators/bin/python"));
    let candidates = match named {
        Some(named) => vec![named],
        None => private.into_iter().chain([PathBuf::from("python3")]).collect(),
    };
    let fit = candidates.iter().find(|python| has_libraries(python));
    let fit = fit.ok_or_else(|| format!("no Python with the libraries that read reports: {VALIDATORS} names one"))?;
    used("validators", &fit.display().to_string());
    Ok(fit.clone())
}

fn has_libraries(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", IMPORTS]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
