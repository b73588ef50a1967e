//! `cargo xtask teeth`: takes each control's code away and demands that the gate notices.
//!
//! An ablation switches a control off by asking; this removes the question itself, so a control that only pretends to
//! ask is caught too. The work happens in a copy below `target/teeth`; the real tree is only read. The copy is built
//! once, with every question behind a number that says whether its code is there, and the gate is run once a number:
//! building the platform anew for each control would take an hour. First the gate must be green with all of them there:
//! red proves nothing otherwise.

mod copy;
mod verdict;

use crate::codegen;
use crate::controls::{self, Declared};
use crate::exit::{Done, Exit};
use crate::source::Tree;
use crate::spawn::{self, Ended};
use crate::{house, product};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use verdict::{Bite, Row};

/// A gate of a few seeds takes seconds; a control without which a run never ends is a finding as well.
const GATE_LIMIT: Duration = Duration::from_secs(600);
/// A first build compiles every dependency.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

/// Names the control whose code is gone, by its number, to the copy.
const GONE: &str = "TEETH_GONE";
/// The file of the copy that gets [`STANDS`].
const ROOT: &str = "models/src/lib.rs";
/// What every question of the copy asks first.
const STANDS: &str = "
/// Whether the code of a control is there.
pub mod teeth {
    /// Whether the code of the `n`-th control is there.
    pub fn stands(n: usize) -> bool {
        static GONE: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
        *GONE.get_or_init(|| std::env::var(\"TEETH_GONE\").ok()?.parse().ok()) != Some(n)
    }
}
";

/// Asks for one or all controls.
pub fn run(args: &[String]) -> Done {
    let wishes = Wishes::parse(args)?;
    let root = house::root()?;
    let tree = Tree::read(&root)?;
    let all = controls::declared(&tree);
    for id in &wishes.only {
        if !all.iter().any(|c| c.id == *id) {
            return Err(format!("there is no control `{id}`; models/src/registry.rs lists them"));
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
    let standing = workbench.number(&chosen)?;
    workbench.build()?;
    let green = workbench.ask("as-it-is", None)?;
    println!("{}", green.line());
    if green.bite != Bite::Green {
        println!("teeth: the gate must be green before a control is taken away; nothing is proved\n{}", green.tail);
        return Ok(Exit::Nothing);
    }
    let mut rows = Vec::new();
    for (n, (control, places)) in chosen.iter().zip(standing).enumerate() {
        let row = match places {
            1 => workbench.ask(&control.id, Some(n))?,
            places => Row::unasked(&control.id, Bite::Scattered(places)),
        };
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

    /// Puts every question of the copy behind its number. Returns in how many places each control is enforced: what is
    /// enforced in any number of places but one is left as it is.
    fn number(&self, chosen: &[&Declared]) -> Result<Vec<usize>, String> {
        let mut edits: BTreeMap<String, Vec<(usize, usize, usize)>> = BTreeMap::new();
        let mut standing = Vec::new();
        for (n, control) in chosen.iter().enumerate() {
            let places = controls::enforced(self.tree, self.all, control);
            if let [place] = places.as_slice() {
                edits.entry(place.file.clone()).or_default().push((place.begin, place.end, n));
            }
            standing.push(places.len());
        }
        for (file, mut places) in edits {
            let mut text = self.text_of(&file)?.to_owned();
            places.sort_unstable();
            for (begin, end, n) in places.into_iter().rev() {
                text.replace_range(begin..end, &format!("(crate::teeth::stands({n}) && {})", &text[begin..end]));
            }
            write(&self.source().join(&file), &text)?;
        }
        write(&self.source().join(ROOT), &format!("{}{STANDS}", self.text_of(ROOT)?))?;
        Ok(standing)
    }

    fn text_of(&self, file: &str) -> Result<&str, String> {
        Ok(&self.tree.source(file).ok_or_else(|| format!("{file} vanished"))?.text)
    }

    fn log(&self, name: &str) -> Result<PathBuf, String> {
        let logs = self.place.join("logs");
        fs::create_dir_all(&logs).map_err(|e| format!("failed to make {}: {e}", logs.display()))?;
        Ok(logs.join(format!("{name}.log")))
    }

    /// Builds the copy.
    fn build(&self) -> Result<(), String> {
        let log = self.log("build")?;
        let mut cargo = spawn::cargo(&self.source());
        cargo.args(["build", "--profile", "teeth", "--package", "conformance", "--bin", "cellproof"]);
        cargo.arg("--target-dir").arg(self.place.join("build"));
        // The copy is its own package: what cargo told us about ours would mislead it.
        cargo.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_TARGET_DIR");
        match spawn::logged(&mut cargo, &log, BUILD_LIMIT)? {
            Ended::Code(0) => Ok(()),
            _ => Err(format!("failed to build the copy:\n{}", verdict::tail(&log))),
        }
    }

    /// Runs the gate, without the code of the `gone`-th control.
    fn ask(&self, name: &str, gone: Option<usize>) -> Result<Row, String> {
        let start = Instant::now();
        let log = self.log(name)?;
        let mut gate = std::process::Command::new(self.place.join("build/teeth/cellproof"));
        let seeds = self.wishes.seeds.unwrap_or(product::SEEDS_FEW);
        let out = self.place.join("out").join(name);
        // A gate of earlier seeds or code must not be taken for this one's.
        if out.exists() {
            fs::remove_dir_all(&out).map_err(|e| format!("failed to empty {}: {e}", out.display()))?;
        }
        gate.current_dir(&self.place).args(product::GATE_FEW).args(["--seeds", &seeds.to_string()]);
        gate.arg("--out").arg(out);
        gate.env_remove(GONE);
        if let Some(n) = gone {
            gate.env(GONE, n.to_string());
        }
        let ended = spawn::logged(&mut gate, &log, GATE_LIMIT)?;
        let text = fs::read(&log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        Ok(Row {
            name: name.to_owned(),
            bite: Bite::of(ended),
            requirement: verdict::requirement(&text),
            seconds: start.elapsed().as_secs_f64(),
            tail: verdict::tail(&log),
        })
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
        let wanted = Wishes { only: vec!["a.b".into(), "c.d".into()], seeds: Some(4) };
        assert_eq!(Wishes::parse(&args), Ok(wanted));
    }
}
