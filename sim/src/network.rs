//! Links between groups of nodes: latency tables, and order kept as a TCP connection keeps it.
//!
//! Loss, reorder and the rest are faults; a healthy link delivers everything, in order, after a drawn latency.

use crate::id::NodeId;
use crate::seed::Quantiles;
use crate::time::Instant;

/// One direction between two groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkSpec {
    /// One-way latency, in nanoseconds.
    pub latency_ns: Quantiles,
}

/// Links by (group, group). A pair that was not set has the fallback.
#[derive(Debug)]
pub struct Links {
    groups: usize,
    specs: Vec<LinkSpec>,
    matrix: Vec<u16>,
}

impl Links {
    /// Links between `groups` groups: `local` inside one, `fallback` between two.
    pub fn new(groups: usize, local: LinkSpec, fallback: LinkSpec) -> Links {
        let matrix = (0..groups * groups).map(|i| u16::from(i / groups != i % groups)).collect();
        Links { groups, specs: vec![local, fallback], matrix }
    }
    /// Sets the link between two groups, both directions.
    pub fn set(&mut self, a: usize, b: usize, spec: LinkSpec) {
        let index = self.specs.len() as u16;
        self.specs.push(spec);
        self.matrix[a * self.groups + b] = index;
        self.matrix[b * self.groups + a] = index;
    }
    /// The link from group `a` to group `b`.
    #[inline]
    pub fn between(&self, a: usize, b: usize) -> &LinkSpec {
        &self.specs[self.matrix[a * self.groups + b] as usize]
    }
}

/// When the last message of each connection of a node arrives, so that the next one does not overtake it.
#[derive(Debug, Default)]
pub(crate) struct Order(Vec<(NodeId, Instant)>);

impl Order {
    /// The earliest instant, not before `at`, that keeps the order of the connection to `to`; remembers it.
    #[inline]
    pub(crate) fn after_last(&mut self, to: NodeId, at: Instant) -> Instant {
        match self.0.binary_search_by_key(&to, |(to, _)| *to) {
            Ok(i) => {
                let at = at.max(self.0[i].1);
                self.0[i].1 = at;
                at
            }
            Err(i) => {
                self.0.insert(i, (to, at));
                at
            }
        }
    }
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
