//! How this database tells tenants apart: the setting that policies ask for, and the column in which a row says whose
//! it is. Given by the deployment, or found in the catalogue.

use super::catalogue::{Catalogue, Relation, literal};
use super::visit::Visit;
use crate::certify::deployment::{Act, Deployment, Postgres};
use std::collections::{BTreeMap, BTreeSet};

/// What was given or found.
#[derive(Clone, Default, Debug)]
pub struct Tenancy {
    /// How the application becomes a tenant.
    pub act: Act,
    /// Number of the tenant column, by relation.
    pub columns: BTreeMap<u32, i16>,
    /// Schemas of the two tenants, where each has its own.
    pub schemas: Option<[String; 2]>,
    /// What was found, in words.
    pub said: Vec<String>,
}

/// Settings that open rather than choose, by a part of their name.
const SWITCHES: &[&str] = &["bypass", "admin", "super", "role", "debug", "skip", "disable"];

/// Words for a tenant in names, the surest first.
const WORDS: &[&str] =
    &["tenant", "organization", "organisation", "org", "workspace", "company", "account", "team", "customer", "client"];

/// Finds out how tenants are told apart. `visit` is a tenant's, as far as the deployment says how.
///
/// # Errors
/// Says what could not be found out, and how to give it.
pub fn find(
    deployment: &Deployment,
    postgres: &Postgres,
    catalogue: &Catalogue,
    visit: &mut Visit,
) -> Result<Tenancy, String> {
    let mut tenancy = Tenancy::default();
    match &postgres.act {
        Some(act) => tenancy.act = act.clone(),
        None => {
            let name = setting(catalogue)?;
            tenancy.said.push(format!("the setting {name} names the tenant: policies ask for it"));
            tenancy.act.settings.insert(name, "{id}".to_owned());
        }
    }
    if let Some(pattern) = &postgres.schemas {
        let (a, b) = deployment.tenants();
        tenancy.schemas = Some([a.fill(pattern), b.fill(pattern)]);
        tenancy.said.push(format!("each tenant has a schema: {pattern}"));
        return Ok(tenancy);
    }
    let names = if postgres.columns.is_empty() { columns(catalogue) } else { postgres.columns.clone() };
    let ids = [&deployment.tenants().0.id, &deployment.tenants().1.id];
    let mut fits: BTreeMap<String, bool> = BTreeMap::new();
    for relation in &catalogue.relations {
        let of = names.iter().filter_map(|name| relation.named(name));
        for column in of {
            let fits = *fits.entry(column.kind.clone()).or_insert_with(|| {
                ids.iter().all(|id| visit.rows(&format!("SELECT CAST({} AS {})", literal(id), column.kind)).is_ok())
            });
            if fits && !tenancy.columns.contains_key(&relation.oid) {
                tenancy.columns.insert(relation.oid, column.number);
            }
        }
    }
    if tenancy.columns.is_empty() {
        let expected = "give it as columns = [\"NAME\"], or schemas = \"tenant_{id}\"";
        return Err(if names.is_empty() {
            format!("no relation that the application can see has a tenant column: {expected}")
        } else {
            format!("no relation has a tenant column {} that takes {:?}: {expected}", names.join(" or "), ids[0])
        });
    }
    let found: BTreeSet<&str> =
        names.iter().map(String::as_str).filter(|n| catalogue.relations.iter().any(|r| r.named(n).is_some())).collect();
    let found: Vec<&str> = found.into_iter().collect();
    tenancy.said.push(format!("{} says whose a row is, in {} relations", found.join(" or "), tenancy.columns.len()));
    registry(catalogue, &mut tenancy);
    Ok(tenancy)
}

/// The table that a tenant column points at lists the tenants: its key is one too.
fn registry(catalogue: &Catalogue, tenancy: &mut Tenancy) {
    let mut lists = BTreeMap::new();
    for relation in &catalogue.relations {
        let Some(column) = tenancy.columns.get(&relation.oid) else { continue };
        for key in relation.foreign_keys.iter().filter(|k| k.columns == [*column]) {
            lists.insert(key.target, key.at[0]);
        }
    }
    for (oid, column) in lists {
        if let Some(relation) = catalogue.relation(oid)
            && tenancy.columns.insert(oid, column).is_none()
        {
            tenancy.said.push(format!("{} lists the tenants", relation.label()));
        }
    }
}

