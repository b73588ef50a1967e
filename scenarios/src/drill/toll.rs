//! What a fault may cost, and whom: read off the platform's design before anything runs.
//!
//! A toll says which tenants' requests may fail, in which stretch of time, and how many of them at most. What no toll
//! covers is promised as on any other day. The figures are those of the mechanisms that answer the fault: how long a
//! lease lasts, how soon a breaker opens, how many instances share the work.

use super::map::{Map, Node, Part};
use sim::fault::{FaultSpec, Target};
use sim::{Duration, Instant};
use std::collections::BTreeSet;

/// Everything fails.
pub const ALL_PPM: u64 = 1_000_000;

/// What one fault may cost the tenants of one cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toll {
    /// The cell whose tenants may notice.
    pub cell: String,
    /// From when on.
    pub from: Instant,
    /// Until when: the fault's end, and the time it takes to recover.
    pub until: Instant,
    /// Requests that may fail meanwhile, in parts per million.
    pub fails_ppm: u64,
    /// Whether answers may be late meanwhile.
    pub is_slow: bool,
    /// Why, in words that follow "because".
    pub why: String,
}

/// How a fault treats a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Blow {
    /// Without power.
    Dead,
    /// There, and answers nobody.
    Hung,
    /// So many times slower.
    Slow(u64),
    /// Cut off from others.
    Cut,
    /// Its messages are lost, late, doubled or damaged.
    Noisy,
    /// Its disk refuses.
    Full,
    /// Its clock is wrong.
    Clock,
}

fn blow(fault: &FaultSpec) -> Blow {
    match fault.kind.as_str() {
        "crash" | "wipe" | "lost-sync" | "torn-write" | "bit-rot" => Blow::Dead,
        "pause" => Blow::Hung,
        "slow" | "brown-out" => Blow::Slow(fault.strength),
        "partition" | "partition-one-way" | "clog" | "swizzle-clog" => Blow::Cut,
        "disk-full" => Blow::Full,
        "clock-skew" | "clock-lag" | "clock-drift" => Blow::Clock,
        _ => Blow::Noisy,
    }
}

/// A node that does not work, for a stretch of time.
struct Down<'m> {
    node: &'m Node,
    from: Instant,
    until: Instant,
}

/// What a story's faults may cost, in order of time.
pub fn tolls(faults: &[FaultSpec], map: &Map) -> Vec<Toll> {
    let down = down(faults, map);
    let mut tolls: Vec<Toll> = down.iter().flat_map(of_down).collect();
    for cell in &map.cells {
        for (part, needed) in NEEDED {
            tolls.extend(too_few(&down, map, cell, *part, *needed));
        }
    }
    tolls.extend(faults.iter().flat_map(|fault| of_fault(fault, map)));
    tolls.sort_by(|a, b| (a.from, &a.cell, a.until, &a.why).cmp(&(b.from, &b.cell, b.until, &b.why)));
    tolls.dedup();
    tolls
}

fn nodes<'m>(target: &Target, map: &'m Map) -> Vec<&'m Node> {
    map.struck(target).into_iter().map(|i| &map.nodes[i]).collect()
}

/// Every node that a fault takes away, until it works again: a node that starts needs a certificate, and waits for the
/// authority that is away as well.
fn down<'m>(faults: &[FaultSpec], map: &'m Map) -> Vec<Down<'m>> {
    let mut down = Vec::new();
    for fault in faults.iter().filter(|fault| !matches!(fault.target, Target::Link(..))) {
        let blow = blow(fault);
        if !matches!(blow, Blow::Dead | Blow::Hung) {
            continue;
        }
        for node in nodes(&fault.target, map) {
            let mut until = fault.until;
            while blow == Blow::Dead
                && let Some(later) = authority_back(faults, map, &node.cell, until)
            {
                until = later;
            }
            down.push(Down { node, from: fault.from, until });
        }
    }
    down
}

/// When the authority of a cell, which is away at `at`, is there again.
fn authority_back(faults: &[FaultSpec], map: &Map, cell: &str, at: Instant) -> Option<Instant> {
    let is_away = |fault: &&FaultSpec| {
        let target = if let Target::Link(from, _) = &fault.target { from } else { &fault.target };
        let strikes = nodes(target, map).iter().any(|n| n.cell == cell && n.part == Part::Ca);
        let away = strikes && matches!(blow(fault), Blow::Dead | Blow::Hung | Blow::Cut);
        away && fault.from <= at && at < fault.until
    };
    faults.iter().filter(is_away).map(|fault| fault.until).max()
}

/// What one node costs that does not work, when its siblings do.
fn of_down(down: &Down<'_>) -> Vec<Toll> {
    let secs = Duration::secs;
    let (from, until) = (down.from, down.until);
    let toll = |from: Instant, until: Instant, fails_ppm, why: &str| Toll {
        cell: down.node.cell.clone(),
        from,
        until,
        fails_ppm,
        is_slow: true,
        why: format!("{} {why}", down.node.role),
    };
    match down.node.part {
        Part::Mirror | Part::Ca | Part::Idp | Part::Config | Part::Controller | Part::Other => Vec::new(),
        Part::Edge => vec![toll(from, until + secs(2), ALL_PPM, "is the only way in")],
        Part::App => vec![
            toll(from, from + secs(3), 600_000, "is passed over only once it has failed"),
            toll(until, until + secs(3), 100_000, "begins with nothing in memory"),
        ],
        Part::Policy => vec![toll(from, until + secs(4), ALL_PPM, "decides about every request")],
        Part::Cache => vec![toll(from, until + secs(2), 50_000, "is gone, and the database does its work")],
        Part::Postgres => vec![
            toll(from, from + secs(7), ALL_PPM, "may lead, and its lease must end first"),
            toll(from, until + secs(4), 300_000, "is missed by the other's commits"),
        ],
        Part::Arbiter => vec![toll(from, until + secs(4), ALL_PPM, "renews no lease")],
        Part::Broker => vec![toll(from, until + secs(6), 50_000, "led partitions that another must take over")],
    }
}

