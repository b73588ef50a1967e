//! Does a document say what its published schema says? For tests, over just the words that our schemas use.

use serde_json::Value;

/// A line for each disagreement between `value` and `schema`.
///
/// # Panics
/// On a word or reference that the check does not know: none is passed over in silence.
pub fn disagreements(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    check(schema, schema, value, "", &mut wrong);
    wrong
}

/// Checks `value` against the keywords that the schema uses. Adds a line per disagreement.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.strip_prefix("#/$defs/").expect("only local definitions");
        assert!(root["$defs"][name].is_object(), "{target} is not defined");
        check(root, &root["$defs"][name], value, at, wrong);
    }
    if let Some(branches) = schema["oneOf"].as_array() {
        let fits = |branch: &&Value| {
            let mut inner = Vec::new();
            check(root, branch, value, at, &mut inner);
            inner.is_empty()
        };
        if branches.iter().filter(fits).count() != 1 {
            wrong.push(format!("{at}: {value} fits not exactly one branch"));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        wrong.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        wrong.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    if !type_fits(&schema["type"], value) {
        wrong.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    check_parts(root, schema, value, at, wrong);
}

fn type_fits(wanted: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the schema uses an unknown type {other}"),
    };
    match wanted {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(one),
        _ => true,
    }
}

fn check_parts(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !map.contains_key(name) {
                    wrong.push(format!("{at}: {name} is missing"));
                }
            }
            for (name, part) in map {
                let at = format!("{at}/{name}");
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => wrong.push(format!("{at}: not in the schema")),
                    (Value::Null, Value::Null | Value::Bool(_)) => {}
                    (Value::Null, rest) => check(root, rest, part, &at, wrong),
                    (known, _) => check(root, known, part, &at, wrong),
                }
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let at = format!("{at}/{i}");
                match &schema["prefixItems"][i] {
                    Value::Null if schema["items"].is_object() => check(root, &schema["items"], item, &at, wrong),
                    Value::Null if schema["items"] == Value::Bool(false) => wrong.push(format!("{at}: one too many")),
                    Value::Null => {}
                    known => check(root, known, item, &at, wrong),
                }
            }
        }
        _ => {}
    }
}
