//! The controls of the models, as text: where each is declared, and the one place that enforces it.

use crate::modules;
use crate::source::{Source, Tree, closing, is_word, words};

/// A `pub const NAME: Control = control!("id", …)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// `component.check`.
    pub id: String,
    /// The name of the const.
    pub name: String,
    /// Path that the rest of the crate can write, up to the name: `crate::cache::client`.
    pub module: String,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
}

/// One `….on(&NAME)` outside tests: the bytes of the whole expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enforced {
    /// Its file.
    pub file: String,
    /// From the first byte of the receiver …
    pub begin: usize,
    /// … to past the closing bracket.
    pub end: usize,
    /// Its line, from 1.
    pub line: usize,
}

/// Every control that the compiled modules of `models` declare, in order of id.
pub fn declared(tree: &Tree) -> Vec<Declared> {
    let mut found = Vec::new();
    // The library only: a bench is a crate of its own, and may stand before it.
    let is_library = |krate: &&modules::Crate| krate.modules.iter().any(|m| m.file == "models/src/lib.rs");
    for krate in modules::crates(tree, "models").iter().filter(is_library) {
        for module in &krate.modules {
            let Some(source) = tree.source(&module.file) else { continue };
            // A private module cannot be named from outside: its parent re-exports what others need.
            let named = (1..=module.path.len())
                .take_while(|n| krate.find(&module.path[..*n]).is_some_and(|m| krate.modules[m].visible))
                .last()
                .unwrap_or(0);
            let path = ["crate"].into_iter().chain(module.path[..named].iter().map(String::as_str));
            let path = path.collect::<Vec<_>>().join("::");
            found.extend(in_source(source, &path));
        }
    }
    found.sort_by(|a, b| (&a.id, &a.file, a.line).cmp(&(&b.id, &b.file, b.line)));
    found
}

fn in_source(source: &Source, module: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    for at in words(&source.live, "const") {
        let Some(end) = source.live[at..].find(';').map(|n| at + n) else { continue };
        let item = &source.live[at..end];
        let Some((head, value)) = item.split_once('=') else { continue };
        let Some((name, kind)) = head["const".len()..].split_once(':') else { continue };
        let macro_name = value.trim_start().trim_start_matches("crate::").trim_start_matches("models::");
        if kind.trim().rsplit("::").next() != Some("Control") || !macro_name.starts_with("control!") {
            continue;
        }
        if let Some((_, id)) = source.literal(at) {
            found.push(Declared {
                id: id.to_owned(),
                name: name.trim().to_owned(),
                module: module.to_owned(),
                file: source.path.clone(),
                line: source.line(at),
            });
        }
    }
    found
}

/// Every place that enforces `control`. A sound control has one.
///
/// Two components may choose the same name for a const: then the place in the same file counts, else in the same
/// component.
pub fn enforced(tree: &Tree, all: &[Declared], control: &Declared) -> Vec<Enforced> {
    let everywhere: Vec<Enforced> = tree
        .sources
        .iter()
        .filter(|s| s.path.starts_with("models/src/"))
        .flat_map(|s| enforced_in(s, &control.name))
        .collect();
    if all.iter().filter(|c| c.name == control.name).count() < 2 {
        return everywhere;
    }
    let same_file: Vec<Enforced> = everywhere.iter().filter(|e| e.file == control.file).cloned().collect();
    if !same_file.is_empty() {
        return same_file;
    }
    everywhere.into_iter().filter(|e| component(&e.file) == component(&control.file)).collect()
}

