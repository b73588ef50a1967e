//! Who imports whom inside a crate, and the circles in it.
//!
//! An import is any path that names another module: in a `use`, or written out in the code. Tests are passed over, and
//! so is a parent that re-exports what its own children hold: that is a front door, not a need.

use crate::house;
use crate::modules::Crate;
use crate::source::{Source, Tree, closing, is_word, words};
use std::collections::{BTreeMap, BTreeSet};

/// Imports by position of the module in its crate.
pub type Graph = BTreeMap<usize, BTreeSet<usize>>;

/// The imports between the modules of a crate.
pub fn graph(tree: &Tree, krate: &Crate) -> Graph {
    let sources: Vec<Option<&Source>> = krate.modules.iter().map(|m| tree.source(&m.file)).collect();
    let doors: Vec<Vec<Use>> = sources.iter().map(|s| s.map_or_else(Vec::new, |s| uses(&s.live))).collect();
    let mut graph = Graph::new();
    for (from, source) in sources.iter().enumerate() {
        let Some(source) = source.filter(|s| !house::LISTS.contains(&s.path.as_str())) else { continue };
        let written = written_out(&source.live);
        for named in doors[from].iter().chain(&written) {
            let Some(to) = resolve(krate, &doors, from, &named.path, 0) else { continue };
            let front_door = named.public && krate.modules[to].path.starts_with(&krate.modules[from].path);
            if to != from && !front_door {
                graph.entry(from).or_default().insert(to);
            }
        }
    }
    graph
}

/// `graph` without what a part takes from the module that it is a part of.
///
/// `http::codec` that speaks of `http::Request` is one room with a door inside, not two rooms in a knot.
pub fn between_rooms(graph: &Graph, krate: &Crate) -> Graph {
    let inside = |from: usize, to: usize| krate.modules[from].path.starts_with(&krate.modules[to].path);
    graph.iter().map(|(from, all)| (*from, all.iter().copied().filter(|to| !inside(*from, *to)).collect())).collect()
}

/// Groups of modules that import each other, directly or around; each sorted.
pub fn circles(graph: &Graph) -> Vec<Vec<usize>> {
    let reach = |start: usize| {
        let mut seen = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(next) = todo.pop() {
            todo.extend(graph.get(&next).into_iter().flatten().copied().filter(|n| seen.insert(*n)));
        }
        seen
    };
    // Houses have hundreds of modules, not millions: reachability from each is quick and has no cleverness to trust.
    let reached: BTreeMap<usize, BTreeSet<usize>> = graph.keys().map(|n| (*n, reach(*n))).collect();
    let mut found = BTreeSet::new();
    for (start, seen) in reached.iter().filter(|(n, seen)| seen.contains(n)) {
        let back = |n: &usize| reached.get(n).is_some_and(|s| s.contains(start));
        found.insert(seen.iter().copied().filter(back).collect::<Vec<_>>());
    }
    found.into_iter().collect()
}

/// One path as written, flattened.
#[derive(Debug, PartialEq, Eq)]
struct Use {
    path: Vec<String>,
    alias: Option<String>,
    public: bool,
}

/// The paths that the `use` items of `code` name, as they are written there.
pub fn named(code: &str) -> Vec<Vec<String>> {
    uses(code).into_iter().map(|found| found.path).collect()
}

/// The `use` items of `code`, one for each leaf.
fn uses(code: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for at in words(code, "use") {
        let begin = code[..at].rfind([';', '}', '{', ']']).map_or(0, |n| n + 1);
        let before = code[begin..at].trim();
        let Some(end) = code[at..].find(';').map(|n| at + n) else { continue };
        if !before.is_empty() && !before.starts_with("pub") {
            continue;
        }
        flatten(&code[at + 3..end], &[], before.starts_with("pub"), &mut found);
    }
    found
}

fn flatten(tree: &str, prefix: &[String], public: bool, found: &mut Vec<Use>) {
    let tree = tree.trim().trim_start_matches("::");
    if let Some(open) = tree.find('{') {
        let inner = [prefix.to_vec(), segments(&tree[..open])].concat();
        let close = closing(tree, open).saturating_sub(1).max(open + 1);
        let mut depth = 0;
        let parts = tree[open + 1..close].split(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        parts.filter(|p| !p.trim().is_empty()).for_each(|part| flatten(part, &inner, public, found));
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(p, a)| (p, Some(a.trim().to_owned())));
    let mut path = [prefix.to_vec(), segments(path)].concat();
    // `use a::{self}` names `a`.
    if path.len() > 1 && path.last().is_some_and(|s| s == "self") {
        path.pop();
    }
    found.push(Use { path, alias, public });
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Paths of two names or more in the code itself.
fn written_out(code: &str) -> Vec<Use> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let begin = at;
        if code[at..].starts_with("use ") {
            at = code[at..].find(';').map_or(bytes.len(), |n| at + n);
            continue;
        }
        while at < bytes.len() && (is_word(bytes[at]) || (bytes[at] == b':' && joins(bytes, at))) {
            at += if bytes[at] == b':' { 2 } else { 1 };
        }
        // `$crate::…` is a path of the macro's user.
        if begin == 0 || bytes[begin - 1] != b'$' {
            let path = segments(&code[begin..at]);
            if path.len() > 1 {
                found.push(Use { path, alias: None, public: false });
            }
        }
    }
    found
}

