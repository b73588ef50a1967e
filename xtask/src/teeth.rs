//! `cargo xtask teeth`: takes each control's code away and demands that the gate notices.
//!
//! An ablation switches a control off by asking; this removes the question itself, so a control that only pretends to
//! ask is caught too. The work happens in a copy below `target/teeth`, one control after the other, so that each build
//! is incremental; the real tree is only read. First the copy must be green as it is: red proves nothing otherwise.

mod copy;
mod verdict;

use crate::codegen;
use crate::controls::{self, Declared};
use crate::exit::{Done, Exit};
use crate::source::Tree;
use crate::spawn::{self, Ended};
use crate::{house, product};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use verdict::{Bite, Row};

/// A gate of a few seeds takes seconds; a control without which a run never ends is a finding as well.
const GATE_LIMIT: Duration = Duration::from_secs(600);
/// A first build compiles every dependency.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

/// Asks for one or all controls.
pub fn run(args: &[String]) -> Done {
    let wishes = Wishes::parse(args)?;
    let root = house::root()?;
    let tree = Tree::read(&root)?;
    let all = controls::declared(&tree);
    for id in &wishes.only {
        if !all.iter().any(|c| c.id == *id) {
            return Err(format!("there is no control `{id}`; models/src/control/registry.rs lists them"));
        }
    }
    let tried = tried(&tree, &all);
    let any = tried.is_empty();
    let asked =
        |c: &&Declared| if wishes.only.is_empty() { any || tried.contains(&c.id) } else { wishes.only.contains(&c.id) };
    let chosen: Vec<&Declared> = all.iter().filter(asked).collect();
    let untried: Vec<&str> = all.iter().filter(|c| !any && !tried.contains(&c.id)).map(|c| c.id.as_str()).collect();
    if !untried.is_empty() {
        println!("teeth: no scenario tries these {} controls yet: {}", untried.len(), untried.join(" "));
    }
    if chosen.is_empty() {
        println!("teeth: the models declare no control, so nothing ran");
        return Ok(Exit::Nothing);
    }
    let place = house::target(&root).join("teeth");
    fs::create_dir_all(&place).map_err(|e| format!("failed to make {}: {e}", place.display()))?;
    let lock = File::create(place.join("lock")).map_err(|e| format!("failed to lock {}: {e}", place.display()))?;
    if lock.try_lock().is_err() {
        return Err(format!("another `cargo xtask teeth` works in {}", place.display()));
    }
    let workbench = Workbench { tree: &tree, all: &all, wishes: &wishes, place };
    copy::mirror(&root, &workbench.source())?;
    let green = workbench.ask("as-it-is")?;
    println!("{}", green.line());
    if green.bite != Bite::Green {
        println!("teeth: the gate must be green before a control is taken away; nothing is proved\n{}", green.tail);
        return Ok(Exit::Nothing);
    }
    let mut rows = Vec::new();
    for control in chosen {
        let row = workbench.without(control)?;
        println!("{}", row.line());
        rows.push(row);
    }
    Ok(verdict::conclude(&rows))
}

/// Controls that some scenario names: the gate can be expected to notice their absence.
fn tried(tree: &Tree, all: &[Declared]) -> BTreeSet<String> {
    codegen::scenarios(tree).iter().flat_map(|story| codegen::used(story.source, all)).collect()
}

/// What was asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    only: Vec<String>,
    seeds: Option<u32>,
    jobs: Option<u32>,
}

impl Wishes {
    fn parse(args: &[String]) -> Result<Wishes, String> {
        let mut wishes = Wishes::default();
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{flag}` needs a value"));
            let number = |text: &String| text.parse().map_err(|_| format!("`{flag}` needs a number, but got `{text}`"));
            match flag.as_str() {
                "--only" => wishes.only.push(value()?.clone()),
                "--seeds" => wishes.seeds = Some(number(value()?)?),
                "--jobs" => wishes.jobs = Some(number(value()?)?),
                _ => return Err(format!("`teeth` does not know `{flag}`")),
            }
        }
        Ok(wishes)
    }
}

struct Workbench<'a> {
    tree: &'a Tree,
    all: &'a [Declared],
    wishes: &'a Wishes,
    place: PathBuf,
}

impl Workbench<'_> {
    fn source(&self) -> PathBuf {
        self.place.join("src")
    }

    /// Takes the code of `control` away in the copy, asks the gate, and puts it back.
    fn without(&self, control: &Declared) -> Result<Row, String> {
        let places = controls::enforced(self.tree, self.all, control);
        let [place] = places.as_slice() else {
            return Ok(Row::unasked(&control.id, Bite::Scattered(places.len())));
        };
        let before = &self.tree.source(&place.file).ok_or_else(|| format!("{} vanished", place.file))?.text;
        let after = format!("{}false{}", &before[..place.begin], &before[place.end..]);
        let file = self.source().join(&place.file);
        write(&file, &after)?;
        let row = self.ask(&control.id);
        write(&file, before)?;
        row
    }

    /// Builds the copy as it lies there and runs the quick gate.
    fn ask(&self, name: &str) -> Result<Row, String> {
        let start = Instant::now();
        let logs = self.place.join("logs");
        fs::create_dir_all(&logs).map_err(|e| format!("failed to make {}: {e}", logs.display()))?;
        let built = self.build(&logs.join(format!("{name}.build.log")))?;
        if built != Ended::Code(0) {
            let tail = verdict::tail(&logs.join(format!("{name}.build.log")));
            return Ok(Row { tail, ..Row::unasked(name, Bite::Unbuilt) });
        }
        let log = logs.join(format!("{name}.gate.log"));
        let ended = self.gate(name, &log)?;
        let text = fs::read(&log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        Ok(Row {
            name: name.to_owned(),
            bite: Bite::of(ended),
            requirement: verdict::requirement(&text),
            seconds: start.elapsed().as_secs_f64(),
            tail: verdict::tail(&log),
        })
    }

    fn build(&self, log: &Path) -> Result<Ended, String> {
        let mut cargo = spawn::cargo(&self.source());
        cargo.args(["build", "--profile", "teeth", "--package", "conformance", "--bin", "cellproof"]);
        cargo.arg("--target-dir").arg(self.place.join("build"));
        if let Some(jobs) = self.wishes.jobs {
            cargo.args(["--jobs", &jobs.to_string()]);
        }
        // The copy is its own package: what cargo told us about ours would mislead it.
        cargo.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_TARGET_DIR");
        spawn::logged(&mut cargo, log, BUILD_LIMIT)
    }

    fn gate(&self, name: &str, log: &Path) -> Result<Ended, String> {
        let mut gate = std::process::Command::new(self.place.join("build/teeth/cellproof"));
        let seeds = self.wishes.seeds.unwrap_or(product::SEEDS_FEW);
        gate.current_dir(&self.place).args(product::GATE_FEW).args(["--seeds", &seeds.to_string()]);
        gate.arg("--out").arg(self.place.join("out").join(name));
        spawn::logged(&mut gate, log, GATE_LIMIT)
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("failed to write {}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_in_any_order() {
        let args: Vec<String> =
            ["--seeds", "4", "--only", "a.b", "--only", "c.d"].iter().map(|a| (*a).to_owned()).collect();
        let wanted = Wishes { only: vec!["a.b".into(), "c.d".into()], seeds: Some(4), jobs: None };
        assert_eq!(Wishes::parse(&args), Ok(wanted));
    }
}
