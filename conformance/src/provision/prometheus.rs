//! `promtool` of Prometheus: it checks rules and samples, and evaluates rules over samples, without a server.

use super::{install, program};
use std::path::PathBuf;

/// The program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn promtool() -> Result<PathBuf, String> {
    let found = || program("promtool", &[PathBuf::from("/usr/bin")]);
    match found() {
        Some(path) => Ok(path),
        None => {
            install("prometheus")?;
            found().ok_or_else(|| "the package prometheus brought no promtool".to_owned())
        }
    }
}
