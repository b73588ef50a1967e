//! `tenants.yaml`: who the tenants are, where they live, and what they may hold (governance document, §3.1; TEN-03).
//!
//! The document's sample has no owners and is valid: an owner is demanded only of a tenant that is new against the
//! previous version. Order in the file means nothing; tenants are kept sorted by id.

use super::platform::Vocabulary;
use super::problems::Problems;
use super::read::{Reader, Table, is_schema_name, is_tenant_id};
use super::tree::{self, At, Node};
use crate::ids::TenantId;
use crate::wire::policy::Level;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tenants of a platform.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tenants {
    /// Counts the versions of the file.
    pub version: u64,
    /// Sorted by id, which is unique.
    pub tenants: Vec<Tenant>,
}

/// One tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tenant {
    /// `acme`; `[a-z0-9][a-z0-9-]{0,62}`.
    pub id: TenantId,
    /// `Acme Corp`.
    pub name: Arc<str>,
    /// The region that its data and requests never leave.
    pub region: Arc<str>,
    /// Labels of data that it may handle; sorted.
    pub labels: Vec<Arc<str>>,
    /// The highest level it may handle, per kind of resource.
    pub data_classes: BTreeMap<Arc<str>, Level>,
    /// Who answers for it.
    pub owner: Option<Arc<str>>,
    /// The data-plane slice that it is pinned to, if it does not share one with the others (TEN-04).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// A data-plane slice of one tenant, inside its cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Slice {
    /// Its schema in the database; `[a-z][a-z0-9_]{0,40}`, and none that the server has already.
    pub schema: Arc<str>,
    /// Its logical database in the cache, from 1 on: 0 is the one that tenants share.
    pub cache_database: u16,
}

/// Logical databases of a cache.
pub const CACHE_DATABASES: u16 = 16;

impl Tenants {
    /// Reads and validates a file; `known` gives the words it may use.
    ///
    /// # Errors
    /// Every mistake of the file; nothing is applied when there is one.
    pub fn parse(file: &str, text: &str, known: &Vocabulary) -> Result<Tenants, Problems> {
        read(file, text, known, None)
    }

    /// Like [`Tenants::parse`], against the version that is in force: its tenants need no owner, new ones do, and the
    /// version must not go back.
    ///
    /// # Errors
    /// Every mistake of the file; the previous version stays in force.
    pub fn parse_next(file: &str, text: &str, known: &Vocabulary, previous: &Tenants) -> Result<Tenants, Problems> {
        read(file, text, known, Some(previous))
    }

    /// Checks an already read version against the one in force. The places of the mistakes are lost; reading the text
    /// with [`Tenants::parse_next`] keeps them.
    ///
    /// # Errors
    /// Every new tenant without an owner, and a version that goes back.
    pub fn validate_against(&self, file: &str, previous: &Tenants) -> Result<(), Problems> {
        let mut r = Reader::new(file);
        check_version(&mut r, (0, 0), self.version, previous);
        for tenant in &self.tenants {
            check_owner(&mut r, (0, 0), &tenant.id, tenant.owner.is_some(), previous);
        }
        r.finish(())
    }

    /// The tenant of this id.
    pub fn get(&self, id: &str) -> Option<&Tenant> {
        self.place(id).map(|i| &self.tenants[i])
    }

    /// Where it stands in the order of ids.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.tenants.binary_search_by(|t| (*t.id).cmp(id)).ok()
    }
}

fn read(file: &str, text: &str, known: &Vocabulary, previous: Option<&Tenants>) -> Result<Tenants, Problems> {
    let tree = tree::from_yaml(file, text)?;
    let mut r = Reader::new(file);
    let mut result = Tenants { version: 1, tenants: Vec::new() };
    if let Some(mut top) = r.table(&tree, "the tenants file") {
        let version = top.get(&mut r, "version");
        if let Some(version) = version {
            result.version = r.integer(version, "version", 1..=u64::MAX);
            if let Some(previous) = previous {
                check_version(&mut r, (version.line, version.column), result.version, previous);
            }
        }
        let mut places: BTreeMap<TenantId, u32> = BTreeMap::new();
        let mut slices: Vec<Slice> = Vec::new();
        for node in top.list(&mut r, "tenants") {
            let Some(table) = r.table(node, "a tenant") else { continue };
            let slice_place = table.place_of("slice");
            let (tenant, id_place) = read_tenant(&mut r, table, known, previous);
            if let Some(slice) = &tenant.slice {
                let taken = |s: &Slice| s.schema == slice.schema || s.cache_database == slice.cache_database;
                if slices.iter().any(taken) {
                    r.problem(slice_place, "a slice that another tenant has", "a schema and a database of its own");
                }
                slices.push(slice.clone());
            }
            if tenant.id.is_empty() {
                continue;
            }
            if let Some(first) = places.insert(Arc::clone(&tenant.id), id_place.0) {
                let found = format!("tenant {:?} a second time", tenant.id);
                r.problem(id_place, found, format!("each id once (first on line {first})"));
            }
            result.tenants.push(tenant);
        }
        top.finish(&mut r);
    }
    result.tenants.sort_by(|a, b| a.id.cmp(&b.id));
    r.finish(result)
}

