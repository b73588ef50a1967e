//! Turning what is not code into spaces, byte for byte.
//!
//! Not a Rust lexer: it knows just enough to tell comments, strings, characters and lifetimes apart, and keeps the
//! quotes of strings in place, so that their insides can be looked up in the text.

use super::scan::{closing, is_word};

/// `text` without comments and without the insides of string and character literals.
pub fn literals_and_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let next = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => wipe(&mut out, at, line_end(bytes, at)),
            b'/' if bytes.get(at + 1) == Some(&b'*') => wipe(&mut out, at, comment_end(bytes, at)),
            b'"' => {
                let end = string_end(bytes, at);
                wipe(&mut out, at + 1, end.saturating_sub(1).max(at + 1));
                end
            }
            b'\'' => {
                let end = char_end(bytes, at);
                wipe(&mut out, at + 1, end.saturating_sub(1).max(at + 1));
                end
            }
            b'r' if at == 0 || !is_word(bytes[at - 1]) || is_raw_prefix(bytes, at) => match raw_end(bytes, at) {
                Some((open, close, end)) => {
                    wipe(&mut out, open, close);
                    end
                }
                None => at + 1,
            },
            _ => at + 1,
        };
        at = next;
    }
    String::from_utf8(out).expect("whole characters were replaced")
}

/// `code` without items behind `#[cfg(test)]` and `#[test]`.
pub fn tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for mark in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (at, _) in code.match_indices(mark) {
            if out[at] == b'#' {
                wipe(&mut out, at, item_end(code, at));
            }
        }
    }
    String::from_utf8(out).expect("whole characters were replaced")
}

/// Names of the modules that `code` declares for tests, in files of their own.
pub fn test_modules(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("#[cfg(test)]").filter_map(|(at, mark)| {
        let item = code[at + mark.len()..item_end(code, at)].trim();
        Some(item.strip_suffix(';')?.split_once("mod ")?.1.trim())
    })
}

/// Only the line breaks of `code`.
pub fn everything(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    wipe(&mut out, 0, code.len());
    String::from_utf8(out).expect("spaces and line breaks")
}

fn wipe(out: &mut [u8], from: usize, to: usize) -> usize {
    for byte in &mut out[from..to] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    to
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n)
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at + 1 < bytes.len() {
        match (bytes[at], bytes[at + 1]) {
            (b'/', b'*') => depth += 1,
            (b'*', b'/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Past a character literal, or past the quote alone when it begins a lifetime.
fn char_end(bytes: &[u8], open: usize) -> usize {
    let Some(first) = bytes.get(open + 1) else { return bytes.len() };
    let past = match first {
        b'\\' => {
            // Past the escaped character, then to the quote: `'\u{1F600}'`.
            let from = (open + 3).min(bytes.len());
            match bytes[from..].iter().take(12).position(|b| *b == b'\'') {
                Some(n) => return from + n + 1,
                None => return open + 1,
            }
        }
        b if *b < 0x80 => open + 2,
        b if *b < 0xe0 => open + 3,
        b if *b < 0xf0 => open + 4,
        _ => open + 5,
    };
    if bytes.get(past) == Some(&b'\'') { past + 1 } else { open + 1 }
}

/// Whether the `r` at `at` follows the `b` or `c` of a literal prefix such as `br"…"`.
fn is_raw_prefix(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at - 1], b'b' | b'c') && (at == 1 || !is_word(bytes[at - 2]))
}

/// Insides and end of the raw string that begins with the `r` at `at`, if one does.
fn raw_end(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
    let quote = at + 1 + hashes;
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let open = quote + 1;
    let mut close = open;
    while close < bytes.len() {
        let tail = &bytes[close + 1..];
        if bytes[close] == b'"' && tail.len() >= hashes && tail[..hashes].iter().all(|b| *b == b'#') {
            return Some((open, close, close + 1 + hashes));
        }
        close += 1;
    }
    Some((open, bytes.len(), bytes.len()))
}

/// Past the item that begins with attributes at `at`: its block, or its semicolon.
fn item_end(code: &str, at: usize) -> usize {
    let bytes = code.as_bytes();
    let mut here = at;
    while here < bytes.len() {
        match bytes[here] {
            b'#' if bytes.get(here + 1) == Some(&b'[') => here = closing(code, here + 1),
            b'(' | b'[' => here = closing(code, here),
            b'{' => return closing(code, here),
            b';' => return here + 1,
            _ => here += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    fn check(text: &str, wanted: &str) {
        assert_eq!(super::literals_and_comments(text), wanted);
    }

    #[test]
    fn comments_and_literals_become_spaces_of_the_same_length() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x\"{", '{', '\'', 'é')"#, r#"f("    ", ' ', '  ', '  ')"#);
        check(r##"f(r#"a"b{"#, br"{", r#type)"##, r##"f(r#"    "#, br" ", r#type)"##);
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        check("fn f<'a>(x: &'a str, c: char) { 'x' }", "fn f<'a>(x: &'a str, c: char) { ' ' }");
    }

    #[test]
    fn test_items_vanish_and_the_rest_stays_in_place() {
        let code = "fn a() {}\n#[cfg(test)]\n#[rustfmt::skip]\nmod t { fn b() {} }\nfn c() {}\n#[cfg(test)]\nmod d;\nx";
        let live = super::tests(code);
        assert_eq!(live.len(), code.len());
        assert_eq!(live.split_whitespace().collect::<Vec<_>>(), ["fn", "a()", "{}", "fn", "c()", "{}", "x"]);
    }
}
