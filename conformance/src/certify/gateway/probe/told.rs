//! What an answer tells whoever asks, so that two of them can be compared.

use crate::certify::gateway::desk::Desk;
use crate::certify::http::answer::Answer;
use crate::certify::http::request::Request;
use std::collections::BTreeSet;

/// A word with a digit that is so long is an id.
const ID_BYTES_MIN: usize = 8;

/// Whether a code says that something was done, or shown.
pub fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// An answer that says something: not of load, and not of a failure.
///
/// # Errors
/// What came of the request instead.
pub fn asked(desk: &Desk, request: &Request) -> Result<Answer, String> {
    let outcome = desk.send(&desk.link.own, request);
    match outcome.answered() {
        Some(answer) if answer.status < 500 && answer.status != 429 => Ok(answer.clone()),
        _ => Err(format!("{}: {}", request.shown(desk.link.own.protocol())[0], outcome.words())),
    }
}

/// What an answer tells, without what differs between any two: the name that was asked for, what the request was
/// recognised by, and numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its code.
    pub status: u16,
    headers: BTreeSet<String>,
    body: String,
}

impl Told {
    /// What an answer to a request tells of what is called `name` there.
    pub fn new(answer: &Answer, request: &Request, name: &str) -> Told {
        let body = answer.body.replace(&request.marker, "").replace(name, "{name}");
        let headers = answer.headers.iter().map(|(name, _)| name.clone()).collect();
        Told { status: answer.status, headers, body: masked(&body) }
    }

    /// Leaves its code.
    pub fn cut(&mut self) {
        self.headers.clear();
        self.body.clear();
    }
}

/// With a sign in place of each number, and of each long word that has a digit: an id, a digest, a time.
fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (word, later) = rest.split_at(end);
        rest = later;
        if !word.contains(|c: char| c.is_ascii_digit()) {
            out.push_str(word);
        } else if word.len() >= ID_BYTES_MIN {
            out.push('#');
        } else {
            let signs = word.chars().map(|c| if c.is_ascii_digit() { '#' } else { c });
            signs.for_each(|c| {
                if c != '#' || !out.ends_with('#') {
                    out.push(c)
                }
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_any_two_answers_is_masked() {
        for (text, expected) in [
            ("took 17 ms", "took # ms"),
            ("id 6f1c2d3e-00aa-4b5c-8d7e-1234567890ab.", "id #."),
            ("at 2026-11-27T10:31:07Z, page 12 of v2", "at #:#:#Z, page # of v#"),
            ("not-found: a bad cafe", "not-found: a bad cafe"),
            ("größe 3", "größe #"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
