//! The checkout as text: every file once, and each Rust file in three shades.
//!
//! `code` is `text` with comments and the insides of literals turned into spaces, and `live` also without tests. All
//! three have the same length, so an offset found in one is valid in the others.

mod blank;
mod scan;

use crate::house;
pub use scan::{closing, is_word, words};
use std::fs;
use std::path::Path;

/// One file of Rust.
#[derive(Debug)]
pub struct Source {
    /// From the top of the checkout, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// Without comments and the insides of literals.
    pub code: String,
    /// `code` without tests.
    pub live: String,
}

/// One file of anything else.
#[derive(Debug)]
pub struct Other {
    /// From the top of the checkout, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
}

/// Everything that is read, in order of path.
#[derive(Debug, Default)]
pub struct Tree {
    /// The files of Rust.
    pub sources: Vec<Source>,
    /// All other text.
    pub others: Vec<Other>,
}

impl Source {
    /// Shades `text`.
    pub fn new(path: &str, text: &str) -> Source {
        let code = blank::literals_and_comments(text);
        let testing = path.contains("/tests/") || path.contains("/benches/");
        let live = if testing { blank::everything(&code) } else { blank::tests(&code) };
        Source { path: path.to_owned(), text: text.to_owned(), code, live }
    }

    /// Line number, from 1, of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count()
    }

    /// The insides of the first string literal at or after `offset`, and where it begins.
    pub fn literal(&self, offset: usize) -> Option<(usize, &str)> {
        let open = offset + self.code[offset..].find('"')? + 1;
        let close = open + self.code[open..].find('"')?;
        Some((open, &self.text[open..close]))
    }
}

impl Tree {
    /// Reads the checkout at `root`.
    pub fn read(root: &Path) -> Result<Tree, String> {
        let mut tree = Tree::default();
        tree.read_folder(root, "")?;
        tree.sources.sort_by(|a, b| a.path.cmp(&b.path));
        tree.others.sort_by(|a, b| a.path.cmp(&b.path));
        tree.shade_test_files();
        Ok(tree)
    }

    /// A tree out of texts, for tests.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.add((*path).to_owned(), (*text).to_owned());
        }
        tree.shade_test_files();
        tree
    }

    /// The Rust file at `path`.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.path == path)
    }

    /// The other file at `path`.
    pub fn other(&self, path: &str) -> Option<&Other> {
        self.others.iter().find(|s| s.path == path)
    }

    /// Folders of the packages below the top, in order.
    pub fn packages(&self) -> Vec<&str> {
        self.others.iter().filter_map(|o| o.path.strip_suffix("/Cargo.toml")).collect()
    }

    /// The package that `path` belongs to: the innermost folder with a manifest.
    pub fn package_of(&self, path: &str) -> Option<&str> {
        let inside = |folder: &&str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.packages().into_iter().filter(inside).max_by_key(|folder| folder.len())
    }

    fn read_folder(&mut self, root: &Path, folder: &str) -> Result<(), String> {
        let trouble = |e: std::io::Error| format!("failed to read {}: {e}", root.join(folder).display());
        for entry in fs::read_dir(root.join(folder)).map_err(trouble)? {
            let entry = entry.map_err(trouble)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if house::UNREAD.contains(&name.as_str()) {
                continue;
            }
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().map_err(trouble)?.is_dir() {
                self.read_folder(root, &path)?;
            } else if let Ok(text) = fs::read_to_string(root.join(&path)) {
                // What is not UTF-8 is not text, and not ours to judge.
                self.add(path, text);
            }
        }
        Ok(())
    }

    /// A file behind `#[cfg(test)] mod name;` is a test from end to end, and so is what lies below it.
    fn shade_test_files(&mut self) {
        let mut places = Vec::new();
        for source in &self.sources {
            let Some((folder, file)) = source.path.rsplit_once('/') else { continue };
            let stem = file.trim_end_matches(".rs");
            let inner = if matches!(stem, "lib" | "main" | "mod") { String::new() } else { format!("/{stem}") };
            places.extend(blank::test_modules(&source.code).map(|name| format!("{folder}{inner}/{name}")));
        }
        for source in &mut self.sources {
            let path = source.path.trim_end_matches(".rs");
            let below =
                |place: &String| path.strip_prefix(place.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'));
            if places.iter().any(below) {
                source.live = blank::everything(&source.code);
            }
        }
    }

    fn add(&mut self, path: String, text: String) {
        if path.ends_with(".rs") {
            self.sources.push(Source::new(&path, &text));
        } else {
            self.others.push(Other { path, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_read_from_the_text_behind_its_quotes() {
        let source = Source::new("a.rs", "control!(/* \"no\" */ \"cache.acl\", off: \"x\")");
        assert_eq!(source.literal(0).map(|(_, s)| s), Some("cache.acl"));
    }

    #[test]
    fn a_file_behind_a_test_attribute_is_a_test() {
        let tree = Tree::of(&[
            ("sim/src/lib.rs", "mod a;"),
            ("sim/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod case_tests;"),
            ("sim/src/a/case_tests.rs", "fn b() {}\nmod deep;"),
            ("sim/src/a/case_tests/deep.rs", "fn c() {}"),
        ]);
        let live: Vec<&str> = tree.sources.iter().map(|s| s.live.trim()).collect();
        assert_eq!(live, ["mod a;", "fn a() {}", "", ""]);
    }

    #[test]
    fn the_innermost_manifest_owns_a_file() {
        let tree = Tree::of(&[("sim/Cargo.toml", ""), ("sim/turmoil/Cargo.toml", ""), ("Cargo.toml", "")]);
        assert_eq!(tree.package_of("sim/turmoil/src/lib.rs"), Some("sim/turmoil"));
        assert_eq!(tree.package_of("sim/src/lib.rs"), Some("sim"));
        assert_eq!(tree.package_of("simple/lib.rs"), None);
    }
}
