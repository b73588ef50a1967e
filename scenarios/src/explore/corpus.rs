//! Runs worth keeping, each for something that no earlier one showed, or because none came as far.

use super::dice::{Dice, Overrides};
use super::shape::Features;
use std::collections::{BTreeMap, BTreeSet};

/// A run that showed something new.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its seed.
    pub seed: u64,
    /// Overrides of its choice map, all of which it asked for.
    pub overrides: Overrides,
    /// The line that replays it.
    pub token: String,
    /// What it was like.
    pub features: Features,
    /// Its draws that an edit may change.
    pub(super) steering: Overrides,
    /// How often a candidate was made from it.
    pub(super) picked: u64,
}

impl Entry {
    /// A run of which only the features are known yet.
    pub(super) fn of(features: Features) -> Entry {
        Entry { features, ..Entry::default() }
    }

    /// An entry of an earlier exploration: it is run again before anything is made from it.
    pub fn kept(seed: u64, overrides: Overrides, token: String) -> Entry {
        Entry { seed, overrides, token, ..Entry::default() }
    }
}

/// What is kept.
#[derive(Default)]
pub struct Corpus {
    /// In the order in which they were met.
    pub entries: Vec<Entry>,
    /// How many entries show each feature.
    shown: BTreeMap<u64, u32>,
    /// For each gauge, how far any run came and which entry that is.
    furthest: BTreeMap<u64, (u64, usize)>,
}

impl Corpus {
    /// What an earlier exploration left.
    pub fn of(entries: Vec<Entry>) -> Corpus {
        Corpus { entries, ..Corpus::default() }
    }

    /// How many features the entries show together.
    pub fn features(&self) -> usize {
        self.shown.len()
    }

    pub(super) fn is_new(&self, features: &Features) -> bool {
        let further = |(gauge, far): (&u64, &u64)| self.furthest.get(gauge).is_none_or(|(most, _)| far > most);
        features.seen.iter().any(|feature| !self.shown.contains_key(feature)) || features.far.iter().any(further)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        entry.features.seen.iter().for_each(|feature| *self.shown.entry(*feature).or_default() += 1);
        for (gauge, far) in &entry.features.far {
            let most = self.furthest.entry(*gauge).or_insert((0, self.entries.len()));
            if *far > most.0 {
                *most = (*far, self.entries.len());
            }
        }
        self.entries.push(entry);
    }

    /// The entry that came furthest in something: every gauge is as likely as any other. None while nothing has any.
    pub(super) fn pick_furthest(&mut self, dice: &mut Dice) -> Option<usize> {
        let moved: Vec<usize> = self.furthest.values().filter(|(far, _)| *far > 0).map(|(_, at)| *at).collect();
        let at = *moved.get(dice.below(moved.len().max(1) as u64) as usize)?;
        self.entries[at].picked += 1;
        Some(at)
    }

    /// The entry that the next candidate is made from: of a few, the one with most that is rare for the times it was
    /// picked already.
    pub(super) fn pick(&mut self, dice: &mut Dice) -> usize {
        let draw = |dice: &mut Dice| dice.below(self.entries.len() as u64) as usize;
        let few = [draw(dice), draw(dice), draw(dice)];
        let best = few.into_iter().max_by_key(|i| self.worth(*i)).unwrap_or(0);
        self.entries[best].picked += 1;
        best
    }

    fn worth(&self, i: usize) -> u64 {
        let entry = &self.entries[i];
        let rare =
            entry.features.seen.iter().filter(|feature| self.shown.get(feature).is_some_and(|n| *n <= 2)).count();
        (rare as u64 + 1) * 1_000 / (entry.picked + 1)
    }

    /// The fewest entries (greedily) that show every feature: what is worth being replayed by every gate.
    pub fn minimised(&self) -> Vec<&Entry> {
        let mut missing: BTreeSet<u64> = self.shown.keys().copied().collect();
        let mut left: Vec<&Entry> = self.entries.iter().collect();
        let mut kept = Vec::new();
        while !missing.is_empty() {
            let shows = |entry: &Entry| entry.features.seen.intersection(&missing).count();
            // Of equals the earlier one: it has fewer edits.
            let best = left.iter().enumerate().max_by_key(|(i, entry)| (shows(entry), usize::MAX - i));
            let Some(best) = best.map(|(i, _)| i) else { break };
            let entry = left.remove(best);
            if shows(entry) == 0 {
                break;
            }
            missing.retain(|feature| !entry.features.seen.contains(feature));
            kept.push(entry);
        }
        kept
    }
}
