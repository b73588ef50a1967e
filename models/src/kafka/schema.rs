//! The event format of schema-governed topics, and its check at ingestion.
//!
//! An event is `E7`, schema id, field count, then fields of tag, kind, length and bytes: small enough to check on every
//! produce, where parsing JSON would cost more than the append. Unknown fields are refused: a field that no schema
//! names has no classification.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;

/// Events that do not fit their topic's schema are refused at ingestion.
pub const SCHEMA_VALIDATION: Control = control!(
    "kafka.schema-validation",
    upholds: ["EVT-02", "EVT-06"],
    off: "the broker appends any bytes, as without confluent.value.schema.validation: consumers break, or believe it",
);

const MAGIC: u8 = 0xE7;

/// Type of a field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Kind {
    /// UTF-8 text.
    Text = 0,
    /// Signed 64-bit integer, little endian.
    Int = 1,
    /// One byte, 0 or 1.
    Bool = 2,
    /// Anything.
    Bytes = 3,
}

/// What a schema says of one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldRule {
    /// Number of the field.
    pub tag: u8,
    /// Its type.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
}

/// The schema of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    /// Schema id that events must carry.
    pub id: u16,
    /// Its fields; at most 64.
    pub fields: Vec<FieldRule>,
}

/// Why an event is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Invalid {
    /// Not an event at all, cut short, or with bytes behind its end.
    Malformed,
    /// An event of another schema.
    WrongSchema(u16),
    /// A required field is absent.
    Missing(u8),
    /// A field has another type, or a value that its type does not have.
    WrongType(u8),
    /// A field that the schema does not name, or names once and finds twice.
    Unexpected(u8),
}

impl Schema {
    /// Checks one event.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, controls: &Controls, value: &[u8]) -> Result<(), Invalid> {
        if controls.on(&SCHEMA_VALIDATION) { self.validate(value) } else { Ok(()) }
    }

    /// What the check finds, for whoever judges a log afterwards: no control stands before it.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn validate(&self, value: &[u8]) -> Result<(), Invalid> {
        let [MAGIC, low, high, count, rest @ ..] = value else { return Err(Invalid::Malformed) };
        let id = u16::from_le_bytes([*low, *high]);
        if id != self.id {
            return Err(Invalid::WrongSchema(id));
        }
        let (mut rest, mut seen) = (rest, 0u64);
        for _ in 0..*count {
            let (tag, kind, content, after) = field(rest).ok_or(Invalid::Malformed)?;
            rest = after;
            let rule = self.fields.iter().position(|f| f.tag == tag).ok_or(Invalid::Unexpected(tag))?;
            if seen >> rule & 1 == 1 {
                return Err(Invalid::Unexpected(tag));
            }
            seen |= 1 << rule;
            let expected = self.fields[rule].kind;
            if kind != expected as u8 || !fits(expected, content) {
                return Err(Invalid::WrongType(tag));
            }
        }
        if !rest.is_empty() {
            return Err(Invalid::Malformed);
        }
        let missing = self.fields.iter().enumerate().find(|(i, f)| f.required && seen >> i & 1 == 0);
        missing.map_or(Ok(()), |(_, f)| Err(Invalid::Missing(f.tag)))
    }
}

fn field(bytes: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let [tag, kind, low, high, rest @ ..] = bytes else { return None };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, *kind, content, after))
}

fn fits(kind: Kind, content: &[u8]) -> bool {
    match kind {
        Kind::Text => std::str::from_utf8(content).is_ok(),
        Kind::Int => content.len() == 8,
        Kind::Bool => matches!(content, [0 | 1]),
        Kind::Bytes => true,
    }
}

/// The bytes of field `tag` of an event, if it is there.
pub fn field_of(event: &[u8], tag: u8) -> Option<&[u8]> {
    let [MAGIC, _, _, count, rest @ ..] = event else { return None };
    let mut rest = rest;
    for _ in 0..*count {
        let (found, _, content, after) = field(rest)?;
        if found == tag {
            return Some(content);
        }
        rest = after;
    }
    None
}

