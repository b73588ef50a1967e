//! Clocks that are wrong: a step ahead or behind, or a drift.

use super::{Fault, Hands, Target};
use crate::node::Clock;

/// A wrong clock; the end of the fault sets it right.
#[derive(Debug)]
pub struct ClockFault {
    pub(super) target: Target,
    pub(super) skew_ms: i64,
    pub(super) drift_ppm: i32,
}

impl Fault for ClockFault {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        let clock = Clock { skew_ns: self.skew_ms * 1_000_000, drift_ppm: self.drift_ppm, drift_from: hands.now() };
        let nodes = hands.nodes(&self.target);
        nodes.iter().for_each(|node| hands.clock(*node, clock));
        nodes.len() as u64
    }

    fn end(&mut self, hands: &mut dyn Hands) -> u64 {
        for node in hands.nodes(&self.target) {
            hands.clock(node, Clock::default());
        }
        0
    }
}
