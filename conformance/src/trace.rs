//! Traces: what real logs recorded, in one documented form, judged by the oracles that judge simulations.
//!
//! Start at [`event`] (the form, `reports/schemas/trace.schema.json`). Logs of other make come in by a [`form`], which
//! is data; [`read`](mod@read) makes lines of both. [`seal`] holds lines against each other: streams by their numbers
//! and digests, requests by what was audited of them. [`facts`] turns the rest into the facts of a simulation, and
//! [`bench`] puts the judges before them. [`export`] writes a simulated run as a trace, and [`mutate`] damages one.

pub mod bench;
pub mod canonical;
pub mod coverage;
pub mod event;
pub mod export;
pub mod facts;
pub mod form;
pub mod mutate;
pub mod read;
pub mod seal;

/// JSON Schema of a line.
pub const SCHEMA: &str = include_str!("../../reports/schemas/trace.schema.json");
