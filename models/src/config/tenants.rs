//! `tenants.yaml`: who the tenants are, where they live, and what they may hold (governance document, §3.1; TEN-03).
//!
//! The document's sample has no owners and is valid: an owner is demanded only of a tenant that is new against the
//! previous version. Order in the file means nothing; tenants are kept sorted by id. Each rule has a stable name, by
//! which machines are told of a mistake.

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

/// Which rules are held against a file, beside its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Regions, labels and kinds are words that the platform knows.
    pub known_words: bool,
    /// Each id stands there once. Without this rule the last entry counts.
    pub unique_ids: bool,
    /// A tenant that is new has an owner.
    pub owners: bool,
    /// A mistake is one of the whole file. Without this rule it is one of its tenant, who then stays as it was.
    pub whole_file: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Rules = Rules { known_words: true, unique_ids: true, owners: true, whole_file: true };

    /// The name of a rule about words, while it is held.
    fn of_words(self, code: &'static str) -> Option<&'static str> {
        self.known_words.then_some(code)
    }
}

/// An unknown region.
pub const UNKNOWN_REGION: &str = "unknown-region";
/// An unknown label.
pub const UNKNOWN_LABEL: &str = "unknown-label";
/// An unknown kind of resource in a table of classes.
pub const UNKNOWN_KIND: &str = "unknown-kind";
/// A level that is none.
pub const UNKNOWN_LEVEL: &str = "unknown-level";
/// An id that could cross a separator.
pub const BAD_ID: &str = "bad-id";
/// An id a second time.
pub const DUPLICATE_ID: &str = "duplicate-id";
/// A new tenant without an owner.
pub const NO_OWNER: &str = "no-owner";
/// A version before the one in force.
pub const OLD_VERSION: &str = "old-version";

impl Tenants {
    /// Reads and validates a file; `known` gives the words it may use.
    ///
    /// # Errors
    /// Every mistake of the file; nothing is applied when there is one.
    pub fn parse(file: &str, text: &str, known: &Vocabulary) -> Result<Tenants, Problems> {
        read(file, text, known, (None, Rules::ALL))
    }

    /// Like [`Tenants::parse`], against the version that is in force: its tenants need no owner, new ones do, and the
    /// version must not go back.
    ///
    /// # Errors
    /// Every mistake of the file; the previous version stays in force.
    pub fn parse_next(file: &str, text: &str, known: &Vocabulary, previous: &Tenants) -> Result<Tenants, Problems> {
        Tenants::parse_by(file, text, known, previous, Rules::ALL)
    }

    /// Like [`Tenants::parse_next`], with some of the rules alone: what a careless reader makes of a file.
    ///
    /// # Errors
    /// Every mistake of the file that breaks one of `rules`, or makes it unreadable.
    pub fn parse_by(
        file: &str,
        text: &str,
        known: &Vocabulary,
        previous: &Tenants,
        rules: Rules,
    ) -> Result<Tenants, Problems> {
        read(file, text, known, (Some(previous), rules))
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

/// The version to be read against, and by which rules.
type Against<'a> = (Option<&'a Tenants>, Rules);

fn read(file: &str, text: &str, known: &Vocabulary, against: Against<'_>) -> Result<Tenants, Problems> {
    let (previous, rules) = against;
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
            let before = r.mistakes();
            let Some(table) = r.table(node, "a tenant") else { continue };
            let slice_place = table.place_of("slice");
            let (mut tenant, id_place) = read_tenant(&mut r, table, known, against);
            if let Some(slice) = &tenant.slice {
                let taken = |s: &Slice| s.schema == slice.schema || s.cache_database == slice.cache_database;
                if slices.iter().any(taken) {
                    r.problem(slice_place, "a slice that another tenant has", "a schema and a database of its own");
                }
                slices.push(slice.clone());
            }
            if let Some(first) = places.get(&tenant.id).filter(|_| !tenant.id.is_empty() && rules.unique_ids) {
                let found = format!("tenant {:?} a second time", tenant.id);
                r.broken(DUPLICATE_ID, id_place, found, format!("each id once (first on line {first})"));
            }
            if r.mistakes() > before && !rules.whole_file {
                r.forget_after(before);
                match previous.and_then(|previous| previous.get(&tenant.id)) {
                    Some(as_it_was) => tenant = as_it_was.clone(),
                    None => continue,
                }
            }
            if tenant.id.is_empty() {
                continue;
            }
            places.insert(Arc::clone(&tenant.id), id_place.0);
            result.tenants.retain(|other| other.id != tenant.id);
            result.tenants.push(tenant);
        }
        top.finish(&mut r);
    }
    result.tenants.sort_by(|a, b| a.id.cmp(&b.id));
    r.finish(result)
}

fn read_tenant(r: &mut Reader, mut t: Table, known: &Vocabulary, against: Against<'_>) -> (Tenant, (u32, u32)) {
    let (previous, rules) = against;
    let id_node = t.get(r, "id");
    let id_place = id_node.map_or(t.place(), |node| (node.line, node.column));
    let id: TenantId = id_node.and_then(|node| read_id(r, node)).unwrap_or_default().into();
    let name = t.text(r, "name");
    let region = t.get(r, "region");
    let region = region.and_then(|node| r.word(node, "region", &known.regions, rules.of_words(UNKNOWN_REGION)));
    let region = region.unwrap_or_default().into();
    let mut labels: Vec<Arc<str>> = Vec::new();
    for node in t.list(r, "labels") {
        let Some(label) = r.word(node, "label", &known.labels, rules.of_words(UNKNOWN_LABEL)) else { continue };
        if labels.iter().any(|l| **l == *label) {
            r.problem((node.line, node.column), format!("label {label:?} a second time"), "each label once");
        }
        labels.push(label.into());
    }
    labels.sort();
    let data_classes = t.get(r, "data_classes").map(|node| read_classes(r, node, known, rules)).unwrap_or_default();
    let owner = t.optional("owner").and_then(|node| r.text(node, "owner")).map(Arc::from);
    if let Some(previous) = previous
        && !id.is_empty()
        && rules.owners
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
    let expected = "an id of the form [a-z0-9][a-z0-9-]{0,62}";
    r.broken(BAD_ID, (node.line, node.column), format!("tenant id {id:?}"), expected);
    None
}

fn read_classes(r: &mut Reader, node: &At<Node>, known: &Vocabulary, rules: Rules) -> BTreeMap<Arc<str>, Level> {
    let mut classes = BTreeMap::new();
    let Some(_) = r.table(node, "data_classes") else { return classes };
    let Node::Table(entries) = &node.value else { return classes };
    for (kind, level) in entries {
        if rules.known_words && !known.kinds.iter().any(|k| **k == *kind.value) {
            let found = format!("unknown kind {:?}", kind.value);
            r.broken(UNKNOWN_KIND, (kind.line, kind.column), found, format!("one of {}", known.kinds.join(", ")));
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
        r.broken(UNKNOWN_LEVEL, (node.line, node.column), found, format!("one of {}", names.join(", ")));
    }
    level
}

fn check_version(r: &mut Reader, place: (u32, u32), version: u64, previous: &Tenants) {
    if version < previous.version {
        let expected = format!("at least {}, which is in force", previous.version);
        r.broken(OLD_VERSION, place, format!("version {version}"), expected);
    }
}

fn check_owner(r: &mut Reader, place: (u32, u32), id: &str, owned: bool, previous: &Tenants) {
    if !owned && previous.get(id).is_none() {
        r.broken(NO_OWNER, place, format!("new tenant {id:?} without an owner"), "`owner`");
    }
}

#[cfg(test)]
mod tests;
