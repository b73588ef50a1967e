//! The platform as a drill sees it: which nodes there are, what each is, and what falls when a target is struck.

use crate::stage::{Disguise, Stage};
use models::config::Inputs;
use sim::choice::Choices;
use sim::fault::Target;
use sim::record::Pass;
use sim::seed::Draws;
use std::collections::BTreeSet;

/// What a node is, as far as its loss has a price.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// A gateway at the edge.
    Edge,
    /// An instance of the service.
    App,
    /// The policy agent.
    Policy,
    /// The config service, which hands out bundles.
    Config,
    /// The cache.
    Cache,
    /// A node of the database pair.
    Postgres,
    /// Who lends the database's leadership.
    Arbiter,
    /// A broker.
    Broker,
    /// The brokers' controller.
    Controller,
    /// A half of the mirror.
    Mirror,
    /// The mesh CA.
    Ca,
    /// The identity provider.
    Idp,
    /// Something whose loss has no price here yet.
    Other,
}

/// A node of the platform.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique role, `cell-a/app-1`.
    pub role: String,
    /// What fails together: a cell, or an edge by itself.
    pub group: String,
    /// The part of the cell that fails together.
    pub zone: String,
    /// What it is.
    pub part: Part,
    /// The cell to which it belongs; of an edge, the cell that it stands in front of.
    pub cell: String,
}

/// The platform as a drill sees it.
#[derive(Clone, Debug)]
pub struct Map {
    /// Cells, in order.
    pub cells: Vec<String>,
    /// Nodes, in order of their addresses.
    pub nodes: Vec<Node>,
}

impl Map {
    /// The map of a platform, read off its nodes as they are built for a run without anybody on it.
    pub fn of(inputs: &Inputs) -> Map {
        let draws = Draws::new(0, Choices::default());
        let world = Stage::new(inputs, &draws, Pass::Calm).build(&Disguise::default(), false);
        let config = &inputs.platform;
        let cells = config.cells.iter().map(|c| c.id.to_string()).collect();
        let nodes = world.nodes.into_iter().map(|node| {
            let edge = config.edges.iter().find(|e| *e.id == *node.role);
            let cell = edge.map_or_else(|| node.group.clone(), |e| e.cell.to_string());
            let part = if edge.is_some() { Part::Edge } else { part_of(&node.role) };
            Node { role: node.role, group: node.group, zone: node.zone, part, cell }
        });
        Map { cells, nodes: nodes.collect() }
    }

    /// Roles of a cell's nodes of one kind, in order.
    pub fn roles(&self, cell: &str, part: Part) -> Vec<&str> {
        let is_one = |node: &&Node| node.cell == cell && node.part == part;
        self.nodes.iter().filter(is_one).map(|node| node.role.as_str()).collect()
    }

    /// The role of a cell's only node of a kind.
    ///
    /// # Panics
    /// When there is none: a cell of any platform has one of each.
    pub fn role(&self, cell: &str, part: Part) -> &str {
        self.roles(cell, part).first().copied().unwrap_or_else(|| panic!("{cell} has no {part:?}"))
    }

    /// Zones of a cell of which every node has a sibling elsewhere in the cell: losing one of them loses no kind of
    /// node altogether.
    pub fn spare_zones(&self, cell: &str) -> Vec<&str> {
        let of_cell = || self.nodes.iter().filter(move |node| node.cell == cell);
        let zones: BTreeSet<&str> = of_cell().map(|node| node.zone.as_str()).collect();
        let is_spare = |zone: &&str| {
            let lost = of_cell().filter(|node| node.zone == **zone);
            lost.clone().next().is_some()
                && lost.into_iter().all(|l| of_cell().any(|o| o.part == l.part && o.zone != **zone))
        };
        zones.into_iter().filter(is_spare).collect()
    }

    /// Nodes that a target selects, by index; of a link, those of its first end.
    pub fn struck(&self, target: &Target) -> BTreeSet<usize> {
        let covers = |target: &Target, node: &Node| match target {
            Target::All => true,
            Target::Node(role) => node.role == *role,
            Target::Zone(zone) => node.zone == *zone,
            Target::Group(group) => node.group == *group,
            Target::Link(..) => false,
        };
        let first = if let Target::Link(from, _) = target { from } else { target };
        self.nodes.iter().enumerate().filter(|(_, node)| covers(first, node)).map(|(i, _)| i).collect()
    }
}

/// What a role of a cell is, by its name.
fn part_of(role: &str) -> Part {
    let name = role.rsplit('/').next().unwrap_or(role);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    match stem {
        "app" => Part::App,
        "policy" => Part::Policy,
        "config" => Part::Config,
        "cache" => Part::Cache,
        "postgres" => Part::Postgres,
        "arbiter" => Part::Arbiter,
        "kafka" => Part::Broker,
        "kafka-controller" => Part::Controller,
        "mirror-out" | "mirror-in" => Part::Mirror,
        "mesh-ca" => Part::Ca,
        "idp" => Part::Idp,
        _ => Part::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_of_the_reference_platform_is_known_by_its_kind() {
        let map = Map::of(&Inputs::embedded());
        let unknown: Vec<&str> = map.nodes.iter().filter(|n| n.part == Part::Other).map(|n| n.role.as_str()).collect();
        assert!(unknown.is_empty(), "say in drill/toll.rs what the loss of {unknown:?} costs");
        assert_eq!(map.roles("cell-a", Part::Edge), ["edge-a"]);
        assert_eq!(map.roles("cell-b", Part::Postgres), ["cell-b/postgres-1", "cell-b/postgres-2"]);
        assert_eq!(map.role("cell-a", Part::Controller), "cell-a/kafka-controller");
    }

    #[test]
    fn a_zone_that_holds_something_single_is_no_spare() {
        let map = Map::of(&Inputs::embedded());
        assert_eq!(map.spare_zones("cell-a"), ["eu-2", "eu-3"]);
        let zone = map.struck(&Target::Zone("eu-2".into()));
        let roles: Vec<&str> = zone.iter().map(|i| map.nodes[*i].role.as_str()).collect();
        assert_eq!(roles, ["cell-a/app-2", "cell-a/postgres-2", "cell-a/kafka-2"]);
    }
}
