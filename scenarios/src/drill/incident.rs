//! The kinds of incident, each a bundle of faults that come together in reality: a cell that loses power also
//! comes back
//! cold, a link that fails was lossy before, a pod restarts while the authority is away.

use super::luck::{Luck, group, node};
use super::map::{Map, Part};
use sim::fault::Target;

/// A kind of incident. The order is part of every token: append, never reorder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A whole cell loses power and comes back from its disks.
    CellLoss,
    /// Two cells lose each other.
    Partition,
    /// A broker dies, with or without its disk.
    BrokerLoss,
    /// The database's primary dies, hangs, or is cut off from its peers.
    PrimaryFailover,
    /// The cache dies, or answers too late.
    CacheLoss,
    /// The mesh CA is away.
    CaOutage,
    /// The identity provider is away.
    IdpOutage,
    /// A zone loses power.
    ZoneLoss,
    /// Clocks are wrong.
    ClockTrouble,
    /// A dependency takes its time.
    SlowDependency,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::CellLoss,
        Kind::Partition,
        Kind::BrokerLoss,
        Kind::PrimaryFailover,
        Kind::CacheLoss,
        Kind::CaOutage,
        Kind::IdpOutage,
        Kind::ZoneLoss,
        Kind::ClockTrouble,
        Kind::SlowDependency,
    ];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::CellLoss => "cell-loss",
            Kind::Partition => "partition",
            Kind::BrokerLoss => "broker-loss",
            Kind::PrimaryFailover => "primary-failover",
            Kind::CacheLoss => "cache-loss",
            Kind::CaOutage => "ca-outage",
            Kind::IdpOutage => "idp-outage",
            Kind::ZoneLoss => "zone-loss",
            Kind::ClockTrouble => "clock-trouble",
            Kind::SlowDependency => "slow-dependency",
        }
    }
}

/// A fault of a bundle, in milliseconds since the bundle begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// One of [`sim::fault::KINDS`].
    pub kind: &'static str,
    /// Where.
    pub target: Target,
    /// From when on.
    pub from_ms: u64,
    /// How long.
    pub for_ms: u64,
    /// How strong, in the kind's own unit.
    pub strength: u64,
}

/// What an incident consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// What happens, in a sentence.
    pub title: String,
    /// Its faults.
    pub pieces: Vec<Piece>,
}

/// Draws the bundle of a kind in a cell. `failovers` says how many the cell's database had before: they take turns.
/// `None` when the platform has nothing to which it could happen.
pub fn draw(kind: Kind, luck: &Luck<'_>, map: &Map, cell: &str, failovers: u64) -> Option<Bundle> {
    match kind {
        Kind::CellLoss => Some(cell_loss(luck, map, cell)),
        Kind::Partition => partition(luck, map, cell),
        Kind::BrokerLoss => Some(broker_loss(luck, map, cell)),
        Kind::PrimaryFailover => Some(primary_failover(luck, map, cell, failovers)),
        Kind::CacheLoss => Some(cache_loss(luck, map, cell)),
        Kind::CaOutage => Some(ca_outage(luck, map, cell)),
        Kind::IdpOutage => Some(idp_outage(luck, map, cell)),
        Kind::ZoneLoss => zone_loss(luck, map, cell),
        Kind::ClockTrouble => Some(clock_trouble(luck, map, cell)),
        Kind::SlowDependency => Some(slow_dependency(luck, map, cell)),
    }
}

fn piece(kind: &'static str, target: Target, from_ms: u64, for_ms: u64, strength: u64) -> Piece {
    Piece { kind, target, from_ms, for_ms, strength }
}

fn cell_loss(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let dark = luck.between(5_000, 12_000);
    let (cold, factor) = (luck.between(1_500, 4_000), luck.between(2, 4));
    let mut pieces = vec![piece("crash", group(cell), 0, dark, 0)];
    // Nothing is in memory when it comes back: its databases read everything from disk for a while.
    for role in map.roles(cell, Part::Postgres) {
        pieces.push(piece("brown-out", node(role), dark, cold, factor));
    }
    Bundle { title: format!("{cell} loses power, and comes back cold"), pieces }
}

