//! A clog: messages pile up and are all released when it ends. Several that begin and end at different times
//! (*swizzle*) find more than any other network fault.

use super::{Ends, Fate, Fault, Passing};
use crate::time::Instant;

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
