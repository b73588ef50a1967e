//! `cargo xtask codegen`: the lists that nobody keeps by hand.
//!
//! It reads text, never a built crate, so it also works when a list is so stale that nothing builds. What is generated
//! is committed, and a test says when it is stale.

mod catalogue;
mod generated;
mod matrix;
mod registry;

use crate::exit::{Done, Exit};
use crate::house;
use crate::source::Tree;
use generated::Generated;
use std::fs;

pub use catalogue::scenarios;
pub use matrix::used;

/// The command that refreshes everything generated.
pub const REFRESH: &str = "cargo xtask codegen";

/// Every generated file, as it should be.
pub fn plan(tree: &Tree) -> Result<Vec<Generated>, String> {
    let mut files = Vec::new();
    files.extend(registry::plan(tree)?);
    let scenarios = catalogue::scenarios(tree);
    files.extend(catalogue::plan(tree, &scenarios));
    files.extend(matrix::plan(tree, &scenarios)?);
    Ok(files)
}

/// Refreshes, or with `--check` only says what is stale.
pub fn run(args: &[String]) -> Done {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err(format!("`codegen` takes only `--check`, but got `{}`", args.join(" "))),
    };
    let root = house::root()?;
    let tree = Tree::read(&root)?;
    let stale: Vec<Generated> = plan(&tree)?.into_iter().filter(|f| f.stale).collect();
    for file in &stale {
        if check {
            println!("{} is stale: run `{REFRESH}`", file.path);
            continue;
        }
        let path = root.join(&file.path);
        let folder = path.parent().unwrap_or(&root);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, &file.text))
            .map_err(|e| format!("failed to write {}: {e}", path.display()))?;
        println!("refreshed {}", file.path);
    }
    Ok(if check && !stale.is_empty() { Exit::Wrong } else { Exit::Fine })
}