fn partition(luck: &Luck<'_>, map: &Map, cell: &str) -> Option<Bundle> {
    let others: Vec<&str> = map.cells.iter().map(String::as_str).filter(|c| *c != cell).collect();
    if others.is_empty() {
        return None;
    }
    let other = *luck.pick(&others);
    let cut = luck.between(4_000, 12_000);
    let way = luck.below(3);
    let (a, b) = (group(cell), group(other));
    let mut pieces = Vec::new();
    let mut from = 0;
    if luck.one_in(2) {
        // Most links do not fail at once: they lose and delay first.
        // Few messages pass between cells: a loss that is rarer might meet none of them.
        from = luck.between(1_500, 3_000);
        pieces.push(piece("loss", Target::link(a.clone(), b.clone()), 0, from, luck.between(200_000, 500_000)));
        pieces.push(piece("delay", Target::link(b.clone(), a.clone()), 0, from, luck.between(20_000, 150_000)));
    }
    let kind = if way == 0 { "partition-one-way" } else { "partition" };
    pieces.push(piece(kind, Target::link(a.clone(), b.clone()), from, cut, 0));
    if way != 0 {
        // The regions are apart, not only their cells: the edges that look after the other cell see nothing either.
        for (edge, cell) in map.roles(cell, Part::Edge).into_iter().map(|e| (e, &b)) {
            pieces.push(piece(kind, Target::link(group(edge), cell.clone()), from, cut, 0));
        }
        for (edge, cell) in map.roles(other, Part::Edge).into_iter().map(|e| (e, &a)) {
            pieces.push(piece(kind, Target::link(group(edge), cell.clone()), from, cut, 0));
        }
    }
    if way == 2 {
        // It flaps: apart once more after a moment together.
        let (again, pause) = (luck.between(1_500, 4_000), luck.between(500, 2_000));
        pieces.push(piece(kind, Target::link(a, b), from + cut + pause, again, 0));
    }
    let how = ["cannot reach", "and", "again and again cannot reach"][way as usize];
    let title = match way {
        1 => format!("{cell} and {other} lose each other"),
        _ => format!("{cell} {how} {other}"),
    };
    Some(Bundle { title, pieces })
}

fn broker_loss(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let brokers = map.roles(cell, Part::Broker);
    let role = *luck.pick(&brokers);
    let away = luck.between(4_000, 10_000);
    let (kind, how) = if luck.one_in(4) { ("wipe", "loses power and its disk") } else { ("crash", "loses power") };
    Bundle { title: format!("{role} {how}"), pieces: vec![piece(kind, node(role), 0, away, 0)] }
}

fn primary_failover(luck: &Luck<'_>, map: &Map, cell: &str, failovers: u64) -> Bundle {
    let pair = map.roles(cell, Part::Postgres);
    let primary = pair[(failovers % pair.len() as u64) as usize];
    let away = luck.between(3_000, 8_000);
    let (pieces, how) = match luck.below(3) {
        0 => (vec![piece("crash", node(primary), 0, away, 0)], "loses power"),
        1 => (vec![piece("pause", node(primary), 0, away, 0)], "hangs"),
        _ => {
            let peers = pair.iter().filter(|r| **r != primary).copied().chain([map.role(cell, Part::Arbiter)]);
            let cut = |peer| piece("partition", Target::link(node(primary), node(peer)), 0, away, 0);
            (peers.map(cut).collect(), "is cut off from its standby and its arbiter, and not from its clients")
        }
    };
    Bundle { title: format!("{primary} {how}"), pieces }
}

