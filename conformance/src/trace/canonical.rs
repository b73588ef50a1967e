//! The one spelling of a JSON value that digests are taken of: members in order of their names' bytes, no blanks,
//! whole numbers as digits, text with no more escapes than JSON demands.
//!
//! For values without fractions this is RFC 8785, and an event has no fractions.

use serde_json::{Map, Value};
use sim::chain::Digest;

/// The bytes of a line, without these members of its own.
pub fn line(map: &Map<String, Value>, without: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    members(&mut out, map, without);
    out
}

/// The digest of a whole line.
pub fn digest(map: &Map<String, Value>) -> Digest {
    Digest::of(&line(map, &[]))
}

/// The bytes of any value.
pub fn bytes(of: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    value(&mut out, of);
    out
}

fn members(out: &mut Vec<u8>, map: &Map<String, Value>, without: &[&str]) {
    let mut sorted: Vec<_> = map.iter().filter(|(name, _)| !without.contains(&name.as_str())).collect();
    sorted.sort_by_key(|(name, _)| name.as_bytes());
    out.push(b'{');
    for (n, (name, member)) in sorted.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        text(out, name);
        out.push(b':');
        value(out, member);
    }
    out.push(b'}');
}

fn value(out: &mut Vec<u8>, of: &Value) {
    match of {
        Value::Object(map) => members(out, map, &[]),
        Value::Array(values) => {
            out.push(b'[');
            for (n, member) in values.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                value(out, member);
            }
            out.push(b']');
        }
        Value::String(string) => text(out, string),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text has bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_the_order_of_members_say_nothing() {
        let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).expect("JSON");
        let one = read(r#"{"b": [1, {"z": null, "y": "é\n"}], "a": true, "link": "x"}"#);
        let other = read(r#"{"a":true,"link":"y","b":[1,{"y":"\u00e9\u000a","z":null}]}"#);
        assert_eq!(String::from_utf8(line(&one, &["link"])).unwrap(), r#"{"a":true,"b":[1,{"y":"é\n","z":null}]}"#);
        assert_eq!(line(&one, &["link"]), line(&other, &["link"]));
        assert_ne!(digest(&one), digest(&other));
    }
}
