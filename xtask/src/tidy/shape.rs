//! How long things are: lines, files, functions. Counted on text, so that code that is compiled out counts too.

use super::remark::Remark;
use crate::house::{COLUMNS_MAX, FILE_LINES, FUNCTION_LINES};
use crate::source::{Source, Tree, closing, words};

pub fn check(tree: &Tree) -> Vec<Remark> {
    let mut found = Vec::new();
    for source in &tree.sources {
        columns(source, &mut found);
        file(source, &mut found);
        functions(source, &mut found);
    }
    found
}

fn columns(source: &Source, found: &mut Vec<Remark>) {
    for (number, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            let place = format!("{}:{}", source.path, number + 1);
            found.push(Remark::wrong(place, format!("{columns} columns; {COLUMNS_MAX} fit on a page")));
        }
    }
}

fn file(source: &Source, found: &mut Vec<Remark>) {
    let lines = source.text.lines().count();
    let (look, wrong) = FILE_LINES;
    if lines > wrong {
        found.push(Remark::wrong(&source.path, format!("{lines} lines, more than {wrong}: split it")));
    } else if lines > look {
        found.push(Remark::look(&source.path, format!("{lines} lines: look for the second noun")));
    }
}

fn functions(source: &Source, found: &mut Vec<Remark>) {
    let (look, wrong) = FUNCTION_LINES;
    for (name, begin, end) in bodies(&source.code) {
        let first = source.line(begin);
        let lines = source.line(end - 1) - first + 1;
        let place = format!("{}:{first}", source.path);
        if lines > wrong {
            found.push(Remark::wrong(place, format!("`{name}` has {lines} lines, more than {wrong}")));
        } else if lines > look {
            found.push(Remark::look(place, format!("`{name}` has {lines} lines; {look} fit a screen")));
        }
    }
}

/// Name, begin and end of every function with a body.
fn bodies(code: &str) -> Vec<(&str, usize, usize)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for begin in words(code, "fn") {
        let name = code[begin + 2..].trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next();
        // A type such as `fn(u8) -> u8` has no name.
        let Some(name) = name.filter(|n| !n.is_empty()) else { continue };
        let mut at = begin;
        while at < bytes.len() {
            match bytes[at] {
                b'(' | b'[' => at = closing(code, at),
                b'{' => {
                    found.push((name, begin, closing(code, at)));
                    break;
                }
                b';' | b'}' => break,
                _ => at += 1,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &[(bool, &str)]) {
        let found = super::check(&Tree::of(&[("sim/src/a.rs", text)]));
        let shown: Vec<(bool, String)> =
            found.into_iter().map(|r| (r.wrong, format!("{} {}", r.place, r.says))).collect();
        assert_eq!(shown.len(), wanted.len(), "{shown:?}");
        for ((wrong, says), (wanted, part)) in shown.iter().zip(wanted) {
            assert!(wrong == wanted && says.contains(part), "{says} / {part}");
        }
    }

    #[test]
    fn a_long_line_is_measured_in_characters() {
        check(&"é".repeat(120), &[]);
        check(&"x".repeat(121), &[(true, "121 columns")]);
    }

    #[test]
    fn a_long_file_is_looked_at_and_a_very_long_one_is_wrong() {
        check(&"\n".repeat(400), &[]);
        check(&"\n".repeat(401), &[(false, "401 lines")]);
        check(&"\n".repeat(701), &[(true, "701 lines")]);
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_last_bracket() {
        let body = |lines: usize| format!("\nfn a(x: [u8; 2]) -> fn(u8) {{{}}}\nfn b();\n", "\n".repeat(lines - 1));
        check(&body(70), &[]);
        check(&body(71), &[(false, "a.rs:2 `a` has 71 lines")]);
        check(&body(101), &[(true, "`a` has 101 lines")]);
    }
}
