//! `cargo xtask test`: every test of the workspace.
//!
//! nextest runs no doc tests, so these follow by cargo itself.

use crate::exit::{Done, Exit};
use crate::{house, spawn};

/// Runs the tests; `args` go to the runner.
pub fn run(args: &[String]) -> Done {
    let root = house::root()?;
    let passed = if spawn::installed(&root, "nextest") {
        spawn::succeeds(spawn::cargo(&root).args(["nextest", "run", "--workspace"]).args(args))?
            // A filter names unit tests; with one, the doc tests are not what was asked for.
            && (!args.is_empty() || spawn::succeeds(spawn::cargo(&root).args(["test", "--doc", "--workspace"]))?)
    } else {
        spawn::succeeds(spawn::cargo(&root).args(["test", "--workspace"]).args(args))?
    };
    Ok(if passed { Exit::Fine } else { Exit::Wrong })
}
