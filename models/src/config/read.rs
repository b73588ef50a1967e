//! Reading settings out of a tree: each getter either yields a value or notes a mistake and yields a stand-in.
//!
//! Stand-ins never leave the house: whoever reads a file asks [`Reader::finish`], which gives the mistakes instead of
//! the result when there is one. A key nobody asked for is a mistake too, and the message lists the keys that were.

use super::problems::{InputError, MALFORMED, Problems};
use super::tree::{At, Node};
use sim::Duration;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Collects the mistakes of one file.
pub struct Reader {
    file: Arc<str>,
    problems: Vec<InputError>,
}

/// A table that is being read.
pub struct Table<'n> {
    place: (u32, u32),
    what: &'static str,
    entries: &'n [(At<String>, At<Node>)],
    asked: Vec<&'static str>,
}

impl Reader {
    /// A reader of `file`, without mistakes so far.
    pub fn new(file: &str) -> Reader {
        Reader { file: file.into(), problems: Vec::new() }
    }

    /// The mistakes in order of place if there are any, else `result`.
    pub fn finish<T>(mut self, result: T) -> Result<T, Problems> {
        if self.problems.is_empty() {
            return Ok(result);
        }
        self.problems.sort();
        Err(Problems(self.problems))
    }

    /// Notes a mistake of form.
    pub fn problem(&mut self, place: (u32, u32), found: impl Into<String>, expected: impl Into<String>) {
        self.broken(MALFORMED, place, found, expected);
    }

    /// Notes a mistake that breaks the rule `code`.
    pub fn broken(
        &mut self,
        code: &'static str,
        (line, column): (u32, u32),
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let (file, found, expected) = (Arc::clone(&self.file), found.into(), expected.into());
        self.problems.push(InputError { file, line, column, found, expected, code });
    }

    /// How many mistakes there are so far.
    pub fn mistakes(&self) -> usize {
        self.problems.len()
    }

    /// Takes back the mistakes after the first `n`: what they are about is left out.
    pub fn forget_after(&mut self, n: usize) {
        self.problems.truncate(n);
    }

    /// The table at `node`; `what` names it in messages.
    pub fn table<'n>(&mut self, node: &'n At<Node>, what: &'static str) -> Option<Table<'n>> {
        let place = (node.line, node.column);
        let Node::Table(entries) = &node.value else {
            self.problem(place, node.value.describe(), format!("a table ({what})"));
            return None;
        };
        for (i, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..i].iter().find(|(k, _)| k.value == key.value) {
                let found = format!("key {:?} a second time", key.value);
                self.problem((key.line, key.column), found, format!("each key once (first on line {})", first.line));
            }
        }
        Some(Table { place, what, entries, asked: Vec::new() })
    }

    /// The list at `node`.
    pub fn list<'n>(&mut self, node: &'n At<Node>, what: &str) -> &'n [At<Node>] {
        match &node.value {
            Node::List(items) => items,
            other => {
                self.problem((node.line, node.column), other.describe(), format!("a list ({what})"));
                &[]
            }
        }
    }

    /// The text at `node`, not empty.
    pub fn text<'n>(&mut self, node: &'n At<Node>, what: &str) -> Option<&'n str> {
        match &node.value {
            Node::Text(text) if !text.trim().is_empty() => return Some(text),
            Node::Text(_) => self.problem((node.line, node.column), format!("empty {what}"), "text"),
            other => self.problem((node.line, node.column), other.describe(), format!("text ({what})")),
        }
        None
    }

    /// The text at `node` if it is among `known`.
    pub fn one_of<'n>(&mut self, node: &'n At<Node>, what: &str, known: &[Arc<str>]) -> Option<&'n str> {
        let text = self.text(node, what)?;
        if known.iter().any(|k| **k == *text) {
            return Some(text);
        }
        let expected = format!("one of {}", known.join(", "));
        self.problem((node.line, node.column), format!("unknown {what} {text:?}"), expected);
        None
    }

    /// The text at `node`, whatever it is; one that is not among `known` breaks the rule `code`, if that is given.
    pub fn word<'n>(
        &mut self,
        node: &'n At<Node>,
        what: &str,
        known: &[Arc<str>],
        code: Option<&'static str>,
    ) -> Option<&'n str> {
        let text = self.text(node, what)?;
        if let Some(code) = code.filter(|_| !known.iter().any(|k| **k == *text)) {
            let expected = format!("one of {}", known.join(", "));
            self.broken(code, (node.line, node.column), format!("unknown {what} {text:?}"), expected);
        }
        Some(text)
    }

    /// The whole number at `node` if it is in `range`, else the range's start.
    pub fn integer(&mut self, node: &At<Node>, what: &str, range: RangeInclusive<u64>) -> u64 {
        let (start, end) = (*range.start(), *range.end());
        if let Node::Integer(n) = node.value
            && let Ok(n) = u64::try_from(n)
            && range.contains(&n)
        {
            return n;
        }
        let expected = match end {
            u64::MAX => format!("a whole number of at least {start} ({what})"),
            _ => format!("a whole number from {start} to {end} ({what})"),
        };
        self.problem((node.line, node.column), node.value.describe(), expected);
        start
    }
}

