//! `cargo xtask ci`: what a change must pass. Stops at the first step that fails, and says how to run it alone.
//!
//! A step that cannot run is never green: a missing tool fails and says how to install it. Warnings are denied through
//! clippy's own arguments, because `RUSTFLAGS` would rebuild every dependency.

use crate::built::Built;
use crate::exit::{Done, Exit};
use crate::manifest;
use crate::source::Tree;
use crate::{house, product, spawn, test, tidy};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Seconds of fuzzing for each target: a smoke test, not a campaign.
const FUZZ_SECONDS: &str = "60";

type Step = (&'static str, fn(&Path) -> Result<bool, String>);

const STEPS: &[Step] = &[
    ("tidy", |_| Ok(tidy::run(&[])? == Exit::Fine)),
    ("format", format),
    ("clippy", clippy),
    ("test", test::strict),
    ("gate", |root| gate(root, &mut tested(root)?)),
];

const FULL_STEPS: &[Step] = &[
    ("policy agent", policy_agent),
    ("slow tests", test::slow),
    ("containers", containers),
    ("damaged traces", damage),
    ("gate, release", |root| gate(root, &mut Built::release(root, &[])?.cellproof())),
    ("benches compile", |root| spawn::succeeds(spawn::cargo(root).args(["bench", "--workspace", "--no-run"]))),
    ("object store", object_store),
    ("determinism", determinism),
    ("engines", engines),
    ("planted", planted),
    ("teeth", |_| Ok(crate::teeth::run(&[])? == Exit::Fine)),
    ("fuzz", fuzz),
];

/// Runs the steps; `--full` adds the slow ones.
pub fn run(args: &[String]) -> Done {
    let full = match args {
        [] => false,
        [flag] if flag == "--full" => true,
        _ => return Err(format!("`ci` takes only `--full`, but got `{}`", args.join(" "))),
    };
    let root = house::root()?;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (name, step) in STEPS.iter().chain(FULL_STEPS.iter().filter(|_| full)) {
        eprintln!("== {name}");
        let start = Instant::now();
        let passed = step(&root)?;
        times.push((name, start.elapsed()));
        if !passed {
            report(&times);
            println!("ci: `{name}` failed");
            return Ok(Exit::Wrong);
        }
    }
    report(&times);
    println!("ci: all {} steps passed", times.len());
    Ok(Exit::Fine)
}

fn report(times: &[(&str, Duration)]) {
    for (name, time) in times {
        println!("{name:<16} {:>7.1} s", time.as_secs_f64());
    }
}

fn format(root: &Path) -> Result<bool, String> {
    if !spawn::installed(root, "fmt") {
        return Err("rustfmt is missing: `rustup component add rustfmt`".into());
    }
    spawn::succeeds(spawn::cargo(root).args(["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<bool, String> {
    if !spawn::installed(root, "clippy") {
        return Err("clippy is missing: `rustup component add clippy`".into());
    }
    spawn::succeeds(spawn::cargo(root).args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The program that the tests have built, with their checks for overflow: another build takes longer than the gate.
/// Examples are asked for because without what only they and tests need, libraries have other features and are built
/// once more.
fn tested(root: &Path) -> Result<Command, String> {
    if !spawn::succeeds(spawn::cargo(root).args(["build", "--workspace", "--bins", "--examples"]))? {
        return Err("the program could not be built".into());
    }
    let mut command = Command::new(house::target(root).join("debug/cellproof"));
    command.current_dir(root);
    Ok(command)
}

/// The gate of a change, and the files it must leave behind.
fn gate(root: &Path, command: &mut Command) -> Result<bool, String> {
    let out = house::target(root).join("ci");
    // Reports of an earlier gate would hide that this one wrote none.
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|e| format!("failed to empty {}: {e}", out.display()))?;
    }
    if !spawn::succeeds(command.args(product::GATE).arg("--out").arg(&out))? {
        return Ok(false);
    }
    let missing: Vec<&str> = product::REPORTS
        .iter()
        .copied()
        .filter(|name| fs::metadata(out.join(name)).map_or(true, |m| m.len() == 0))
        .collect();
    for name in &missing {
        println!("the gate left no {name} in {}", out.display());
    }
    Ok(missing.is_empty())
}

/// What a change may skip where no Open Policy Agent is.
fn policy_agent(root: &Path) -> Result<bool, String> {
    let tests = ["test", "--workspace", "--test", "certify", "--", "agents::"];
    Ok(crate::opa::run(&[])? == Exit::Fine
        && spawn::succeeds(spawn::cargo(root).args(tests).env("CELLPROOF_REQUIRE", "1"))?)
}

/// What a change may skip where no image is: demonstrations and drills in containers.
fn containers(root: &Path) -> Result<bool, String> {
    let tests = ["test", "--workspace", "--test", "contained"];
    Ok(crate::images::run(&[])? == Exit::Fine
        && spawn::succeeds(spawn::cargo(root).args(tests).env("CELLPROOF_REQUIRE", "1"))?)
}

/// Five times as many damages to traces as a change has to withstand.
fn damage(root: &Path) -> Result<bool, String> {
    let tests = ["test", "--workspace", "--test", "trace", "--", "damage"];
    spawn::succeeds(spawn::cargo(root).args(tests).env("CELLPROOF_MUTATIONS", "5"))
}

/// What is compiled only when it is asked for, and its tests.
fn object_store(root: &Path) -> Result<bool, String> {
    let feature = ["--package", "conformance", "--features", "object-store"];
    let mut clippy = spawn::cargo(root);
    clippy.arg("clippy").args(feature).args(["--all-targets", "--", "-D", "warnings"]);
    Ok(spawn::succeeds(&mut clippy)?
        && spawn::succeeds(spawn::cargo(root).arg("test").args(feature).args(["--lib", "place"]))?)
}

/// The tests of madsim, every engine form on every engine, that a defect of an adapter is noticed in each of them, and
/// that planted defects of the models show on all.
fn engines(root: &Path) -> Result<bool, String> {
    let compared = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Ok::<bool, String>(crate::engines::run(&args)? == Exit::Fine)
    };
    Ok(crate::engines::madsim_tests(root)?
        && compared(&[])?
        && compared(&["--defect", "lose:7"])?
        && compared(&["--planted"])?)
}

/// The tests of a build with planted defects, and the hunt for each of them.
fn planted(root: &Path) -> Result<bool, String> {
    let feature = ["test", "--package", "conformance", "--features", "planted", "--test", "planted"];
    Ok(spawn::succeeds(spawn::cargo(root).args(feature))? && crate::planted::run(&[])? == Exit::Fine)
}

/// The same seeds twice: two processes, two counts of threads, two time zones and locales.
fn determinism(root: &Path) -> Result<bool, String> {
    let built = Built::release(root, &[])?;
    let digests = |threads: &str, zone: &str, locale: &str| {
        let mut command = built.cellproof();
        command.args(product::DIGESTS);
        command.env(product::THREADS, threads).env("TZ", zone).env("LC_ALL", locale);
        spawn::output(&mut command)
    };
    let first = digests("1", "UTC", "C")?;
    let second = digests("2", "Pacific/Kiritimati", "tr_TR.UTF-8")?;
    Ok(same_lines(&first, &second))
}

fn same_lines(first: &[u8], second: &[u8]) -> bool {
    let (first, second) = (String::from_utf8_lossy(first), String::from_utf8_lossy(second));
    let count = first.lines().count();
    if count == 0 {
        println!("no digest was printed, so nothing is proved");
        return false;
    }
    if first == second {
        println!("{count} digests are the same in two processes, with 1 and with 2 threads");
        return true;
    }
    let differing = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    println!(
        "the same seed gave two digests: {}",
        differing.map_or("one list is longer".into(), |(a, b)| format!("{a} / {b}"))
    );
    false
}

fn fuzz(root: &Path) -> Result<bool, String> {
    if !spawn::installed(root, "fuzz") {
        return Err("cargo-fuzz is missing: `cargo install cargo-fuzz --locked`".into());
    }
    let tree = Tree::read(root)?;
    let text = tree.other("fuzz/Cargo.toml").map_or("", |m| m.text.as_str());
    let targets = manifest::target_paths(text);
    let names: Vec<&str> =
        targets.iter().filter_map(|path| path.strip_prefix("fuzz_targets/")?.strip_suffix(".rs")).collect();
    if names.is_empty() {
        println!("there is no fuzz target, so nothing is proved");
        return Ok(false);
    }
    for name in names {
        if !spawn::succeeds(&mut fuzz_command(root, name)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fuzz_command(root: &Path, target: &str) -> Result<Command, String> {
    // The first folder takes what the fuzzer finds; the seeds are only read.
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).map_err(|e| format!("failed to make {}: {e}", corpus.display()))?;
    let mut command = spawn::cargo(root);
    command.args(["fuzz", "run", "--features", "fuzzing", target]).arg(corpus);
    command.arg(root.join("fuzz/seeds").join(target));
    command.arg("--").arg(format!("-max_total_time={FUZZ_SECONDS}"));
    // Sanitizers are unstable options; this lets the stable compiler take them.
    command.env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_digests_pass_and_none_at_all_does_not() {
        assert!(same_lines(b"0 aa\n1 bb\n", b"0 aa\n1 bb\n"));
        assert!(!same_lines(b"0 aa\n1 bb\n", b"0 aa\n1 bc\n"));
        assert!(!same_lines(b"0 aa\n", b"0 aa\n1 bb\n"));
        assert!(!same_lines(b"", b""));
    }
}
