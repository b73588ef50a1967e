//! How the lines of another log are read as events: a map of fields, which is data.
//!
//! A form says which lines it knows, and for each of them which members an event gets from which fields. Forms of the
//! usual logs are built in; a deployment adds its own under `[trace.forms.NAME]`, in the same words.
//!
//! | in a value | means |
//! |---|---|
//! | `{a.b}` | the field `b` of `a`, also where `a` is a text that holds JSON; with its type, if it stands alone |
//! | `{a\|b}` | the first of them that is there, and neither null nor `-` |
//! | `{*.a}` | the field `a` of the first member of the object |
//! | `{with.a}` | what the deployment says about the file |
//! | `sha256:{a}` | the digest of a field |
//! | `"name?"` as a member | left out where a field of its value is missing |
//!
//! Times are RFC 3339 as `at` (or as PostgreSQL writes them, in UTC), or numbers as `at-s`, `at-ms`; spans are
//! `took-s`, `took-ms`. `plus-ms` comes after `at`, which is then when the request began.

use super::{canonical, event};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sim::chain::Digest;
use std::collections::BTreeMap;

/// Forms that are built in, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("envoy", include_str!("forms/envoy.toml")),
    ("opa", include_str!("forms/opa.toml")),
    ("postgres-json", include_str!("forms/postgres-json.toml")),
    ("postgres-csv", include_str!("forms/postgres-csv.toml")),
    ("kafka", include_str!("forms/kafka.toml")),
];

/// Members that are whole numbers, whatever a log spells them as.
const NUMBERS: &[&str] =
    &["status", "partition", "offset", "version", "seq", "held", "value", "revision", "retry_after_s", "took_ns"];

/// A map of fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Form {
    /// How lines hold fields.
    #[serde(default)]
    pub lines: Shape,
    /// Names of the columns of `csv`.
    #[serde(default)]
    pub columns: Vec<String>,
    /// A field that holds several, after a beginning.
    pub split: Option<Split>,
    /// The lines that are known.
    pub event: Vec<Rule>,
}

/// How lines hold fields.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One JSON object a line.
    #[default]
    Json,
    /// Comma-separated values, quoted as in RFC 4180, in which a value may hold line ends.
    Csv,
}

/// A field that holds several.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Split {
    /// The field.
    pub field: String,
    /// What it begins with, if it holds them.
    pub after: String,
    /// Their names.
    pub into: Vec<String>,
}

/// Lines of one kind, and the event that each is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The kind of event.
    pub event: String,
    /// By which fields such lines are known: a value, one of several, or `*` for any.
    #[serde(default)]
    pub when: BTreeMap<String, Wanted>,
    /// Only lines that no rule before this one knows.
    #[serde(default)]
    pub otherwise: bool,
    /// Members of the event.
    pub set: toml::Table,
}

/// What a field must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// This, or anything for `*`.
    One(String),
    /// One of these.
    Any(Vec<String>),
}

/// The built-in form of a name.
///
/// # Panics
/// Never: a test reads every built-in form.
pub fn built_in(name: &str) -> Option<Form> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some(toml::from_str(text).expect("a built-in form"))
}

/// Names and texts of the built-in forms.
pub fn all() -> &'static [(&'static str, &'static str)] {
    BUILT_IN
}

/// The fields of a line with its number, or what is wrong with it.
pub type Source = (u32, Result<Map<String, Value>, String>);

impl Form {
    /// The lines of a text.
    pub fn sources(&self, text: &str) -> Vec<Source> {
        match self.lines {
            Shape::Json => {
                let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
                lines.map(|(n, line)| (n as u32 + 1, event::object(line))).collect()
            }
            Shape::Csv => records(text).into_iter().map(|(n, cells)| (n, cells.and_then(|c| self.row(c)))).collect(),
        }
    }

    fn row(&self, cells: Vec<String>) -> Result<Map<String, Value>, String> {
        if cells.len() < self.columns.len() {
            return Err(format!("{} columns, expected {}", cells.len(), self.columns.len()));
        }
        Ok(self.columns.iter().cloned().zip(cells.into_iter().map(Value::String)).collect())
    }

