//! The kernel.

#![forbid(unsafe_code)]

pub mod chain;
pub mod control;
pub mod measure;
pub mod record;
pub mod time;

pub use control::{Control, ControlSet, Controls};
pub use time::{Duration, Instant};
