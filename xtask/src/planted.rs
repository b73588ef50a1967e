//! `cargo xtask planted`: plants each defect in turn and demands that the gate, or exploring, finds it.
//!
//! Teeth takes controls away; this makes the mistakes that people make in them and around them. One build has all
//! defects, and each process is told which one it has. Without any the gate must be green: a defect that is found in a
//! build that is red anyway proves nothing.

mod experiment;

use crate::built::Built;
use crate::exit::{Done, Exit};
use crate::house;
use crate::spawn::{self, Ended};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A whole gate on a busy machine.
const GATE_LIMIT: Duration = Duration::from_secs(1800);

/// Looks for all defects, or for those that are named.
pub fn run(args: &[String]) -> Done {
    let wishes = Wishes::parse(args)?;
    let root = house::root()?;
    let workbench = Workbench { place: house::target(&root).join("planted") };
    fs::create_dir_all(&workbench.place).map_err(|e| format!("failed to make {}: {e}", workbench.place.display()))?;
    workbench.build(&root)?;
    let all = workbench.defects()?;
    for name in &wishes.names {
        if !all.iter().any(|defect| defect.name == *name) {
            return Err(format!("there is no defect `{name}`; models/src/planted.rs lists them"));
        }
    }
    let named = |defect: &&Defect| wishes.names.is_empty() || wishes.names.contains(&defect.name);
    let chosen: Vec<&Defect> = all.iter().filter(named).collect();
    if wishes.experiment {
        return experiment::run(&workbench, &chosen, !wishes.names.is_empty());
    }
    if !workbench.is_green()? {
        println!("planted: without a defect the gate must be green; nothing is proved");
        return Ok(Exit::Nothing);
    }
    println!("{:<34} {:<8} {:>6}  found", "defect (conditions)", "by", "runs");
    let mut missed = 0;
    for defect in &chosen {
        let start = Instant::now();
        let caught = workbench.hunt(defect)?;
        println!("{}  {:.0} s", caught.line(defect), start.elapsed().as_secs_f64());
        missed += usize::from(!caught.is_whole());
    }
    println!("\nplanted: {} of {} defects are found and shrunk", chosen.len() - missed, chosen.len());
    Ok(match (chosen.is_empty(), missed) {
        (true, _) => Exit::Nothing,
        (false, 0) => Exit::Fine,
        (false, _) => Exit::Wrong,
    })
}

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    names: Vec<String>,
    experiment: bool,
}

impl Wishes {
    fn parse(args: &[String]) -> Result<Wishes, String> {
        let mut wishes = Wishes::default();
        for arg in args {
            match arg.as_str() {
                "--experiment" => wishes.experiment = true,
                flag if flag.starts_with('-') => return Err(format!("`planted` does not know `{flag}`")),
                name => wishes.names.push(name.to_owned()),
            }
        }
        Ok(wishes)
    }
}

/// A defect, as the build lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Defect {
    name: String,
    conditions: u32,
}

impl Defect {
    /// Reads a line of `list planted`: the name, the number of conditions, a sentence.
    fn parse(line: &str) -> Option<Defect> {
        let mut words = line.split_whitespace();
        Some(Defect { name: words.next()?.to_owned(), conditions: words.next()?.parse().ok()? })
    }
}

/// What a hunt said: columns of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Caught {
    by: String,
    runs: String,
    requirement: String,
    sizes: String,
}

impl Caught {
    fn parse(line: &str) -> Option<Caught> {
        let [_, by, runs, requirement, sizes, _] = line.trim_end().split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        let own = |text: &str| text.to_owned();
        Some(Caught { by: own(by), runs: own(runs), requirement: own(requirement), sizes: own(sizes) })
    }

    /// Whether it was found and made small.
    fn is_whole(&self) -> bool {
        self.by != "not found" && self.sizes.contains('→')
    }

    fn line(&self, defect: &Defect) -> String {
        let name = format!("{} ({})", defect.name, defect.conditions);
        format!("{name:<34} {:<8} {:>6}  {}, {}", self.by, self.runs, self.requirement, self.sizes)
    }
}

/// The build with all defects, and what it says.
struct Workbench {
    place: PathBuf,
}

impl Workbench {
    fn build(&self, root: &Path) -> Result<(), String> {
        let built = Built::release(root, &["planted"])?;
        // Dependencies are shared with the ordinary build; the program is taken away: nobody must run it by mistake.
        let (built, own) = (PathBuf::from(built.cellproof().get_program()), self.program());
        fs::rename(&built, &own).map_err(|e| format!("failed to move {} to {}: {e}", built.display(), own.display()))
    }

    fn program(&self) -> PathBuf {
        self.place.join("cellproof")
    }

    fn cellproof(&self) -> Command {
        let mut command = Command::new(self.program());
        command.current_dir(&self.place).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    fn said(command: &mut Command) -> Result<String, String> {
        let output = command.output().map_err(|e| format!("failed to start `{}`: {e}", spawn::shown(command)))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn defects(&self) -> Result<Vec<Defect>, String> {
        let said = Workbench::said(self.cellproof().args(["list", "planted"]))?;
        let defects: Option<Vec<Defect>> = said.lines().map(Defect::parse).collect();
        defects.filter(|all| !all.is_empty()).ok_or_else(|| format!("`list planted` said what is no list: {said}"))
    }

    fn is_green(&self) -> Result<bool, String> {
        let mut gate = self.cellproof();
        gate.args(["gate", "--out", "as-it-is", "--overwrite"]);
        Ok(spawn::logged(&mut gate, &self.place.join("as-it-is.log"), GATE_LIMIT)? == Ended::Code(0))
    }

    fn hunt(&self, defect: &Defect) -> Result<Caught, String> {
        let said = Workbench::said(self.cellproof().args(["hunt", "--planted", &defect.name]))?;
        Caught::parse(&said).ok_or_else(|| format!("`hunt --planted {}` said: {said}", defect.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_in_any_order() {
        let parse = |args: &[&str]| Wishes::parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["a.b", "--experiment"]), Ok(Wishes { names: vec!["a.b".into()], experiment: true }));
        assert!(parse(&["--experimnt"]).is_err());
    }

    #[test]
    fn what_was_not_found_or_not_made_small_is_missed() {
        let parse = |line: &str| Caught::parse(line).map(|caught| caught.is_whole());
        assert_eq!(parse("a.b\tgate\t7\tTEN-02 in x/y\t900 → 12 events, 3 → 1 faults\tcp1.…\n"), Some(true));
        assert_eq!(parse("a.b\tgate\t7\tTEN-02 in x/y\tnot shrunk\t-\n"), Some(false));
        assert_eq!(parse("a.b\tnot found\t-\t-\t-\t-\n"), Some(false));
        assert_eq!(parse("thread panicked"), None);
        assert_eq!(Defect::parse("a.b  3  it fails"), Some(Defect { name: "a.b".into(), conditions: 3 }));
        assert_eq!(Defect::parse("none"), None);
    }
}
