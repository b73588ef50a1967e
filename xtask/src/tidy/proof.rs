//! Every control is enforced in one place, and every generated file is fresh.
//!
//! One place, written out, because `cargo xtask teeth` takes exactly that text away to see whether anyone notices.

use super::remark::Remark;
use crate::codegen;
use crate::controls;
use crate::house;
use crate::source::{Source, Tree};

pub fn check(tree: &Tree) -> Vec<Remark> {
    let mut found = Vec::new();
    enforcement(tree, &mut found);
    banned_lists(tree, &mut found);
    match codegen::plan(tree) {
        Ok(files) => {
            for file in files.iter().filter(|f| f.stale) {
                found.push(Remark::wrong(&file.path, format!("is stale: run `{}`", codegen::REFRESH)));
            }
        }
        Err(message) => found.push(Remark::wrong("models/src", message)),
    }
    found
}

fn enforcement(tree: &Tree, found: &mut Vec<Remark>) {
    let all = controls::declared(tree);
    for control in &all {
        let places = controls::enforced(tree, &all, control);
        if places.len() != 1 {
            let lines: Vec<String> = places.iter().map(|p| format!("{}:{}", p.file, p.line)).collect();
            let place = format!("{}:{}", control.file, control.line);
            let says = format!(
                "`{}` is enforced in {} places instead of one `.on(&{})` {}",
                control.id,
                places.len(),
                control.name,
                lines.join(" ")
            );
            found.push(Remark::wrong(place, says.trim_end()));
        }
    }
}

/// Clippy reads the nearest `clippy.toml` and no other, so each crate has its own; they say the same.
fn banned_lists(tree: &Tree, found: &mut Vec<Remark>) {
    let list = |package: &str| tree.other(&format!("{package}/clippy.toml")).map(|o| o.text.as_str());
    let first = list(house::DETERMINISTIC[0]);
    for package in house::DETERMINISTIC.iter().filter(|p| has_code(tree, p)) {
        if list(package).is_none() || list(package) != first {
            let says = format!("must be the same as {}/clippy.toml", house::DETERMINISTIC[0]);
            found.push(Remark::wrong(format!("{package}/clippy.toml"), says));
        }
    }
}

fn has_code(tree: &Tree, package: &str) -> bool {
    tree.sources.iter().any(|s: &Source| s.path.split('/').next() == Some(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, wanted: usize) {
        let tree = Tree::of(&[
            ("models/Cargo.toml", ""),
            ("models/src/lib.rs", "pub mod a;"),
            ("models/src/a.rs", &format!("pub const KEY: Control = control!(\"a.key\");\n{code}")),
        ]);
        let mut found = Vec::new();
        enforcement(&tree, &mut found);
        assert_eq!(found.len(), wanted, "{found:?}");
    }

    #[test]
    fn a_control_is_enforced_in_exactly_one_place() {
        check("fn f() { controls.on(&KEY); }", 0);
        check("", 1);
        check("fn f() { controls.on(&KEY); controls.on(&KEY); }", 1);
        check("#[cfg(test)]\nmod tests { fn f() { controls.on(&KEY); } }", 1);
    }

    #[test]
    fn the_lists_of_bans_say_the_same() {
        let lists = |scenarios: &'static str| {
            let tree = Tree::of(&[
                ("sim/clippy.toml", "one"),
                ("sim/src/lib.rs", ""),
                ("scenarios/clippy.toml", scenarios),
                ("scenarios/src/lib.rs", ""),
            ]);
            let mut found = Vec::new();
            banned_lists(&tree, &mut found);
            found.len()
        };
        assert_eq!((lists("one"), lists("two")), (0, 1));
    }
}
