//! Slow nodes: service times are multiplied. Of a dependency, this is a brown-out.

use super::{Fault, Hands, Target};

/// A node, or a whole dependency, that takes its time.
#[derive(Debug)]
pub struct Slow {
    pub(super) target: Target,
    pub(super) factor: u64,
}

impl Fault for Slow {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        let nodes = hands.nodes(&self.target);
        nodes.iter().for_each(|node| hands.slow(*node, self.factor));
        nodes.len() as u64
    }

    fn end(&mut self, hands: &mut dyn Hands) -> u64 {
        for node in hands.nodes(&self.target) {
            hands.slow(node, 1);
        }
        0
    }
}
