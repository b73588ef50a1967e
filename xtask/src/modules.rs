//! The tree of modules of a package, followed from its roots along `mod` lines as the compiler does.

use crate::manifest;
use crate::source::{Source, Tree, words};

/// One module that lives in a file of its own.
#[derive(Debug)]
pub struct Module {
    /// Names from the crate's root, which itself has none.
    pub path: Vec<String>,
    /// Its file, from the top of the checkout.
    pub file: String,
    /// Whether other modules of the crate can name it.
    pub visible: bool,
    /// Modules declared in it, in order.
    pub children: Vec<String>,
}

/// One compiled crate: the root first, then its modules, parents before children.
#[derive(Debug)]
pub struct Crate {
    /// All modules with a file.
    pub modules: Vec<Module>,
}

impl Crate {
    /// Position of the module `path`.
    pub fn find(&self, path: &[String]) -> Option<usize> {
        self.modules.iter().position(|m| m.path == path)
    }
}

/// The crates of `package`, by its manifest and by cargo's customs, in order of their root files.
pub fn crates(tree: &Tree, package: &str) -> Vec<Crate> {
    let manifest = tree.other(&format!("{package}/Cargo.toml")).map_or("", |m| m.text.as_str());
    let mut roots: Vec<String> =
        manifest::target_paths(manifest).into_iter().map(|p| format!("{package}/{p}")).collect();
    for source in &tree.sources {
        let Some(inside) = source.path.strip_prefix(package).and_then(|rest| rest.strip_prefix('/')) else { continue };
        if is_root(inside) && tree.package_of(&source.path) == Some(package) {
            roots.push(source.path.clone());
        }
    }
    roots.sort();
    roots.dedup();
    roots.iter().filter_map(|root| tree.source(root)).map(|root| follow(tree, root)).collect()
}

/// Whether cargo takes the file `inside` a package for the root of a crate without being told.
fn is_root(inside: &str) -> bool {
    let parts: Vec<&str> = inside.split('/').collect();
    matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples", _, "main.rs"]
    )
}

fn follow(tree: &Tree, root: &Source) -> Crate {
    let mut modules = Vec::new();
    let folder = root.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut todo = vec![(Vec::new(), root, folder.to_owned(), true)];
    while let Some((path, source, folder, visible)) = todo.pop() {
        let declared = declarations(source);
        for found in declared.iter().rev() {
            let candidates = match &found.path {
                Some(given) => {
                    let here = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    vec![joined(here, given)]
                }
                None => vec![format!("{folder}/{}.rs", found.name), format!("{folder}/{}/mod.rs", found.name)],
            };
            if let Some(file) = candidates.iter().find_map(|c| tree.source(c)) {
                let inner = [path.as_slice(), std::slice::from_ref(&found.name)].concat();
                todo.push((inner, file, format!("{folder}/{}", found.name), found.visible));
            }
        }
        let children = declared.into_iter().map(|d| d.name).collect();
        modules.push(Module { path, file: source.path.clone(), visible, children });
    }
    Crate { modules }
}

/// A path seen from a folder, without `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

struct Declared {
    name: String,
    path: Option<String>,
    visible: bool,
}

/// The `mod name;` lines of a file. Modules with a body are part of their file.
fn declarations(source: &Source) -> Vec<Declared> {
    let code = source.code.as_str();
    let mut found = Vec::new();
    for at in words(code, "mod") {
        let rest = code[at + 3..].trim_start();
        let Some(end) = rest.find([';', '{']) else { continue };
        let name = rest[..end].trim();
        if !rest[end..].starts_with(';') || name.is_empty() || name.contains(char::is_whitespace) {
            continue;
        }
        // Attributes and visibility stand between the end of the item before and the word `mod`.
        let begin = code[..at].rfind([';', '}', '{']).map_or(0, |n| n + 1);
        let before = &code[begin..at];
        let path = before.find("path").and_then(|n| source.literal(begin + n)).map(|(_, s)| s.to_owned());
        let visible = before.trim_end().ends_with("pub") || before.contains("pub(crate)");
        found.push(Declared { name: name.to_owned(), path: path.filter(|_| before.contains("#[path")), visible });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], wanted: &[(&str, &str, bool)]) {
        let tree = Tree::of(files);
        let found = crates(&tree, "p");
        let shown: Vec<(String, &str, bool)> =
            found.iter().flat_map(|c| &c.modules).map(|m| (m.path.join("::"), m.file.as_str(), m.visible)).collect();
        let wanted: Vec<(String, &str, bool)> = wanted.iter().map(|(p, f, v)| ((*p).to_owned(), *f, *v)).collect();
        assert_eq!(shown, wanted);
    }

    #[test]
    fn modules_are_followed_from_the_root_through_folders() {
        check(
            &[
                ("p/Cargo.toml", ""),
                ("p/src/lib.rs", "pub mod a;\n// mod ghost;\nmod inline { }\n#[cfg(test)]\nmod tests;"),
                ("p/src/a.rs", "mod b;"),
                ("p/src/a/b.rs", ""),
                ("p/src/tests.rs", ""),
                ("p/src/dead.rs", ""),
            ],
            &[
                ("", "p/src/lib.rs", true),
                ("a", "p/src/a.rs", true),
                ("a::b", "p/src/a/b.rs", false),
                ("tests", "p/src/tests.rs", false),
            ],
        );
    }

    #[test]
    fn a_path_attribute_and_a_named_target_are_obeyed() {
        check(
            &[
                ("p/Cargo.toml", "[[bin]]\npath = \"targets/t.rs\"\n"),
                ("p/targets/t.rs", "#[path = \"../shared/s.rs\"]\npub mod s;"),
                ("p/shared/s.rs", ""),
            ],
            &[("", "p/targets/t.rs", true), ("s", "p/shared/s.rs", true)],
        );
    }
}
