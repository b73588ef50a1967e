//! `cargo xtask tidy`: the rules of the house that a compiler does not check. `cargo test -p xtask` runs them too.
//!
//! One kind of rule a file below `tidy/`; the limits and the plan are data in `house.rs`. Warnings ask for a look and
//! never fail.

mod crates;
mod proof;
mod remark;
mod shape;
mod text;

use crate::exit::{Done, Exit};
use crate::house;
use crate::source::Tree;
use remark::Remark;

/// Prints what the rules say about the checkout.
pub fn run(args: &[String]) -> Done {
    if let Some(unknown) = args.first() {
        return Err(format!("`tidy` takes no arguments, but got `{unknown}`"));
    }
    let root = house::root()?;
    let tree = Tree::read(&root)?;
    if tree.sources.is_empty() {
        return Ok(Exit::Nothing);
    }
    let remarks = remarks(&tree);
    let wrong = remarks.iter().filter(|r| r.wrong).count();
    for remark in &remarks {
        println!("{}: {}: {}", if remark.wrong { "error" } else { "look" }, remark.place, remark.says);
    }
    println!("tidy: {} files of Rust, {wrong} errors, {} to look at", tree.sources.len(), remarks.len() - wrong);
    Ok(if wrong == 0 { Exit::Fine } else { Exit::Wrong })
}

/// Everything that any rule says, errors last, each kind by place.
pub fn remarks(tree: &Tree) -> Vec<Remark> {
    let rules: [fn(&Tree) -> Vec<Remark>; 4] = [text::check, shape::check, crates::check, proof::check];
    let mut all: Vec<Remark> = rules.iter().flat_map(|rule| rule(tree)).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let tree = house::root().and_then(|root| Tree::read(&root)).expect("the checkout is readable");
        let wrong: Vec<String> =
            remarks(&tree).into_iter().filter(|r| r.wrong).map(|r| format!("{}: {}", r.place, r.says)).collect();
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    }
}