/// The component that a file of `models` belongs to: the folder or the file right under `src`.
pub fn component(file: &str) -> &str {
    let inside = file.strip_prefix("models/src/").unwrap_or(file);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn enforced_in(source: &Source, name: &str) -> Vec<Enforced> {
    let code = source.live.as_str();
    let mut found = Vec::new();
    for (dot, _) in code.match_indices(".on(") {
        let open = dot + ".on".len();
        let end = closing(code, open);
        let argument = code[open + 1..end - 1].trim().trim_end_matches(',').trim_end();
        let Some(path) = argument.strip_prefix('&') else { continue };
        if path.trim().rsplit("::").next() == Some(name) {
            let begin = receiver(code, dot);
            found.push(Enforced { file: source.path.clone(), begin, end, line: source.line(dot) });
        }
    }
    found
}

/// Where the expression begins whose method is called at `dot`: `ctx.controls()` in `!ctx.controls().on(&X)`.
fn receiver(code: &str, dot: usize) -> usize {
    let bytes = code.as_bytes();
    let mut at = dot;
    loop {
        let mut end = back_over_spaces(bytes, at);
        while end > 0 && matches!(bytes[end - 1], b')' | b']' | b'?') {
            end = if bytes[end - 1] == b'?' { end - 1 } else { opening(bytes, end - 1) };
        }
        let mut begin = end;
        while begin > 0 && is_word(bytes[begin - 1]) {
            begin -= 1;
        }
        let before = back_over_spaces(bytes, begin);
        if before > 0 && bytes[before - 1] == b'.' && (before < 2 || bytes[before - 2] != b'.') {
            at = before - 1;
        } else if begin >= 2 && &bytes[begin - 2..begin] == b"::" {
            at = begin - 2;
        } else {
            return begin;
        }
    }
}

fn back_over_spaces(bytes: &[u8], mut at: usize) -> usize {
    while at > 0 && bytes[at - 1].is_ascii_whitespace() {
        at -= 1;
    }
    at
}

/// Offset of the bracket that the one at `close` closes.
fn opening(bytes: &[u8], close: usize) -> usize {
    let mut depth = 0usize;
    for at in (0..=close).rev() {
        match bytes[at] {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(cache: &str) -> Tree {
        Tree::of(&[
            ("models/Cargo.toml", ""),
            ("models/src/lib.rs", "pub mod cache;"),
            ("models/src/cache.rs", "mod client;\npub mod fence;"),
            ("models/src/cache/client.rs", cache),
            ("models/src/cache/fence.rs", "pub const FENCE: Control = control!(\n    \"cache.fence\", off: \"\");"),
        ])
    }

    fn check(code: &str, wanted: &[&str]) {
        let tree = tree(&format!("pub const KEY: Control = control!(\"cache.key\");\n{code}"));
        let all = declared(&tree);
        let places = enforced(&tree, &all, &all[1]);
        let file = tree.source("models/src/cache/client.rs").expect("the fixture has it");
        let found: Vec<&str> = places.iter().map(|e| &file.text[e.begin..e.end]).collect();
        assert_eq!(found, wanted, "{code}");
    }

    #[test]
    fn a_control_is_named_by_the_innermost_module_that_others_can_see() {
        let all = declared(&tree(
            "pub const KEY: Control = control!(\"cache.key\");\n#[cfg(test)]\nmod t { const T: \
                                   Control = control!(\"no\"); }",
        ));
        let shown: Vec<(&str, String)> =
            all.iter().map(|c| (c.id.as_str(), format!("{}::{}", c.module, c.name))).collect();
        assert_eq!(
            shown,
            [("cache.fence", "crate::cache::fence::FENCE".into()), ("cache.key", "crate::cache::KEY".into())]
        );
    }

    #[test]
    fn the_whole_question_is_found_with_whatever_is_asked() {
        check("fn f() { if controls.on(&KEY) {} }", &["controls.on(&KEY)"]);
        check("fn f() { if !ctx.controls().on(&super::KEY) {} }", &["ctx.controls().on(&super::KEY)"]);
        check(
            "fn f() { a && self.parts[i].controls\n        .on(&KEY) }",
            &["self.parts[i].controls\n        .on(&KEY)"],
        );
        check("fn f() { (a)(crate::now(x?).on(&KEY)) }", &["crate::now(x?).on(&KEY)"]);
    }

    #[test]
    fn tests_comments_and_longer_names_do_not_enforce() {
        check("// c.on(&KEY)\nfn f() { c.on(&KEY_TWO); c.on(&OTHER) }\n#[test]\nfn t() { c.on(&KEY); }", &[]);
        check("fn f() { c.on(&KEY); d.on(&KEY) }", &["c.on(&KEY)", "d.on(&KEY)"]);
    }
}