fn joins(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1) == Some(&b':') && bytes.get(at + 2).is_some_and(|b| is_word(*b))
}

/// The module that `path`, written in module `from`, leads into.
fn resolve(krate: &Crate, doors: &[Vec<Use>], from: usize, path: &[String], hops: usize) -> Option<usize> {
    let here = &krate.modules[from];
    let (first, mut rest) = path.split_first()?;
    let mut at = match first.as_str() {
        "crate" => Vec::new(),
        "self" => here.path.clone(),
        "super" => {
            let mut up = here.path.clone();
            up.pop()?;
            while let Some((next, tail)) = rest.split_first().filter(|(next, _)| *next == "super") {
                up.pop().filter(|_| !next.is_empty())?;
                rest = tail;
            }
            up
        }
        child if here.children.iter().any(|c| c == child) => {
            [here.path.as_slice(), std::slice::from_ref(first)].concat()
        }
        _ => return None,
    };
    let mut found = krate.find(&at)?;
    while let Some((next, tail)) = rest.split_first() {
        at.push(next.clone());
        match krate.find(&at) {
            Some(inner) => (found, rest) = (inner, tail),
            None => break,
        }
    }
    // A name that the module only passes on belongs to where it comes from. Four doors are more than any house has.
    if let Some(name) = rest.first().filter(|_| hops < 4) {
        let passes_on = |u: &&Use| u.public && u.alias.as_ref().or(u.path.last()) == Some(name);
        if let Some(door) = doors[found].iter().find(passes_on) {
            return resolve(krate, doors, found, &door.path, hops + 1).or(Some(found));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules;

    /// `in_circles` counts modules in a circle of any kind, and in circles between rooms.
    fn check(files: &[(&str, &str)], wanted: &[(&str, &str)], in_circles: (usize, usize)) {
        let files: Vec<(&str, &str)> = files.iter().copied().chain([("p/Cargo.toml", "")]).collect();
        let tree = Tree::of(&files);
        let krate = modules::crates(&tree, "p").remove(0);
        let graph = graph(&tree, &krate);
        let name = |n: &usize| krate.modules[*n].path.join("::");
        let mut found: Vec<(String, String)> =
            graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (name(from), name(to)))).collect();
        found.sort();
        let wanted: Vec<(String, String)> = wanted.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, wanted);
        let count = |graph: &Graph| circles(graph).iter().map(Vec::len).sum::<usize>();
        assert_eq!((count(&graph), count(&between_rooms(&graph, &krate))), in_circles);
    }

    #[test]
    fn imports_are_seen_in_uses_and_in_written_paths() {
        check(
            &[
                ("p/src/lib.rs", "mod a; mod b; mod c; mod d;"),
                ("p/src/a.rs", "use crate::{b::{self, X}, c::Y as Z};\nuse std::fmt;"),
                ("p/src/b.rs", "fn f() { crate::d::go(); std::mem::drop(1); }"),
                ("p/src/c.rs", "// use crate::a;\nconst S: &str = \"crate::a::X\";"),
                ("p/src/d.rs", "#[cfg(test)]\nmod tests { use crate::a; }"),
            ],
            &[("a", "b"), ("a", "c"), ("b", "d")],
            (0, 0),
        );
    }

    #[test]
    fn a_circle_through_a_third_module_is_found() {
        check(
            &[
                ("p/src/lib.rs", "mod a; mod b; mod c; mod leaf;"),
                ("p/src/a.rs", "use crate::b;"),
                ("p/src/b.rs", "use super::c; use super::leaf;"),
                ("p/src/c.rs", "use crate::a::X; use crate::leaf;"),
                ("p/src/leaf.rs", ""),
            ],
            &[("a", "b"), ("b", "c"), ("b", "leaf"), ("c", "a"), ("c", "leaf")],
            (3, 3),
        );
    }

    #[test]
    fn a_front_door_is_no_import_and_is_looked_through() {
        check(
            &[
                ("p/src/lib.rs", "pub mod a; mod b; pub use a::X;"),
                ("p/src/a.rs", "mod inner; pub use inner::X;"),
                ("p/src/a/inner.rs", ""),
                ("p/src/b.rs", "use crate::X;"),
            ],
            &[("b", "a::inner")],
            (0, 0),
        );
    }

    #[test]
    fn a_parent_and_a_child_that_need_each_other_are_a_circle_inside_a_room() {
        check(
            &[("p/src/lib.rs", "mod a;"), ("p/src/a.rs", "mod b; use b::f;"), ("p/src/a/b.rs", "use super::T;")],
            &[("a", "a::b"), ("a::b", "a")],
            (2, 0),
        );
    }
}
