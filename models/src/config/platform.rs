//! `platform.toml`: the cells and their sizes, what work costs, what is promised, and every bound in time.
//!
//! There are no defaults behind the user's back: every key is required, so the file shows all that a verdict rests on.

use super::costs::{Capacities, Capacity, Costs};
use super::links::Links;
use super::problems::Problems;
use super::read::{Reader, Table, is_tenant_id};
use super::settings::{Dependency, Housekeeping, Limits, Offline, Tokens, Ttls, read_dependencies, settings};
use super::slos::Slos;
use super::tree;
use serde::Serialize;
use std::sync::Arc;

/// The platform under test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PlatformConfig {
    /// Counts the versions of the file.
    pub version: u64,
    /// The words that tenants may use.
    pub vocabulary: Vocabulary,
    /// Gateways that clients reach.
    pub edges: Vec<Edge>,
    /// The regional cells.
    pub cells: Vec<Cell>,
    /// The air-gapped cell.
    pub offline: Offline,
    /// Worker time per operation.
    pub costs: Costs,
    /// One-way latencies.
    pub links: Links,
    /// Objectives.
    pub slos: Slos,
    /// Limits per tenant and client.
    pub limits: Limits,
    /// How often components look after themselves.
    pub housekeeping: Housekeeping,
    /// How long something may be used.
    pub ttls: Ttls,
    /// Lifetimes of tokens and certificates.
    pub tokens: Tokens,
    /// External dependencies, in order of the file.
    pub dependencies: Vec<Dependency>,
}

/// The words that `tenants.yaml` may use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Vocabulary {
    /// Regions.
    pub regions: Vec<Arc<str>>,
    /// Labels of data.
    pub labels: Vec<Arc<str>>,
    /// Kinds of resource.
    pub kinds: Vec<Arc<str>>,
}

/// A gateway that clients reach; it stands in the region of its cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Edge {
    /// `edge-a`.
    pub id: Arc<str>,
    /// The cell to which it routes.
    pub cell: Arc<str>,
    /// What it can work on at once.
    pub capacity: Capacity,
}

/// A regional cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cell {
    /// `cell-a`.
    pub id: Arc<str>,
    /// Its region.
    pub region: Arc<str>,
    /// Its zones; replicas are spread over them in turn.
    pub zones: Vec<Arc<str>>,
    /// How many nodes of each kind it has.
    pub sizes: Sizes,
    /// What each component can work on at once.
    pub components: Capacities,
}

const NODES: std::ops::RangeInclusive<u64> = 1..=256;
/// Up to a tebibyte.
const MEMORY: std::ops::RangeInclusive<u64> = 1..=1 << 40;

settings! {
    /// How many nodes of each kind a cell has, and how large its cache is.
    Sizes {
        /// Instances of the application.
        app_instances: count "app_instances" NODES;
        /// Brokers.
        kafka_brokers: count "kafka_brokers" NODES;
        /// Copies that must confirm a record (EVT-03).
        kafka_min_insync: count "kafka_min_insync" NODES;
        /// The primary and its standbys.
        postgres_nodes: count "postgres_nodes" NODES;
        /// Members of the graph cluster.
        graph_nodes: count "graph_nodes" NODES;
        /// The primary and its replicas.
        redis_nodes: count "redis_nodes" NODES;
        /// `maxmemory` of the cache, in bytes. It holds the floors of all tenants at once (CAC-02).
        redis_memory_bytes: count "redis_memory_bytes" MEMORY;
    }
}

impl PlatformConfig {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// Every mistake of the file; nothing is applied when there is one.
    pub fn parse(file: &str, text: &str) -> Result<PlatformConfig, Problems> {
        let tree = tree::from_toml(file, text)?;
        let mut r = Reader::new(file);
        let config = r.table(&tree, "the platform file").and_then(|top| read(&mut r, top));
        r.finish(())?;
        Ok(config.expect("a file without mistakes has every table"))
    }

    /// The cell of this id.
    pub fn cell(&self, id: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| *cell.id == *id)
    }

    /// The cells of a region, in order of the file: the only ones that may hold its tenants' data (POL-06, CEL-01).
    pub fn cells_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(move |cell| *cell.region == *region)
    }

    /// The dependency of this name.
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|d| *d.name == *name)
    }
}

