//! `cargo xtask engines --planted [NAME…]`: a planted defect that shows in the kernel's run of an engine form must show
//! on the other engines, and everything else in the runs with every control on must be told alike.
//!
//! Which defects fit the forms is found out, and not written down: each is planted in turn, and the forms of the
//! scenario that is nearest to it are run on the kernel, with and without it, until a run breaks with every control on
//! that held without the defect. Most defects need luck that a form of ten seconds seldom has; those are named.

use super::{Engine, Engines, KERNEL, OTHERS};
use crate::exit::{Done, Exit};
use crate::spawn;
use std::fs;
use std::path::{Path, PathBuf};

/// Seeds that are tried for a defect, from 1.
const SEEDS: u64 = 12;

/// A defect of the models, and the scenario whose story is nearest to it.
struct Defect {
    name: String,
    scenario: String,
}

impl Defect {
    fn parse(line: &str) -> Option<Defect> {
        let (name, scenario) = line.split_once('\t')?;
        Some(Defect { name: name.to_owned(), scenario: scenario.to_owned() })
    }
}

/// Tries all defects, or those that are named.
pub fn run(root: &Path, folder: &Path, names: &[String]) -> Done {
    let bench = Bench { engines: Engines::build(root, &["planted"])?, folder: folder.join("planted") };
    fs::create_dir_all(&bench.folder).map_err(|e| format!("failed to make {}: {e}", bench.folder.display()))?;
    let listed = spawn::output(bench.engines.command(&KERNEL).arg("planted"))?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let all: Option<Vec<Defect>> = listed.lines().map(Defect::parse).collect();
    let all = all.filter(|all| !all.is_empty()).ok_or_else(|| format!("`planted` said what is no list: {listed}"))?;
    if let Some(name) = names.iter().find(|name| all.iter().all(|defect| defect.name != **name)) {
        return Err(format!("there is no defect `{name}`; models/src/planted.rs lists them"));
    }
    let (mut fits, mut wrong) = (0, 0);
    let mut absent = Vec::new();
    for defect in all.iter().filter(|defect| names.is_empty() || names.contains(&defect.name)) {
        match bench.shows(defect)? {
            None => absent.push(defect.name.as_str()),
            Some((seed, broken)) => {
                let alike = bench.agree(defect, seed)?;
                println!("{:<34} seed {seed:>2}  {}  {broken}", defect.name, if alike { "alike " } else { "DIFFER" });
                fits += 1;
                wrong += usize::from(!alike);
            }
        }
    }
    println!("Not shown by any form with the seeds 1 to {SEEDS}: {}", absent.join(", "));
    println!("{fits} defects show on the kernel; the other engines tell {} of them alike.", fits - wrong);
    Ok(match (fits, wrong) {
        (0, _) => Exit::Nothing,
        (_, 0) => Exit::Fine,
        _ => Exit::Wrong,
    })
}

/// Where engines are built with all defects, and what they tell is kept.
struct Bench<'a> {
    engines: Engines<'a>,
    folder: PathBuf,
}

impl Bench<'_> {
    /// Has an engine run the forms of a scenario, and keeps what it told.
    fn told(&self, engine: &Engine, defect: &Defect, seed: u64, is_planted: bool) -> Result<PathBuf, String> {
        let mut command = self.engines.command(engine);
        command.args((engine.name == KERNEL.name).then_some("kernel"));
        command.arg(&defect.scenario).args(["--seed", &seed.to_string()]);
        if is_planted {
            command.args(["--planted", &defect.name]);
        }
        let file = self.folder.join(format!("{}{}.jsonl", engine.name, if is_planted { "" } else { "-clean" }));
        fs::write(&file, spawn::output(&mut command)?)
            .map_err(|e| format!("failed to write {}: {e}", file.display()))?;
        Ok(file)
    }

    /// The first seed with which it shows on the kernel, and in which runs.
    fn shows(&self, defect: &Defect) -> Result<Option<(u64, String)>, String> {
        for seed in 1..=SEEDS {
            let files = [self.told(&KERNEL, defect, seed, true)?, self.told(&KERNEL, defect, seed, false)?];
            let mut broken = self.engines.command(&KERNEL);
            let output = broken.arg("broken").args(files).output().map_err(|e| format!("failed to start: {e}"))?;
            match output.status.code() {
                Some(0) => {
                    let said = String::from_utf8_lossy(&output.stdout).into_owned();
                    return Ok(Some((seed, said.lines().next().unwrap_or_default().to_owned())));
                }
                Some(3) => {}
                _ => return Err(format!("`broken` failed: {}", String::from_utf8_lossy(&output.stderr))),
            }
        }
        Ok(None)
    }

    /// Whether the other engines tell the same of it. What was compared stays in a file of the defect's name.
    fn agree(&self, defect: &Defect, seed: u64) -> Result<bool, String> {
        let mut compare = self.engines.command(&KERNEL);
        compare.args(["compare", "--all-on"]).arg(self.told(&KERNEL, defect, seed, true)?);
        for engine in OTHERS {
            compare.arg(self.told(engine, defect, seed, true)?);
        }
        let output = compare.output().map_err(|e| format!("failed to compare: {e}"))?;
        let kept = self.folder.join(format!("{}.txt", defect.name));
        fs::write(&kept, &output.stdout).map_err(|e| format!("failed to write {}: {e}", kept.display()))?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(format!("the engines could not be compared: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_a_name_and_a_scenario() {
        let defect = Defect::parse("app.flights-shared\tfuzz/cross-tenant").expect("it is a line of the list");
        assert_eq!((defect.name.as_str(), defect.scenario.as_str()), ("app.flights-shared", "fuzz/cross-tenant"));
        assert!(Defect::parse("thread panicked").is_none());
    }
}
