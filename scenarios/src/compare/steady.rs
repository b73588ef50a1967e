//! The kernel as the engine that others are compared with, and what in a run of it hangs on a millisecond.
//!
//! A part is run again and again with words under way longer than before, by constants and by spreads, and with faults
//! a moment earlier or later. In what all these runs agree, a request does not depend on how fast words travel, and
//! every engine must agree.

use super::told::{Told, tell};
use super::{Comparison, Difference, compare};
use crate::scenario::Scenario;
use crate::stage::form::{Part, Weather};
use models::config::Inputs;
use models::saas::Saas;
use rayon::prelude::*;
use sim::control::Control;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::NodeSpec;
use sim::seed::{Quantiles, below, mix, name_hash};
use sim::world::{World, WorldSpec};
use sim::{ControlSet, Instant};
use std::collections::BTreeSet;

/// What is otherwise in a run.
#[derive(Clone, Copy, Default)]
struct Moment {
    /// How much longer the fastest and the slowest word of a link are under way, in microseconds.
    later_us: (u64, u64),
    /// How much later every fault begins and ends, in milliseconds.
    faults_ms: i64,
    /// What each node takes longer than others to let a word go, up to [`HESITATION_US`], is drawn from this.
    salt: Option<u64>,
}

/// As long as a datagram waits for the one before on an engine that sends one a millisecond, thrice.
const HESITATION_US: u64 = 3_000;

const fn later(fastest: u64, slowest: u64) -> Moment {
    Moment { later_us: (fastest, slowest), faults_ms: 0, salt: None }
}

const fn shifted(later_us: u64, faults_ms: i64) -> Moment {
    Moment { later_us: (later_us, later_us), faults_ms, salt: None }
}

const fn hesitant(later_us: u64, salt: u64) -> Moment {
    Moment { later_us: (later_us, later_us), faults_ms: 0, salt: Some(salt) }
}

const MOMENTS: &[Moment] = &[
    later(1_000, 1_000),
    later(2_000, 2_000),
    later(3_000, 3_000),
    later(5_000, 5_000),
    later(8_000, 8_000),
    later(0, 4_000),
    later(4_000, 1_000),
    later(2_000, 12_000),
    shifted(2_000, 10),
    shifted(2_000, -10),
    shifted(1_000, 5),
    shifted(3_000, -5),
    shifted(2_000, 25),
    shifted(2_000, -25),
    hesitant(1_000, 1),
    hesitant(1_500, 2),
    hesitant(2_000, 3),
    hesitant(2_000, 4),
    hesitant(500, 5),
    hesitant(1_500, 6),
    hesitant(0, 7),
    hesitant(1_000, 8),
];

/// Runs a part on the kernel, and says in what it is not steady.
///
/// # Errors
/// As for [`Part::set`].
pub fn on_kernel(
    inputs: &Inputs,
    who: (&Scenario, &Part),
    weather: Weather,
    seed: u64,
    off: &[&'static Control],
) -> Result<Told, String> {
    let mut told = once(inputs, who, weather, (seed, off), Moment::default())?;
    let found: Result<Vec<BTreeSet<String>>, String> = MOMENTS
        .par_iter()
        .map(|moment| {
            let found = compare(&told, &once(inputs, who, weather, (seed, off), *moment)?)?;
            Ok(found.differences.iter().map(Difference::key).collect())
        })
        .collect();
    told.unsteady = found?.into_iter().flatten().collect();
    Ok(told)
}

/// Compares a run of another engine with the kernel's, all controls on, and asks in what the kernel is not steady only
/// for as long as the two differ: what is alike needs no excuse.
///
/// # Errors
/// As for [`Part::set`], and for [`compare`].
pub fn with_kernel(
    inputs: &Inputs,
    who: (&Scenario, &Part),
    (weather, seed): (Weather, u64),
    other: &Told,
) -> Result<Comparison, String> {
    let once = |moment| once(inputs, who, weather, (seed, &[]), moment);
    let mut told = once(Moment::default())?;
    let mut found = compare(&told, other)?;
    let mut moments = MOMENTS.iter();
    while !found.is_alike() {
        let Some(moment) = moments.next() else { break };
        let unsteady = compare(&told, &once(*moment)?)?;
        told.unsteady.extend(unsteady.differences.iter().map(Difference::key));
        found = compare(&told, other)?;
    }
    Ok(found)
}

/// Runs a part on the kernel with all controls on, and does not ask in what it is not steady.
///
/// # Errors
/// As for [`Part::set`].
pub fn on_kernel_once(inputs: &Inputs, who: (&Scenario, &Part), weather: Weather, seed: u64) -> Result<Told, String> {
    once(inputs, who, weather, (seed, &[]), Moment::default())
}

fn once(
    inputs: &Inputs,
    who: (&Scenario, &Part),
    weather: Weather,
    (seed, off): (u64, &[&'static Control]),
    moment: Moment,
) -> Result<Told, String> {
    let mut set = who.1.set(inputs, who.0, weather, seed)?;
    shift(&mut set.spec, moment);
    let controls = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let outcome = World::new(set.spec, set.draws, controls).run();
    Ok(tell(who, weather, (seed, off), "kernel", outcome))
}

/// Has words be under way longer, and faults be later or earlier.
fn shift(spec: &mut WorldSpec<Saas>, moment: Moment) {
    let slow = |link: &mut LinkSpec| link.latency_ns = slower(&link.latency_ns, moment.later_us);
    slow(&mut spec.local);
    slow(&mut spec.remote);
    spec.links.iter_mut().for_each(|(_, _, link)| slow(link));
    let moved = |at: Instant| Instant(at.0.saturating_add_signed(moment.faults_ms * 1_000_000));
    for fault in &mut spec.faults {
        (fault.from, fault.until) = (moved(fault.from), moved(fault.until));
    }
    let hesitates = |node: &NodeSpec<Saas>, salt| FaultSpec {
        kind: "delay".into(),
        target: Target::Node(node.role.clone()),
        from: Instant::ZERO,
        until: spec.end,
        strength: below(mix(salt, name_hash(&node.role)), HESITATION_US),
    };
    if let Some(salt) = moment.salt {
        spec.faults.extend(spec.nodes.iter().map(|node| hesitates(node, salt)));
    }
}

fn slower(table: &Quantiles, (fastest, slowest): (u64, u64)) -> Quantiles {
    const STEPS: u64 = 64;
    let at = |i: u64| {
        let usual = table.sample(if i == STEPS { u64::MAX } else { i * (u64::MAX / STEPS) });
        usual + (fastest * (STEPS - i) + slowest * i) * 1_000 / STEPS
    };
    // No quantile lies below the one before, also where the fastest are held back the longest.
    let ascending = (0..=STEPS).map(at).scan(0, |highest, value| {
        *highest = value.max(*highest);
        Some(*highest)
    });
    Quantiles::new(&ascending.collect::<Vec<_>>())
}
