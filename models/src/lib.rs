//! The cast.

#![forbid(unsafe_code)]

pub mod control;
pub mod ids;
pub mod wire;