    /// The events that a line is.
    ///
    /// # Errors
    /// A field that is not there, or is not what it should be.
    pub fn events(
        &self,
        mut source: Map<String, Value>,
        with: &Map<String, Value>,
    ) -> Result<Vec<Map<String, Value>>, String> {
        source.insert("with".to_owned(), Value::Object(with.clone()));
        if let Some(split) = &self.split
            && let Some(rest) =
                source.get(&split.field).and_then(Value::as_str).and_then(|t| t.strip_prefix(&split.after))
        {
            let cells = records(rest).into_iter().next().map_or(Ok(Vec::new()), |(_, cells)| cells)?;
            source.extend(split.into.iter().cloned().zip(cells.into_iter().map(Value::String)));
        }
        let source = Value::Object(source);
        let mut made = Vec::new();
        for rule in &self.event {
            if rule.knows(&source) && (made.is_empty() || !rule.otherwise) {
                made.push(rule.make(&source)?);
            }
        }
        Ok(made)
    }
}

impl Rule {
    fn knows(&self, source: &Value) -> bool {
        self.when.iter().all(|(path, wanted)| {
            let Some(found) = field(source, path) else { return false };
            let found = spelled(&found);
            match wanted {
                Wanted::One(any) if any == "*" => true,
                Wanted::One(one) => *one == found,
                Wanted::Any(several) => several.contains(&found),
            }
        })
    }

    fn make(&self, source: &Value) -> Result<Map<String, Value>, String> {
        let Value::Object(mut made) = filled(&toml::Value::Table(self.set.clone()), source)? else {
            return Err("no members".into());
        };
        for (member, unit) in [("at", 1_000_000_000.0), ("took_ns", 1_000_000_000.0)] {
            for (suffix, per) in [("-s", unit), ("-ms", unit / 1_000.0)] {
                let name = format!("{}{suffix}", member.trim_end_matches("_ns"));
                if let Some(found) = made.remove(&name) {
                    made.insert(member.to_owned(), nanoseconds(&name, &found, per)?);
                }
            }
        }
        if let Some(Value::String(text)) = made.get("at")
            && let Some(utc) = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" GMT"))
        {
            made.insert("at".to_owned(), json!(utc.replacen(' ', "T", 1) + "Z"));
        }
        if let Some(plus) = made.remove("plus-ms") {
            let began = event::time(made.get("at").ok_or("no member `at`, expected a time")?)?;
            let plus = nanoseconds("plus-ms", &plus, 1_000_000.0)?.as_u64().unwrap_or_default();
            made.insert("began".to_owned(), json!(began));
            made.insert("at".to_owned(), json!(began.saturating_add(plus)));
        }
        for name in NUMBERS {
            if let Some(Value::String(text)) = made.get(*name) {
                let number: u64 = text.parse().map_err(|_| format!("{name} is {text:?}, expected a whole number"))?;
                made.insert((*name).to_owned(), json!(number));
            }
        }
        made.insert("event".to_owned(), json!(self.event));
        Ok(made)
    }
}

fn nanoseconds(name: &str, found: &Value, per: f64) -> Result<Value, String> {
    let number = found.as_f64().or_else(|| found.as_str().and_then(|text| text.parse().ok()));
    match number.filter(|n| n.is_finite() && *n >= 0.0) {
        Some(n) => Ok(json!((n * per) as u64)),
        None => Err(format!("{name} is {found}, expected a number")),
    }
}

/// A template with its fields.
fn filled(template: &toml::Value, source: &Value) -> Result<Value, String> {
    Ok(match template {
        toml::Value::String(text) => text_filled(text, source)?,
        toml::Value::Array(all) => Value::Array(all.iter().map(|t| filled(t, source)).collect::<Result<_, _>>()?),
        toml::Value::Table(members) => {
            let mut made = Map::new();
            for (name, template) in members {
                match (name.strip_suffix('?'), filled(template, source)) {
                    (Some(name), Ok(value)) => drop(made.insert(name.to_owned(), value)),
                    (Some(_), Err(_)) => {}
                    (None, value) => drop(made.insert(name.clone(), value?)),
                }
            }
            Value::Object(made)
        }
        toml::Value::Integer(n) => json!(n),
        toml::Value::Boolean(is) => json!(is),
        other => return Err(format!("{other} in a form, expected text, whole number, true or false")),
    })
}

