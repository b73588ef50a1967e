//! The tables `[[gateway.masked]]`: what is masked behind a gateway for those who may not see it.

use super::place::Place;
use models::config::InputError;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{Spanned, Table};

/// Something with fields of several levels, and who may see which.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Masked {
    /// Where two of its kind are, by GET, as a JSON object: `/v1/customers/7`, or `{NAME}` from the first tenant's
    /// values.
    pub items: [String; 2],
    /// Its fields, by name or by JSON pointer (RFC 6901), with how each is masked.
    pub fields: BTreeMap<String, Rule>,
    /// What a token claims, beside an honest one, of somebody who may see none of them.
    pub uncleared: Table,
    /// The same of somebody who may see all but what is restricted.
    pub cleared: Table,
    /// The same of somebody who is named for what is restricted.
    pub named: Option<Table>,
    /// How those are found of whom a field says something: `/v1/customers?{field}={value}`.
    pub find: Option<String>,
    /// Lines of a request by which a client might pass for somebody else: `x-clearance: restricted`.
    #[serde(default)]
    pub says: Vec<String>,
}

/// How a field is masked (CLS-02).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// A name: the first 16 hexadecimal digits of its SHA-256.
    Name,
    /// An identifier: its last four characters.
    Identifier,
    /// A contact: `[REDACTED]`.
    Contact,
    /// Confidential business: left out.
    Business,
    /// Restricted: nothing of it.
    Restricted,
}

/// What TOML and types do not say.
pub fn check(masked: &Spanned<Masked>, mints: bool, place: &Place, found: &mut Vec<InputError>) {
    let table = masked.get_ref();
    let mut wrong = |what: &str, expected: &str| found.push(place.at(masked.span(), what, expected));
    let [one, other] = &table.items;
    if one == other || [one, other].iter().any(|item| !item.starts_with('/')) {
        wrong("no paths of two items", "items = [\"/v1/customers/7\", \"/v1/customers/8\"]");
    }
    if table.fields.is_empty() {
        wrong("nothing that is masked", "fields = { name = \"name\", iban = \"identifier\" }");
    }
    if !mints {
        wrong("clearances of a supplied token", "key in [gateway.token], to mint with");
    }
    if table.uncleared == table.cleared {
        wrong("the same claims for who may see and who may not", "uncleared = { clearance = \"internal\" }");
    }
    let is_restricted = table.fields.values().any(|rule| *rule == Rule::Restricted);
    if is_restricted && table.named.is_none() {
        wrong("restricted fields that nobody is named for", "named = { sub = \"…\", clearance = \"restricted\" }");
    }
    let finds = |find: &String| find.starts_with('/') && find.contains("{field}") && find.contains("{value}");
    if table.find.as_ref().is_some_and(|find| !finds(find)) {
        wrong("a search without a field or a value", "find = \"/v1/customers?{field}={value}\"");
    }
    if table.says.iter().any(|line| !line.contains(": ")) {
        wrong("a line that is no header", "says = [\"x-clearance: restricted\"]");
    }
}
