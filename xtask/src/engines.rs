//! `cargo xtask engines`: the same scenarios on every engine, and where they disagree.
//!
//! Each engine is a small program that runs the engine forms and prints what each run told. madsim stands outside the
//! workspace, because it needs its own configuration of the whole build and must never be linked with the rest; so its
//! tests run here too ([`madsim_tests`]), and in no other command.

mod planted;

use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where an engine's program is built, and how it is started.
struct Engine {
    name: &'static str,
    /// Where cargo is started: the folder whose configuration counts.
    folder: &'static str,
    /// What cargo is told.
    start: &'static [&'static str],
}

impl Engine {
    /// Starts it, built with these features.
    fn command(&self, root: &Path, features: &[&str]) -> Command {
        let mut command = spawn::cargo(&root.join(self.folder));
        command.args(self.start);
        if !features.is_empty() {
            command.arg("--features").arg(features.join(","));
        }
        command.arg("--");
        command
    }
}

const KERNEL: Engine = Engine {
    name: "kernel",
    folder: "",
    start: &["run", "--quiet", "--release", "-p", "scenarios", "--example", "engines"],
};

/// madsim's own folder.
const MADSIM: &str = "sim/madsim";

const OTHERS: &[Engine] = &[
    Engine {
        name: "madsim",
        folder: MADSIM,
        start: &["run", "--quiet", "--release", "--locked", "--bin", "sim-madsim"],
    },
    Engine {
        name: "turmoil",
        folder: "",
        start: &["run", "--quiet", "--release", "-p", "sim-turmoil", "--example", "tell"],
    },
];

/// Runs every engine and compares each with the kernel; `args` name scenarios, a seed, and a defect for the others,
/// which must then be noticed in every run. With `--planted` they name defects of the models instead, which must show
/// on every engine that they show on the kernel.
pub fn run(args: &[String]) -> Done {
    let root = house::root()?;
    let folder = house::target(&root).join("engines");
    std::fs::create_dir_all(&folder).map_err(|e| format!("failed to make {}: {e}", folder.display()))?;
    if let Some((_, names)) = args.split_first().filter(|(first, _)| *first == "--planted") {
        return planted::run(&root, &folder, names);
    }
    let undefected = without_defect(args)?;
    let mut files = vec![told(&root, &folder, &KERNEL, &undefected)?];
    for engine in OTHERS {
        files.push(told(&root, &folder, engine, args)?);
    }
    let mut compare = KERNEL.command(&root, &[]);
    compare.arg("compare").args((undefected.len() < args.len()).then_some("--defect"));
    let status = compare.args(&files).status().map_err(|e| format!("failed to compare: {e}"))?;
    match status.code() {
        Some(0) => Ok(Exit::Fine),
        Some(1) => Ok(Exit::Wrong),
        Some(3) => Ok(Exit::Nothing),
        _ => Err("the engines could not be compared".into()),
    }
}

/// Runs the tests of the engine that no test of the workspace reaches.
pub fn madsim_tests(root: &Path) -> Result<bool, String> {
    spawn::succeeds(spawn::cargo(&root.join(MADSIM)).args(["test", "--release", "--locked"]))
}

/// Has an engine run, and keeps what it told in a file.
fn told(root: &Path, folder: &Path, engine: &Engine, args: &[String]) -> Result<PathBuf, String> {
    let mut command = engine.command(root, &[]);
    let lines = spawn::output(command.args((engine.name == KERNEL.name).then_some("kernel")).args(args))?;
    let file = folder.join(format!("{}.jsonl", engine.name));
    std::fs::write(&file, lines).map_err(|e| format!("failed to write {}: {e}", file.display()))?;
    Ok(file)
}

/// The kernel has no adapter that could have a defect.
fn without_defect(args: &[String]) -> Result<Vec<String>, String> {
    let mut args = args.to_vec();
    while let Some(i) = args.iter().position(|arg| arg == "--defect") {
        if i + 1 == args.len() {
            return Err("--defect needs a value: lose:N or swap:N".into());
        }
        args.drain(i..=i + 1);
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_for_the_others() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(without_defect(&args("fuzz/ --defect lose:7 --seed 2")), Ok(args("fuzz/ --seed 2")));
        assert!(without_defect(&args("fuzz/ --defect")).is_err());
    }
}
