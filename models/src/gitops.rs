//! The pipeline that policies come through: people propose and approve, tests run, what is merged is deployed, and what
//! runs is compared with what was merged (POL-03, POL-07), in its cell and in those that follow (CEL-03).
//!
//! [`people`] knows who an account belongs to, [`review`] decides what may be merged, [`tenants`] reads another version
//! of the tenants file, [`sync`] keeps the cells together, and [`machine`] deploys and keeps watch. Nothing here knows
//! what a policy says.

pub mod machine;
pub mod people;
pub mod review;
pub mod sync;
pub mod tenants;
