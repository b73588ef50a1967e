//! What a graph holds, how a change alters it, and what a session may see of it.
//!
//! Knows nothing of texts and of disks. Nodes and relationships of all tenants lie in one graph, so that everything
//! which keeps tenants apart is a check, and each check is a control.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::bolt::{Entry, Properties, Relation, Scalar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A session finds and reads what carries its tenant's label, or is shared.
pub const TENANT_LABEL: Control = control!(
    "graph.tenant-label",
    upholds: ["STO-12", "STO-11", "TEN-02"],
    off: "the database's user may match and read every label, as with `GRANT MATCH {*} ON GRAPH *`: the tenant's label \
          is a convention of those who write queries",
);

/// A path of several hops passes nothing of another tenant.
pub const PATH_FENCE: Control = control!(
    "graph.path-fence",
    upholds: ["STO-12", "TEN-02"],
    off: "only the ends of a path are looked at: what lies between them has no pattern of its own, so it is traversed \
          whosever it is",
);

/// A unique property is unique within its tenant.
pub const UNIQUE_PER_TENANT: Control = control!(
    "graph.unique-per-tenant",
    upholds: ["STO-12", "TEN-02"],
    off: "the constraint is on the property alone (`REQUIRE n.serial IS UNIQUE`), so it is violated by what another \
          tenant has",
);

/// An index is searched for one tenant.
pub const INDEX_FENCE: Control = control!(
    "graph.index-fence",
    upholds: ["STO-12", "TEN-02"],
    off: "one full-text index over all tenants is searched: every hit is a row, whether its node may be read or not",
);

/// An entry of an outbox is applied once, and never after a later one.
pub const IDEMPOTENT_APPLY: Control = control!(
    "graph.idempotent-apply",
    upholds: ["STO-06"],
    off: "each delivery is a CREATE or a DELETE of its own: what comes twice is there twice, and what comes late \
          undoes what came after it",
);

/// Label of a node that belongs to no tenant.
pub const SHARED: &str = "Shared";
/// What stands before the tenant in its label.
pub const TENANT_PREFIX: &str = "tenant:";
/// Label of the nodes that stand for records.
pub const RECORD: &str = "Record";
/// Type of the relationships that are also rows of a relational store.
pub const RELATES: &str = "RELATES";
/// Property that is unique among records.
pub const SERIAL: &str = "serial";
/// Property that the full-text index covers.
pub const TITLE: &str = "title";

/// A node, by number. Numbers are the store's own and are never shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeNo(pub u32);

/// A relationship, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EdgeNo(pub u32);

/// A node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Whose it is; nobody's when it is shared.
    pub tenant: Option<TenantId>,
    /// Its label beside the tenant's.
    pub label: Arc<str>,
    /// Its properties.
    pub properties: Properties,
}

/// A relationship.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// From here.
    pub from: NodeNo,
    /// To here.
    pub to: NodeNo,
    /// Its type.
    pub kind: Arc<str>,
    /// Whose it is.
    pub tenant: TenantId,
    /// Number of the change that made it; zero where changes are not counted.
    pub version: i64,
}

/// A change, as the disk keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A node is there, unless one with the same unique property is.
    Node(Node),
    /// A relation between records changes.
    Relation(Entry),
}

/// What a change did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A node is new.
    Created(NodeNo),
    /// Of this relation there are so many now.
    Related(Entry, u32),
    /// It was there already.
    Nothing,
}

/// Everything that there is.
#[derive(Clone, Default, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: BTreeMap<EdgeNo, Edge>,
    last_edge: u32,
    /// Relationships at a node.
    at: BTreeMap<NodeNo, Vec<EdgeNo>>,
    /// Records by tenant and id.
    records: BTreeMap<(TenantId, i64), NodeNo>,
    /// Relationships between two records.
    relations: BTreeMap<(TenantId, i64, i64), Vec<EdgeNo>>,
    /// Number of the last change of each relation that was applied.
    versions: BTreeMap<(TenantId, i64, i64), i64>,
}

/// Somebody who asks: what a tenant's user of the database may see.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// In whose name.
    pub tenant: &'a str,
    /// Controls of the run.
    pub controls: &'a Controls,
}

impl Session<'_> {
    /// Whether it may match and read what belongs to this tenant, or to nobody.
    pub fn may_read(&self, owner: Option<&TenantId>) -> bool {
        self.owns(owner) || !self.controls.on(&TENANT_LABEL)
    }
    /// Whether a path may go over this relationship to this node.
    pub fn may_pass(&self, edge: &Edge, node: &Node) -> bool {
        self.owns(Some(&edge.tenant)) && self.owns(node.tenant.as_ref()) || !self.controls.on(&PATH_FENCE)
    }
    /// Whether a search of the index may find this node.
    fn may_find(&self, node: &Node) -> bool {
        self.owns(node.tenant.as_ref()) || !self.controls.on(&INDEX_FENCE)
    }
    fn owns(&self, owner: Option<&TenantId>) -> bool {
        owner.is_none_or(|owner| **owner == *self.tenant)
    }
}

