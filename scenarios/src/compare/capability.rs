//! Which engine has which fault, and by what means.

use sim::fault::KINDS;

/// By what means an engine has a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// The world brings it about.
    World,
    /// The engine's own network or scheduler does.
    Engine,
    /// The node that the engine hosts does, before the engine has its words.
    Host,
}

impl Means {
    /// In a table.
    pub fn word(self) -> &'static str {
        match self {
            Means::World => "world",
            Means::Engine => "engine",
            Means::Host => "host",
        }
    }
}

/// A kind of fault, and how each engine has it.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    /// The kind.
    pub kind: &'static str,
    /// Engine and means.
    pub by: [(&'static str, Means); 3],
}

/// Kinds that an engine other than the kernel brings about by its own means: it cuts links, and it stops nodes. The
/// rest is done by the hosted node, which behaves as one of the kernel's.
const BY_ENGINE: &[&str] = &["partition", "partition-one-way", "crash", "wipe", "lost-sync", "torn-write", "bit-rot"];

/// The table, kind by kind.
pub struct Capabilities;

/// Which engine has which fault.
pub const CAPABILITIES: Capabilities = Capabilities;

impl Capabilities {
    /// Its rows.
    pub fn rows(&self) -> impl Iterator<Item = Capability> {
        KINDS.iter().map(|(kind, _)| {
            let other = if BY_ENGINE.contains(kind) { Means::Engine } else { Means::Host };
            Capability { kind, by: [("kernel", Means::World), ("madsim", other), ("turmoil", other)] }
        })
    }
}
