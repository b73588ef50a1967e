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
const EDITS_MAX: u64 = 3;

/// Which draw of a planned fault says whether it is there, how long it lasts, when it begins, and how strong it is.
const PRESENCE: u64 = 0;
const LENGTH: u64 = 1;
const WHEN: u64 = 2;
const STRENGTH: u64 = 4;

/// A present fault: the smallest draw is inside every probability.
const PRESENT: u64 = 0;

/// The faults of an entry as overrides, so that another seed has the same ones.
pub fn plan(entry: &Entry) -> Overrides {
    entry.steering.iter().filter(|(at, _)| at.purpose == PLAN.id).map(|(at, value)| (*at, *value)).collect()
}

/// `overrides` after some edits of what steers `entry`, perhaps with a part of what `other` overrides.
pub fn mutated(dice: &mut Dice, mut overrides: Overrides, entry: &Entry, other: &Entry) -> Overrides {
    let plan: Vec<Choice> = plan(entry).into_keys().collect();
    for _ in 0..dice.below(EDITS_MAX + 1) {
        match dice.below(10) {
            0..3 => toggle(dice, &plan, &mut overrides),
            3 => redraw(dice, entry, &mut overrides),
            4 => nudge(dice, entry, &plan, &mut overrides),
            5 => harder(dice, &plan, &mut overrides),
            6..8 => together(dice, entry, &plan, &mut overrides),
            8 => cross(dice, other, &mut overrides),
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

/// A fault begins a little earlier or later, by a sixteenth of the window at most.
fn nudge(dice: &mut Dice, entry: &Entry, plan: &[Choice], overrides: &mut Overrides) {
    let faults: Vec<Choice> = plan.iter().filter(|at| at.n == WHEN).copied().collect();
    if let Some(at) = pick(dice, &faults) {
        let moment = overrides.get(&at).or_else(|| entry.steering.get(&at)).copied().unwrap_or_default();
        overrides.insert(at, moment.saturating_add(dice.roll() >> 4).saturating_sub(dice.roll() >> 4));
    }
}

/// A fault is there, and lasts longer or is stronger: in the upper eighth of what it may be.
fn harder(dice: &mut Dice, plan: &[Choice], overrides: &mut Overrides) {
    let faults: Vec<Choice> = plan.iter().filter(|at| at.n == PRESENCE).copied().collect();
    if let Some(at) = pick(dice, &faults) {
        let n = if dice.below(2) == 0 { LENGTH } else { STRENGTH };
        overrides.insert(at, PRESENT);
        overrides.insert(Choice { n, ..at }, u64::MAX - (dice.roll() >> 3));
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
