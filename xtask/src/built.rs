//! Programs of the house by a release build, all made at once.
//!
//! Cargo unites the features of whatever it is asked for, so a program that is asked for by itself makes half of the
//! libraries anew. The workshop asks for all of them, and starts what lies there.

use crate::{house, spawn};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A release build of every program and example of the workspace but the workshop itself.
pub struct Built {
    root: PathBuf,
    release: PathBuf,
}

impl Built {
    /// Builds what is not built yet, with these features in every crate that has them.
    ///
    /// # Errors
    /// Cargo did not start, or the house does not compile.
    pub fn release(root: &Path, features: &[&str]) -> Result<Built, String> {
        let mut cargo = spawn::cargo(root);
        cargo.args(["build", "--release", "--quiet", "--workspace", "--exclude", "xtask", "--bins", "--examples"]);
        if !features.is_empty() {
            cargo.arg("--features").arg(features.join(","));
        }
        if !spawn::succeeds(&mut cargo)? {
            return Err("the house does not compile".into());
        }
        Ok(Built { root: root.to_owned(), release: house::target(root).join("release") })
    }

    /// Starts the program that users start.
    pub fn cellproof(&self) -> Command {
        self.started("cellproof")
    }

    /// Starts an example.
    pub fn example(&self, name: &str) -> Command {
        self.started(&format!("examples/{name}"))
    }

    fn started(&self, name: &str) -> Command {
        let mut command = Command::new(self.release.join(name));
        command.current_dir(&self.root);
        command
    }
}
