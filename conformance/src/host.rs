//! Reference models behind the wire protocols of what they model, so that a judge of real components can be tried on
//! them, and they on a client that was not written for them.

pub mod kafka;
