//! The wall clock, at the edge of the house: read here, and handed down as seconds since 1970.

pub use reports::when::{parse, text};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
