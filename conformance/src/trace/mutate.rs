//! Damages a trace in one place, to show that the damage is noticed; drawn from a seed.

use super::canonical;
use serde_json::{Map, Value, json};
use sim::seed::{below, mix};

/// What is done to a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mutation {
    /// One of its values becomes another.
    Corrupt,
    /// It is gone.
    Drop,
    /// It stands there twice.
    Duplicate,
    /// It changes places with the next line of its stream or request, or else with the next line.
    Swap,
}

/// All of them.
pub const ALL: [Mutation; 4] = [Mutation::Corrupt, Mutation::Drop, Mutation::Duplicate, Mutation::Swap];

impl Mutation {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Mutation::Corrupt => "corrupt",
            Mutation::Drop => "drop",
            Mutation::Duplicate => "duplicate",
            Mutation::Swap => "swap",
        }
    }
}

/// Whether a line is of a stream, or of a request that is audited: then no damage may pass.
pub fn is_bound(members: &Map<String, Value>) -> bool {
    let event = members.get("event").and_then(Value::as_str).unwrap_or_default();
    members.contains_key("stream") || ["request.received", "request.answered"].contains(&event)
}

/// Does it to the line at `at` of a trace's lines. `None` where it would change nothing.
pub fn mutate(lines: &[String], at: usize, mutation: Mutation, draw: u64) -> Option<Vec<String>> {
    let mut damaged = lines.to_vec();
    match mutation {
        Mutation::Drop => drop(damaged.remove(at)),
        Mutation::Duplicate => {
            let to = at + 1 + below(mix(draw, 1), (lines.len() - at).min(8) as u64) as usize;
            damaged.insert(to, lines[at].clone());
        }
        Mutation::Swap => {
            let other = partner(lines, at)?;
            damaged.swap(at, other);
        }
        Mutation::Corrupt => {
            let mut members: Map<String, Value> = serde_json::from_str(&lines[at]).ok()?;
            corrupt(&mut members, draw);
            damaged[at] = String::from_utf8(canonical::line(&members, &[])).ok()?;
        }
    }
    (damaged != lines).then_some(damaged)
}

/// The next line that belongs to the same.
fn partner(lines: &[String], at: usize) -> Option<usize> {
    let own = belongs(&lines[at]);
    let mut later = at + 1..lines.len();
    match own {
        Some(own) => later.find(|other| belongs(&lines[*other]).as_ref() == Some(&own)),
        None => later.next(),
    }
}

/// The stream of a line, or the request.
fn belongs(line: &str) -> Option<String> {
    let members: Map<String, Value> = serde_json::from_str(line).ok()?;
    if let Some(stream) = members.get("stream") {
        return Some(format!("stream {stream}"));
    }
    is_bound(&members).then(|| format!("request {:?} {:?}", members.get("principal"), members.get("request")))
}

fn corrupt(members: &mut Map<String, Value>, draw: u64) {
    let names: Vec<String> = members.keys().cloned().collect();
    let name = &names[below(mix(draw, 2), names.len() as u64) as usize];
    if let Some(value) = members.get_mut(name) {
        alter(value, mix(draw, 3));
    }
}

fn alter(value: &mut Value, draw: u64) {
    match value {
        Value::Null => *value = json!("x"),
        Value::Bool(is) => *is = !*is,
        Value::Number(n) => {
            let (n, by) = (n.as_i64().unwrap_or_default(), below(mix(draw, 4), 9) as i64 + 1);
            *value = json!(if draw.is_multiple_of(2) || n < by { n + by } else { n - by });
        }
        Value::String(text) => *text = altered(text, draw),
        Value::Array(values) if values.is_empty() => values.push(json!("x")),
        Value::Array(values) => {
            let at = below(mix(draw, 5), values.len() as u64) as usize;
            alter(&mut values[at], mix(draw, 6));
        }
        Value::Object(members) if members.is_empty() => drop(members.insert("x".into(), json!(1))),
        Value::Object(members) => corrupt(members, mix(draw, 7)),
    }
}

/// The text with one character another one of its kind.
fn altered(text: &str, draw: u64) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return "x".into();
    }
    let at = below(mix(draw, 8), chars.len() as u64) as usize;
    let step = below(mix(draw, 9), 9) as u8 + 1;
    chars[at] = match chars[at] {
        c @ '0'..='9' => (b'0' + (c as u8 - b'0' + step) % 10).into(),
        c @ 'a'..='f' => (b'a' + (c as u8 - b'a' + step % 5 + 1) % 6).into(),
        'x' => 'y',
        _ => 'x',
    };
    chars.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damage_changes_the_trace_or_is_none() {
        let line =
            |n: u32| format!(r#"{{"at":{n},"event":"row.stored","place":{{"cell":"a"}},"tenant":"acme","version":3}}"#);
        let lines: Vec<String> = (0..4).map(line).collect();
        for draw in 0..200 {
            for mutation in ALL {
                let damaged = mutate(&lines, draw % 3, mutation, draw as u64).expect("there is a next line");
                assert_ne!(damaged, lines, "{mutation:?} {draw}");
            }
        }
        assert_eq!(mutate(&lines, 3, Mutation::Swap, 1), None);
    }
}
