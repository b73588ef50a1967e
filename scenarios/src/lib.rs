//! Scenarios: one attack or drill, one file; and how a scenario is proved.
//!
//! Start at [`scenario`] (what one is), [`prove`] (the passes that decide its verdict) and [`sweep`] (many of them, in
//! parallel, anywhere). [`stage`] turns a scenario into a world; [`actors`] are the honest clients and the attackers on
//! it; [`token`] is the line that replays a run; [`compare`] holds two engines against each other.

#![forbid(unsafe_code)]

pub mod abuse;
pub mod actors;
pub mod canary;
pub mod catalogue;
pub mod chaos;
pub mod claims;
pub mod code;
pub mod compare;
pub mod drill;
pub mod explore;
pub mod fuzz;
pub mod gate;
pub mod months;
pub mod objectives;
pub mod ops;
pub mod prove;
pub mod scenario;
pub mod shrink;
pub mod stage;
pub mod stride;
pub mod sweep;
pub mod token;
