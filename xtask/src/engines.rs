//! `cargo xtask engines`: the same scenarios on every engine, and where they disagree.
//!
//! Each engine is a small program that runs the engine forms and prints what each run told. madsim stands outside the
//! workspace, because it needs its own configuration of the whole build and must never be linked with the rest; so its
//! tests run here too ([`madsim_tests`]), and in no other command.

mod planted;

use crate::built::Built;
use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An engine, and the program that runs forms on it.
struct Engine {
    name: &'static str,
    program: Program,
}

/// Where an engine's program comes from.
enum Program {
    /// An example of the workspace.
    Example(&'static str),
    /// A program of the crate that stands in its own folder, because its configuration counts.
    Apart { folder: &'static str, name: &'static str },
}

const KERNEL: Engine = Engine { name: "kernel", program: Program::Example("engines") };

/// madsim's own folder.
pub const MADSIM: &str = "sim/madsim";

const OTHERS: &[Engine] = &[
    Engine { name: "madsim", program: Program::Apart { folder: MADSIM, name: "sim-madsim" } },
    Engine { name: "turmoil", program: Program::Example("tell") },
];

/// The engines' programs, built with the same features.
struct Engines<'a> {
    root: &'a Path,
    built: Built,
    features: &'a [&'a str],
}

impl<'a> Engines<'a> {
    fn build(root: &'a Path, features: &'a [&'a str]) -> Result<Engines<'a>, String> {
        Ok(Engines { root, built: Built::release(root, features)?, features })
    }

    /// Starts one.
    fn command(&self, engine: &Engine) -> Command {
        match engine.program {
            Program::Example(name) => self.built.example(name),
            Program::Apart { folder, name } => apart(self.root, folder, name, self.features),
        }
    }
}

/// Starts a program of a crate that stands apart from the workspace.
pub fn apart(root: &Path, folder: &str, name: &str, features: &[&str]) -> Command {
    let mut command = spawn::cargo(&root.join(folder));
    command.args(["run", "--quiet", "--release", "--locked", "--bin", name]);
    if !features.is_empty() {
        command.arg("--features").arg(features.join(","));
    }
    command.arg("--");
    command
}

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
    let engines = Engines::build(&root, &[])?;
    let mut files = vec![told(&engines, &folder, &KERNEL, &undefected)?];
    for engine in OTHERS {
        files.push(told(&engines, &folder, engine, args)?);
    }
    let mut compare = engines.command(&KERNEL);
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
fn told(engines: &Engines, folder: &Path, engine: &Engine, args: &[String]) -> Result<PathBuf, String> {
    let mut command = engines.command(engine);
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
