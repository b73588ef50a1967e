//! `cargo xtask bench`: the benches of the workspace. Figures live here and never in tests.

use crate::exit::{Done, Exit};
use crate::{house, spawn};

/// Runs the benches; `args` go to `cargo bench`.
pub fn run(args: &[String]) -> Done {
    let root = house::root()?;
    let passed = spawn::succeeds(spawn::cargo(&root).args(["bench", "--workspace"]).args(args))?;
    Ok(if passed { Exit::Fine } else { Exit::Wrong })
}