fn read_tenant(r: &mut Reader, mut t: Table, known: &Vocabulary, previous: Option<&Tenants>) -> (Tenant, (u32, u32)) {
    let id_node = t.get(r, "id");
    let id_place = id_node.map_or(t.place(), |node| (node.line, node.column));
    let id: TenantId = id_node.and_then(|node| read_id(r, node)).unwrap_or_default().into();
    let name = t.text(r, "name");
    let region = t.one_of(r, "region", &known.regions);
    let mut labels: Vec<Arc<str>> = Vec::new();
    for node in t.list(r, "labels") {
        let Some(label) = r.one_of(node, "label", &known.labels) else { continue };
        if labels.iter().any(|l| **l == *label) {
            r.problem((node.line, node.column), format!("label {label:?} a second time"), "each label once");
        }
        labels.push(label.into());
    }
    labels.sort();
    let data_classes = t.get(r, "data_classes").map(|node| read_classes(r, node, known)).unwrap_or_default();
    let owner = t.optional("owner").and_then(|node| r.text(node, "owner")).map(Arc::from);
    if let Some(previous) = previous
        && !id.is_empty()
    {
        check_owner(r, id_place, &id, owner.is_some(), previous);
    }
    let slice = t.optional("slice").and_then(|node| read_slice(r, node));
    t.finish(r);
    (Tenant { id, name, region, labels, data_classes, owner, slice }, id_place)
}

fn read_slice(r: &mut Reader, node: &At<Node>) -> Option<Slice> {
    let mut t = r.table(node, "a slice")?;
    let at = t.place_of("schema");
    let schema = t.text(r, "schema");
    if !schema.is_empty() && !is_schema_name(&schema) {
        let expected = "a name of the form [a-z][a-z0-9_]{0,40} that the server has not taken";
        r.problem(at, format!("schema {schema:?}"), expected);
    }
    let cache_database = t.integer(r, "cache_database", 1..=u64::from(CACHE_DATABASES) - 1) as u16;
    t.finish(r);
    Some(Slice { schema, cache_database })
}

fn read_id<'n>(r: &mut Reader, node: &'n At<Node>) -> Option<&'n str> {
    let id = r.text(node, "id")?;
    if is_tenant_id(id) {
        return Some(id);
    }
    r.problem((node.line, node.column), format!("tenant id {id:?}"), "an id of the form [a-z0-9][a-z0-9-]{0,62}");
    None
}

fn read_classes(r: &mut Reader, node: &At<Node>, known: &Vocabulary) -> BTreeMap<Arc<str>, Level> {
    let mut classes = BTreeMap::new();
    let Some(_) = r.table(node, "data_classes") else { return classes };
    let Node::Table(entries) = &node.value else { return classes };
    for (kind, level) in entries {
        if !known.kinds.iter().any(|k| **k == *kind.value) {
            let found = format!("unknown kind {:?}", kind.value);
            r.problem((kind.line, kind.column), found, format!("one of {}", known.kinds.join(", ")));
        }
        if let Some(level) = read_level(r, level) {
            classes.insert(kind.value.as_str().into(), level);
        }
    }
    classes
}

fn read_level(r: &mut Reader, node: &At<Node>) -> Option<Level> {
    let level = match &node.value {
        Node::Text(name) => Level::from_name(name),
        Node::Integer(rank) => u64::try_from(*rank).ok().and_then(Level::from_rank),
        _ => None,
    };
    if level.is_none() {
        let found = format!("unknown level: {}", node.value.describe());
        let names: Vec<String> = Level::ALL.iter().map(|l| format!("{} ({})", l.name(), l.rank())).collect();
        r.problem((node.line, node.column), found, format!("one of {}", names.join(", ")));
    }
    level
}

fn check_version(r: &mut Reader, place: (u32, u32), version: u64, previous: &Tenants) {
    if version < previous.version {
        r.problem(place, format!("version {version}"), format!("at least {}, which is in force", previous.version));
    }
}

fn check_owner(r: &mut Reader, place: (u32, u32), id: &str, owned: bool, previous: &Tenants) {
    if !owned && previous.get(id).is_none() {
        r.problem(place, format!("new tenant {id:?} without an owner"), "`owner`");
    }
}

#[cfg(test)]
mod tests;
