//! A Python with the libraries that read our formats, and environments of our own into which a package of the Python
//! index brings a program that Debian has no package of.

use super::{INSTALL, run, used};
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

/// Where an environment of ours lies.
pub fn environment(name: &str) -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache");
    cache.unwrap_or_else(home).join("cellproof").join(name)
}

/// What a package brings into an environment of ours, if it is there already or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn brought(name: &str, package: &str, found: impl Fn(&Path) -> Option<PathBuf>) -> Result<PathBuf, String> {
    let venv = environment(name);
    if let Some(path) = found(&venv) {
        return Ok(path);
    }
    if env::var_os(INSTALL).is_none() {
        return Err(format!("{name} is neither on the path nor in {}, and {INSTALL} is not set", venv.display()));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", package]))?;
    used(package, "installed by package name");
    found(&venv).ok_or_else(|| format!("{package} brought no {name}"))
}

fn has_libraries(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", IMPORTS]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
