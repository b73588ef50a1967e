//! Crash and pause, of one node or of everything that fails together.

use super::{Fault, Hands, Target};
use crate::id::NodeId;

/// Power loss; the machine forgets all but what its disk kept.
#[derive(Debug)]
pub struct Crash {
    pub(super) target: Target,
    pub(super) wipe: bool,
}

impl Fault for Crash {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        let nodes: Vec<NodeId> = hands.nodes(&self.target);
        let mut struck = 0;
        for node in nodes {
            struck += u64::from(hands.crash(node));
            if self.wipe {
                hands.wipe(node);
            }
        }
        struck
    }

    fn end(&mut self, hands: &mut dyn Hands) -> u64 {
        for node in hands.nodes(&self.target) {
            hands.restart(node);
        }
        0
    }
}

/// A stop-the-world pause: nothing is lost, everything waits, and the node does not know.
#[derive(Debug)]
pub struct Pause {
    pub(super) target: Target,
}

impl Fault for Pause {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        let nodes = hands.nodes(&self.target);
        nodes.iter().for_each(|node| hands.pause(*node, true));
        nodes.len() as u64
    }

    fn end(&mut self, hands: &mut dyn Hands) -> u64 {
        for node in hands.nodes(&self.target) {
            hands.pause(node, false);
        }
        0
    }
}
