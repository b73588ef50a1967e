//! The tables `[[gateway.resource]]`: what belongs to one tenant behind a gateway.

use super::Tenant;
use super::place::Place;
use models::config::InputError;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// Where a kind of resource is, and what the test tenants have of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Resource {
    /// Where one is, by GET: `/v1/records/{name}`.
    pub item: String,
    /// What one of each test tenant is called: `inv-{id}`, or `{NAME}` from a tenant's values.
    pub name: String,
    /// What nobody's is called, in the same form.
    pub absent: String,
    /// Where a tenant's own are listed, by GET.
    pub list: Option<String>,
    /// What PUT makes one of, in mode `destructive`; the others are not changed without it.
    pub body: Option<String>,
    /// The media type of that.
    #[serde(default = "json", rename = "type")]
    pub media: String,
    /// What one is called that the judge makes and removes.
    #[serde(default = "made")]
    pub made: String,
}

fn json() -> String {
    "application/json".to_owned()
}

fn made() -> String {
    "cellproof-written".to_owned()
}

impl Resource {
    /// Where one of this name is.
    pub fn at(&self, name: &str) -> String {
        self.item.replace("{name}", name)
    }
}

/// What TOML and types do not say. Names have to differ, or answers about them say nothing.
pub fn check(resource: &Spanned<Resource>, tenants: &[&Tenant], place: &Place, found: &mut Vec<InputError>) {
    let table = resource.get_ref();
    let mut wrong = |what: &str, expected: &str| found.push(place.at(resource.span(), what, expected));
    if !table.item.starts_with('/') || !table.item.contains("{name}") {
        wrong("an item without a path or a name", "item = \"/v1/records/{name}\"");
    }
    if table.list.as_ref().is_some_and(|list| !list.starts_with('/')) {
        wrong("a list without a path", "list = \"/v1/records\"");
    }
    let mut names: Vec<String> = tenants.iter().map(|tenant| tenant.fill(&table.name)).collect();
    names.extend([table.absent.clone(), table.made.clone()]);
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        wrong("a name for two", "another for each test tenant, for what is absent, and for what is made");
    }
    let is_plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
    if let Some(name) = names.iter().find(|name| name.is_empty() || !is_plain(name)) {
        wrong(&format!("the name {name:?}"), "letters, digits and -._~, so that every server reads the same path");
    }
}
