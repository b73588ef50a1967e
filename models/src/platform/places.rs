//! Who stands where and calls whom: role, group and zone of every node, without building one.
//!
//! A drill is planned, and its price named, before anything runs; so the map of the platform is needed apart from the
//! platform. Nodes are built by the same functions.

use super::cell;
use crate::config::PlatformConfig;

/// Where a node stands, and what it leans on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Unique role, `cell-a/app-1`.
    pub role: String,
    /// What fails together: a cell, or an edge by itself.
    pub group: String,
    /// The part of the cell that fails together.
    pub zone: String,
    /// Roles that it calls through the mesh.
    pub calls: Vec<String>,
}

/// Every node of the platform itself, in order of their addresses. Clients stand in front of it, and are not listed.
pub fn places(config: &PlatformConfig) -> Vec<Place> {
    let workloads = cell::workloads(config).into_iter().map(|w| (w.role, w.cell, w.calls));
    let others = cell::others(config).into_iter().map(|role| {
        let cell = role.split_once('/').map_or(role.as_str(), |(cell, _)| cell).to_owned();
        (role, cell, Vec::new())
    });
    let place = |(role, cell, calls): (String, String, Vec<String>)| Place {
        group: group_of(config, &role, &cell),
        zone: zone_of(config, &role, &cell),
        role,
        calls,
    };
    workloads.chain(others).map(place).collect()
}

/// The group of a node: its cell. An edge fails by itself.
pub(super) fn group_of(config: &PlatformConfig, role: &str, cell: &str) -> String {
    let is_edge = config.edges.iter().any(|e| *e.id == *role);
    if is_edge { role.into() } else { cell.into() }
}

/// The zone of a node: numbered instances are spread over the zones of their cell, what has no number stands in the
/// first.
pub(super) fn zone_of(config: &PlatformConfig, role: &str, cell: &str) -> String {
    let cell = config.cell(cell).unwrap_or(&config.cells[0]);
    let number = role.rsplit('-').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
    cell.zones[(number + cell.zones.len() - 1) % cell.zones.len()].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;

    #[test]
    fn instances_are_spread_over_zones_and_an_edge_fails_alone() {
        let places = places(&Inputs::embedded().platform);
        let check = |role: &str, group: &str, zone: &str| {
            let place = places.iter().find(|p| p.role == role).unwrap_or_else(|| panic!("nobody plays {role}"));
            assert_eq!((place.group.as_str(), place.zone.as_str()), (group, zone), "{role}");
        };
        check("cell-a/kafka-1", "cell-a", "eu-1");
        check("cell-a/kafka-3", "cell-a", "eu-3");
        check("cell-b/idp", "cell-b", "us-1");
        check("edge-b", "edge-b", "us-1");
        let app = places.iter().find(|p| p.role == "cell-a/app-1").expect("an application");
        assert!(app.calls.iter().any(|role| role == "cell-a/cache"), "{:?}", app.calls);
    }
}
