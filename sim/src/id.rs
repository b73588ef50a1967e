//! The name of a node. A word on the ground floor: machines speak of nodes, and a node is made of a machine.

/// A node, by position in the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);
