//! A set of numbers as stretches without a gap: what a sweep has finished is one long stretch and a few stragglers.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of numbers.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Spans {
    /// Begin and end (excluded) of each stretch. No two touch.
    spans: BTreeMap<u64, u64>,
}

impl Spans {
    /// Adds a number; says whether it is new.
    pub fn insert(&mut self, n: u64) -> bool {
        let before = self.spans.range(..=n).next_back().map(|(begin, end)| (*begin, *end));
        if before.is_some_and(|(_, end)| n < end) {
            return false;
        }
        let begin = before.filter(|(_, end)| *end == n).map_or(n, |(begin, _)| begin);
        let end = self.spans.remove(&(n + 1)).unwrap_or(n + 1);
        self.spans.insert(begin, end);
        true
    }

    /// How many numbers.
    pub fn count(&self) -> u64 {
        self.spans.iter().map(|(begin, end)| end - begin).sum()
    }

    /// The first number of the set that is not below `n`.
    pub fn first_from(&self, n: u64) -> Option<u64> {
        let before = self.spans.range(..=n).next_back().filter(|(_, end)| n < **end).map(|_| n);
        before.or_else(|| self.spans.range(n..).next().map(|(begin, _)| *begin))
    }

    /// The stretches below `len` that are not in the set.
    pub fn gaps(&self, len: u64) -> Vec<Range<u64>> {
        let ends = std::iter::once(0).chain(self.spans.values().copied());
        let begins = self.spans.keys().copied().chain([len]);
        ends.zip(begins).map(|(from, until)| from..until.min(len)).filter(|gap| !gap.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_set_of_stretches_is_the_set_of_its_numbers() {
        // Every number below 61 but 0, in an order that leaves and closes many gaps.
        let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
        for n in (1..61).map(|i| i * 23 % 61) {
            assert!(spans.insert(n));
            assert!(!spans.insert(n));
            set.insert(n);
            assert_eq!(spans.count(), set.len() as u64);
            let gaps: Vec<u64> = spans.gaps(70).into_iter().flatten().collect();
            assert_eq!(gaps, (0..70).filter(|n| !set.contains(n)).collect::<Vec<_>>());
            for from in 0..70 {
                assert_eq!(spans.first_from(from), set.range(from..).next().copied(), "{from}");
            }
        }
        assert_eq!(spans.gaps(61), vec![Range { start: 0, end: 1 }]);
        assert_eq!(spans.spans.len(), 1);
    }
}