/// Reads everything before it gives up on anything, so that all mistakes are seen.
fn read(r: &mut Reader, mut top: Table) -> Option<PlatformConfig> {
    let version = top.integer(r, "version", 1..=u64::MAX);
    let vocabulary = top.table(r, "vocabulary").map(|t| read_vocabulary(r, t));
    let regions = vocabulary.as_ref().map(|v| v.regions.clone()).unwrap_or_default();
    let mut ids: Vec<Arc<str>> = Vec::new();
    let cells: Vec<Option<Cell>> = top
        .list(r, "cells")
        .iter()
        .map(|node| r.table(node, "a cell").and_then(|t| read_cell(r, t, &regions, &mut ids)))
        .collect();
    let homes: Vec<Arc<str>> = ids.clone();
    let edges: Vec<Option<Edge>> = top
        .list(r, "edges")
        .iter()
        .map(|node| r.table(node, "an edge").map(|t| read_edge(r, t, &homes, &mut ids)))
        .collect();
    if cells.is_empty() || edges.is_empty() {
        r.problem(top.place(), "a platform without cells or edges", "at least one of each");
    }
    let offline = top.get(r, "offline").and_then(|node| {
        let place = (node.line, node.column);
        let offline = r.table(node, "offline").map(|t| Offline::read(r, t))?;
        claim(r, place, &offline.id, &mut ids);
        if !homes.contains(&offline.fed_by) {
            r.problem(place, format!("unknown cell {:?}", offline.fed_by), format!("one of {}", homes.join(", ")));
        }
        Some(offline)
    });
    let costs = top.table(r, "costs").map(|t| Costs::read(r, t));
    let links = top.table(r, "links").map(|t| Links::read(r, t));
    let slos = top.table(r, "slos").map(|t| Slos::read(r, t));
    let limits = top.table(r, "limits").map(|t| Limits::read(r, t));
    let housekeeping = top.table(r, "housekeeping").map(|t| Housekeeping::read(r, t));
    let ttls = top.table(r, "ttls").map(|t| Ttls::read(r, t));
    let tokens = top.get(r, "tokens").and_then(|node| {
        let tokens = r.table(node, "tokens").map(|t| Tokens::read(r, t))?;
        check_tokens(r, (node.line, node.column), &tokens);
        Some(tokens)
    });
    let nodes = top.list(r, "dependencies");
    let dependencies = read_dependencies(r, nodes, top.place());
    top.finish(r);
    Some(PlatformConfig {
        version,
        vocabulary: vocabulary?,
        edges: edges.into_iter().collect::<Option<_>>()?,
        cells: cells.into_iter().collect::<Option<_>>()?,
        offline: offline?,
        costs: costs?,
        links: links?,
        slos: slos?,
        limits: limits?,
        housekeeping: housekeeping?,
        ttls: ttls?,
        tokens: tokens?,
        dependencies,
    })
}

fn read_vocabulary(r: &mut Reader, mut t: Table) -> Vocabulary {
    let read = Vocabulary { regions: t.texts(r, "regions"), labels: t.texts(r, "labels"), kinds: t.texts(r, "kinds") };
    if read.regions.is_empty() {
        r.problem(t.place(), "no region", "at least one region");
    }
    t.finish(r);
    read
}

fn read_cell(r: &mut Reader, mut t: Table, regions: &[Arc<str>], ids: &mut Vec<Arc<str>>) -> Option<Cell> {
    let place = t.place();
    let id = t.text(r, "id");
    claim(r, place, &id, ids);
    let region = t.one_of(r, "region", regions);
    let zones = t.texts(r, "zones");
    if zones.is_empty() {
        r.problem(place, format!("cell {id:?} without zones"), "at least one zone");
    }
    let sizes = t.table(r, "sizes").map(|t| Sizes::read(r, t));
    if let Some(sizes) = &sizes
        && sizes.kafka_min_insync > sizes.kafka_brokers
    {
        let found = format!("kafka_min_insync {} in cell {id:?}", sizes.kafka_min_insync);
        r.problem(place, found, format!("at most its {} brokers", sizes.kafka_brokers));
    }
    let components = t.table(r, "components").map(|t| Capacities::read(r, t));
    t.finish(r);
    Some(Cell { id, region, zones, sizes: sizes?, components: components? })
}

fn read_edge(r: &mut Reader, mut t: Table, cells: &[Arc<str>], ids: &mut Vec<Arc<str>>) -> Edge {
    let id = t.text(r, "id");
    claim(r, t.place(), &id, ids);
    let cell = t.one_of(r, "cell", cells);
    let capacity = Capacity::read(r, &mut t);
    t.finish(r);
    Edge { id, cell, capacity }
}

/// Takes an id; roles are addressed by it, so no two places may share one.
fn claim(r: &mut Reader, place: (u32, u32), id: &Arc<str>, ids: &mut Vec<Arc<str>>) {
    if id.is_empty() {
        return;
    }
    if !is_tenant_id(id) {
        r.problem(place, format!("id {id:?}"), "an id of the form [a-z0-9][a-z0-9-]{0,62}");
    }
    if ids.contains(id) {
        r.problem(place, format!("id {id:?} a second time"), "each id once among cells, edges and offline cell");
    }
    ids.push(Arc::clone(id));
}

/// A token must outlive the tolerance of its check, and a certificate its own renewal, or rotation cannot work.
fn check_tokens(r: &mut Reader, place: (u32, u32), tokens: &Tokens) {
    if tokens.svid_renew_before >= tokens.svid {
        r.problem(place, format!("svid_renew_before_s of {}", tokens.svid_renew_before), "less than `svid_s`");
    }
    if tokens.leeway >= tokens.access {
        r.problem(place, format!("leeway_s of {}", tokens.leeway), "less than `access_s`");
    }
    if tokens.svid >= tokens.intermediate {
        r.problem(place, format!("svid_s of {}", tokens.svid), "less than `intermediate_s`");
    }
}

#[cfg(test)]
mod tests;
