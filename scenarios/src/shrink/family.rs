//! What a run may be without, or have less of; and how that is said in few overrides.

use super::Overrides;
use sim::choice::{ABSENT, Choice, PRESENT};
use std::collections::BTreeSet;

/// One way to make a run smaller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Family {
    /// Things of one kind.
    Things(Things),
    /// A value that may be lower.
    Value(Value),
    /// Overrides that may be needless.
    Spare(Vec<Choice>),
}

/// Something that may be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thing {
    /// The address that takes it away.
    pub at: Choice,
    /// The address that takes it and all its like away, but for those that are named present.
    pub wide: Option<Choice>,
    /// Its number among its like, where a range can be named.
    pub index: u64,
    /// Whether it is there.
    pub kept: bool,
}

/// Things of one kind, in order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Things {
    /// Each of them, whether it is there or not.
    pub all: Vec<Thing>,
    /// How a range of them is named, where they are numbered.
    pub range: Option<Range>,
}

/// Addresses of a range of numbered things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first that is there.
    pub first: Choice,
    /// One past the last.
    pub past: Choice,
    /// Whether there is such an end already: behind it nobody knows how many more there would be.
    pub ends: bool,
}

/// So many numbered things are told one by one; of more, only a range is kept.
pub(super) const NAMED_MAX: usize = 64;

impl Things {
    /// Places of those that are there.
    pub(super) fn kept(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|i| self.all[*i].kept).collect()
    }

    /// The same without these.
    pub(super) fn without(&self, places: &[usize]) -> Things {
        let mut rest = self.clone();
        places.iter().for_each(|i| rest.all[*i].kept = false);
        rest
    }

    /// The overrides changed so that exactly these things are there: by the shorter way of saying so.
    pub(super) fn written(&self, overrides: &Overrides) -> Overrides {
        let mut rest = overrides.clone();
        for thing in &self.all {
            rest.remove(&thing.at);
            thing.wide.and_then(|wide| rest.remove(&wide));
        }
        if let Some(range) = self.range {
            rest.remove(&range.first);
            rest.remove(&range.past);
        }
        let wides: BTreeSet<Option<Choice>> = self.all.iter().map(|thing| thing.wide).collect();
        for wide in wides {
            let like: Vec<&Thing> = self.all.iter().filter(|thing| thing.wide == wide).collect();
            let open = self.range.is_none_or(|range| !range.ends);
            let named = open.then(|| one_by_one(&like));
            let ways = [named, all_but(&like), self.range.and_then(|range| within(range, &like))];
            let shortest = ways.into_iter().flatten().min_by_key(Vec::len);
            rest.extend(shortest.into_iter().flatten());
        }
        rest
    }
}

/// Every absent one is named.
fn one_by_one(like: &[&Thing]) -> Vec<(Choice, u64)> {
    like.iter().filter(|thing| !thing.kept).map(|thing| (thing.at, ABSENT)).collect()
}

/// All are absent but the named.
fn all_but(like: &[&Thing]) -> Option<Vec<(Choice, u64)>> {
    let wide = like.first()?.wide?;
    let named = like.iter().filter(|thing| thing.kept).map(|thing| (thing.at, PRESENT));
    Some(std::iter::once((wide, ABSENT)).chain(named).collect())
}

/// A range is there, but for the named.
fn within(range: Range, like: &[&Thing]) -> Option<Vec<(Choice, u64)>> {
    let kept = || like.iter().filter(|thing| thing.kept).map(|thing| thing.index);
    let (low, high) = (kept().min()?, kept().max()? + 1);
    let outside = |thing: &&&Thing| thing.index < low || thing.index >= high;
    let mut words = Vec::new();
    if like.iter().any(|thing| thing.index < low) {
        words.push((range.first, low));
    }
    if range.ends || like.iter().any(|thing| thing.index >= high) {
        words.push((range.past, high));
    }
    words.extend(like.iter().filter(|t| !t.kept && !outside(t)).map(|thing| (thing.at, ABSENT)));
    Some(words)
}

/// Which way a part of a value goes when it is lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Down.
    Down,
    /// Up: the rest of something becomes less.
    Up,
}

/// A value, or several that go together, such as the times of a whole story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// Addresses, what stands there now, and which way it goes.
    pub parts: Vec<(Choice, u64, Way)>,
    /// How much may be taken off.
    pub room: u64,
}

impl Value {
    /// One value that may go down to nothing.
    pub fn down(at: Choice, now: u64) -> Value {
        Value { parts: vec![(at, now, Way::Down)], room: now }
    }

    /// The same, lower by `by`.
    pub(super) fn lower(&self, by: u64) -> Value {
        let moved = |(at, now, way): &(Choice, u64, Way)| match way {
            Way::Down => (*at, now.saturating_sub(by), Way::Down),
            Way::Up => (*at, now.saturating_add(by), Way::Up),
        };
        Value { parts: self.parts.iter().map(moved).collect(), room: self.room - by.min(self.room) }
    }

    /// The overrides changed so that this value stands there.
    pub(super) fn written(&self, overrides: &Overrides) -> Overrides {
        let mut rest = overrides.clone();
        rest.extend(self.parts.iter().map(|(at, now, _)| (*at, *now)));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u64) -> Choice {
        Choice { purpose: 1, cause: 0, n }
    }

    const WIDE: u64 = 100;

    fn check(kept: &str, ends: bool, expected: &[(u64, u64)]) {
        let all = kept.bytes().zip(0..).map(|(c, n)| Thing {
            at: address(n),
            wide: Some(address(WIDE)),
            index: n,
            kept: c == b'x',
        });
        let range = Range { first: address(WIDE + 1), past: address(WIDE + 2), ends };
        let things = Things { all: all.collect(), range: Some(range) };
        // What was said before about the same things is unsaid; what was said about others stays.
        let before: Overrides = [(address(0), 7), (address(WIDE), 8), (address(999), 9)].into();
        let expected: Overrides = expected.iter().map(|(n, value)| (address(*n), *value)).collect();
        let mut written = things.written(&before);
        assert_eq!(written.remove(&address(999)), Some(9));
        assert_eq!(written, expected, "{kept}");
    }

    #[test]
    fn what_is_kept_is_said_in_the_fewest_words() {
        check("xxxx", false, &[]);
        check("xx.x", false, &[(2, ABSENT)]);
        check("....", false, &[(WIDE, ABSENT)]);
        check("....x....", false, &[(4, PRESENT), (WIDE, ABSENT)]);
        check("...xxxx...", false, &[(WIDE + 1, 3), (WIDE + 2, 7)]);
        check("...xx.xx", false, &[(5, ABSENT), (WIDE + 1, 3)]);
    }

    #[test]
    fn an_end_that_was_set_is_never_taken_back() {
        check("xxxx", true, &[(WIDE + 2, 4)]);
        check("x.xx", true, &[(1, ABSENT), (WIDE + 2, 4)]);
        check("....", true, &[(WIDE, ABSENT)]);
    }

    #[test]
    fn a_lowered_value_moves_all_its_parts() {
        let value = Value { parts: vec![(address(1), 10, Way::Down), (address(2), 0, Way::Up)], room: 8 };
        let lower = value.lower(8);
        assert_eq!(lower.room, 0);
        assert_eq!(lower.written(&Overrides::new()), [(address(1), 2), (address(2), 8)].into());
    }
}