fn text_filled(text: &str, source: &Value) -> Result<Value, String> {
    let wanted = |path: &str| field(source, path).ok_or_else(|| format!("no field {path}"));
    if let Some(template) = text.strip_prefix("sha256:") {
        let digest = match text_filled(template, source)? {
            Value::String(text) => Digest::of(text.as_bytes()),
            other => Digest::of(&canonical::bytes(&other)),
        };
        return Ok(json!(digest.to_string()));
    }
    if let Some(path) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        && !path.contains(['{', '}'])
    {
        return wanted(path);
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((path, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&spelled(&wanted(path)?));
        rest = after;
    }
    Ok(json!(out + rest))
}

/// The first of several fields that says something.
pub fn field(source: &Value, paths: &str) -> Option<Value> {
    let says = |value: &Value| !value.is_null() && value.as_str().is_none_or(|text| !text.is_empty() && text != "-");
    paths.split('|').find_map(|path| at(source, path).filter(says))
}

fn at(source: &Value, path: &str) -> Option<Value> {
    // A name may have a dot of its own, as those of OpenTelemetry do.
    if let Some(found) = source.get(path) {
        return Some(found.clone());
    }
    path.split('.').try_fold(source.clone(), |value, step| {
        let value = match value {
            Value::String(text) => serde_json::from_str(&text).ok()?,
            other => other,
        };
        match step {
            "*" => value.as_object()?.values().next().cloned(),
            step => value.get(step).cloned(),
        }
    })
}

fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A record with the number of its first line.
type Record = (u32, Result<Vec<String>, String>);

/// Records of comma-separated values (RFC 4180).
fn records(text: &str) -> Vec<Record> {
    let (mut all, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut is_quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        line += u32::from(c == '\n');
        match (c, is_quoted) {
            ('"', true) if chars.peek() == Some(&'"') => cell.extend(chars.next()),
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => cells.push(std::mem::take(&mut cell)),
            ('\r', false) if chars.peek() == Some(&'\n') => {}
            ('\n', false) => {
                cells.push(std::mem::take(&mut cell));
                all.push((began, Ok(std::mem::take(&mut cells))));
                began = line;
            }
            (c, _) => cell.push(c),
        }
    }
    if is_quoted {
        all.push((began, Err("a quote that does not end".into())));
    } else if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        all.push((began, Ok(cells)));
    }
    all.retain(|(_, cells)| !matches!(cells, Ok(cells) if cells.iter().all(String::is_empty)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_form_is_one() {
        for (name, _) in all() {
            assert!(built_in(name).is_some_and(|form| !form.event.is_empty()), "{name}");
        }
    }

    #[test]
    fn values_are_filled_from_fields() {
        let source =
            json!({"a": {"b": 7}, "p": "{\"q\": \"r\"}", "none": "-", "o": {"x": {"rev": 3}}, "http.method": "GET"});
        let check = |template: &str, expected: Result<Value, &str>| {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(filled(&toml::Value::String(template.into()), &source), expected, "{template}");
        };
        check("{a.b}", Ok(json!(7)));
        check("{a.b} of {p.q}", Ok(json!("7 of r")));
        check("{none|p.q}", Ok(json!("r")));
        check("{o.*.rev}", Ok(json!(3)));
        check("{http.method}", Ok(json!("GET")));
        check("{a.c}", Err("no field a.c"));
        check("sha256:{p.q}", Ok(json!(Digest::of(b"r").to_string())));
        check("plain", Ok(json!("plain")));
    }

    #[test]
    fn a_quoted_value_may_hold_anything() {
        let read = |text: &str| records(text).into_iter().map(|(n, cells)| (n, cells.ok())).collect::<Vec<_>>();
        let cells = |cells: &[&str]| Some(cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            read("a,\"b \"\"x\"\",\nc\",\r\nd,,e\n"),
            [(1, cells(&["a", "b \"x\",\nc", ""])), (3, cells(&["d", "", "e"]))]
        );
        assert_eq!(read("a\n\"b"), [(1, cells(&["a"])), (2, None)]);
    }
}