/// How many of a part a cell needs at least, of those of which it can spare some.
const NEEDED: &[(Part, usize)] = &[(Part::App, 1), (Part::Postgres, 1), (Part::Broker, 2)];

/// Stretches in which fewer of a part work than a cell needs.
fn too_few(down: &[Down<'_>], map: &Map, cell: &str, part: Part, needed: usize) -> Vec<Toll> {
    let own: Vec<&Down<'_>> = down.iter().filter(|d| d.node.cell == cell && d.node.part == part).collect();
    let mut edges: Vec<Instant> = own.iter().flat_map(|d| [d.from, d.until]).collect();
    edges.sort_unstable();
    edges.dedup();
    let all = map.roles(cell, part).len();
    let mut tolls = Vec::new();
    for pair in edges.windows(2) {
        let gone: BTreeSet<&str> =
            own.iter().filter(|d| d.from <= pair[0] && pair[1] <= d.until).map(|d| d.node.role.as_str()).collect();
        if all - gone.len() < needed.min(all) {
            let gone: Vec<&str> = gone.into_iter().collect();
            tolls.push(Toll {
                cell: cell.into(),
                from: pair[0],
                until: pair[1] + Duration::secs(4),
                fails_ppm: ALL_PPM,
                is_slow: true,
                why: format!("{} are gone together", gone.join(", ")),
            });
        }
    }
    tolls
}

/// What a fault costs that leaves its nodes at work.
fn of_fault(fault: &FaultSpec, map: &Map) -> Vec<Toll> {
    let blow = blow(fault);
    if let Target::Link(from, to) = &fault.target {
        return of_link(fault, blow, (&nodes(from, map), &nodes(to, map)));
    }
    let mut tolls = Vec::new();
    for node in nodes(&fault.target, map) {
        let toll = |from: Instant, until: Instant, fails_ppm, is_slow, why: &str| Toll {
            cell: node.cell.clone(),
            from,
            until,
            fails_ppm,
            is_slow,
            why: format!("{} {why}", node.role),
        };
        let (from, until, secs) = (fault.from, fault.until, Duration::secs);
        let on_path = !matches!(node.part, Part::Mirror | Part::Ca | Part::Idp | Part::Config | Part::Controller);
        match blow {
            Blow::Dead | Blow::Hung => {}
            _ if !on_path => {}
            // Verdicts allow for a wrong clock; what a limit counts in it is wrong for a moment when it leaps.
            Blow::Clock => {
                tolls.push(toll(from, from + secs(3), 60_000, false, "has its clock set"));
                tolls.push(toll(until, until + secs(3), 60_000, false, "has its clock set back"));
            }
            Blow::Slow(factor) => {
                let ppm = if node.part == Part::Postgres && factor >= 10 { 250_000 } else { 50_000 };
                tolls.push(toll(from, until + secs(2), ppm, true, "takes its time"));
            }
            Blow::Cut | Blow::Noisy | Blow::Full => {
                tolls.push(toll(from, until + secs(4), ALL_PPM, true, "is cut off or cannot keep what it is given"));
            }
        }
    }
    tolls
}

/// A link's loss is that of the ends which need each other, inside one cell and its edge; between cells nothing that a
/// request waits for passes.
fn of_link(fault: &FaultSpec, blow: Blow, (from, to): (&[&Node], &[&Node])) -> Vec<Toll> {
    let cells = |nodes: &[&Node]| nodes.iter().map(|n| n.cell.clone()).collect::<BTreeSet<String>>();
    let mut tolls = Vec::new();
    for cell in cells(from).intersection(&cells(to)) {
        let here =
            |nodes: &[&Node]| nodes.iter().filter(|n| n.cell == *cell).map(|n| n.part).collect::<BTreeSet<Part>>();
        let (one, other) = (here(from), here(to));
        let Some((lasts, ppm, why)) = link_price(&one, &other) else { continue };
        let ppm = if blow == Blow::Noisy { ppm / 4 } else { ppm };
        tolls.push(Toll {
            cell: cell.clone(),
            from: fault.from,
            until: lasts.map_or(fault.until + Duration::secs(4), |d| (fault.from + d).max(fault.from)),
            fails_ppm: ppm,
            is_slow: true,
            why: format!("{} {why}", fault.target),
        });
    }
    tolls
}

/// What a broken link between these parts of a cell costs: how long at most (as long as it is broken, when nothing),
/// which share, and why. Nothing when no request waits for it.
type Price = (Option<Duration>, u64, &'static str);

fn link_price(one: &BTreeSet<Part>, other: &BTreeSet<Part>) -> Option<Price> {
    let single = |parts: &BTreeSet<Part>| (parts.len() == 1).then(|| parts.first().copied()).flatten();
    let background = |part| matches!(part, Part::Ca | Part::Idp | Part::Config | Part::Mirror);
    match (single(one), single(other)) {
        (Some(part), _) | (_, Some(part)) if background(part) => None,
        (Some(Part::Postgres), Some(Part::Postgres | Part::Arbiter)) | (Some(Part::Arbiter), Some(Part::Postgres)) => {
            Some((Some(Duration::secs(12)), ALL_PPM, "keeps a leader from its followers and its lease"))
        }
        _ => Some((None, ALL_PPM, "carries requests")),
    }
}
