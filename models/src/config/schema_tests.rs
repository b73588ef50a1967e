//! The published schemas say what the readers do: the embedded files satisfy them, and their closed lists are ours.
//!
//! A validator of just the words the schemas use; it panics on a word it does not know, so none is silently skipped.

use super::read::{is_schema_name, is_tenant_id};
use super::tree::{At, Node, from_toml, from_yaml};
use super::{Component, Operation, PLATFORM_SCHEMA, PLATFORM_TOML, TENANTS_SCHEMA, TENANTS_YAML, settings};
use crate::wire::policy::Level;
use serde_json::{Value, json};

/// What `value` breaks of `schema`, as `place: word` lines.
fn broken(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(schema, schema, value, "$", &mut out);
    out
}

fn walk(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (word, want) in schema.as_object().expect("a schema is an object") {
        let number = |v: &Value| v.as_i64().expect("a bound is an integer");
        let holds = match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "additionalProperties" => true,
            "$ref" => {
                let target = want.as_str().and_then(|r| r.strip_prefix('#')).expect("a local reference");
                walk(root, root.pointer(target).expect("the reference leads somewhere"), value, at, out);
                true
            }
            "type" => match want.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("integer") => value.is_i64(),
                other => panic!("unknown type {other:?}"),
            },
            "required" => {
                want.as_array().expect("a list").iter().all(|k| value.get(k.as_str().expect("a key")).is_some())
            }
            "enum" => want.as_array().expect("a list").contains(value),
            "minimum" => value.as_i64().is_none_or(|n| n >= number(want)),
            "maximum" => value.as_i64().is_none_or(|n| n <= number(want)),
            "minLength" => value.as_str().is_none_or(|s| s.chars().count() as i64 >= number(want)),
            "minItems" => value.as_array().is_none_or(|a| a.len() as i64 >= number(want)),
            "maxItems" => value.as_array().is_none_or(|a| a.len() as i64 <= number(want)),
            "uniqueItems" => value.as_array().is_none_or(|a| a.iter().enumerate().all(|(i, v)| !a[..i].contains(v))),
            "pattern" => {
                let check = match want.as_str() {
                    Some("^[a-z0-9][a-z0-9-]{0,62}$") => is_tenant_id,
                    Some("^(?!pg_|public$|information_schema$)[a-z][a-z0-9_]{0,40}$") => is_schema_name,
                    other => panic!("a pattern that this test does not know: {other:?}"),
                };
                value.as_str().is_none_or(check)
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    walk(root, want, item, &format!("{at}[{i}]"), out);
                }
                true
            }
            "properties" => {
                for (key, inner) in want.as_object().expect("a table") {
                    if let Some(found) = value.get(key) {
                        walk(root, inner, found, &format!("{at}.{key}"), out);
                    }
                }
                true
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        };
        if !holds {
            out.push(format!("{at}: {word}"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let named = schema.pointer("/properties").is_some_and(|p| p.get(key).is_some());
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) if !named => out.push(format!("{at}.{key}: additionalProperties")),
            Some(other @ Value::Object(_)) if !named => walk(root, other, inner, &format!("{at}.{key}"), out),
            _ => {}
        }
    }
}

fn plain(node: &At<Node>) -> Value {
    match &node.value {
        Node::Null | Node::Fraction | Node::Date => Value::Null,
        Node::Boolean(b) => json!(b),
        Node::Integer(n) => json!(n),
        Node::Text(text) => json!(text),
        Node::List(items) => items.iter().map(plain).collect(),
        Node::Table(entries) => entries.iter().map(|(k, v)| (k.value.clone(), plain(v))).collect(),
    }
}

fn schemas() -> [(Value, Value); 2] {
    let read = |text: &str| serde_json::from_str(text).expect("a schema is JSON");
    [
        (read(PLATFORM_SCHEMA), plain(&from_toml("p", PLATFORM_TOML).expect("TOML"))),
        (read(TENANTS_SCHEMA), plain(&from_yaml("t", TENANTS_YAML).expect("YAML"))),
    ]
}

#[test]
fn the_embedded_files_satisfy_the_published_schemas() {
    for (schema, value) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(broken(&schema, &value), Vec::<String>::new());
    }
}

#[test]
fn the_schemas_object_to_what_the_readers_object_to() {
    let [(platform, p), (tenants, t)] = schemas();
    let spoil = |value: &Value, place: &str, with: Value| {
        let mut value = value.clone();
        *value.pointer_mut(place).expect(place) = with;
        value
    };
    assert_eq!(broken(&tenants, &spoil(&t, "/tenants/0/id", json!("A"))), ["$.tenants[0].id: pattern"]);
    assert_eq!(broken(&tenants, &spoil(&t, "/tenants/0/data_classes/audit", json!(4))).len(), 1);
    assert_eq!(broken(&tenants, &spoil(&t, "/tenants/0", json!({}))), ["$.tenants[0]: required"]);
    assert_eq!(
        broken(&platform, &spoil(&p, "/slos", json!({"x": 1}))),
        ["$.slos: required", "$.slos.x: additionalProperties"]
    );
    assert_eq!(broken(&platform, &spoil(&p, "/costs/siem/append_us", json!(0))), ["$.costs.siem.append_us: minimum"]);
}

#[test]
fn closed_lists_are_the_same_in_the_schemas_and_in_the_code() {
    let [(platform, _), (tenants, _)] = schemas();
    let keys = |v: &Value| v["properties"].as_object().expect("a table").keys().cloned().collect::<Vec<_>>();
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    let costs = &platform["properties"]["costs"];
    let components: Vec<String> = Component::ALL.iter().map(|c| c.name().to_string()).collect();
    assert!(components.is_sorted());
    assert_eq!(sorted(keys(costs)), components);
    for component in Component::ALL {
        let ours = Operation::ALL.iter().filter(|o| o.component() == *component).map(|o| o.key().to_string()).collect();
        assert_eq!(sorted(keys(&costs["properties"][component.name()])), sorted(ours));
    }
    let names = &platform["properties"]["dependencies"]["items"]["properties"]["name"]["enum"];
    assert_eq!(*names, json!(settings::DEPENDENCIES));
    let levels: Vec<Value> =
        Level::ALL.iter().map(|l| json!(l.name())).chain(Level::ALL.iter().map(|l| json!(l.rank()))).collect();
    assert_eq!(tenants["$defs"]["level"]["enum"], json!(levels));
}

#[test]
fn every_key_that_the_schemas_know_is_required_save_owner_and_slice() {
    fn check(schema: &Value, optional: &[&str]) {
        if let (Some(properties), Some(required)) = (schema.get("properties"), schema.get("required")) {
            for key in properties.as_object().expect("a table").keys() {
                let listed = required.as_array().expect("a list").iter().any(|r| r == key);
                assert!(listed != optional.contains(&key.as_str()), "{key}");
            }
        }
        match schema {
            Value::Object(map) => map.values().for_each(|v| check(v, optional)),
            Value::Array(items) => items.iter().for_each(|v| check(v, optional)),
            _ => {}
        }
    }
    let [(platform, _), (tenants, _)] = schemas();
    check(&platform, &[]);
    check(&tenants, &["owner", "slice"]);
}
