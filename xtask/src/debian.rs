//! Root file systems of Debian, from its packages alone, for what cannot be had where no registry can be reached.

use crate::spawn;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs};

/// Names the mirror of Debian, where nothing is said on the command line.
const MIRROR: &str = "CELLPROOF_MIRROR";
/// The mirror where nothing else is said.
const MIRROR_USUAL: &str = "http://deb.debian.org/debian";

/// The mirror, where nothing is said on the command line.
pub fn mirror() -> String {
    env::var(MIRROR).unwrap_or_else(|_| MIRROR_USUAL.to_owned())
}

/// What a root file system is made of.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// The release.
    pub suite: &'static str,
    /// What is installed beside what every Debian has, with commas between.
    pub packages: &'static str,
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.suite, self.packages)
    }
}

impl Recipe {
    /// The root file system, made in `home` unless it is there: it is whole once its recipe lies beside it.
    ///
    /// # Errors
    /// What is missing, or where the failure is told.
    pub fn root(&self, home: &Path, mirror: &str) -> Result<PathBuf, String> {
        let (root, said) = (home.join("root"), home.join("recipe"));
        let recipe = self.to_string();
        if fs::read_to_string(&said).is_ok_and(|text| text == recipe) {
            println!("{} is there already, by the same recipe", root.display());
            return Ok(root);
        }
        if !quietly(Command::new("sh").args(["-c", "command -v debootstrap && [ \"$(id -u)\" = 0 ]"])) {
            return Err("making a root file system needs root, and the package `debootstrap`: \
                        `apt-get install debootstrap`"
                .into());
        }
        // One that broke off may still have file systems of the kernel in it, which are not ours to remove.
        let remove = spawn::succeeds(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&root).arg(&said))?;
        fs::create_dir_all(home).map_err(|e| format!("failed to make {}: {e}", home.display()))?;
        let mut make = Command::new("debootstrap");
        make.args(["--variant=minbase", &format!("--include={}", self.packages), self.suite]).arg(&root).arg(mirror);
        if !remove || !spawn::succeeds(make.stdout(Stdio::null()))? {
            let log = root.join("debootstrap/debootstrap.log");
            return Err(format!("`debootstrap` failed; {} says why", log.display()));
        }
        fs::write(&said, recipe).map_err(|e| format!("failed to write {}: {e}", said.display()))?;
        Ok(root)
    }
}

/// Whether a command succeeds, which says nothing.
pub fn quietly(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_file_system_by_the_same_recipe_is_not_made_again() {
        let home = env::temp_dir().join(format!("xtask-debian-{}", std::process::id()));
        fs::create_dir_all(&home).expect("a directory");
        fs::write(home.join("recipe"), "sid ours").expect("a file");
        let recipe = Recipe { suite: "sid", packages: "ours" };
        assert_eq!(recipe.root(&home, "http://nowhere.invalid"), Ok(home.join("root")));
        fs::remove_dir_all(&home).expect("a directory");
    }
}
