//! How the record is laid out: pretty, but with arrays of nothing but numbers, and arrays of these, on one line.
//! Histograms and windows are millions of pairs, and a line for each number would be most of the file.
//!
//! What an array holds is seen at its first scalar, so the brackets before it are held back until then.

use serde_json::ser::{CharEscape, Formatter};
use std::io::{self, Write};

/// What is known of an array, or of an object, which is always tall.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Nothing but brackets so far.
    Open,
    /// On one line.
    Flat,
    /// A line for each value; whether there was one.
    Tall(bool),
}

/// A formatter for `serde_json`.
#[derive(Default)]
pub struct Layout {
    levels: Vec<Level>,
    /// Brackets and commas that are held back: those of the open levels.
    held: Vec<u8>,
}

impl Layout {
    /// Writes what was held back, now that it is known what it holds; begins a line for the value to come if that is
    /// tall.
    fn decide<W: ?Sized + Write>(&mut self, w: &mut W, level: Level) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut depth = self.levels.iter().filter(|level| **level != Level::Open).count();
        self.levels.iter_mut().filter(|level| **level == Level::Open).for_each(|open| *open = level);
        let held = std::mem::take(&mut self.held);
        for (i, token) in held.iter().enumerate() {
            match (token, level) {
                (b',', Level::Flat) => w.write_all(b", ")?,
                (b'[', Level::Tall(_)) if i > 0 => {
                    line(w, depth)?;
                    w.write_all(b"[")?;
                }
                (token, _) => w.write_all(&[*token])?,
            }
            match token {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
        }
        if let Level::Tall(_) = level { line(w, depth) } else { Ok(()) }
    }

    fn close<W: ?Sized + Write>(&mut self, w: &mut W, bracket: u8) -> io::Result<()> {
        match self.levels.pop() {
            Some(Level::Open) => {
                self.held.push(bracket);
                let inner = self.levels.last() == Some(&Level::Open);
                return if inner { Ok(()) } else { self.decide(w, Level::Flat) };
            }
            Some(Level::Tall(true)) => line(w, self.levels.len())?,
            _ => {}
        }
        w.write_all(&[bracket])
    }

    /// Before a value of a tall array, or a key.
    fn next<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if !first {
            w.write_all(b",")?;
        }
        line(w, self.levels.len())?;
        if let Some(level) = self.levels.last_mut() {
            *level = Level::Tall(true);
        }
        Ok(())
    }
}

fn line<W: ?Sized + Write>(w: &mut W, depth: usize) -> io::Result<()> {
    w.write_all(b"\n")?;
    (0..depth).try_for_each(|_| w.write_all(b"  "))
}

/// A number decides for one line, and is written as usual.
macro_rules! numbers {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, w: &mut W, value: $kind) -> io::Result<()> {
            self.decide(w, Level::Flat)?;
            serde_json::ser::CompactFormatter.$name(w, value)
        })*
    };
}

impl Formatter for Layout {
    numbers!(write_i8: i8, write_i16: i16, write_i32: i32, write_i64: i64, write_f32: f32, write_f64: f64);
    numbers!(write_u8: u8, write_u16: u16, write_u32: u32, write_u64: u64);

    fn write_null<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.decide(w, Level::Tall(true))?;
        w.write_all(b"null")
    }

    fn write_bool<W: ?Sized + Write>(&mut self, w: &mut W, value: bool) -> io::Result<()> {
        self.decide(w, Level::Tall(true))?;
        w.write_all(if value { b"true" } else { b"false" })
    }

    fn begin_string<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.decide(w, Level::Tall(true))?;
        w.write_all(b"\"")
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, w: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(w, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.levels.last() == Some(&Level::Flat) {
            self.levels.push(Level::Flat);
            return w.write_all(b"[");
        }
        self.levels.push(Level::Open);
        self.held.push(b'[');
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.close(w, b']')
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        match self.levels.last() {
            Some(Level::Open) if !first => self.held.push(b','),
            Some(Level::Flat) if !first => w.write_all(b", ")?,
            Some(Level::Tall(_)) => self.next(w, first)?,
            _ => {}
        }
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.decide(w, Level::Tall(true))?;
        self.levels.push(Level::Tall(false));
        w.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.close(w, b'}')
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.next(w, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::json;

    fn check(value: serde_json::Value, expected: &str) {
        let mut out = Vec::new();
        let mut writer = serde_json::Serializer::with_formatter(&mut out, Layout::default());
        value.serialize(&mut writer).expect("memory takes text");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
        assert_eq!(serde_json::from_str::<serde_json::Value>(expected).expect("JSON"), value);
    }

    #[test]
    fn numbers_share_a_line_and_nothing_else_does() {
        check(json!([1, -2, 0.5]), "[1, -2, 0.5]");
        check(json!([[1, 2], [], [3]]), "[[1, 2], [], [3]]");
        check(json!([[], [1]]), "[[], [1]]");
        check(json!([["x", 1], [2]]), "[\n  [\n    \"x\",\n    1\n  ],\n  [2]\n]");
        check(json!({"a": [], "b": {}, "c": [[]]}), "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [[]]\n}");
        check(json!([null, true]), "[\n  null,\n  true\n]");
        check(
            json!({"a [1,\n 2\"": [[1, 2]], "b": [{"c": [3]}, "d"]}),
            "{\n  \"a [1,\\n 2\\\"\": [[1, 2]],\n  \"b\": [\n    {\n      \"c\": [3]\n    },\n    \"d\"\n  ]\n}",
        );
    }

    #[test]
    fn without_numbers_it_is_as_pretty_as_ever() {
        let value = json!({"a": ["b", ["c", {"d": "e"}], {}], "f": {"g": {"h": "i"}, "j": null}});
        check(value.clone(), &serde_json::to_string_pretty(&value).expect("JSON"));
    }
}
