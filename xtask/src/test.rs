//! `cargo xtask test`: every test of the workspace, also after one failed.
//!
//! Whoever reads the result of a run on another machine reads it once, so it must tell all that is wrong.
//!
//! nextest runs no doc tests, so these follow by cargo itself.

use crate::exit::{Done, Exit};
use crate::{house, spawn};

/// Runs the tests; `args` go to the runner.
pub fn run(args: &[String]) -> Done {
    let root = house::root()?;
    let whole = args.is_empty();
    let args = if whole { &["--no-fail-fast".to_owned()][..] } else { args };
    let passed = if spawn::installed(&root, "nextest") {
        spawn::succeeds(spawn::cargo(&root).args(["nextest", "run", "--workspace"]).args(args))?
            // A filter names unit tests; with one, the doc tests are not what was asked for.
            && (!whole || spawn::succeeds(spawn::cargo(&root).args(["test", "--doc", "--workspace"]))?)
    } else {
        spawn::succeeds(spawn::cargo(&root).args(["test", "--workspace"]).args(args))?
    };
    Ok(if passed { Exit::Fine } else { Exit::Wrong })
}