impl<'n> Table<'n> {
    /// Where the table starts.
    pub fn place(&self) -> (u32, u32) {
        self.place
    }

    /// Where the value of `key` starts, or the table if it has none.
    pub fn place_of(&self, key: &str) -> (u32, u32) {
        let value = self.entries.iter().find(|(k, _)| k.value == key);
        value.map_or(self.place, |(_, value)| (value.line, value.column))
    }

    /// The value of `key`, if the table has one.
    pub fn optional(&mut self, key: &'static str) -> Option<&'n At<Node>> {
        self.asked.push(key);
        self.entries.iter().find(|(k, _)| k.value == key).map(|(_, value)| value)
    }

    /// The value of `key`; a mistake when it is missing.
    pub fn get(&mut self, r: &mut Reader, key: &'static str) -> Option<&'n At<Node>> {
        let value = self.optional(key);
        if value.is_none() {
            r.problem(self.place, format!("{} without key `{key}`", self.what), format!("`{key}`"));
        }
        value
    }

    /// The text of `key`.
    pub fn text(&mut self, r: &mut Reader, key: &'static str) -> Arc<str> {
        self.get(r, key).and_then(|node| r.text(node, key)).unwrap_or_default().into()
    }

    /// The text of `key`, which must be among `known`.
    pub fn one_of(&mut self, r: &mut Reader, key: &'static str, known: &[Arc<str>]) -> Arc<str> {
        self.get(r, key).and_then(|node| r.one_of(node, key, known)).unwrap_or_default().into()
    }

    /// The whole number of `key`, in `range`.
    pub fn integer(&mut self, r: &mut Reader, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        let start = *range.start();
        self.get(r, key).map_or(start, |node| r.integer(node, key, range))
    }

    /// The span of `key`, whose name ends in its unit: `_us`, `_ms` or `_s`. Never zero.
    pub fn span(&mut self, r: &mut Reader, key: &'static str) -> Duration {
        // 366 days bound every span, so that no sum of a few can overflow.
        const DAY_S: u64 = 86_400;
        let (unit, most) = if key.ends_with("_us") {
            (Duration::micros(1), 366 * DAY_S * 1_000_000)
        } else if key.ends_with("_ms") {
            (Duration::millis(1), 366 * DAY_S * 1_000)
        } else {
            assert!(key.ends_with("_s"), "the key of a span ends in its unit: {key}");
            (Duration::secs(1), 366 * DAY_S)
        };
        unit * self.integer(r, key, 1..=most)
    }

    /// The list of `key`.
    pub fn list(&mut self, r: &mut Reader, key: &'static str) -> &'n [At<Node>] {
        self.get(r, key).map_or(&[], |node| r.list(node, key))
    }

    /// A list of distinct texts.
    pub fn texts(&mut self, r: &mut Reader, key: &'static str) -> Vec<Arc<str>> {
        let mut texts: Vec<Arc<str>> = Vec::new();
        for node in self.list(r, key) {
            let Some(text) = r.text(node, key) else { continue };
            if texts.iter().any(|t| **t == *text) {
                r.problem((node.line, node.column), format!("{text:?} a second time"), format!("each of `{key}` once"));
            }
            texts.push(text.into());
        }
        texts
    }

    /// The table of `key`.
    pub fn table(&mut self, r: &mut Reader, key: &'static str) -> Option<Table<'n>> {
        self.get(r, key).and_then(|node| r.table(node, key))
    }

    /// Ends the reading of this table: keys nobody asked for are mistakes.
    pub fn finish(self, r: &mut Reader) {
        for (key, _) in self.entries {
            if !self.asked.contains(&key.value.as_str()) {
                let found = format!("unknown key `{}` in {}", key.value, self.what);
                r.problem((key.line, key.column), found, format!("one of {}", self.asked.join(", ")));
            }
        }
    }
}

/// `[a-z0-9][a-z0-9-]{0,62}`: an id becomes part of topics, keys and paths, so no separator of those may occur in it.
/// The rule is still generous enough for hostile neighbours (`acme-corp` beside `acme`).
pub fn is_tenant_id(id: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&id.len()) && id.bytes().all(legal) && !id.starts_with('-')
}

/// `[a-z][a-z0-9_]{0,40}`, and no schema that every database has: the name stands unquoted in SQL.
pub fn is_schema_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let formed = (1..=41).contains(&name.len()) && name.bytes().all(legal) && name.as_bytes()[0].is_ascii_lowercase();
    formed && !name.starts_with("pg_") && !["public", "information_schema"].contains(&name)
}