/// The setting that most policies ask for.
fn setting(catalogue: &Catalogue) -> Result<String, String> {
    let mut asked: BTreeMap<String, i32> = BTreeMap::new();
    let policies = catalogue.relations.iter().flat_map(|r| &r.policies).flat_map(|p| [&p.using, &p.check]).flatten();
    let views = catalogue.relations.iter().filter_map(|r| r.definition.as_ref());
    let functions = catalogue.functions.iter().map(|f| &f.source);
    let texts = policies.map(|t| (t, 3)).chain(views.map(|t| (t, 1))).chain(functions.map(|t| (t, 1)));
    for (text, weight) in texts {
        for name in settings_in(text) {
            *asked.entry(name).or_default() += weight;
        }
    }
    let weigh = |name: &str, weight: i32| {
        let low = name.to_lowercase();
        let word = WORDS.iter().any(|w| low.contains(w));
        let switch = SWITCHES.iter().any(|s| low.contains(s));
        weight + if word { 1000 } else { 0 } - if switch { 2000 } else { 0 }
    };
    let weighed = asked.iter().map(|(name, weight)| (weigh(name, *weight), name));
    let best = weighed.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)));
    match best {
        Some((weight, name)) if weight > 0 => Ok(name.clone()),
        _ => Err("no policy asks for a setting, so how the application becomes a tenant must be given: \
                  act = { settings = { \"NAME\" = \"{id}\" } }, { role = \"tenant_{id}\" }, or \
                  { statements = [\"…\"] }"
            .to_owned()),
    }
}

/// Names of settings of applications that a piece of SQL asks for.
pub fn settings_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.to_lowercase().match_indices("current_setting(") {
        // Lower case has as many bytes as what it was made of, in names of settings and the words around them.
        let Some(rest) = text.get(at + "current_setting(".len()..) else { continue };
        let name = rest.trim_start().strip_prefix('\'').and_then(|r| r.split('\'').next());
        if let Some(name) = name.filter(|n| n.contains('.')) {
            found.push(name.to_owned());
        }
    }
    found
}

/// Names that are likely those of tenant columns, the likeliest first.
fn columns(catalogue: &Catalogue) -> Vec<String> {
    let mut weights: BTreeMap<&str, i32> = BTreeMap::new();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for relation in &catalogue.relations {
        let in_policy = |number: i16| relation.policies.iter().any(|p| p.columns.contains(&number));
        for column in relation.columns.iter().filter(|c| rank(&c.name).is_some()) {
            *weights.entry(&column.name).or_default() += if in_policy(column.number) { 100 } else { 1 };
            if in_policy(column.number) {
                asked.insert(&column.name);
            }
        }
    }
    let mut names: Vec<&str> = weights.keys().copied().collect();
    names.sort_by_key(|name| (-weights[name], rank(name), *name));
    let best = names.first().copied();
    names.into_iter().filter(|name| Some(*name) == best || asked.contains(name)).map(str::to_owned).collect()
}

/// How sure the name of a column is to mean a tenant; the smaller the surer.
fn rank(name: &str) -> Option<usize> {
    let low: String = name.to_lowercase().chars().filter(|c| *c != '_').collect();
    let stem =
        ["uuid", "id", "key", "slug", "code", "ref"].iter().find_map(|end| low.strip_suffix(end)).unwrap_or(&low);
    WORDS.iter().position(|word| *word == stem)
}

impl Tenancy {
    /// The tenant column of a relation.
    pub fn column<'r>(&self, relation: &'r Relation) -> Option<&'r super::catalogue::Column> {
        relation.column(*self.columns.get(&relation.oid)?)
    }

    /// The setting that holds the tenant's id itself, if one does.
    pub fn setting(&self) -> Option<&str> {
        self.act.settings.iter().find(|(_, value)| *value == "{id}").map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_where_sql_asks_for_them() {
        let text = "x = CURRENT_SETTING('app.tenant_id', true) OR current_setting( 'app.bypass') = 'on' AND \
                    current_setting('role') <> ''";
        assert_eq!(settings_in(text), ["app.tenant_id", "app.bypass"]);
        assert!(settings_in("current_setting(").is_empty());
    }

    #[test]
    fn names_of_tenant_columns_are_known_in_any_spelling() {
        for name in ["tenant_id", "tenantId", "tenant", "org_uuid", "organizationId", "account_id"] {
            assert!(rank(name).is_some(), "{name}");
        }
        for name in ["id", "tenancy", "original", "name"] {
            assert!(rank(name).is_none(), "{name}");
        }
        assert!(rank("tenant_id") < rank("customer_id"));
    }
}
