//! `cargo xtask test`: every test of the workspace, also after one failed; then what they used of the machine, and what
//! they skipped.
//!
//! Whoever reads the result of a run on another machine reads it once, so it must tell all that is wrong. What a test
//! that passes says is not shown, so tests note what they used and skipped in a file.
//!
//! nextest runs no doc tests, so these follow by cargo itself.

mod ledger;
mod slow;

use crate::exit::{Done, Exit};
use crate::{house, spawn};
use ledger::Ledger;
use std::path::Path;

/// Where `conformance::provision` notes what it used.
const LEDGER: &str = "CELLPROOF_PROVISION_LEDGER";
/// What the runner is told when nothing else is asked for: also after a test has failed the others are run.
const ALL: &str = "--no-fail-fast";
/// How many tests nextest runs at once, and the runner of cargo.
const AT_ONCE: [&str; 2] = ["NEXTEST_TEST_THREADS", "RUST_TEST_THREADS"];
/// Suites that may be skipped where a change is checked, one a line: its name, a colon, and why.
const ALLOWED: &str = "xtask/allowed-skips.txt";

/// Runs the tests; `args` go to the runner.
pub fn run(args: &[String]) -> Done {
    let args = if args.is_empty() { &[ALL.to_owned()][..] } else { args };
    let (passed, _) = tests(&house::root()?, args)?;
    Ok(if passed { Exit::Fine } else { Exit::Wrong })
}

/// Every test but the slow ones, and none of them skipped but by permission.
pub fn strict(root: &Path) -> Result<bool, String> {
    let slow = slow::read(root)?;
    println!("{} tests take minutes and are left to `ci --full`: {}", slow.len(), slow::LIST);
    permitted(root, &slow::without(&slow, spawn::installed(root, "nextest")))
}

/// The slow ones.
pub fn slow(root: &Path) -> Result<bool, String> {
    permitted(root, &slow::alone(&slow::read(root)?, spawn::installed(root, "nextest")))
}

/// Runs tests, none of which may skip anything but by permission.
fn permitted(root: &Path, args: &[String]) -> Result<bool, String> {
    let allowed = root.join(ALLOWED);
    let text = std::fs::read_to_string(&allowed).map_err(|e| format!("failed to read {}: {e}", allowed.display()))?;
    let (passed, ledger) = tests(root, args)?;
    let unexpected = ledger.unexpected(&text)?;
    for what in &unexpected {
        println!("`{what}` was skipped, and does not stand in {ALLOWED}");
    }
    Ok(passed && unexpected.is_empty())
}

/// Tests at once: one more than there are cores, because many wait for a server.
fn at_once() -> String {
    (std::thread::available_parallelism().map_or(1, usize::from) + 1).to_string()
}

fn tests(root: &Path, args: &[String]) -> Result<(bool, Ledger), String> {
    let whole = args.first().is_some_and(|first| first == ALL);
    let noted = house::target(root).join("provision.log");
    std::fs::create_dir_all(house::target(root)).map_err(|e| format!("failed to make the target directory: {e}"))?;
    std::fs::write(&noted, "").map_err(|e| format!("failed to write {}: {e}", noted.display()))?;
    let runner = |words: &[&str]| {
        let mut runner = spawn::cargo(root);
        runner.args(words).arg("--workspace").args(args).env(LEDGER, &noted);
        runner.envs(AT_ONCE.into_iter().filter(|name| std::env::var_os(name).is_none()).map(|name| (name, at_once())));
        runner
    };
    let passed = if spawn::installed(root, "nextest") {
        spawn::succeeds(&mut runner(&["nextest", "run"]))?
            // A filter names unit tests; with one, the doc tests are not what was asked for.
            && (!whole || spawn::succeeds(spawn::cargo(root).args(["test", "--doc", "--workspace"]))?)
    } else {
        spawn::succeeds(&mut runner(&["test"]))?
    };
    let text = std::fs::read_to_string(&noted).map_err(|e| format!("failed to read {}: {e}", noted.display()))?;
    let ledger = Ledger::read(&text)?;
    print!("{ledger}");
    Ok((passed, ledger))
}