fn cache_loss(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let role = map.role(cell, Part::Cache);
    let away = luck.between(4_000, 10_000);
    let (piece, how) = match luck.below(2) {
        0 => (piece("crash", node(role), 0, away, 0), "loses power and everything in it"),
        // A read takes 20 µs: a hundred milliseconds and more are past the patience of its clients.
        _ => (piece("slow", node(role), 0, away, luck.between(5_000, 20_000)), "answers later than anybody waits"),
    };
    Bundle { title: format!("{role} {how}"), pieces: vec![piece] }
}

fn ca_outage(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let role = map.role(cell, Part::Ca);
    let away = luck.between(6_000, 15_000);
    let (mut pieces, how) = match luck.below(2) {
        0 => (vec![piece("crash", node(role), 0, away, 0)], "loses power"),
        _ => (vec![piece("partition", Target::link(node(role), Target::All), 0, away, 0)], "cannot be reached"),
    };
    let mut title = format!("{role} {how}");
    if luck.one_in(2) {
        let app = *luck.pick(&map.roles(cell, Part::App));
        pieces.push(piece("crash", node(app), luck.between(1_000, 3_000), luck.between(300, 1_500), 0));
        title += &format!(", and {app} restarts meanwhile");
    }
    Bundle { title, pieces }
}

fn idp_outage(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let role = map.role(cell, Part::Idp);
    match luck.below(2) {
        0 => {
            let away = luck.between(6_000, 40_000);
            let pieces = vec![piece("crash", node(role), 0, away, 0)];
            Bundle { title: format!("{role} loses power"), pieces }
        }
        _ => {
            // Longer than the time between two fetches of its keys, so that somebody notices.
            let away = luck.between(31_000, 42_000);
            let pieces = vec![piece("partition", Target::link(node(role), Target::All), 0, away, 0)];
            Bundle { title: format!("{role} cannot be reached"), pieces }
        }
    }
}

fn zone_loss(luck: &Luck<'_>, map: &Map, cell: &str) -> Option<Bundle> {
    let zones = map.spare_zones(cell);
    if zones.is_empty() {
        return None;
    }
    let zone = *luck.pick(&zones);
    let away = luck.between(4_000, 9_000);
    let title = format!("zone {zone} of {cell} loses power");
    Some(Bundle { title, pieces: vec![piece("crash", Target::Zone(zone.into()), 0, away, 0)] })
}

fn clock_trouble(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let parts = [Part::Edge, Part::App, Part::Cache, Part::Policy, Part::Config, Part::Idp, Part::Ca, Part::Broker];
    let mut roles: Vec<&str> = parts.iter().flat_map(|part| map.roles(cell, *part)).collect();
    let wrong = luck.between(2, 4);
    let long = luck.between(8_000, 15_000);
    let mut pieces = Vec::new();
    for i in 0..wrong + 1 {
        let role = roles.remove(luck.below(roles.len() as u64) as usize);
        let (from, until) = (luck.between(0, 2_000), luck.between(0, 2_000));
        let (kind, strength) = match (i == wrong, luck.below(2)) {
            (true, _) => ("clock-drift", luck.between(200, 20_000)),
            (_, 0) => ("clock-skew", luck.between(50, 5_000)),
            _ => ("clock-lag", luck.between(50, 5_000)),
        };
        pieces.push(piece(kind, node(role), from, long - from - until, strength));
    }
    Bundle { title: format!("{} clocks of {cell} are wrong", wrong + 1), pieces }
}

fn slow_dependency(luck: &Luck<'_>, map: &Map, cell: &str) -> Bundle {
    let (part, what) = *luck.pick(&[
        (Part::Postgres, "the database"),
        (Part::Cache, "the cache"),
        (Part::Broker, "the event log"),
        (Part::Policy, "the policy agent"),
        (Part::App, "the service"),
    ]);
    let long = luck.between(6_000, 12_000);
    let factor = luck.between(4, 40);
    let slow = |role| piece("brown-out", node(role), 0, long, factor);
    let pieces = map.roles(cell, part).into_iter().map(slow).collect();
    Bundle { title: format!("{what} of {cell} is {factor} times slower"), pieces }
}
