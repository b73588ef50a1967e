//! The API gateway: what stands between a principal and the mesh.
//!
//! Each file is one decision with its own control, and knows none of the others: the gateway machine asks them in
//! order. None of them reads a token; whoever verified it passes in what it proved.

pub mod edge;
pub mod edge_cache;
pub mod error_budget;
pub mod framing;
pub mod headers;
pub mod machine;
mod pool;
pub mod rate_limit;
pub mod router;
pub mod shed;
pub mod switch;
mod table;
pub mod token;
pub mod trace;
