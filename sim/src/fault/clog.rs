//! Clogs: messages pile up and are all released when the clog ends.
//!
//! Several that begin one by one and end in another order (*swizzle*) find more than any other network fault: every
//! subset of a cell is cut off from the rest for a moment, and hears of it late.

use super::{Ends, Fate, Fault, Hands, Passing, Target};
use crate::id::NodeId;
use crate::seed::{below, mix};
use crate::time::{Duration, Instant};

/// A stalled connection.
#[derive(Debug)]
pub struct Clog {
    pub(super) ends: Ends,
    pub(super) until: Instant,
}

impl Fault for Clog {
    fn on_network(&self) -> bool {
        true
    }

    fn fate(&mut self, passing: &Passing, _draw: &mut dyn FnMut() -> u64, fate: &mut Fate) -> bool {
        if !self.ends.cover(passing.from, passing.to) {
            return false;
        }
        fate.later += self.until.since(passing.due);
        true
    }
}

/// Nodes that are clogged one by one and released in another order.
#[derive(Debug)]
pub struct Swizzle {
    target: Target,
    from: Instant,
    until: Instant,
    /// Which order, of all there are: the strength of the fault.
    order: u64,
    /// Each clogged node with its stretch, by node.
    stretches: Vec<(NodeId, Instant, Instant)>,
}

impl Swizzle {
    pub(super) fn new(target: Target, from: Instant, until: Instant, order: u64) -> Swizzle {
        Swizzle { target, from, until, order, stretches: Vec::new() }
    }

    /// When `node` is clogged: from a moment of the first half to a moment of the second. About a third of the nodes
    /// are left alone, but never the first.
    fn stretch(&self, i: usize, node: NodeId) -> Option<(NodeId, Instant, Instant)> {
        let drawn = |n: u64| mix(mix(self.order, n), u64::from(node.0));
        if i > 0 && below(drawn(0), 3) == 0 {
            return None;
        }
        let half = self.until.since(self.from).0 / 2;
        let (begin, end) = (below(drawn(1), half + 1), half + below(drawn(2), half + 1));
        Some((node, self.from + Duration(begin), self.from + Duration(end)))
    }
}

impl Fault for Swizzle {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        let nodes = hands.nodes(&self.target);
        self.stretches = nodes.into_iter().enumerate().filter_map(|(i, node)| self.stretch(i, node)).collect();
        0
    }

    fn on_network(&self) -> bool {
        true
    }

    fn fate(&mut self, passing: &Passing, _draw: &mut dyn FnMut() -> u64, fate: &mut Fate) -> bool {
        let found = self.stretches.binary_search_by_key(&passing.from, |(node, ..)| *node);
        let Some((_, begin, end)) = found.ok().map(|i| self.stretches[i]) else { return false };
        let caught = passing.from != passing.to && (begin..end).contains(&passing.sent);
        if caught {
            fate.later += end.since(passing.due);
        }
        caught
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stretches of five nodes in one order, relative to the beginning of a fault of a second.
    fn stretches(order: u64) -> Vec<(u32, u64, u64)> {
        let from = Instant(5_000);
        let swizzle = Swizzle::new(Target::All, from, from + Duration::secs(1), order);
        let all = (0..5).filter_map(|i| swizzle.stretch(i, NodeId(i as u32)));
        all.map(|(node, begin, end)| (node.0, begin.since(from).0, end.since(from).0)).collect()
    }

    #[test]
    fn orders_differ_in_who_is_clogged_and_in_who_is_released_first() {
        let mut releases = std::collections::BTreeSet::new();
        for order in 0..100 {
            let mut nodes = stretches(order);
            assert!(nodes.iter().any(|(node, ..)| *node == 0), "a swizzle clogs somebody");
            assert!(nodes.iter().all(|(_, begin, end)| begin <= end && *end <= 1_000_000_000));
            nodes.sort_by_key(|(_, _, end)| *end);
            releases.insert(nodes.iter().map(|(node, ..)| *node).collect::<Vec<_>>());
        }
        assert!(releases.len() > 50, "only {} orders of release in 100", releases.len());
    }
}
