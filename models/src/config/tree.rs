//! YAML and TOML read into one tree, in which every key and every value knows its line and column.
//!
//! Why not derive the readers: a derived reader stops at the first mistake, and knows no place for one that only shows
//! later (an unknown region, a second tenant of the same name).

use super::problems::{InputError, MALFORMED, Problems};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned};
use std::fmt;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A value with the place where it starts; line and column count from 1.
#[derive(Clone, PartialEq, Debug)]
pub struct At<T> {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What stands there.
    pub value: T,
}

/// What YAML and TOML have in common.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// YAML's `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, or too large. No setting takes one, so the value is not kept.
    Fraction,
    /// A TOML date. No setting takes one.
    Date,
    /// Text.
    Text(String),
    /// A list.
    List(Vec<At<Node>>),
    /// A table; keys in file order for YAML, sorted for TOML. YAML keys may repeat: the reader objects.
    Table(Vec<(At<String>, At<Node>)>),
}

impl Node {
    /// How a message names what stands there: `integer 7`, `text "MOON"`, `a list`.
    pub fn describe(&self) -> String {
        match self {
            Node::Null => "nothing".into(),
            Node::Boolean(b) => format!("boolean {b}"),
            Node::Integer(n) => format!("integer {n}"),
            Node::Fraction => "a number that is not whole, or too large".into(),
            Node::Date => "a date".into(),
            Node::Text(text) => format!("text {text:?}"),
            Node::List(_) => "a list".into(),
            Node::Table(_) => "a table".into(),
        }
    }
}

/// Reads YAML 1.2: only `true` and `false` are booleans, and keys are not merged (`<<` is an ordinary key).
pub fn from_yaml(file: &str, text: &str) -> Result<At<Node>, Problems> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options).map(place).map_err(|error| {
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let message = error.to_string();
        // The library ends its messages with the place, which we print in front, and with advice to programmers.
        let found = message
            .split(" at line ")
            .next()
            .and_then(|rest| rest.split("; use ").next())
            .unwrap_or(&message)
            .lines()
            .next()
            .unwrap_or_default();
        let (line, column) = (at.line() as u32, at.column() as u32);
        InputError {
            file: file.into(),
            line,
            column,
            found: found.into(),
            expected: "valid YAML".into(),
            code: MALFORMED,
        }
        .into()
    })
}

fn place<T>(spanned: Spanned<T>) -> At<T> {
    let Spanned { value, referenced, .. } = spanned;
    At { line: referenced.line() as u32, column: referenced.column() as u32, value }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }
    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Node, E> {
        Ok(Node::Boolean(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Node, E> {
        Ok(Node::Integer(n))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
        Ok(i64::try_from(n).map_or(Node::Fraction, Node::Integer))
    }
    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Fraction)
    }
    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Fraction)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Fraction)
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Node>>()? {
            list.push(place(item));
        }
        Ok(Node::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut table = Vec::new();
        while let Some(key) = map.next_key::<Spanned<Node>>()? {
            let At { line, column, value } = place(key);
            let value = match value {
                Node::Text(text) => text,
                Node::Integer(n) => n.to_string(),
                Node::Boolean(b) => b.to_string(),
                Node::Null => "null".into(),
                // No table knows such a key, so the reader objects to it, with its place.
                other => other.describe(),
            };
            table.push((At { line, column, value }, place(map.next_value::<Spanned<Node>>()?)));
        }
        Ok(Node::Table(table))
    }
}

/// Reads TOML 1.1, and reports every syntax error of the file.
pub fn from_toml(file: &str, text: &str) -> Result<At<Node>, Problems> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(At { line: 1, column: 1, value: from_table(&lines, table.get_ref()) });
    }
    let file: Arc<str> = file.into();
    let problem = |error: &toml::de::Error| {
        let (line, column) = lines.place(error.span().map_or(0, |span| span.start));
        let message = error.message();
        let (found, expected) = message.split_once(", expected ").unwrap_or((message, "valid TOML"));
        let (found, expected, code) = (found.into(), expected.into(), MALFORMED);
        InputError { file: Arc::clone(&file), line, column, found, expected, code }
    };
    Err(Problems(errors.iter().map(problem).collect()))
}

fn from_table(lines: &Lines, table: &DeTable) -> Node {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue>)| {
        let name: &std::borrow::Cow<str> = key.get_ref();
        let (line, column) = lines.place(key.span().start);
        let (at_line, at_column) = lines.place(value.span().start);
        let value = At { line: at_line, column: at_column, value: from_value(lines, value.get_ref()) };
        (At { line, column, value: name.to_string() }, value)
    };
    Node::Table(table.iter().map(entry).collect())
}

fn from_value(lines: &Lines, value: &DeValue) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).map_or(Node::Fraction, Node::Integer),
        DeValue::Float(_) => Node::Fraction,
        DeValue::Boolean(b) => Node::Boolean(*b),
        DeValue::Datetime(_) => Node::Date,
        DeValue::Table(table) => from_table(lines, table),
        DeValue::Array(items) => {
            let item = |item: &toml::Spanned<DeValue>| {
                let (line, column) = lines.place(item.span().start);
                At { line, column, value: from_value(lines, item.get_ref()) }
            };
            Node::List(items.iter().map(item).collect())
        }
    }
}

/// Where lines start, so that a byte offset becomes a line and a column.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Lines { text, starts }
    }
    fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line as u32, column as u32 + 1)
    }
}