impl Node {
    /// A property.
    pub fn property(&self, key: &str) -> Option<&Scalar> {
        self.properties.iter().find(|(k, _)| **k == *key).map(|(_, value)| value)
    }
    /// Whether it has this label.
    pub fn has_label(&self, label: &str) -> bool {
        match (&self.tenant, label.strip_prefix(TENANT_PREFIX)) {
            (Some(tenant), Some(named)) => **tenant == *named,
            (None, None) if label == SHARED => true,
            _ => *self.label == *label,
        }
    }
    fn id(&self) -> Option<i64> {
        self.property("id").and_then(Scalar::as_int)
    }
}

impl Graph {
    /// A node.
    pub fn node(&self, no: NodeNo) -> &Node {
        &self.nodes[no.0 as usize]
    }
    /// A relationship.
    pub fn edge(&self, no: EdgeNo) -> &Edge {
        &self.edges[&no]
    }
    /// Every node, in order of number.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeNo, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeNo(i as u32), node))
    }
    /// Relationships at a node, in order of number.
    pub fn edges_at(&self, node: NodeNo) -> &[EdgeNo] {
        self.at.get(&node).map_or(&[], Vec::as_slice)
    }
    /// How many nodes and relationships there are.
    pub fn size(&self) -> (usize, usize) {
        (self.nodes.len(), self.edges.len())
    }

    /// Nodes that the index finds for a word.
    pub fn search<'a>(&'a self, session: Session<'a>, word: &'a str) -> impl Iterator<Item = NodeNo> + 'a {
        let hit = move |node: &Node| node.property(TITLE).and_then(Scalar::as_text).is_some_and(|t| t.contains(word));
        self.nodes().filter(move |(_, node)| hit(node) && session.may_find(node)).map(|(no, _)| no)
    }

    /// Whether a constraint does not permit this node: another one has its unique property.
    pub fn violates(&self, controls: &Controls, node: &Node) -> bool {
        let Some(serial) = node.property(SERIAL).filter(|_| *node.label == *RECORD) else { return false };
        let within = controls.on(&UNIQUE_PER_TENANT);
        self.nodes.iter().any(|other| {
            other.label == node.label
                && other.property(SERIAL) == Some(serial)
                && (other.tenant == node.tenant || !within)
        })
    }

    /// Adds a node of the base, or of a change.
    pub fn add(&mut self, node: Node) -> NodeNo {
        let no = NodeNo(self.nodes.len() as u32);
        if let (Some(tenant), Some(id), RECORD) = (&node.tenant, node.id(), &*node.label) {
            self.records.entry((tenant.clone(), id)).or_insert(no);
        }
        self.nodes.push(node);
        no
    }

    /// Adds a relationship.
    pub fn connect(&mut self, edge: Edge) -> EdgeNo {
        self.last_edge += 1;
        let no = EdgeNo(self.last_edge);
        self.at.entry(edge.from).or_default().push(no);
        if edge.from != edge.to {
            self.at.entry(edge.to).or_default().push(no);
        }
        self.edges.insert(no, edge);
        no
    }

    /// Makes a change.
    pub fn apply(&mut self, controls: &Controls, change: &Change) -> Effect {
        match change {
            Change::Node(node) if self.violates(controls, node) => Effect::Nothing,
            Change::Node(node) => Effect::Created(self.add(node.clone())),
            Change::Relation(entry) => self.relate(controls, entry),
        }
    }

    fn relate(&mut self, controls: &Controls, entry: &Entry) -> Effect {
        let key = (entry.tenant.clone(), entry.source, entry.target);
        let applied = self.versions.get(&key).copied().unwrap_or(0);
        let once = controls.on(&IDEMPOTENT_APPLY) || entry.repair;
        // A repair holds although its number is known; a late one must not undo what came after it either.
        if once && (entry.version < applied || entry.version == applied && !entry.repair) {
            return Effect::Nothing;
        }
        self.versions.insert(key.clone(), entry.version);
        if once || !entry.present {
            for no in self.relations.remove(&key).unwrap_or_default() {
                self.disconnect(no);
            }
        }
        if entry.present {
            let (from, to) = (self.record(&entry.tenant, entry.source), self.record(&entry.tenant, entry.target));
            let (kind, tenant, version) = (RELATES.into(), entry.tenant.clone(), entry.version);
            let no = self.connect(Edge { from, to, kind, tenant, version });
            self.relations.entry(key.clone()).or_default().push(no);
        }
        let copies = self.relations.get(&key).map_or(0, Vec::len) as u32;
        Effect::Related(entry.clone(), copies)
    }

    /// Whether this change of a relation, or a later one, was applied before.
    pub fn has_applied(&self, entry: &Entry) -> bool {
        let key = (entry.tenant.clone(), entry.source, entry.target);
        self.versions.get(&key).is_some_and(|applied| *applied >= entry.version)
    }

    /// The node of a record; an empty one where nobody has told of it yet.
    fn record(&mut self, tenant: &TenantId, id: i64) -> NodeNo {
        if let Some(no) = self.records.get(&(tenant.clone(), id)) {
            return *no;
        }
        let properties = vec![("id".into(), Scalar::Int(id))];
        self.add(Node { tenant: Some(tenant.clone()), label: RECORD.into(), properties })
    }

    fn disconnect(&mut self, no: EdgeNo) {
        let Some(edge) = self.edges.remove(&no) else { return };
        for node in [edge.from, edge.to] {
            if let Some(at) = self.at.get_mut(&node) {
                at.retain(|other| *other != no);
            }
        }
    }

    /// All relations of a tenant.
    pub fn relations_of(&self, tenant: &TenantId) -> Vec<Relation> {
        let range = self.relations.range((tenant.clone(), i64::MIN, i64::MIN)..);
        let own = range.take_while(|((owner, ..), _)| owner == tenant);
        let each = own.flat_map(|((_, source, target), edges)| {
            edges.iter().map(move |no| Relation { source: *source, target: *target, version: self.edge(*no).version })
        });
        each.collect()
    }

    /// Every relation with how many copies of it there are, in order.
    pub fn all_relations(&self) -> impl Iterator<Item = (&TenantId, Relation, u32)> {
        self.relations.iter().filter(|(_, edges)| !edges.is_empty()).map(move |((tenant, source, target), edges)| {
            let version = edges.iter().map(|no| self.edge(*no).version).max().unwrap_or(0);
            (tenant, Relation { source: *source, target: *target, version }, edges.len() as u32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    fn entry(version: i64, present: bool) -> Change {
        let (tenant, source, target) = ("acme".into(), 1, 2);
        Change::Relation(Entry { tenant, source, target, version, present, repair: false })
    }

    fn copies(controls: &Controls, changes: &[Change]) -> usize {
        let mut graph = Graph::default();
        changes.iter().for_each(|change| {
            graph.apply(controls, change);
        });
        graph.relations_of(&"acme".into()).len()
    }

    #[test]
    fn an_entry_holds_once_and_in_the_order_of_its_numbers() {
        let on = Controls::all_on();
        let off = Controls::with_off(ControlSet::EMPTY.with(IDEMPOTENT_APPLY.slot));
        let twice = [entry(1, true), entry(1, true)];
        let late = [entry(1, true), entry(2, false), entry(1, true)];
        assert_eq!((copies(&on, &twice), copies(&on, &late)), (1, 0));
        assert_eq!((copies(&off, &twice), copies(&off, &late)), (2, 1));
    }

    #[test]
    fn a_serial_is_unique_within_its_tenant_and_without_that_everywhere() {
        let record = |tenant: &str| Node {
            tenant: Some(tenant.into()),
            label: RECORD.into(),
            properties: vec![(SERIAL.into(), Scalar::text("S-1"))],
        };
        let mut graph = Graph::default();
        graph.add(record("acme"));
        let off = Controls::with_off(ControlSet::EMPTY.with(UNIQUE_PER_TENANT.slot));
        assert!(graph.violates(&Controls::all_on(), &record("acme")));
        assert!(!graph.violates(&Controls::all_on(), &record("beta")));
        assert!(graph.violates(&off, &record("beta")));
    }

    #[test]
    fn a_session_reads_passes_and_finds_its_own_and_what_is_shared() {
        let off = |control: &Control| Controls::with_off(ControlSet::EMPTY.with(control.slot));
        let (own, other): (TenantId, TenantId) = ("acme".into(), "beta".into());
        let on = Controls::all_on();
        let session = Session { tenant: "acme", controls: &on };
        assert!(session.may_read(Some(&own)) && session.may_read(None) && !session.may_read(Some(&other)));
        let without = off(&TENANT_LABEL);
        assert!(Session { tenant: "acme", controls: &without }.may_read(Some(&other)));
    }
}
