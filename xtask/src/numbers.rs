//! `cargo xtask numbers`: the size of the house, for a closing note.
//!
//! Lines are lines of text, with tests and comments: what a reader has in front of him.

use crate::exit::{Done, Exit};
use crate::modules::Crate;
use crate::source::Tree;
use crate::{house, imports, modules, spawn};
use std::path::Path;
use std::time::Instant;

/// Prints the table; `--build` also times a release build from nothing.
pub fn run(args: &[String]) -> Done {
    let build = match args {
        [] => false,
        [flag] if flag == "--build" => true,
        _ => return Err(format!("`numbers` takes only `--build`, but got `{}`", args.join(" "))),
    };
    let root = house::root()?;
    let tree = Tree::read(&root)?;
    println!("{:<14} {:>6} {:>7} {:>7} {:>8}  longest file", "package", "files", "lines", "tests", "median");
    for package in tree.packages() {
        row(&tree, package, |path| tree.package_of(path) == Some(package));
    }
    row(&tree, "all", |_| true);
    let crates: Vec<Crate> = tree.packages().iter().flat_map(|p| modules::crates(&tree, p)).collect();
    let circles = crates.iter().map(|c| circles_in(&tree, c)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("\nimport circles      {} between modules, {} between a module and its own parts", circles.0, circles.1);
    let (ours, others) = packages(tree.other("Cargo.lock").map_or("", |l| l.text.as_str()));
    let direct = direct(tree.other("Cargo.toml").map_or("", |m| m.text.as_str()));
    println!("packages of ours    {ours}");
    println!("dependencies        {direct} named, {others} in the lock file");
    if build {
        println!("clean release build {:.0} s", clean_build(&root)?);
    }
    Ok(Exit::Fine)
}

fn row(tree: &Tree, name: &str, wanted: impl Fn(&str) -> bool) {
    let mut files: Vec<(usize, &str)> = Vec::new();
    let mut tests = 0;
    for source in tree.sources.iter().filter(|s| wanted(&s.path)) {
        files.push((source.text.lines().count(), &source.path));
        let full = |text: &str| text.lines().filter(|l| !l.trim().is_empty()).count();
        tests += full(&source.code) - full(&source.live);
    }
    files.sort_unstable();
    let lines: usize = files.iter().map(|(lines, _)| lines).sum();
    let (longest, path) = files.last().copied().unwrap_or_default();
    println!("{name:<14} {:>6} {lines:>7} {tests:>7} {:>8}  {longest} {path}", files.len(), median(&files));
}

fn median(files: &[(usize, &str)]) -> usize {
    files.get(files.len() / 2).map_or(0, |(lines, _)| *lines)
}

fn circles_in(tree: &Tree, krate: &Crate) -> (usize, usize) {
    let graph = imports::graph(tree, krate);
    let between = imports::circles(&imports::between_rooms(&graph, krate)).len();
    (between, imports::circles(&graph).len().saturating_sub(between))
}

/// Packages in the lock file: of this workspace, and from elsewhere.
fn packages(lock: &str) -> (usize, usize) {
    let all = lock.split("[[package]]").skip(1);
    let (others, ours): (Vec<&str>, Vec<&str>) = all.partition(|package| package.contains("\nsource = "));
    (ours.len(), others.len())
}

/// Dependencies from elsewhere that the workspace names.
fn direct(manifest: &str) -> usize {
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|l| !l.starts_with('['));
    lines.filter(|l| l.contains('=') && !l.starts_with('#') && !l.contains("{ path =")).count()
}

fn clean_build(root: &Path) -> Result<f64, String> {
    let place = house::target(root).join("numbers");
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(|e| format!("failed to empty {}: {e}", place.display()))?;
    }
    let start = Instant::now();
    let mut cargo = spawn::cargo(root);
    if !spawn::succeeds(cargo.args(["build", "--release", "--target-dir"]).arg(&place))? {
        return Err("the release build failed".into());
    }
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_dependencies_are_counted_from_their_files() {
        let lock = "version = 4\n[[package]]\nname = \"sim\"\n[[package]]\nname = \"serde\"\nsource = \"registry\"\n";
        assert_eq!(packages(lock), (1, 1));
        let manifest =
            "[workspace.dependencies]\nsim = { path = \"sim\" }\n# Why.\nserde = \"1\"\n[profile.dev]\na = 1\n";
        assert_eq!(direct(manifest), 1);
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!((median(&[]), median(&[(1, "a"), (5, "b"), (9, "c")])), (0, 5));
    }
}
