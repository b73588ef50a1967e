//! Edits of a run's choice map.
//!
//! Most of what needs several conditions at once needs several faults at once: a fault more, its moment moved next to
//! another's, half of the plan of another run. Values are raw draws, so that an edit is what another seed might have
//! drawn, and never a run that no seed could be.

use super::corpus::Entry;
use super::dice::{Dice, Overrides};
use sim::choice::Choice;
use sim::seed::PLAN;

/// Edits of one candidate, at most.
const EDITS_MAX: u64 = 4;

/// Which draw of a planned fault says whether it is there, and which says when.
const PRESENCE: u64 = 0;
const WHEN: u64 = 2;

/// A present fault: the smallest draw is inside every probability.
const PRESENT: u64 = 0;

/// The overrides of a candidate made from `entry`, perhaps with a part of `other`'s plan.
pub fn mutated(dice: &mut Dice, entry: &Entry, other: &Entry) -> Overrides {
    let mut overrides = entry.overrides.clone();
    let plan: Vec<Choice> = entry.steering.keys().filter(|at| at.purpose == PLAN.id).copied().collect();
    for _ in 0..=dice.below(EDITS_MAX) {
        match dice.below(8) {
            0..3 => toggle(dice, &plan, &mut overrides),
            3 => redraw(dice, entry, &mut overrides),
            4..6 => together(dice, entry, &plan, &mut overrides),
            6 => cross(dice, other, &mut overrides),
            _ => forget(dice, &mut overrides),
        }
    }
    overrides
}

fn pick<T: Copy>(dice: &mut Dice, from: &[T]) -> Option<T> {
    from.get(dice.below(from.len() as u64) as usize).copied()
}

/// A planned fault comes or goes. One that comes draws its moment, place and strength as the seed has them.
fn toggle(dice: &mut Dice, plan: &[Choice], overrides: &mut Overrides) {
    let faults: Vec<Choice> = plan.iter().filter(|at| at.n == PRESENCE).copied().collect();
    if let Some(at) = pick(dice, &faults) {
        let value = if dice.below(3) == 0 { sim::choice::ABSENT } else { PRESENT };
        overrides.insert(at, value);
    }
}

/// Any steering draw, anew.
fn redraw(dice: &mut Dice, entry: &Entry, overrides: &mut Overrides) {
    let all: Vec<Choice> = entry.steering.keys().copied().collect();
    if let Some(at) = pick(dice, &all) {
        overrides.insert(at, dice.roll());
    }
}

/// One fault begins about when another does, give or take a thirty-second of the window.
fn together(dice: &mut Dice, entry: &Entry, plan: &[Choice], overrides: &mut Overrides) {
    let faults: Vec<Choice> = plan.iter().filter(|at| at.n == PRESENCE).copied().collect();
    let (Some(a), Some(b)) = (pick(dice, &faults), pick(dice, &faults)) else { return };
    let (a, b) = (Choice { n: WHEN, ..a }, Choice { n: WHEN, ..b });
    let moment = overrides.get(&b).or_else(|| entry.steering.get(&b)).copied().unwrap_or_else(|| dice.roll());
    let near = moment.saturating_add(dice.roll() >> 5).saturating_sub(dice.roll() >> 5);
    for at in [a, b] {
        overrides.insert(Choice { n: PRESENCE, ..at }, PRESENT);
    }
    overrides.insert(a, near);
    overrides.insert(b, moment);
}

/// About half of the other run's overrides.
fn cross(dice: &mut Dice, other: &Entry, overrides: &mut Overrides) {
    let bits = dice.roll();
    let taken = other.overrides.iter().enumerate().filter(|(i, _)| bits >> (i % 64) & 1 == 1);
    overrides.extend(taken.map(|(_, (at, value))| (*at, *value)));
}

/// An override less.
fn forget(dice: &mut Dice, overrides: &mut Overrides) {
    let all: Vec<Choice> = overrides.keys().copied().collect();
    if let Some(at) = pick(dice, &all) {
        overrides.remove(&at);
    }
}
