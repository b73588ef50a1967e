//! A question in JSON, in the document's shape: `subject`, `tenant`, `resource`, `context`.
//!
//! Reading never fails: what is missing, null or of the wrong type becomes a missing field, and the decision about it
//! is no. Fields that the shape does not know are ignored, as OPA does.

use super::data::read_level;
use crate::wire::policy::Input;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

impl Input {
    /// Reads a question.
    pub fn from_json(value: &Value) -> Input {
        let text = |at: &str| value.pointer(at).and_then(Value::as_str).map(Arc::from);
        Input {
            authenticated: value.pointer("/subject/authenticated").and_then(Value::as_bool),
            tenant_id: text("/tenant/id"),
            resource_tenant: text("/resource/tenant"),
            kind: text("/resource/kind"),
            classification: value.pointer("/resource/classification").and_then(read_level),
            label: text("/resource/label"),
            region: text("/context/region"),
        }
    }

    /// The question in the document's shape, with an integer for the level; missing fields are left out.
    pub fn to_json(&self) -> Value {
        let table = |fields: &[(&str, Option<Value>)]| {
            let present = fields.iter().filter_map(|(k, v)| v.clone().map(|v| (k.to_string(), v)));
            Value::Object(present.collect::<Map<String, Value>>())
        };
        let text = |text: &Option<Arc<str>>| text.as_deref().map(Value::from);
        json!({
            "context": table(&[("region", text(&self.region))]),
            "resource": table(&[
                ("classification", self.classification.map(|level| level.rank().into())),
                ("kind", text(&self.kind)),
                ("label", text(&self.label)),
                ("tenant", text(&self.resource_tenant)),
            ]),
            "subject": table(&[("authenticated", self.authenticated.map(Value::from))]),
            "tenant": table(&[("id", text(&self.tenant_id))]),
        })
    }

    /// The same as canonical JSON (RFC 8785: sorted keys, no blanks), so that an auditor with the question can compute
    /// its digest with any tool.
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(192);
        let mut first = true;
        let field = |out: &mut String, first: &mut bool, key: &str, value: &Option<Arc<str>>| {
            let Some(value) = value else { return };
            separate(out, first);
            write!(out, "\"{key}\":{}", Value::from(&**value)).expect("writing to a string");
        };
        out.push_str("{\"context\":{");
        field(&mut out, &mut first, "region", &self.region);
        out.push_str("},\"resource\":{");
        first = true;
        if let Some(level) = self.classification {
            separate(&mut out, &mut first);
            write!(out, "\"classification\":{}", level.rank()).expect("writing to a string");
        }
        field(&mut out, &mut first, "kind", &self.kind);
        field(&mut out, &mut first, "label", &self.label);
        field(&mut out, &mut first, "tenant", &self.resource_tenant);
        out.push_str("},\"subject\":{");
        if let Some(authenticated) = self.authenticated {
            write!(out, "\"authenticated\":{authenticated}").expect("writing to a string");
        }
        out.push_str("},\"tenant\":{");
        first = true;
        field(&mut out, &mut first, "id", &self.tenant_id);
        out.push_str("}}");
        out
    }

    /// SHA-256 of [`Input::canonical`], as the decision log carries it.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.canonical().as_bytes()).into()
    }
}

fn separate(out: &mut String, first: &mut bool) {
    if !*first {
        out.push(',');
    }
    *first = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::policy::Level;

    fn whole() -> Input {
        Input {
            authenticated: Some(true),
            tenant_id: Some("acme".into()),
            resource_tenant: Some("acme".into()),
            kind: Some("audit".into()),
            classification: Some(Level::Confidential),
            label: Some("a \"quoted\"\nlabel".into()),
            region: Some("EU".into()),
        }
    }

    #[test]
    fn a_question_survives_the_trip_through_json() {
        for input in [whole(), Input::default(), Input { kind: None, label: None, ..whole() }] {
            assert_eq!(Input::from_json(&input.to_json()), input);
            let canonical: Value = serde_json::from_str(&input.canonical()).expect("canonical JSON is JSON");
            assert_eq!(canonical, input.to_json());
        }
    }

    #[test]
    fn canonical_json_has_sorted_keys_and_no_blanks() {
        let input = Input { label: Some("pii".into()), ..whole() };
        let expected = concat!(
            r#"{"context":{"region":"EU"},"resource":{"classification":2,"kind":"audit","label":"pii","#,
            r#""tenant":"acme"},"subject":{"authenticated":true},"tenant":{"id":"acme"}}"#
        );
        assert_eq!(input.canonical(), expected);
        assert_ne!(input.sha256(), whole().sha256());
    }

    #[test]
    fn what_is_null_or_mistyped_counts_as_missing() {
        for spoiled in [Value::Null, json!({}), json!([]), json!(1.5), json!(7)] {
            let read = |place: &str| {
                let mut value = whole().to_json();
                *value.pointer_mut(place).expect(place) = spoiled.clone();
                Input::from_json(&value)
            };
            assert_eq!(read("/subject/authenticated").authenticated, None);
            assert_eq!(read("/tenant/id").tenant_id, None);
            assert_eq!(read("/resource/classification").classification, None);
            assert_eq!(read("/context").region, None);
        }
        assert_eq!(Input::from_json(&Value::Null), Input::default());
    }
}
