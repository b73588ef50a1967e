//! A partition: nothing passes, in one direction or both. Asymmetric ones find what symmetric ones hide.

use super::{Ends, Fate, Fault, Passing};

/// A cut between two sets of nodes.
#[derive(Debug)]
pub struct Partition {
    pub(super) ends: Ends,
    pub(super) both: bool,
}

impl Fault for Partition {
    fn on_network(&self) -> bool {
        true
    }

    fn fate(&mut self, passing: &Passing, _draw: &mut dyn FnMut() -> u64, fate: &mut Fate) -> bool {
        let cut = self.ends.cover(passing.from, passing.to) || self.both && self.ends.cover(passing.to, passing.from);
        fate.lost |= cut;
        cut
    }
}
