//! Text in and out of the other types, and `LIKE`: how the server reads what a client wrote.
//!
//! `LIKE` walks the pattern without recursion, so that no pattern an attacker sends is expensive.

use super::kind::Type;
use super::sqlstate::{INVALID_ESCAPE, INVALID_TEXT, OUT_OF_RANGE, SqlError};
use crate::wire::sql::Value;

/// Converts a value, as a cast or as the input of a literal or parameter.
///
/// # Errors
/// `22P02` for text that is not of the type, `22003` for a number that does not fit.
pub fn cast(value: Value, to: Type) -> Result<Value, SqlError> {
    Ok(match (value, to) {
        (Value::Null, _) => Value::Null,
        (value @ Value::Bool(_), Type::Bool) => value,
        (value @ Value::Int(_), Type::Int) => value,
        (Value::Int(n), Type::Int4) => match i32::try_from(n) {
            Ok(n) => Value::Int(n.into()),
            Err(_) => return Err(SqlError::new(OUT_OF_RANGE, "integer out of range")),
        },
        (value @ Value::Text(_), Type::Text) => value,
        (Value::Int(n), Type::Text) => Value::text(&n.to_string()),
        (Value::Int(n), Type::Bool) => Value::Bool(n != 0),
        (Value::Bool(b), Type::Text) => Value::text(if b { "true" } else { "false" }),
        (Value::Bool(b), Type::Int | Type::Int4) => Value::Int(b.into()),
        (Value::Text(s), Type::Int | Type::Int4) => Value::Int(int_input(&s, to)?),
        (Value::Text(s), Type::Bool) => Value::Bool(bool_input(&s)?),
    })
}

fn int_input(s: &str, kind: Type) -> Result<i64, SqlError> {
    let name = kind.name();
    let digits = s.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SqlError::new(INVALID_TEXT, format!("invalid input syntax for type {name}: \"{s}\"")));
    }
    let fits = |n: &i64| kind == Type::Int || i32::try_from(*n).is_ok();
    let range = || SqlError::new(OUT_OF_RANGE, format!("value \"{s}\" is out of range for type {name}"));
    digits.parse().ok().filter(fits).ok_or_else(range)
}

fn bool_input(s: &str) -> Result<bool, SqlError> {
    let word = s.trim().to_ascii_lowercase();
    let starts = |full: &str, least: usize| word.len() >= least && full.starts_with(&word);
    if starts("true", 1) || starts("yes", 1) || starts("on", 2) || word == "1" {
        Ok(true)
    } else if starts("false", 1) || starts("no", 1) || starts("off", 2) || word == "0" {
        Ok(false)
    } else {
        Err(SqlError::new(INVALID_TEXT, format!("invalid input syntax for type boolean: \"{s}\"")))
    }
}

/// `LIKE` with the default escape, a backslash (PostgreSQL 15, section 9.7.1).
///
/// # Errors
/// `22025` when the pattern ends in a lone backslash that is reached.
pub fn like(text: &str, pattern: &str) -> Result<bool, SqlError> {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The last `%`, and the place in the text where it is tried next.
    let (mut t, mut p, mut retry) = (0, 0, None);
    while t < text.len() {
        let step = match pattern.get(p) {
            Some('%') => {
                retry = Some((p, t));
                p += 1;
                continue;
            }
            Some('\\') => match pattern.get(p + 1) {
                Some(c) => (*c == text[t]).then_some(2),
                None => return Err(SqlError::new(INVALID_ESCAPE, "LIKE pattern must not end with escape character")),
            },
            Some('_') => Some(1),
            Some(c) => (*c == text[t]).then_some(1),
            None => None,
        };
        match (step, retry) {
            (Some(width), _) => {
                t += 1;
                p += width;
            }
            (None, Some((percent, from))) => {
                retry = Some((percent, from + 1));
                t = from + 1;
                p = percent + 1;
            }
            (None, None) => return Ok(false),
        }
    }
    Ok(pattern[p..].iter().all(|c| *c == '%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_wildcards_and_the_backslash() {
        let check = |text: &str, pattern: &str| like(text, pattern).map_err(|e| e.sqlstate());
        assert_eq!(check("abc", "a%"), Ok(true));
        assert_eq!(check("abc", "a_"), Ok(false));
        assert_eq!(check("abcbc", "%bc"), Ok(true));
        assert_eq!(check("a%", r"a\%"), Ok(true));
        assert_eq!(check("ab", r"a\%"), Ok(false));
        assert_eq!(check("a", r"a\"), Ok(false));
        assert_eq!(check("ab", r"a\"), Err(INVALID_ESCAPE));
        assert_eq!(check("", "%%"), Ok(true));
    }

    #[test]
    fn text_becomes_a_number_or_a_truth_value_as_the_server_reads_it() {
        let int = |s: &str| cast(Value::text(s), Type::Int).map_err(|e| e.sqlstate());
        assert_eq!(int(" -12 "), Ok(Value::Int(-12)));
        assert_eq!(int("12x"), Err(INVALID_TEXT));
        assert_eq!(int("9223372036854775808"), Err(OUT_OF_RANGE));
        let truth = |s: &str| cast(Value::text(s), Type::Bool).map_err(|e| e.sqlstate());
        assert_eq!(truth("tRu"), Ok(Value::Bool(true)));
        assert_eq!(truth("of"), Ok(Value::Bool(false)));
        assert_eq!(truth("o"), Err(INVALID_TEXT));
    }
}
