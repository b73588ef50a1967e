//! What must not be written: machine paths, hosts of registries, leftovers of debugging, words that break determinism.

use super::remark::Remark;
use crate::house;
use crate::source::{Source, Tree, is_word, words};

/// Folders of a machine rather than of the project. In pieces, so that this file does not accuse itself.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Hosts of package registries: where packages come from is the business of whoever builds.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("registry.npm", "js.org"),
    concat!("py", "pi.org"),
    concat!("proxy.go", "lang.org"),
];

/// The lock file names the registry by design.
const LOCK: &str = "Cargo.lock";

/// Left behind while writing. The first two are also banned by clippy, which is not installed everywhere.
const LEFTOVERS: &[(&str, &str)] = &[
    ("dbg!", "take it out"),
    ("todo!", "finish it, or return an error that says what is missing"),
    ("unimplemented!", "finish it, or return an error that says what is missing"),
    ("#[ignore", "a test that never runs proves nothing: assert today's behaviour and say what is wrong with it"),
    ("#[should_panic", "return data and assert it; a broken invariant is caught by the runner"),
];

pub fn check(tree: &Tree) -> Vec<Remark> {
    let mut found = Vec::new();
    for source in &tree.sources {
        opening(source, &mut found);
        places(&source.path, &source.text, &mut found);
        banned(source, &mut found);
        for (word, advice) in LEFTOVERS {
            for at in words(&source.code, word) {
                found.push(Remark::wrong(place(source, at), format!("`{word}`: {advice}")));
            }
        }
    }
    for other in tree.others.iter().filter(|o| !o.path.ends_with(LOCK)) {
        places(&other.path, &other.text, &mut found);
    }
    found
}

fn opening(source: &Source, found: &mut Vec<Remark>) {
    if !source.text.starts_with("//!") {
        let says = "open with `//!`: what the file is, then the one thing a reader would not guess";
        found.push(Remark::wrong(&source.path, says));
    }
}

fn places(path: &str, text: &str, found: &mut Vec<Remark>) {
    for (number, line) in text.lines().enumerate() {
        let here = || format!("{path}:{}", number + 1);
        for folder in MACHINE_PATHS {
            // `https://host/…` and `some/…` continue a path of their own; only an absolute path is a machine's.
            let starts = |at: usize| at == 0 || !is_path(line.as_bytes()[at - 1]);
            if line.match_indices(folder).any(|(at, _)| starts(at)) {
                found.push(Remark::wrong(here(), format!("names the machine path `{folder}`")));
            }
        }
        for host in REGISTRIES {
            if line.contains(host) {
                found.push(Remark::wrong(here(), format!("names the package registry `{host}`")));
            }
        }
    }
}

fn is_path(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'-' | b'}' | b'*')
}

/// The same bans as clippy's, on code. A file that `expect`s clippy's lint with a reason has said why.
fn banned(source: &Source, found: &mut Vec<Remark>) {
    let package = source.path.split('/').next().unwrap_or_default();
    let excused = source.text.contains("expect(clippy::disallowed_") && source.text.contains("reason = ");
    if !house::DETERMINISTIC.contains(&package) || excused {
        return;
    }
    for (word, reason) in house::BANNED {
        for at in words(&source.code, word) {
            found.push(Remark::wrong(place(source, at), format!("`{word}` in `{package}`: {reason}")));
        }
    }
}

fn place(source: &Source, at: usize) -> String {
    format!("{}:{}", source.path, source.line(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, wanted: &[&str]) {
        let found: Vec<String> = super::check(&Tree::of(&[(path, text)])).into_iter().map(|r| r.says).collect();
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (says, part) in found.iter().zip(wanted) {
            assert!(says.contains(part), "{says} / {part}");
        }
    }

    #[test]
    fn a_file_without_an_opening_comment_is_named() {
        check("sim/src/a.rs", "//! A thing.\n", &[]);
        check("sim/src/a.rs", "// A thing.\n", &["open with"]);
    }

    #[test]
    fn words_that_break_determinism_are_found_in_code_of_the_three_crates_only() {
        let text = "//! No HashMap.\nuse std::collections::HashMap; // SystemTime\nconst A: &str = \"thread_rng\";\n";
        check("models/src/a.rs", text, &["BTreeMap"]);
        check("conformance/src/a.rs", text, &[]);
        let excuse = "//! A bench.\n#![expect(clippy::disallowed_types, reason = \"it measures\")]\nuse SystemTime;\n";
        check("sim/benches/a.rs", excuse, &[]);
    }

    #[test]
    fn leftovers_are_found_in_code_and_not_in_prose() {
        check("xtask/src/a.rs", "//! About todo!\nfn f() { todo!() }\n", &["finish it"]);
        check("xtask/src/a.rs", "//! x\n#[test]\n#[ignore = \"slow\"]\nfn t() {}\n", &["never runs"]);
    }

    #[test]
    fn paths_of_a_machine_are_found_and_paths_of_the_project_are_not() {
        let machine = format!("see {}tmp", MACHINE_PATHS[0]);
        check("notes.md", &machine, &["machine path"]);
        let inside = format!("see src{0}tmp and https://example.org{0}1", MACHINE_PATHS[0]);
        check("notes.md", &inside, &[]);
        check("notes.md", REGISTRIES[0], &["registry"]);
        check("Cargo.lock", REGISTRIES[0], &[]);
    }
}