/// Writes an event. Fields longer than 65 535 bytes are cut, as no schema of the platform allows them.
#[derive(Clone, Debug)]
pub struct EventWriter(Vec<u8>);

impl EventWriter {
    /// An event of schema `id` without fields.
    pub fn new(id: u16) -> EventWriter {
        let [low, high] = id.to_le_bytes();
        EventWriter(vec![MAGIC, low, high, 0])
    }
    /// Adds a text.
    #[must_use]
    pub fn text(self, tag: u8, text: &str) -> EventWriter {
        self.field(tag, Kind::Text, text.as_bytes())
    }
    /// Adds a number.
    #[must_use]
    pub fn int(self, tag: u8, number: i64) -> EventWriter {
        self.field(tag, Kind::Int, &number.to_le_bytes())
    }
    /// Adds a truth value.
    #[must_use]
    pub fn bool(self, tag: u8, value: bool) -> EventWriter {
        self.field(tag, Kind::Bool, &[value.into()])
    }
    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, tag: u8, bytes: &[u8]) -> EventWriter {
        self.field(tag, Kind::Bytes, bytes)
    }
    /// The event.
    pub fn finish(self) -> Bytes {
        self.0.into()
    }

    fn field(mut self, tag: u8, kind: Kind, content: &[u8]) -> EventWriter {
        let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
        let [low, high] = length.to_le_bytes();
        self.0[3] = self.0[3].saturating_add(1);
        self.0.extend_from_slice(&[tag, kind as u8, low, high]);
        self.0.extend_from_slice(&content[..usize::from(length)]);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    fn schema() -> Schema {
        let rule = |tag, kind, required| FieldRule { tag, kind, required };
        Schema { id: 7, fields: vec![rule(1, Kind::Text, true), rule(2, Kind::Int, true), rule(3, Kind::Bool, false)] }
    }
    fn check(event: &[u8], expected: Result<(), Invalid>) {
        assert_eq!(schema().check(&Controls::all_on(), event), expected);
        let off = Controls::with_off(ControlSet::EMPTY.with(SCHEMA_VALIDATION.slot));
        assert_eq!(schema().check(&off, event), Ok(()));
    }

    #[test]
    fn events_must_fit_their_schema_field_by_field_and_without_validation_anything_does() {
        let whole = || EventWriter::new(7).text(1, "order").int(2, 5);
        check(&whole().finish(), Ok(()));
        check(&whole().bool(3, true).finish(), Ok(()));
        check(&EventWriter::new(8).text(1, "order").int(2, 5).finish(), Err(Invalid::WrongSchema(8)));
        check(&EventWriter::new(7).text(1, "order").finish(), Err(Invalid::Missing(2)));
        check(&EventWriter::new(7).text(1, "order").text(2, "5").finish(), Err(Invalid::WrongType(2)));
        check(&whole().bytes(9, b"x").finish(), Err(Invalid::Unexpected(9)));
        check(&whole().int(2, 6).finish(), Err(Invalid::Unexpected(2)));
        check(&EventWriter::new(7).bytes(1, b"order").int(2, 5).finish(), Err(Invalid::WrongType(1)));
        check(b"{\"order\": 5}", Err(Invalid::Malformed));
    }

    #[test]
    fn a_cut_or_lengthened_event_is_malformed() {
        let event = EventWriter::new(7).text(1, "order").int(2, 5).finish();
        for length in 0..event.len() {
            check(&event[..length], Err(Invalid::Malformed));
        }
        check(&[&event, &b"x"[..]].concat(), Err(Invalid::Malformed));
    }

    #[test]
    fn a_field_is_found_by_its_tag() {
        let event = EventWriter::new(7).text(1, "order").int(2, 5).finish();
        assert_eq!(field_of(&event, 1), Some(&b"order"[..]));
        assert_eq!(field_of(&event, 4), None);
    }
}
