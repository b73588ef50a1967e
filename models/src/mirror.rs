//! The mirror between cells: a source that reads committed records and sends signed batches, a sink that applies each
//! once to a remote topic.
//!
//! Asynchronous and at least once on the wire; exactly once in the target while deduplication is on. Nothing needs a
//! disk of its own: the source keeps its position as a group offset in its cell, the sink finds its position in the
//! last record it wrote. A sink that finds itself behind what the source thinks is settled says so, and the source
//! rewinds; a forged or lost acknowledgement therefore heals instead of losing events.

pub mod batch;
pub mod machine;
pub mod sink;
pub mod source;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

pub use batch::{MirrorAck, MirrorBatch, Signer, Verifier};
pub use machine::{MirrorIn, MirrorInSpec, MirrorOut, MirrorOutSpec};
pub use sink::{MirrorSink, Naming, Refusal, SinkEffect};
pub use source::{MirrorSource, SourceEffect, SourceSettings};

/// A region by name: `eu`, `us`.
pub type Region = std::sync::Arc<str>;
