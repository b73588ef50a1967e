//! The story of a drill: one to three incidents, where and when, inside a run of 40 to 120 simulated seconds.
//!
//! Everything is drawn from the seed before the run, in whole milliseconds, so that a story written down and read back
//! is the same story. Incidents may overlap; two that would strike the same node, or take two copies of one store away,
//! stand one after the other.

use super::incident::{self, Bundle, Kind};
use super::luck::Luck;
use super::map::{Map, Part};
use sim::fault::{FaultSpec, Target};
use sim::seed::{Draws, PLAN, below, name_hash};
use sim::{Duration, Instant};
use std::collections::BTreeSet;

/// Incidents of a story, at most.
pub const INCIDENTS_MAX: u64 = 3;
/// Nothing happens so long: what is lost can only be told from what was there.
pub const WARM_UP_MS: u64 = 10_000;
/// Honest traffic goes on so long after the last fault.
pub const TAIL_MS: u64 = 15_000;
/// Honest traffic ends within these bounds.
pub const LENGTH_MS: (u64, u64) = (40_000, 120_000);
/// A story that was not drawn may last so long.
pub const LENGTH_MAX_MS: u64 = 3_600_000;
/// Between two incidents that must not meet: a copy catches up with its leader in that time.
const SETTLE_MS: u64 = 8_000;

/// An incident of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incident {
    /// Its kind. A timeline that was observed need not know it.
    pub kind: Option<Kind>,
    /// What happens, in a sentence.
    pub title: String,
    /// How many of the story's faults are its own; they stand in the order of incidents.
    pub faults: usize,
}

/// What happens in a drill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Story {
    /// What happens, as somebody would tell it.
    pub incidents: Vec<Incident>,
    /// Every fault.
    pub faults: Vec<FaultSpec>,
    /// When honest traffic ends.
    pub length: Instant,
}

impl Story {
    /// When the last fault is over; the start of the run when there is none.
    pub fn faults_end(&self) -> Instant {
        self.faults.iter().map(|f| f.until).max().unwrap_or(Instant::ZERO)
    }
}

/// An incident with its place in time.
struct Placed {
    kind: Kind,
    cell: String,
    bundle: Bundle,
    from_ms: u64,
}

impl Placed {
    fn until_ms(&self) -> u64 {
        self.from_ms + self.bundle.pieces.iter().map(|p| p.from_ms + p.for_ms).max().unwrap_or(0)
    }

    /// Nodes that it strikes, and stores of which it may take a copy away.
    fn strikes<'m>(&self, map: &'m Map) -> (BTreeSet<usize>, BTreeSet<(&'m str, Part)>) {
        let nodes: BTreeSet<usize> =
            self.bundle.pieces.iter().filter(|p| stands_still(&p.target)).flat_map(|p| map.struck(&p.target)).collect();
        let struck = nodes.iter().map(|i| &map.nodes[*i]);
        let stores = struck.filter(|n| matches!(n.part, Part::Postgres | Part::Broker));
        let stores = stores.map(|n| (n.cell.as_str(), n.part)).collect();
        (nodes, stores)
    }

    /// Whether both may not be on at the same time, nor shortly one after the other.
    fn clashes(&self, other: &Placed, map: &Map) -> bool {
        let ((nodes, stores), (other_nodes, other_stores)) = (self.strikes(map), other.strikes(map));
        // Between cells of which one has no power there is nothing that a partition could cut.
        let (kinds, apart) = ([self.kind, other.kind], [Kind::CellLoss, Kind::Partition]);
        let meets = !nodes.is_disjoint(&other_nodes)
            || !stores.is_disjoint(&other_stores)
            || apart.iter().all(|kind| kinds.contains(kind));
        let settled = self.from_ms >= other.until_ms() + SETTLE_MS || other.from_ms >= self.until_ms() + SETTLE_MS;
        meets && !settled
    }
}

/// Whether a target is nodes rather than the network between larger parts. A node that is cut off is struck, too.
fn stands_still(target: &Target) -> bool {
    match target {
        Target::Link(from, _) => matches!(**from, Target::Node(_)),
        _ => true,
    }
}

/// Draws the story of a run over a platform.
pub fn draw(draws: &Draws, map: &Map) -> Story {
    let top = |n| draws.draw(PLAN, name_hash("drill/story"), n);
    let wanted = 1 + below(top(0), INCIDENTS_MAX);
    let shortest = LENGTH_MS.0 + below(top(1), 20_001);
    let mut placed: Vec<Placed> = Vec::new();
    for number in 0..wanted {
        if let Some(incident) = place(&Luck::of(draws, number), map, &placed) {
            placed.push(incident);
        }
    }
    placed.sort_by_key(|p| p.from_ms);
    let end = placed.iter().map(Placed::until_ms).max().unwrap_or(0);
    let length = (end + TAIL_MS).max(shortest);
    let faults = placed.iter().flat_map(faults_of).collect();
    let told =
        |p: &Placed| Incident { kind: Some(p.kind), title: p.bundle.title.clone(), faults: p.bundle.pieces.len() };
    Story { incidents: placed.iter().map(told).collect(), faults, length: at(length) }
}

/// Draws one incident and finds it a place after or beside the others. `None` when its presence is overridden, or there
/// is no time left for it.
fn place(luck: &Luck<'_>, map: &Map, placed: &[Placed]) -> Option<Placed> {
    if luck.raw() == sim::choice::ABSENT {
        return None;
    }
    let drawn = luck.below(Kind::ALL.len() as u64) as usize;
    let cell = luck.pick(&map.cells).clone();
    let (first, beside, after) = (luck.between(0, 6_000), luck.below(1_000), luck.between(8_000, 16_000));
    let is_beside = luck.one_in(3);
    let failovers = placed.iter().filter(|p| p.kind == Kind::PrimaryFailover && p.cell == cell).count() as u64;
    // A kind that the platform has no place for gives way to the next.
    let kinds = Kind::ALL.iter().cycle().skip(drawn).take(Kind::ALL.len());
    let mut tried = kinds.filter_map(|k| incident::draw(*k, luck, map, &cell, failovers).map(|bundle| (*k, bundle)));
    let (kind, bundle) = tried.next()?;
    let from_ms = match placed.last() {
        None => WARM_UP_MS + first,
        Some(last) if is_beside => last.from_ms + (last.until_ms() - last.from_ms) * beside / 1_000,
        Some(_) => placed.iter().map(Placed::until_ms).max().unwrap_or(0) + after,
    };
    let mut incident = Placed { kind, cell, bundle, from_ms };
    while let Some(other) = placed.iter().find(|p| incident.clashes(p, map)) {
        incident.from_ms = other.until_ms() + SETTLE_MS;
    }
    (incident.until_ms() + TAIL_MS <= LENGTH_MS.1).then_some(incident)
}

fn faults_of(placed: &Placed) -> Vec<FaultSpec> {
    let spec = |p: &super::incident::Piece| FaultSpec {
        kind: p.kind.into(),
        target: p.target.clone(),
        from: at(placed.from_ms + p.from_ms),
        until: at(placed.from_ms + p.from_ms + p.for_ms),
        strength: p.strength,
    };
    placed.bundle.pieces.iter().map(spec).collect()
}

/// So many milliseconds after the start of the run.
pub fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::millis(ms)
}
