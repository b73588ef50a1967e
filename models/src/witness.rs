//! The witness of audit topics: reads them as they grow, remembers by hash what it read, and reads them again.
//!
//! Brokers are not asked to prove anything, since whoever has root on them would answer. What the witness keeps lies on
//! its own disk, in other hands: per event one link of a hash chain, so that a second reading either agrees with the
//! first one or names where it parts.

pub mod book;
pub mod machine;

pub use book::{Book, Reading, Verdict};
pub use machine::{Witness, WitnessSpec};
